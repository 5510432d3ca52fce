// The tests of vscode-extension/src/test in a real extension host.

import { format } from 'node:util';
import { PATIENCE, Workbench, required } from './workbench.mjs';

const extension = required('AZDS_TEST_EXTENSION');
const query = (port) => {
  const uri = (path) => `vscode-remote://127.0.0.1:${port}${path}`;
  const payload = [
    ['extensionDevelopmentPath', uri(extension)],
    ['extensionTestsPath', uri(`${extension}/dist/test/index.js`)],
    ['skipWelcome', 'true'],
  ];
  return `&payload=${encodeURIComponent(JSON.stringify(payload))}`;
};
const workbench = await Workbench.open({
  folder: required('AZDS_TEST_FOLDER'),
  // Lets the workbench take extension and tests from its address; it shows no messages then.
  options: ['enable-smoke-test-driver'],
  query,
});
try {
  const { page, address } = workbench;
  const ended = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the tests did not end')), 3 * PATIENCE);
    // The workbench calls these two.
    void page.exposeFunction('codeAutomationExit', resolve);
    void page.exposeFunction('codeAutomationLog', (_, said) => {
      const line = format(...said);
      if (/^(ok|FAILED|not run:) /.test(line)) {
        console.log(line);
      }
    });
  });
  await page.goto(address);
  process.exitCode = await ended;
} finally {
  await workbench.close();
}
// The timer of a run that ended in time.
process.exit();
