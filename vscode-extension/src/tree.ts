// The tree of services, with their pods and addresses.

import * as vscode from 'vscode';
import { sentence } from './failure';
import type { PodRow, ServiceStatus, UriRow } from './protocol';
import type { Services } from './services';

type Node =
  | { kind: 'service'; service: ServiceStatus }
  | { kind: 'pod'; pod: PodRow; service: ServiceStatus }
  | { kind: 'uri'; uri: UriRow; service: ServiceStatus }
  | { kind: 'failure'; text: string };

/** What a command gets of the node that it was called on. */
export type { Node };

export class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(private readonly services: Services) {
    this.onDidChangeTreeData = services.onDidChange;
    this.view = vscode.window.createTreeView('azds.services', { treeDataProvider: this });
    this.view.onDidChangeVisibility(({ visible }) => {
      services.visible = visible;
      if (visible) {
        void services.refresh();
      }
    });
    services.onDidChange(() => {
      this.view.description = services.target ?? '';
      this.view.message = services.problem ?? '';
    });
  }

  getChildren(node?: Node): Node[] {
    if (!node) {
      return this.services.all.map((service) => ({ kind: 'service', service }));
    }
    if (node.kind !== 'service') {
      return [];
    }
    const { service } = node;
    const { failure } = service;
    return [
      ...service.pods.map((pod): Node => ({ kind: 'pod', pod, service })),
      ...service.uris.map((uri): Node => ({ kind: 'uri', uri, service })),
      ...(failure ? [{ kind: 'failure', text: sentence(failure) } satisfies Node] : []),
    ];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'service':
        return service(node.service);
      case 'pod':
        return item(node.pod.name, node.pod.status, icon(node.pod.status, 'package'), 'pod');
      case 'uri': {
        const { uri, status } = node.uri;
        const own = item(uri, status, status === 'Tunneled' ? 'plug' : 'globe', 'uri');
        own.command = { command: 'azds.openUri', title: 'Open', arguments: [node] };
        return own;
      }
      case 'failure': {
        const own = item(node.text, '', 'warning', 'failure');
        own.tooltip = node.text;
        return own;
      }
    }
  }

  dispose(): void {
    this.view.dispose();
  }
}

function service(service: ServiceStatus): vscode.TreeItem {
  const said = [service.status, service.space].filter(Boolean).join(' · ');
  const kind = service.up ? 'service.up' : 'service';
  const own = item(service.name, said, service.up ? icon(service.status, 'vm-running') : 'vm-outline', kind);
  const inner = service.pods.length + service.uris.length + (service.failure ? 1 : 0);
  own.collapsibleState = inner
    ? vscode.TreeItemCollapsibleState.Expanded
    : vscode.TreeItemCollapsibleState.None;
  own.tooltip = service.folder;
  // Another node once it has something inside: VS Code keeps the state in which it first saw a node.
  own.id = `${service.folder}#${inner > 0}`;
  return own;
}

function item(label: string, description: string, icon: string, kind: string): vscode.TreeItem {
  const own = new vscode.TreeItem(label);
  own.description = description;
  own.iconPath = new vscode.ThemeIcon(icon);
  own.contextValue = kind;
  own.accessibilityInformation = { label: [label, description].filter(Boolean).join(', ') };
  return own;
}

function icon(status: string, well: string): string {
  return status === 'Running' ? well : 'loading~spin';
}
