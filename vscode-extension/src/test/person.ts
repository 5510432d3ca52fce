// Stands in for the person at the window: keeps what is shown, and answers.

import * as vscode from 'vscode';

/** A message, a list or a question. */
interface Shown {
  text: string;
  /** Titles of its buttons, or the labels of a list. */
  options: string[];
}

type Item = string | { title: string } | { label: string };

const window = vscode.window as unknown as Record<string, unknown>;
const MESSAGES = ['showErrorMessage', 'showWarningMessage', 'showInformationMessage'];

export class Person {
  readonly shown: Shown[] = [];
  private readonly before = new Map<string, unknown>();

  /** `answers`: by a part of the text, the button, the label or the input. What is not here is dismissed. */
  constructor(private readonly answers: Record<string, string> = {}) {
    for (const name of MESSAGES) {
      this.stub(name, (text: string, ...rest: (Item | vscode.MessageOptions)[]) => {
        const items = rest.filter((it): it is Item => typeof it === 'string' || 'title' in it);
        return this.answer(text, items);
      });
    }
    this.stub('showQuickPick', (items: Item[], options?: vscode.QuickPickOptions) =>
      this.answer(options?.title ?? '', items),
    );
    this.stub('showInputBox', (options: vscode.InputBoxOptions) => {
      this.shown.push({ text: options.prompt ?? '', options: [] });
      return Promise.resolve(this.said(options.prompt ?? ''));
    });
  }

  /** What was shown with this text. */
  saw(pattern: RegExp): Shown | undefined {
    return this.shown.find(({ text }) => pattern.test(text));
  }

  leave(): void {
    this.before.forEach((function_, name) => (window[name] = function_));
  }

  private stub(name: string, function_: unknown): void {
    this.before.set(name, window[name]);
    window[name] = function_;
  }

  private answer(text: string, items: Item[]): Promise<Item | undefined> {
    const options = items.map(labelOf);
    this.shown.push({ text, options });
    const said = this.said(text);
    return Promise.resolve(said === undefined ? undefined : items[options.indexOf(said)]);
  }

  private said(text: string): string | undefined {
    return Object.entries(this.answers).find(([part]) => text.includes(part))?.[1];
  }
}

function labelOf(item: Item): string {
  return typeof item === 'string' ? item : 'title' in item ? item.title : item.label;
}
