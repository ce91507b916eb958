// Where a network loses accuracy on its hardware, measured: each source of error alone and left out, each group of
// layers alone on the chip and alone digital. The key of a draw depends on seed, chip, layer and source, so all
// variants have the same chips, and leaving out a source changes no other draw.

import { throwFaults } from '../base/errors.ts';
import { check, checkForm, type Incomplete } from '../base/schema.ts';
import {
  type ArrayHardware,
  byLayer,
  type HardwareSpec,
  hardwareOf,
  hasReadNoiseInProducts,
  matchesPattern,
} from '../crossbar/hardware.ts';
import { checkHardware } from '../crossbar/hardware-schema.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import type { Network } from '../nn/network.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { Task } from '../train/task.ts';
import {
  ATTRIBUTION_SOURCES,
  type Attribution,
  type AttributionEntry,
  type AttributionPoint,
  type AttributionSource,
  type AttributionSubject,
  type ChipAccuracies,
} from './attribution.ts';
import { deploy } from './deploy.ts';
import { asTrained } from './evaluate.ts';
import { type EvaluationSettings, evaluationSchema } from './evaluation-settings.ts';
import { attributeForm, variantForm } from './options-schema.ts';
import { type AttributionProgress, attributionProgressCheck, type ProgressCheck } from './progress-schema.ts';
import { attributionPointsSchema } from './record-schema.ts';

/** Options of `attribute`. */
export type AttributeOptions = {
  readonly engine: Engine;
  readonly network: Network;
  readonly trained: TrainedNetwork;
  /** Images to classify; absent if a `task` is given. */
  readonly data?: DataSplit<LabelledImages> | undefined;
  readonly task?: Task | undefined;
  readonly label: string;
  readonly hardware: HardwareSpec;
  /** When chips are read, and how drift is compensated. */
  readonly points: readonly AttributionPoint[];
  /** Groups of layers, by name or pattern; absent: layers grouped by the first part of their names. */
  readonly groups?: readonly string[] | undefined;
  /** Chips, AdaBS, calibration; its times and methods are those of the points. */
  readonly evaluation?: Incomplete<EvaluationSettings>;
  readonly seed?: number;
  /** Results of an earlier, interrupted attribution with the same settings. */
  readonly finished?: AttributionProgress | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Progress of an attribution. */
export type AttributionEvent = {
  /** Name of the variant that was measured last. */
  readonly variant: string;
  readonly done: number;
  readonly total: number;
  readonly progress: AttributionProgress;
};

/** One hardware to measure. */
type Variant = {
  readonly name: string;
  readonly hardware: HardwareSpec;
  readonly entry?: Omit<AttributionEntry, 'accuracies'>;
};

const REFERENCE = 'reference';
const EXACT = 'exact';

/**
 * Attributes the losses of a network. Yields after every variant; returns the attribution.
 *
 * @throws UsageError for impossible settings, or groups that fit no layer on the chip; the signal's reason if aborted
 */
export async function* attribute(options: AttributeOptions): AsyncGenerator<AttributionEvent, Attribution> {
  const { points, evaluation, variants: all, checkProgress } = plannedAttribution(options);
  const { label, finished } = options;
  let progress: AttributionProgress =
    finished === undefined ? { variants: {} } : checkProgress('attribute: finished', finished);
  for (const [done, variant] of all.entries()) {
    if (progress.variants[variant.name] !== undefined && progress.digitalAccuracy !== undefined) continue;
    const { accuracies, digitalAccuracy } = await measure(options, evaluation, variant, progress);
    progress = { digitalAccuracy, variants: { ...progress.variants, [variant.name]: accuracies } };
    yield { variant: variant.name, done: done + 1, total: all.length, progress };
  }
  const { variants } = progress;
  return {
    network: label,
    points: [...points],
    chips: evaluation.chips,
    ...(evaluation.testImages === undefined ? {} : { testImages: evaluation.testImages }),
    digitalAccuracy: progress.digitalAccuracy!,
    reference: variants[REFERENCE]!,
    exact: variants[EXACT]!,
    entries: all.flatMap(({ name, entry }) =>
      entry === undefined ? [] : [{ ...entry, accuracies: variants[name]! }],
    ),
  };
}

/** What an attribution measures, and the check of its progress. Throws what `attribute` throws of its options. */
export function plannedAttribution(options: Omit<AttributeOptions, 'finished'>): {
  readonly points: readonly AttributionPoint[];
  readonly evaluation: EvaluationSettings;
  readonly variants: readonly Variant[];
  readonly checkProgress: ProgressCheck<AttributionProgress>;
} {
  checkForm(attributeForm, 'attribute', options);
  const points = check(attributionPointsSchema, 'attribute: points', options.points);
  const methods = [...new Set(points.map(({ method }) => method))];
  const timesSeconds = [...new Set(points.map(({ timeSeconds }) => timeSeconds))];
  const evaluation = check(evaluationSchema, 'attribute: evaluation', {
    ...options.evaluation,
    methods,
    timesSeconds,
  });
  const variants = variantsOf(options);
  const checkProgress = attributionProgressCheck(
    { points: points.length, chips: evaluation.chips },
    variants.map(({ name }) => name),
  );
  return { points, evaluation, variants, checkProgress };
}

async function measure(
  options: AttributeOptions,
  evaluation: EvaluationSettings,
  { hardware }: Variant,
  { digitalAccuracy: known }: AttributionProgress,
): Promise<{ readonly accuracies: ChipAccuracies; readonly digitalAccuracy: number }> {
  const { engine, network, trained, task, points, seed = 0, signal } = options;
  const deployment = await deploy({
    engine,
    network,
    task,
    data: asTrained(options),
    parameters: trained.parameters,
    hardware,
    evaluation,
    seed,
  });
  try {
    const digitalAccuracy = known ?? (await deployment.digitalAccuracy(signal));
    const accuracies: number[][] = points.map(() => []);
    for (let chip = 0; chip < evaluation.chips; chip++) {
      for (const [k, { timeSeconds, method }] of points.entries())
        accuracies[k]!.push(await deployment.accuracy({ chip, timeSeconds, method }, signal));
    }
    return { accuracies, digitalAccuracy };
  } finally {
    deployment.free();
  }
}

/**
 * Names of all variants that an attribution measures, the reference first.
 *
 * @throws UsageError, with all faults, if it can't be made
 */
export function attributionVariants(options: VariantOptions): readonly string[] {
  checkForm(variantForm, 'attribute', options);
  const points = check(attributionPointsSchema, 'attribute: points', options.points);
  return variantsOf({ ...options, points }).map(({ name }) => name);
}

type VariantOptions = Pick<AttributeOptions, 'network' | 'hardware' | 'points' | 'groups'>;

/** All variants that are measured, the reference first. */
function variantsOf({ network, points, groups, ...given }: VariantOptions): Variant[] {
  const hardware = checkHardware(given.hardware);
  const onChip = network.layers.map(({ name }) => name).filter((name) => hardwareOf(hardware, name));
  const subjects = layerGroups(onChip, groups);
  throwFaults('attribute', [
    ...(onChip.length === 0 ? ['no layer of the network is on the chip'] : []),
    ...(points.some(({ method }) => method === 'adabs') && network.normalizationLayers.length === 0
      ? [`a point names adabs, but ${network.name} has no batch normalisation; leave the method out`]
      : []),
    ...subjects
      .filter(({ name }, position) => subjects.findIndex((other) => other.name === name) !== position)
      .map(({ name }) => `the group "${name}" stands twice`),
    ...subjects.filter(({ layers }) => layers.length === 0).map(({ name }) => groupFault(name, onChip)),
  ]);
  const sources = actingSources(network, hardware);
  const withSources = (acting: readonly AttributionSource[]): HardwareSpec =>
    changedLayers(network, hardware, (own) => onlySources(own, acting));
  const withLayers = (layers: readonly string[]): HardwareSpec =>
    changedLayers(network, hardware, (own, name) => (layers.includes(name) ? own : undefined));
  const variant = (
    subject: AttributionSubject,
    role: AttributionEntry['role'],
    changed: HardwareSpec,
  ): Variant => {
    const what = subject.kind === 'source' ? subject.source : subject.name;
    return { name: `${subject.kind} ${what} ${role}`, hardware: changed, entry: { subject, role } };
  };
  return [
    { name: REFERENCE, hardware },
    { name: EXACT, hardware: withSources([]) },
    ...sources.flatMap((source) => {
      const subject = { kind: 'source', source } as const;
      const others = sources.filter((other) => other !== source);
      return [
        variant(subject, 'alone', withSources([source])),
        variant(subject, 'left-out', withSources(others)),
      ];
    }),
    ...subjects.flatMap(({ name, layers }) => {
      const subject = { kind: 'layers', name, layers } as const;
      const others = onChip.filter((layer) => !layers.includes(layer));
      return [
        variant(subject, 'alone', withLayers(layers)),
        ...(others.length === 0 ? [] : [variant(subject, 'left-out', withLayers(others))]),
      ];
    }),
  ];
}

function groupFault(name: string, layers: readonly string[]): string {
  return `the group "${name}" fits no layer on the chip; there are ${layers.join(', ')}`;
}

type LayerGroup = { readonly name: string; readonly layers: readonly string[] };

/**
 * The groups that patterns name; without patterns one for each first part of a name: `stage1` of `stage1.block0.conv1`.
 */
function layerGroups(layers: readonly string[], patterns: readonly string[] | undefined): LayerGroup[] {
  if (patterns !== undefined)
    return patterns.map((name) => ({ name, layers: layers.filter((layer) => matchesPattern(layer, name)) }));
  const starts = [...new Set(layers.map((layer) => layer.split('.')[0]!))];
  return starts.map((name) => ({ name, layers: layers.filter((layer) => layer.split('.')[0] === name) }));
}

/** The hardware with every layer of the network changed; undefined makes a layer digital. */
function changedLayers(
  { layers }: Network,
  chip: HardwareSpec,
  change: (own: HardwareSpec, name: string) => ArrayHardware | undefined,
): HardwareSpec {
  const { layers: _, ...hardware } = chip;
  return byLayer(hardware, layers, ({ name }) => {
    const own = hardwareOf(chip, name);
    const changed = own === undefined ? undefined : change(own, name);
    return changed === undefined ? 'digital' : arraysOf(changed);
  });
}

/** An exception for a layer in the hardware. */
function arraysOf(own: ArrayHardware): ArrayHardware {
  const { cell, mapping, tile, dac, adc, outputNoise, readNoise, readMode } = own;
  const arrays = { cell, mapping, tile, dac, adc, outputNoise };
  return { ...arrays, ...(readNoise && { readNoise }), ...(readMode && { readMode }) };
}

/** The sources of error that some layer on the chip has. */
function actingSources({ layers }: Network, hardware: HardwareSpec): AttributionSource[] {
  const owns = layers.flatMap(({ name }) => hardwareOf(hardware, name) ?? []);
  return ATTRIBUTION_SOURCES.filter((source) => owns.some((own) => isActing(own, source)));
}

function isActing({ cell, dac, adc, outputNoise }: ArrayHardware, source: AttributionSource): boolean {
  switch (source) {
    case 'programming-noise':
      return cell.programmingNoise.kind !== 'none';
    case 'read-noise':
      return cell.readNoise.kind !== 'none';
    case 'drift':
      return cell.drift.kind !== 'none';
    case 'converters':
      return dac.kind !== 'ideal' || adc.kind !== 'ideal';
    case 'output-noise':
      return outputNoise.kind !== 'none';
  }
}

/** The hardware of a layer with only these sources of error. */
function onlySources(arrays: HardwareSpec, acting: readonly AttributionSource[]): ArrayHardware {
  const has = (source: AttributionSource): boolean => acting.includes(source);
  // The error of a read in one phase is a share of the ADC's full scale, so it counts among the converters' errors.
  const { cell, readMode, ...others } = arrays;
  const changed: ArrayHardware = {
    ...others,
    ...(readMode !== undefined && has('converters') && { readMode }),
    cell: {
      ...cell,
      programmingNoise: has('programming-noise') ? cell.programmingNoise : { kind: 'none' },
      readNoise: has('read-noise') ? cell.readNoise : { kind: 'none' },
      drift: has('drift') ? cell.drift : { kind: 'none' },
    },
    dac: has('converters') ? arrays.dac : { kind: 'ideal' },
    adc: has('converters') ? arrays.adc : { kind: 'ideal' },
    outputNoise: has('output-noise') ? arrays.outputNoise : { kind: 'none' },
  };
  if (hasReadNoiseInProducts(changed)) return changed;
  const { readNoise: _read, ...rest } = changed;
  return rest;
}
