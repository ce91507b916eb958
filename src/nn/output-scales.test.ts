import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { classifier } from './define-network.ts';
import { activation, convolution, dense, flatten, sequence } from './modules.ts';
import { initialParameters, type Network } from './network.ts';
import { networkByName } from './networks.ts';
import { withOutputScales } from './output-scales.ts';

const plain = classifier({
  name: 'small',
  inputShape: [4, 4, 1],
  classes: 3,
  module: sequence([
    convolution({ name: 'conv', filters: 2, size: 3 }),
    activation('tanh'),
    flatten,
    dense({ name: 'dense', outputs: 3 }),
  ]),
});

const draw = randomSequence(keyFromSeed(5));
const filled = (shape: Shape): Float64Array =>
  Float64Array.from({ length: elementCount(shape) }, () => draw.normal());
const images = filled([2, 4, 4, 1]);
const values = Object.fromEntries(plain.parameters.map(({ name, shape }) => [name, filled(shape)]));

function tracedLogits(t: Trace, network: Network) {
  const parameters = Object.fromEntries(
    network.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
  );
  const { outputs } = network.apply({
    inputs: { images: t.input('images', [2, 4, 4, 1]) },
    parameters,
    operator: digital((layer) => parameters[weightsOf(layer)]!),
    mode: { kind: 'inference' },
  });
  return { parameters, logits: outputs['logits']! };
}

/** Logits, and the gradients of their squares by all parameters. */
function computed(network: Network, inputs: Readonly<Record<string, Float64Array>>) {
  const graph = trace((t) => {
    const { parameters, logits } = tracedLogits(t, network);
    const slopes = gradients(logits.square().sum(), Object.values(parameters));
    return {
      outputs: {
        logits,
        ...Object.fromEntries(Object.keys(parameters).map((name, k) => [`by ${name}`, slopes[k]!])),
      },
    };
  });
  return interpret(graph, { images, ...inputs }).outputs;
}

const near = (a: ArrayLike<number>, b: ArrayLike<number>, what: string): void => {
  assert.equal(a.length, b.length, what);
  for (let k = 0; k < a.length; k++)
    assert.ok(Math.abs(a[k]! - b[k]!) <= 1e-12 * (1 + Math.abs(b[k]!)), `${what}: ${a[k]} and ${b[k]}`);
};

for (const per of ['per-layer', 'per-column'] as const) {
  const network = withOutputScales(plain, per);
  const sizes = per === 'per-layer' ? { conv: 1, dense: 1 } : { conv: 2, dense: 3 };
  const scales = Object.fromEntries(
    Object.entries(sizes).map(([layer, size]) => [`${layer}.scale`, filled([size])]),
  );

  test(`${per}: the factors follow the weights, and begin at 1, where the network is the plain one`, () => {
    assert.deepEqual(
      network.parameters.map(({ name }) => name),
      ['conv.weights', 'conv.scale', 'dense.weights', 'dense.scale', 'dense.bias'],
    );
    assert.deepEqual(network.layers, plain.layers);
    const start = initialParameters(network, keyFromSeed(1));
    const ones = Object.fromEntries(
      Object.keys(scales).map((name) => [name, Float64Array.from(start[name]!.data)]),
    );
    for (const [name, size] of Object.entries(sizes))
      assert.deepEqual([...ones[`${name}.scale`]!], new Array<number>(size).fill(1));
    near(computed(network, { ...values, ...ones })['logits']!, computed(plain, values)['logits']!, 'logits');
  });

  test(`${per}: factors are factors of the columns of the weights, and gradients have the product rule`, () => {
    const given = computed(network, { ...values, ...scales });
    const folded = Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const layer = name.replace('.weights', '');
        const scale = scales[`${layer}.scale`];
        if (scale === undefined) return [name, value];
        const columns = plain.layers.find((one) => one.name === layer)!.shape.at(-1)!;
        return [name, value.map((one, k) => one * scale[scale.length === 1 ? 0 : k % columns]!)];
      }),
    );
    const same = computed(plain, folded);
    near(given['logits']!, same['logits']!, 'logits');
    near(given['by dense.bias']!, same['by dense.bias']!, 'by the bias');
    for (const { name: layer, shape } of plain.layers) {
      const scale = scales[`${layer}.scale`]!;
      const columns = shape.at(-1)!;
      const place = (k: number): number => (scale.length === 1 ? 0 : k % columns);
      const byFolded = same[`by ${layer}.weights`]!;
      near(
        given[`by ${layer}.weights`]!,
        Array.from(byFolded, (slope, k) => slope * scale[place(k)]!),
        `by the weights of ${layer}`,
      );
      const byScale = new Array<number>(scale.length).fill(0);
      for (const [k, weight] of values[`${layer}.weights`]!.entries())
        byScale[place(k)]! += byFolded[k]! * weight;
      near(given[`by ${layer}.scale`]!, byScale, `by the factors of ${layer}`);
    }
  });
}

test('a named network has them, one a layer', () => {
  const task = { inputShape: [28, 28, 1], classes: 10 };
  const [scaled, unscaled] = ['mlp-256-128-scaled', 'mlp-256-128'].map((name) => networkByName(name, task));
  assert.deepEqual(
    scaled!.parameters.filter(({ role }) => role === 'scale').map(({ name, shape }) => [name, shape]),
    [1, 2, 3].map((k) => [`dense${k}.scale`, [1]]),
  );
  assert.deepEqual(
    scaled!.parameters.filter(({ role }) => role !== 'scale'),
    unscaled!.parameters,
  );
});

test('wrong kinds, factors on factors and missing factors are refused by name', () => {
  assert.throws(
    () => withOutputScales(plain, 'column' as 'per-column'),
    /withOutputScales.*one of per-layer, per-column, got "column"/s,
  );
  assert.throws(
    () => withOutputScales(withOutputScales(plain, 'per-layer'), 'per-layer'),
    /network "small".*expected no parameter "conv.scale", got one/s,
  );
  const network = withOutputScales(plain, 'per-layer');
  assert.throws(
    () =>
      trace((t) => {
        const parameters = {
          'dense.bias': t.input('dense.bias', [3]),
          'conv.scale': t.input('conv.scale', [2]),
        };
        const { outputs } = network.apply({
          inputs: { images: t.input('images', [2, 4, 4, 1]) },
          parameters,
          operator: digital(() => t.input('weights', [1])),
          mode: { kind: 'inference' },
        });
        return { outputs };
      }),
    /"conv.scale" is \(2\), expected \(1\).*"dense.scale" \(1\) is missing/s,
  );
});
