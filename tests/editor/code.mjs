#!/usr/bin/env node
// Looks like VS Code's own program to @vscode/test-cli: runs an extension's tests in code-server's
// extension host, and ends as they do.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { format } from 'node:util';
import { PATIENCE, Workbench } from './workbench.mjs';

const given = process.argv.slice(2);
const named = (name) =>
  given.filter((it) => it.startsWith(`--${name}=`)).map((it) => resolve(it.slice(name.length + 3)));
const payload = (port) => {
  const entries = ['extensionDevelopmentPath', 'extensionTestsPath'].flatMap((name) =>
    named(name).map((path) => [name, `vscode-remote://127.0.0.1:${port}${path}`]),
  );
  return `&payload=${encodeURIComponent(JSON.stringify([...entries, ['skipWelcome', 'true']]))}`;
};
const workbench = await Workbench.open({
  folder: given.find((it) => !it.startsWith('-') && existsSync(it)),
  // Lets the workbench take extension and tests from its address; it shows no messages then.
  options: ['enable-smoke-test-driver'],
  query: payload,
});
try {
  const { page, address } = workbench;
  const ended = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the tests did not end')), 5 * PATIENCE);
    // The workbench calls these two.
    void page.exposeFunction('codeAutomationExit', resolve);
    void page.exposeFunction('codeAutomationLog', (_, said) => {
      // What else comes is the workbench's own.
      const line = format(...said);
      if (/^(ok|FAILED|not run:|\d+ passed)/.test(line)) {
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
