// Matrix products. A matrix that the file holds, on either side, is the weights of a dense layer; a product of two computed
// tensors, as in attention, stays digital.

import { broadcastShapes, elementCount, type Shape } from '../../base/shape.ts';
import { concat, type Tensor } from '../../graph/tensor.ts';
import { part } from './indexing.ts';
import type { NodeBuilder, Operators, Step } from './step.ts';
import { dimsOf, type Host, inOrder, permuted, type Symbolic, symbolic } from './value.ts';

/** Most matrices of a stack that are layers of their own. */
const MOST_MATRICES = 64;

/** Rows (…, in) times a matrix of the file → (…, out). */
function timesMatrix(
  step: Step,
  x: Tensor,
  host: Host,
  {
    inputs,
    outputs,
    isTransposed,
  }: { readonly inputs: number; readonly outputs: number; readonly isTransposed: boolean },
): { readonly y: Tensor; readonly name: string } {
  const layer = step.world.layer(
    {
      host,
      kind: 'dense',
      shape: [inputs, outputs],
      ...(isTransposed && {
        variant: 'transposed',
        arrange: (values) => permuted(values, [outputs, inputs], [1, 0]),
      }),
    },
    step.node,
  );
  const rows = x.reshape([elementCount(x.shape) / inputs, inputs]);
  const y = step.world.multiply(rows, layer);
  return { y: y.reshape([...x.shape.slice(0, -1), outputs]), name: layer.name };
}

function turned(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return x.transpose([...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

function sizesFit(step: Step, inner: number | undefined, rows: number | undefined): void {
  if (inner !== undefined && inner === rows) return;
  const [a, b] = [step.dims(0), step.dims(1)];
  throw step.fault(`(${a.join(', ')}) and (${b.join(', ')}) do not chain`);
}

const matMul: NodeBuilder = (step) => {
  const [left, right] = [step.value(0), step.value(1)];
  const [a, b] = [dimsOf(left), dimsOf(right)];
  if (a.length === 0 || b.length === 0) throw step.fault('expected matrices, got a number');
  sizesFit(step, a.at(-1), b.length === 1 ? b[0] : b.at(-2));
  const isPlain = (dims: Shape): boolean => dims.slice(0, -2).every((size) => size === 1);
  if (right.where === 'host' && left.where === 'graph' && isPlain(b)) {
    const outputs = b.length === 1 ? 1 : b.at(-1)!;
    const { y } = timesMatrix(step, inOrder(left), right, {
      inputs: a.at(-1)!,
      outputs,
      isTransposed: false,
    });
    if (b.length === 1) return symbolic(y.reshape(a.slice(0, -1)));
    const missing = Math.max(0, b.length - Math.max(2, a.length));
    return symbolic(
      a.length === 1
        ? y.reshape([...b.slice(0, -2), outputs])
        : y.reshape([...b.slice(0, missing), ...y.shape]),
    );
  }
  if (left.where === 'host' && right.where === 'graph' && isPlain(a) && b.length > 1 && a.length <= 2) {
    // A x = (xᵀ Aᵀ)ᵀ
    const outputs = a.length === 1 ? 1 : a[0]!;
    const { y } = timesMatrix(step, turned(inOrder(right)), left, {
      inputs: a.at(-1)!,
      outputs,
      isTransposed: true,
    });
    const whole = turned(y);
    return symbolic(a.length === 1 ? whole.reshape([...b.slice(0, -2), b.at(-1)!]) : whole);
  }
  if (
    right.where === 'host' &&
    left.where === 'graph' &&
    b.length === 3 &&
    a.length >= 2 &&
    b[0]! <= MOST_MATRICES
  )
    return stacked(step, inOrder(left), right);
  return symbolic(product(step, step.tensor(0, 'scale'), step.tensor(1, 'scale')));
};

/** (…, k, m, i) · (k, i, o): a layer for each matrix of the stack. */
function stacked(step: Step, x: Tensor, host: Host): Symbolic {
  const [count, inputs, outputs] = host.dims as readonly [number, number, number];
  const leading = broadcastShapes('MatMul', x.shape.slice(0, -2), [count]);
  const all = x.reshape([...new Array<number>(leading.length - (x.shape.length - 2)).fill(1), ...x.shape]);
  const stretched = all.broadcastTo([...leading, ...x.shape.slice(-2)]);
  const axis = leading.length - 1;
  const parts = Array.from({ length: count }, (_, k) => {
    const layer = step.world.layer(
      {
        host,
        kind: 'dense',
        shape: [inputs, outputs],
        variant: `${k}`,
        arrange: (values) =>
          Float32Array.from(values.slice(k * inputs * outputs, (k + 1) * inputs * outputs)),
      },
      step.node,
    );
    const own = part(stretched, axis, k, k + 1);
    const y = step.world.multiply(own.reshape([elementCount(own.shape) / inputs, inputs]), layer);
    return y.reshape([...own.shape.slice(0, -1), outputs]);
  });
  return symbolic(concat(parts, axis));
}

/** A digital product, also of vectors. */
function product(step: Step, a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? a.reshape([1, a.shape[0]!]) : a;
  const right = b.shape.length === 1 ? b.reshape([b.shape[0]!, 1]) : b;
  sizesFit(step, left.shape.at(-1), right.shape.at(-2));
  const y = left.matmul(right);
  const dims = y.shape.filter(
    (_, axis) =>
      !(a.shape.length === 1 && axis === y.shape.length - 2) &&
      !(b.shape.length === 1 && axis === y.shape.length - 1),
  );
  return y.reshape(dims);
}

/** α A′ B′ + β C */
const gemm: NodeBuilder = (step) => {
  const [left, right] = [step.value(0), step.value(1)];
  const [alpha, beta] = [step.numberOf('alpha', 1), step.numberOf('beta', 1)];
  const [transA, transB] = [step.numberOf('transA', 0) !== 0, step.numberOf('transB', 0) !== 0];
  const [a, b] = [dimsOf(left), dimsOf(right)];
  if (a.length !== 2 || b.length !== 2) throw step.fault('expected two matrices');
  const [m, k] = transA ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
  const [rows, n] = transB ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
  sizesFit(step, k, rows);
  const asLeft = (x: Tensor): Tensor => (transA ? turned(x) : x);
  const asRight = (x: Tensor): Tensor => (transB ? turned(x) : x);
  let y: Tensor;
  let name: string | undefined;
  if (right.where === 'host' && left.where === 'graph')
    ({ y, name } = timesMatrix(step, asLeft(inOrder(left)), right, {
      inputs: k,
      outputs: n,
      isTransposed: transB,
    }));
  else if (left.where === 'host' && right.where === 'graph') {
    const made = timesMatrix(step, turned(asRight(inOrder(right))), left, {
      inputs: k,
      outputs: m,
      isTransposed: !transA,
    });
    y = turned(made.y);
    name = made.name;
  } else y = asLeft(step.tensor(0, 'scale')).matmul(asRight(step.tensor(1, 'scale')));
  const scaled = alpha === 1 ? y : y.multiply(alpha);
  return step.has(2) && beta !== 0 ? symbolic(withBias(step, scaled, beta, name)) : symbolic(scaled);
};

function withBias(step: Step, y: Tensor, beta: number, base: string | undefined): Tensor {
  const value = step.value(2);
  const isVector = value.where === 'host' && value.dims.length === 1 && elementCount(value.dims) > 1;
  const bias =
    isVector && base !== undefined
      ? step.world.parameter({ host: value, role: 'bias', shape: value.dims, base }, step.node)
      : step.tensor(2, 'bias');
  return y.add(beta === 1 ? bias : bias.multiply(beta));
}

/** The operators. */
export const products: Operators = { MatMul: matMul, Gemm: gemm };
