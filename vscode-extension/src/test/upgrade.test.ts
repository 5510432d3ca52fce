import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { isOld, offer, upgraded } from '../upgrade';
import { Person } from './person';

describe('Entries of Azure Dev Spaces in launch.json', () => {
  it('of .NET', () => {
    const old = {
      name: '.NET Core Launch (AZDS)',
      type: 'coreclr',
      request: 'launch',
      preLaunchTask: 'azds: prelaunch',
      sourceFileMap: { '/src': '${workspaceFolder}/webfrontend/.' },
    };
    assert.ok(isOld(old));
    assert.deepEqual(upgraded(old), {
      type: 'azds',
      request: 'launch',
      name: '.NET Core Launch (azds)',
      folder: '${workspaceFolder}/webfrontend',
    });
  });

  it('of Node, to attach', () => {
    const old = {
      name: 'Attach to Server (AZDS)',
      type: 'node',
      request: 'attach',
      preLaunchTask: 'azds: preattach',
      localRoot: '${workspaceFolder}/.',
    };
    assert.equal(upgraded(old).request, 'attach');
    assert.equal(upgraded(old)['folder'], '${workspaceFolder}');
  });

  it('are not mistaken', () => {
    assert.ok(!isOld({ name: 'x', type: 'azds', request: 'launch' }));
    assert.ok(!isOld({ name: 'x', type: 'node', request: 'launch', preLaunchTask: 'npm: build' }));
  });

  it('are replaced when somebody wants that', async () => {
    const till = vscode.workspace.workspaceFolders?.[1];
    assert.ok(till);
    const file = vscode.Uri.joinPath(till.uri, '.vscode/launch.json').fsPath;
    assert.match(readFileSync(file, 'utf8'), /Till \(AZDS\)/);
    const person = new Person({ 'launch.json of store': 'Replace' });
    const workspaceState = { get: () => undefined, update: () => Promise.resolve() };
    try {
      await offer({ workspaceState } as unknown as vscode.ExtensionContext);
      assert.match(person.saw(/launch\.json of store/)?.text ?? '', /: Till \(AZDS\)\. Replace/);
    } finally {
      person.leave();
    }
    const text = readFileSync(file, 'utf8');
    assert.match(text, /"name": "Till \(azds\)"/);
    assert.doesNotMatch(text, /AZDS/);
    assert.match(text, /"foldr"/, 'the others stay as they were');
  });
});
