// A developer's day in VS Code: a file is mended, a service prepared, brought up, debugged in its pod,
// and taken down. Called by tests/editor.rs, which has a cluster for it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE, Workbench, required } from './workbench.mjs';

const folder = required('AZDS_TEST_FOLDER');
const space = required('AZDS_TEST_SPACE');
const screens = required('AZDS_TEST_SCREENS');
mkdirSync(screens, { recursive: true });

const workbench = await Workbench.open({ vsix: required('AZDS_TEST_VSIX'), folder });
const { page } = workbench;
const begun = Date.now();
let steps = 0;

/** A step, with a picture of what a person sees at its end. */
async function step(name, work) {
  steps += 1;
  const picture = join(screens, `${String(steps).padStart(2, '0')}-${name}`);
  try {
    await work();
    await page.screenshot({ path: `${picture}.png` });
    console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s ${name}`);
  } catch (error) {
    await page.screenshot({ path: `${picture}-FAILED.png` });
    const messages = await page.locator('.notification-list-item').allInnerTexts();
    const shown = JSON.stringify(messages);
    throw new Error(`${name}: ${error.message}\nThe window shows: ${shown}\nSee ${picture}-FAILED.png`);
  }
}

/** Line and column, from 1, of a text in a file of the service. */
function placeOf(file, text) {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const line = lines.findIndex((it) => it.includes(text));
  assert.notEqual(line, -1, `${text} is not in ${file}`);
  return [line + 1, lines[line].indexOf(text) + 1];
}

/** Tries again and again until it works or patience is over. */
async function until(what, attempt) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) {
        throw new Error(`waited ${PATIENCE / 1000} s for ${what}: ${error.message}`);
      }
      await sleep(100);
    }
  }
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const squiggle = page.locator('.monaco-editor .squiggly-error');
const stopped = page.locator('.monaco-editor .debug-top-stack-frame-line');
const row = (name) => page.getByRole('treeitem', { name });
const answer = async (uri, patience = PATIENCE) => {
  const response = await fetch(`${uri}/api/demo`, { signal: AbortSignal.timeout(patience) });
  assert.equal(response.status, 200);
  return (await response.json()).currency;
};

async function story() {
  let uri;
  await step('opened', () => workbench.load());

  await step('prepared', async () => {
    await workbench.command('Azure Dev Spaces: Prepare Configuration Files');
    await workbench.pick('In the cluster only');
    const message = workbench.message('shop is prepared');
    await message.waitFor();
    assert.match(await message.innerText(), /shop is prepared: \d+ files written/);
  });

  await step('azds-yaml-opened', async () => {
    await workbench.message('shop is prepared').getByRole('button', { name: 'Open azds.yaml' }).click();
    await page.locator('.tab.active[aria-label^="azds.yaml"]').waitFor();
  });

  /** Asks again and again; the last request is the one that was stopped and goes on. */
  let resumed = false;
  const askUntilResumed = async () => {
    for (;;) {
      const said = await answer(uri, PATIENCE / 3).catch((error) => error.message);
      if (resumed) {
        return said;
      }
      await sleep(300);
    }
  };

  const [line, column] = placeOf('azds.yaml', 'dockerfile:');
  const slip = async () => {
    await workbench.goTo(line, column + 'dockerf'.length);
    await page.keyboard.press('Delete');
    await squiggle.first().waitFor();
  };
  await step('squiggle-while-typing', async () => {
    await slip();
    await page.keyboard.press('Control+Shift+M');
    const problem = page.locator('.markers-panel').getByText('dockerfle').first();
    await problem.waitFor();
  });

  await step('squiggle-gone', async () => {
    await workbench.open('azds.yaml', line, column + 'dockerf'.length);
    await page.keyboard.type('i');
    await squiggle.first().waitFor({ state: 'hidden' });
  });

  await step('quick-fix', async () => {
    await slip();
    await page.keyboard.press('Control+.');
    await page.getByRole('option', { name: /dockerfile/ }).first().waitFor();
  });

  await step('quick-fix-done', async () => {
    await page.keyboard.press('Enter');
    await squiggle.first().waitFor({ state: 'hidden' });
    await page.locator('.monaco-editor').getByText('dockerfile').first().waitFor();
    await page.keyboard.press('Control+s');
    await page.locator('.tab.active:not(.dirty)').waitFor();
    await page.keyboard.press('Control+j');
  });

  await step('tree', async () => {
    await page.getByRole('tab', { name: 'Azure Dev Spaces' }).first().click();
    await row(`shop, Not up · ${space}`).waitFor();
    await page.getByRole('button', { name: `Azure Dev Spaces: shop in space ${space}: Not up` }).waitFor();
  });

  await step('up-cancelled', async () => {
    await workbench.command('Azure Dev Spaces: Up (Detached)');
    const progress = workbench.message('azds: Up shop');
    await progress.waitFor();
    await progress.getByRole('button', { name: 'Cancel' }).click();
    await workbench.message('it was cancelled').waitFor();
  });

  await step('up-progress', async () => {
    await workbench.dismissMessages();
    await workbench.command('Azure Dev Spaces: Up (Detached)');
    await workbench.message('azds: Up shop').waitFor();
  });


  await step('up', async () => {
    const message = workbench.message(`shop is up in space ${space}`);
    await message.waitFor();
    const open = message.getByRole('button', { name: /^Open http:\/\/localhost:\d+$/ });
    uri = (await open.innerText()).replace('Open ', '');
    assert.equal(await answer(uri), 'EUR');
    await row(`${uri}, Tunneled`).waitFor();
    await row(/^shop-.*, Running$/).waitFor();
    await page.getByRole('button', { name: `Open ${uri}` }).first().waitFor();
  });

  await step('logs', async () => {
    await workbench.dismissMessages();
    await workbench.command('Azure Dev Spaces: Show Logs');
    await page.getByRole('tab', { name: /Terminal/ }).first().waitFor();
    await page.locator('.terminal-wrapper.active').waitFor();
    // A terminal draws its text; that the program goes on is what can be seen.
    assert.equal(await answer(uri), 'EUR');
    await page.locator('.terminal-wrapper.active .xterm-screen').waitFor();
    await sleep(1_000);
    assert.equal(await workbench.message('terminated').count(), 0);
    await page.keyboard.press('Control+j');
  });

  await step('breakpoint', async () => {
    await workbench.open('app.py', placeOf('app.py', 'BP1')[0]);
    await page.keyboard.press('F9');
    await page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
  });

  let asked;
  await step('stopped-in-the-pod', async () => {
    await page.keyboard.press('F5');
    await page.locator('.debug-toolbar').waitFor();
    asked = askUntilResumed();
    await stopped.first().waitFor();
    await page.keyboard.press('Control+Shift+D');
    const variable = page.locator('.debug-variables .monaco-list-row', { hasText: 'currency' });
    const scope = page.locator('.debug-variables .monaco-list-row', { hasText: 'Locals' });
    await scope.first().waitFor();
    if ((await scope.first().getAttribute('aria-expanded')) !== 'true') {
      await scope.first().click();
    }
    await variable.first().waitFor();
    assert.match(await variable.first().innerText(), /'EUR'/);
    await page.locator('.debug-call-stack').getByText('demo').first().waitFor();
  });

  await step('continued', async () => {
    resumed = true;
    await page.keyboard.press('F5');
    assert.equal(await asked, 'EUR');
    await stopped.first().waitFor({ state: 'hidden' });
  });

  await step('session-ended', async () => {
    await page.keyboard.press('Shift+F5');
    await page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    assert.equal(await until('the service after the session', () => answer(uri)), 'EUR');
  });

  await step('server-killed-and-back', async () => {
    await workbench.open('azds.yaml', line, column + 'dockerf'.length);
    const servers = workbench.server.languageServers();
    assert.equal(servers.length, 1);
    process.kill(servers[0], 'SIGKILL');
    await page.keyboard.press('Delete');
    await squiggle.first().waitFor();
    await page.keyboard.type('i');
    await squiggle.first().waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+s');
  });

  await step('down', async () => {
    await workbench.command('Azure Dev Spaces: Down');
    await workbench.message(`shop was removed from space ${space}`).waitFor();
    await page.getByRole('tab', { name: 'Azure Dev Spaces' }).first().click();
    await row(`shop, Not up · ${space}`).waitFor();
  });
}

try {
  await story();
} finally {
  await workbench.close();
}
