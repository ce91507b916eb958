import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printGraph } from './print.ts';
import { straightThrough } from './tensor.ts';
import { trace } from './trace.ts';

test('a graph prints one node a line, in the order of evaluation, then its results', () => {
  const graph = trace((t) => {
    const x = t.input('images', [8, 5, 5, 1]);
    const filter = t.state('filter', [3, 3, 1, 4]);
    const noisy = filter.add(t.key('noise').derive('layer').normal([3, 3, 1, 4]).multiply(0.1));
    const y = x.convolve(noisy, { stride: [2, 2], padding: [1, 1] }, [0, 5]).relu();
    return {
      outputs: { y: straightThrough(y.round(), y), mean: y.mean() },
      updates: { filter: noisy.detach() },
    };
  });
  assert.equal(
    printGraph(graph),
    `%0 = constant() {value: 0} : f32 ()
%1 = reshape(%0) : f32 (1, 1, 1, 1)
%2 = broadcast(%1) : f32 (8, 3, 3, 4)
%3 = input() {name: images, role: input} : f32 (8, 5, 5, 1)
%4 = input() {name: filter, role: state} : f32 (3, 3, 1, 4)
%5 = input() {name: noise.0, role: scalar} : i32 ()
%6 = input() {name: noise.1, role: scalar} : i32 ()
%7 = normal(%5, %6) {stream: [4175380838,1408080340]} : f32 (3, 3, 1, 4)
%8 = constant() {value: 0.1} : f32 ()
%9 = reshape(%8) : f32 (1, 1, 1, 1)
%10 = broadcast(%9) : f32 (3, 3, 1, 4)
%11 = multiply(%7, %10) : f32 (3, 3, 1, 4)
%12 = add(%4, %11) : f32 (3, 3, 1, 4)
%13 = convolution(%3, %12) {stride: [2,2], padding: [[1,1],[1,1]], dilation: [1,1], groups: 1, rows: [0,5]} : f32 (8, 3, 3, 4)
%14 = maximum(%2, %13) : f32 (8, 3, 3, 4)
%15 = round(%14) : f32 (8, 3, 3, 4)
%16 = custom(%15, %14) {rule: 0, name: straight-through} : f32 (8, 3, 3, 4)
%17 = sum(%14) {axes: [0,1,2,3]} : f32 (1, 1, 1, 1)
%18 = reshape(%17) : f32 ()
%19 = constant() {value: 0.003472222222222222} : f32 ()
%20 = multiply(%18, %19) : f32 ()
%21 = detach(%12) : f32 (3, 3, 1, 4)
output y = %16
output mean = %20
update filter = %21
`,
  );
});
