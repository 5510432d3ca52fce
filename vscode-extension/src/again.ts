// Sessions of a debugger of the editor that ends with the service's process (Java's): when the service has started
// again, so does the session, as sessions of azds dap do.

import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { AttachArguments, DebugTargetResult } from './protocol';
import { show, shown } from './failure';
import type { Server } from './server';

/** js-debug is none of them: it connects again by itself. */
const TYPES = ['java'];
/** Where the configuration of a session keeps the one of azds that it came from. */
const FROM = '__azds';
/** As long as azds dap looks for a service. */
const PATIENCE = 10 * 60_000;

/** What the editor and a debug adapter say to each other. */
interface Message {
  command?: string;
  event?: string;
}

export function register(server: Server): vscode.Disposable {
  const again = new Again(server, 1000);
  return vscode.Disposable.from(
    ...TYPES.map((type) => vscode.debug.registerDebugAdapterTrackerFactory(type, again)),
  );
}

/** The configuration of a debugger of the editor, so that its session begins again. */
export function coming(
  configuration: vscode.DebugConfiguration,
  given: vscode.DebugConfiguration,
): vscode.DebugConfiguration {
  return TYPES.includes(configuration.type) ? { ...configuration, [FROM]: given } : configuration;
}

/** Begins sessions again that nobody has left. */
export class Again implements vscode.DebugAdapterTrackerFactory {
  /** `pause`: between looks for the service, in milliseconds. */
  constructor(
    private readonly server: Pick<Server, 'ask'>,
    private readonly pause: number,
  ) {}

  createDebugAdapterTracker(
    session: Pick<vscode.DebugSession, 'configuration' | 'workspaceFolder'>,
  ): vscode.DebugAdapterTracker | undefined {
    const { configuration, workspaceFolder } = session;
    if (!(FROM in configuration)) {
      return undefined;
    }
    let isOver = false;
    return {
      // A person who leaves says so first; a debugger whose service has ended, by itself.
      onWillReceiveMessage: ({ command }: Message) => {
        isOver ||= command === 'disconnect' || command === 'terminate';
      },
      onDidSendMessage: ({ event }: Message) => {
        if (event === 'terminated' && !isOver) {
          isOver = true;
          void this.begin(workspaceFolder, configuration);
        }
      },
    };
  }

  private async begin(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<void> {
    const given = configuration[FROM] as Partial<AttachArguments>;
    const service = given.folder ?? '';
    const title = `azds: ${basename(service)} has ended; its debug session goes on when it has started again`;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    try {
      const target = await vscode.window.withProgress(options, (_, cancellation) =>
        this.find(given, cancellation),
      );
      if (target?.configuration) {
        const { name } = configuration;
        await vscode.debug.startDebugging(folder, { ...configuration, ...target.configuration, name });
      }
    } catch (error) {
      void show(error, service);
    }
  }

  /** The service, when it is there again; nothing if a person does not want to wait. */
  private async find(
    given: Partial<AttachArguments>,
    cancellation: vscode.CancellationToken,
  ): Promise<DebugTargetResult | undefined> {
    const end = Date.now() + PATIENCE;
    while (!cancellation.isCancellationRequested) {
      try {
        return await this.server.ask('azds.server.debugTarget', given);
      } catch (error) {
        // It is down, and nobody has to wait.
        if (shown(error).failure?.action?.command === 'up' || Date.now() > end) {
          throw error;
        }
      }
      await setTimeout(this.pause);
    }
    return undefined;
  }
}
