// LoRA begins at the chip as it was read, follows the gradient of the loss, depends on nothing but its arguments, and
// restores what drift took.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends, relativeError } from '../../test/compare.ts';
import { tinyData as data, deploying, type Given, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import {
  plainRule,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
  trainedNetwork,
  watch,
} from '../../test/tiny.ts';
import { meanOf } from '../base/statistics.ts';
import { joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { characterNetworkByName } from '../nn/character-networks.ts';
import { initialParameters } from '../nn/network.ts';
import { classification } from '../train/classification.ts';
import { languageModelling } from '../train/language-modelling.ts';
import { deploy } from './deploy.ts';
import { type LoraSettings, loraDefaults } from './evaluation-settings.ts';

const [first] = backends;
const engine = engineOn(await first!.start(1));
after(() => engine.close());

const trained = await trainedNetwork(engine, tinyConvolutional, data);
const small: LoraSettings = { ...loraDefaults, rank: 2, steps: 3, batchSize: 8, rate: 0.01 };
const withLora = (lora: Partial<LoraSettings> = {}): NonNullable<Given['evaluation']> => ({
  ...tinyEvaluation,
  methods: ['none', 'global', 'lora'],
  lora: { ...small, ...lora },
});
const deployed = deploying({
  engine,
  parameters: trained.parameters,
  hardware: joshi2020,
  evaluation: withLora(),
});
const read = { chip: 1, timeSeconds: YEAR, method: 'lora' } as const;
const { images } = classification(data).examples.testBatches(20)[0]!.values as { images: Float32Array };

test('a fit begins at the chip as it is, with global factors', async () => {
  // A rate below the smallest number leaves the second matrix at 0.
  await deployed({ evaluation: withLora({ rate: 1e-60 }) }, async (deployment) => {
    const [corrected, global] = [
      await deployment.outputs(read, { images }),
      await deployment.outputs({ ...read, method: 'global' }, { images }),
    ];
    assert.ok(relativeError(corrected['logits']!.data, Float64Array.from(global['logits']!.data)) < 1e-5);
    assert.equal(await deployment.accuracy(read), await deployment.accuracy({ ...read, method: 'global' }));
  });
});

test('a step moves the matrices against the gradient of the loss on the chip, and nothing else', async () => {
  const watched = watch(engine);
  const evaluation = withLora({ steps: 1, rule: plainRule, rate: 0.5 });
  await deployed({ engine: watched.engine, evaluation }, async (deployment) => {
    const sensed = await deployment.parameters({ ...read, method: 'global' });
    const before = await deployment.reading(read);
    await deployment.accuracy(read);
    assert.deepEqual(await deployment.reading(read), before, 'the cells stay');
    const call = watched.calls.find(({ scalars }) => scalars?.['learningRate'] !== undefined)!;
    const store = await watched.stores.find((one) => one.has('conv1.lora.up'))!.read();
    const loss = trace((t) => {
      const tensors = Object.fromEntries(
        tinyConvolutional.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const factors = Object.fromEntries(
        tinyConvolutional.layers.map(({ name, shape }) => {
          const rows = shape.slice(0, -1).reduce((a, b) => a * b);
          return [
            name,
            { down: t.input(`${name}.down`, [rows, 2]), up: t.input(`${name}.up`, [2, shape.at(-1)!]) },
          ];
        }),
      );
      const operator = digital((layer) => {
        const { down, up } = factors[layer.name]!;
        return tensors[weightsOf(layer)]!.add(down.matmul(up).reshape(layer.shape));
      });
      const batch = { images: t.input('images', [8, 8, 8, 2]), labels: t.input('labels', [8]) };
      const { objectives } = classification(data).evaluate(
        (inputs) =>
          tinyConvolutional.apply({ inputs, parameters: tensors, operator, mode: { kind: 'inference' } })
            .outputs,
        batch,
      );
      const ups = Object.values(factors).map(({ up }) => up);
      const slopes = gradients(objectives[0]!.loss, ups);
      return {
        outputs: Object.fromEntries(tinyConvolutional.layers.map(({ name }, k) => [name, slopes[k]!])),
      };
    });
    const values = Object.fromEntries(Object.entries(sensed).map(([name, one]) => [name, one.data]));
    const given = Object.fromEntries(
      tinyConvolutional.layers.flatMap(({ name, shape }) => [
        [`${name}.down`, store[`${name}.lora.down`]!.data],
        [`${name}.up`, new Float32Array(2 * shape.at(-1)!)],
      ]),
    );
    const { outputs } = interpret(loss, { ...values, ...given, ...(call.inputs as typeof given) });
    for (const { name } of tinyConvolutional.layers) {
      const moved = store[`${name}.lora.up`]!.data;
      // B began at 0, so A, whose gradient contains B, has not moved yet.
      assert.ok(
        relativeError(
          moved,
          outputs[name]!.map((slope) => -0.5 * slope),
        ) < 1e-4,
        name,
      );
    }
  });
});

test('a fit depends on chip, time and read alone, not on what was asked before', async () => {
  const other = { ...read, chip: 0 };
  const scores = await deployed({}, async (deployment) => [
    await deployment.outputs(read, { images }),
    await deployment.outputs(other, { images }),
    await deployment.outputs(read, { images }),
  ]);
  assert.deepEqual(scores[2], scores[0]);
  assert.notDeepEqual(scores[1], scores[0]);
  await deployed({}, async (deployment) => {
    await deployment.accuracy({ ...read, method: 'none', timeSeconds: 0 });
    assert.deepEqual(await deployment.outputs(read, { images }), scores[0]);
  });
});

for (const { name, start } of backends)
  test(`${name}: the bits of a fit do not depend on the number of threads`, async () => {
    const answers = [];
    for (const threads of [1, 2]) {
      const own = engineOn(await start(threads));
      answers.push(
        await deployed({ engine: own, hardware: standardEvaluation }, (deployment) =>
          deployment.outputs(read, { images }),
        ),
      );
      await own.close();
    }
    assert.deepEqual(answers[1], answers[0]);
  });

test('the parameters of a corrected chip compute what the chip does', async () => {
  await deployed({ evaluation: withLora({ rate: 0.05 }) }, async (deployment) => {
    const parameters = await deployment.parameters(read);
    const graph = trace((t) => {
      const tensors = Object.fromEntries(
        tinyConvolutional.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const { outputs } = tinyConvolutional.apply({
        inputs: { images: t.input('images', [images.length / 128, 8, 8, 2]) },
        parameters: tensors,
        operator: digital((layer) => tensors[weightsOf(layer)]!),
        mode: { kind: 'inference' },
      });
      return { outputs };
    });
    const values = Object.fromEntries(Object.entries(parameters).map(([name, { data: own }]) => [name, own]));
    const { logits } = interpret(graph, { ...values, images }).outputs;
    const found = await deployment.outputs(read, { images });
    assert.ok(relativeError(found['logits']!.data, logits!) < 1e-4);
  });
});

test('LoRA restores accuracy after ten years that global factors do not', async () => {
  const many = tinySplit({ train: 256, test: 200 });
  const { parameters } = await trainedNetwork(engine, tinyPerceptron, many);
  const evaluation = withLora({ steps: 60, batchSize: 32, rate: 0.01 });
  const means = await deployed(
    { network: tinyPerceptron, parameters, data: many, evaluation },
    async (deployment) => {
      const of = async (method: 'global' | 'lora'): Promise<number> => {
        const scores = [];
        for (const chip of [0, 1, 2])
          scores.push(await deployment.accuracy({ chip, timeSeconds: 10 * YEAR, method }));
        return meanOf(scores);
      };
      return { global: await of('global'), lora: await of('lora') };
    },
  );
  // Seed 5: 600 answers on the same three chips and images; 91.8 % and 94.0 %.
  assert.ok(means.lora > means.global + 0.01, JSON.stringify(means));
});

const text = Float32Array.from({ length: 400 }, (_, k) => [0, 3, 1, 4, 1, 5, 2, 6][k % 8]!);

for (const model of ['char-lstm-small', 'char-gpt-small'] as const)
  test(`${model} on chips is corrected too, in bits per character`, async () => {
    const network = characterNetworkByName(model, { context: 6, symbols: 7 });
    const task = languageModelling({
      train: text,
      test: text.subarray(0, 130),
      context: 6,
      vocabulary: 7,
      carry: network.carried.length > 0,
    });
    const deployment = await deploy({
      engine,
      network,
      parameters: initialParameters(network, [1, 2]),
      task,
      hardware: joshi2020,
      evaluation: {
        chips: 1,
        timesSeconds: [YEAR],
        methods: ['global', 'lora'],
        calibrationImages: 8,
        lora: { ...small, steps: 15, rate: 0.02 },
      },
    });
    const score = (method: 'global' | 'lora'): Promise<number> =>
      deployment.accuracy({ chip: 0, timeSeconds: YEAR, method });
    // The text repeats itself, so a network that knows nothing of it learns from few examples.
    const [global, lora] = [await score('global'), await score('lora')];
    assert.ok(lora < global - 0.1, `${lora} is not below ${global}`);
    deployment.free();
  });

test('settings of LoRA have defaults where the method is asked for, and impossible ones are refused', async () => {
  await assert.rejects(
    deployed({ evaluation: withLora({ batchSize: 65 }) }, async () => undefined),
    /lora\.batchSize must be a whole number from 1 to 64, got 65/,
  );
  await assert.rejects(
    deployed({ evaluation: withLora({ rank: 0 }) }, async () => undefined),
    /lora\.rank/,
  );
});

test('a fit that diverges names the chip, the step and the rate', async () => {
  // Steps so large that the numbers leave float32.
  await deployed({ evaluation: withLora({ rate: 1e30 }) }, async (deployment) => {
    await assert.rejects(deployment.accuracy(read), {
      name: 'UsageError',
      message:
        /^lora: chip 2: the loss is not finite in step [23] of 3; lower the rate of the corrections, which is 1e\+30$/,
    });
  });
});
