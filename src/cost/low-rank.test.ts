// The cost of corrections by their formula, for a transformer and for what has none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hermes256 } from '../crossbar/presets.ts';
import { characterNetworkByName } from '../nn/character-networks.ts';
import { classifier } from '../nn/define-network.ts';
import { dense, depthwiseConvolution, flatten, sequence } from '../nn/modules.ts';
import { lowRankCost } from './low-rank.ts';

test('corrections of rank 8 of char-gpt have r (rows + columns) parameters a layer, and as many products', () => {
  const network = characterNetworkByName('char-gpt', { context: 128, symbols: 65 });
  const sides = 4 * (128 + 384 + (128 + 128) + (128 + 512) + (512 + 128)) + 128 + 65;
  const { parameters, multiplyAdds, layerWeights, layerMultiplyAdds } = lowRankCost(network, hermes256, 8);
  assert.equal(parameters, 8 * sides);
  assert.equal(multiplyAdds, 128 * 8 * sides);
  assert.equal(layerWeights, 794_752);
  assert.equal(layerMultiplyAdds, 128 * 794_752);
});

test('layers that stay digital and convolutions in groups have no corrections', () => {
  const network = classifier({
    name: 'n',
    inputShape: [4, 4, 2],
    classes: 3,
    module: sequence([
      depthwiseConvolution({ name: 'groups', size: 3, padding: 1 }),
      flatten,
      dense({ name: 'hidden', outputs: 5 }),
      dense({ name: 'last', outputs: 3 }),
    ]),
  });
  const cost = lowRankCost(network, { ...hermes256, layers: { last: 'digital' } }, 2);
  assert.deepEqual(cost, {
    parameters: 2 * (32 + 5),
    multiplyAdds: 2 * (32 + 5),
    layerWeights: 32 * 5,
    layerMultiplyAdds: 32 * 5,
  });
});

test('a rank that is no whole number from 1 is refused', () => {
  const network = characterNetworkByName('char-gpt', { context: 8, symbols: 5 });
  for (const rank of [Number.NaN, 0, -1, 1.5])
    assert.throws(() => lowRankCost(network, hermes256, rank), {
      name: 'UsageError',
      message: `lowRankCost: rank must be a whole number from 1, got ${rank}`,
    });
});
