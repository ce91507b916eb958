// The chips of the lab: one deployment at a time, of the weights that are held, on the hardware that is asked for. Its
// chips are those of an evaluation with the same seed: the library draws them by seed and number.

import {
  type ChipRead,
  type CompensationMethod,
  classification,
  conductanceHistogram,
  type Deployment,
  dataSplit,
  deploy,
  type Engine,
  type EvaluationSettings,
  evaluateNetwork,
  experimentRecord,
  hardwareOf,
  imageSet,
  type Parameters,
  resolveHardware,
  toJson,
} from 'ohmic';
import { evaluationSettings } from './evaluation-settings.ts';
import type { Answers, Calls, ChipChoice, ChipView, LayerOnChip, ReadChoice } from './messages.ts';
import type { Held } from './weights.ts';

declare const OHMIC_VERSION: string;

/** Test images whose single answers are shown: those of the first batch that the library scores. */
export const SHOWN_IMAGES = 50;

type Evaluate = Calls['evaluate'];

/** What is asked of chips. */
export type Chips = {
  readonly view: (held: Held, choice: ChipChoice) => Promise<ChipView>;
  readonly digital: (held: Held, choice: Omit<ChipChoice, 'chip'>) => Promise<Uint8Array>;
  readonly answers: (held: Held, choice: ReadChoice, signal: AbortSignal) => Promise<Answers>;
  /** Parameters as a read of a chip has them. */
  readonly parameters: (held: Held, choice: ReadChoice, signal: AbortSignal) => Promise<Parameters>;
  readonly classify: (held: Held, choice: Calls['classify']['input']) => Promise<Calls['classify']['result']>;
};

/** Deployments are made when they are asked for, and the last one is kept. */
export function createChips(engine: Engine): Chips {
  let kept: { readonly label: string; readonly deployment: Deployment } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  /** One use after another, so that no deployment is freed while it is in use. */
  const withDeployment = <T>(
    held: Held,
    { hardware, seed }: Pick<ChipChoice, 'hardware' | 'seed'>,
    use: (deployment: Deployment) => Promise<T>,
  ): Promise<T> => {
    const turn = last.then(async () => {
      const label = JSON.stringify([held.facts.digest, hardware, seed]);
      if (kept?.label !== label) {
        kept?.deployment.free();
        kept = undefined;
        const { network, data, trained } = held;
        const evaluation = evaluationOf(held, { chips: 1, timesSeconds: [0] });
        const { parameters } = trained;
        const spec = resolveHardware(hardware);
        const deployment = await deploy({
          engine,
          network,
          parameters,
          data,
          hardware: spec,
          evaluation,
          seed,
        });
        kept = { label, deployment };
      }
      return use(kept.deployment);
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    view: (held, choice) => withDeployment(held, choice, (one) => viewOf(one, choice.chip)),
    digital: (held, choice) =>
      withDeployment(held, choice, async (one) => {
        const { logits } = await one.digitalOutputs({ images: shownImages(held) });
        return largest(logits!.data, held.facts.classNames.length);
      }),
    answers: (held, { chip, timeSeconds, method, ...choice }, signal) =>
      withDeployment(held, choice, async (one) => {
        signal.throwIfAborted();
        const read = { chip, timeSeconds, method };
        const { logits } = await one.outputs(read, { images: shownImages(held) }, signal);
        const classes = largest(logits!.data, held.facts.classNames.length);
        return { timeSeconds, method, classes, accuracy: await one.accuracy(read, signal) };
      }),
    parameters: (held, { chip, timeSeconds, method, ...choice }, signal) =>
      withDeployment(held, choice, (one) => one.parameters({ chip, timeSeconds, method }, signal)),
    classify: (held, { chip, timeSeconds, method, pixels, ...choice }) =>
      withDeployment(held, choice, (one) => classifyOn(one, held, { chip, timeSeconds, method }, pixels)),
  };
}

async function viewOf(deployment: Deployment, number: number): Promise<ChipView> {
  const chip = await deployment.chip(number);
  const { edgesMicrosiemens: edges, target, programmed } = conductanceHistogram(chip, []);
  const layers = Object.values(chip.layers).map(({ name, rows, columns, cells }): LayerOnChip => {
    const { cell } = hardwareOf(chip.hardware, name)!;
    const [plus, minus] = cells;
    return {
      name,
      rows,
      columns,
      gMax: cell.gMaxMicrosiemens,
      t0: cell.driftReferenceSeconds,
      targets: [plus!.target.data, minus!.target.data],
      programmed: [plus!.conductance.data, minus!.conductance.data],
      driftExponents: [plus!.driftExponent.data, minus!.driftExponent.data],
    };
  });
  return {
    hardware: chip.hardware,
    chip: number,
    layers,
    edges,
    targetCounts: target,
    programmedCounts: programmed,
  };
}

async function classifyOn(
  deployment: Deployment,
  { data, facts }: Held,
  read: ChipRead & { readonly method: CompensationMethod },
  pixels: Uint8Array,
): Promise<Calls['classify']['result']> {
  const { height, width, channels, classNames } = data.test;
  const shape = { name: 'drawn', classNames, height, width, channels };
  const drawn = imageSet({ ...shape, pixels, labels: new Uint8Array(1) });
  const images = batch({ ...dataSplit(drawn, drawn), normalization: data.normalization }, 1);
  const classes = facts.classNames.length;
  const [digital, chip] = [
    await deployment.digitalOutputs({ images }),
    await deployment.outputs(read, { images }),
  ];
  const probabilities = ({ logits }: typeof digital): number[] =>
    softmax(Array.from(logits!.data.subarray(0, classes)));
  return { digital: probabilities(digital), chip: probabilities(chip) };
}

function shownImages({ data }: Held): Float32Array {
  return batch(data, Math.min(SHOWN_IMAGES, data.test.count));
}

/** The first test images as the network sees them. */
function batch(data: Held['data'], size: number): Float32Array {
  const [first] = classification(data).examples.testBatches(size);
  return first!.values['images'] as Float32Array;
}

function largest(logits: Float32Array, classes: number): Uint8Array {
  return Uint8Array.from({ length: logits.length / classes }, (_, k) => {
    const row = logits.subarray(k * classes, (k + 1) * classes);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
}

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

function evaluationOf(
  { facts, data }: Held,
  { chips, timesSeconds }: Pick<EvaluationSettings, 'chips' | 'timesSeconds'>,
): EvaluationSettings {
  return evaluationSettings({ chips, timesSeconds, methods: facts.methods }, data.train.count);
}

/** Evaluates chips, one after another, and returns the record as JSON text. */
export async function evaluateChips(
  engine: Engine,
  held: Held,
  { hardware: choice, seed, chips, timesSeconds, link }: Evaluate['input'],
  { onEvent, signal }: { readonly onEvent: (event: Evaluate['event']) => void; readonly signal: AbortSignal },
): Promise<string> {
  const hardware = resolveHardware(choice);
  const evaluation = evaluationOf(held, { chips, timesSeconds });
  const { network, trained, data, facts } = held;
  const made = facts.isImported ? `${facts.model}, imported` : 'trained in the lab';
  const label = facts.isUnfinished ? 'stopped' : made;
  const events = evaluateNetwork({
    ...{ engine, network, trained, data, label, hardware, evaluation, seed, signal },
  });
  for (;;) {
    const { done, value } = await events.next();
    if (done !== true) {
      if (value.kind === 'digital') onEvent({ kind: 'digital', accuracy: value.accuracy });
      if (value.kind === 'accuracy') onEvent(value);
      continue;
    }
    const record = experimentRecord(
      {
        title: `${facts.model} on ${hardware.name}`,
        ohmic: OHMIC_VERSION,
        command: link,
        machine: {
          backend: engine.backend.description,
          processor: `${navigator.hardwareConcurrency} processors`,
          node: navigator.userAgent,
        },
        ...{ seed, hardware, evaluation, data, dataset: facts.dataset },
      },
      [value],
    );
    return toJson(record);
  }
}
