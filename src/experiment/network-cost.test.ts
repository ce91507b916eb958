// The cost of a trained network on its chip: arrays as they are read, drift included, on the mapping of its accuracy.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { tinyData, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional } from '../../test/tiny.ts';
import { estimateSchema } from '../cost/estimate-schema.ts';
import { bottomUp14, hermes } from '../cost/published-costs.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, inCellTraining, joshi2020 } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import { checkNetworkCost, type NetworkCostOptions, networkCost } from './network-cost.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const options: NetworkCostOptions = {
  engine,
  network: tinyConvolutional,
  trained: {
    parameters: randomParameters(tinyConvolutional),
    provenance: { ohmic: '0', model: 'm', dataset: 'd', seed: 0, backend: 'b', history: [] },
  },
  data: tinyData,
  hardware: hermes256,
  cost: bottomUp14,
  evaluation: tinyEvaluation,
  seed: 5,
};

test('drift lowers the energy of the arrays, and nothing else', async () => {
  const estimate = await networkCost(options);
  const [fresh, old] = estimate.overTime!;
  assert.deepEqual([fresh!.timeSeconds, old!.timeSeconds], [0, YEAR]);
  // ν is some 0.05 to 0.1 after 300 s: over a year conductances fall to between a third and two thirds.
  const left = old!.arrayPicojoules / fresh!.arrayPicojoules;
  assert.ok(left > 0.25 && left < 0.8, `${left}`);
  const saved = fresh!.arrayPicojoules - old!.arrayPicojoules;
  assert.ok(Math.abs(fresh!.chip.picojoules - old!.chip.picojoules - saved) < 1e-9 * fresh!.chip.picojoules);
  assert.deepEqual(estimate.energy.chip, fresh!.chip);
  assert.deepEqual(estimateSchema.parse(estimate), estimate);
  assert.deepEqual(await networkCost(options), estimate, 'the same seed, the same bits');
});

test('ranges for each example and layers that stay digital have their arrays too', async () => {
  const hardware: HardwareSpec = { ...inCellTraining, layers: { dense: 'digital' } };
  const { layers, overTime } = await networkCost({ ...options, hardware });
  assert.ok(overTime![0]!.arrayPicojoules > 0);
  const dense = layers.find(({ name }) => name === 'dense')!;
  assert.ok(dense.isDigital && dense.breakdown.every(({ part }) => part !== 'array'));
});

test('of a measured tile nothing is known over time', async () => {
  const { overTime, tileKind } = await networkCost({ ...options, cost: hermes });
  assert.deepEqual([overTime, tileKind], [undefined, 'measured']);
});

test('hardware without a cost is refused before anything is computed', () => {
  const wrong = { network: tinyConvolutional, cost: hermes, hardware: joshi2020 };
  assert.throws(() => checkNetworkCost(wrong), {
    name: 'UsageError',
    message: /no cost, got one without limits/,
  });
});
