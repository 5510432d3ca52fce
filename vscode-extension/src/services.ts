// The services of the workspace as they are: what the tree and the status bar show.

import { sep } from 'node:path';
import * as vscode from 'vscode';
import type { ServiceFolder, ServiceStatus } from './protocol';
import { shown } from './failure';
import type { Server } from './server';

/** Between looks at the cluster while somebody sees the services. */
const INTERVAL = 15_000;

export class Services implements vscode.Disposable {
  /** How they are, as far as it is known. */
  all: ServiceStatus[] = [];
  /** Name of the kubeconfig's context. */
  target: string | undefined;
  /** Why that is not known. */
  problem: string | undefined;
  /** Whether somebody sees them. */
  visible = false;

  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private asking: Promise<void> | undefined;
  private again = false;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly server: Server) {
    this.timer = setInterval(() => {
      if (this.visible && vscode.window.state.focused) {
        void this.refresh();
      }
    }, INTERVAL);
  }

  /** Looks at them now; while it looks, one more look is kept in mind and no more. */
  refresh(): Promise<void> {
    if (this.asking) {
      this.again = true;
      return this.asking;
    }
    this.asking = this.look().finally(() => (this.asking = undefined));
    return this.asking;
  }

  /** Those of the workspace, without asking the cluster. */
  async folders(): Promise<ServiceFolder[]> {
    return this.server.ask('azds.server.services', { folders: openFolders() });
  }

  /** How the service of a folder is. */
  of(folder: string): ServiceStatus | undefined {
    return this.all.find((service) => service.folder === folder);
  }

  dispose(): void {
    clearInterval(this.timer);
    this.changed.dispose();
  }

  private async look(): Promise<void> {
    do {
      this.again = false;
      try {
        const found = await this.server.ask('azds.server.status', { folders: openFolders() });
        this.all = found.services;
        this.target = found.target ?? undefined;
        this.problem = undefined;
      } catch (error) {
        this.problem = shown(error).text;
      }
      this.changed.fire();
    } while (this.again);
  }
}

/** The folders of the workspace that are on this machine. */
export function openFolders(): string[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath);
}

/** The innermost of these services that a file belongs to. */
export function owner<S extends { folder: string }>(services: S[], file: string): S | undefined {
  const its = services.filter(({ folder }) => file === folder || file.startsWith(folder + sep));
  return its.sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** The one that the active editor's file belongs to. */
export function active<S extends { folder: string }>(services: S[]): S | undefined {
  const file = vscode.window.activeTextEditor?.document.uri;
  return file?.scheme === 'file' ? owner(services, file.fsPath) : undefined;
}

/** The one that is meant: the only one, the active editor's, else the one that a person picks. */
export async function choose(
  services: ServiceFolder[],
  title: string,
): Promise<ServiceFolder | undefined> {
  const [only] = services;
  if (services.length <= 1) {
    return only;
  }
  const first = active(services);
  const items = services.map((service) => ({
    label: service.name,
    description: vscode.workspace.asRelativePath(service.folder),
    service,
  }));
  items.sort((a, b) => Number(b.service === first) - Number(a.service === first));
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'Service' });
  return picked?.service;
}
