// What the bench prints: one table of all cases beside the machine's roofline, the kernel classes below it, or all of
// it as one JSON object.

import { table } from '../src/cli/table.ts';
import type { CaseResult, Figure, Row } from './bench-case.ts';
import type { ClassShare } from './kernel-classes.ts';
import { median } from './measure.ts';

/** Instruction sets: of ohmic's kernels, of the processor, and of the peer. */
export type Instructions = {
  readonly ohmic: string;
  /** Undefined if the compiler can't tell. */
  readonly processor: string | undefined;
  /** Undefined without a peer. */
  readonly peer: string | undefined;
};

/** Where and how the bench ran. */
export type Setting = {
  readonly bench: string;
  readonly machine: string;
  readonly instructions: Instructions;
  readonly backend: string;
  readonly peer: string;
  readonly rounds: number;
  readonly stepsPerRound: number;
};

/** How a row stands to its target. */
export type Verdict = 'met' | 'missed' | 'not built' | 'PyTorch not found';

/** Compares a row with its target. */
export function verdictOf({ figure, ratio, target }: Row): Verdict {
  if (figure === undefined) return 'not built';
  const measured = target.of === 'ratio' ? ratio : figure.value;
  if (measured === undefined) return 'PyTorch not found';
  return measured <= target.atMost ? 'met' : 'missed';
}

/** Everything as plain data, in one flat object: the keys of a case's details stand beside those of the setting. */
export function resultObject(setting: Setting, result: CaseResult): object {
  const limits = rooflineMedians(result);
  return {
    ...setting,
    ...(limits && { roofline: limits }),
    milliseconds: result.milliseconds,
    ratios: result.ratios,
    rows: result.rows.map((row) => ({ ...row, verdict: verdictOf(row) })),
    ...result.details,
  };
}

/** Everything as text for people. */
export function resultText(setting: Setting, result: CaseResult): string {
  const limits = rooflineMedians(result);
  const head = [
    setting.machine,
    instructionsText(setting.instructions),
    `${setting.backend}; ${setting.peer}`,
    `roofline: ${limits === undefined ? 'not measured by these cases' : limitsText(limits)}`,
    `medians over rounds (${setting.rounds}, with ${setting.stepsPerRound} steps each; more of short ones)`,
  ];
  const { text } = result;
  const rows = table(['case', 'ohmic', 'peer', 'ratio', 'target', '', 'of peak'], result.rows.map(cells));
  return [head.join('\n'), rows, ...(text ? [text] : [])].join('\n\n');
}

/** Instruction sets as a line. Of one that is not the processor's own, figures are no limits of the machine. */
export function instructionsText({ ohmic, processor, peer }: Instructions): string {
  const own =
    processor === undefined ? 'a processor that the compiler does not know' : `a processor with ${processor}`;
  return `instructions: ohmic ${ohmic} on ${own}; PyTorch ${peer ?? 'not found'}`;
}

function cells(row: Row): string[] {
  const { title, figure, peer, ratio, target, shareOfPeak } = row;
  const none = '–';
  const limit =
    target.of === 'ratio' ? target.atMost.toFixed(2) : figureText({ value: target.atMost, unit: 'ms' });
  return [
    title,
    figure === undefined ? none : figureText(figure),
    peer === undefined ? none : `${figureText(peer)} ${peer.name}`,
    ratio === undefined ? none : ratio.toFixed(2),
    `≤ ${limit}`,
    verdictOf(row),
    shareOfPeak === undefined ? none : shareOfPeak.toFixed(2),
  ];
}

function figureText({ value, unit }: Figure): string {
  if (unit === 'ms' && value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}

/** Peak and bandwidth. */
type Limits = { readonly gigaflops: number; readonly gigabytesPerSecond: number };

function limitsText({ gigaflops, gigabytesPerSecond }: Limits): string {
  const [peak, bandwidth] = [gigaflops, gigabytesPerSecond].map((limit) => limit.toFixed(1));
  return `${peak} GFLOPS (multiply-adds in registers), ${bandwidth} GB/s (copy, read plus written)`;
}

function rooflineMedians({ roofline }: CaseResult): Limits | undefined {
  if (roofline === undefined || roofline.gigaflops.length === 0) return undefined;
  return { gigaflops: median(roofline.gigaflops), gigabytesPerSecond: median(roofline.gigabytesPerSecond) };
}

const CLASS_NOTE = [
  'Operations are those of the direct product, also where a kernel needs fewer multiplications, so a share above 1 is',
  "possible; bytes are those of a launch's buffers, also where they lie in a cache. Sums over images and elementwise",
  'work that are fused into a product count as its time, not as its work.',
].join('\n');

/** The kernel classes of the training step, with what is counted. */
export function classTable(classes: readonly ClassShare[]): string {
  const rows = classes.map(({ name, launches, milliseconds, shareOfStep, work, shareOfRoofline }) => [
    name,
    String(launches),
    milliseconds.toFixed(1),
    `${(100 * shareOfStep).toFixed(1)} %`,
    work.kind === 'operations'
      ? `${(work.amount / 1e9).toFixed(2)} GFLOP`
      : `${(work.amount / 1e6).toFixed(1)} MB`,
    shareOfRoofline.toFixed(2),
    work.kind === 'operations' ? 'peak' : 'bandwidth',
  ]);
  const head = ['kernels of the training step', 'launches', 'ms', 'of the step', 'work', 'share', 'of'];
  return `${table(head, rows)}\n\n${CLASS_NOTE}`;
}
