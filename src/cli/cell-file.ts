// Cell files: written by `ohmic fit-cell`, named by hardware files as `cell: my-cell.yaml`.

import { dirname, extname, resolve } from 'node:path';
import { stringify } from 'yaml';
import { UsageError } from '../base/errors.ts';
import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import type { CellSpec } from '../cells/cell.ts';
import { publishedCells } from '../cells/published-cells.ts';
import type { PulseDeviceSpec } from '../cells/pulse-spec.ts';
import { readSettingsFile } from './files.ts';

/** Endings of cell files: the first two are YAML. */
export const CELL_ENDINGS: readonly string[] = ['.yaml', '.yml', '.json'];

/**
 * Hardware from `file`, with its cell file read: `cell: my-cell.yaml` is relative to the folder of `file`. Hardware
 * that has the cell itself is returned unchanged.
 *
 * @throws UsageError if the cell file can't be read; its content is checked with the hardware
 */
export function withCellFile(hardware: Json, file: string): Json {
  if (!isTree(hardware)) return hardware;
  const { cell } = hardware;
  if (typeof cell !== 'string' || Object.hasOwn(publishedCells, cell)) return hardware;
  return { ...hardware, cell: readSettingsFile(resolve(dirname(file), cell)) };
}

/** Settings from `file`, with the cell file of every `hardware` read. Throws likewise. */
export function withCellFiles(settings: Json, file: string): Json {
  if (!isTree(settings)) return settings;
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (name === 'hardware' && value !== undefined) return [name, withCellFile(value, file)];
      return [name, isTree(value) ? withCellFiles(value, file) : value];
    }),
  );
}

/**
 * The text of a file of a cell or of a device that learns, in the format of its ending.
 *
 * @param comment lines at its head; left out in JSON, which has no comments
 * @throws UsageError for another ending
 */
export function cellFileText(
  path: string,
  cell: CellSpec | PulseDeviceSpec,
  comment: readonly string[],
): string {
  const ending = extname(path).toLowerCase();
  if (!CELL_ENDINGS.includes(ending)) {
    throw new UsageError(
      `${path}: expected a file name that ends in ${CELL_ENDINGS.join(', ')}, got "${ending}"`,
    );
  }
  if (ending === '.json') return `${JSON.stringify(cell, null, 2)}\n`;
  const head = comment.map((line) => `# ${line}\n`).join('');
  return `${head}${stringify(cell, { aliasDuplicateObjects: false, lineWidth: 110 })}`;
}

/** Digits of numbers in a cell file: more than any measurement supports, and still readable. */
const DIGITS = 8;

/** Rounds every number of a fit to the digits of a cell file. */
export function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(DIGITS));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rounded(inner)]));
}
