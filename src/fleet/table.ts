// The table of a sweep: one SQLite file with its works, accuracies and points. Results are kept under the names of works and
// the numbers of chips, each once, whoever brings them and however often.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { settingsDifferences } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import type { CompensationMethod } from '../experiment/compensation-method.ts';
import { sqlite } from '../node/sqlite.ts';
import type { SweepRow } from '../sweep/summary.ts';
import type { PointNetwork, Task, TaskResult } from '../sweep/works.ts';

/** What a table belongs to: another value of anything here is another sweep. */
export type SweepIdentity = {
  readonly ohmic: string;
  readonly backend: 'native' | 'wasm';
  /** The base without what axes and later additions change. */
  readonly base: Json;
};

/** How far works are. */
export type WorkState = 'waiting' | 'done' | 'failed';

/** A point that is to be kept. */
export type StoredPoint = {
  readonly number: number;
  readonly values: Readonly<Record<string, Json>>;
  readonly networks: readonly PointNetwork[];
};

/** Counts and times of a table. */
export type TableCounts = {
  readonly trainings: number;
  readonly trainingsDone: number;
  readonly chips: number;
  readonly chipsDone: number;
  readonly failed: number;
  /** Means of what is done; undefined if nothing is. */
  readonly trainingSeconds?: number;
  readonly chipSeconds?: number;
};

const FORMAT = 'ohmic-sweep-1';

/** How long a table waits for another process that reads or writes it. */
const BUSY_MILLISECONDS = 60_000;

const TABLES = `
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS works (
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
  accuracy REAL, seconds REAL, backend TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accuracies (
  evaluation TEXT NOT NULL, chip INTEGER NOT NULL, place INTEGER NOT NULL, timeSeconds REAL NOT NULL,
  method TEXT NOT NULL, accuracy REAL NOT NULL, PRIMARY KEY (evaluation, chip, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chips (
  evaluation TEXT NOT NULL, chip INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (evaluation, chip)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS points (number INTEGER PRIMARY KEY, axes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS networks (
  point INTEGER NOT NULL, place INTEGER NOT NULL, label TEXT NOT NULL, evaluation TEXT NOT NULL, chips INTEGER NOT NULL,
  PRIMARY KEY (point, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (name TEXT PRIMARY KEY, first INTEGER NOT NULL, chips INTEGER NOT NULL);
`;

/** A sweep's results. Functions throw UsageError if the file can't be written. */
export type Table = {
  /** A name that no other table has. */
  readonly identifier: string;
  /** The backend of all its works. */
  readonly backend: 'native' | 'wasm';
  /** Begins to replace the points; `add` takes one after another; `end` keeps them. */
  readonly replacePoints: () => {
    readonly add: (point: StoredPoint, trainings: readonly Stored[]) => void;
    readonly end: () => void;
  };
  /** Keeps a result: in the same transaction as all others of the list. */
  readonly keep: (results: readonly { readonly task: Task; readonly result: TaskResult }[]) => void;
  readonly stateOf: (work: string) => WorkState;
  /** The content of a work, as it was kept. Undefined if the table does not know it. */
  readonly contentOf: (work: string) => string | undefined;
  readonly works: (kind: 'training' | 'evaluation') => Iterable<Wanted>;
  /** Chips of an evaluation that are not measured yet, as ranges: from the first to before the second. */
  readonly missingChips: (work: Wanted) => [from: number, to: number][];
  readonly hasDigital: (evaluation: string) => boolean;
  readonly forgetFailures: () => number;
  /** A training whose weights are gone is to be done again. */
  readonly forgetTraining: (name: string) => void;
  readonly counts: () => TableCounts;
  readonly backends: () => string[];
  readonly failures: () => { readonly name: string; readonly reason: string }[];
  /** Points and why they failed: a work that they need did. */
  readonly failedPoints: (
    needs: (content: string) => readonly string[],
  ) => { point: number; values: Readonly<Record<string, Json>>; reason: string }[];
  readonly pointCount: () => number;
  readonly donePoints: () => number;
  readonly rows: () => Generator<SweepRow>;
  /**
   * Takes the results of another table of the same sweep; a failure there stays one, whatever further tables say of other
   * chips. Throws UsageError if it is of another.
   */
  readonly merge: (path: string) => { readonly chips: number; readonly trainings: number };
  readonly close: () => void;
};

/** A work to be kept. */
export type Stored = { readonly name: string; readonly content: string };
/** A work that points need. */
export type Wanted = {
  readonly name: string;
  readonly content: string;
  /** Of an evaluation, the chips from this one … */
  readonly first: number;
  /** … to the one before this. */
  readonly chips: number;
};

/**
 * Opens the table in a file, or makes it.
 *
 * @throws UsageError if the file is none, or holds another sweep
 */
export function openTable(path: string, identity: SweepIdentity): Table {
  const database = openDatabase(path);
  try {
    const { identifier } = introduced(database, path, identity);
    return tableOn(database, path, identifier, identity);
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    const database = new (sqlite())(path);
    // A shard and `collect` wait for each other instead of failing.
    database.exec(`PRAGMA busy_timeout = ${BUSY_MILLISECONDS}`);
    database.exec('PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY');
    database.exec(TABLES);
    return database;
  } catch (thrown) {
    throw new UsageError(
      `${path}: can't be used as the table of a sweep (${messageOf(thrown)}); choose another --out`,
    );
  }
}

/** Refuses the table of another sweep; introduces a new one. */
function introduced(database: DatabaseSync, path: string, identity: SweepIdentity): { identifier: string } {
  const about = Object.fromEntries(
    (database.prepare('SELECT name, value FROM about').all() as { name: string; value: string }[]).map(
      ({ name, value }) => [name, value],
    ),
  );
  if (about['format'] === undefined) {
    const identifier = crypto.randomUUID();
    const insert = database.prepare('INSERT INTO about VALUES (?, ?)');
    database.exec('BEGIN');
    insert.run('identifier', identifier);
    insert.run('identity', JSON.stringify(identity));
    insert.run('format', FORMAT);
    database.exec('COMMIT');
    return { identifier };
  }
  if (about['format'] !== FORMAT)
    throw new UsageError(
      `${path}: expected a table of the form ${FORMAT}, got ${about['format']}; choose another --out`,
    );
  refuseOther(path, JSON.parse(about['identity']!) as Json, identity);
  return { identifier: about['identifier']! };
}

function refuseOther(path: string, there: Json, here: SweepIdentity): void {
  throwFaults(
    `${path}: the table of another sweep, whose results stay as they are; choose another --out`,
    settingsDifferences(there, JSON.parse(JSON.stringify(here)) as Json),
  );
}

function tableOn(database: DatabaseSync, path: string, identifier: string, identity: SweepIdentity): Table {
  const statements = new Map<string, StatementSync>();
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text) ?? database.prepare(text);
    statements.set(text, known);
    return known;
  };
  const run = (text: string, ...values: SQLInputValue[]): number =>
    Number(prepared(text).run(...values).changes);
  const all = <T>(text: string, ...values: SQLInputValue[]): T[] => prepared(text).all(...values) as T[];
  const first = <T>(text: string, ...values: SQLInputValue[]): T => prepared(text).get(...values) as T;
  const transaction = (work: () => void): void => {
    try {
      database.exec('BEGIN');
      work();
      database.exec('COMMIT');
    } catch (thrown) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw unwritable(path, thrown);
    }
  };
  return {
    identifier,
    backend: identity.backend,
    replacePoints: () => replacePoints(database, path, run),
    keep: (results) =>
      transaction(() => {
        for (const { task, result } of results) keepOne(run, task, result);
      }),
    stateOf: (work) =>
      first<{ state: WorkState } | undefined>('SELECT state FROM works WHERE name = ?', work)?.state ??
      'waiting',
    contentOf: (work) =>
      first<{ content: string } | undefined>('SELECT content FROM works WHERE name = ?', work)?.content,
    works: (kind) =>
      prepared(
        'SELECT works.name, content, first, wanted.chips FROM wanted JOIN works USING (name) WHERE kind = ? ORDER BY wanted.rowid',
      ).iterate(kind) as Iterable<Wanted>,
    missingChips: ({ name, first: begin, chips }) =>
      gaps(
        all<{ chip: number }>(
          'SELECT chip FROM chips WHERE evaluation = ? AND chip >= ? AND chip < ? ORDER BY chip',
          name,
          begin,
          chips,
        ),
        [begin, chips],
      ),
    hasDigital: (evaluation) =>
      first<{ accuracy: number | null } | undefined>('SELECT accuracy FROM works WHERE name = ?', evaluation)
        ?.accuracy != null,
    forgetFailures: () => run("UPDATE works SET state = 'waiting', reason = NULL WHERE state = 'failed'"),
    forgetTraining: (name) =>
      void run("UPDATE works SET state = 'waiting' WHERE name = ? AND kind = 'training'", name),
    counts: () => countsOf(first),
    backends: () =>
      all<{ backend: string }>(
        'SELECT DISTINCT backend FROM works WHERE backend IS NOT NULL ORDER BY backend',
      ).map(({ backend }) => backend),
    failures: () =>
      all(
        "SELECT works.name, reason FROM works JOIN wanted USING (name) WHERE state = 'failed' ORDER BY works.name",
      ),
    failedPoints: (needs) => failedPoints(all, needs),
    pointCount: () => first<{ n: number }>('SELECT count(*) AS n FROM points').n,
    donePoints: () => first<{ n: number }>(DONE_POINTS).n,
    rows: () => rowsOf(prepared),
    merge: (other) => mergeInto(database, path, other, identity, run),
    close: () => database.close(),
  };
}

type Run = (text: string, ...values: SQLInputValue[]) => number;
type All = <T>(text: string, ...values: SQLInputValue[]) => T[];

/** Points all of whose networks have all their chips. */
const DONE_POINTS = `SELECT count(*) AS n FROM points WHERE NOT EXISTS (
  SELECT 1 FROM networks WHERE networks.point = points.number AND networks.chips > (
    SELECT count(*) FROM chips WHERE chips.evaluation = networks.evaluation AND chips.chip < networks.chips))`;

function unwritable(path: string, thrown: unknown): unknown {
  const code = (thrown as { readonly errcode?: number }).errcode;
  // SQLITE_FULL, SQLITE_IOERR with its kinds, SQLITE_READONLY, SQLITE_CANTOPEN.
  if (code === undefined || ![13, 10, 8, 14].includes(code & 0xff)) return thrown;
  return new UsageError(
    `${path}: can't be written (${messageOf(thrown)}); what was kept before is kept. Make room, then the same command continues`,
  );
}

function replacePoints(database: DatabaseSync, path: string, run: Run): ReturnType<Table['replacePoints']> {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (thrown) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw unwritable(path, thrown);
    }
  };
  guarded(() => database.exec('BEGIN; DELETE FROM points; DELETE FROM networks; DELETE FROM wanted'));
  const insertWork = (
    kind: string,
    { name, content }: Stored,
    [begin, chips]: readonly [number, number],
  ): void => {
    run(
      "INSERT OR IGNORE INTO works (name, kind, content, state) VALUES (?, ?, ?, 'waiting')",
      name,
      kind,
      content,
    );
    run(
      `INSERT INTO wanted VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET
         chips = max(chips, excluded.chips), first = min(first, excluded.first)`,
      name,
      begin,
      chips,
    );
  };
  return {
    add: ({ number, values, networks }, trainings) =>
      guarded(() => {
        run('INSERT INTO points VALUES (?, ?)', number, JSON.stringify(values));
        for (const training of trainings) insertWork('training', training, [0, 0]);
        for (const [place, { label, evaluation, chips, part = [0, chips] as const }] of networks.entries()) {
          insertWork('evaluation', { name: evaluation.name, content: JSON.stringify(evaluation.work) }, part);
          run('INSERT INTO networks VALUES (?, ?, ?, ?, ?)', number, place, label, evaluation.name, chips);
        }
      }),
    end: () => guarded(() => database.exec('COMMIT')),
  };
}

function keepOne(run: Run, task: Task, result: TaskResult): void {
  const { name } = task;
  switch (result.kind) {
    case 'failed':
      run(
        "UPDATE works SET state = 'failed', reason = ? WHERE name = ? AND state != 'done'",
        result.reason,
        name,
      );
      return;
    case 'trained':
      run(
        "UPDATE works SET state = 'done', reason = NULL, accuracy = ?, seconds = ?, backend = ? WHERE name = ?",
        result.accuracy ?? null,
        result.seconds,
        result.backend,
        name,
      );
      return;
    case 'evaluated': {
      if (task.kind !== 'evaluation') return;
      const { timesSeconds, methods } = task.work.evaluation;
      const places = timesSeconds.flatMap((timeSeconds) =>
        methods.map((method) => ({ timeSeconds, method })),
      );
      for (const { chip, accuracies, seconds } of result.chips) {
        for (const [place, accuracy] of accuracies.entries()) {
          const { timeSeconds, method } = places[place]!;
          run(
            'INSERT OR IGNORE INTO accuracies VALUES (?, ?, ?, ?, ?, ?)',
            name,
            chip,
            place,
            timeSeconds,
            method,
            accuracy,
          );
        }
        run('INSERT OR IGNORE INTO chips VALUES (?, ?, ?)', name, chip, seconds);
      }
      // Chips on their way do not say where they were made; the result that follows them does.
      if (result.backend !== '') run('UPDATE works SET backend = ? WHERE name = ?', result.backend, name);
      if (result.digitalAccuracy !== undefined)
        run('UPDATE works SET accuracy = ? WHERE name = ?', result.digitalAccuracy, name);
      return;
    }
  }
}

function gaps(
  present: readonly { readonly chip: number }[],
  [begin, chips]: readonly [number, number],
): [number, number][] {
  const found: [number, number][] = [];
  let next = begin;
  for (const { chip } of present) {
    if (chip > next) found.push([next, chip]);
    next = chip + 1;
  }
  if (next < chips) found.push([next, chips]);
  return found;
}

function countsOf(first: <T>(text: string) => T): TableCounts {
  type Row = { n: number; done: number; failed: number; seconds: number | null };
  const trainings = first<Row>(
    "SELECT count(*) AS n, coalesce(sum(state = 'done'), 0) AS done, avg(seconds) AS seconds FROM wanted JOIN works USING (name) WHERE kind = 'training'",
  );
  const chips = first<{ n: number; failed: number }>(
    "SELECT coalesce(sum(wanted.chips - wanted.first), 0) AS n FROM wanted JOIN works USING (name) WHERE kind = 'evaluation'",
  );
  const measured = first<Row>(
    'SELECT count(*) AS done, avg(seconds) AS seconds FROM chips JOIN wanted ON wanted.name = chips.evaluation WHERE chips.chip < wanted.chips AND chips.chip >= wanted.first',
  );
  const { n: failed } = first<{ n: number }>(
    "SELECT count(*) AS n FROM wanted JOIN works USING (name) WHERE state = 'failed'",
  );
  return {
    trainings: trainings.n,
    trainingsDone: trainings.done,
    chips: chips.n,
    chipsDone: measured.done,
    failed,
    ...(trainings.seconds !== null && { trainingSeconds: trainings.seconds }),
    ...(measured.seconds !== null && { chipSeconds: measured.seconds }),
  };
}

function failedPoints(
  all: All,
  needs: (content: string) => readonly string[],
): { point: number; values: Readonly<Record<string, Json>>; reason: string }[] {
  const reasons = new Map(
    all<{ name: string; reason: string }>("SELECT name, reason FROM works WHERE state = 'failed'").map(
      ({ name, reason }) => [name, reason],
    ),
  );
  if (reasons.size === 0) return [];
  const contents = new Map(
    all<{ name: string; content: string }>('SELECT name, content FROM works').map(({ name, content }) => [
      name,
      content,
    ]),
  );
  const reasonOf = (name: string): string | undefined => {
    const own = reasons.get(name);
    if (own !== undefined) return own;
    return needs(contents.get(name) ?? '{}')
      .map(reasonOf)
      .find((reason) => reason !== undefined);
  };
  return all<{ number: number; axes: string; evaluation: string }>(
    'SELECT number, axes, evaluation FROM points JOIN networks ON networks.point = points.number ORDER BY number, place',
  ).flatMap(({ number, axes, evaluation }) => {
    const reason = reasonOf(evaluation);
    return reason === undefined
      ? []
      : [{ point: number, values: JSON.parse(axes) as Record<string, Json>, reason }];
  });
}

type StoredRow = {
  readonly number: number;
  readonly axes: string;
  readonly label: string;
  readonly digital: number | null;
  readonly chip: number;
  readonly timeSeconds: number;
  readonly method: string;
  readonly accuracy: number;
};

/** All rows of the points, in their order, then networks, chips, times and methods. */
function* rowsOf(prepared: (text: string) => StatementSync): Generator<SweepRow> {
  const found = prepared(
    `SELECT number, axes, label, works.accuracy AS digital, chip, timeSeconds, method, accuracies.accuracy AS accuracy
     FROM points JOIN networks ON networks.point = points.number JOIN works ON works.name = networks.evaluation
     JOIN accuracies ON accuracies.evaluation = networks.evaluation AND accuracies.chip < networks.chips
     ORDER BY number, networks.place, chip, accuracies.place`,
  ).iterate() as Iterable<StoredRow>;
  let last: { axes: string; values: Record<string, Json> } = { axes: '', values: {} };
  for (const { number, axes, label, digital, chip, timeSeconds, method, accuracy } of found) {
    if (axes !== last.axes) last = { axes, values: JSON.parse(axes) as Record<string, Json> };
    yield {
      point: number,
      values: last.values,
      network: label,
      digitalAccuracy: digital ?? undefined,
      chip: chip + 1,
      timeSeconds,
      method: method as CompensationMethod,
      accuracy,
    };
  }
}

function attach(database: DatabaseSync, other: string): void {
  try {
    database.prepare('ATTACH ? AS other').run(other);
  } catch (thrown) {
    throw noTable(other, thrown);
  }
}

function noTable(other: string, thrown: unknown): UsageError {
  return new UsageError(
    `${other}: expected the table of a sweep, got another file (${messageOf(thrown)}); remove it`,
  );
}

/** The identity in the attached table; undefined of one that a job has just begun. */
function identityIn(database: DatabaseSync, other: string): Json | undefined {
  try {
    const tables = database.prepare('SELECT name FROM other.sqlite_schema').all();
    if (tables.length === 0) return undefined;
    const about = database.prepare("SELECT value FROM other.about WHERE name = 'identity'").get();
    return about === undefined ? undefined : (JSON.parse((about as { value: string }).value) as Json);
  } catch (thrown) {
    throw noTable(other, thrown);
  }
}

function mergeInto(
  database: DatabaseSync,
  path: string,
  other: string,
  identity: SweepIdentity,
  run: Run,
): { chips: number; trainings: number } {
  attach(database, other);
  try {
    const about = identityIn(database, other);
    if (about === undefined) return { chips: 0, trainings: 0 };
    refuseOther(other, about, identity);
    database.exec('BEGIN');
    const trainings = run(
      `INSERT INTO works SELECT * FROM other.works WHERE state != 'waiting' OR accuracy IS NOT NULL OR backend IS NOT NULL
       ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason,
         accuracy = coalesce(excluded.accuracy, accuracy), seconds = coalesce(excluded.seconds, seconds),
         backend = coalesce(excluded.backend, backend)
         WHERE works.state = 'waiting' OR (works.state = 'failed' AND excluded.state = 'done')`,
    );
    run('INSERT OR IGNORE INTO accuracies SELECT * FROM other.accuracies');
    const chips = run('INSERT OR IGNORE INTO chips SELECT * FROM other.chips');
    database.exec('COMMIT');
    return { chips, trainings };
  } catch (thrown) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw unwritable(path, thrown);
  } finally {
    database.exec('DETACH other');
  }
}
