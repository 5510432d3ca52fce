// Puts the parts together.

import * as vscode from 'vscode';
import { OF_LENSES, ServiceCommands } from './commands';
import * as debug from './debug';
import { show } from './failure';
import { Server } from './server';
import { Services } from './services';
import { StatusBar } from './statusBar';
import { Tree } from './tree';
import { offer } from './upgrade';

export function activate(context: vscode.ExtensionContext): void {
  const server = new Server(context, OF_LENSES);
  const services = new Services(server);
  context.subscriptions.push(server, services, new ServiceCommands(server, services).register());
  void start(server);
  if (vscode.workspace.isTrusted) {
    work(context, server, services);
  } else {
    context.subscriptions.push(
      vscode.workspace.onDidGrantWorkspaceTrust(() => work(context, server, services)),
    );
  }
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('azds') && !event.affectsConfiguration('azds.trace')) {
        server.restart().catch(show);
      }
    }),
  );
}

/** A window without azds.yaml may have been opened for one command: it says itself what it lacks. */
async function start(server: Server): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    const settings = 'Open Settings';
    const said = error instanceof Error ? error.message : String(error);
    const chosen = await vscode.window.showErrorMessage(said, settings);
    if (chosen) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'azds.server.path');
    }
  }
}

/** All that builds, asks the cluster or debugs: only in a workspace that is trusted. */
function work(context: vscode.ExtensionContext, server: Server, services: Services): void {
  context.subscriptions.push(
    debug.register(server, services),
    new Tree(services),
    new StatusBar(server, services),
    vscode.workspace.onDidChangeWorkspaceFolders(() => look(services)),
    watch(services),
  );
  look(services);
  void offer(context);
}

function watch(services: Services): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher('**/azds.yaml', false, true, false);
  watcher.onDidCreate(() => look(services));
  watcher.onDidDelete(() => look(services));
  return watcher;
}

function look(services: Services): void {
  void hasServices();
  void services.refresh();
}

/**
 * What menus, the view and the debugger are shown by. Found in the files alone: F5 may come before the
 * cluster has answered.
 */
async function hasServices(): Promise<void> {
  const found = await vscode.workspace.findFiles('**/azds.yaml', undefined, 1);
  await vscode.commands.executeCommand('setContext', 'azds.hasServices', found.length > 0);
}
