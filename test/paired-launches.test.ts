// The calls of a pair give the bits that they give apart, on every backend: both gradients of a
// convolution, computed in one graph and each in its own, large enough to be paired.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../src/compile/compile.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Graph } from '../src/graph/node.ts';
import { trace } from '../src/graph/trace.ts';
import { backends, withEngine } from './compare.ts';

const SHAPE = [16, 32, 32, 16];
const CHANNELS = 16;

/** Gradients of Σ conv(relu(x), w)²: of x, of w, or of both. */
function gradientsOf(wanted: readonly ('x' | 'w')[], [kernel, stride]: readonly [number, number]): Graph {
  return trace((t) => {
    const x = t.input('x', SHAPE);
    const w = t.input('w', [kernel, kernel, CHANNELS, CHANNELS]);
    const padding = Math.floor(kernel / 2);
    const y = x.relu().convolve(w, { stride: [stride, stride], padding: [padding, padding] });
    const [ofX, ofW] = gradients(y.square().sum(), [x, w]);
    const all = { x: ofX!, w: ofW! };
    return { outputs: Object.fromEntries(wanted.map((name) => [name, all[name]])) };
  });
}

const values = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i));

for (const backend of backends) {
  for (const [kernel, stride] of [
    [3, 1],
    [3, 2],
    [1, 1],
  ] as const) {
    test(`${backend.name}: paired gradients of a ${kernel}x${kernel} kernel, stride ${stride}, have the bits of separate ones`, async () => {
      await withEngine(backend, 2, async (engine) => {
        const inputs = {
          x: values(SHAPE.reduce((a, b) => a * b)),
          w: values(kernel * kernel * CHANNELS * CHANNELS),
        };
        const results = await Promise.all(
          ([['x', 'w'], ['x'], ['w']] as const).map(async (wanted) => {
            const executable = await engine.compile(gradientsOf(wanted, [kernel, stride]));
            const outputs = await executable.run({ inputs });
            executable.free();
            return outputs;
          }),
        );
        assert.deepEqual(results[0]!['x'], results[1]!['x']);
        assert.deepEqual(results[0]!['w'], results[2]!['w']);
      });
    });
  }
}

test('gradients of a large layer are paired, on vectors of every width', () => {
  for (const lanes of [4, 8, 16]) {
    const { launches } = compile(gradientsOf(['x', 'w'], [3, 1]), { lanes, registers: 16 });
    assert.ok(launches.some(({ kind }) => kind === 'pair'));
  }
});
