// A folder that is not trusted: its files are checked, and nothing else is done until it is.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { tell, until } from './steps.mjs';
import { required } from './workbench.mjs';

const folder = join(required('AZDS_TEST_FOLDER'), 'workspace');
const settings = {
  'security.workspace.trust.enabled': true,
  // It opens restricted, and asks nothing.
  'security.workspace.trust.startupPrompt': 'never',
};
const vsix = required('AZDS_TEST_VSIX');

await tell('restricted', { vsix, folder, settings }, async (workbench, step) => {
  const { page } = workbench;
  const offered = page.locator('.quick-input-list .monaco-list-row');
  const look = async (title) => {
    await page.keyboard.press('F1');
    await page.locator('.quick-input-widget input').fill(`>${title}`);
    await offered.first().waitFor();
    const labels = await offered.allInnerTexts();
    await page.keyboard.press('Escape');
    return labels.filter((label) => label.includes('Azure Dev Spaces')).map((label) => label.split('\n')[0]);
  };

  await step('checked', async () => {
    await workbench.load();
    await workbench.open('azds.yaml');
    await page.locator('.monaco-editor .squiggly-error').first().waitFor();
  });

  await step('nothing-else', async () => {
    const labels = await look('Azure Dev Spaces');
    assert.ok(labels.some((label) => label.includes('Restart Server')), labels.join());
    assert.ok(!labels.some((label) => / (Up|Down|Debug|Prepare)/.test(label)), labels.join());
    assert.equal(await page.getByRole('tab', { name: 'Azure Dev Spaces' }).count(), 0);
  });

  await step('lens-refused', async () => {
    const message = workbench.message('This folder is not trusted');
    await until('the refusal', async () => {
      // What is shown of the tab under the pointer may lie over the lens.
      await page.mouse.move(900, 600);
      // A lens that is drawn anew just then hears no click.
      await page.locator('.codelens-decoration').getByText('Up').click({ timeout: 10_000 });
      await message.getByRole('button', { name: 'Manage Workspace Trust' }).waitFor({ timeout: 3_000 });
    });
  });

  await step('trusted', async () => {
    await workbench.command('Workspaces: Manage Workspace Trust');
    await page.getByRole('button', { name: 'Trust', exact: true }).first().click();
    await page.getByText('You trust this folder').waitFor();
    // The editor that asks for it lies over the window.
    await page.locator('.monaco-modal-editor-block').getByRole('button', { name: /^Close/ }).first().click();
    await page.getByRole('tab', { name: 'Azure Dev Spaces' }).first().click();
    await page.getByRole('treeitem', { name: /^shop/ }).waitFor();
    const labels = await look('Azure Dev Spaces: Up');
    assert.ok(labels.some((label) => label.endsWith(': Up')), labels.join());
  });
});
