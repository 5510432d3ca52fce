// Runs the tests in the extension host; each failure goes to the console, which the runner prints.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

export function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 30_000 });
  for (const file of readdirSync(__dirname).filter((name) => name.endsWith('.test.js'))) {
    mocha.addFile(join(__dirname, file));
  }
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) =>
      failures ? reject(new Error(`${failures} failed`)) : resolve(),
    );
    runner.on('pass', (test) => console.log(`ok ${test.fullTitle()}`));
    runner.on('fail', (test, error: Error) => console.log(`FAILED ${test.fullTitle()}: ${error.stack}`));
    runner.on('pending', (test) => console.log(`not run: ${test.fullTitle()}`));
  });
}
