// The commands of the palette, of the tree and of the messages' buttons.

import * as vscode from 'vscode';
import { start } from './debug';
import { show } from './failure';
import type { ServiceFolder, UriRow } from './protocol';
import type { Server } from './server';
import { choose, openFolders, owner, type Services } from './services';
import { doctor, useDevSpaces } from './setup';
import type { Node } from './tree';

/** What a command may be called on: a node of the tree, a folder, or what a code lens says of one. */
type Subject = Node | vscode.Uri | { folder: string } | undefined;

/** Those that code lenses of the server may name instead of its own. */
export const OF_LENSES = ['azds.prep', 'azds.up', 'azds.debug', 'azds.listUris'];

/** Those that do nothing for the folder that is open. */
const WITHOUT_TRUST = ['azds.restartServer', 'azds.showServerLog'];

export class ServiceCommands {
  constructor(
    private readonly server: Server,
    private readonly services: Services,
  ) {}

  register(): vscode.Disposable {
    const { server, services } = this;
    const all: Record<string, (subject?: Subject) => unknown> = {
      'azds.prep': (subject) => this.prep(subject),
      'azds.up': (subject) => this.up(subject, true),
      'azds.upDetached': (subject) => this.up(subject, false),
      'azds.down': (subject) => this.down(subject),
      'azds.debug': (subject) => this.withService('Debug', subject, start),
      'azds.listServices': () => this.listServices(),
      'azds.listUris': (subject) =>
        this.listUris('Addresses', folderOf(subject) === undefined, folderOf(subject)),
      'azds.openUri': (subject) => this.openUri(subject),
      'azds.selectSpace': (subject) => this.selectSpace(subject),
      'azds.showLogs': (subject) =>
        this.withService('Show Logs', subject, (service) => this.showLogs(service)),
      'azds.menu': (subject) => this.withService('Commands', subject, (service) => this.menu(service)),
      'azds.doctor': (subject) =>
        this.withFolder(subject, (folder) => doctor(server, folder)),
      'azds.useDevSpaces': () => useDevSpaces(server),
      'azds.refresh': () => services.refresh(),
      'azds.restartServer': () => server.restart(),
      'azds.showServerLog': () => server.showLog(),
    };
    const registered = Object.entries(all).map(([name, run]) =>
      vscode.commands.registerCommand(name, async (subject?: Subject) => {
        // The palette leaves them out then; a code lens does not.
        if (!vscode.workspace.isTrusted && !WITHOUT_TRUST.includes(name)) {
          return refuse();
        }
        try {
          return await run(subject);
        } catch (error) {
          await show(error, folderOf(subject));
          return undefined;
        }
      }),
    );
    registered.push(
      vscode.commands.registerCommand('azds.installDebugger', (runtime?: unknown) =>
        this.installDebugger(runtime),
      ),
    );
    return vscode.Disposable.from(...registered);
  }

  private async prep(subject: Subject): Promise<void> {
    const folder = folderOf(subject) ?? (await folderToPrepare());
    if (!folder) {
      return;
    }
    const reach = await vscode.window.showQuickPick(
      [
        { label: 'In the cluster only', detail: 'You reach it through a tunnel.', open: false },
        { label: 'Public', detail: 'It gets an Ingress, too.', open: true },
      ],
      { title: `Prepare ${vscode.workspace.asRelativePath(folder)}`, placeHolder: 'Who can reach the service?' },
    );
    if (!reach) {
      return;
    }
    const done = await this.server.run('azds: Prepare', 'azds.server.prep', {
      folder,
      public: reach.open,
    });
    void this.services.refresh();
    for (const warning of done.warnings) {
      void vscode.window.showWarningMessage(warning);
    }
    const kept = done.kept.length ? `, ${done.kept.length} kept as they were` : '';
    const said = `${done.service} is prepared: ${done.written.length} files written${kept}.`;
    const chosen = await vscode.window.showInformationMessage(said, 'Up', 'Open azds.yaml');
    if (chosen === 'Up') {
      await vscode.commands.executeCommand('azds.up', vscode.Uri.file(done.folder));
    } else if (chosen) {
      const file = vscode.Uri.joinPath(vscode.Uri.file(done.folder), 'azds.yaml');
      await vscode.window.showTextDocument(file);
    }
  }

  private up(subject: Subject, attached: boolean): Promise<void> {
    return this.withService('Up', subject, async (service) => {
      const { folder } = service;
      const done = await this.server.run(`azds: Up ${service.name}`, 'azds.server.up', {
        folder,
        detach: !attached,
      });
      void this.services.refresh();
      if (attached) {
        await this.showLogs(service);
      }
      const [uri] = done.uris;
      const open = vscode.workspace.getConfiguration('azds').get<boolean>('openUriAfterUp');
      if (uri && open) {
        await openExternal(uri);
      }
      const { sentFiles, files } = done.context;
      const said = `${done.service} is up in space ${done.space} (${sentFiles} of ${files} files sent).`;
      const buttons = [...(uri ? [`Open ${uri.uri}`] : []), ...(attached ? [] : ['Show Logs']), 'Debug'];
      const chosen = await vscode.window.showInformationMessage(said, ...buttons);
      if (chosen === 'Show Logs') {
        await this.showLogs(service);
      } else if (chosen === 'Debug') {
        await start(service);
      } else if (chosen && uri) {
        await openExternal(uri);
      }
    });
  }

  private down(subject: Subject): Promise<void> {
    return this.withService('Down', subject, async ({ folder, name }) => {
      const done = await this.server.run(`azds: Down ${name}`, 'azds.server.down', { folder });
      void this.services.refresh();
      const said = done.removed ? 'was removed from' : 'was not up in';
      const chosen = await vscode.window.showInformationMessage(
        `${done.service} ${said} space ${done.space}.`,
        'Up',
      );
      if (chosen) {
        await vscode.commands.executeCommand('azds.up', vscode.Uri.file(folder));
      }
    });
  }

  private async listServices(): Promise<void> {
    const argument = { folder: await this.anyFolder(), all: true };
    const rows = await this.server.run('azds: List Services', 'azds.server.listUp', argument);
    if (rows.length === 0) {
      void vscode.window.showInformationMessage('No service is up.');
      return;
    }
    const items = rows.map((row) => ({
      label: row.name,
      description: `${row.devSpace} · ${row.status}`,
      detail: `since ${new Date(row.updated).toLocaleString()}, release ${row.release}`,
    }));
    const title = `Services of space ${rows[0]?.devSpace ?? ''}`;
    const picked = await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
    const service = (await this.services.folders()).find(({ name }) => name === picked?.label);
    if (service) {
      await this.menu(service);
    }
  }

  private async listUris(title: string, all: boolean, folder?: string): Promise<void> {
    const argument = { folder: folder ?? (await this.anyFolder()), all };
    const rows = await this.server.run('azds: List URIs', 'azds.server.listUris', argument);
    if (rows.length === 0) {
      void vscode.window.showInformationMessage('There are no addresses.', 'Up').then((chosen) => {
        if (chosen) {
          void vscode.commands.executeCommand('azds.up');
        }
      });
      return;
    }
    const items = rows.map((row) => ({
      label: row.uri,
      description: row.status,
      detail: row.service,
      row,
    }));
    const [only] = items;
    const picked = all || items.length > 1 ? await vscode.window.showQuickPick(items, { title }) : only;
    if (picked) {
      await openExternal(picked.row);
    }
  }

  private async openUri(subject: Subject): Promise<void> {
    if (subject && 'kind' in subject && subject.kind === 'uri') {
      await openExternal(subject.uri);
      return;
    }
    await this.withService('Open URI', subject, ({ folder, name }) =>
      this.listUris(`Addresses of ${name}`, false, folder),
    );
  }

  /** From the palette for all services of the workspace: they are worked on together. */
  private async selectSpace(subject: Subject): Promise<void> {
    const own = folderOf(subject);
    const folder = own ?? (await this.anyFolder());
    const { chosen, spaces } = await this.server.run('azds: Select Space', 'azds.server.spaces', {
      folder,
    });
    const other = 'Another space…';
    const items = [
      ...spaces.map((label) => ({ label, description: label === chosen ? 'chosen' : '' })),
      { label: other, description: '' },
    ];
    const picked = await vscode.window.showQuickPick(items, { title: 'Space', placeHolder: chosen });
    const space =
      picked?.label === other
        ? await vscode.window.showInputBox({ title: 'Space', prompt: 'Name of the space' })
        : picked?.label;
    if (!space) {
      return;
    }
    const folders = own ? [own] : (await this.services.folders()).map((it) => it.folder);
    for (const folder of folders.length ? folders : [this.firstFolder()]) {
      await this.server.run('azds: Select Space', 'azds.server.selectSpace', { folder, space });
    }
    void this.services.refresh();
    const said = `Space ${space} is selected.`;
    const again = await vscode.window.showInformationMessage(said, 'List Services');
    if (again) {
      await this.listServices();
    }
  }

  /** A terminal: it scrolls, can be searched, and Ctrl+C ends it. */
  private async showLogs(service: ServiceFolder): Promise<void> {
    await this.terminal(`azds: ${service.name}`, 'output', ['logs', service.folder]);
  }

  private async installDebugger(runtime?: unknown): Promise<void> {
    const known = ['dotnet', 'go', 'python'];
    const name = known.includes(runtime as string)
      ? (runtime as string)
      : await vscode.window.showQuickPick(known, { title: 'Install Debugger', placeHolder: 'Runtime' });
    if (name) {
      // In a terminal, since it may ask whether a checksum is to be trusted.
      await this.terminal('azds: Install Debugger', 'debug-alt', ['debugger', 'install', name]);
    }
  }

  private async terminal(name: string, icon: string, shellArgs: string[]): Promise<void> {
    const { path, env } = await this.server.program();
    vscode.window.terminals.find((it) => it.name === name)?.dispose();
    const iconPath = new vscode.ThemeIcon(icon);
    const terminal = vscode.window.createTerminal({ name, iconPath, shellPath: path, shellArgs, env });
    terminal.show(true);
  }

  private async menu(service: ServiceFolder): Promise<void> {
    const uri = vscode.Uri.file(service.folder);
    const run = (label: string, icon: string, command: string) => ({
      label: `$(${icon}) ${label}`,
      command,
    });
    const up = this.services.of(service.folder)?.up;
    const items = [
      run('Up', 'play', 'azds.up'),
      run('Debug', 'debug-alt', 'azds.debug'),
      ...(up
        ? [
            run('Open URI', 'link-external', 'azds.openUri'),
            run('Show Logs', 'output', 'azds.showLogs'),
            run('Down', 'debug-stop', 'azds.down'),
          ]
        : []),
      run('Select Space', 'vm', 'azds.selectSpace'),
      run('Doctor', 'pulse', 'azds.doctor'),
    ];
    const picked = await vscode.window.showQuickPick(items, { title: service.name });
    if (picked) {
      await vscode.commands.executeCommand(picked.command, uri);
    }
  }

  private async withService(
    title: string,
    subject: Subject,
    work: (service: ServiceFolder) => unknown,
  ): Promise<void> {
    const services = await this.services.folders();
    const folder = folderOf(subject);
    const service = folder ? owner(services, folder) : await choose(services, title);
    if (service) {
      try {
        await work(service);
      } catch (error) {
        await show(error, service.folder);
      }
    } else if (folder || services.length === 0) {
      const said = `${title} was not done: there is no azds.yaml in ${folder ?? 'the workspace'}. Prepare the service first.`;
      const chosen = await vscode.window.showErrorMessage(said, 'Prepare');
      if (chosen) {
        await vscode.commands.executeCommand('azds.prep', folder && vscode.Uri.file(folder));
      }
    }
  }

  private async withFolder(subject: Subject, work: (folder: string) => unknown): Promise<void> {
    await work(folderOf(subject) ?? (await this.anyFolder()));
  }

  /** A folder whose space is meant. */
  private async anyFolder(): Promise<string> {
    const [service] = await this.services.folders();
    return service?.folder ?? this.firstFolder();
  }

  private firstFolder(): string {
    const [folder] = openFolders();
    if (!folder) {
      throw new Error('The command was not run: no folder is open. Open the folder of a service first.');
    }
    return folder;
  }
}

async function refuse(): Promise<void> {
  const said = 'This folder is not trusted: its files are checked, and nothing else is done.';
  if (await vscode.window.showWarningMessage(said, 'Manage Workspace Trust')) {
    await vscode.commands.executeCommand('workbench.trust.manage');
  }
}

function folderOf(subject: Subject): string | undefined {
  if (subject instanceof vscode.Uri) {
    return subject.fsPath;
  }
  if (subject && 'service' in subject) {
    return subject.service.folder;
  }
  return subject && 'folder' in subject ? subject.folder : undefined;
}

async function folderToPrepare(): Promise<string | undefined> {
  const folders = openFolders();
  if (folders.length === 1) {
    return folders[0];
  }
  const picked = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Prepare',
    title: 'Folder of the service, with its project file',
  });
  return picked?.[0]?.fsPath;
}

function openExternal(row: UriRow): Thenable<boolean> {
  return vscode.env.openExternal(vscode.Uri.parse(row.uri, true));
}
