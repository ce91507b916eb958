// Code in documents: found, and type-checked as its readers would write it.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const root: string = resolve(import.meta.dirname, '..');

/** What `ohmic` and `ohmic/node` are in a checkout. */
export const entries: { readonly ohmic: string; readonly 'ohmic/node': string } = {
  ohmic: join(root, 'src', 'index.ts'),
  'ohmic/node': join(root, 'src', 'node', 'index.ts'),
};

/** The blocks of a document in one language, as the text after ``` has it. */
export function blocksOf(document: string, language: string): readonly string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!);
}

/** TypeScript blocks of documents, by names of files: `start-1.ts`. */
export function scriptsOf(documents: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    documents.flatMap((document) =>
      blocksOf(document, 'ts').map((code, i) => [`${basename(document, '.md')}-${i + 1}.ts`, code]),
    ),
  );
}

/**
 * Writes scripts into a folder and checks all of them by one run of the compiler.
 *
 * @returns what the compiler says; nothing if all is well
 */
export async function checkTypes(folder: string, scripts: Readonly<Record<string, string>>): Promise<string> {
  const files = Object.keys(scripts);
  for (const [name, code] of Object.entries(scripts)) writeFileSync(join(folder, name), code);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, [path]])),
        typeRoots: [join(root, 'node_modules', '@types')],
        isolatedDeclarations: false,
        declaration: false,
      },
      files,
      include: [],
    }),
  );
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = (await run(process.execPath, [compiler, '-p', folder]).catch((failed) => failed)) as {
    readonly stdout: string;
  };
  return stdout;
}

/** A script with `ohmic` and `ohmic/node` of this checkout. */
export function fromSources(code: string): string {
  return Object.entries(entries).reduce(
    (text, [name, path]) => text.replaceAll(`from '${name}'`, () => `from '${path}'`),
    code,
  );
}
