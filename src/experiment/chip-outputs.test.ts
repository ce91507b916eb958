// Outputs are those that accuracy counts, on chips and in floating point.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { deploying, tinyData, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { tinyConvolutional, tinySplit, trainedNetwork } from '../../test/tiny.ts';
import { UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import { standardEvaluation } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { characterNetworkByName } from '../nn/character-networks.ts';
import { classification } from '../train/classification.ts';
import { outputPrograms } from './chip-outputs.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const { parameters } = await trainedNetwork(engine, tinyConvolutional, tinySplit());
const deployed = deploying({ engine, parameters, hardware: standardEvaluation });

/** The first batch, which is all that accuracy scores here. */
const evaluation = { ...tinyEvaluation, testImages: 50 };
const [first] = classification(tinyData).examples.testBatches(50);
const { images, labels } = first!.values as { images: Float32Array; labels: Float32Array };

/** Share of images whose largest logit is that of their class. */
function shareRight({ logits }: Parameters): number {
  const { shape, data } = logits!;
  const classes = shape[1]!;
  const right = labels.filter((label, k) => {
    const row = data.subarray(k * classes, (k + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / shape[0]!;
}

test('the outputs of the first batch give the accuracy, under every method, noise of products included', async () => {
  await deployed({ evaluation }, async (deployment) => {
    for (const timeSeconds of [0, YEAR]) {
      for (const method of evaluation.methods) {
        const read = { chip: 1, timeSeconds, method };
        const outputs = await deployment.outputs(read, { images });
        assert.deepEqual(outputs['logits']!.shape, [50, 4]);
        assert.equal(shareRight(outputs), await deployment.accuracy(read), `${timeSeconds} s, ${method}`);
      }
    }
    assert.equal(shareRight(await deployment.digitalOutputs({ images })), await deployment.digitalAccuracy());
  });
});

test('a batch may have any size; values that are no batch are refused', async () => {
  await deployed({}, async (deployment) => {
    const one = await deployment.digitalOutputs({ images: images.subarray(0, 128) });
    const two = await deployment.digitalOutputs({ images: images.subarray(0, 256) });
    assert.deepEqual(two['logits']!.data.subarray(0, 4), one['logits']!.data);
    const refused = (inputs: unknown, message: RegExp) =>
      assert.rejects(deployment.digitalOutputs(inputs as Record<string, Float32Array>), (thrown) => {
        assert.ok(thrown instanceof UsageError);
        assert.match(thrown.message, message);
        return true;
      });
    await refused({ images: images.subarray(0, 130) }, /"images" must be a batch of \(8, 8, 2\).*got 130/);
    await refused({}, /"images" must be a batch of \(8, 8, 2\) as Float32Array, got no values/);
    await refused(undefined, /expected values of the network's inputs by name, got /);
    await assert.rejects(
      deployment.outputs({ chip: -1, timeSeconds: 0, method: 'none' }, { images }),
      /chip must be a whole number from 0/,
    );
  });
});

test('a network that carries its state is refused', async () => {
  const network = characterNetworkByName('char-lstm-small', { context: 4, symbols: 5 });
  const programs = outputPrograms(engine, network, (t) =>
    digital((layer) => t.state(weightsOf(layer), layer.shape)),
  );
  await assert.rejects(
    programs.run({}, {}),
    /char-lstm-small carries states from batch to batch, which single batches do not; score it instead/,
  );
});
