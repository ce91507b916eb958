// A network on its hardware: chips and reads are functions of their numbers, draws are named, cells stay where they are.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { backends } from '../../test/compare.ts';
import { deploying, tinyEvaluation, YEAR } from '../../test/deployed.ts';
import { tinyConvolutional, tinySplit, trainedNetwork, watch } from '../../test/tiny.ts';
import type { CellSpec } from '../cells/cell.ts';
import { idealCell } from '../cells/published-cells.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, ideal, joshi2020, standardEvaluation } from '../crossbar/presets.ts';
import { engineOn } from '../engine.ts';
import type { Deployment } from './deploy.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const { parameters } = await trainedNetwork(engine, tinyConvolutional, tinySplit());
const deployed = deploying({ engine, parameters, hardware: joshi2020 });
const { methods } = tinyEvaluation;

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

/** Draws at every place where a draw may be: cells, reads, products, amplifiers. */
const drawing: HardwareSpec = {
  ...standardEvaluation,
  tile: { kind: 'limited', rows: 16, columns: 16 },
  readNoise: { kind: 'per-product' },
};

test('a chip is a function of seed and number; reading leaves it as it is', async () => {
  await deployed({}, async (deployment) => {
    const chip = await deployment.chip(0);
    const kept = structuredClone(chip);
    const late = await deployment.reading({ chip: 0, timeSeconds: YEAR });
    assert.deepEqual(await deployment.chip(0), kept);
    assert.deepEqual(chip, kept);
    assert.deepEqual(await deployment.reading({ chip: 0, timeSeconds: YEAR }), late);
    assert.notDeepEqual((await deployment.chip(1)).layers, chip.layers);
    const other = await deployed({ seed: 6 }, (second) => second.chip(0));
    assert.notDeepEqual(other.layers, chip.layers);
  });
});

test('the baseline is a read of its own at time 0', async () => {
  await deployed({}, async (deployment) => {
    const [baseline, first] = [
      await deployment.baseline(0),
      await deployment.reading({ chip: 0, timeSeconds: 0 }),
    ];
    assert.equal(baseline.timeSeconds, 0);
    assert.notDeepEqual(baseline.layers, first.layers);
    assert.deepEqual(await deployment.baseline(0), baseline);
  });
});

/** Everything that can be asked of two chips at two times, by what is asked. */
const questions: readonly (readonly [what: string, ask: (deployment: Deployment) => Promise<unknown>])[] = [
  0, 1,
].flatMap((chip) => [
  [`chip ${chip}`, (deployment: Deployment) => deployment.chip(chip)] as const,
  [`baseline of ${chip}`, (deployment: Deployment) => deployment.baseline(chip)] as const,
  ...[0, YEAR].flatMap((timeSeconds) => [
    [
      `reading of ${chip} at ${timeSeconds}`,
      (deployment: Deployment) => deployment.reading({ chip, timeSeconds }),
    ] as const,
    [
      `another reading of ${chip} at ${timeSeconds}`,
      (deployment: Deployment) => deployment.reading({ chip, timeSeconds, read: 1 }),
    ] as const,
    ...methods.map(
      (method) =>
        [
          `${method} on ${chip} at ${timeSeconds}`,
          (deployment: Deployment) => deployment.accuracy({ chip, timeSeconds, method }),
        ] as const,
    ),
  ]),
]);

for (const [name, hardware] of [
  ['joshi2020', joshi2020],
  ['every kind of draw', drawing],
] as const) {
  test(`chips and reads have no order, and several may be asked for at once; ${name}`, async () => {
    await deployed({ hardware }, async (deployment) => {
      const answers = new Map<string, unknown>();
      for (const [what, ask] of questions) answers.set(what, await ask(deployment));
      for (const [what, ask] of questions.toReversed())
        assert.deepEqual(await ask(deployment), answers.get(what), what);
      // The chips take turns: what is asked of one is asked of the other in between.
      const half = questions.length / 2;
      const mixed = Array.from({ length: half }, (_, k) => [questions[k]!, questions[half + k]!]).flat();
      for (const [what, ask] of mixed) assert.deepEqual(await ask(deployment), answers.get(what), what);
      const atOnce = await Promise.all(mixed.map(([, ask]) => ask(deployment)));
      for (const [k, [what]] of mixed.entries()) assert.deepEqual(atOnce[k], answers.get(what), what);
      // Else nothing was told apart.
      assert.notDeepEqual(
        answers.get(`reading of 0 at ${YEAR}`),
        answers.get(`another reading of 0 at ${YEAR}`),
      );
    });
  });
}

test('a second read at one time draws anew; read 0 is the read without a number', async () => {
  await deployed({}, async (deployment) => {
    const at = { chip: 0, timeSeconds: YEAR } as const;
    const first = await deployment.reading(at);
    const second = await deployment.reading({ ...at, read: 1 });
    assert.deepEqual(await deployment.reading({ ...at, read: 0 }), first);
    for (const [layer, { cells, readOut, scale }] of Object.entries(first.layers)) {
      const other = second.layers[layer]!;
      assert.notDeepEqual(other.readOut, readOut);
      for (const [k, { conductance }] of cells.entries())
        assert.notDeepEqual(other.cells[k]!.conductance, conductance);
      assert.deepEqual(other.scale, scale);
    }
    const third = await deployment.reading({ ...at, read: 2 });
    assert.notDeepEqual(third.layers, second.layers);
    assert.equal(
      await deployment.accuracy({ ...at, read: 0, method: 'none' }),
      await deployment.accuracy({ ...at, method: 'none' }),
    );
  });
});

test('a read without noise is the same under every number', async () => {
  const cell: CellSpec = { ...joshi2020.cell, readNoise: { kind: 'none' } };
  await deployed({ hardware: { ...joshi2020, cell } }, async (deployment) => {
    const [one, other] = [
      await deployment.reading({ chip: 0, timeSeconds: YEAR }),
      await deployment.reading({ chip: 0, timeSeconds: YEAR, read: 7 }),
    ];
    assert.deepEqual(one.layers, other.layers);
  });
});

test('accuracies of one reading do not depend on what was asked before', async () => {
  await deployed({}, async (deployment) => {
    const ask = (method: (typeof methods)[number]): Promise<number> =>
      deployment.accuracy({ chip: 0, timeSeconds: YEAR, method });
    const forwards = new Map<string, number>();
    for (const method of methods) forwards.set(method, await ask(method));
    for (const method of methods.toReversed()) assert.equal(await ask(method), forwards.get(method));
    // Else nothing was told apart.
    assert.ok(forwards.get('none')! < forwards.get('global')!);
  });
});

// Where cells are.

test('cells never pass through the host, and methods that differ in compensation alone upload nothing', async () => {
  const watched = watch(engine);
  await deployed({ engine: watched.engine, hardware: drawing }, async (deployment) => {
    const readOuts = ['conv1', 'conv2', 'dense'].map((layer) => `${layer}.sensed.readOut`);
    const factors = ['conv1', 'conv2', 'dense'].flatMap((layer) =>
      ['global', 'per-column'].map((compensation) => `${layer}.compensation.${compensation}`),
    );
    const transfersOf = async (ask: () => Promise<unknown>): Promise<unknown[]> => {
      watched.transfers.length = 0;
      watched.calls.length = 0;
      await ask();
      const given = new Set(watched.calls.flatMap(({ inputs = {} }) => Object.keys(inputs)));
      return [watched.transfers.map(({ kind, names }) => [kind, [...names].sort()]), [...given].sort()];
    };
    const images = ['images', 'labels'];
    const ask = (chip: number, timeSeconds: number, method: (typeof methods)[number]) => () =>
      deployment.accuracy({ chip, timeSeconds, method });
    const reads = ['read', readOuts];
    const writes = ['write', [...factors].sort()];
    // Programming and its baseline, then the read: read-outs of columns come, factors go.
    assert.deepEqual(await transfersOf(ask(0, YEAR, 'none')), [[reads, reads, writes], images]);
    for (const method of methods) assert.deepEqual(await transfersOf(ask(0, YEAR, method)), [[], images]);
    assert.deepEqual(await transfersOf(ask(0, 0, 'global')), [[reads, writes], images]);
    assert.deepEqual(await transfersOf(ask(1, 0, 'per-column')), [[reads, reads, writes], images]);
  });
});

// What physics says.

test('8-bit converters with calibrated ranges keep the accuracy of exact cells', async () => {
  await deployed({ hardware: { ...hermes256, cell: idealCell } }, async (deployment) => {
    const accuracy = await deployment.accuracy({ chip: 0, timeSeconds: 0, method: 'none' });
    // One image of the 60 may lie within a converter's step of two classes.
    assert.ok(Math.abs(accuracy - (await deployment.digitalAccuracy())) <= 1 / 60 + 1e-9);
  });
});

test('read noise of products leaves chips and their read-outs as they are, and conductances without noise', async () => {
  const drawn = await deployed(
    { hardware: { ...joshi2020, readNoise: { kind: 'per-product' } } },
    async (deployment) => {
      const chip = await deployment.chip(0);
      const reading = await deployment.reading({ chip: 0, timeSeconds: YEAR });
      // Without read noise, all reads of one time are equal.
      const again = await deployment.reading({ chip: 0, timeSeconds: YEAR, read: 1 });
      assert.deepEqual(again.layers['conv1']!.cells, reading.layers['conv1']!.cells);
      assert.deepEqual(again.layers['conv1']!.variance, reading.layers['conv1']!.variance);
      assert.notDeepEqual(again.layers['conv1']!.readOut, reading.layers['conv1']!.readOut);
      return { chip, reading };
    },
  );
  await deployed({}, async (deployment) => {
    assert.deepEqual((await deployment.chip(0)).layers, drawn.chip.layers);
    const { layers } = await deployment.reading({ chip: 0, timeSeconds: YEAR });
    for (const [name, { readOut, variance }] of Object.entries(drawn.reading.layers)) {
      assert.deepEqual(readOut, layers[name]!.readOut);
      assert.ok(variance!.data.some((value) => value > 0));
      assert.ok(!('variance' in layers[name]!));
    }
  });
});

test('global compensation undoes a drift that is the same for every cell', async () => {
  await deployed({ hardware: { ...ideal, cell: uniformlyDrifting } }, async (deployment) => {
    const exact = await deployment.digitalAccuracy();
    const late = { chip: 0, timeSeconds: YEAR };
    assert.equal(await deployment.accuracy({ ...late, method: 'global' }), exact);
    assert.equal(await deployment.accuracy({ ...late, method: 'per-column' }), exact);
    assert.ok((await deployment.accuracy({ ...late, method: 'none' })) < exact);
  });
});

// Hardware by layer.

test('a layer that stays digital has no arrays; ideal for all but one layer, only that one errs', async () => {
  const hardware: HardwareSpec = {
    ...ideal,
    layers: { 'conv*': 'digital', dense: { cell: joshi2020.cell } },
  };
  await deployed({ hardware }, async (deployment) => {
    const chip = await deployment.chip(0);
    assert.deepEqual(Object.keys(chip.layers), ['dense']);
    const reading = await deployment.reading({ chip: 0, timeSeconds: YEAR });
    assert.deepEqual(Object.keys(reading.layers), ['dense']);
    const { cells } = chip.layers['dense']!;
    for (const { conductance, target } of cells) assert.notDeepEqual(conductance, target);
    // As on a chip on which every layer has such cells: draws are named by layer.
    const whole = await deployed({}, (all) => all.chip(0));
    assert.deepEqual(cells, whole.layers['dense']!.cells);
  });
});

test('where every layer stays digital, chips have no layers and the digital accuracy', async () => {
  await deployed({ hardware: { ...joshi2020, layers: { '*': 'digital' } } }, async (deployment) => {
    assert.deepEqual((await deployment.chip(0)).layers, {});
    const exact = await deployment.digitalAccuracy();
    for (const method of ['none', 'global', 'per-column'] as const)
      assert.equal(await deployment.accuracy({ chip: 1, timeSeconds: YEAR, method }), exact);
  });
});

test('drift costs nothing where the layers that drift are digital or ideal', async () => {
  const drifting: HardwareSpec = { ...ideal, cell: uniformlyDrifting };
  const accuracyWith = (hardware: HardwareSpec): Promise<number> =>
    deployed({ hardware }, (deployment) =>
      deployment.accuracy({ chip: 0, timeSeconds: YEAR, method: 'none' }),
    );
  const exact = await deployed({ hardware: ideal }, (deployment) => deployment.digitalAccuracy());
  assert.equal(await accuracyWith({ ...drifting, layers: { '*': { cell: idealCell } } }), exact);
  assert.equal(
    await accuracyWith({ ...drifting, layers: { 'conv*': 'digital', dense: { cell: idealCell } } }),
    exact,
  );
  // Else nothing was told apart.
  assert.ok((await accuracyWith({ ...drifting, layers: { dense: 'digital' } })) < exact);
});
