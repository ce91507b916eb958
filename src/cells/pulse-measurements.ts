// Measured pulse responses as they enter: a CSV file with one line a value becomes devices with their values in the order
// of pulses. Everything is checked here, and all faults are listed with their lines. What values mean: fit-pulse-device.ts.

import { parseCsv } from '../base/csv.ts';
import { type Places, placesOf, throwLineFaults } from './csv-columns.ts';

/** A value of a device after a pulse. */
export type PulseReading = {
  /** Number of the pulse; 0 is before the first. */
  readonly pulse: number;
  /** Direction of the pulse; of pulse 0 without meaning. */
  readonly isUp: boolean;
  readonly value: number;
};

/** One device under a train of pulses, in their order, no pulse twice. */
export type PulsedDevice = { readonly name: string; readonly readings: readonly PulseReading[] };

/** All devices of a file. */
export type PulseMeasurements = {
  readonly devices: readonly PulsedDevice[];
  /** Columns of the file that nothing is made of. */
  readonly unusedColumns: readonly string[];
};

const REQUIRED = ['device', 'pulse', 'direction', 'value'] as const;
type ColumnName = (typeof REQUIRED)[number];

/** True if a CSV text has the columns of pulse responses, `pulse` and `direction`: these, not reads over time, are in it. */
export function arePulseMeasurements(text: string): boolean {
  const header = parseCsv(text.slice(0, Math.max(0, text.indexOf('\n')) || text.length)).records[0];
  const names = (header?.fields ?? []).map((name) => name.trim());
  return names.includes('pulse') && names.includes('direction');
}

/**
 * The pulse responses that a CSV text holds.
 *
 * Columns, in any order: `device`, a name; `pulse`, 0, 1, 2, …, where 0 is the value before the first pulse;
 * `direction`, `up` or `down`, of the pulse before the value, empty for pulse 0; `value`, in any one unit.
 *
 * @param where what holds the text, for errors
 * @throws UsageError that lists the faults with their lines, the first 20 one by one
 */
export function parsePulseMeasurements(where: string, text: string): PulseMeasurements {
  const { records, faults: quoteFaults } = parseCsv(text);
  const [header, ...lines] = records;
  const places = placesOf<ColumnName>(where, header?.fields ?? [], { required: REQUIRED });
  const faults: string[] = [...quoteFaults];
  const devices = new Map<string, Map<number, PulseReading & { readonly line: number }>>();
  for (const { line, fields } of lines) {
    const read = readingOf(fields, places);
    if (typeof read === 'string') {
      faults.push(`line ${line}: ${read}`);
      continue;
    }
    const { device, ...reading } = read;
    const readings = devices.get(device) ?? new Map<number, PulseReading & { readonly line: number }>();
    devices.set(device, readings);
    const before = readings.get(reading.pulse);
    if (before !== undefined)
      faults.push(
        `line ${line}: device "${device}" has pulse ${reading.pulse} here and on line ${before.line}; give another device another name, and number pulses through`,
      );
    else readings.set(reading.pulse, { ...reading, line });
  }
  if (lines.length === 0 && faults.length === 0)
    faults.push('expected at least one value below the header, got none');
  throwLineFaults(where, faults);
  return {
    devices: [...devices].map(([name, readings]) => ({
      name,
      readings: [...readings.values()]
        .sort((a, b) => a.pulse - b.pulse)
        .map(({ pulse, isUp, value }) => ({ pulse, isUp, value })),
    })),
    unusedColumns: places.unused,
  };
}

/** The value of a line, or all that is wrong with it. */
function readingOf(
  fields: readonly string[],
  { count, at }: Places<ColumnName>,
): (PulseReading & { readonly device: string }) | string {
  if (fields.length !== count) return `expected ${count} fields as in the header, got ${fields.length}`;
  const text = (name: ColumnName): string => fields[at.get(name)!]?.trim() ?? '';
  const number = (name: ColumnName): number => (text(name) === '' ? Number.NaN : Number(text(name)));
  const [device, pulse, direction, value] = [
    text('device'),
    number('pulse'),
    text('direction').toLowerCase(),
    number('value'),
  ];
  const faults = [
    ...(device === '' ? ['device: expected a name, got nothing'] : []),
    ...(Number.isSafeInteger(pulse) && pulse >= 0
      ? []
      : [`pulse: expected a whole number from 0, got "${text('pulse')}"`]),
    ...(direction === 'up' || direction === 'down' || (pulse === 0 && direction === '')
      ? []
      : [`direction: expected up or down, got "${text('direction')}"`]),
    ...(Number.isFinite(value) ? [] : [`value: expected a number, got "${text('value')}"`]),
  ];
  return faults.length > 0 ? faults.join('; ') : { device, pulse, isUp: direction === 'up', value };
}
