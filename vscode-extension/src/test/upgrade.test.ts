import * as assert from 'node:assert/strict';
import { isOld, upgraded } from '../upgrade';

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
});
