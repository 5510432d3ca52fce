import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { until } from './until';

const ID = 'azds.azds';

describe('The extension', () => {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder);
  const file = vscode.Uri.joinPath(folder.uri, 'shop/azds.yaml');
  const problems = () => vscode.languages.getDiagnostics(file);

  it('is active where an azds.yaml is', async () => {
    await until('its activation', () => vscode.extensions.getExtension(ID)?.isActive || undefined);
  });

  it('has each command of its package.json', async () => {
    const { contributes } = vscode.extensions.getExtension(ID)?.packageJSON as {
      contributes: { commands: { command: string }[] };
    };
    const known = await vscode.commands.getCommands(true);
    const missing = contributes.commands.filter(({ command }) => !known.includes(command));
    assert.deepEqual(missing, []);
  });

  it('shows problems with their codes, and mends them', async () => {
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    const [problem] = await until('a problem', () => (problems().length ? problems() : undefined));
    assert.equal(typeof problem?.code === 'object' && problem.code.value, 'unknown-key');
    const fixes = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      file,
      problem?.range,
    );
    const edit = fixes.find((fix) => fix.edit)?.edit;
    assert.ok(edit);
    await vscode.workspace.applyEdit(edit);
    await until('no problem', () => (problems().length === 0 ? true : undefined));
  });

  it('says by type azds why a session did not start, and to what folder', async () => {
    type Message = { type: string; command?: string; arguments?: { folder?: string }; body?: { error?: { format?: string } } };
    const messages: Message[] = [];
    const tracking = vscode.debug.registerDebugAdapterTrackerFactory('azds', {
      createDebugAdapterTracker: () => ({
        onWillReceiveMessage: (message: Message) => messages.push(message),
        onDidSendMessage: (message: Message) => messages.push(message),
      }),
    });
    void vscode.debug.startDebugging(folder, { type: 'azds', request: 'attach', name: 'test' });
    const answered = await until('the answer', () =>
      messages.find(({ type, command }) => type === 'response' && command === 'attach'),
    );
    tracking.dispose();
    const asked = messages.find(({ type, command }) => type === 'request' && command === 'attach');
    assert.equal(asked?.arguments?.folder, vscode.Uri.joinPath(folder.uri, 'shop').fsPath);
    // There is no cluster here.
    assert.match(answered.body?.error?.format ?? '', /kubeconfig/);
  });

  it('restarts its server', async () => {
    await vscode.commands.executeCommand('azds.restartServer');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(file, new vscode.Position(0, 0), 'buildd: 1\n');
    await vscode.workspace.applyEdit(edit);
    await until('a problem', () => (problems().length ? true : undefined));
  });
});
