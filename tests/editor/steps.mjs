// A story in VS Code: its steps, each with a picture of what a person sees at its end.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE, Workbench, required } from './workbench.mjs';

const screens = required('AZDS_TEST_SCREENS');

/** Tells a story in a workbench, which is closed at its end. */
export async function tell(name, options, story) {
  mkdirSync(screens, { recursive: true });
  const workbench = await Workbench.open(options);
  const begun = Date.now();
  let steps = 0;
  const step = async (title, work) => {
    steps += 1;
    const picture = join(screens, `${name}-${String(steps).padStart(2, '0')}-${title}`);
    try {
      await work();
      await workbench.page.screenshot({ path: `${picture}.png` });
      console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s ${name}: ${title}`);
    } catch (error) {
      await workbench.page.screenshot({ path: `${picture}-FAILED.png` });
      const messages = await workbench.page.locator('.notification-list-item').allInnerTexts();
      const shown = JSON.stringify(messages);
      throw new Error(`${title}: ${error.message}\nThe window shows: ${shown}\nSee ${picture}-FAILED.png`);
    }
  };
  try {
    await story(workbench, step);
  } finally {
    await workbench.close();
  }
}

/** Line and column, from 1, of a text in a file. */
export function placeOf(file, text) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const line = lines.findIndex((it) => it.includes(text));
  assert.notEqual(line, -1, `${text} is not in ${file}`);
  return [line + 1, lines[line].indexOf(text) + 1];
}

/** Tries again and again until it works or patience is over. */
export async function until(what, attempt) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) {
        throw new Error(`waited ${PATIENCE / 1000} s for ${what}: ${error.message}`);
      }
      await sleep(100);
    }
  }
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What the service at an address says is its currency. */
export async function answer(uri, patience = PATIENCE) {
  const response = await fetch(`${uri}/api/demo`, { signal: AbortSignal.timeout(patience) });
  assert.equal(response.status, 200);
  return (await response.json()).currency;
}

/** Asks a service again and again, until the request that was stopped at a breakpoint goes on. */
export class Asking {
  constructor(uri) {
    this.uri = uri;
    this.answer = this.ask();
    // Whoever wants it waits for it.
    this.answer.catch(() => undefined);
  }

  async ask() {
    for (;;) {
      this.said = await answer(this.uri, PATIENCE / 3).catch((error) => error.message);
      if (this.resumed) {
        return this.said;
      }
      await sleep(300);
    }
  }

  /** Waits for what its requests are to bring about; if that does not come, it says what the service said last. */
  async brings(about) {
    try {
      return await about;
    } catch (error) {
      throw new Error(`${error.message}\nThe service said last: ${this.said}`);
    }
  }

  /** The next answer is the last. */
  goesOn() {
    this.resumed = true;
    return this.answer;
  }
}

/** A debug session as the workbench shows it. */
export class Debugging {
  constructor(workbench) {
    this.workbench = workbench;
    this.page = workbench.page;
    this.stop = this.page.locator('.monaco-editor .debug-top-stack-frame-line');
    this.toolbar = this.page.locator('.debug-toolbar');
  }

  async breakpoint(file, line) {
    await this.workbench.open(file, line);
    await this.page.keyboard.press('F9');
    await this.page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
  }

  /** Shows the view, as VS Code does at the first stop: opened later, it does not unfold the call stack. */
  async view() {
    await this.page.keyboard.press('Control+Shift+D');
    // Without a session there is no call stack yet, but the breakpoint that was set.
    await this.page.locator('.debug-breakpoints, .debug-call-stack').first().waitFor();
  }

  async start() {
    await this.view();
    await this.page.keyboard.press('F5');
    await this.toolbar.waitFor();
  }

  /** Waits until the line is lit, and for a local variable with this value in a frame of this name. */
  async stopped(frame, name, value, scope = 'Local') {
    await this.stop.first().waitFor();
    const rows = (text) => this.page.locator('.debug-variables .monaco-list-row', { hasText: text });
    const locals = rows(scope).first();
    await locals.waitFor();
    if ((await locals.getAttribute('aria-expanded')) !== 'true') {
      await locals.click();
    }
    await rows(name).first().waitFor();
    assert.match(await rows(name).first().innerText(), value);
    await this.page.locator('.debug-call-stack').getByText(frame).first().waitFor();
  }

  async goOn() {
    await this.page.keyboard.press('F5');
    await this.stop.first().waitFor({ state: 'hidden' });
  }

  async end() {
    await this.page.keyboard.press('Shift+F5');
    await this.toolbar.waitFor({ state: 'hidden' });
  }
}
