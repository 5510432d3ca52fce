// F5: configurations of type azds, and the adapter that serves them.

import { relative } from 'node:path';
import * as vscode from 'vscode';
import type { ServiceFolder } from './protocol';
import { show } from './failure';
import type { Server } from './server';
import { active, choose, owner, type Services } from './services';

const TYPE = 'azds';

export function register(server: Server, services: Services): vscode.Disposable {
  const offered = new Configurations(services);
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(TYPE, offered, Initial),
    vscode.debug.registerDebugConfigurationProvider(TYPE, offered, Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, {
      async createDebugAdapterDescriptor() {
        const { path, env } = await server.program();
        return new vscode.DebugAdapterExecutable(path, ['dap'], { env: defined(env) });
      },
    }),
    vscode.debug.onDidStartDebugSession(() => void services.refresh()),
    vscode.debug.onDidTerminateDebugSession(() => void services.refresh()),
  );
}

/** Debugs the service of a folder. */
export function start(service: ServiceFolder): Thenable<boolean> {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(service.folder));
  return vscode.debug.startDebugging(folder, launch(folder, service));
}

class Configurations implements vscode.DebugConfigurationProvider {
  constructor(private readonly services: Services) {}

  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
  ): Promise<vscode.DebugConfiguration[]> {
    const found = await this.services.folders();
    const here = found.filter((it) => !folder || owner([{ folder: folder.uri.fsPath }], it.folder));
    return here.flatMap((service) => [launch(folder, service), attach(folder, service)]);
  }

  /** F5 without launch.json comes with nothing; a configuration of a person may lack the folder. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (given['folder'] !== undefined) {
      return given;
    }
    try {
      const found = await this.services.folders();
      const service = active(found) ?? (await choose(found, 'Debug'));
      if (!service) {
        void vscode.window.showErrorMessage(
          'The debug session did not start: there is no azds.yaml in the workspace. Prepare a service first.',
        );
        return undefined;
      }
      return { ...launch(folder, service), ...given, folder: pathOf(folder, service) };
    } catch (error) {
      await show(error);
      return undefined;
    }
  }
}

function launch(
  folder: vscode.WorkspaceFolder | undefined,
  service: ServiceFolder,
): vscode.DebugConfiguration {
  const name = `azds: Launch ${service.name}`;
  return { type: TYPE, request: 'launch', name, folder: pathOf(folder, service) };
}

function attach(
  folder: vscode.WorkspaceFolder | undefined,
  service: ServiceFolder,
): vscode.DebugConfiguration {
  const name = `azds: Attach to ${service.name}`;
  return { type: TYPE, request: 'attach', name, folder: pathOf(folder, service) };
}

/** Of a form that can stand in a launch.json which others have, too. */
function pathOf(folder: vscode.WorkspaceFolder | undefined, service: ServiceFolder): string {
  if (!folder || !owner([{ folder: folder.uri.fsPath }], service.folder)) {
    return service.folder;
  }
  const below = relative(folder.uri.fsPath, service.folder).replaceAll('\\', '/');
  return ['${workspaceFolder}', below].filter(Boolean).join('/');
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
