// Every operator against ONNX Runtime, with several shapes and attributes each. Files are written by the test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elementCases } from './element-cases.test-data.ts';
import { type Case, layerCases, one } from './layer-cases.test-data.ts';
import { operatorNames } from './operators.ts';
import { compareSketch, needsOracle, type Sketch } from './oracle.test-data.ts';

const cases: Readonly<Record<string, readonly Case[]>> = { ...layerCases, ...elementCases };

/** Operators that only shape others; the tests below have them in chains. */
const inChains = [
  'And',
  'Or',
  'Xor',
  'Not',
  'Shape',
  'Size',
  'ConstantOfShape',
  'Range',
  'NonZero',
  'If',
  'Constant',
];

function sketchOf(op: string, given: Case): Sketch {
  const {
    inputs,
    constants = [],
    attributes = {},
    opset = 17,
    outputs = 1,
    kinds = [],
    before,
    isCast = false,
  } = given;
  const own = inputs.map((_, k) => `x${k}`);
  const order = given.order ?? [...own, ...constants.map((_, k) => `c${k}`)];
  const isLifted = before === 'positive';
  const renamed = order.map((name) => (isLifted && name.startsWith('x') ? `${name}.positive` : name));
  const results = Array.from({ length: outputs }, (_, k) => `y${k}`);
  const made = results.map((name) => (isCast ? `${name}.raw` : name));
  const lifts = isLifted
    ? own.flatMap((name) => [
        { op: 'Abs', inputs: [name], outputs: [`${name}.size`] },
        { op: 'Add', inputs: [`${name}.size`, 'tenth'], outputs: [`${name}.positive`] },
      ])
    : [];
  return {
    opset,
    inputs: Object.fromEntries(own.map((name, k) => [name, inputs[k]!])),
    kinds: Object.fromEntries(own.map((name, k) => [name, kinds[k] ?? 'float'])),
    constants: {
      ...Object.fromEntries(constants.map((values, k) => [`c${k}`, values])),
      ...(isLifted && { tenth: one(0.1) }),
    },
    nodes: [
      ...lifts,
      { op, name: 'tested', inputs: renamed, outputs: made, attributes },
      ...(isCast
        ? results.map((name) => ({
            op: 'Cast',
            inputs: [`${name}.raw`],
            outputs: [name],
            attributes: { to: 1 },
          }))
        : []),
    ],
    outputs: results,
  };
}

test('every operator is tested', () => {
  const tested = [...Object.keys(cases), ...inChains].sort();
  assert.deepEqual(tested, [...operatorNames]);
});

for (const [op, all] of Object.entries(cases)) {
  test(`${op} computes what ONNX Runtime does`, needsOracle, async () => {
    for (const [k, one_] of all.entries()) {
      try {
        await compareSketch(sketchOf(op, one_), { seed: k + 1 });
      } catch (thrown) {
        throw new Error(`case ${k}: ${(thrown as Error).message}`, { cause: thrown });
      }
    }
  });
}
