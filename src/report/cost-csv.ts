// An estimate as comma-separated values in long form: a row for each layer and part, then for what has no layer.

import type { CostEstimate } from '../cost/estimate.ts';
import type { ExperimentRecord } from '../experiment/record.ts';
import { csvText } from './csv.ts';

const HEADER = [
  'network',
  'hardware',
  'cost',
  'readMode',
  'layer',
  'tiles',
  'copies',
  'utilisation',
  'vectors',
  'multiplyAdds',
  'part',
  'picojoules',
  'evidence',
];

/** Estimates by the name of their network; an unknown energy is an empty field. Text as in `toCsv`. */
export function costCsv(estimates: readonly (readonly [label: string, CostEstimate])[]): string {
  return csvText([HEADER, ...estimates.flatMap(([label, estimate]) => rowsOf(label, estimate))]);
}

/** The estimates of a record. */
export function recordCostCsv({ networks }: Pick<ExperimentRecord, 'networks'>): string {
  return costCsv(networks.flatMap(({ label, cost }) => (cost === undefined ? [] : [[label, cost] as const])));
}

function rowsOf(label: string, { hardware, cost, readMode, layers, breakdown }: CostEstimate) {
  const lead = [label, hardware, cost, readMode];
  const ofLayers = layers.flatMap((layer) =>
    layer.breakdown.map(({ part, picojoules, evidence }) => [
      ...lead,
      layer.name,
      layer.tiles,
      layer.copies,
      layer.utilisation,
      layer.vectors,
      layer.multiplyAdds,
      part,
      picojoules ?? '',
      evidence,
    ]),
  );
  const others = breakdown.filter(({ part }) => ['leakage', 'off-chip memory', 'host'].includes(part));
  const ofNone = others.map(({ part, picojoules, evidence }) => [
    ...lead,
    '',
    '',
    '',
    '',
    '',
    '',
    part,
    picojoules ?? '',
    evidence,
  ]);
  return [...ofLayers, ...ofNone];
}
