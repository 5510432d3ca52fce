// The extension's own tests, in the extension host of a VS Code: `npm test`. AZDS_TEST_CODE names a VS Code
// that is there; else one is downloaded.
import { join } from 'node:path';
import { defineConfig } from '@vscode/test-cli';

const { AZDS_TEST_CODE: code, AZDS_TEST_FOLDER: folder } = process.env;

export default defineConfig({
  files: 'dist/test/*.test.js',
  mocha: { ui: 'bdd', timeout: 100_000, reporter: join(import.meta.dirname, 'dist/test/reporter.js') },
  ...(folder ? { workspaceFolder: folder } : {}),
  ...(code ? { useInstallation: { fromPath: code } } : {}),
});
