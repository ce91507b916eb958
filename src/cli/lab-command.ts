// `ohmic lab`: the page of the lab on this machine, and a record in it.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import { parseRecord } from '../report/json.ts';
import { labServer, listen } from './lab-server.ts';

/** Flags of `ohmic lab`. */
export type LabFlags = { readonly port: number };

/** The folder of the built page: beside the command in the package, in dist/ of a checkout; undefined if there is none. */
export function builtPage(): string | undefined {
  const folders = [
    resolve(import.meta.dirname, '..', 'lab'),
    resolve(import.meta.dirname, '..', '..', 'dist', 'lab'),
  ];
  return folders.find((folder) => existsSync(resolve(folder, 'index.html')));
}

/**
 * Serves the page until the process ends, and says where.
 *
 * @param folder of the page, from `builtPage`
 * @throws UsageError if the page is not built, the port is taken, or the record is none
 */
export async function labCommand(
  file: string | undefined,
  { port }: LabFlags,
  folder: string | undefined,
): Promise<void> {
  if (folder === undefined)
    throw new UsageError('lab: expected the built page in dist/lab, got none; build it with npm run build');
  const record = file === undefined ? undefined : readRecord(file);
  const used = await listen(labServer({ folder, record }), port);
  const view = record === undefined ? '' : '#record?from=record.json';
  process.stdout.write(`The lab is at http://127.0.0.1:${used}/${view}\nCtrl-C ends it.\n`);
}

/** The text of a record, checked, so that a mistake is said here. */
function readRecord(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new UsageError(`lab: ${file} can't be read (${messageOf(thrown)}); check the path`);
  }
  parseRecord(text);
  return text;
}
