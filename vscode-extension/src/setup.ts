// What is done once: setting a cluster up, and finding out what is wrong.

import * as vscode from 'vscode';
import { sentence } from './failure';
import type { Server } from './server';

/** Looks at folder, machine and cluster, and shows what is wrong with its action. */
export async function doctor(server: Server, folder: string): Promise<void> {
  const { checks } = await server.run('azds: Doctor', 'azds.server.doctor', { folder });
  const items = checks.map((check) => ({
    label: `${check.failure ? '$(error)' : check.unknown ? '$(question)' : '$(pass)'} ${check.name}`,
    description: check.failure ? 'wrong' : check.unknown ? 'not known' : 'ok',
    detail: check.failure ? sentence(check.failure) : (check.unknown ?? check.found ?? ''),
    check,
  }));
  const wrong = checks.filter((check) => check.failure).length;
  const title = wrong ? `Doctor: ${wrong} of ${checks.length} checks failed` : 'Doctor: all is well';
  const placeHolder = wrong ? 'Choose one for its remedy' : 'What was looked at';
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder, matchOnDetail: true });
  const failure = picked?.check.failure;
  if (failure) {
    await vscode.window.showErrorMessage(sentence(failure));
  }
}

/** Installs azds into the cluster and makes a namespace a space. */
export async function useDevSpaces(server: Server): Promise<void> {
  const title = 'Set Up Cluster';
  const space = await vscode.window.showInputBox({
    title,
    prompt: 'Namespace that becomes a space; it is made if need be',
    placeHolder: 'the namespace of the kubeconfig',
  });
  if (space === undefined) {
    return;
  }
  const grant = await vscode.window.showInputBox({
    title,
    prompt: 'Users and groups (group:NAME) who may work in it, apart by spaces; may be empty',
    placeHolder: 'alice group:developers',
  });
  if (grant === undefined) {
    return;
  }
  const detail =
    'azds is installed into namespace azds of the cluster that your kubeconfig leads to. You must be its administrator. azds remove-dev-spaces takes all of it away again.';
  const confirmed = await vscode.window.showWarningMessage(
    'Set this cluster up for Azure Dev Spaces?',
    { modal: true, detail },
    title,
  );
  if (!confirmed) {
    return;
  }
  const done = await server.run('azds: Set Up Cluster', 'azds.server.useDevSpaces', {
    ...(space ? { space } : {}),
    grant: grant.split(/\s+/).filter(Boolean),
  });
  const what = done.changed ? 'is set up' : 'was set up already';
  const said = `The cluster ${what}${done.space ? `, with space ${done.space}` : ''}.`;
  if (await vscode.window.showInformationMessage(said, 'Up')) {
    await vscode.commands.executeCommand('azds.up');
  }
}
