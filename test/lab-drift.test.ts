// What the lab computes on its page by itself: drift, and sequences of pulses as text.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { driftedInto } from '../lab/charts/drift.ts';
import { appended, isSequence, stepsOf } from '../lab/worker/sequence.ts';
import { pcmNandakumar2019 } from '../src/cells/published-cells.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { engineOn } from '../src/engine.ts';
import { backends } from './compare.ts';
import { deployed, YEAR } from './deployed.ts';
import { tinyConvolutional, tinySplit, trainedNetwork } from './tiny.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

test('conductances fade on the page as on a chip without read noise', async () => {
  const cell = { ...pcmNandakumar2019, readNoise: { kind: 'none' } } as const;
  const { parameters } = await trainedNetwork(engine, tinyConvolutional, tinySplit());
  await deployed({ engine, parameters, hardware: { ...joshi2020, cell } }, async (deployment) => {
    const chip = await deployment.chip(0);
    for (const timeSeconds of [0, 1, 3600, 10 * YEAR]) {
      const reading = await deployment.reading({ chip: 0, timeSeconds });
      for (const [name, { cells }] of Object.entries(chip.layers)) {
        const [plus, minus] = cells.map(({ conductance }) => conductance.data);
        const [plusNu, minusNu] = cells.map(({ driftExponent }) => driftExponent.data);
        const net = new Float32Array(plus!.length);
        const layer = { programmed: [plus!, minus!], driftExponents: [plusNu!, minusNu!] } as const;
        driftedInto(net, { ...layer, t0: cell.driftReferenceSeconds }, timeSeconds);
        const [sensedPlus, sensedMinus] = reading.layers[name]!.cells.map(
          ({ conductance }) => conductance.data,
        );
        for (const [k, value] of net.entries()) {
          // Of float32 logarithms and exponentials: relative 1e-5 of 25 µS.
          const expected = sensedPlus![k]! - sensedMinus![k]!;
          assert.ok(Math.abs(value - expected) < 2.5e-4, `${name} ${timeSeconds} s: ${value}, ${expected}`);
        }
      }
    }
  });
});

test('a sequence of pulses is text that grows', () => {
  assert.deepEqual(stepsOf('u2,d,r1'), ['up', 'up', 'down', 'reset']);
  assert.equal(appended('', 'u', 1), 'u1');
  assert.equal(appended('u1', 'u', 20), 'u21');
  assert.equal(appended('u21', 'r', 1), 'u21,r1');
  assert.ok(isSequence('') && isSequence('u20,r1,d3'));
  for (const text of ['u601', 'x3', 'u20;', 'u-1', 'u20,', 'u999,d999']) assert.ok(!isSequence(text), text);
});
