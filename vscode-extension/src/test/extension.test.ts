import * as assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { Person } from './person';
import { until } from './until';

const ID = 'azds.azds';

describe('The extension', () => {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder);
  const file = vscode.Uri.joinPath(folder.uri, 'shop/azds.yaml');
  const problems = () => vscode.languages.getDiagnostics(file);
  const own = () => {
    const found = vscode.extensions.getExtension(ID);
    assert.ok(found);
    return found;
  };

  it('is active where an azds.yaml is', async () => {
    await until('its activation', () => own().isActive || undefined);
  });

  it('has each command of its package.json', async () => {
    const { contributes } = own().packageJSON as { contributes: { commands: { command: string }[] } };
    const known = await vscode.commands.getCommands(true);
    const missing = contributes.commands.filter(({ command }) => !known.includes(command));
    assert.deepEqual(missing, []);
  });

  it('has each file that its package.json names', () => {
    const manifest = own().packageJSON as Record<string, unknown>;
    const named = JSON.stringify(manifest).match(/"[\w/-]+\.(md|svg|png|js)"/g) ?? [];
    const files = [...new Set(named.map((it) => it.slice(1, -1)))];
    assert.ok(files.length >= 6, files.join());
    const missing = [...files, 'README.md', 'CHANGELOG.md', 'LICENSE'].filter(
      (name) => !existsSync(vscode.Uri.joinPath(own().extensionUri, name).fsPath),
    );
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
    await document.save();
  });

  it('shows the problems of services whose files are not open', async () => {
    const other = vscode.workspace.workspaceFolders?.[1];
    assert.ok(other);
    const closed = vscode.Uri.joinPath(other.uri, 'stock/azds.yaml');
    await until('its problem', () => vscode.languages.getDiagnostics(closed)[0]);
    assert.ok(!vscode.workspace.textDocuments.some(({ uri }) => uri.fsPath === closed.fsPath));
  });

  it('has lenses that call its own commands', async () => {
    const lenses = await until('the lenses', async () => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        file,
      );
      return found.length ? found : undefined;
    });
    const shop = vscode.Uri.joinPath(folder.uri, 'shop').fsPath;
    const told = lenses.map(({ command }) => [command?.title, command?.command]);
    assert.deepEqual(told.slice(-3), [
      ['Up', 'azds.up'],
      ['Debug', 'azds.debug'],
      ['URI', 'azds.listUris'],
    ]);
    const argument = lenses[0]?.command?.arguments?.[0] as { folder?: string } | undefined;
    assert.equal(argument?.folder, shop);
  });

  // There is no cluster here.
  it('says by each command why it was not done', async () => {
    const shop = vscode.Uri.joinPath(folder.uri, 'shop');
    const commands: [string, RegExp][] = [
      ['azds.up', /^there is no cluster to work with: .*kubeconfig/],
      ['azds.upDetached', /^there is no cluster to work with: .*kubeconfig/],
      ['azds.down', /(helm|kubeconfig)/],
      ['azds.debug', /(helm|kubeconfig)/],
      ['azds.listServices', /kubeconfig/],
      ['azds.listUris', /kubeconfig/],
      ['azds.openUri', /kubeconfig/],
      ['azds.selectSpace', /kubeconfig/],
      ['azds.doctor', /Doctor: \d of \d checks failed/],
    ];
    for (const [command, expected] of commands) {
      const person = new Person();
      try {
        await vscode.commands.executeCommand(command, shop);
        const said = await until(`what ${command} says`, () => person.shown[0]?.text);
        assert.match(said, expected, `${command}: ${said}`);
      } finally {
        person.leave();
      }
    }
  });

  it('shows what Doctor found, and the remedy of what is taken', async () => {
    const shown: string[] = [];
    const person = new Person({ 'Doctor:': '$(error) kubeconfig' });
    try {
      await vscode.commands.executeCommand('azds.doctor', vscode.Uri.joinPath(folder.uri, 'shop'));
      shown.push(...person.shown.map(({ text }) => text));
    } finally {
      person.leave();
    }
    assert.equal(shown.length, 2, shown.join('\n'));
    assert.match(shown[1] ?? '', /kubeconfig/);
  });

  it('sets a cluster up only when that is confirmed', async () => {
    const given = { 'Namespace that becomes': 'dev', 'Users and groups': 'alice group:devs' };
    const person = new Person(given);
    try {
      await vscode.commands.executeCommand('azds.useDevSpaces');
      assert.equal(person.shown.length, 3, JSON.stringify(person.shown));
      assert.deepEqual(person.saw(/^Set this cluster up/)?.options, ['Set Up Cluster']);
    } finally {
      person.leave();
    }
    const confirmed = new Person({ ...given, 'Set this cluster up': 'Set Up Cluster' });
    try {
      await vscode.commands.executeCommand('azds.useDevSpaces');
      assert.ok(confirmed.saw(/kubeconfig|helm/), JSON.stringify(confirmed.shown));
    } finally {
      confirmed.leave();
    }
  });

  it('prepares a service, and keeps what is there', async () => {
    const person = new Person({ 'Prepare ': 'In the cluster only' });
    try {
      await vscode.commands.executeCommand('azds.prep', vscode.Uri.joinPath(folder.uri, 'shop'));
      const said = await until('its result', () => person.shown[1]);
      assert.match(said.text, /\d+ files? written|kept|was not/, said.text);
    } finally {
      person.leave();
    }
  });

  it('restarts its server', async () => {
    await vscode.commands.executeCommand('azds.restartServer');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(file, new vscode.Position(0, 0), 'buildd: 1\n');
    await vscode.workspace.applyEdit(edit);
    await until('a problem', () => (problems().length ? true : undefined));
  });
});
