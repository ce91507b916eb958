// `ohmic fit-cell` of pulse responses: a device file, and a summary of its curves and spreads.

import { basename } from 'node:path';
import { fitPulseDevice, type PulseDeviceFit } from '../cells/fit-pulse-device.ts';
import { parsePulseMeasurements } from '../cells/pulse-measurements.ts';
import { checkPulseDevice } from '../cells/pulse-schema.ts';
import { jsonText } from '../report/json.ts';
import { cellFileText, rounded } from './cell-file.ts';
import { writeWhole } from './files.ts';
import { print } from './print.ts';
import { table } from './table.ts';

/**
 * Fits a device to the pulse responses in a text, and writes its file.
 *
 * @throws UsageError for faults of the text, and if it does not determine a device
 */
export function fitPulses({
  file,
  text,
  out,
  name,
  source,
  json,
  version,
}: {
  readonly file: string;
  readonly text: string;
  readonly out: string;
  readonly name: string;
  readonly source: string;
  readonly json: boolean;
  readonly version: string;
}): void {
  const fit = fitPulseDevice(parsePulseMeasurements(file, text), { name, source });
  const device = checkPulseDevice(out, rounded(fit.device));
  const comment = [
    `Written by ohmic ${version} fit-cell from ${basename(file)}: ${fit.steps} steps of ${fit.devices} devices.`,
    'A device that learns; its values are in the unit of the file. Schema: ohmic schema pulse-device.',
    ...fit.warnings.map((warning) => `warning: ${warning}`),
  ];
  writeWhole(out, cellFileText(out, device, comment));
  if (json) process.stdout.write(`${jsonText(device)}\n`);
  else print(`${summaryOf(fit)}\ndevice: ${out}\n`);
}

function summaryOf({ device, curves, devices, steps, warnings }: PulseDeviceFit): string {
  const digits = (x: number): string => String(Number(x.toPrecision(4)));
  const { bounds, step, upDown, writeNoise } = device;
  const rows = [
    ['mean step, middle of the range', digits(step.mean)],
    ['spread of steps over devices', digits(step.deviceSpread)],
    ['spread of up against down', digits(upDown.deviceSpread)],
    ['spread from pulse to pulse', digits(step.cycleSpread)],
    ['write noise', digits(writeNoise * step.mean)],
    ['lower bound, spread', `${digits(bounds.low)}, ${digits(bounds.lowSpread)}`],
    ['upper bound, spread', `${digits(bounds.high)}, ${digits(bounds.highSpread)}`],
  ];
  const points = curves.flatMap(({ isUp, points: all }) =>
    all.map(({ value, step: size, count }) => [
      isUp ? 'up' : 'down',
      digits(value),
      digits(size),
      String(count),
    ]),
  );
  return [
    `${device.name}: ${devices} devices, ${steps} steps${device.isOneSided ? ', up only' : ''}`,
    '',
    table(['parameter', 'value'], rows),
    '',
    table(['direction', 'value', 'mean step', 'steps'], points),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map((warning) => `warning: ${warning}`)]),
    '',
  ].join('\n');
}
