// Read noise that every product draws: its variance is that of many reads, it is fresh each time, tiles add theirs up,
// and hardware that does not ask for it computes what it always did.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, relativeError, withEngine } from '../../test/compare.ts';
import { correlation } from '../../test/correlation.ts';
import { type InterpretedChip, programmedChip, readingAt } from '../../test/interpreted-chip.ts';
import { fixedRanges } from '../../test/two-layers.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { DAY } from '../base/units.ts';
import { pcmNandakumar2019 } from '../cells/published-cells.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import type { Graph } from '../graph/node.ts';
import type { Layer, Operator } from '../graph/operator.ts';
import { printGraph } from '../graph/print.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { netConductance, pairsOf, type SensedArray } from './arrays.ts';
import type { LayerReading } from './chip.ts';
import { type HardwareSpec, hasReadNoiseInProducts } from './hardware.ts';
import { onChip, type SensedLayer } from './on-chip.ts';
import { ideal, joshi2020, standardEvaluation } from './presets.ts';
import { readArrays, traceReading } from './reading.ts';

/** Cells that drift and are noisy to read; without programming noise those at RESET are exactly 0, and read as 0. */
const perRead: HardwareSpec = {
  ...joshi2020,
  cell: { ...pcmNandakumar2019, programmingNoise: { kind: 'none' } },
};
const perProduct: HardwareSpec = { ...perRead, readNoise: { kind: 'per-product' } };
/** Several tiles, amplifiers that add their own noise, exact converters. */
const tiled: HardwareSpec = {
  ...perProduct,
  mapping: { scale: 'per-column' },
  tile: { kind: 'limited', rows: 2, columns: 8 },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.02 },
};
const INPUT_RANGE = 3;

const draw = randomSequence(keyFromSeed(31));
/** Weights between 0.3 and 1 and their negatives: no read comes near the limit at 0, which is 9 σ away. */
const weights = Float64Array.from({ length: 15 }, () => {
  const sign = draw.normal() > 0 ? 1 : -1;
  return sign * (0.3 + 0.7 * draw.uniform());
});
const layer: Layer = { name: 'fc', kind: 'dense', shape: [5, 3] };
const ROWS = 5;
const COLUMNS = 3;
const N = 4000;

function programmed(hardware: HardwareSpec): InterpretedChip {
  return programmedChip(hardware, [layer], { 'fc.weights': weights }, { seed: 0, key: [1, 2] });
}

/** The chip as read after a day: the tensors of its one layer, and the read-out. */
function readAfterADay(hardware: HardwareSpec, seed = 3): LayerReading {
  return readingAt(programmed(hardware), DAY, [seed, 4]).layers['fc']!;
}

/** The conductances of a reading: those that add, and those that take away. */
function pairOf({ cells }: LayerReading): readonly [plus: Float32Array, minus: Float32Array] {
  const [plus, minus] = cells.map(({ conductance }) => conductance.data);
  return [plus!, minus!];
}

/** A pair of arrays with conductances by polarity. */
function pairs(of: (polarity: 'plus' | 'minus') => Tensor): SensedArray<Tensor>[] {
  return pairsOf({}).map((array) => ({ ...array, conductance: of(array.polarity) }));
}

/** χ²(k) / k is below this with the probability that a normal variable is below z. Wilson and Hilferty 1931. */
function chiSquareRatio(k: number, z: number): number {
  return (1 - 2 / (9 * k) + z * Math.sqrt(2 / (9 * k))) ** 3;
}

/** Mean within 5 standard errors, variance between the χ² quantiles of ±5 σ: two chances of 6e-7 of a false alarm. */
function assertSample(
  values: Float64Array,
  expected: { readonly mean: number; readonly variance: number },
  what: string,
): void {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const deviation = Math.abs(mean - expected.mean) / Math.sqrt(expected.variance / n);
  assert.ok(deviation < 5, `mean of ${what}: ${deviation} standard errors off`);
  const ratio = variance / expected.variance;
  const [low, high] = [chiSquareRatio(n - 1, -5), chiSquareRatio(n - 1, 5)];
  assert.ok(ratio > low && ratio < high, `variance of ${what}: ${ratio} of the expected one`);
}

/** Every `stride`-th value from `first` on. */
function everyFrom(values: Float64Array, first: number, stride: number): Float64Array {
  return Float64Array.from({ length: values.length / stride }, (_, i) => values[first + i * stride]!);
}

// 15 pairs, n = 4 000 reads: false alarm 2e-5.
test('the variance of a reading is that of many reads of its cells, and the conductances are their means', () => {
  const reading = readAfterADay(perProduct);
  const [plus, minus] = pairOf(reading);
  const programmedCells = programmed(perProduct).chip.layers['fc']!.cells;
  const graph = trace((t) => {
    const repeated = (name: string): Tensor =>
      t.input(name, [ROWS * COLUMNS]).broadcastTo([N, ROWS * COLUMNS]);
    const cells = pairsOf({}).map((array) => ({
      ...array,
      target: repeated(`target ${array.polarity}`),
      conductance: repeated(`conductance ${array.polarity}`),
      driftExponent: repeated(`exponent ${array.polarity}`),
    }));
    const arrays = { cells, scale: constant(t, 1).reshape([1, 1]) };
    const read = readArrays(arrays, { layer, hardware: perRead }, constant(t, DAY), t.key('key'));
    return { outputs: { net: netConductance(read.cells) } };
  });
  const given = programmedCells.flatMap(({ polarity, conductance, driftExponent }) => [
    [`conductance ${polarity}`, conductance.data],
    [`exponent ${polarity}`, driftExponent.data],
  ]);
  const { net } = interpret(graph, { ...Object.fromEntries(given), 'key.0': [5], 'key.1': [6] }).outputs;
  for (let pair = 0; pair < ROWS * COLUMNS; pair++) {
    const expected = {
      mean: plus[pair]! - minus[pair]!,
      variance: reading.variance!.data[pair]!,
    };
    assertSample(everyFrom(net!, pair, ROWS * COLUMNS), expected, `pair ${pair}`);
  }
});

// Products

const COMPENSATION = 1.5;
const x = Float64Array.from({ length: ROWS }, draw.normal);

/** The operator on the cells of a reading. */
function operatorOn(hardware: HardwareSpec, t: Trace, key: GraphKey): Operator {
  const { shape } = readAfterADay(hardware).scale;
  const size = [ROWS, COLUMNS];
  return onChip({
    hardware,
    weights: noWeights,
    sensed: () => ({
      cells: pairs((polarity) => t.input(polarity, size)),
      scale: t.input('scale', shape),
      compensation: constant(t, COMPENSATION).reshape([1, 1]),
      ...(hasReadNoiseInProducts(hardware) && { variance: t.input('variance', size) }),
    }),
    ranges: fixedRanges(INPUT_RANGE),
    key,
  });
}

/** No layer stays digital. */
function noWeights(): never {
  throw new Error('no layer has weights');
}

/** What `results` makes of the operator, under a key. */
function multiplied(
  hardware: HardwareSpec,
  results: (t: Trace, operator: Operator) => Record<string, Tensor>,
  key = 7,
): Readonly<Record<string, Float64Array>> {
  const reading = readAfterADay(hardware);
  const { scale, variance } = reading;
  const [plus, minus] = pairOf(reading);
  const graph = trace((t) => ({ outputs: results(t, operatorOn(hardware, t, t.key('key'))) }));
  return interpret(graph, {
    x,
    plus,
    minus,
    scale: scale.data,
    ...(variance && { variance: variance.data }),
    'key.0': [key],
    'key.1': [8],
  }).outputs;
}

/** `N` products of the same input, (N, columns). */
function denseProducts(t: Trace, { multiply }: Operator, name = 'fc'): Tensor {
  return multiply(t.input('x', [1, ROWS]).broadcastTo([N, ROWS]), { ...layer, name });
}

/** `N` convolutions of one column image, five pixels high and padded, with a filter five high: (N, 5, 1, columns). */
function convolutions(t: Trace, { multiply }: Operator): Tensor {
  const images = t.input('x', [1, ROWS, 1, 1]).broadcastTo([N, ROWS, 1, 1]);
  const filter: Layer = { name: 'fc', kind: 'convolution', shape: [ROWS, 1, 1, COLUMNS] };
  return multiply(images, filter, { stride: [1, 1], padding: [2, 0] });
}

/** Mean and variance of each column of Σ_r inputs_r ŵ_r, for `inputs` on the rows. */
function expectedColumns(hardware: HardwareSpec, inputs: ArrayLike<number>) {
  const reading = readAfterADay(hardware);
  const { scale, variance } = reading;
  const [plus, minus] = pairOf(reading);
  const { tile, outputNoise, cell } = hardware;
  const tiles = tile.kind === 'limited' ? Math.ceil(ROWS / tile.rows) : 1;
  const sigma =
    outputNoise.kind === 'gaussian' ? outputNoise.relativeStandardDeviation * cell.gMaxMicrosiemens : 0;
  return Array.from({ length: COLUMNS }, (_, column) => {
    let [mean, ofProduct] = [0, tiles * (sigma * INPUT_RANGE) ** 2];
    for (let row = 0; row < ROWS; row++) {
      const at = row * COLUMNS + column;
      mean += inputs[row]! * (plus[at]! - minus[at]!);
      ofProduct += inputs[row]! ** 2 * variance!.data[at]!;
    }
    const unit = COMPENSATION * scale.data[scale.data.length === 1 ? 0 : column]!;
    return { mean: mean * unit, variance: ofProduct * unit ** 2 };
  });
}

for (const [name, hardware] of [
  ['ideal periphery', perProduct],
  ['three tiles with output noise', tiled],
] as const) {
  // 3 columns, n = 4 000 products: false alarm 4e-6.
  test(`dense products have the mean without noise and the variance Σ x² v, ${name}`, () => {
    const { y } = multiplied(hardware, (t, operator) => ({ y: denseProducts(t, operator) }));
    for (const [column, expected] of expectedColumns(hardware, x).entries())
      assertSample(everyFrom(y!, column, COLUMNS), expected, `column ${column}`);
  });

  // 5 pixels of 3 columns, n = 4 000 products: false alarm 2e-5.
  test(`so have convolutions at every pixel, ${name}`, () => {
    const { y } = multiplied(hardware, (t, operator) => ({ y: convolutions(t, operator) }));
    for (let pixel = 0; pixel < ROWS; pixel++) {
      const patch = Array.from({ length: ROWS }, (_, row) => x[pixel + row - 2] ?? 0);
      for (const [column, expected] of expectedColumns(hardware, patch).entries()) {
        const values = everyFrom(y!, pixel * COLUMNS + column, ROWS * COLUMNS);
        assertSample(values, expected, `pixel ${pixel}, column ${column}`);
      }
    }
  });
}

// Correlation of independent samples: standard deviation 1/√n; n = 4 000, 5 σ: false alarm 6e-7 for each of 10 pairs.
test('every product, layer, key and output draws its own noise; the same key draws the same', () => {
  const results = (t: Trace, operator: Operator): Record<string, Tensor> => ({
    first: denseProducts(t, operator),
    second: denseProducts(t, operator),
    layer: denseProducts(t, operator, 'other'),
  });
  const one = multiplied(tiled, results);
  assert.deepEqual(multiplied(tiled, results), one);
  const samples = [one['first']!, one['second']!, one['layer']!, multiplied(tiled, results, 9)['first']!].map(
    (y) => everyFrom(y, 0, COLUMNS),
  );
  samples.push(everyFrom(one['first']!, 1, COLUMNS));
  for (const [i, a] of samples.entries())
    for (const b of samples.slice(0, i))
      assert.ok(Math.abs(correlation(a, b)) < 5 / Math.sqrt(N), `${i}: ${correlation(a, b)}`);
});

test('the gradient for the input is that of the product without noise, also where the input is zero', () => {
  const gradientOn = (hardware: HardwareSpec): Record<string, Float64Array> =>
    multiplied(hardware, (t, { multiply }) => {
      const given = t.input('x', [1, ROWS]);
      const gradientAt = (input: Tensor): Tensor => {
        const y = multiply(input, layer);
        return gradients(y.sum(), [given])[0]!;
      };
      return { atInput: gradientAt(given), atZero: gradientAt(given.multiply(0)) };
    });
  const quiet: HardwareSpec = { ...perProduct, cell: { ...perProduct.cell, readNoise: { kind: 'none' } } };
  assert.deepEqual(gradientOn(perProduct), gradientOn(quiet));
});

// Read-outs for compensation

// 3 columns, n = 400 reads: false alarm 4e-6. No read changes the sign of a pair, so magnitudes are sums.
test('a column read-out has the noise of one read: the mean of the pairs, the sum of their variances', () => {
  const readOuts = Array.from({ length: 400 }, (_, seed) => readAfterADay(perProduct, seed).readOut.data);
  const reading = readAfterADay(perProduct);
  const { variance } = reading;
  const [plus, minus] = pairOf(reading);
  const unit = 1 / (ROWS * perProduct.cell.gMaxMicrosiemens);
  for (let column = 0; column < COLUMNS; column++) {
    const ofColumn = Array.from({ length: ROWS }, (_, row) => row * COLUMNS + column);
    const total = (ofPair: (pair: number) => number): number =>
      ofColumn.reduce((sum, pair) => sum + ofPair(pair), 0);
    const expected = {
      mean: total((pair) => Math.abs(plus[pair]! - minus[pair]!)) * unit,
      variance: total((pair) => variance!.data[pair]!) * unit ** 2,
    };
    const values = Float64Array.from(readOuts, (readOut) => readOut[column]!);
    assertSample(values, expected, `column ${column}`);
  }
});

test('both kinds of hardware have the same cells and read-outs; only the other kind reads noisy conductances', () => {
  const [read, product] = [readAfterADay(perRead), readAfterADay(perProduct)];
  assert.deepEqual(product.readOut, read.readOut);
  assert.deepEqual(product.scale, read.scale);
  assert.ok(!('variance' in read));
  assert.notDeepEqual(pairOf(product)[0], pairOf(read)[0]);
  assert.deepEqual(pairOf(readAfterADay(perProduct, 99)), pairOf(product));
});

// Hardware that does not draw it

/** The graphs of reading and of multiplying as text. */
function graphsOf(hardware: HardwareSpec): string {
  const product = trace((t) => ({
    outputs: { y: denseProducts(t, operatorOn(hardware, t, t.key('key'))) },
  }));
  return printGraph(traceReading([{ layer, hardware }])) + printGraph(product);
}

test('per read is the default, to the bit', () => {
  for (const hardware of [perRead, { ...standardEvaluation, mapping: perRead.mapping }])
    assert.equal(graphsOf({ ...hardware, readNoise: { kind: 'per-read' } }), graphsOf(hardware));
});

test('reads are those of version 0.1.0', () => {
  const reading = readAfterADay({ ...joshi2020, cell: pcmNandakumar2019 });
  const [plus, minus] = pairOf(reading);
  const found = [minus[5]!, minus[1]!, plus[7]!, reading.readOut.data[2]!];
  const expected = [0.018366927281022072, 10.23957633972168, 16.70606803894043, 0.5094727277755737];
  // Kept as 32-bit floats; the logarithm of the host may differ in the last bit of 64.
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(found[i]! / value - 1) < 2e-7, `${found}`);
});

test('cells without read noise give exactly the digital product', () => {
  const exact: HardwareSpec = { ...ideal, readNoise: { kind: 'per-product' } };
  assert.equal(graphsOf(exact), graphsOf(ideal));
  // Whole numbers, and a largest weight of Gmax, so that nothing is rounded.
  const gMax = ideal.cell.gMaxMicrosiemens;
  const graph = trace((t) => {
    const [input, matrix] = [t.input('x', [4, ROWS]), t.input('weights', [ROWS, COLUMNS])];
    const one = constant(t, 1).reshape([1, 1]);
    const { multiply } = onChip({
      hardware: exact,
      weights: noWeights,
      sensed: () => ({
        cells: pairs((polarity) => (polarity === 'plus' ? matrix : matrix.negate()).relu()),
        scale: one,
        compensation: one,
      }),
      ranges: fixedRanges(1),
      key: t.key('key'),
    });
    return { outputs: { y: multiply(input, layer), digital: input.matmul(matrix) } };
  });
  const whole = (length: number): Float64Array =>
    Float64Array.from({ length }, () => Math.round((2 * draw.uniform() - 1) * gMax));
  const { y, digital } = interpret(graph, {
    x: whole(4 * ROWS),
    weights: whole(ROWS * COLUMNS),
    'key.0': [1],
    'key.1': [2],
  }).outputs;
  assert.deepEqual(y, digital);
});

test('a missing variance is refused, and one of another layer', () => {
  const refused = (variance: (t: Trace) => { readonly variance?: Tensor }, message: string): void => {
    assert.throws(
      () =>
        trace((t) => {
          const size = [ROWS, COLUMNS];
          const one = constant(t, 1).reshape([1, 1]);
          const sensed: SensedLayer = {
            cells: pairs(() => t.input('g', size)),
            scale: one,
            compensation: one,
            ...variance(t),
          };
          const operator = onChip({
            hardware: perProduct,
            weights: noWeights,
            sensed: () => sensed,
            ranges: fixedRanges(1),
            key: t.key('key'),
          });
          return { outputs: { y: denseProducts(t, operator) } };
        }),
      { name: 'UsageError', message },
    );
  };
  const needs = 'onChip "fc": read noise in every product needs its variance (5, 3), got';
  refused(() => ({}), `${needs} none; read the chip with this hardware`);
  refused(
    (t) => ({ variance: t.input('variance', [5, 4]) }),
    `${needs} (5, 4); read the chip with this hardware`,
  );
});

// Backends

/** A convolution large enough for Winograd's algorithm, of images that are zero but for a few large pixels. */
function sparseConvolution(): { readonly graph: Graph; readonly inputs: Record<string, Float32Array> } {
  const [channels, filters] = [8, 8];
  const rows = 9 * channels;
  const graph = trace((t) => {
    const size = [rows, filters];
    const one = constant(t, 1).reshape([1, 1]);
    const { multiply } = onChip({
      hardware: perProduct,
      weights: noWeights,
      sensed: () => ({
        cells: pairs((polarity) =>
          polarity === 'plus' ? t.input('gPlus', size) : constant(t, 0).broadcastTo(size),
        ),
        variance: t.input('variance', size),
        scale: one,
        compensation: one,
      }),
      ranges: fixedRanges(1),
      key: t.key('key'),
    });
    const filter: Layer = { name: 'conv', kind: 'convolution', shape: [3, 3, channels, filters] };
    const images = t.input('images', [2, 12, 12, channels]);
    return { outputs: { y: multiply(images, filter, { stride: [1, 1], padding: [1, 1] }) } };
  });
  const uniform = (length: number, high: number): Float32Array =>
    Float32Array.from({ length }, () => high * draw.uniform());
  const images = uniform(2 * 12 * 12 * channels, 100).map((pixel) => (pixel > 98 ? pixel : 0));
  return {
    graph,
    inputs: {
      images,
      gPlus: uniform(rows * filters, 25),
      variance: uniform(rows * filters, 0.5),
    },
  };
}

for (const choice of backends) {
  test(`images of many zeros give the interpreter's numbers on ${choice.name}`, async () => {
    const { graph, inputs } = sparseConvolution();
    const expected = interpret(graph, { ...inputs, 'key.0': [1], 'key.1': [2] }).outputs['y']!;
    const y = await withEngine(choice, 1, async (engine) => {
      const executable = await engine.compile(graph);
      const outputs = await executable.run({ inputs, keys: { key: [1, 2] } });
      executable.free();
      return outputs['y']!;
    });
    assert.ok(y.every(Number.isFinite));
    // A variance of zero comes out as 1e-7 of its neighbours', its root as 3e-4; few outputs are of that kind.
    const error = relativeError(y, expected);
    assert.ok(error < 1e-4, `relative error ${error}`);
  });
}
