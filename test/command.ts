// The `ohmic` command as tests start it: a process of its own, in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The command's entry. */
export const MAIN: string = resolve(import.meta.dirname, '../src/cli/main.ts');

/** How a command ended, and what it said. */
export type Outcome = { readonly code: number | null; readonly out: string; readonly err: string };

/** What varies between starts. */
export type SpawnOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Called whenever the command has said something on stderr. */
  readonly onErr?: (child: ChildProcess, err: string) => void;
};

/** Starts commands in a folder. */
export function commandIn(
  folder: string,
): (args: readonly string[], options?: SpawnOptions) => Promise<Outcome> {
  return (args, { env = {}, onErr } = {}) => {
    const { CC: _, OHMIC_DATA: __, ...inherited } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...inherited, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
      onErr?.(child, err);
    });
    return new Promise((done) => {
      child.on('close', (code) => done({ code, out, err }));
    });
  };
}
