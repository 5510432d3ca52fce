// Bundles the extension into dist/extension.js; with --tests also its tests into dist/test.
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  logLevel: 'warning',
};
await build({ ...common, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', minify: true });
if (process.argv.includes('--tests')) {
  const names = readdirSync('src/test').filter((name) => name.endsWith('.test.ts'));
  const entryPoints = [...names, 'reporter.ts'].map((name) => `src/test/${name}`);
  await build({ ...common, entryPoints, outdir: 'dist/test', sourcemap: 'inline' });
}
