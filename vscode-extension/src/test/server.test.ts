import * as assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { Person } from './person';
import { until } from './until';

/** A language server of another version, which answers nothing else. */
const OTHER = `
let text = '';
process.stdin.on('data', (data) => {
  text += data;
  for (let found; (found = /Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text)); ) {
    const end = found.index + found[0].length + Number(found[1]);
    if (text.length < end) return;
    const { id, method } = JSON.parse(text.slice(found.index + found[0].length, end));
    text = text.slice(end);
    if (method === 'exit') process.exit();
    if (id === undefined || method === undefined) continue;
    const result = method === 'initialize'
      ? { capabilities: {}, serverInfo: { name: 'azds', version: '9.9.9' } }
      : null;
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result });
    process.stdout.write('Content-Length: ' + answer.length + '\\r\\n\\r\\n' + answer);
  }
});
`;

describe('The program azds', () => {
  const settings = () => vscode.workspace.getConfiguration('azds');
  const take = (path: string | undefined) =>
    settings().update('server.path', path, vscode.ConfigurationTarget.Workspace);
  let person: Person;
  before(() => vscode.extensions.getExtension('azds.azds')?.activate());
  beforeEach(() => {
    person = new Person();
  });
  afterEach(async () => {
    person.leave();
    await take(undefined);
  });

  it('of another version is told of', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'azds-other-')), 'azds');
    writeFileSync(file, `#!${process.execPath}\n${OTHER}`);
    chmodSync(file, 0o755);
    await take(file);
    const said = await until('the warning', () => person.saw(/do not fit together/));
    assert.match(said.text, /has version 9\.9\.9, the extension \d/);
    assert.deepEqual(said.options, ['Open Settings']);
  });

  it('that is not there is named', async () => {
    await take('/nowhere/azds');
    const said = await until('the error', () => person.saw(/azds was not started/));
    assert.match(said.text, /\/nowhere\/azds, which azds\.server\.path names, is no program/);
  });

  it('is the extension’s own again when the setting is gone', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    await take(undefined);
    const file = vscode.Uri.joinPath(folder.uri, 'shop/charts/shop/values.yaml');
    await vscode.window.showTextDocument(file);
    const symbols = await until('what it knows of a file', async () => {
      type Symbols = vscode.DocumentSymbol[] | undefined;
      const command = 'vscode.executeDocumentSymbolProvider';
      const found = await vscode.commands.executeCommand<Symbols>(command, file);
      return found?.length ? found : undefined;
    });
    assert.equal(symbols[0]?.name, 'replicas');
  });
});
