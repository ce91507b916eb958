// Plans of whole training steps, read instead of run: no kernel touches memory that is not its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed } from '../src/base/random.ts';
import { type Launch, PADDING_ELEMENTS, type Plan } from '../src/compile/backend.ts';
import { compile } from '../src/compile/compile.ts';
import { gradients } from '../src/graph/gradients.ts';
import { digital } from '../src/graph/multiply.ts';
import type { Graph } from '../src/graph/node.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { type Int, inLane, plus, range, substitute } from '../src/kernel/int.ts';
import { type Kernel, SCRATCH, type Statement } from '../src/kernel/kernel.ts';
import { softmaxCrossEntropy } from '../src/nn/losses.ts';
import { isTrained } from '../src/nn/network.ts';
import { type NetworkName, networkByName } from '../src/nn/networks.ts';
import { sample } from './compare.ts';
import { randomGraph } from './random-graph.ts';

type Access = Extract<Statement, { kind: 'load' | 'store' | 'loadAt' | 'storeAt' }>;

/** First and last element that an access can touch, in one chunk. */
function touched(access: Access, chunk: number, lanes: number): readonly [number, number] {
  const index = substitute(access.index, 'chunk', chunk);
  if (access.kind === 'loadAt' || access.kind === 'storeAt') {
    // Where data say, from 0 to the reach: as far as a fixed access at either end.
    const [low, high] =
      access.kind === 'storeAt'
        ? touched({ ...access, kind: 'store', mode: 'vector' }, chunk, lanes)
        : touched({ ...access, kind: 'load' }, chunk, lanes);
    return [low, high + access.reach];
  }
  if (access.mode === 'gather' || access.mode === 'scatter') {
    const count = access.mode === 'scatter' ? access.count : lanes;
    const ranges = Array.from({ length: count }, (_, lane) => range(inLane(index, lane)));
    return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
  }
  const [low, high] = range(index);
  const width = access.mode === 'splat' ? 1 : access.kind === 'store' ? access.count : lanes;
  return [low, high + width - 1];
}

const isAccess = (statement: Statement): statement is Access =>
  statement.kind === 'load' ||
  statement.kind === 'store' ||
  statement.kind === 'loadAt' ||
  statement.kind === 'storeAt';

/** Accesses that run in a chunk: not those behind a guard that this chunk does not pass. */
function accessesOf(statements: readonly Statement[], chunk: number): Access[] {
  return statements.flatMap((statement): Access[] => {
    if (isAccess(statement)) return [statement];
    if (statement.kind === 'for') return accessesOf(statement.body, chunk);
    if (statement.kind !== 'if') return [];
    return range(substitute(statement.index, 'chunk', chunk))[0] < statement.below
      ? accessesOf(statement.body, chunk)
      : [];
  });
}

/** Where an access may go: from, and up to but not including. */
function limits(plan: Plan, launch: Launch, kernel: Kernel, buffer: number): readonly [number, number] {
  if (buffer === SCRATCH) return [0, kernel.scratch + PADDING_ELEMENTS];
  const place = launch.buffers[buffer]!;
  if (place.space === 'binding') return [0, plan.bindings[place.binding]!.elements + PADDING_ELEMENTS];
  return [0, plan.arenaElements + PADDING_ELEMENTS - place.offset];
}

/** Accesses outside their buffers, in the first and the last chunks of every launch. */
function strayAccesses(plan: Plan): string[] {
  return plan.launches.flatMap((launch) => {
    const kernel = plan.kernels[launch.kernel]!;
    const { chunks } = kernel;
    const chosen = new Set(
      [0, 1, chunks >> 1, chunks - 2, chunks - 1].filter((chunk) => chunk >= 0 && chunk < chunks),
    );
    return [...chosen].flatMap((chunk) =>
      accessesOf(kernel.body, chunk).flatMap((access) => {
        const [low, high] = touched(access, chunk, kernel.lanes);
        const [from, to] = limits(plan, launch, kernel, access.buffer);
        return low >= from && high < to
          ? []
          : [
              `${kernel.name}, chunk ${chunk}: ${access.kind} b${access.buffer} ${low} … ${high}, allowed ${from} … ${to}`,
            ];
      }),
    );
  });
}

function trainingStep(
  name: NetworkName,
  inputShape: readonly [number, number, number],
  batch: number,
): Graph {
  const model = networkByName(name, { inputShape, classes: 10 });
  return trace((t: Trace) => {
    const parameters = Object.fromEntries(
      model.parameters.map((spec) => [spec.name, t.state(spec.name, spec.shape)]),
    );
    const { logits } = model.apply(parameters, t.input('images', [batch, ...inputShape]), digital, {
      kind: 'training',
    });
    const trained = model.parameters.filter(isTrained).map((spec) => spec.name);
    const loss = softmaxCrossEntropy(logits, t.input('labels', [batch]));
    const slopes = gradients(
      loss,
      trained.map((parameter) => parameters[parameter]!),
    );
    return {
      outputs: { loss },
      updates: Object.fromEntries(
        trained.map((parameter, k) => [
          parameter,
          parameters[parameter]!.subtract(slopes[k]!.multiply(t.scalar('rate'))),
        ]),
      ),
    };
  });
}

const TARGETS = [
  { lanes: 4, registers: 14 },
  { lanes: 8, registers: 16 },
  { lanes: 16, registers: 32 },
] as const;

test('no kernel of a training step touches memory outside its buffers and their padding', () => {
  const graphs = [
    trainingStep('small-cnn', [17, 15, 3], 6),
    trainingStep('resnet8', [32, 32, 3], 10),
    trainingStep('mlp', [28, 28, 1], 33),
  ];
  for (const graph of graphs)
    for (const target of TARGETS) assert.deepEqual(strayAccesses(compile(graph, target)).slice(0, 5), []);
});

test('nor does any kernel of a hundred random graphs', () => {
  for (let seed = 0; seed < 100; seed++) {
    const { graph } = sample((t) => {
      const { results, inputs } = randomGraph(t, 'graph', keyFromSeed(seed), 12);
      const slopes = gradients(
        results.map((result) => result.sum()).reduce((sum, part) => sum.add(part)),
        inputs,
      );
      return { outputs: Object.fromEntries([...results, ...slopes].map((tensor, k) => [String(k), tensor])) };
    });
    for (const target of TARGETS)
      assert.deepEqual(strayAccesses(compile(graph, target)).slice(0, 5), [], `seed ${seed}`);
  }
});

test('the reader of plans sees an access that goes astray', () => {
  const index: Int = plus(
    { constant: 60, terms: [] },
    { constant: 0, terms: [{ atom: { kind: 'variable', name: 'chunk', max: 1 }, coefficient: 4 }] },
  );
  const kernel: Kernel = {
    name: 'stray',
    lanes: 4,
    buffers: 1,
    words: 0,
    constants: [],
    scratch: 0,
    chunks: 2,
    types: ['f32'],
    body: [{ kind: 'load', target: 0, type: 'f32', buffer: 0, index, mode: 'vector' }],
  };
  const plan: Plan = {
    lanes: 4,
    kernels: [kernel],
    launches: [{ kernel: 0, buffers: [{ space: 'binding', binding: 0 }], words: [] }],
    bindings: [{ name: 'x', role: 'input', shape: [3], dtype: 'f32', elements: 3 }],
    scalars: [],
    arenaElements: 0,
  };
  assert.deepEqual(strayAccesses(plan), ['stray, chunk 1: load b0 64 … 67, allowed 0 … 67']);
});
