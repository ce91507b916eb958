// The house's rules that a reader of one file cannot see: who imports whom, where Node is used, how long files are.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src');

/** A room of the house: a folder of src/, or a file that lies in src/ itself. */
type Room = string;

/** ARCHITECTURE.md, "Who may import whom": what a room may import beside itself. Each names rooms above it only. */
const table: Readonly<Record<Room, readonly Room[]>> = readTable();

function readTable(): Record<Room, readonly Room[]> {
  const document = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const [, section = ''] = document.split('## Who may import whom');
  const rows = [...section.matchAll(/^\| `([\w.]+)\/?` +\| ([^|]*)\|/gm)];
  const rooms = rows.map(([, room]) => room!);
  return Object.fromEntries(
    rows.map(([, room, imports]) => {
      const all = imports!.startsWith('everything but ');
      const named = imports!.replace('everything but ', '').split(',');
      const listed = named.map((name) => name.trim()).filter((name) => name !== '');
      const asRooms = listed.map((name) => (rooms.includes(`${name}.ts`) ? `${name}.ts` : name));
      const others = rooms.filter((other) => other !== room && !asRooms.includes(other));
      return [room!, all ? others : asRooms];
    }),
  );
}

/** Rooms that touch what only Node has. */
const nodeRooms: readonly Room[] = ['native', 'node', 'cli'];

/** Packages, and the files that may import them. */
const packages: Readonly<Record<string, RegExp>> = {
  koffi: /^native\//,
  zod: /^(cells|crossbar)\/.*-schema\.ts$|^interop\/(safetensors|name-map)\.ts$|^train\/(checkpoint|provenance)\.ts$|^experiment\/publication-schema\.ts$|^report\/json\.ts$|^cli\//,
  'd3-scale': /^report\//,
  'd3-shape': /^report\//,
  commander: /^cli\//,
  'cli-progress': /^cli\//,
  yaml: /^cli\//,
};

type SourceFile = {
  /** From src/. */
  readonly path: string;
  readonly room: Room;
  readonly text: string;
  readonly imports: readonly string[];
  /** Those of them that are more than types. */
  readonly values: readonly string[];
};

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(source, path), 'utf8');
    const found = [
      ...text.matchAll(
        /^\s*(?:import|export)\b(?<type> type\b)?[^'";]*?from '(?<from>[^']+)';|^import '(?<effect>[^']+)';|\bimport\('(?<late>[^']+)'\)/gm,
      ),
    ].map(({ groups }) => ({
      name: (groups!['from'] ?? groups!['effect'] ?? groups!['late'])!,
      isType: groups!['type'] !== undefined,
    }));
    return {
      path,
      room: path.split('/')[0]!,
      text,
      imports: found.map(({ name }) => name),
      values: found.filter(({ isType }) => !isType).map(({ name }) => name),
    };
  });
const isTest = ({ path }: SourceFile): boolean => path.endsWith('.test.ts');
const shipped = files.filter((file) => !isTest(file));

/** Path, from src/, of what a file imports by a relative path. */
const target = (file: SourceFile, specifier: string): string =>
  relative(source, resolve(source, dirname(file.path), specifier));

test('the table itself only points upwards', () => {
  const rooms = Object.keys(table);
  assert.ok(rooms.length > 10 && table['graph']!.join() === 'base', 'it is read as it stands');
  for (const [room, allowed] of Object.entries(table)) {
    for (const other of allowed)
      assert.ok(rooms.indexOf(other) < rooms.indexOf(room), `${room} names ${other}`);
  }
});

test('every file lies in a room of the table', () => {
  assert.deepEqual(
    shipped.filter(({ room }) => !(room in table)).map(({ path }) => path),
    [],
  );
});

test('a room imports only itself and the rooms that the table names', () => {
  const faults = shipped.flatMap((file) =>
    file.imports
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => target(file, specifier).split('/')[0]!)
      .filter((room) => ![file.room, ...table[file.room]!].includes(room))
      .map((room) => `${file.path} imports ${room}`),
  );
  assert.deepEqual(faults, []);
});

test('imports have no cycles, but for types, which are gone when the code runs', () => {
  const graph = new Map(
    files.map((file) => [
      file.path,
      file.values
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => target(file, specifier)),
    ]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `cycle: ${[...trail, path].join(' → ')}`);
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
});

test('imports name files that exist, with their extension', () => {
  const known = new Set(files.map(({ path }) => path));
  const faults = files.flatMap((file) =>
    file.imports
      .filter(
        (specifier) =>
          specifier.startsWith('.') &&
          !target(file, specifier).startsWith('..') &&
          !known.has(target(file, specifier)),
      )
      .map((specifier) => `${file.path} imports ${specifier}`),
  );
  assert.deepEqual(faults, []);
});

test('shipped files import no tests', () => {
  const faults = shipped.filter(({ imports }) => imports.some((specifier) => specifier.includes('.test')));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('Node’s modules are used in native/, node/ and cli/ only', () => {
  const faults = shipped.filter(
    ({ room, imports }) => !nodeRooms.includes(room) && imports.some((name) => name.startsWith('node:')),
  );
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('packages are imported where they belong', () => {
  const faults = shipped.flatMap(({ path, imports }) =>
    imports
      .filter((name) => !/^(\.|node:)/.test(name) && !packages[name]?.test(path))
      .map((name) => `${path} imports ${name}`),
  );
  assert.deepEqual(faults, []);
});

test('nothing but native/, node/ and cli/ touches what only Node has', () => {
  const faults = shipped.filter(
    ({ room, text }) => !nodeRooms.includes(room) && /\b(process\.|Buffer\b|require\()/.test(code(text)),
  );
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('computations take their randomness and their time from arguments', () => {
  const forbidden = /\bMath\.random\b|\bDate\.now\b|\bnew Date\(\)|\bcrypto\.getRandomValues\b/;
  const faults = shipped.filter(({ room, text }) => room !== 'cli' && forbidden.test(code(text)));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

/** Text without comments. */
function code(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, '');
}

test('no file is longer than 600 lines', () => {
  const long = files.filter(({ text }) => text.split('\n').length > 601);
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test('every shipped file opens with a comment that says what it is for', () => {
  const faults = shipped.filter(({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('exports are named', () => {
  const faults = files.filter(({ text }) => /^export default\b/m.test(text));
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});
