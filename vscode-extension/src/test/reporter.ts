// One line for each test on the console, which whoever runs the tests can tell from what VS Code says.

import type { Runner } from 'mocha';

class Lines {
  constructor(runner: Runner) {
    let passed = 0;
    runner.on('pass', (test) => {
      passed += 1;
      console.log(`ok ${test.fullTitle()}`);
    });
    runner.on('fail', (test, error: Error) => console.log(`FAILED ${test.fullTitle()}: ${error.stack}`));
    runner.on('pending', (test) => console.log(`not run: ${test.fullTitle()}`));
    runner.on('end', () => console.log(`${passed} passed`));
  }
}

export = Lines;
