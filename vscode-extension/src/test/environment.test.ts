import * as assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment, forget } from '../environment';

describe('The environment of azds', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env['SHELL'] = before['SHELL'];
    forget();
  });

  /** A login shell that does this before it runs its command. */
  function shell(does: string): void {
    const file = join(mkdtempSync(join(tmpdir(), 'azds-shell-')), 'sh');
    writeFileSync(file, `#!/bin/sh\n${does}\nshift 3\neval "$1"\n`);
    chmodSync(file, 0o755);
    process.env['SHELL'] = file;
    forget();
  }

  it('is completed by the login shell, whatever that says before', async () => {
    shell('echo Welcome; export FROM_SHELL=yes HOME=/other PATH="/only/in/shell:$PATH"');
    const env = await environment();
    assert.equal(env['FROM_SHELL'], 'yes');
    assert.equal(env['HOME'], before['HOME'], 'the editor’s own wins');
    assert.ok(env['PATH']?.startsWith(before['PATH'] ?? ''));
    assert.ok(env['PATH']?.endsWith('/only/in/shell'));
    assert.equal(env['ELECTRON_RUN_AS_NODE'], before['ELECTRON_RUN_AS_NODE']);
  });

  it('is the editor’s own where the shell fails', async () => {
    shell('exit 1');
    assert.equal((await environment())['PATH'], before['PATH']);
  });
});
