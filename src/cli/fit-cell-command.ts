// `ohmic fit-cell`: measurements as CSV → a cell file and, beside it, a page of measurements against laws; or, of pulse
// responses, which are told by their columns, a device file (fit-pulses.ts).

import { basename, extname, resolve } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { throwFaults } from '../base/errors.ts';
import { type CellFit, fitCell } from '../cells/fit.ts';
import type { LawChoice } from '../cells/fit-law.ts';
import { parseMeasurements } from '../cells/measurements.ts';
import { arePulseMeasurements } from '../cells/pulse-measurements.ts';
import { cellFitPage, withError } from '../report/cell-fit-page.ts';
import { jsonText } from '../report/json.ts';
import { CELL_ENDINGS, cellFileText, rounded } from './cell-file.ts';
import { readBytes, writeWhole } from './files.ts';
import { fitPulses } from './fit-pulses.ts';
import { print } from './print.ts';
import { table } from './table.ts';
import { ohmicVersion } from './version.ts';

/** Flags of `ohmic fit-cell`; numbers are read by commander. */
export type FitCellFlags = {
  readonly out: string;
  readonly law: LawChoice;
  readonly gMax?: number;
  readonly readSeconds?: number;
  readonly degree?: number;
  readonly name?: string;
  readonly json?: boolean;
};

/** Fits a cell to the measurements of a file, and writes the cell and its page. */
export async function fitCellCommand(file: string, flags: FitCellFlags): Promise<void> {
  const { out, law, gMax, readSeconds, degree, json = false } = flags;
  const ending = extname(out);
  const page = `${ending === '' ? out : out.slice(0, -ending.length)}.html`;
  throwFaults('fit-cell', [
    ...(CELL_ENDINGS.includes(ending.toLowerCase())
      ? []
      : [`--out: expected a file name that ends in ${CELL_ENDINGS.join(', ')}, got "${out}"`]),
    ...(resolve(out) === resolve(file)
      ? [`--out: expected another file than the measurements, got "${out}"`]
      : []),
  ]);
  const bytes = readBytes(file);
  const text = new TextDecoder().decode(bytes);
  const name = flags.name ?? basename(out, ending);
  const digest = (await sha256(bytes)).slice(0, 16);
  const version = ohmicVersion();
  const source = `measured: ${basename(file)} (SHA-256 ${digest}…), fitted by ohmic ${version}`;
  if (arePulseMeasurements(text)) {
    throwFaults('fit-cell', cellFlagFaults(flags));
    fitPulses({ file, text, out, name, source, json, version });
    return;
  }
  const fitted = fitCell(parseMeasurements(file, text), {
    name,
    source,
    law,
    gMaxMicrosiemens: gMax,
    readSeconds,
    degree,
  });
  const fit: CellFit = { ...fitted, cell: rounded(fitted.cell) as CellFit['cell'] };
  const { cell } = fit;
  const comment = [
    `Written by ohmic ${version} fit-cell from ${basename(file)}; ${basename(page)} shows measurements against laws.`,
    `Hardware files name it: \`cell: ${basename(out)}\`. What \`fit\` says is for readers, nothing is computed from it.`,
  ];
  writeWhole(out, cellFileText(out, cell, comment));
  writeWhole(page, cellFitPage(fit));
  if (json) process.stdout.write(`${jsonText(cell)}\n`);
  else print(`${summaryOf(fit)}\ncell: ${out}\nreport: ${page}\n`);
}

/** Flags of laws of cells that pulse responses have no use for. */
function cellFlagFaults({ law, gMax, readSeconds, degree }: FitCellFlags): readonly string[] {
  const given = {
    '--law': law === 'auto' ? undefined : law,
    '--g-max': gMax,
    '--read-seconds': readSeconds,
    '--degree': degree,
  };
  return Object.entries(given).flatMap(([flag, value]) =>
    value === undefined
      ? []
      : [
          `${flag}: expected for reads over time only, got ${value} for a file of pulse responses; leave it out`,
        ],
  );
}

function summaryOf({ cell }: CellFit): string {
  const { devices, reads, levels, parameters, goodness, warnings } = cell.fit;
  const rows = parameters.map((parameter) => [
    parameter.name,
    withError(parameter),
    parameter.unit === '1' ? '' : parameter.unit,
  ]);
  const tests = goodness.flatMap(({ name, chiSquare, degreesOfFreedom, probability }) =>
    probability === null
      ? []
      : [[name, chiSquare.toFixed(1), String(degreesOfFreedom), String(Number(probability.toPrecision(2)))]],
  );
  return [
    `${cell.name}: ${devices} devices at ${levels} levels, ${reads} reads, Gmax ${cell.gMaxMicrosiemens} µS, t₀ ${cell.driftReferenceSeconds} s`,
    ...(rows.length === 0 ? [] : ['', table(['parameter', 'value ± standard error', 'unit'], rows)]),
    ...(tests.length === 0 ? [] : ['', table(['law', 'χ²', 'degrees', 'probability'], tests)]),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map((warning) => `warning: ${warning}`)]),
    '',
  ].join('\n');
}
