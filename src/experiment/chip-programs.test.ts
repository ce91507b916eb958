// Snapshots of chips and reads are what the float64 interpreter computes from the weights, under the keys that numbers
// stand for; the store holds one chip and one read of it at a time.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends, relativeError } from '../../test/compare.ts';
import { deploying, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional, watch } from '../../test/tiny.ts';
import { deriveKey, type Key } from '../base/random.ts';
import { arraysOf, sensedArraysOf, tensorsOfArrays, tensorsOfSensedArrays } from '../crossbar/arrays.ts';
import type { Chip, Reading } from '../crossbar/chip.ts';
import { compensationFactors } from '../crossbar/compensation.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, ideal, joshi2020 } from '../crossbar/presets.ts';
import { traceProgramming } from '../crossbar/programming.ts';
import { traceReading } from '../crossbar/reading.ts';
import { engineOn } from '../engine.ts';
import { interpret } from '../graph/interpret.ts';
import { placedLayers } from './chip-programs.ts';
import { deploymentKey } from './deploy.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const network = tinyConvolutional;
const parameters = randomParameters(network);
const deployed = deploying({ engine, parameters, hardware: joshi2020 });
const root = deploymentKey(5);

type Values = Readonly<Record<string, Float32Array>>;

function keyWords(name: string, [low, high]: Key): Record<string, number[]> {
  return { [`${name}.0`]: [low], [`${name}.1`]: [high] };
}

/** The tensors of a programmed chip by the names that a store has for them. */
function programmedValues(chip: Chip): Values {
  const named = placedLayers(network, chip.hardware).flatMap(({ layer, hardware }) => {
    const values = tensorsOfArrays(chip.layers[layer.name]!);
    return tensorsOfArrays(arraysOf(layer, hardware)).map(({ name }, k) => [name, values[k]!.data]);
  });
  return Object.fromEntries(named) as Values;
}

/** The tensors of a read likewise. */
function sensedValues(reading: Reading): Values {
  const named = placedLayers(network, reading.hardware).flatMap(({ layer, hardware }) => {
    const values = tensorsOfSensedArrays(reading.layers[layer.name]!);
    return tensorsOfSensedArrays(sensedArraysOf(layer, hardware)).map(({ name }, k) => [
      name,
      values[k]!.data,
    ]);
  });
  return Object.fromEntries(named) as Values;
}

/** Fails unless every value is the interpreter's, up to rounding in f32. */
function assertEqualUpToRounding(
  found: Values,
  expected: Readonly<Record<string, ArrayLike<number>>>,
  count: number,
): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  assert.equal(Object.keys(found).length, count);
  // Some ten operations in f32, each of 6e-8 of its operands.
  for (const [name, values] of Object.entries(found))
    assert.ok(
      relativeError(values, expected[name]!) < 1e-5,
      `${name}: ${relativeError(values, expected[name]!)}`,
    );
}

const someDigital: HardwareSpec = {
  ...hermes256,
  layers: {
    conv1: 'digital',
    dense: { mapping: { scale: 'per-layer' }, readNoise: { kind: 'per-product' } },
  },
};

for (const [name, hardware, ofChip, ofRead] of [
  ['joshi2020', joshi2020, 3 * 7, 3 * 3],
  ['read noise in every product', { ...joshi2020, readNoise: { kind: 'per-product' } }, 3 * 7, 3 * 4],
  ['hermes256', hermes256, 3 * 7, 3 * 3],
  ['hardware by layer', someDigital, 2 * 7, 3 + 4],
] as const) {
  test(`snapshots are what the interpreter computes; ${name}`, async () => {
    await deployed({ hardware }, async (deployment) => {
      const layers = placedLayers(network, hardware);
      const weights = Object.fromEntries(
        layers.map(({ layer }) => [`${layer.name}.weights`, parameters[`${layer.name}.weights`]!.data]),
      );
      const blank = Object.fromEntries(
        layers.flatMap(({ layer, hardware: own }) =>
          [
            ...tensorsOfArrays(arraysOf(layer, own)),
            ...tensorsOfSensedArrays(sensedArraysOf(layer, own)),
          ].map((spec) => [spec.name, new Float32Array(spec.shape.reduce((all, size) => all * size, 1))]),
        ),
      );
      for (const number of [2, 0]) {
        const chip = await deployment.chip(number);
        const programmed = programmedValues(chip);
        const { updates } = interpret(traceProgramming(layers), {
          ...blank,
          ...weights,
          ...keyWords('program', deriveKey(root, 'program', number)),
        });
        assertEqualUpToRounding(programmed, updates, ofChip);
        const readings = [
          [await deployment.baseline(number), 0, deriveKey(root, 'baseline', number)],
          [
            await deployment.reading({ chip: number, timeSeconds: YEAR }),
            YEAR,
            deriveKey(root, 'read', number, YEAR),
          ],
          [
            await deployment.reading({ chip: number, timeSeconds: 60, read: 3 }),
            60,
            deriveKey(root, 'read', number, 60, 3),
          ],
        ] as const;
        for (const [reading, timeSeconds, key] of readings) {
          const { updates: sensed } = interpret(traceReading(layers), {
            ...blank,
            ...programmed,
            timeSeconds: [timeSeconds],
            ...keyWords('read', key),
          });
          assertEqualUpToRounding(sensedValues(reading), sensed, ofRead);
          assert.deepEqual([reading.chip, reading.timeSeconds], [number, timeSeconds]);
        }
        assert.deepEqual([chip.number, chip.seed], [number, 5]);
      }
    });
  });
}

test('the factors of a read are those of its snapshot and of the baseline', async () => {
  const watched = watch(engine);
  await deployed({ engine: watched.engine, hardware: someDigital }, async (deployment) => {
    const [baseline, reading] = [
      await deployment.baseline(1),
      await deployment.reading({ chip: 1, timeSeconds: YEAR }),
    ];
    const store = watched.stores.find((one) => one.has('dense.compensation.global'))!;
    for (const compensation of ['none', 'global', 'per-column'] as const) {
      const expected = compensationFactors(compensation, baseline, reading);
      assert.deepEqual(Object.keys(expected), ['conv2', 'dense']);
      for (const [layer, factors] of Object.entries(expected)) {
        const name = `${layer}.compensation.${compensation}`;
        assert.deepEqual((await store.read([name]))[name], factors);
      }
    }
  });
});

test('a chip is programmed when another was, and a read is repeated when another was: not else', async () => {
  const watched = watch(engine);
  const evaluation = { ...tinyEvaluation, methods: ['none', 'global'] } as const;
  await deployed({ engine: watched.engine, hardware: ideal, evaluation }, async (deployment) => {
    const keysOf = async (ask: () => Promise<unknown>): Promise<string[]> => {
      watched.calls.length = 0;
      await ask();
      return watched.calls.flatMap(({ keys = {} }) => Object.keys(keys).filter((key) => key !== 'output'));
    };
    const late = { chip: 0, timeSeconds: YEAR };
    const steps: readonly (readonly [ask: () => Promise<unknown>, expected: readonly string[]])[] = [
      [() => deployment.chip(0), ['program', 'read']],
      [() => deployment.baseline(0), []],
      [() => deployment.reading(late), ['read']],
      [() => deployment.accuracy({ ...late, method: 'none' }), []],
      [() => deployment.accuracy({ ...late, method: 'global' }), []],
      [() => deployment.chip(0), []],
      [() => deployment.reading({ ...late, read: 1 }), ['read']],
      [() => deployment.accuracy({ ...late, method: 'global' }), ['read']],
      [() => deployment.baseline(0), ['read']],
      [() => deployment.chip(1), ['program', 'read']],
      [() => deployment.reading(late), ['program', 'read', 'read']],
    ];
    for (const [k, [ask, expected]] of steps.entries()) assert.deepEqual(await keysOf(ask), expected, `${k}`);
  });
});

test('layers that stay digital are not placed', () => {
  assert.deepEqual(
    placedLayers(network, someDigital).map(({ layer, hardware }) => [layer.name, hardware.mapping.scale]),
    [
      ['conv2', hermes256.mapping.scale],
      ['dense', 'per-layer'],
    ],
  );
});
