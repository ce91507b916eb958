// Training steps with weights in cells, beside the digital step of the same network: mixed precision on phase-change
// memory with converters, pulsed descent and Tiki-Taka.

import { check } from '../src/base/schema.ts';
import { inCellTraining } from '../src/crossbar/presets.ts';
import type { Engine } from '../src/engine.ts';
import { networkByName } from '../src/nn/networks.ts';
import { type TrainingSettings, trainingSchema } from '../src/train/settings.ts';
import {
  type BenchCase,
  type CaseResult,
  compared,
  joined,
  numbersOf,
  race,
  type Tools,
} from './bench-case.ts';
import { charLstmStep, randomText } from './char-lstm-network.ts';
import { median } from './measure.ts';
import { compiledStep, digitalStep, type TrainingStep, trainingStep } from './networks.ts';
import { peerContestants } from './peer.ts';

const mnist = { inputShape: [28, 28, 1], classes: 10 };
const cifar10 = { inputShape: [32, 32, 3], classes: 10 };

/** A step whose rule keeps weights in cells, at the rate of the bench. */
function inCells(batchSize: number, rule: object): TrainingSettings {
  return check(trainingSchema, 'bench', {
    ...digitalStep(batchSize),
    hardware: inCellTraining,
    rule,
  });
}

/** Compiles a training step with these settings. */
type StepMaker = (engine: Engine, name: string, settings: TrainingSettings) => Promise<TrainingStep>;

const images =
  (network: string, task: typeof mnist): StepMaker =>
  (engine, name, settings) =>
    trainingStep(engine, name, networkByName(network, task), settings);

/** Steps in time of the text. */
const TIME = 50;

const text: StepMaker = (engine, name, settings) =>
  compiledStep(
    engine,
    name,
    charLstmStep(TIME, settings.batchSize, settings),
    randomText(TIME, settings.batchSize),
  );

const plain = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
const mixed = { kind: 'mixed-precision' };

const cases: readonly {
  readonly title: string;
  readonly name: string;
  readonly make: StepMaker;
  readonly batch: number;
  readonly rule: object;
  /**
   * A ratio to the digital step; or milliseconds, a fifth, tenth, fifteenth or thirtieth of what aihwkit takes with two threads
   * on another machine (18 ms for its ECRAM preset, 345 for TTv2, 39 and 24 for mixed precision).
   */
  readonly atMost: { readonly ratio: number } | { readonly milliseconds: number };
  readonly repeat: number;
  /** PyTorch's plain step of the same network, and the largest ratio to it. */
  readonly peer?: { readonly peerCase: string; readonly atMost: number };
}[] = [
  {
    title: 'MLP, mixed precision',
    name: 'mlp-mixed-64',
    make: images('mlp', mnist),
    batch: 64,
    rule: mixed,
    atMost: { ratio: 2.5 },
    repeat: 20,
    peer: { peerCase: 'mlp-training-step', atMost: 1.5 },
  },
  {
    title: 'MLP, mixed precision',
    name: 'mlp-mixed-1',
    make: images('mlp', mnist),
    batch: 1,
    rule: mixed,
    atMost: { milliseconds: 24 / 30 },
    repeat: 20,
    peer: { peerCase: 'mlp-training-step', atMost: 1.2 },
  },
  {
    title: 'LeNet-5, mixed precision',
    name: 'lenet5-mixed-64',
    make: images('lenet5', mnist),
    batch: 64,
    rule: mixed,
    atMost: { ratio: 2.5 },
    repeat: 5,
  },
  {
    title: 'CNN, mixed precision',
    name: 'cnn-mixed-100',
    make: images('cnn', cifar10),
    batch: 100,
    rule: mixed,
    atMost: { ratio: 2.5 },
    repeat: 1,
  },
  {
    title: `LSTM of 2 x 512 units, ${TIME} steps in time, mixed precision`,
    name: 'lstm-mixed-64',
    make: text,
    batch: 64,
    rule: mixed,
    atMost: { ratio: 2.5 },
    repeat: 1,
    peer: { peerCase: `char-lstm-${TIME}-training-step`, atMost: 1.5 },
  },
  {
    title: 'MLP, pulsed descent on ECRAM',
    name: 'mlp-pulsed-64',
    make: images('mlp', mnist),
    batch: 64,
    rule: { kind: 'pulsed', device: 'ecram' },
    atMost: { milliseconds: 18 / 5 },
    repeat: 5,
  },
  {
    title: 'MLP, TTv2 on ReRAM',
    name: 'mlp-ttv2-64',
    make: images('mlp', mnist),
    batch: 64,
    rule: { kind: 'tiki-taka', device: 'reram-es' },
    atMost: { milliseconds: 345 / 10 },
    repeat: 5,
  },
];

/** The case. */
export const inCellsCase: BenchCase = {
  name: 'in-cells',
  description:
    'training steps with weights in cells, against the digital step: mixed precision, pulsed, TTv2',
  run: async (tools) => {
    const parts: CaseResult[] = [];
    for (const one of cases) parts.push(await cellStep(tools, one));
    return joined(parts);
  },
};

async function cellStep(
  tools: Tools,
  { title, name, make, batch, rule, atMost, repeat, peer }: (typeof cases)[number],
): Promise<CaseResult> {
  const by = `${name}-digital`;
  const digital = await make(tools.native, by, { ...digitalStep(batch), rule: plain });
  const step = await make(tools.native, name, inCells(batch, rule));
  const torchName = `${name}-pytorch`;
  const torch = peer === undefined ? [] : await peerContestants(tools, { ...peer, name: torchName, batch });
  const results = await race(tools, name, [step, digital, ...torch], repeat);
  step.free();
  digital.free();
  const row = `${title}, batch ${batch}`;
  return {
    rows: [
      'ratio' in atMost
        ? compared(tools, results, {
            title: row,
            contestant: name,
            by,
            peerName: 'its digital step',
            atMost: atMost.ratio,
          })
        : {
            title: row,
            figure: { value: median(results[name]!), unit: 'ms' },
            target: { of: 'figure', atMost: atMost.milliseconds },
          },
      ...(peer === undefined
        ? []
        : [
            compared(tools, results, {
              title: row,
              contestant: name,
              by: torchName,
              peerName: 'PyTorch’s plain step',
              atMost: peer.atMost,
            }),
          ]),
    ],
    ...numbersOf(tools, results, [
      [name, by],
      [name, torchName],
    ]),
  };
}
