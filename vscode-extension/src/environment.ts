// The environment that azds gets. An editor that was started from a desktop lacks what the login shell
// sets: PATH with helm on it, KUBECONFIG, credentials of cloud providers.

import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import * as vscode from 'vscode';

/** So long a login shell may take; some wait for a network. */
const LIMIT = 5000;
const MARK = 'azds-environment';

let login: Promise<NodeJS.ProcessEnv> | undefined;

/** The editor's environment, completed by the login shell's, with what the settings say. */
export async function environment(): Promise<NodeJS.ProcessEnv> {
  login ??= ofLoginShell();
  const shell = await login;
  const settings = vscode.workspace.getConfiguration('azds');
  const helm = settings.get<string>('helm.path');
  return {
    ...shell,
    ...process.env,
    PATH: joined(process.env['PATH'], shell['PATH']),
    ...(helm ? { AZDS_HELM: helm } : {}),
    ...settings.get<Record<string, string>>('environment'),
  };
}

/** Asked for again after a restart of the server: the shell's files may have changed. */
export function forget(): void {
  login = undefined;
}

function joined(...paths: (string | undefined)[]): string {
  const folders = paths.flatMap((path) => path?.split(delimiter) ?? []);
  return [...new Set(folders.filter((folder) => folder !== ''))].join(delimiter);
}

/** Nothing where there is no such shell, or where it does not answer: the editor's own must do then. */
function ofLoginShell(): Promise<NodeJS.ProcessEnv> {
  const shell = process.env['SHELL'];
  if (process.platform === 'win32' || !shell) {
    return Promise.resolve({});
  }
  return new Promise((resolve) => {
    // The program that runs this is a Node everywhere, on desktops with this variable. Its quotes are
    // those that every shell understands.
    const print = `'${process.execPath}' -p '"${MARK}" + JSON.stringify(process.env) + "${MARK}"'`;
    const child = spawn(shell, ['-i', '-l', '-c', print], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    child.on('error', () => resolve({}));
    child.on('close', () => {
      clearTimeout(timer);
      resolve(parsed(said.split(MARK)[1]));
    });
  });
}

function parsed(json: string | undefined): NodeJS.ProcessEnv {
  try {
    const { ELECTRON_RUN_AS_NODE: _, ...found } = JSON.parse(json ?? '{}') as NodeJS.ProcessEnv;
    return found;
  } catch {
    return {};
  }
}
