// Entries of launch.json that Azure Dev Spaces itself had written: they call a service that has ended.

import * as vscode from 'vscode';

const DISMISSED = 'upgrade.dismissed';

/** Offers to replace them, once per workspace. */
export async function offer(context: vscode.ExtensionContext): Promise<void> {
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const launch = vscode.workspace.getConfiguration('launch', folder);
    const entries = launch.get<vscode.DebugConfiguration[]>('configurations') ?? [];
    const old = entries.filter(isOld);
    if (old.length === 0 || context.workspaceState.get(DISMISSED)) {
      continue;
    }
    const names = old.map(({ name }) => name).join(', ');
    const said = `launch.json of ${folder.name} has entries of Azure Dev Spaces, which has ended: ${names}. Replace them by ones that work with your cluster?`;
    const chosen = await vscode.window.showInformationMessage(said, 'Replace', 'Never');
    if (chosen === 'Never') {
      await context.workspaceState.update(DISMISSED, true);
    } else if (chosen) {
      const replaced = entries.map((entry) => (isOld(entry) ? upgraded(entry) : entry));
      await launch.update('configurations', replaced, vscode.ConfigurationTarget.WorkspaceFolder);
      await vscode.window.showTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode/launch.json'));
    }
  }
}

/** They had a task that ran `azds up`, or ran azds themselves. */
export function isOld(entry: vscode.DebugConfiguration): boolean {
  const pipe = entry['pipeTransport'] as { pipeProgram?: unknown } | undefined;
  return (
    entry.type !== 'azds' &&
    (/^(azds|dev-spaces): pre/.test(String(entry['preLaunchTask'] ?? '')) ||
      entry.type === 'java-azds' ||
      entry['runtimeExecutable'] === 'azds' ||
      pipe?.pipeProgram === 'azds')
  );
}

/** What does the same now. The folder of the sources is where azds.yaml was. */
export function upgraded(entry: vscode.DebugConfiguration): vscode.DebugConfiguration {
  const sources = Object.values((entry['sourceFileMap'] ?? {}) as Record<string, string>);
  const folder = sources[0] ?? (entry['localRoot'] as string | undefined) ?? '${workspaceFolder}';
  return {
    type: 'azds',
    request: entry.request === 'attach' ? 'attach' : 'launch',
    name: entry.name.replace(/ \((AZDS|Dev Spaces)\)$/, ' (azds)'),
    folder: folder.replace(/\/\.?$/, ''),
  };
}
