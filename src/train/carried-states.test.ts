// States that are carried from window to window: what they compute, where gradients stop, where they begin with zeros, and
// what a checkpoint keeps of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { float64Step, startOf, type Values } from '../../test/float64-step.ts';
import { assertClose } from '../../test/run-module.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { check } from '../base/schema.ts';
import { ideal } from '../crossbar/presets.ts';
import { deploy } from '../experiment/deploy.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { feedForward } from '../nn/define-network.ts';
import { dense, gru, lstm, type Module, sequence, timeDistributed } from '../nn/modules.ts';
import { initialParameters, type Network } from '../nn/network.ts';
import { decodeCheckpoint, decodeWeights, encodeCheckpoint } from './checkpoint.ts';
import { prepareFit } from './fit.ts';
import { languageGoal, languageModelling } from './language-modelling.ts';
import { digitalScore } from './score.ts';
import { trainingSchema } from './settings.ts';
import { streamIndices } from './task.ts';

const SYMBOLS = 5;
const BATCH = 2;
const wasm = backends.find(({ name }) => name === 'wasm')!;
type Recurrent = (options: {
  name: string;
  hidden: number;
  carry: boolean;
  symbols?: number | undefined;
}) => Module;
const kinds: Readonly<Record<string, Recurrent>> = {
  lstm: (options) => lstm({ ...options, returnSequence: true }),
  gru: (options) => gru({ ...options, returnSequence: true }),
};

/** Two recurrent layers over symbols. */
function reader(kind: string, context: number, carry = true): Network {
  const layer = kinds[kind]!;
  return feedForward({
    name: `reader-${kind}`,
    input: { name: 'tokens', shape: [context] },
    output: 'logits',
    module: sequence([
      layer({ name: 'first', hidden: 4, carry, symbols: SYMBOLS }),
      layer({ name: 'second', hidden: 3, carry }),
      timeDistributed(dense({ name: 'next', outputs: SYMBOLS })),
    ]),
  });
}

function randomText(length: number, seed = 1): number[] {
  const draw = randomSequence(keyFromSeed(seed));
  return Array.from({ length }, () => draw.below(SYMBOLS));
}

/** Logits of a network on windows in a row, each from the states that the one before it left. */
function logitsInARow(
  network: Network,
  windows: readonly (readonly number[])[],
  parameters: Values,
): number[] {
  const [context] = network.inputs['tokens']! as [number];
  const graph = trace((t) => {
    const tensors = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    const carried = Object.fromEntries(
      network.carried.map(({ name, shape }) => [name, t.state(name, [1, ...shape])]),
    );
    const forward = network.apply({
      inputs: { tokens: t.input('tokens', [1, context]) },
      parameters: tensors,
      operator: digital((layer) => tensors[weightsOf(layer)]!),
      mode: { kind: 'training' },
      carried,
    });
    return { outputs: forward.outputs, updates: forward.carried };
  });
  let states: Values = Object.fromEntries(
    network.carried.map(({ name, shape }) => [name, new Float64Array(shape[0]!)]),
  );
  return windows.flatMap((tokens) => {
    const { outputs, updates } = interpret(graph, { ...parameters, ...states, tokens });
    states = { ...states, ...updates };
    return [...outputs['logits']!];
  });
}

function parametersOf(network: Network): Values {
  return Object.fromEntries(
    Object.entries(initialParameters(network, keyFromSeed(2))).map(([name, { data }]) => [
      name,
      Float64Array.from(data),
    ]),
  );
}

for (const kind of Object.keys(kinds)) {
  test(`three windows of a ${kind} with carried state are one long window`, () => {
    const text = randomText(12);
    const parameters = parametersOf(reader(kind, 12));
    const whole = logitsInARow(reader(kind, 12, false), [text], parameters);
    const windows = [text.slice(0, 4), text.slice(4, 8), text.slice(8)];
    assertClose(logitsInARow(reader(kind, 4), windows, parameters), whole, 1e-14);
    const reset = logitsInARow(reader(kind, 4, false), windows, parameters);
    assert.ok(Math.abs(reset[30]! - whole[30]!) > 1e-4, 'without carry the second window is another one');
  });
}

const settings = check(trainingSchema, 'test', {
  epochs: 1,
  batchSize: BATCH,
  rule: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
});
const goal = languageGoal({ context: 4, vocabulary: SYMBOLS });

/** Windows k of streams of random text, as a batch. */
function windowOf(k: number): Values {
  const streams = [randomText(9, 3), randomText(9, 4)];
  return {
    tokens: streams.flatMap((text) => text.slice(4 * k, 4 * k + 4)),
    targets: streams.flatMap((text) => text.slice(4 * k + 1, 4 * k + 5)),
  };
}

test('a step moves weights by the gradient of its window alone, not of the windows before', () => {
  const network = reader('lstm', 4);
  const setup = { network, task: goal, settings };
  const parameters = initialParameters(network, keyFromSeed(2));
  const start = startOf(setup, parameters);
  // With a rate of 0 the first step leaves nothing but its states.
  const first = float64Step(setup, start, { batch: windowOf(0), rate: 0, carry: 0 }).states;
  const second = float64Step(setup, first, { batch: windowOf(1), rate: 1 }).states;
  const slopes = (isCut: boolean): Values =>
    interpret(
      trace((t) => {
        const tensors = Object.fromEntries(
          network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
        );
        const window = (tokens: Tensor, carried: Record<string, Tensor> | undefined) =>
          network.apply({
            inputs: { tokens },
            parameters: tensors,
            operator: digital((layer) => tensors[weightsOf(layer)]!),
            mode: { kind: 'training' },
            carried,
          });
        const { carried: ended } = window(t.input('before', [BATCH, 4]), undefined);
        const begin = Object.fromEntries(
          Object.entries(ended).map(([name, state]) => [name, isCut ? state.detach() : state]),
        );
        const { objectives } = goal.evaluate(({ tokens }) => window(tokens!, begin).outputs, {
          tokens: t.input('tokens', [BATCH, 4]),
          targets: t.input('targets', [BATCH, 4]),
        });
        const names = Object.keys(tensors);
        const all = gradients(objectives[0]!.loss, Object.values(tensors));
        return { outputs: Object.fromEntries(names.map((name, k) => [name, all[k]!])) };
      }),
      { ...start, ...windowOf(1), before: windowOf(0)['tokens']! },
    ).outputs;
  const [cut, whole] = [slopes(true), slopes(false)];
  let largest = 0;
  for (const { name } of network.parameters) {
    const moved = Float64Array.from(first[name]!, (value, i) => value - second[name]![i]!);
    assertClose(moved, cut[name]!, 1e-14);
    largest = Math.max(largest, ...moved.map((value, i) => Math.abs(value - whole[name]![i]!)));
  }
  assert.ok(largest > 1e-4, `an uncut gradient would differ, by ${largest}`);
});

test('at the start of a text carried states count as zeros, whatever is stored', () => {
  const network = reader('gru', 4);
  const setup = { network, task: goal, settings };
  const start = startOf(setup, initialParameters(network, keyFromSeed(2)));
  const used = float64Step(setup, start, { batch: windowOf(0), rate: 0, carry: 0 });
  const again = float64Step(setup, used.states, { batch: windowOf(0), rate: 0, carry: 0 });
  assert.equal(again.loss, used.loss);
  assert.notEqual(float64Step(setup, used.states, { batch: windowOf(0), rate: 0 }).loss, used.loss);
});

test('an epoch cuts a text into streams: place p of a batch goes on where it ended, and no window comes twice', () => {
  const [batches, size] = [4, 3];
  const seen = Array.from({ length: batches }, (_, batch) => [...streamIndices(batch, batches, size)]);
  for (let batch = 1; batch < batches; batch++)
    assert.deepEqual(
      seen[batch],
      seen[batch - 1]!.map((index) => index + 1),
    );
  assert.deepEqual(
    seen.flat().sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, i) => i),
  );
});

test('test streams predict every token but the first once, each from the one before it', () => {
  for (const [length, context, streams] of [
    [97, 3, 3],
    [50, 4, 1],
    [23, 2, 4],
  ] as const) {
    const text = Array.from({ length }, (_, i) => i);
    const { examples } = languageModelling({
      train: text,
      test: text,
      context,
      vocabulary: length,
      carry: true,
    });
    assert.equal(examples.streams!(streams) <= streams, true);
    const answers: number[] = [];
    const last = new Map<number, number>();
    for (const { values, count } of examples.testBatches(streams)) {
      const { tokens, targets } = values as { tokens: Float32Array; targets: Float32Array };
      const held = new Set<number>();
      for (const [at, answer] of targets.entries()) {
        if (answer < 0) continue;
        const stream = Math.floor(at / context);
        held.add(stream);
        assert.equal(tokens[at], answer - 1);
        if (last.has(stream)) assert.equal(answer, last.get(stream)! + 1);
        last.set(stream, answer);
        answers.push(answer);
      }
      assert.equal(count, held.size);
    }
    assert.deepEqual(
      answers.sort((a, b) => a - b),
      text.slice(1),
    );
  }
});

const long = {
  train: randomText(400, 5),
  test: randomText(61, 6),
  vocabulary: SYMBOLS,
  token: 'character',
  carry: true,
};
const task = languageModelling({ ...long, context: 4 });

test('a score with carried state is the score of one long window, and each pass begins with zeros', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const network = reader('lstm', 6);
    const parameters = initialParameters(network, keyFromSeed(2));
    // 60 answers are 10 windows of 6: one stream.
    const carried = { engine, network, parameters, task: languageModelling({ ...long, context: 6 }) };
    const score = await digitalScore(carried);
    const unrolled = reader('lstm', 60, false);
    const once = languageModelling({ ...long, train: long.train, context: 30, carry: false });
    const oneWindow = {
      ...once,
      ...languageGoal({ context: 60, vocabulary: SYMBOLS }),
      examples: { ...once.examples, testCount: 1, testBatches: () => [wholeOf(long.test)] },
    };
    const whole = await digitalScore({ engine, network: unrolled, parameters, task: oneWindow });
    // Sums of 60 numbers in float32, in another order.
    assert.ok(Math.abs(score - whole) < 1e-5, `${score}, ${whole}`);
    const deployment = await deploy({
      engine,
      network,
      parameters,
      task: carried.task,
      hardware: ideal,
      evaluation: { chips: 1, methods: ['none'], calibrationImages: 60 },
    });
    try {
      const read = { chip: 0, timeSeconds: 0, method: 'none' } as const;
      const onChip = await deployment.accuracy(read);
      assert.equal(await deployment.accuracy(read), onChip);
      assert.equal(await deployment.digitalAccuracy(), score);
      assert.equal(await deployment.digitalAccuracy(), score);
      // An ideal chip computes what the network does, but for the scale of its weights in float32.
      assert.ok(Math.abs(onChip - score) < 1e-4, `${onChip}, ${score}`);
    } finally {
      deployment.free();
    }
  });
});

function wholeOf(text: readonly number[]): { values: Record<string, Float32Array>; count: number } {
  return {
    values: { tokens: Float32Array.from(text.slice(0, -1)), targets: Float32Array.from(text.slice(1)) },
    count: 1,
  };
}

test('a run that continues within an epoch has the bits of one that was never stopped', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const options = {
      engine,
      network: reader('lstm', 4),
      task,
      settings: { epochs: 2, batchSize: 6, rule: { kind: 'adam', weightDecay: 0 } },
    } as const;
    const whole = await prepareFit(options);
    const wanted = await whole.result();
    whole.free();
    const first = await prepareFit(options);
    assert.ok(first.stepsPerEpoch > 8, `${first.stepsPerEpoch}`);
    for await (const event of first.events()) if (event.step === first.stepsPerEpoch + 5) break;
    const state = await first.snapshot();
    first.free();
    const provenance = {
      ohmic: '0',
      model: 'reader',
      dataset: 'made up',
      seed: 0,
      backend: 'wasm',
      history: [],
    };
    const bytes = await encodeCheckpoint({ state, provenance });
    const { state: read } = await decodeCheckpoint('checkpoint', bytes);
    assert.ok(read.tensors['first.carried.cell']!.data.some((value) => value !== 0));
    const { parameters } = await decodeWeights('checkpoint', bytes);
    assert.deepEqual(
      Object.keys(parameters).sort(),
      options.network.parameters.map(({ name }) => name).sort(),
    );
    const second = await prepareFit({ ...options, state: { ...read, history: state.history } });
    assert.deepEqual(await second.result(), wanted);
    second.free();
    // The states of the middle of an epoch matter.
    const zeroed = Object.fromEntries(
      Object.entries(state.tensors).map(([name, tensor]) => [
        name,
        name.includes('.carried.') ? { ...tensor, data: new Float32Array(tensor.data.length) } : tensor,
      ]),
    );
    const third = await prepareFit({ ...options, state: { ...state, tensors: zeroed } });
    assert.notDeepEqual((await third.result()).tensors, wanted.tensors);
    third.free();
  });
});

test('a network learns with carried state what no window shows', async () => {
  // One 1 in 6 symbols: a window of 4 mostly begins without it, and can't tell when it comes.
  const text = Array.from({ length: 2400 }, (_, i) => (i % 6 === 0 ? 1 : 0));
  const bitsOf = (carry: boolean): Promise<number> =>
    withEngine(wasm, 1, async (engine) => {
      const network = feedForward({
        name: 'counter',
        input: { name: 'tokens', shape: [4] },
        output: 'logits',
        module: sequence([
          lstm({ name: 'lstm', hidden: 16, returnSequence: true, carry, symbols: 2, forgetBias: 1 }),
          timeDistributed(dense({ name: 'next', outputs: 2 })),
        ]),
      });
      const fitting = await prepareFit({
        engine,
        network,
        task: languageModelling({
          train: text,
          test: text,
          context: 4,
          vocabulary: 2,
          token: 'character',
          carry,
        }),
        settings: {
          epochs: 40,
          batchSize: 8,
          rule: { kind: 'adam', weightDecay: 0 },
          learningRate: { kind: 'cosine', initial: 0.02 },
        },
        evaluateEveryEpochs: 40,
      });
      const { history } = await fitting.result();
      fitting.free();
      return history.at(-1)!.testAccuracy!;
    });
  const [carried, reset] = [await bitsOf(true), await bitsOf(false)];
  assert.ok(carried < 0.05, `with carried state ${carried} bits`);
  assert.ok(reset > 0.15, `without ${reset} bits`);
});

test('a network that carries its state needs examples in order, and a task that runs it once', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const network = reader('gru', 4);
    const shuffled = languageModelling({ ...long, context: 4, carry: false });
    await assert.rejects(
      prepareFit({ engine, network, task: shuffled, settings: { epochs: 1, batchSize: 6 } }),
      {
        name: 'UsageError',
        message:
          /^train: reader-gru carries its state from window to window, but the examples do not follow one another; give the task examples in order/,
      },
    );
    const twice = {
      ...task,
      evaluate: (forward: Parameters<typeof task.evaluate>[0], batch: Record<string, Tensor>) => {
        forward({ tokens: batch['tokens']! });
        return task.evaluate(forward, batch);
      },
    };
    await assert.rejects(
      prepareFit({ engine, network, task: twice, settings: { epochs: 1, batchSize: 6 } }),
      {
        name: 'UsageError',
        message:
          /^network "reader-gru": expected a task that runs it once on a batch, because it carries its state/,
      },
    );
  });
});
