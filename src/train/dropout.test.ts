// Draws of modules in a training: new ones in every step, the same for the same seed, none in inference, and no key in
// graphs that do not draw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { feedForward } from '../nn/define-network.ts';
import { dense, dropout, type Module, sequence } from '../nn/modules.ts';
import { sgd } from '../rules/descent.ts';
import { prepareFit } from './fit.ts';
import { regression } from './regression.ts';
import { traceInference } from './score.ts';
import { traceTrainingStep } from './step.ts';

const networkOf = (first: Module) =>
  feedForward({
    name: 'dropping',
    input: { name: 'inputs', shape: [4] },
    output: 'outputs',
    module: sequence([first, dense({ name: 'a', outputs: 1 })]),
  });
/** One example many times over: without draws every step has the same loss. */
const set = { inputs: new Float32Array(4 * 32).fill(1), targets: new Float32Array(32).fill(100) };
// R² asks for targets that differ; so little changes no loss by more than 3e-6 of it.
set.targets[0] = 100.0001;
const task = regression({ train: set, test: set, inputShape: [4], targetShape: [1] });
const settings = { epochs: 1, batchSize: 4, learningRate: { kind: 'step', initial: 1e-9 } } as const;
const wasm = backends.find(({ name }) => name === 'wasm')!;

async function losses(first: Module, seed: number): Promise<number[]> {
  return withEngine(wasm, 1, async (engine) => {
    const fitting = await prepareFit({ engine, network: networkOf(first), task, settings, seed });
    const found: number[] = [];
    for await (const event of fitting.events()) if (event.kind === 'step') found.push(event.loss);
    fitting.free();
    return found;
  });
}

test('every step of a training draws anew, and a seed draws the same again', async () => {
  const once = await losses(dropout(0.5), 1);
  assert.ok(new Set(once).size > 6, once.join());
  assert.deepEqual(await losses(dropout(0.5), 1), once);
  assert.notDeepEqual(await losses(dropout(0.5), 2), once);
  const without = await losses(dropout(0), 1);
  assert.ok(
    without.every((loss) => Math.abs(loss / without[0]! - 1) < 1e-5),
    without.join(),
  );
});

test('a graph has a key only where it draws', () => {
  const rule = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const step = {
    batchSize: 4,
    statisticsMomentum: 0.1,
    noise: { kind: 'none' },
    clipping: { kind: 'none' },
  } as const;
  const keysOf = (first: Module): string[] =>
    traceTrainingStep({ network: networkOf(first), task, rule, settings: step })
      .inputs.map(({ attributes }) => attributes.name)
      .filter((name) => name.startsWith('noise'));
  assert.deepEqual(keysOf(dropout(0.5)), ['noise.0', 'noise.1']);
  assert.deepEqual(keysOf(dropout(0)), []);
  const inference = traceInference(networkOf(dropout(0.5)), task, 4, (t) =>
    digital((layer) => t.state(weightsOf(layer), layer.shape)),
  );
  assert.ok(inference.inputs.every(({ attributes }) => !attributes.name.startsWith('noise')));
});
