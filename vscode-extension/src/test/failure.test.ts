import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ResponseError } from 'vscode-languageclient/node';
import { sentence, show, shown } from '../failure';
import type { Action, Failure } from '../protocol';
import { Person } from './person';

describe('A failure', () => {
  const failure: Failure = { what: 'it did not start', object: 'pod a', why: 'no image.', try: 'Run Up again.' };

  it('is one sentence and its remedy', () => {
    assert.equal(sentence(failure), 'it did not start: pod a: no image. Run Up again.');
    const short = { what: 'it did not start', object: '', why: 'it was cancelled' };
    assert.equal(sentence(short), 'it did not start: it was cancelled.');
    assert.equal(sentence({ ...short, why: 'did you mean this?' }), 'it did not start: did you mean this?');
  });

  it('comes with an error of the server', () => {
    const error = new ResponseError(-32803, 'text', failure);
    assert.deepEqual(shown(error), { text: 'text', cancelled: false, failure });
    assert.equal(shown(new ResponseError(-32800, 'text', failure)).cancelled, true);
    assert.equal(shown(new vscode.CancellationError()).cancelled, true);
    assert.deepEqual(shown(new Error('other')), { text: 'other', cancelled: false });
  });

  /** Shows it to somebody who takes the first button; the button, and the command that it ran. */
  async function taken(failure: Failure, button: string): Promise<unknown[]> {
    const person = new Person({ text: button });
    const commands = vscode.commands as { executeCommand: unknown };
    const before = commands.executeCommand;
    const ran: unknown[] = [];
    commands.executeCommand = (...given: unknown[]) => Promise.resolve(ran.push(...given));
    try {
      await show(new ResponseError(-32803, 'text', failure), '/w/shop');
      assert.ok(person.saw(/text/)?.options.includes(button), button);
    } finally {
      commands.executeCommand = before;
      person.leave();
    }
    return ran.map((it) => (it instanceof vscode.Uri ? it.fsPath : it));
  }

  it('has its action as a button', async () => {
    const actions: [Action, string, unknown[]][] = [
      [{ command: 'prep' }, 'Prepare', ['azds.prep', '/w/shop']],
      [{ command: 'up' }, 'Up', ['azds.up', '/w/shop']],
      [{ command: 'select-space' }, 'Select Space', ['azds.selectSpace', '/w/shop']],
      [{ command: 'doctor' }, 'Doctor', ['azds.doctor', '/w/shop']],
      [{ command: 'install-debugger', runtime: 'go' }, 'Install Debugger', ['azds.installDebugger', 'go']],
    ];
    for (const [action, button, expected] of actions) {
      assert.deepEqual(await taken({ ...failure, action }, button), expected);
    }
    assert.deepEqual(await taken({ ...failure, audience: 'us' }, 'Show Log'), ['azds.showServerLog']);
  });

  it('of a place in a file leads there', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const file = vscode.Uri.joinPath(folder.uri, 'shop/azds.yaml').fsPath;
    await taken({ ...failure, object: `${file}:3` }, 'Open File');
    const editor = vscode.window.activeTextEditor;
    assert.deepEqual([editor?.document.uri.fsPath, editor?.selection.start.line], [file, 2]);
  });
});
