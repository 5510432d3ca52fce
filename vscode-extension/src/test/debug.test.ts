import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ResponseError } from 'vscode-languageclient/node';
import { Again, coming } from '../again';
import { Offered, Sessions, editors } from '../debug';
import type { ServiceFolder } from '../protocol';
import { Person } from './person';
import { until } from './until';

describe('A debug configuration', () => {
  const [shop, store] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(shop && store, 'the workspace has two folders');
  const service = (folder: vscode.WorkspaceFolder, name: string): ServiceFolder => ({
    name,
    folder: vscode.Uri.joinPath(folder.uri, name).fsPath,
    configurations: [],
  });
  const services = [service(shop, 'shop'), service(store, 'stock'), service(store, 'till')];
  const known = { folders: () => Promise.resolve(services), refresh: () => Promise.resolve() };

  /** A server that finds this where a session would attach; and what it was asked. */
  function server(found: object | Error) {
    const asked: [string, object][] = [];
    const answer = (command: string, argument: object) => {
      asked.push([command, argument]);
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found as never);
    };
    return {
      asked,
      ask: answer,
      run: (_: string, command: string, argument: object) => answer(command, argument),
    };
  }

  it('is offered for each service of a folder', async () => {
    const offered = new Offered(known);
    const names = async (folder?: vscode.WorkspaceFolder) =>
      (await offered.provideDebugConfigurations(folder)).map(({ name, folder }) => `${name} in ${folder as string}`);
    assert.deepEqual(await names(shop), [
      'azds: Launch shop in ${workspaceFolder}/shop',
      'azds: Attach to shop in ${workspaceFolder}/shop',
    ]);
    assert.equal((await names(store)).length, 4);
    assert.equal((await names()).length, 6);
  });

  it('without a folder is for the service of the active file', async () => {
    const file = vscode.Uri.joinPath(store.uri, 'till/azds.yaml');
    await vscode.window.showTextDocument(file);
    const sessions = new Sessions(server({}), known);
    const given = { type: '', request: '', name: '' };
    const found = await sessions.resolveDebugConfiguration(store, given as vscode.DebugConfiguration);
    assert.equal(found?.['folder'], '${workspaceFolder}/till');
    // What is complete already stays as it is.
    const complete = { type: 'azds', request: 'attach', name: 'x', folder: '/other' };
    assert.equal(await sessions.resolveDebugConfiguration(store, complete), complete);
  });

  it('of launch is brought up, then azds attaches', async () => {
    const its = server({ pod: 'till-1', sources: '/', processes: [], runtime: 'python' });
    const given = { type: 'azds', request: 'launch', name: 'till', folder: '/w/till', space: 'dev' };
    const found = await new Sessions(its, known).resolveDebugConfigurationWithSubstitutedVariables(store, given);
    assert.deepEqual(found, { ...given, request: 'attach' });
    assert.deepEqual(its.asked[0], ['azds.server.up', { folder: '/w/till', space: 'dev', configuration: null }]);
    assert.deepEqual(its.asked[1], ['azds.server.debugTarget', given]);
  });

  it('of a Java service starts the Java debugger', async () => {
    const configuration = { type: 'java', request: 'attach', name: 'azds', hostName: '127.0.0.1', port: 4711 };
    const its = server({ pod: 'shop-1', sources: '/', processes: [], runtime: 'java', configuration });
    const given = {
      ...{ type: 'azds', request: 'attach', name: 'my shop', folder: '/w/shop', runtime: 'auto' },
      ...{ projectName: 'shop', preLaunchTask: 'generate', postDebugTask: 'clean', __sessionId: '1' },
    };
    const debug = vscode.debug as { startDebugging: unknown };
    const before = debug.startDebugging;
    const started: unknown[] = [];
    debug.startDebugging = (...given: unknown[]) => Promise.resolve(started.push(given) > 0);
    try {
      const found = await new Sessions(its, known).resolveDebugConfigurationWithSubstitutedVariables(shop, given);
      assert.equal(found, undefined);
    } finally {
      debug.startDebugging = before;
    }
    const expected = {
      ...{ type: 'java', request: 'attach', name: 'my shop', hostName: '127.0.0.1', port: 4711 },
      ...{ projectName: 'shop', postDebugTask: 'clean' },
    };
    assert.deepEqual(started, [[shop, { ...expected, __azds: given }]]);
    assert.deepEqual(editors(given, configuration), expected);
  });

  // The Java debugger itself is to be had from Microsoft's Marketplace only: what it says is made up here.
  it('of a Java service is used again when the service has started again, and by nobody who has left', async () => {
    const given = { type: 'azds', request: 'attach', name: 'my shop', folder: '/w/shop' };
    const configuration = { type: 'java', request: 'attach', name: 'my shop', port: 4711, projectName: 'shop' };
    const found = { pod: 'shop-2', sources: '/', processes: [], runtime: 'java', configuration: { type: 'java', port: 4712 } };
    const answers: object[] = [new Error('no pod of it is ready'), found];
    const its = {
      ask: () => {
        const answer = answers.shift();
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as never);
      },
    };
    const started: unknown[] = [];
    const debug = vscode.debug as { startDebugging: unknown };
    const before = debug.startDebugging;
    debug.startDebugging = (...given: unknown[]) => Promise.resolve(started.push(given) > 0);
    try {
      const again = new Again(its, 1);
      const session = { configuration: coming(configuration, given), workspaceFolder: shop };
      assert.equal(again.createDebugAdapterTracker({ ...session, configuration }), undefined);
      const left = again.createDebugAdapterTracker(session);
      left?.onWillReceiveMessage?.({ type: 'request', command: 'disconnect' });
      left?.onDidSendMessage?.({ type: 'event', event: 'terminated' });
      const ended = again.createDebugAdapterTracker(session);
      ended?.onDidSendMessage?.({ type: 'event', event: 'terminated' });
      ended?.onWillReceiveMessage?.({ type: 'request', command: 'disconnect' });
      await until('another session', () => started[0]);
      assert.deepEqual(started, [[shop, { ...session.configuration, port: 4712 }]]);
      assert.equal(answers.length, 0);
    } finally {
      debug.startDebugging = before;
    }
  });

  it('whose service is not up says so, with a button', async () => {
    const failure = { what: 'w', object: 'o', why: 'y', action: { command: 'up' } };
    const its = server(new ResponseError(-32803, 'the debug session did not start', failure));
    const given = { type: 'azds', request: 'attach', name: 'shop', folder: '/w/shop' };
    const person = new Person();
    try {
      const sessions = new Sessions(its, known);
      assert.equal(await sessions.resolveDebugConfigurationWithSubstitutedVariables(shop, given), undefined);
      assert.deepEqual(person.saw(/did not start/)?.options, ['Up']);
    } finally {
      person.leave();
    }
  });

  it('of a further session of js-debug is left alone', async () => {
    const its = server(new Error('not to be asked'));
    const sessions = new Sessions(its, known);
    const given = { type: 'azds', request: 'attach', name: 'child', __azdsJsDebug: 4711 };
    assert.equal(await sessions.resolveDebugConfiguration(shop, given), given);
    assert.equal(await sessions.resolveDebugConfigurationWithSubstitutedVariables(shop, given), given);
  });
});
