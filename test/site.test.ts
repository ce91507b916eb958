// The site: it builds with all its links, its code is true, and its table of published figures is that of the records.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { publishedTables } from '../site/published.ts';
import { siteAddress } from '../site/repository-links.ts';
import { checkRunSettings } from '../src/cli/check-settings.ts';
import { parseYaml } from '../src/cli/parse-yaml.ts';
import { buildProgram } from '../src/cli/program.ts';
import { twinsSchema } from '../src/cli/twins-schema.ts';
import { type HardwareChoice, resolveHardware } from '../src/crossbar/hardware-choice.ts';
import { checkSweepFile } from '../src/sweep/sweep-file.ts';
import { blocksOf, checkTypes, fromSources, root, scriptsOf } from './snippets.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'ohmic-site-'));
after(() => rmSync(folder, { recursive: true }));

const pages = readdirSync(join(root, 'site'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `site/${name}`);
const scripts = scriptsOf(pages);

/** What scripts are run with, so that they take a second each. */
const TINY = { epochs: 1, trainCount: 250, testCount: 20 } as const;
type Size = keyof typeof TINY;

test('every script of the pages passes the type check', async () => {
  assert.ok(Object.keys(scripts).length >= 6);
  assert.equal(await checkTypes(folder, scripts), '');
});

test('every script of the pages runs and ends, with few images, one epoch, and WebAssembly', async () => {
  const modules = join(folder, 'run');
  mkdirSync(modules);
  for (const [name, code] of Object.entries(scripts)) {
    const tiny = code
      .replaceAll(/\b(epochs|trainCount|testCount): \d+/g, (_, what) => `${what}: ${TINY[what as Size]}`)
      .replaceAll('createEngine()', "createEngine({ backend: 'wasm', threads: 1 })");
    const file = join(modules, name);
    writeFileSync(file, fromSources(tiny));
    await run(process.execPath, [file]);
  }
});

/** All commands and their subcommands. */
const commandsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(commandsOf)];

/** The command, which reads its arguments, does nothing, and throws where it would end the process. */
function idleProgram(): Command {
  const program = buildProgram();
  for (const command of commandsOf(program)) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    if (command !== program) command.action(() => undefined);
  }
  return program;
}

/** Arguments of the calls of `ohmic` in shell code, without comments, pipes and redirections. */
function ohmicCalls(shell: string): readonly (readonly string[])[] {
  const commands = shell.replaceAll(/\\\n\s*/g, '').split(/\n|&&/);
  return commands.flatMap((command) => {
    const line = command.replace(/\s(#|>|\|).*$/, '').trim();
    const [, args] = /^(?:npx ohmic|npm run ohmic --|ohmic) (.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [args.split(/\s+/)];
  });
}

const documents = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...pages,
];

test('every call of the command in the documents has arguments that the command knows', async () => {
  const calls = documents.flatMap((document) =>
    blocksOf(document, 'sh').flatMap((shell) => ohmicCalls(shell).map((args) => ({ document, args }))),
  );
  assert.ok(calls.length > 30, `${calls.length} calls`);
  const faults: string[] = [];
  for (const { document, args } of calls)
    await idleProgram()
      .parseAsync(['node', 'ohmic', ...args])
      .catch((thrown: Error) => faults.push(`${document}: ohmic ${args.join(' ')}: ${thrown.message}`));
  assert.deepEqual(faults, []);
});

test('an argument that the command does not know is found', async () => {
  await assert.rejects(idleProgram().parseAsync(['node', 'ohmic', 'cost', '--modell', 'mlp']), /--modell/);
});

test('the table of commands names all of them', () => {
  const table = readFileSync(join(root, 'docs', 'command.md'), 'utf8');
  const missing = buildProgram()
    .commands.map((command) => command.name())
    .filter((name) => name !== 'bench' && !table.includes(`| \`ohmic ${name}`));
  assert.deepEqual(missing, []);
});

test('every settings file of the pages has the form that it shows', () => {
  const files = pages.flatMap((page) => blocksOf(page, 'yaml').map((text) => ({ page, text })));
  assert.ok(files.length >= 3);
  for (const { page, text } of files) {
    const raw = parseYaml(text) as Readonly<Record<string, never>>;
    if ('axes' in raw) checkSweepFile(page, raw);
    else if ('parts' in raw) twinsSchema.parse(raw);
    else if ('preset' in raw) resolveHardware(raw as unknown as HardwareChoice);
    else checkRunSettings(page, raw);
  }
});

test('the table has the figures of the publications and of the records', () => {
  const tables = publishedTables(root);
  assert.ok(tables.length >= 3);
  // The README rounds nothing: what it says of these experiments is in the table.
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  for (const what of ['on the chip over a day, AdaBS', 'test accuracy with weights on the chip']) {
    const row = tables.flatMap(({ rows }) => rows).find((row) => row.what === what)!;
    assert.match(row.ours, /^\d\d\.\d\d ± 0\.\d\d %$/);
    assert.ok(readme.includes(row.ours.replace(' %', '')), `${what}: ${row.ours}`);
    assert.ok(readme.includes(row.published.replaceAll(/[> %]/g, '')), `${what}: ${row.published}`);
  }
});

test('links of documents lead to pages, else into the repository; others end the build', () => {
  const targets = {
    root,
    repository: 'https://example.org/r',
    pageOf: (path: string) => (path === 'docs/physics.md' ? '/docs/physics' : undefined),
  };
  const from = join(root, 'docs', 'energy.md');
  assert.equal(siteAddress(from, 'physics.md#compensation', targets), '/docs/physics#compensation');
  assert.equal(siteAddress(from, '../results', targets), 'https://example.org/r/tree/main/results');
  assert.equal(siteAddress(from, '../LICENSE', targets), 'https://example.org/r/blob/main/LICENSE');
  assert.throws(
    () => siteAddress(from, 'nowhere.md', targets),
    /docs\/energy\.md: expected a file .*nowhere/,
  );
  assert.throws(() => siteAddress(from, '../../x', targets), /expected a file of the repository/);
  assert.throws(
    () => siteAddress(from, 'physics.md#alchemy', targets),
    /no heading of docs\/physics\.md is #alchemy/,
  );
});

test('the site builds: a page for every document and example, no dead links', async () => {
  const out = join(folder, 'built');
  const vitepress = join(root, 'node_modules', 'vitepress', 'bin', 'vitepress.js');
  await run(process.execPath, [vitepress, 'build', 'site', '--outDir', out], { cwd: root });
  const built = readdirSync(out, { recursive: true, encoding: 'utf8' });
  const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
  const expected = [
    ...pages.map((page) => page.replace(/^site\/(.*)\.md$/, '$1.html')),
    ...documents.filter((name) => name.startsWith('docs/')).map((name) => name.replace(/\.md$/, '.html')),
    ...examples.map((name) => `examples/${name.replace(/\.ts$/, '.html')}`),
  ];
  assert.deepEqual(
    expected.filter((name) => !built.includes(name)),
    [],
  );
  assert.match(readFileSync(join(out, 'published.html'), 'utf8'), /93\.39 ± 0\.05 %/);
  // Pages load nothing from elsewhere.
  for (const name of built.filter((path) => path.endsWith('.html')))
    assert.doesNotMatch(
      readFileSync(join(out, name), 'utf8'),
      /<(script|img)[^>]* src="https?:|<link[^>]* href="https?:/,
      name,
    );
});
