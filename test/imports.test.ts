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
const nodeRooms: readonly Room[] = ['native', 'node', 'fleet', 'cli'];

/** Packages, and the files that may import them. */
const packages: Readonly<Record<string, RegExp>> = {
  koffi: /^native\//,
  zod: /^base\/schema\.ts$|^cells\/(cell|pulse)-schema\.ts$|^crossbar\/hardware-(schema|choice)\.ts$|^insitu\/settings\.ts$|^cost\/.*-schema\.ts$|^interop\/(safetensors|name-map|onnx\/description)\.ts$|^train\/(settings|checkpoint|provenance|training-state|options-schema)\.ts$|^experiment\/(.*-schema|evaluation-settings)\.ts$|^sweep\/sweep-file\.ts$|^cli\//,
  '@bufbuild/protobuf/wire': /^interop\/onnx\/wire\.ts$/,
  'd3-scale': /^report\//,
  'd3-shape': /^report\//,
  commander: /^cli\//,
  'cli-progress': /^cli\//,
  yaml: /^cli\//,
  bullmq: /^fleet\//,
  ioredis: /^fleet\//,
  'hyparquet-writer': /^fleet\//,
  sharp: /^node\/decode-photo\.ts$/,
};

type SourceFile = {
  /** From src/. */
  readonly path: string;
  readonly room: Room;
  readonly text: string;
  readonly imports: readonly string[];
};

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(source, path), 'utf8');
    const found = text.matchAll(
      /^\s*(?:import|export)\b[^'";]*?from '(?<from>[^']+)';|^import '(?<effect>[^']+)';|\bimport\('(?<late>[^']+)'\)/gm,
    );
    return {
      path,
      room: path.split('/')[0]!,
      text,
      imports: [...found].map(({ groups }) => (groups!['from'] ?? groups!['effect'] ?? groups!['late'])!),
    };
  });
/** Tests and what only tests use: tsconfig.build.json leaves both out of the package. */
const isTest = ({ path }: SourceFile): boolean => /\.test(-data)?\.ts$/.test(path);
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

/** Rooms in which files still import each other in a circle. None may join them. */
const roomsWithCircles: readonly Room[] = [];

test('no files import each other in a circle, types included', () => {
  const circles = circlesOf(
    new Map(
      files.map((file) => [
        file.path,
        file.imports
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => target(file, specifier)),
      ]),
    ),
  );
  const rooms = (circle: readonly string[]): Room[] => circle.map((path) => path.split('/')[0]!);
  const isKnown = (circle: readonly string[]): boolean =>
    rooms(circle).every((room) => roomsWithCircles.includes(room));
  assert.deepEqual(
    circles.filter((circle) => !isKnown(circle)).map((circle) => circle.join(', ')),
    [],
  );
  assert.deepEqual(
    [...new Set(circles.flatMap(rooms))],
    roomsWithCircles,
    'rooms that are mended leave the list',
  );
});

test('circles are found, whatever leads into them', () => {
  const graph = new Map([
    ['entry', ['a', 'leaf']],
    ['a', ['b']],
    ['b', ['c', 'leaf']],
    ['c', ['a', 'd']],
    ['d', ['e']],
    ['e', ['d']],
    ['leaf', []],
    ['self', ['self']],
  ]);
  assert.deepEqual(circlesOf(graph), [['a', 'b', 'c'], ['d', 'e'], ['self']]);
});

/** Largest sets of files each of which leads to all others, in alphabetical order. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const reached = new Map([...graph.keys()].map((path) => [path, reachableFrom(graph, path)]));
  const circles = new Map<string, readonly string[]>();
  for (const [path, others] of reached) {
    if (!others.has(path)) continue;
    const circle = [...others].filter((other) => reached.get(other)?.has(path)).sort();
    circles.set(circle.join(), circle);
  }
  return [...circles.values()].sort((a, b) => a[0]!.localeCompare(b[0]!));
}

/** What a file imports, and what that imports, and so on. */
function reachableFrom(graph: ReadonlyMap<string, readonly string[]>, start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    for (const next of graph.get(path) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      visit(next);
    }
  };
  visit(start);
  return reached;
}

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

test('Node’s modules are used in native/, node/, fleet/ and cli/ only', () => {
  const faults = shipped.filter(
    ({ room, imports }) => !nodeRooms.includes(room) && imports.some((name) => name.startsWith('node:')),
  );
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('what a browser loads, types included, is free of Node and of native code', () => {
  const graph = new Map(
    files.map((file) => [
      file.path,
      file.imports.map((name) => (name.startsWith('.') ? target(file, name) : name)),
    ]),
  );
  for (const entry of ['index.ts', 'web/worker-main.ts']) {
    const reached = [...reachableFrom(graph, entry)];
    assert.ok(reached.length > 3, `${entry} is an entry`);
    assert.deepEqual(
      reached.filter((name) => /^(node:|koffi|native\/|node\/|fleet\/|cli\/)/.test(name)),
      [],
      entry,
    );
  }
});

test('packages are imported where they belong', () => {
  const faults = shipped.flatMap(({ path, imports }) =>
    imports
      .filter((name) => !/^(\.|node:)/.test(name) && !packages[name]?.test(path))
      .map((name) => `${path} imports ${name}`),
  );
  assert.deepEqual(faults, []);
});

test('nothing but native/, node/, fleet/ and cli/ touches what only Node has', () => {
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

/** The page of the lab. */
const labFiles: readonly { readonly path: string; readonly text: string }[] = readdirSync(join(root, 'lab'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((path) => /\.tsx?$/.test(path) && path !== 'vite.config.ts')
  .map((path) => ({ path, text: readFileSync(join(root, 'lab', path), 'utf8') }));

test('the lab uses the library by its public names, and the packages of pages', () => {
  const allowed = /^(ohmic|preact(\/hooks)?|@preact\/signals|@observablehq\/plot)$/;
  const lab = join(root, 'lab');
  const faults = labFiles.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:from|import) '(?<from>[^']+)'|\bimport\('(?<late>[^']+)'\)/g)]
      .map(({ groups }) => (groups!['from'] ?? groups!['late'])!)
      .filter((name) =>
        name.startsWith('.') ? !resolve(lab, dirname(path), name).startsWith(`${lab}/`) : !allowed.test(name),
      )
      .map((name) => `${path} imports ${name}`),
  );
  assert.ok(labFiles.length > 20);
  assert.deepEqual(faults, []);
});

test('every file of the lab opens with its purpose, and none is longer than 600 lines', () => {
  const faults = labFiles.filter(({ text }) => !text.startsWith('// ') || text.split('\n').length > 601);
  assert.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});
