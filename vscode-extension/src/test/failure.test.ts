import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ResponseError } from 'vscode-languageclient/node';
import { sentence, shown } from '../failure';

describe('A failure', () => {
  const failure = { what: 'it did not start', object: 'pod a', why: 'no image.', try: 'Run Up again.' };

  it('is one sentence and its remedy', () => {
    assert.equal(sentence(failure), 'it did not start: pod a: no image. Run Up again.');
    const short = { what: 'it did not start', object: '', why: 'it was cancelled' };
    assert.equal(sentence(short), 'it did not start: it was cancelled.');
  });

  it('comes with an error of the server', () => {
    const error = new ResponseError(-32803, 'text', failure);
    assert.deepEqual(shown(error), { text: 'text', cancelled: false, failure });
    assert.equal(shown(new ResponseError(-32800, 'text', failure)).cancelled, true);
    assert.equal(shown(new vscode.CancellationError()).cancelled, true);
    assert.deepEqual(shown(new Error('other')), { text: 'other', cancelled: false });
  });
});
