import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { Person } from './person';
import { until } from './until';

describe('launch.json', () => {
  const store = vscode.workspace.workspaceFolders?.[1];
  assert.ok(store, 'the workspace has two folders');
  const file = vscode.Uri.joinPath(store.uri, '.vscode/launch.json');

  it('is checked and completed for type azds', async () => {
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    const problem = await until('the problem of an unknown attribute', () =>
      vscode.languages.getDiagnostics(file).find(({ message }) => message.includes('foldr')),
    );
    const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      file,
      problem.range.start.translate(0, 1),
    );
    const labels = items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    for (const attribute of ['folder', 'space', 'runtime', 'sourceFileMap']) {
      assert.ok(labels.some((label) => label.includes(attribute)), `${attribute}: ${labels.join()}`);
    }
  });

  it('debugs several services by a compound', async () => {
    const person = new Person();
    try {
      await vscode.debug.startDebugging(store, 'both');
      // There is no cluster: each of them says so.
      await until('two messages', () => (person.shown.length === 2 ? true : undefined)).catch((error) => {
        throw new Error(`${error.message}: ${JSON.stringify(person.shown)}`);
      });
      person.shown.forEach(({ text }) => assert.match(text, /kubeconfig/));
    } finally {
      person.leave();
    }
  });
});
