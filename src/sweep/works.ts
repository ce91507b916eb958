// What a sweep computes: trainings, and evaluations chip by chip. Each is named by its content, so that points that need the
// same one share it, and results are found again whatever was added to the sweep meanwhile.

import { sha256 } from '../base/digest.ts';
import { isTree } from '../base/merge.ts';
import type { Json } from '../base/schema.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import type { NamedSetName } from '../data/named-sets.ts';
import type { EvaluationSettings } from '../experiment/evaluation-settings.ts';
import type { NetworkName } from '../nn/networks.ts';
import type { TrainingSettings } from '../train/settings.ts';

/** Images: a set, and how many of its first ones; absent: all. */
export type WorkData = {
  readonly dataset: NamedSetName;
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
};

/** Where weights come from: a training of the sweep, by its name, or a file, by its content. */
export type WeightsSource =
  | { readonly kind: 'training'; readonly training: string }
  | { readonly kind: 'file'; readonly sha256: string };

/** The backend is a part of a work: products differ in their last bits between native code and WebAssembly. */
type Placed = { readonly backend: 'native' | 'wasm' };

/** A training. */
export type TrainingWork = Placed & {
  readonly kind: 'training';
  readonly data: WorkData;
  readonly model: NetworkName;
  readonly seed: number;
  /** A teacher is not among them. */
  readonly settings: TrainingSettings;
  readonly initial?: WeightsSource | undefined;
  readonly teacher?: WeightsSource | undefined;
};

/** The evaluation of a network on any number of chips. */
export type EvaluationWork = Placed & {
  readonly kind: 'evaluation';
  readonly data: WorkData;
  readonly weights: WeightsSource;
  readonly hardware: HardwareSpec;
  readonly evaluation: Omit<EvaluationSettings, 'chips'>;
  readonly seed: number;
};

/** Something that a sweep computes. */
export type Work = TrainingWork | EvaluationWork;

/** A work with its name. */
export type Named<W extends Work = Work> = { readonly name: string; readonly work: W };

/** One network of a point, and on how many chips it is evaluated. */
export type PointNetwork = {
  /** For people: `noise-trained`. */
  readonly label: string;
  readonly evaluation: Named<EvaluationWork>;
  readonly chips: number;
  /** Only the chips from … to before …: those of a shard. */
  readonly part?: readonly [from: number, to: number];
};

/** What a point needs: trainings in the order in which they build on each other, then evaluations. */
export type PointWorks = {
  readonly trainings: readonly Named<TrainingWork>[];
  readonly networks: readonly PointNetwork[];
};

/** Letters of a name: 80 bits, so that a million works meet with a probability below 1e-12. */
const NAME_LETTERS = 20;

/** A work under the name of its content. */
export async function named<W extends Work>(work: W): Promise<Named<W>> {
  const digest = await sha256(canonicalText(work as unknown as Json));
  return { name: digest.slice(0, NAME_LETTERS), work };
}

/** JSON whose text does not depend on the order of fields; fields without a value are left out. */
export function canonicalText(value: Json): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted);
  if (!isTree(value)) return value;
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  return Object.fromEntries(names.sort().map((name) => [name, sorted(value[name]!)]));
}

/** Trainings that must be done before a work. */
export function needsOf(work: Work): string[] {
  const sources = work.kind === 'training' ? [work.initial, work.teacher] : [work.weights];
  return sources.flatMap((source) => (source?.kind === 'training' ? [source.training] : []));
}

/** A part of the work that one process does at a time: a training, or an evaluation of the chips `from` to `to` − 1. */
export type Task =
  | { readonly kind: 'training'; readonly name: string; readonly work: TrainingWork }
  | {
      readonly kind: 'evaluation';
      readonly name: string;
      readonly work: EvaluationWork;
      readonly from: number;
      readonly to: number;
      /** The digital accuracy is wanted too. */
      readonly digital: boolean;
    };

/** A chip, measured: accuracies in the order of times, of each in the order of methods. */
export type ChipRow = {
  readonly chip: number;
  readonly accuracies: readonly number[];
  readonly seconds: number;
};

/** What comes of a task. */
export type TaskResult =
  | {
      readonly kind: 'trained';
      readonly accuracy: number | undefined;
      readonly seconds: number;
      readonly backend: string;
    }
  | {
      readonly kind: 'evaluated';
      readonly digitalAccuracy?: number;
      readonly chips: readonly ChipRow[];
      readonly backend: string;
    }
  /** It can't be done, whoever tries. */
  | { readonly kind: 'failed'; readonly reason: string };

/** A name of a task, for people and queues: it does not change while its chips are the same. */
export function taskName(task: Task): string {
  return task.kind === 'training' ? task.name : `${task.name}-${task.from}-${task.to}`;
}
