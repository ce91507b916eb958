// Operators that reduce axes: sums, means, extremes, norms, and the place of the largest value.

import { constant, iota, type Tensor } from '../../graph/tensor.ts';
import { asNumbers } from './elementwise.ts';
import { MOST_PARTS, type NodeBuilder, type Operators, type Step } from './step.ts';
import { dimsOf, inOrder, placeOf, type Symbolic } from './value.ts';

type Reduce = (x: Tensor, axes: readonly number[], step: Step) => Tensor;

/**
 * A reduction that keeps reduced axes as size 1.
 *
 * @param since the version that takes axes as an input
 */
function reduction(reduce: Reduce, since = 18): NodeBuilder {
  return (step) => {
    const x = step.symbol(0);
    const dims = dimsOf(x);
    const given = step.axesOf(1, since, dims.length) ?? [];
    if (given.length === 0 && step.numberOf('noop_with_empty_axes', 0) !== 0) return x;
    const axes = given.length === 0 ? dims.map((_, axis) => axis) : given;
    const places = axes.map((axis) => placeOf(x, axis));
    return dropped(step, { ...x, tensor: reduce(asNumbers(x.tensor), places, step) }, axes);
  };
}

/** Without the reduced axes, unless they are to stay. */
function dropped(step: Step, kept: Symbolic, axes: readonly number[]): Symbolic {
  if (step.numberOf('keepdims', 1) !== 0) return kept;
  const left = dimsOf(kept).filter((_, axis) => !axes.includes(axis));
  return { ...kept, tensor: inOrder(kept).reshape(left), channelsLast: false };
}

const sum: Reduce = (x, axes) => x.sum(axes, true);
const largest: Reduce = (x, axes) => x.max(axes, true);

/** Product by halves: a tree of multiplications of the parts of each axis. */
const product: Reduce = (x, axes, step) =>
  axes.reduce((all, axis) => {
    const size = all.shape[axis]!;
    if (size > MOST_PARTS) throw step.fault(`a product of ${size} numbers, expected at most ${MOST_PARTS}`);
    return Array.from({ length: size }, (_, k) =>
      all.slice(
        all.shape.map((__, one) => (one === axis ? k : 0)),
        all.shape.map((full, one) => (one === axis ? k + 1 : full)),
      ),
    ).reduce((a, b) => a.multiply(b));
  }, x);

/** The index of the largest value along an axis, the first of several. */
function place(sign: 1 | -1): NodeBuilder {
  return (step) => {
    const x = step.symbol(0);
    const axis = step.axis(step.numberOf('axis', 0), x.tensor.shape.length);
    const at = placeOf(x, axis);
    const values = x.tensor.multiply(sign);
    const index = iota(values, values.shape, at).cast('f32');
    const isLast = step.numberOf('select_last_index', 0) !== 0;
    const isBest = values.equal(values.max([at], true));
    const far = values.shape[at]!;
    const found = isLast
      ? isBest.select(index, -1).max([at], true)
      : isBest.select(index, far).negate().max([at], true).negate();
    return dropped(step, { ...x, kind: 'int', tensor: found }, [axis]);
  };
}

/** The operators. */
export const reductions: Operators = {
  ReduceSum: reduction(sum, 13),
  ReduceMean: reduction((x, axes) => x.mean(axes, true)),
  ReduceMax: reduction(largest),
  ReduceMin: reduction((x, axes) => x.negate().max(axes, true).negate()),
  ReduceProd: reduction(product),
  ReduceL1: reduction((x, axes) => x.abs().sum(axes, true)),
  ReduceL2: reduction((x, axes) => x.square().sum(axes, true).sqrt()),
  ReduceSumSquare: reduction((x, axes) => x.square().sum(axes, true)),
  ReduceLogSum: reduction((x, axes) => x.sum(axes, true).log()),
  ReduceLogSumExp: reduction((x, axes) => {
    const top = x.max(axes, true);
    return x.subtract(top).exp().sum(axes, true).log().add(top);
  }),
  ArgMax: place(1),
  ArgMin: place(-1),
  CumSum: (step) => {
    const x = step.symbol(0);
    const dims = dimsOf(x);
    const axis = step.axis(step.number(1), dims.length);
    const [at, size] = [placeOf(x, axis), dims[axis]!];
    if (size > MOST_PARTS)
      throw step.fault(`a running sum of ${size} numbers, expected at most ${MOST_PARTS}`);
    const isReverse = step.numberOf('reverse', 0) !== 0;
    const isExclusive = step.numberOf('exclusive', 0) !== 0;
    // y = x · M, M[i, j] = 1 if input i belongs to sum j.
    const [from, to] = [iota(step.world, [size, size], 0), iota(step.world, [size, size], 1)];
    const [first, second] = isReverse ? [to, from] : [from, to];
    const belongs = isExclusive ? first.less(second) : first.lessEqual(second);
    const matrix = belongs.select(constant(x.tensor, 1).broadcastTo([size, size]), 0);
    const order = x.tensor.shape.map((_, k) => k).filter((k) => k !== at);
    const lastAt = x.tensor.transpose([...order, at]);
    const rows = lastAt.reshape([-1, size]).matmul(matrix).reshape(lastAt.shape);
    const back = x.tensor.shape.map((_, k) => (k === at ? order.length : order.indexOf(k)));
    return { ...x, tensor: rows.transpose(back) };
  },
};
