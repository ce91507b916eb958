// AdaBS follows its formula, sees training images of its own for every chip, and restores what drift took.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends, relativeError } from '../../test/compare.ts';
import { tinyData as data, deploying, type Given, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional, trainedNetwork, watch } from '../../test/tiny.ts';
import type { CellSpec } from '../cells/cell.ts';
import { idealCell } from '../cells/published-cells.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { ideal, joshi2020 } from '../crossbar/presets.ts';
import { fillBatch } from '../data/batches.ts';
import { engineOn } from '../engine.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { classification } from '../train/classification.ts';
import { INFERENCE_BATCH, scoreOn, traceInference } from '../train/score.ts';
import { prepareAdabs } from './adabs.ts';
import { compensationAliases, prepareChipPrograms, traceOnChip } from './chip-programs.ts';
import { deploymentKey } from './deploy.ts';
import type { AdabsSettings } from './record.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const network = tinyConvolutional;
const parameters = randomParameters(network);
const deployed = deploying({ engine, parameters, hardware: ideal });
const PIXELS = 8 * 8 * 2;
const { batches, batchSize } = tinyEvaluation.adabs;

/** Calibration images of chips, batch by batch, as the engine is given them, with changes to what is deployed. */
async function calibrationImages(
  chips: readonly number[],
  adabs: Partial<AdabsSettings> = {},
  change: Partial<Given> = {},
): Promise<Float32Array[]> {
  const watched = watch(engine);
  const evaluation = { ...tinyEvaluation, adabs: { ...tinyEvaluation.adabs, ...adabs } };
  await deployed({ ...change, engine: watched.engine, evaluation }, async (deployment) => {
    for (const chip of chips) await deployment.accuracy({ chip, timeSeconds: YEAR, method: 'adabs' });
  });
  return watched.calls.flatMap(({ inputs }) =>
    inputs?.['images']?.length === batchSize * PIXELS ? [inputs['images'] as Float32Array] : [],
  );
}

for (const memory of [0.015, 0.4, 0]) {
  test(`AdaBS moves every running statistic by r ← p r + (1 − p) b, p = ${memory}^(1/m)`, async () => {
    const watched = watch(engine);
    const evaluation = { ...tinyEvaluation, adabs: { batches, batchSize, memory } };
    await deployed({ engine: watched.engine, evaluation }, async (deployment) => {
      await deployment.accuracy({ chip: 0, timeSeconds: YEAR, method: 'adabs' });
      const values = Object.fromEntries(
        Object.entries(parameters).map(([name, tensor]) => [name, tensor.data]),
      );
      const graph = trace((t) => {
        const given = Object.fromEntries(
          network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
        );
        const images = t.input('images', [batchSize, ...network.inputs['images']!]);
        const { statistics } = network.apply({
          inputs: { images },
          parameters: given,
          operator: digital((layer) => given[weightsOf(layer)]!),
          mode: { kind: 'training' },
        });
        return { outputs: statistics };
      });
      const seen = watched.calls.flatMap(({ inputs }) => {
        const images = inputs?.['images'];
        return images?.length === batchSize * PIXELS ? [images] : [];
      });
      assert.equal(seen.length, batches);
      const store = await watched.stores.find((one) => one.has('adabs.norm1.runningMean'))!.read();
      const p = memory ** (1 / batches);
      const statistics = seen.map((images) => interpret(graph, { ...values, images }).outputs);
      const names = Object.keys(graph.outputs);
      assert.equal(names.length, 4);
      for (const name of names) {
        const expected = statistics.reduce(
          (r, b) => r.map((value, i) => p * value + (1 - p) * b[name]![i]!),
          Float64Array.from(values[name]!),
        );
        // Means and variances of 512 values and more in f32.
        assert.ok(relativeError(store[`adabs.${name}`]!.data, expected) < 1e-5, name);
        assert.deepEqual(store[name]!.data, values[name], 'what was trained stays');
      }
    });
  });
}

test('chips calibrate on different training images, the same chip on the same', async () => {
  const [first, second, again] = [
    await calibrationImages([0]),
    await calibrationImages([1]),
    await calibrationImages([1, 0, 0]),
  ];
  assert.equal(first.length, batches);
  for (const [batch, images] of first.entries()) assert.notDeepEqual(images, second[batch]);
  assert.deepEqual(again, [...second, ...first, ...first]);
  const imagesOf = (all: Float32Array): string[] =>
    Array.from({ length: all.length / PIXELS }, (_, k) => all.slice(PIXELS * k, PIXELS * (k + 1)).join());
  const { train, normalization } = data;
  const known = new Set(
    imagesOf(fillBatch({ set: train, indices: [...train.labels.keys()], normalization }).images),
  );
  for (const drawn of [first, second]) {
    const seen = drawn.flatMap(imagesOf);
    assert.ok(seen.every((image) => known.has(image)));
    assert.equal(new Set(seen).size, batches * batchSize, 'no image comes twice while there are enough');
  }
});

test('another seed draws other images, other times and hardware the same', async () => {
  const images = await calibrationImages([0]);
  assert.notDeepEqual(await calibrationImages([0], {}, { seed: 6 }), images);
  assert.deepEqual(await calibrationImages([0], {}, { hardware: joshi2020 }), images);
});

test('AdaBS calibrates on images augmented as its settings say, with the same draws every time', async () => {
  const cropped: AdabsSettings['augmentation'] = { cropPadding: 2, flip: true, cutout: 0 };
  const [plain, none, once, again] = [
    await calibrationImages([0]),
    await calibrationImages([0], { augmentation: { cropPadding: 0, flip: false, cutout: 0 } }),
    await calibrationImages([0], { augmentation: cropped }),
    await calibrationImages([0], { augmentation: cropped }),
  ];
  assert.equal(once.length, batches);
  assert.deepEqual(plain, none);
  assert.deepEqual(once, again);
  for (const [batch, images] of once.entries()) assert.notDeepEqual(images, plain[batch]);
});

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

test('AdaBS alone restores the normalised layers whose conductances all lost the same share', async () => {
  // The dense layer has no statistics, but a digital bias that does not shrink with its products: it stays digital.
  const hardware: HardwareSpec = { ...ideal, cell: uniformlyDrifting, layers: { dense: 'digital' } };
  const trained = await trainedNetwork(engine, network, data);
  const key = deploymentKey(5);
  const store = await engine.store(trained.parameters);
  const chips = await prepareChipPrograms({ engine, network, hardware, store, seed: 5, key });
  await chips.read({ chip: 0, timeSeconds: YEAR });
  const task = classification(data);
  const operator = traceOnChip(network, hardware);
  const settings: AdabsSettings = { batches: 4, batchSize: 32, memory: 0.015 };
  const adabs = await prepareAdabs({ engine, network, task, settings, operator, key });
  const onChip = await engine.compile(traceInference(network, task, INFERENCE_BATCH, operator));
  const exactly = await engine.compile(
    traceInference(network, task, INFERENCE_BATCH, (t) =>
      digital((layer) => t.state(weightsOf(layer), layer.shape)),
    ),
  );
  // Factors of 1: what is restored, the statistics restore.
  const aliases = compensationAliases(chips.layers, 'none');
  const keys = { output: [1, 2] } as const;
  const testBatches = task.examples.testBatches(INFERENCE_BATCH);
  const exact = await scoreOn(exactly, task, testBatches, () => ({ state: store }));
  const none = await scoreOn(onChip, task, testBatches, () => ({ state: store, aliases, keys }));
  await adabs.run({ store, chip: 0, outputKey: [3, 4], aliases });
  const restored = { ...aliases, ...adabs.statistics };
  const withAdabs = await scoreOn(onChip, task, testBatches, () => ({
    state: store,
    aliases: restored,
    keys,
  }));
  assert.ok(exact > 0.85 && none < 0.5, `digital ${exact}, drifted ${none}`);
  // Statistics of 128 images instead of running ones: 2 of 60 images may change sides.
  assert.ok(withAdabs > exact - 2.5 / 60, `digital ${exact}, restored ${withAdabs}`);
  for (const { free } of [adabs, onChip, exactly, chips, store]) free();
});
