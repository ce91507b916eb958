// What the page and the lab's worker say to each other: calls by name, each with its input, the events on its way, and its
// result. Everything is plain data that can be posted.

import type {
  CompensationMethod,
  EpochRecord,
  HardwareChoice,
  HardwareSpec,
  NetworkName,
  Normalization,
  Shape,
  SharedNormalization,
} from 'ohmic';

/** Image sets: generated, or the user's own. */
export type SetName = 'digits' | 'synthetic' | 'own';

/** A training as the page offers it; the rest are defaults. It determines the weights. */
export type TrainChoice = {
  readonly set: SetName;
  readonly model: NetworkName;
  readonly epochs: number;
  /** η, standard deviation of the training noise / max|W|. */
  readonly noise: number;
  readonly seed: number;
};

/** Images as bytes, (count, height, width, channels). */
export type Images = {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
};

/** What the page knows of the weights in the worker. */
export type WeightsFacts = {
  /** First 16 digits of their SHA-256. */
  readonly digest: string;
  readonly model: string;
  readonly dataset: string;
  readonly epochs: number;
  readonly weights: number;
  /** Training was stopped before its end. */
  readonly isUnfinished: boolean;
  readonly history: readonly EpochRecord[];
  readonly methods: readonly CompensationMethod[];
  readonly classNames: readonly string[];
  readonly inputShape: Shape;
  /** Accuracy in floating point on the test images. */
  readonly accuracy: number;
  /** Another program trained them. */
  readonly isImported: boolean;
};

/** How the images of an imported network were normalised: as those of the lab, or by a name that recipes share. */
export type NormalizationName = 'dataset' | SharedNormalization;

/** A read of a chip. */
export type ReadChoice = ChipChoice & {
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
};

/** A layer on a chip: values of its two arrays, (rows, columns), µS. */
export type LayerOnChip = {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly gMax: number;
  /** t₀ of its cells, s. */
  readonly t0: number;
  /** Of the two arrays, plus first. */
  readonly targets: readonly [Float32Array, Float32Array];
  readonly programmed: readonly [Float32Array, Float32Array];
  readonly driftExponents: readonly [Float32Array, Float32Array];
};

/** A programmed chip. */
export type ChipView = {
  readonly hardware: HardwareSpec;
  readonly chip: number;
  readonly layers: readonly LayerOnChip[];
  readonly edges: readonly number[];
  readonly targetCounts: readonly number[];
  readonly programmedCounts: readonly number[];
};

/** Which chip of which hardware. */
export type ChipChoice = {
  readonly hardware: HardwareChoice;
  readonly seed: number;
  readonly chip: number;
};

/** Answers to the first test images at one time under one method. */
export type Answers = {
  readonly timeSeconds: number;
  readonly method: CompensationMethod;
  /** Class of the largest output, one for each image. */
  readonly classes: Uint8Array;
  /** Accuracy of this read on all test images. */
  readonly accuracy: number;
};

/** A device that learns and what is done to it: `u20,d20,r`. */
export type PulseChoice = {
  readonly device: string;
  readonly sequence: string;
  readonly seed: number;
  readonly devices: number;
};

export type PulseCurves = {
  /** Values of every device, before the first pulse and after each: (pulses + 1, devices). */
  readonly values: Float32Array;
  /** The same as one read of each senses them. */
  readonly sensed: Float32Array;
  readonly range: readonly [number, number];
  readonly isOneSided: boolean;
  readonly unit: string;
};

/** Cells that are programmed to a target once. */
export type CellChoice = {
  readonly cell: string;
  readonly target: number;
  readonly seed: number;
  readonly devices: number;
};

export type CellCurves = {
  readonly timesSeconds: readonly number[];
  /** (times, devices), µS: as drifted, and as one read senses it. */
  readonly drifted: Float32Array;
  readonly sensed: Float32Array;
  readonly gMax: number;
};

/** All calls. */
export type Calls = {
  start: { input: object; event: never; result: { description: string; notice?: string } };
  /** The first test images of a set. */
  images: { input: { set: SetName; count: number }; event: never; result: Images };
  /** The user's own images, which are then the set `own`. */
  ownImages: { input: Images; event: never; result: { train: number; test: number } };
  train: {
    input: TrainChoice;
    event:
      | {
          readonly kind: 'begun';
          readonly step: number;
          readonly steps: number;
          readonly stepsPerEpoch: number;
        }
      | { readonly kind: 'losses'; readonly first: number; readonly losses: readonly number[] }
      | { readonly kind: 'epoch'; readonly record: EpochRecord };
    result: WeightsFacts;
  };
  /** Weights of a training that this browser has kept; undefined if it has none. */
  restore: { input: TrainChoice; event: never; result: WeightsFacts | undefined };
  openWeights: { input: { name: string; bytes: Uint8Array }; event: never; result: WeightsFacts };
  saveWeights: { input: object; event: never; result: Uint8Array };
  /** A network of another program; `set`: images that it may be for, which are tried first. */
  openOnnx: {
    input: { name: string; bytes: Uint8Array; set: SetName; normalization: NormalizationName };
    event: never;
    result: WeightsFacts;
  };
  /** The network as it was trained, or as a chip is read. Its images are to be normalised as the result says. */
  saveOnnx: {
    input: { read?: ReadChoice };
    event: never;
    result: { bytes: Uint8Array; normalization: Normalization };
  };
  program: { input: ChipChoice; event: never; result: ChipView };
  /** Classes that the network answers in floating point for the first test images. */
  digital: { input: { hardware: HardwareChoice; seed: number }; event: never; result: Uint8Array };
  answers: { input: ReadChoice; event: never; result: Answers };
  /** Probabilities of the classes of one image, in floating point and on a chip. */
  classify: {
    input: ReadChoice & { readonly pixels: Uint8Array };
    event: never;
    result: { readonly digital: readonly number[]; readonly chip: readonly number[] };
  };
  evaluate: {
    input: {
      readonly hardware: HardwareChoice;
      readonly seed: number;
      readonly chips: number;
      readonly timesSeconds: readonly number[];
      /** The link that repeats it, for the record. */
      readonly link: string;
    };
    event:
      | { readonly kind: 'digital'; readonly accuracy: number }
      | {
          readonly kind: 'accuracy';
          readonly chip: number;
          readonly timeSeconds: number;
          readonly method: CompensationMethod;
          readonly accuracy: number;
          readonly done: number;
          readonly total: number;
        };
    /** The record as JSON text. */
    result: string;
  };
  pulses: { input: PulseChoice; event: never; result: PulseCurves };
  cell: { input: CellChoice; event: never; result: CellCurves };
};

export type CallName = keyof Calls;

/** From the page: a call, or the end of one. */
export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly input: unknown }
  | { readonly kind: 'abort'; readonly id: number };

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'event'; readonly id: number; readonly event: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  /** `isMistake`: something that the user can put right. */
  | { readonly kind: 'failure'; readonly id: number; readonly message: string; readonly isMistake: boolean }
  | { readonly kind: 'aborted'; readonly id: number };
