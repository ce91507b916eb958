// Measured cells as they enter: a CSV file with one line a read becomes devices with their reads in the order of time.
// This is the door: everything is checked here, and all faults are listed with their lines. Left out: what reads mean (fit.ts).

import { parseCsv } from '../base/csv.ts';
import type { Microsiemens, Seconds } from '../base/units.ts';
import { type Places, placesOf, throwLineFaults } from './csv-columns.ts';

/** One device after one programming, and what was read of it. */
export type MeasuredDevice = {
  readonly name: string;
  /** What it was programmed to. */
  readonly target: Microsiemens;
  /** Time of each read since the last programming pulse, s; rising, the same time again for repeated reads. */
  readonly times: readonly Seconds[];
  /** What each read sensed, µS; at least 0. */
  readonly conductances: readonly Microsiemens[];
};

/** All devices of a file. */
export type Measurements = {
  readonly devices: readonly MeasuredDevice[];
  /** Columns of the file that nothing is made of. */
  readonly unusedColumns: readonly string[];
};

const REQUIRED = ['device', 'targetMicrosiemens', 'timeSeconds', 'conductanceMicrosiemens'] as const;
const READ = 'read';
type ColumnName = (typeof REQUIRED)[number] | typeof READ;

/**
 * The measurements that a CSV text holds.
 *
 * Columns, in any order: `device`, a name; `targetMicrosiemens`, from 0; `timeSeconds`, since the last programming pulse,
 * above 0; `conductanceMicrosiemens`, from 0; optionally `read`, which numbers repeated reads of a device at one time.
 * A device that was programmed twice is two devices and needs two names.
 *
 * @param where what holds the text, for errors
 * @throws UsageError that lists the faults with their lines, the first 20 one by one
 */
export function parseMeasurements(where: string, text: string): Measurements {
  const { records, faults: quoteFaults } = parseCsv(text);
  const [header, ...lines] = records;
  const places = placesOf<ColumnName>(where, header?.fields ?? [], { required: REQUIRED, optional: [READ] });
  const faults: string[] = [...quoteFaults];
  const drafts = new Map<string, Draft>();
  for (const { line, fields } of lines) {
    const read = readOf(fields, places);
    if (typeof read === 'string') faults.push(`line ${line}: ${read}`);
    else faults.push(...addRead(drafts, { ...read, line }));
  }
  if (lines.length === 0 && faults.length === 0)
    faults.push('expected at least one read below the header, got none');
  throwLineFaults(where, faults);
  return {
    devices: [...drafts.values()].map(deviceOf),
    unusedColumns: places.unused,
  };
}

type Read = {
  readonly device: string;
  readonly target: Microsiemens;
  readonly time: Seconds;
  readonly conductance: Microsiemens;
  readonly read: string | undefined;
};

/** The read of a line, or all that is wrong with it. */
function readOf(fields: readonly string[], { count, at }: Places<ColumnName>): Read | string {
  if (fields.length !== count) return `expected ${count} fields as in the header, got ${fields.length}`;
  const text = (name: ColumnName): string => fields[at.get(name)!]?.trim() ?? '';
  const faults: string[] = [];
  const number = (name: ColumnName, isAllowed: (value: number) => boolean, expected: string): number => {
    const value = text(name) === '' ? Number.NaN : Number(text(name));
    if (!Number.isFinite(value)) faults.push(`${name}: expected a number, got "${text(name)}"`);
    else if (!isAllowed(value)) faults.push(`${name}: expected ${expected}, got ${text(name)}`);
    return value;
  };
  const fromZero = (value: number): boolean => value >= 0;
  const device = text('device');
  if (device === '') faults.push('device: expected a name, got nothing');
  const target = number('targetMicrosiemens', fromZero, 'at least 0 µS');
  const time = number(
    'timeSeconds',
    (value) => value > 0,
    'a time above 0 s: it counts from the last programming pulse; add what lies between it and the first read',
  );
  const conductance = number(
    'conductanceMicrosiemens',
    fromZero,
    'at least 0 µS: subtract the offset of the instrument, then write 0 for what is still below',
  );
  if (faults.length > 0) return faults.join('; ');
  return { device, target, time, conductance, read: at.get(READ) === -1 ? undefined : text(READ) };
}

type Draft = {
  readonly name: string;
  readonly target: Microsiemens;
  readonly line: number;
  readonly reads: { readonly time: Seconds; readonly conductance: Microsiemens }[];
  /** Time and number of the reads so far, with their lines. */
  readonly seen: Map<string, number>;
};

function addRead(drafts: Map<string, Draft>, read: Read & { readonly line: number }): string[] {
  const { device, target, time, conductance, line } = read;
  const draft: Draft = drafts.get(device) ?? { name: device, target, line, reads: [], seen: new Map() };
  drafts.set(device, draft);
  if (target !== draft.target) {
    return [
      `line ${line}: device "${device}" has the target ${target} µS here and ${draft.target} µS on line ${draft.line}; give a device that is programmed again another name`,
    ];
  }
  if (read.read !== undefined) {
    const key = `${time} ${read.read}`;
    const before = draft.seen.get(key);
    if (before !== undefined)
      return [
        `line ${line}: device "${device}" has read "${read.read}" at ${time} s here and on line ${before}; number repeated reads`,
      ];
    draft.seen.set(key, line);
  }
  draft.reads.push({ time, conductance });
  return [];
}

function deviceOf({ name, target, reads }: Draft): MeasuredDevice {
  const ordered = reads.toSorted((a, b) => a.time - b.time);
  return {
    name,
    target,
    times: ordered.map(({ time }) => time),
    conductances: ordered.map(({ conductance }) => conductance),
  };
}
