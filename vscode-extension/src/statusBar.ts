// The status bar: space and state of the service at hand, and its address.

import * as vscode from 'vscode';
import { sentence } from './failure';
import type { ServiceStatus } from './protocol';
import type { Server } from './server';
import { active, type Services } from './services';

export class StatusBar implements vscode.Disposable {
  private readonly state: vscode.StatusBarItem;
  private readonly uri: vscode.StatusBarItem;
  private readonly listening: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly services: Services,
  ) {
    this.state = vscode.window.createStatusBarItem('azds.state', vscode.StatusBarAlignment.Left, 5);
    this.state.name = 'Azure Dev Spaces';
    this.uri = vscode.window.createStatusBarItem('azds.uri', vscode.StatusBarAlignment.Left, 4);
    this.uri.name = 'Azure Dev Spaces: Address';
    this.listening = [
      services.onDidChange(() => this.show()),
      server.onDidChange(() => this.show()),
      vscode.window.onDidChangeActiveTextEditor(() => this.show()),
    ];
    this.show();
  }

  dispose(): void {
    this.listening.forEach((it) => it.dispose());
    this.state.dispose();
    this.uri.dispose();
  }

  private show(): void {
    const service = this.server.problem ? undefined : this.service();
    this.showUri(service);
    if (this.server.problem) {
      this.fill('$(error) azds', this.server.problem, 'azds.restartServer', 'errorBackground');
      return;
    }
    const { all } = this.services;
    if (service) {
      this.showService(service);
    } else if (all.length > 0) {
      const up = all.filter((it) => it.up).length;
      this.fill(`$(vm) ${up} of ${all.length} up`, this.services.target ?? '', 'azds.listServices');
    } else {
      this.fill('$(vm) azds', 'The services are looked for.', 'azds.refresh');
    }
  }

  /** That of the active editor, else the only one. */
  private service(): ServiceStatus | undefined {
    const { all } = this.services;
    return active(all) ?? (all.length === 1 ? all[0] : undefined);
  }

  private showService(service: ServiceStatus): void {
    const space = service.space ?? 'no space';
    const said = service.failure
      ? sentence(service.failure)
      : `${service.name} in space ${space}: ${service.status}`;
    const mark = service.failure ? '$(warning)' : service.up ? '$(vm-running)' : '$(vm-outline)';
    this.fill(`${mark} ${space}: ${service.name} ${service.status.toLowerCase()}`, said, 'azds.menu');
  }

  private showUri(service: ServiceStatus | undefined): void {
    const uri = service?.uris.find((it) => it.status === 'Available') ?? service?.uris[0];
    if (!service || !uri) {
      this.uri.hide();
      return;
    }
    this.uri.text = `$(link-external) ${uri.uri.replace(/^https?:\/\//, '')}`;
    this.uri.tooltip = `Open ${uri.uri} (${uri.status})`;
    this.uri.accessibilityInformation = { label: `Open ${uri.uri}`, role: 'button' };
    this.uri.command = {
      command: 'azds.openUri',
      title: 'Open',
      arguments: [{ kind: 'uri', uri, service }],
    };
    this.uri.show();
  }

  private fill(text: string, tooltip: string, command: string, background?: string): void {
    this.state.text = text;
    this.state.tooltip = tooltip;
    this.state.command = command;
    this.state.backgroundColor = background
      ? new vscode.ThemeColor(`statusBarItem.${background}`)
      : undefined;
    const said = tooltip || text.replace(/\$\([^)]*\) /, '');
    this.state.accessibilityInformation = { label: `Azure Dev Spaces: ${said}`, role: 'button' };
    this.state.show();
  }
}
