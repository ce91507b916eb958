// `ohmic inspect …`: prints the content of weights, a programmed chip, a graph or a plan on stdout. Changes nothing.

import { invariant, throwFaults, UsageError } from '../base/errors.ts';
import { countParameters, type HostTensor, type Parameters } from '../base/parameters.ts';
import { elementCount, formatShape, type Shape } from '../base/shape.ts';
import { unknownName } from '../base/suggest.ts';
import { printPlan } from '../compile/backend.ts';
import { compile } from '../compile/compile.ts';
import type { Target } from '../compile/tuning.ts';
import { verifyPlan } from '../compile/verify-plan.ts';
import { signedSignificance } from '../crossbar/arrays.ts';
import type { Chip } from '../crossbar/chip.ts';
import { hardwareOf, patternFaults } from '../crossbar/hardware.ts';
import { tileMatrix } from '../crossbar/tiling.ts';
import type { Normalization } from '../data/image-set.ts';
import { prepareChipPrograms } from '../experiment/chip-programs.ts';
import { deploymentKey } from '../experiment/deploy.ts';
import type { Graph } from '../graph/node.ts';
import { digital, type Layer, weightsOf } from '../graph/operator.ts';
import { printGraph } from '../graph/print.ts';
import { updateRule } from '../insitu/update-rule.ts';
import { findCompiler } from '../native/compiler.ts';
import { printTranslationUnit } from '../native/print-c.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import { jsonText } from '../report/json.ts';
import { classificationGoal } from '../train/classification.ts';
import type { Provenance } from '../train/provenance.ts';
import { traceInference } from '../train/score.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { traceTrainingStep } from '../train/step.ts';
import { scoreText } from '../train/task.ts';
import { wasmTarget } from '../wasm/backend.ts';
import { defaultRun } from './default-run.ts';
import { type HardwareFlags, hardwareFromFlags } from './hardware-flag.ts';
import { taskOfSet } from './named-network.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { type ImagesName, imagesNames, isImagesName } from './settings-schema.ts';
import { table } from './table.ts';
import { readWeights } from './train-stage.ts';
import { backendChoice, parseSeed } from './values.ts';
import { withWorkplace } from './workplace.ts';

/** Whether JSON is printed. */
type JsonFlag = { readonly json?: boolean };

/** Flags of `ohmic inspect chip`. */
export type ChipFlags = HardwareFlags &
  JsonFlag & {
    readonly seed: string;
    /** Which chip of the evaluation, from 1. */
    readonly chip: number;
    readonly backend?: string;
    readonly threads?: number;
  };

/** Flags of `ohmic inspect graph` and `kernels`. */
export type GraphFlags = {
  readonly model: string;
  readonly dataset: string;
  readonly kind: 'training' | 'inference';
  readonly noise?: number;
  readonly batchSize: number;
  readonly c?: boolean;
  readonly verify?: boolean;
};

/** Ending of the names of analog layers' parameters. */
const WEIGHTS = '.weights';

/** Prints the provenance of weights and the statistics of every parameter. */
export async function inspectWeights(file: string, { json = false }: JsonFlag): Promise<void> {
  const { parameters, provenance } = await readWeights(file);
  const statistics = Object.entries(parameters).map(([name, tensor]) => statisticsOf(name, tensor));
  if (json) {
    process.stdout.write(`${jsonText({ provenance, parameters: statistics })}\n`);
    return;
  }
  const { normalization, settings } = provenance;
  const lines = [
    ...originLines(provenance),
    ...(normalization === undefined ? [] : [`images: ${normalizationText(normalization)}`]),
    ...(settings === undefined ? [] : [`settings: ${JSON.stringify(settings)}`]),
    countsText(parameters),
    '',
    table(
      ['parameter', 'shape', 'values', 'min', 'max', 'mean', 'std', 'max / std'],
      statistics.map(statisticsRow),
    ),
  ];
  print(`${lines.join('\n')}\n`);
}

/** Who trained a network, and its results. */
function originLines({ external, history, ...origin }: Provenance): string[] {
  const { model, dataset, seed, backend, ohmic } = origin;
  if (external !== undefined)
    return [
      `${model} for ${dataset}, imported by ohmic ${ohmic} from ${external.file}`,
      `SHA-256 of that file: ${external.sha256}`,
    ];
  const last = history.at(-1);
  const trained = `${model}, trained on ${dataset} by ohmic ${ohmic}, ${backend}, seed ${seed}`;
  if (last === undefined) return [trained, 'not trained yet'];
  const { epoch, trainLoss, testAccuracy } = last;
  const { score = { name: 'accuracy', isShare: true } } = origin;
  const tested =
    testAccuracy === undefined ? `test ${score.name} not measured` : `test ${scoreText(score, testAccuracy)}`;
  return [trained, `${epoch} epochs, training loss ${trainLoss.toFixed(4)}, ${tested}`];
}

/** Numbers in the file, and how many of them go onto crossbars. */
function countsText(parameters: Parameters): string {
  const analog = Object.entries(parameters).filter(([name]) => name.endsWith(WEIGHTS));
  return `${countParameters(parameters)} values; ${countParameters(Object.fromEntries(analog))} of them are weights of analog layers`;
}

function normalizationText({ mean, std }: Normalization): string {
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(4)).join(', ');
  return `normalized by mean ${list(mean)}, standard deviation ${list(std)} of their channels`;
}

/** A parameter, and statistics of its values. */
type Statistics = {
  readonly name: string;
  readonly shape: Shape;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
};

function statisticsOf(name: string, { shape, data }: HostTensor): Statistics {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const std = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
  const min = data.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const max = data.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return { name, shape, min, max, mean, std };
}

function statisticsRow({ name, shape, min, max, mean, std }: Statistics): string[] {
  const largest = Math.max(Math.abs(min), Math.abs(max));
  return [
    name,
    formatShape(shape),
    String(elementCount(shape)),
    ...[min, max, mean, std].map((value) => value.toFixed(4)),
    std === 0 ? '–' : (largest / std).toFixed(1),
  ];
}

/** Programs one chip and prints targets, programming errors and tiles of every layer. */
export async function inspectChip(file: string, flags: ChipFlags, progress: Progress): Promise<void> {
  const { json = false } = flags;
  const hardware = hardwareFromFlags(flags);
  const backend = backendChoice(flags.backend ?? 'auto');
  const [seed, number] = [parseSeed(flags.seed), flags.chip - 1];
  const { parameters } = await readWeights(file);
  const layers = layersOf(file, parameters);
  const names = layers.map(({ name }) => name);
  throwFaults('inspect chip: hardware', patternFaults(hardware, names));
  await withWorkplace({ ...flags, backend, progress }, async ({ engine }) => {
    const store = await engine.store(parameters);
    const key = deploymentKey(seed);
    const programs = await prepareChipPrograms({ engine, network: { layers }, hardware, store, seed, key });
    const chip = await programs.chip(number);
    if (json) process.stdout.write(chipJson(chip));
    else print(chipText(chip));
    programs.free();
    store.free();
  });
}

function layersOf(file: string, parameters: Parameters): Layer[] {
  const layers = Object.entries(parameters)
    .filter(([name]) => name.endsWith(WEIGHTS))
    .map(([name, { shape }]): Layer => {
      const kind = shape.length === 2 ? 'dense' : 'convolution';
      return { name: name.slice(0, -WEIGHTS.length), kind, shape };
    });
  if (layers.length === 0)
    throw new UsageError(`${file}: expected layers with weights, found none; use a file of a network`);
  return layers;
}

/** A layer of a programmed chip. */
type ProgrammedLayer = {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly utilisation: number;
  readonly meanTargetMicrosiemens: number;
  /** Root mean square of the difference of a weight's conductance from its target. */
  readonly programmingErrorMicrosiemens: number;
};

function programmedLayers({ hardware, layers }: Chip): ProgrammedLayer[] {
  return Object.values(layers).map(({ name, rows, columns, groups = 1, cells }) => {
    const { tileCount, utilisation } = tileMatrix(
      { rows, columns, groups },
      hardwareOf(hardware, name)!.tile,
    );
    const targets = new Float64Array(rows * columns);
    const errors = new Float64Array(rows * columns);
    for (const cell of cells) {
      const weight = signedSignificance(cell);
      for (let at = 0; at < targets.length; at++) {
        const [target, g] = [cell.target.data[at]!, cell.conductance.data[at]!];
        targets[at] = Math.max(targets[at]!, target);
        errors[at]! += weight * (g - target);
      }
    }
    return {
      name,
      rows,
      columns,
      tiles: tileCount,
      utilisation,
      meanTargetMicrosiemens: targets.reduce((sum, g) => sum + g, 0) / targets.length,
      programmingErrorMicrosiemens: rootMeanSquare(errors),
    };
  });
}

function chipJson(chip: Chip): string {
  const { hardware, seed, number } = chip;
  return `${jsonText({ hardware: hardware.name, seed, chip: number + 1, layers: programmedLayers(chip) })}\n`;
}

function chipText(chip: Chip): string {
  const { hardware, seed, number } = chip;
  const { name: cell, gMaxMicrosiemens: gMax } = hardware.cell;
  const rows = programmedLayers(chip).map((layer) => [
    layer.name,
    `${layer.rows} x ${layer.columns}`,
    String(layer.tiles),
    `${(100 * layer.utilisation).toFixed(1)} %`,
    layer.meanTargetMicrosiemens.toFixed(2),
    layer.programmingErrorMicrosiemens.toFixed(3),
    `${((100 * layer.programmingErrorMicrosiemens) / gMax).toFixed(2)} %`,
  ]);
  const head = ['layer', 'matrix', 'tiles', 'in use', 'mean target, µS', 'programming error, µS', 'of Gmax'];
  return `${hardware.name}: cells ${cell}, Gmax ${gMax} µS; chip ${number + 1} of seed ${seed}\nThe error is the root mean square of the difference between a weight's conductance and its target, just programmed.\n\n${table(head, rows)}\n`;
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Prints a network's graph. */
export function inspectGraph(flags: GraphFlags): void {
  process.stdout.write(printGraph(graphOf(flags)));
}

/**
 * Prints the plan of a network's graph for this machine, its kernels as C, or the result of the verifier.
 *
 * @throws InternalError with all faults that the verifier finds
 */
export function inspectKernels(flags: GraphFlags): void {
  const compiler = findCompiler();
  // Without a C compiler, the plan is that of the WebAssembly backend.
  const target: Target = compiler ?? wasmTarget;
  const plan = compile(graphOf(flags), target);
  if (flags.verify === true) {
    const faults = verifyPlan(plan);
    invariant(faults.length === 0, () => `the plan has ${faults.length} faults\n${faults.join('\n')}`);
    process.stdout.write(`${plan.launches.length} launches of ${plan.kernels.length} kernels: no faults\n`);
    return;
  }
  process.stdout.write(flags.c === true ? printTranslationUnit(plan.kernels, plan.lanes) : printPlan(plan));
}

function graphOf({ model: modelName, dataset, kind, noise, batchSize }: GraphFlags): Graph {
  const knownModel = networkNames.find((known) => known === modelName);
  throwFaults('inspect', [
    ...(knownModel === undefined ? [`--model: ${unknownName(modelName, networkNames)}`] : []),
    ...(isImagesName(dataset) ? [] : [`--dataset: ${unknownName(dataset, imagesNames)}`]),
    ...(noise === undefined || noise >= 0 ? [] : [`--noise must be a number from 0, got ${noise}`]),
    ...(noise === undefined || kind === 'training' ? [] : ['--noise: only with --kind training']),
  ]);
  const task = taskOfSet(dataset as ImagesName);
  const network = networkByName(modelName, task);
  const goal = classificationGoal(task.inputShape);
  if (kind === 'inference')
    return traceInference(network, goal, batchSize, (t) =>
      digital((layer) => t.state(weightsOf(layer), layer.shape)),
    );
  const { training } = defaultRun;
  const settings: TrainingSettings = {
    ...training,
    batchSize,
    ...(noise === undefined ? {} : { noise: { kind: 'gaussian', relativeToMax: noise } }),
  };
  return traceTrainingStep({ network, task: goal, rule: updateRule(settings.rule), settings });
}
