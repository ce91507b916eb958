// What a network asks of its hardware, counted: an operator that multiplies as another one does and notes, for every layer
// and every tile, how many products it issues. It observes the trace of one example, as calibration does, over the same
// `tileMatrix` and `hardwareOf` as the products themselves. Nothing is trained, compiled or run, and no weights are needed.

import { UsageError } from '../base/errors.ts';
import { elementCount } from '../base/shape.ts';
import { type HardwareSpec, hardwareOf, matchesPattern } from '../crossbar/hardware.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import { tileMatrix } from '../crossbar/tiling.ts';
import { type Node, reachable } from '../graph/node.ts';
import { digital, type Layer, type LayerKind, type Operator, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { digitalStates, type Network } from '../nn/network.ts';

/** A tile of a layer. */
export type TileUse = {
  /** Rows and columns that hold weights. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that a product drives, on average: all, or of an embedding its share of the one row. */
  readonly drivenRows: number;
};

/** What a layer does for one example. */
export type LayerCount = {
  readonly name: string;
  readonly kind: LayerKind;
  readonly isDigital: boolean;
  /** Of the weight matrix of one group. */
  readonly rows: number;
  /** Of all groups. */
  readonly columns: number;
  readonly groups: number;
  /** Products with the whole matrix: pixels of a convolution's output, steps of a sequence. */
  readonly vectors: number;
  /** All of them work on every product; none of a digital layer, and none if tiles have no limits. */
  readonly tiles: readonly TileUse[];
  /** Rows × columns × products; of an embedding its one row. */
  readonly multiplyAdds: number;
  /** Column results that are converted. */
  readonly conversions: number;
  /** Column results that are added to others of the same output. */
  readonly partialSums: number;
  /** Numbers that reach the rows; every row once, whatever the columns. */
  readonly inputs: number;
  readonly outputs: number;
  /** True if a gradient flows through it to weights before it, so that training needs its product backwards. */
  readonly isBackwards: boolean;
};

/** What a network does for one example. */
export type NetworkCount = {
  readonly network: string;
  readonly layers: readonly LayerCount[];
  /** Numbers of the network's inputs and outputs. */
  readonly inputs: number;
  readonly outputs: number;
};

/** An operator and its counts so far in a trace. */
export type Counting = { readonly operator: Operator; readonly counts: () => LayerCount[] };

/**
 * Multiplies as `base` does and counts.
 *
 * @param examples of the traced batch; counts are for one
 */
export function counting(base: Operator, chip: HardwareSpec, examples = 1): Counting {
  const seen = new Map<string, { readonly layer: Layer; vectors: number; isBackwards: boolean }>();
  const dependent = new Map<Node, boolean>();
  return {
    operator: {
      multiply: (x, layer, geometry) => {
        const y = base.multiply(x, layer, geometry);
        const { columns } = matrixSize(layer.shape);
        const vectors = elementCount(y.shape) / columns / examples;
        const isBackwards = layer.kind !== 'embedding' && dependsOnWeights(x, dependent);
        const before = seen.get(layer.name);
        seen.set(layer.name, {
          layer,
          vectors: vectors + (before?.vectors ?? 0),
          isBackwards: isBackwards || (before?.isBackwards ?? false),
        });
        return y;
      },
    },
    counts: () =>
      [...seen.values()].map(({ layer, vectors, isBackwards }) =>
        countOf(layer, hardwareOf(chip, layer.name), vectors, isBackwards),
      ),
  };
}

/** True if weights act on a tensor; `known` keeps what was found. */
function dependsOnWeights({ node }: Tensor, known: Map<Node, boolean>): boolean {
  // A recurrent network has a product for every character: only what was not seen for an earlier one is looked at.
  for (const one of reachable([node], (earlier) => known.has(earlier))) {
    const { attributes } = one;
    const isWeights =
      one.op === 'input' && (attributes as { readonly name: string }).name.endsWith('.weights');
    known.set(one, isWeights || one.inputs.some((input) => known.get(input)));
  }
  return known.get(node)!;
}

function countOf(
  { name, kind, shape, groups = 1 }: Layer,
  hardware: HardwareSpec | undefined,
  vectors: number,
  isBackwards: boolean,
): LayerCount {
  const { rows, columns } = matrixSize(shape);
  const isDigital = hardware === undefined;
  const { rowRanges, columnRanges } = tileMatrix(
    { rows, columns, groups },
    hardware?.tile ?? { kind: 'unlimited' },
  );
  const drives = kind === 'embedding' ? 1 / rows : 1;
  const tiles =
    isDigital || hardware.tile.kind === 'unlimited'
      ? []
      : rowRanges.flatMap(([top, bottom]) =>
          columnRanges.map(([left, right]) => ({
            rows: bottom - top,
            columns: right - left,
            drivenRows: (bottom - top) * drives,
          })),
        );
  return {
    name,
    kind,
    isDigital,
    rows,
    columns,
    groups,
    vectors,
    tiles,
    multiplyAdds: vectors * rows * columns * drives,
    conversions: isDigital ? 0 : vectors * columns * rowRanges.length,
    partialSums: isDigital ? 0 : vectors * columns * (rowRanges.length - 1),
    inputs: vectors * (kind === 'embedding' ? 1 : rows * groups),
    outputs: vectors * columns,
    isBackwards,
  };
}

/**
 * The counts of a network for one example.
 *
 * @param options.layers only these, by name or pattern: the generator of a pair
 * @throws UsageError if a pattern fits no layer
 */
export function countNetwork(
  network: Network,
  hardware: HardwareSpec,
  { layers }: { readonly layers?: readonly string[] | undefined } = {},
): NetworkCount {
  let counts: LayerCount[] = [];
  trace((t) => {
    const { operator, counts: found } = counting(
      digital((layer) => t.state(weightsOf(layer), layer.shape)),
      hardware,
    );
    const { outputs } = network.apply({
      inputs: mapped(Object.entries(network.inputs), ([name, shape]) => [name, t.input(name, [1, ...shape])]),
      parameters: digitalStates(t, network),
      operator,
      mode: { kind: 'inference' },
      carried: mapped(network.carried, ({ name, shape }) => [name, t.input(name, [1, ...shape])]),
    });
    counts = found();
    return { outputs };
  });
  return {
    network: network.name,
    layers: layers === undefined ? counts : chosen(counts, layers),
    inputs: sizeOf(network.inputs),
    outputs: sizeOf(network.outputs),
  };
}

function chosen(counts: readonly LayerCount[], patterns: readonly string[]): LayerCount[] {
  const unknown = patterns.find((pattern) => !counts.some(({ name }) => matchesPattern(name, pattern)));
  if (unknown !== undefined)
    throw new UsageError(
      `layers: "${unknown}" fits no layer; there are ${counts.map(({ name }) => name).join(', ')}`,
    );
  return counts.filter(({ name }) => patterns.some((pattern) => matchesPattern(name, pattern)));
}

function mapped<T>(all: readonly T[], to: (one: T) => [string, Tensor]): Record<string, Tensor> {
  return Object.fromEntries(all.map(to));
}

function sizeOf(shapes: Network['inputs']): number {
  return Object.values(shapes).reduce((sum, shape) => sum + elementCount(shape), 0);
}
