// F5: configurations of type azds, the adapter that serves them, and what is left to VS Code's own
// debuggers.

import { basename, relative } from 'node:path';
import * as vscode from 'vscode';
import * as again from './again';
import type { AttachArguments, ServiceFolder } from './protocol';
import { show } from './failure';
import type { Server } from './server';
import { active, choose, owner, type Services } from './services';

const TYPE = 'azds';
/** What azds dap adds to the sessions that js-debug asks for where it runs js-debug itself. */
const FURTHER = '__azdsJsDebug';
/** What a configuration says to azds and VS Code, and not to the debugger. The task has run already. */
const OURS: string[] = [
  ...(['folder', 'configuration', 'space', 'runtime', 'pod', 'sourceFileMap'] satisfies (keyof AttachArguments)[]),
  ...['type', 'request', 'preLaunchTask'],
];

export function register(server: Server, services: Services): vscode.Disposable {
  const offered = new Offered(services);
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(TYPE, offered, Initial),
    vscode.debug.registerDebugConfigurationProvider(TYPE, offered, Dynamic),
    again.register(server),
    // Once: VS Code asks each that is registered.
    vscode.debug.registerDebugConfigurationProvider(TYPE, new Sessions(server, services)),
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

/** What can be debugged where there is no launch.json, or beside it. */
export class Offered implements vscode.DebugConfigurationProvider {
  constructor(private readonly services: Pick<Services, 'folders'>) {}

  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
  ): Promise<vscode.DebugConfiguration[]> {
    const found = await this.services.folders();
    const here = found.filter((it) => !folder || owner([{ folder: folder.uri.fsPath }], it.folder));
    return here.flatMap((service) => [launch(folder, service), attach(folder, service)]);
  }
}

/** From a configuration to a session. */
export class Sessions implements vscode.DebugConfigurationProvider {
  constructor(
    private readonly server: Pick<Server, 'ask' | 'run'>,
    private readonly services: Pick<Services, 'folders' | 'refresh'>,
  ) {}

  /** F5 without launch.json comes with nothing; a configuration of a person may lack the folder. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (given['folder'] !== undefined || FURTHER in given) {
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
      void show(error);
      return undefined;
    }
  }

  /** Brings the service up for a launch. Then either azds dap attaches, or a debugger of the editor. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (FURTHER in given || given['jsDebug']) {
      return given;
    }
    const service = String(given['folder']);
    const asked = given as Partial<AttachArguments>;
    if (given['noDebug']) {
      void vscode.commands.executeCommand('azds.up', vscode.Uri.file(service));
      return undefined;
    }
    try {
      if (given.request === 'launch') {
        const { space = null, configuration = null } = asked;
        const up = { folder: service, space, configuration };
        await this.server.run(`azds: Up ${basename(service)}`, 'azds.server.up', up);
        void this.services.refresh();
      }
      const target = await this.server.ask('azds.server.debugTarget', asked);
      if (!target.configuration) {
        return { ...given, request: 'attach' };
      }
      void vscode.debug.startDebugging(folder, again.coming(editors(given, target.configuration), given));
    } catch (error) {
      void show(error, service);
    }
    return undefined;
  }
}

/** A session of a debugger of the editor: by its name, and with what azds does not know, as configured. */
export function editors(
  given: vscode.DebugConfiguration,
  found: Record<string, unknown>,
): vscode.DebugConfiguration {
  const others = Object.entries(given).filter(([key]) => !OURS.includes(key) && !key.startsWith('__'));
  return { ...found, ...Object.fromEntries(others) } as vscode.DebugConfiguration;
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
