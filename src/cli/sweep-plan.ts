// From a sweep's file to its table: every point is checked, its works are named, and the table is told of them.

import { join, resolve } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import { patternFaults } from '../crossbar/hardware.ts';
import { resolveHardware } from '../crossbar/hardware-choice.ts';
import type { DataSplit } from '../data/image-set.ts';
import { isNamedSet, namedSets } from '../data/named-sets.ts';
import {
  type EvaluationSettings,
  evaluationFaults,
  methodFaults,
  methodsFor,
} from '../experiment/evaluation-settings.ts';
import { imageTask } from '../experiment/subject.ts';
import type { Table } from '../fleet/table.ts';
import type { Network } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import { gridSize, type PointValues, pointsOf } from '../sweep/expand.ts';
import { contentName } from '../sweep/perform.ts';
import { pointCost } from '../sweep/summary.ts';
import type { SweepFile } from '../sweep/sweep-file.ts';
import {
  canonicalText,
  type EvaluationWork,
  type Named,
  named,
  needsOf,
  type PointWorks,
  type TrainingWork,
  type WeightsSource,
  type WorkData,
} from '../sweep/works.ts';
import { checkParameters, decodeWeights, type TrainedNetwork } from '../train/checkpoint.ts';
import { isPairName } from '../train/gan.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { countsOf } from './evaluate-stage.ts';
import { readBytes, writeWhole } from './files.ts';
import { runFaults } from './run-stages.ts';
import { IMPORTED, PHOTOS, type RunSettings } from './settings-schema.ts';
import { type KeptEvaluation, pointSettings, pointText, type SweepBase } from './sweep-base.ts';

/** What planning needs. */
export type PlanOptions = {
  readonly file: SweepFile;
  readonly base: SweepBase;
  readonly table: Table;
  /** Where kept weights go by their content. */
  readonly folder: string;
  readonly backend: 'native' | 'wasm';
  readonly loadData: (data: WorkData) => Promise<DataSplit>;
  /** Which part of the sweep; absent: all. */
  readonly shard?: Shard | undefined;
  readonly onPoint?: (done: number, total: number) => void;
};

/** The `index`-th, from 0, of so many parts. */
export type Shard = { readonly index: number; readonly count: number };

/** More faults than anybody reads. */
const MOST_FAULTS = 8;

/**
 * Expands a sweep into its table, which keeps what it had of the same works.
 *
 * @throws UsageError that lists impossible points, or if no point is left
 */
export async function planSweep(options: PlanOptions): Promise<void> {
  const { file, base, table, onPoint } = options;
  const planner = createPlanner(options);
  const place = await shardPlaces(options, planner);
  const total = gridSize(file);
  const points = table.replacePoints();
  // By what is wrong, the points of which it is: one wrong value is wrong in many.
  const faults = new Map<string, string[]>();
  let number = 0;
  for (const values of pointsOf(file)) {
    number++;
    onPoint?.(number, total);
    try {
      if (file.cost !== undefined) pointCost(file.cost, values);
      const { trainings, networks } = place(await planner(values, base));
      points.add(
        { number, values, networks },
        trainings.map(({ name, work }) => ({ name, content: JSON.stringify(work) })),
      );
    } catch (thrown) {
      if (!(thrown instanceof UsageError)) throw thrown;
      const where = pointText(values);
      for (const fault of faultsIn(thrown, where)) faults.set(fault, [...(faults.get(fault) ?? []), where]);
      if (faults.size >= MOST_FAULTS) break;
    }
  }
  if (number === 0) faults.set(`expected at least one point, got none of ${total}; loosen \`where\``, []);
  throwFaults(
    'sweep: impossible points, which `where` can leave out',
    [...faults].map(([fault, [first, ...others]]) =>
      first === undefined
        ? fault
        : `${fault} (${first}${others.length === 0 ? '' : ` and ${others.length} more`})`,
    ),
  );
  points.end();
}

/** The faults of a point without its place. */
function faultsIn({ message }: UsageError, where: string): string[] {
  const [heading = '', ...list] = message.split('\n  - ');
  return (list.length > 0 ? list : [heading]).map((fault) => fault.replace(`${where}: `, ''));
}

type Planner = (values: PointValues, base: SweepBase) => Promise<PointWorks>;

function createPlanner({ file, folder, backend, loadData }: PlanOptions): Planner {
  const files = new Map<string, Promise<KeptFile>>();
  const kept = (path: string): Promise<KeptFile> => {
    const known = files.get(path) ?? keepFile(path, folder);
    files.set(path, known);
    return known;
  };
  const images = new Map<string, Promise<DataSplit>>();
  const dataOf = (data: WorkData): Promise<DataSplit> => {
    const key = canonicalText(data);
    const known = images.get(key) ?? loadData(data);
    images.set(key, known);
    return known;
  };
  const given: Given = { kept, dataOf, backend };
  return async (values, base) => {
    const where = pointText(values);
    const point = pointSettings(base, file, values, where);
    return point.kind === 'run'
      ? runWorks(where, point.settings, given)
      : keptWorks(where, point.settings, given);
  };
}

type KeptFile = { readonly source: WeightsSource; readonly trained: TrainedNetwork };

type Given = {
  readonly kept: (path: string) => Promise<KeptFile>;
  readonly dataOf: (data: WorkData) => Promise<DataSplit>;
  readonly backend: 'native' | 'wasm';
};

/** The weights of a file, copied to where works find them by their content. */
async function keepFile(path: string, folder: string): Promise<KeptFile> {
  const bytes = readBytes(path);
  const trained = await decodeWeights(path, bytes);
  const digest = await sha256(bytes);
  writeWhole(join(folder, contentName(digest)), bytes);
  return { source: { kind: 'file', sha256: digest }, trained };
}

/** The works of a run: its trainings, and the evaluation of the last network; of the digital one if it has settings of its own. */
async function runWorks(
  where: string,
  settings: RunSettings,
  { kept, dataOf, backend }: Given,
): Promise<PointWorks> {
  const {
    data: { dataset, photos: _, ...counts },
    model,
    seed,
    from,
    training,
    noiseTraining,
    hardware: choice,
    evaluation,
    controlEvaluation,
  } = settings;
  if (model === IMPORTED)
    throw new UsageError(
      `${where}: model: expected a network by name, got ${model}; train it with ohmic train, and sweep over evaluations of its weights`,
    );
  if (dataset === PHOTOS)
    throw new UsageError(
      `${where}: data.dataset: expected one of ${Object.keys(namedSets).join(', ')}, got ${dataset}, which a sweep can't hand to its workers; evaluate with ohmic run or ohmic evaluate`,
    );
  const data: WorkData = { dataset, ...counts };
  const images = await dataOf(data);
  const network = networkByName(model, imageTask(images));
  throwFaults(where, runFaults(settings, network, images));
  const train = async (
    one: TrainingSettings,
    before: { readonly initial?: WeightsSource; readonly teacher?: WeightsSource },
  ): Promise<Named<TrainingWork>> => {
    const { distillation } = one;
    const { teacher: path, ...rest } = distillation ?? { teacher: undefined };
    const teacher = path === undefined ? before.teacher : (await kept(resolve(path))).source;
    const { initial } = before;
    return named<TrainingWork>({
      kind: 'training',
      backend,
      data,
      model,
      seed,
      settings: distillation === undefined ? one : ({ ...one, distillation: rest } as TrainingSettings),
      ...(initial && { initial }),
      ...(distillation !== undefined && teacher !== undefined && { teacher }),
    });
  };
  const evaluated = (source: WeightsSource, one: EvaluationSettings): Promise<Named<EvaluationWork>> =>
    evaluationOf({
      where,
      data,
      source,
      network,
      hardware: resolveHardware(choice),
      evaluation: one,
      seed,
      backend,
    });
  const digital = from === undefined ? await train(training, {}) : undefined;
  const source: WeightsSource =
    digital === undefined
      ? await digitalWeights(from!, network, kept)
      : { kind: 'training', training: digital.name };
  const digitalNetwork = async (one: EvaluationSettings): Promise<PointWorks['networks'][number]> => ({
    label: 'digital',
    evaluation: await evaluated(source, one),
    chips: one.chips,
  });
  const trainings = digital === undefined ? [] : [digital];
  if (noiseTraining === undefined)
    return { trainings, networks: [await digitalNetwork(controlEvaluation ?? evaluation)] };
  const noisy = await train(noiseTraining, { initial: source, teacher: source });
  return {
    trainings: [...trainings, noisy],
    networks: [
      ...(controlEvaluation === undefined ? [] : [await digitalNetwork(controlEvaluation)]),
      {
        label: 'noise-trained',
        evaluation: await evaluated({ kind: 'training', training: noisy.name }, evaluation),
        chips: evaluation.chips,
      },
    ],
  };
}

/** Weights in place of a digital training. */
async function digitalWeights(path: string, network: Network, kept: Given['kept']): Promise<WeightsSource> {
  const { source, trained } = await kept(resolve(path));
  checkParameters(path, network, trained.parameters);
  return source;
}

async function keptWorks(
  where: string,
  settings: KeptEvaluation,
  { kept, dataOf, backend }: Given,
): Promise<PointWorks> {
  const { weights, data: asked, hardware: choice, evaluation, seed } = settings;
  const { source, trained } = await kept(resolve(weights));
  const { model, dataset: trainedOn, text } = trained.provenance;
  const dataset = asked.dataset ?? trainedOn;
  if (text !== undefined || isPairName(model) || !isNamedSet(dataset))
    throw new UsageError(
      `${weights}: expected a network of images of ${Object.keys(namedSets).join(', ')}, got ${model} on ${dataset}; evaluate it with ohmic evaluate`,
    );
  const data: WorkData = { ...asked, dataset };
  const images = await dataOf(data);
  const network = networkOfWeights(trained, imageTask(images));
  const hardware = resolveHardware(choice);
  const names = network.layers.map(({ name }) => name);
  throwFaults(where, [
    ...patternFaults(hardware, names).map((fault) => `hardware.${fault}`),
    ...[...evaluationFaults(evaluation, countsOf(images)), ...methodFaults(evaluation, network)].map(
      (fault) => `evaluation.${fault}`,
    ),
  ]);
  const work = await evaluationOf({ where, data, source, network, hardware, evaluation, seed, backend });
  return {
    trainings: [],
    networks: [{ label: trained.provenance.model, evaluation: work, chips: evaluation.chips }],
  };
}

type EvaluationOf = Omit<EvaluationWork, 'kind' | 'weights' | 'evaluation'> & {
  readonly where: string;
  readonly source: WeightsSource;
  readonly network: Network;
  readonly evaluation: EvaluationSettings;
};

function evaluationOf({
  data,
  source,
  network,
  hardware,
  evaluation,
  seed,
  backend,
}: EvaluationOf): Promise<Named<EvaluationWork>> {
  const { chips: _, ...rest } = evaluation;
  return named<EvaluationWork>({
    kind: 'evaluation',
    backend,
    data,
    weights: source,
    hardware,
    evaluation: { ...rest, methods: methodsFor(evaluation.methods, network) },
    seed,
  });
}

/**
 * Which works of a point are a shard's. Evaluations of one training stay together if there are enough trainings for all
 * shards; else evaluations are dealt out one by one; and if even they are too few, their chips are divided.
 */
async function shardPlaces(
  { file, base, shard }: PlanOptions,
  planner: Planner,
): Promise<(works: PointWorks) => PointWorks> {
  if (shard === undefined) return (works) => works;
  const { index, count } = shard;
  const trainings = new Map<string, number>();
  const evaluations = new Map<string, number>();
  const keyOf = ({ evaluation: { work } }: PointWorks['networks'][number]): string =>
    canonicalText(work.weights);
  for (const values of pointsOf(file)) {
    // Faults are found, and told, when points are expanded.
    const works = await planner(values, base).catch(() => undefined);
    for (const network of works?.networks ?? []) {
      if (!trainings.has(keyOf(network))) trainings.set(keyOf(network), trainings.size);
      if (!evaluations.has(network.evaluation.name))
        evaluations.set(network.evaluation.name, evaluations.size);
    }
  }
  return ({ trainings: all, networks }) => {
    const own = networks.flatMap((network) => {
      if (evaluations.size < count) {
        const { chips } = network;
        const part = [index, index + 1].map((edge) => Math.floor((chips * edge) / count)) as [number, number];
        return part[0] === part[1] ? [] : [{ ...network, part }];
      }
      const order =
        trainings.size >= count ? trainings.get(keyOf(network))! : evaluations.get(network.evaluation.name)!;
      return order % count === index ? [network] : [];
    });
    return { trainings: neededBy(own, all), networks: own };
  };
}

/** The trainings that networks need, those of which they begin included. */
function neededBy(
  networks: PointWorks['networks'],
  trainings: PointWorks['trainings'],
): PointWorks['trainings'] {
  const needed = new Set(networks.flatMap(({ evaluation }) => needsOf(evaluation.work)));
  // Later ones build on earlier ones.
  for (const { name, work } of trainings.toReversed()) {
    if (!needed.has(name)) continue;
    for (const before of needsOf(work)) needed.add(before);
  }
  return trainings.filter(({ name }) => needed.has(name));
}
