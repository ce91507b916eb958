// A network on its hardware: chips are values, draws are named, converters are calibrated, and AdaBS follows its formula.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends, relativeError } from '../../test/compare.ts';
import {
  randomParameters,
  tinyConvolutional,
  tinyPerceptron,
  tinySplit,
  trainedNetwork,
  watch,
} from '../../test/tiny.ts';
import type { CellSpec } from '../cells/cell.ts';
import { idealCell } from '../cells/published-cells.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, ideal, joshi2020 } from '../crossbar/presets.ts';
import { fillBatch } from '../data/batches.ts';
import type { Augmentation } from '../data/image-set.ts';
import { engineOn } from '../engine.ts';
import { interpret } from '../graph/interpret.ts';
import { digital } from '../graph/multiply.ts';
import { trace } from '../graph/trace.ts';
import { type Deployment, type DeploymentOptions, deploy } from './deploy.ts';
import type { EvaluationSettings } from './record.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const data = tinySplit();
const convolutional = await trainedNetwork(engine, tinyConvolutional, data);
const YEAR = 31_536_000;

const evaluation: EvaluationSettings = {
  chips: 2,
  timesSeconds: [0, YEAR],
  methods: ['none', 'global', 'per-column', 'adabs'],
  adabs: { batches: 3, batchSize: 8 },
  calibrationImages: 32,
};

async function deployed<T>(
  change: Partial<DeploymentOptions>,
  use: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  const { parameters } = convolutional;
  const model = tinyConvolutional;
  const options = { engine, model, parameters, data, hardware: joshi2020, evaluation, seed: 5, ...change };
  const deployment = await deploy(options);
  try {
    return await use(deployment);
  } finally {
    deployment.free();
  }
}

/** Loses the same share of every conductance, and does nothing else. */
const uniformlyDrifting: CellSpec = {
  ...idealCell,
  drift: {
    kind: 'power-law',
    exponentMean: { kind: 'polynomial', coefficients: [0.05] },
    exponentSpread: { kind: 'polynomial', coefficients: [0] },
    source: 'made up',
  },
};

test('a chip is a function of seed and number; reading leaves it as it is', async () => {
  await deployed({}, async (deployment) => {
    const chip = await deployment.program(0);
    const kept = structuredClone(chip);
    const late = await deployment.read(chip, YEAR);
    assert.deepEqual(await deployment.program(0), kept);
    assert.deepEqual(chip, kept);
    assert.deepEqual(await deployment.read(chip, YEAR), late);
    assert.notDeepEqual((await deployment.program(1)).layers, chip.layers);
    const other = await deployed({ seed: 6 }, (second) => second.program(0));
    assert.notDeepEqual(other.layers, chip.layers);
  });
});

test('the baseline is a read of its own at time 0', async () => {
  await deployed({}, async (deployment) => {
    const chip = await deployment.program(0);
    const [baseline, first] = [await deployment.readBaseline(chip), await deployment.read(chip, 0)];
    assert.equal(baseline.timeSeconds, 0);
    assert.notDeepEqual(baseline.layers, first.layers);
    assert.deepEqual(await deployment.readBaseline(chip), baseline);
  });
});

test('accuracies of one reading do not depend on what was asked before', async () => {
  await deployed({}, async (deployment) => {
    const chip = await deployment.program(0);
    const baseline = await deployment.readBaseline(chip);
    const reading = await deployment.read(chip, YEAR);
    const ask = (method: (typeof evaluation.methods)[number]): Promise<number> =>
      deployment.accuracy({ reading, baseline }, method);
    const forwards = new Map<string, number>();
    for (const method of evaluation.methods) forwards.set(method, await ask(method));
    for (const method of evaluation.methods.toReversed())
      assert.equal(await ask(method), forwards.get(method));
    // Else nothing was told apart.
    assert.ok(forwards.get('none')! < forwards.get('global')!);
  });
});

test('a method that the deployment was not made for is refused', async () => {
  await deployed({ evaluation: { ...evaluation, methods: ['none', 'global'] } }, async (deployment) => {
    const reading = await deployment.read(await deployment.program(0), 0);
    await assert.rejects(deployment.accuracy({ reading, baseline: reading }, 'adabs'), {
      name: 'UsageError',
      message: 'accuracy: method must be one the deployment was made for (none, global), got adabs',
    });
  });
});

test('8-bit converters with calibrated ranges keep the accuracy of exact cells', async () => {
  await deployed({ hardware: { ...hermes256, cell: idealCell } }, async (deployment) => {
    const reading = await deployment.read(await deployment.program(0), 0);
    const accuracy = await deployment.accuracy({ reading, baseline: reading }, 'none');
    // One image of the 60 may lie within a converter's step of two classes.
    assert.ok(Math.abs(accuracy - (await deployment.digitalAccuracy())) <= 1 / 60 + 1e-9);
  });
});

test('calibration sees training images only, each once, as many as asked for', async () => {
  const watched = watch(engine);
  const settings = { ...evaluation, calibrationImages: 60, methods: ['none'] as const };
  await deployed({ engine: watched.engine, hardware: hermes256, evaluation: settings }, async () => {
    const batches = watched.calls.map(({ inputs }) => inputs!['images']!);
    assert.deepEqual(
      batches.map((images) => images.length / 128),
      [50, 10],
    );
    const imagesOf = (pixels: Float32Array | Int32Array): string[] =>
      Array.from({ length: pixels.length / 128 }, (_, k) => pixels.slice(128 * k, 128 * (k + 1)).join());
    const { train, normalization } = data;
    const known = fillBatch({ set: train, indices: [...train.labels.keys()], normalization }).images;
    const seen = batches.flatMap(imagesOf);
    assert.equal(new Set(seen).size, 60);
    const all = new Set(imagesOf(known));
    assert.ok(seen.every((image) => all.has(image)));
  });
});

test('read noise of products leaves chips and their read-outs as they are, and conductances without noise', async () => {
  const drawn = await deployed(
    { hardware: { ...joshi2020, readNoise: { kind: 'per-product' } } },
    async (deployment) => {
      const chip = await deployment.program(0);
      const reading = await deployment.read(chip, YEAR);
      // Without read noise, all reads of one time are equal.
      const again = await deployment.read({ ...chip, number: 1 }, YEAR);
      assert.deepEqual(again.layers['conv1']!.gPlus, reading.layers['conv1']!.gPlus);
      assert.notDeepEqual(again.layers['conv1']!.readOut, reading.layers['conv1']!.readOut);
      return { chip, reading };
    },
  );
  await deployed({}, async (deployment) => {
    const chip = await deployment.program(0);
    assert.deepEqual(chip.layers, drawn.chip.layers);
    const { layers } = await deployment.read(chip, YEAR);
    for (const [name, { readOut, variance }] of Object.entries(drawn.reading.layers)) {
      assert.deepEqual(readOut, layers[name]!.readOut);
      assert.ok(variance!.data.some((value) => value > 0));
      assert.ok(!('variance' in layers[name]!));
    }
  });
});

// AdaBS.

test('global compensation undoes a drift that is the same for every cell', async () => {
  await deployed({ hardware: { ...ideal, cell: uniformlyDrifting } }, async (deployment) => {
    const chip = await deployment.program(0);
    const baseline = await deployment.readBaseline(chip);
    const reading = await deployment.read(chip, YEAR);
    const exact = await deployment.digitalAccuracy();
    assert.equal(await deployment.accuracy({ reading, baseline }, 'global'), exact);
    assert.equal(await deployment.accuracy({ reading, baseline }, 'per-column'), exact);
  });
});

test('AdaBS alone restores the normalised layers whose conductances all lost the same share', async () => {
  const hardware: HardwareSpec = { ...ideal, cell: uniformlyDrifting };
  const settings = { ...evaluation, adabs: { batches: 4, batchSize: 32 } };
  await deployed({ hardware, evaluation: settings }, async (deployment) => {
    const chip = await deployment.program(0);
    const [early, late] = [await deployment.read(chip, 0), await deployment.read(chip, YEAR)];
    // The dense layer has no statistics, but a digital bias that does not shrink with its products: it stays fresh.
    const reading = { ...late, layers: { ...late.layers, dense: early.layers['dense']! } };
    // A baseline that has drifted as far makes all factors 1: what is restored, the statistics restore.
    const read = { reading, baseline: reading };
    const exact = await deployment.digitalAccuracy();
    const [none, global, adabs] = [
      await deployment.accuracy(read, 'none'),
      await deployment.accuracy(read, 'global'),
      await deployment.accuracy(read, 'adabs'),
    ];
    assert.equal(global, none);
    assert.ok(exact > 0.85 && none < 0.5, `digital ${exact}, drifted ${none}`);
    // Statistics of 128 images instead of running ones: 2 of 60 images may change sides.
    assert.ok(adabs > exact - 2.5 / 60, `digital ${exact}, restored ${adabs}`);
  });
});

test('AdaBS moves every running statistic by r ← p r + (1 − p) b, p = 0.015^(1/m)', async () => {
  const watched = watch(engine);
  const model = tinyConvolutional;
  const parameters = randomParameters(model);
  const { batches, batchSize } = evaluation.adabs;
  await deployed({ engine: watched.engine, hardware: ideal, parameters }, async (deployment) => {
    const reading = await deployment.read(await deployment.program(0), YEAR);
    await deployment.accuracy({ reading, baseline: reading }, 'adabs');
    const values = Object.fromEntries(
      Object.entries(parameters).map(([name, tensor]) => [name, tensor.data]),
    );
    const graph = trace((t) => {
      const given = Object.fromEntries(
        model.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
      );
      const images = t.input('images', [batchSize, ...model.inputShape]);
      return { outputs: model.apply(given, images, digital, { kind: 'training' }).statistics };
    });
    const seen = watched.calls.flatMap(({ inputs }) => {
      const images = inputs?.['images'];
      return images?.length === batchSize * 128 ? [images] : [];
    });
    assert.equal(seen.length, batches);
    const store = watched.stores.find((one) => one.has('conv1.gPlus'))!.read();
    const p = 0.015 ** (1 / batches);
    const statistics = seen.map((images) => interpret(graph, { ...values, images }).outputs);
    const names = Object.keys(graph.outputs);
    assert.equal(names.length, 4);
    for (const name of names) {
      const expected = statistics.reduce(
        (r, b) => r.map((value, i) => p * value + (1 - p) * b[name]![i]!),
        Float64Array.from(values[name]!),
      );
      // Means and variances of 512 values and more in f32.
      assert.ok(relativeError(store[name]!.data, expected) < 1e-5, name);
    }
  });
});

test('AdaBS calibrates on images augmented as its settings say, with the same draws every time', async () => {
  const model = tinyConvolutional;
  const { batches, batchSize } = evaluation.adabs;
  const imagesWith = async (augmentation?: Augmentation): Promise<Float32Array[]> => {
    const watched = watch(engine);
    const settings = { ...evaluation, adabs: { batches, batchSize, augmentation } };
    const parameters = randomParameters(model);
    await deployed(
      { engine: watched.engine, hardware: ideal, parameters, evaluation: settings },
      async (deployment) => {
        const reading = await deployment.read(await deployment.program(0), YEAR);
        await deployment.accuracy({ reading, baseline: reading }, 'adabs');
      },
    );
    return watched.calls.flatMap(({ inputs }) =>
      inputs?.['images']?.length === batchSize * 128 ? [inputs['images'] as Float32Array] : [],
    );
  };
  const cropped: Augmentation = { cropPadding: 2, flip: true, cutout: 0 };
  const [plain, none, once, again] = [
    await imagesWith(),
    await imagesWith({ cropPadding: 0, flip: false, cutout: 0 }),
    await imagesWith(cropped),
    await imagesWith(cropped),
  ];
  assert.equal(once.length, batches);
  assert.deepEqual(plain, none);
  assert.deepEqual(once, again);
  for (const [batch, images] of once.entries()) assert.notDeepEqual(images, plain[batch]);
});

test('AdaBS of a network without normalisation is refused, not passed off as something else', async () => {
  const parameters = randomParameters(tinyPerceptron);
  await assert.rejects(
    deployed({ model: tinyPerceptron, parameters }, () => Promise.resolve()),
    {
      name: 'UsageError',
      message:
        'deploy: AdaBS re-estimates statistics of batch normalisation, and tiny-perceptron has none; leave the method out',
    },
  );
});
