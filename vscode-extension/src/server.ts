// The language server: where its program is, its start and its end, and what it is asked.

import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import * as vscode from 'vscode';
import {
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  WorkDoneProgress,
  WorkDoneProgressCancelNotification,
} from 'vscode-languageclient/node';
import { environment, forget } from './environment';
import type { Commands } from './protocol';

const EXECUTABLE = process.platform === 'win32' ? 'azds.exe' : 'azds';

/** The program `azds` and the environment in which it runs. */
export interface Program {
  path: string;
  env: NodeJS.ProcessEnv;
}

export class Server implements vscode.Disposable {
  private starting: Promise<LanguageClient> | undefined;
  /** When the one before has ended: two at once would both offer the commands of azds. */
  private ended: Promise<unknown> = Promise.resolve();
  private tokens = 0;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly log: vscode.LogOutputChannel;
  /** Fired when the server has started, or is there no more. */
  readonly onDidChange = this.changed.event;
  /** Why there is no server, where there is none. */
  problem: string | undefined;

  /** `ofLenses`: the editor's commands that code lenses may name. */
  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly ofLenses: string[],
  ) {
    this.log = vscode.window.createOutputChannel('Azure Dev Spaces', { log: true });
  }

  /** `azds.server.path`, else the program that comes with the extension, else the one on the PATH. */
  async program(): Promise<Program> {
    const env = await environment();
    const set = vscode.workspace.getConfiguration('azds').get<string>('server.path');
    const own = this.context.asAbsolutePath(join('bin', EXECUTABLE));
    const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, EXECUTABLE));
    for (const path of set ? [set] : [own, ...onPath]) {
      if (await isExecutable(path)) {
        return { path, env };
      }
    }
    throw new Error(
      set
        ? `azds was not started: ${set}, which azds.server.path names, is no program. Correct the setting or empty it.`
        : 'azds was not started: it is neither in the extension nor on the PATH. Install it, or name it in azds.server.path.',
    );
  }

  /** The running server. */
  async start(): Promise<LanguageClient> {
    const starting = (this.starting ??= this.ended.then(() => this.launch()));
    try {
      return await starting;
    } catch (error) {
      if (this.starting === starting) {
        this.starting = undefined;
      }
      throw error;
    }
  }

  async restart(): Promise<void> {
    await this.stop();
    forget();
    await this.start();
  }

  /** Asks for something that nobody watches. */
  async ask<K extends keyof Commands>(
    command: K,
    argument: Partial<Commands[K]['arguments']>,
  ): Promise<Commands[K]['result']> {
    // The server shows its progress under this token, which leads nowhere.
    return this.execute(await this.start(), command, argument, `quiet-${++this.tokens}`);
  }

  /** Has something done, with its progress shown and a way to cancel it. */
  run<K extends keyof Commands>(
    title: string,
    command: K,
    argument: Partial<Commands[K]['arguments']>,
  ): Thenable<Commands[K]['result']> {
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(options, async (progress, cancellation) => {
      const client = await this.start();
      const token = `run-${++this.tokens}`;
      const told = client.onProgress(WorkDoneProgress.type, token, (value) => {
        if (value.kind === 'report' && value.message) {
          progress.report({ message: value.message });
          this.log.info(`${title}: ${value.message}`);
        }
      });
      const cancelled = cancellation.onCancellationRequested(() => {
        progress.report({ message: 'cancelling…' });
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      try {
        return await this.execute(client, command, argument, token);
      } finally {
        told.dispose();
        cancelled.dispose();
      }
    });
  }

  showLog(): void {
    this.log.show();
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
    this.log.dispose();
  }

  private execute(
    client: LanguageClient,
    command: string,
    argument: object,
    workDoneToken: string,
  ): Promise<never> {
    const params = { command, arguments: [argument], workDoneToken };
    return client.sendRequest(ExecuteCommandRequest.type, params) as Promise<never>;
  }

  private async launch(): Promise<LanguageClient> {
    let client: LanguageClient | undefined;
    try {
      const { path, env } = await this.program();
      client = this.clientOf(path, env);
      await client.start();
      this.compareVersions(client, path);
      return client;
    } catch (error) {
      await client?.dispose().catch(() => undefined);
      this.problem = error instanceof Error ? error.message : String(error);
      this.changed.fire();
      throw error;
    }
  }

  private clientOf(path: string, env: NodeJS.ProcessEnv): LanguageClient {
    const client = new LanguageClient(
      'azds',
      'Azure Dev Spaces',
      { command: path, args: ['lsp'], options: { env } },
      {
        // The server knows which of them are its own.
        documentSelector: [
          { scheme: 'file', pattern: '**/*.{yaml,yml,tpl}' },
          { scheme: 'file', pattern: '**/{Dockerfile,Dockerfile.*,*.Dockerfile}' },
          { scheme: 'file', pattern: '**/.vscode/{launch,tasks}.json' },
        ],
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
      },
    );
    client.registerFeature({
      fillClientCapabilities: (capabilities) => {
        capabilities.experimental = { commands: { commands: this.ofLenses } };
      },
      initialize: () => undefined,
      getState: () => ({ kind: 'static' }),
      clear: () => undefined,
    });
    client.onDidChangeState(({ newState }) => {
      this.problem = newState === State.Stopped ? 'the server has ended' : undefined;
      this.changed.fire();
    });
    return client;
  }

  private compareVersions(client: LanguageClient, path: string): void {
    const ours = (this.context.extension.packageJSON as { version: string }).version;
    const its = client.initializeResult?.serverInfo?.version;
    if (its !== ours) {
      const said = `azds and its extension do not fit together: ${path} has version ${its ?? 'unknown'}, the extension ${ours}. Install azds ${ours}, or empty azds.server.path.`;
      void vscode.window.showWarningMessage(said, 'Open Settings').then((chosen) => {
        if (chosen) {
          void vscode.commands.executeCommand('workbench.action.openSettings', 'azds.server.path');
        }
      });
    }
  }

  private stop(): Promise<unknown> {
    const { starting } = this;
    this.starting = undefined;
    // One that is not running can't be stopped, and need not be.
    const stopped = starting?.then((client) => client.dispose()).catch(() => undefined);
    this.ended = Promise.all([this.ended, stopped]);
    return this.ended;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
