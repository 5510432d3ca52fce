// Failures as people see them: one message, in the server's words, with its action as a button.

import * as vscode from 'vscode';
import { ResponseError } from 'vscode-languageclient/node';
import type { Action, Failure } from './protocol';

/** A failure with the sentence in which it is shown. */
export interface Shown {
  text: string;
  failure?: Failure;
  cancelled: boolean;
}

/** LSP's RequestCancelled. */
const CANCELLED = -32800;

/** What went wrong, whoever said so. */
export function shown(error: unknown): Shown {
  if (error instanceof ResponseError) {
    const failure = isFailure(error.data) ? error.data : undefined;
    return { text: error.message, cancelled: error.code === CANCELLED, ...(failure && { failure }) };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { text, cancelled: error instanceof vscode.CancellationError };
}

function isFailure(data: unknown): data is Failure {
  return typeof data === 'object' && data !== null && 'what' in data && 'why' in data;
}

/** A failure that came as part of a result, in the form of those that came as an error. */
export function sentence({ what, object, why, try: remedy }: Failure): string {
  const reason = [object, why.replace(/\.$/, '')].filter(Boolean).join(': ');
  const said = [what, reason].filter(Boolean).join(': ');
  return [/[?!]$/.test(said) ? said : `${said}.`, remedy].filter(Boolean).join(' ');
}

/** Shows it. `folder` is that of the service that the action is for. */
export async function show(error: unknown, folder?: string): Promise<void> {
  const { text, failure, cancelled } = shown(error);
  if (cancelled) {
    void vscode.window.showInformationMessage(text);
    return;
  }
  const buttons = [...button(failure?.action, folder), ...place(failure), ...log(failure)];
  const chosen = await vscode.window.showErrorMessage(text, ...buttons);
  await chosen?.run();
}

interface Button extends vscode.MessageItem {
  run: () => Thenable<unknown>;
}

const run =
  (command: string, ...args: unknown[]) =>
  () =>
    vscode.commands.executeCommand(command, ...args);

function button(action: Action | null | undefined, folder: string | undefined): Button[] {
  const subject = folder === undefined ? [] : [vscode.Uri.file(folder)];
  switch (action?.command) {
    case 'prep':
      return [{ title: 'Prepare', run: run('azds.prep', ...subject) }];
    case 'up':
      return [{ title: 'Up', run: run('azds.up', ...subject) }];
    case 'select-space':
      return [{ title: 'Select Space', run: run('azds.selectSpace', ...subject) }];
    case 'doctor':
      return [{ title: 'Doctor', run: run('azds.doctor', ...subject) }];
    case 'install-debugger':
      return [{ title: 'Install Debugger', run: run('azds.installDebugger', action.runtime) }];
    default:
      return [];
  }
}

/** An object of the form FILE:LINE is a place that one can go to. */
function place(failure: Failure | undefined): Button[] {
  const found = /^(.+):(\d+)$/.exec(failure?.object ?? '');
  if (!found?.[1]?.startsWith('/')) {
    return [];
  }
  const at = new vscode.Position(Number(found[2]) - 1, 0);
  const uri = vscode.Uri.file(found[1]);
  const open = () => vscode.window.showTextDocument(uri, { selection: new vscode.Range(at, at) });
  return [{ title: 'Open File', run: open }];
}

function log(failure: Failure | undefined): Button[] {
  return failure?.audience === 'us' ? [{ title: 'Show Log', run: run('azds.showServerLog') }] : [];
}
