// Digital work: how its energy scales from node to node, what memory of a size costs, and digital machines to stand beside
// analog ones. A baseline states its boundary: operations alone, an accelerator's data sheet, or a whole machine at the
// wall. These differ by more than a factor of ten, so like is compared with like only.

import { UsageError } from '../base/errors.ts';
import type { Evidence } from './cost-spec.ts';

/** A node and its supply. */
export type Process = { readonly nodeNanometers: number; readonly voltage: number };

/** a V² + b V + c of each node, relative energies: A. Stillmaker and B. Baas, as hwcomponents has them. */
const NODES: readonly (readonly [node: number, a: number, b: number, c: number])[] = [
  [130, 7.171, -6.709, 2.904],
  [90, 4.762, -4.781, 2.092],
  [65, 3.755, -4.398, 1.975],
  [45, 1.103, -0.362, 0.2767],
  [32, 0.9559, -0.7823, 0.471],
  [20, 0.373, -0.1582, 0.04104],
  [16, 0.2958, -0.1241, 0.03024],
  [14, 0.2363, -0.09675, 0.02239],
  [10, 0.2068, -0.09311, 0.02375],
  [7, 0.1776, -0.09097, 0.02447],
];

/**
 * Energy of an operation in one process relative to another. Between the nodes of the table, linear in the node.
 *
 * @throws UsageError for nodes below 7 or above 130 nm
 * @source A. Stillmaker and B. Baas, known from the coefficients in hwcomponents
 */
export function energyScaling(from: Process, to: Process): number {
  return relativeEnergy(to) / relativeEnergy(from);
}

function relativeEnergy({ nodeNanometers: node, voltage }: Process): number {
  const [largest, smallest] = [NODES[0]![0], NODES.at(-1)![0]];
  if (!(node <= largest && node >= smallest))
    throw new UsageError(
      `energy scaling: expected a node from ${smallest} to ${largest} nm, got ${node}; state constants at their own node`,
    );
  const upper = NODES.findLastIndex(([own]) => own >= node);
  const at = (index: number): number => {
    const [, a, b, c] = NODES[index]!;
    return a * voltage ** 2 + b * voltage + c;
  };
  const [above] = NODES[upper]!;
  if (above === node) return at(upper);
  const [below] = NODES[upper + 1]!;
  const share = (above - node) / (above - below);
  return at(upper) * (1 - share) + at(upper + 1) * share;
}

/** The processes of the two tables of operations; that the second is at 0.9 V is assumed. */
export const HOROWITZ: Process = { nodeNanometers: 45, voltage: 0.9 };
export const ALADDIN: Process = { nodeNanometers: 40, voltage: 0.9 };

/** Energies of operations where they were published, pJ. */
export const OPERATIONS = {
  /** M. Horowitz, ISSCC 2014, at 45 nm: int8 multiply and add. */
  multiplyAdd8: 0.23,
  /** The same source: 32 bits from an SRAM of 8 KB. */
  sramWord: 5,
  /** hwcomponents, Aladdin at 40 nm, 32 bits. */
  add32: 0.21,
  multiply32: 12.68,
} as const;

const SRAM_BYTES = 8192;
/** Exponent of the energy of an access in the size of a memory: the CACTI wrapper of hwcomponents. */
const SRAM_EXPONENT = 0.78;

/** Energy of a byte of an SRAM, pJ: 5 pJ / 4 at 8 KB and 45 nm, scaled as logic and by (size / 8 KB)^0.78. */
export function sramPicojoulesPerByte(bytes: number, process: Process): number {
  const size = Math.max(1, bytes / SRAM_BYTES) ** SRAM_EXPONENT;
  return (OPERATIONS.sramWord / 4) * size * energyScaling(HOROWITZ, process);
}

/** What a baseline includes. */
export type BaselineBoundary = 'operations' | 'accelerator peak' | 'whole machine at the wall';

/** A digital machine and what one inference needs there. */
export type Baseline = {
  readonly name: string;
  readonly boundary: BaselineBoundary;
  readonly picojoules: number;
  readonly topsPerWatt: number;
  readonly source: string;
  readonly evidence: Evidence;
};

const MACHINES: readonly Omit<Baseline, 'picojoules'>[] = [
  {
    name: 'int8 multiply-adds at 14 nm, no memory',
    boundary: 'operations',
    topsPerWatt:
      2 / (OPERATIONS.multiplyAdd8 * energyScaling(HOROWITZ, { nodeNanometers: 14, voltage: 0.8 })),
    source: 'M. Horowitz, ISSCC 2014, scaled from 45 to 14 nm',
    evidence: 'fitted',
  },
  {
    name: 'int8 multiply-adds of a TPUv4i-like design at 7 nm, no memory',
    boundary: 'operations',
    topsPerWatt: 2 / 0.084,
    source: 'AccelForge, tpu_v4i.yaml',
    evidence: 'simulated',
  },
  {
    name: 'H100 NVL, peak at 400 W',
    boundary: 'accelerator peak',
    topsPerWatt: 8.35,
    source: 'data sheet, known from notes',
    evidence: 'designed',
  },
  {
    name: 'server with an NVIDIA A2, ResNet-50 offline',
    boundary: 'whole machine at the wall',
    topsPerWatt: 0.1,
    source: 'MLPerf Inference v2.1 with power, 11.58 images/s/W (vendor’s page)',
    evidence: 'measured',
  },
];

/** Energies of `multiplyAdds` on digital machines; peak figures assume that everything is busy all the time. */
export function digitalBaselines(multiplyAdds: number): Baseline[] {
  return MACHINES.map((machine) => ({ ...machine, picojoules: (2 * multiplyAdds) / machine.topsPerWatt }));
}
