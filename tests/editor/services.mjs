// Several services in one window: a Node and a Python service debugged at once by a compound, each by its own
// debugger; and a Go service that does not compile. Called by tests/editor.rs, which has prepared them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Asking, Debugging, answer, placeOf, tell, until } from './steps.mjs';
import { required } from './workbench.mjs';

const workspace = required('AZDS_TEST_FOLDER');
const [shop, till, maker] = JSON.parse(readFileSync(workspace, 'utf8')).folders.map(({ path }) => path);

await tell('services', { vsix: required('AZDS_TEST_VSIX'), folder: workspace }, async (workbench, step) => {
  const { page } = workbench;
  const debugging = new Debugging(workbench);
  const row = (name) => page.getByRole('treeitem', { name });
  const uris = {};
  // A click on the tab of a view that is shown hides it.
  const tree = async () => {
    if (!(await row(/^maker, /).isVisible())) {
      await page.getByRole('tab', { name: 'Azure Dev Spaces' }).first().click();
    }
  };

  await step('all-in-the-tree', async () => {
    await workbench.load();
    await tree();
    await row(/^maker, Not up/).waitFor();
    for (const name of ['shop', 'till']) {
      await row(new RegExp(`^${name}, Running`)).waitFor();
    }
  });

  await step('compound', async () => {
    await debugging.breakpoint('server.js', placeOf(`${shop}/server.js`, 'BP1')[0]);
    await debugging.breakpoint('app.py', placeOf(`${till}/app.py`, 'BP1')[0]);
    await workbench.command('Debug: Select and Start Debugging');
    await page.locator('.quick-input-widget input').fill('debug both');
    await workbench.pick('both');
    await debugging.toolbar.waitFor();
    await tree();
    for (const name of ['shop', 'till']) {
      await row(new RegExp(`^${name}, Running`)).waitFor();
    }
  });

  await step('addresses', async () => {
    await until('two addresses', async () => {
      const labels = await row(/^http:.*, Tunneled/).allInnerTexts();
      assert.equal(labels.length, 2, labels.join());
      [uris.shop, uris.till] = labels.map((label) => /http:\/\/\S+?:\d+/.exec(label)[0]);
    });
    await debugging.view();
  });

  await step('node-stopped', async () => {
    const asking = new Asking(uris.shop);
    await asking.brings(debugging.stopped('demo', 'currency', /'EUR'/));
    await page.locator('.tab.active[aria-label^="server.js"]').waitFor();
    const last = asking.goesOn();
    await debugging.goOn();
    assert.equal(await last, 'EUR');
  });

  await step('python-stopped', async () => {
    const asking = new Asking(uris.till);
    await asking.brings(debugging.stopped('demo', 'currency', /'EUR'/));
    await page.locator('.tab.active[aria-label^="app.py"]').waitFor();
    const last = asking.goesOn();
    await debugging.goOn();
    assert.equal(await last, 'EUR');
  });

  await step('both-go-on', async () => {
    await workbench.command('Debug: Disconnect');
    await until('the end of both sessions', async () => {
      if (await debugging.toolbar.isVisible()) {
        await page.keyboard.press('Shift+F5');
      }
      await debugging.toolbar.waitFor({ state: 'hidden', timeout: 2_000 });
    });
    for (const uri of [uris.shop, uris.till]) {
      assert.equal(await until(uri, () => answer(uri, 5_000)), 'EUR');
    }
  });

  const [line] = placeOf(`${maker}/main.go`, 'currency := "EUR"');
  await step('compile-error-in-problems', async () => {
    await workbench.open('main.go', line, 1);
    await page.keyboard.type('\tundefinedThing()\n');
    await page.keyboard.press('Control+s');
    await workbench.dismissMessages();
    await workbench.command('Azure Dev Spaces: Up (Detached)');
    await workbench.pick('maker');
    await page.keyboard.press('Control+Shift+M');
    await page.locator('.markers-panel').getByText('undefined: undefinedThing').first().waitFor();
    await page.locator('.monaco-editor .squiggly-error').first().waitFor();
  });
});
