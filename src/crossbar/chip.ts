// The states of a chip, as values of different types: programmed (every cell's target, conductance and drift exponent)
// and read (what is sensed at one time). Time never changes a chip. Moves between these values and the named
// tensors of the graphs in program-and-read.ts.

import { UsageError } from '../base/errors.ts';
import type { HostTensor } from '../base/parameters.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Seconds } from '../base/units.ts';
import { type HardwareSpec, hasReadNoiseInProducts } from './hardware.ts';
import { type MatrixSize, matrixSize } from './mapping.ts';

/** A layer whose weights go onto the chip: (in, out) or a filter (kh, kw, c, m). */
export type LayerShape = { readonly name: string; readonly shape: Shape };

/** What programming determines for each cell of a layer, (rows, columns), and the layer's scale. */
export const PROGRAMMED_TENSORS = [
  'targetPlus',
  'targetMinus',
  'gPlus',
  'gMinus',
  'nuPlus',
  'nuMinus',
  'scale',
] as const;
/** What every read gives for a layer. */
export const READ_TENSORS = ['gPlus', 'gMinus', 'readOut'] as const;

/** Name of a programmed quantity. */
export type ProgrammedTensor = (typeof PROGRAMMED_TENSORS)[number];
/** Name of a quantity that every read gives. */
export type CommonReadTensor = (typeof READ_TENSORS)[number];
/** Name of a read quantity. The variance of a pair's read noise is read where products draw the noise. */
export type ReadTensor = CommonReadTensor | 'variance';

/** A layer after programming. Conductances in µS; weight = (G⁺ − G⁻) · scale, scale (1, 1) or (1, columns) in 1/µS. */
export type ProgrammedLayer = LayerShape & MatrixSize & { readonly [K in ProgrammedTensor]: HostTensor };

/** A programmed chip. */
export type Chip = {
  readonly kind: 'programmed';
  readonly hardware: HardwareSpec;
  /** What names its draws, with its number among the chips of that seed. */
  readonly seed: number;
  readonly number: number;
  readonly layers: Readonly<Record<string, ProgrammedLayer>>;
};

/**
 * A layer as sensed: G⁺ and G⁻ (rows, columns) in µS, and the read-out of its columns (see compensation.ts). Where every
 * product draws read noise, G⁺ and G⁻ are without it, and `variance` (rows, columns) is σ₊² + σ₋² in µS².
 */
export type LayerReading = LayerShape &
  MatrixSize & { readonly [K in CommonReadTensor | 'scale']: HostTensor } & {
    readonly variance?: HostTensor;
  };

/** A chip as sensed at one time. */
export type Reading = {
  readonly kind: 'read';
  readonly hardware: HardwareSpec;
  /** Number of the chip. */
  readonly chip: number;
  readonly timeSeconds: Seconds;
  readonly layers: Readonly<Record<string, LayerReading>>;
};

/** The latest time at which a chip is read: 30,000 years, where 32-bit arithmetic has room to spare. */
export const LATEST_SECONDS: Seconds = 1e12;

/** Results of a graph, by name. */
type Outputs = Readonly<Record<string, ArrayLike<number>>>;

/** Shape of a programmed or read quantity of a layer. */
export function tensorShape(
  { mapping }: HardwareSpec,
  layer: LayerShape,
  tensor: ProgrammedTensor | ReadTensor,
): Shape {
  const { rows, columns } = matrixSize(layer.shape);
  switch (tensor) {
    case 'scale':
      return [1, mapping.scale === 'per-layer' ? 1 : columns];
    case 'readOut':
      return [1, columns];
    default:
      return [rows, columns];
  }
}

/** The chip that the outputs of `traceProgramming` describe. It keeps arrays of 32-bit floats, and does not copy them. */
export function collectChip(options: {
  readonly hardware: HardwareSpec;
  readonly seed: number;
  readonly number: number;
  readonly layers: readonly LayerShape[];
  readonly outputs: Outputs;
}): Chip {
  const { hardware, seed, number, layers, outputs } = options;
  const programmed = layers.map((layer): [string, ProgrammedLayer] => {
    const tensors = collect(hardware, layer, PROGRAMMED_TENSORS, outputs);
    return [layer.name, { ...layer, ...matrixSize(layer.shape), ...tensors }];
  });
  return { kind: 'programmed', hardware, seed, number, layers: Object.fromEntries(programmed) };
}

/**
 * Inputs of `traceReading` but for its key: the programmed cells and the time.
 *
 * @throws UsageError if the time is not from 0 to `LATEST_SECONDS`
 */
export function readingInputs(chip: Chip, timeSeconds: Seconds): Record<string, Float32Array> {
  checkTime(timeSeconds);
  const inputs: Record<string, Float32Array> = { timeSeconds: Float32Array.of(timeSeconds) };
  for (const layer of Object.values(chip.layers)) {
    for (const tensor of ['gPlus', 'gMinus', 'nuPlus', 'nuMinus'] as const) {
      inputs[`${layer.name}.${tensor}`] = layer[tensor].data;
    }
  }
  return inputs;
}

/**
 * The reading that the outputs of `traceReading` describe.
 *
 * @throws UsageError if the time is not from 0 to `LATEST_SECONDS`
 */
export function collectReading(chip: Chip, timeSeconds: Seconds, outputs: Outputs): Reading {
  checkTime(timeSeconds);
  const read = Object.values(chip.layers).map((layer): [string, LayerReading] => {
    const { name, shape, rows, columns, scale } = layer;
    const tensors = collect(chip.hardware, layer, READ_TENSORS, outputs);
    const noise = hasReadNoiseInProducts(chip.hardware)
      ? collect(chip.hardware, layer, ['variance'], outputs)
      : {};
    return [name, { name, shape, rows, columns, scale, ...tensors, ...noise }];
  });
  const { hardware, number } = chip;
  return { kind: 'read', hardware, chip: number, timeSeconds, layers: Object.fromEntries(read) };
}

function checkTime(timeSeconds: Seconds): void {
  if (!(timeSeconds >= 0 && timeSeconds <= LATEST_SECONDS)) {
    throw new UsageError(
      `reading a chip: time must be from 0 to ${LATEST_SECONDS} s since programming, got ${timeSeconds}`,
    );
  }
}

function collect<K extends ProgrammedTensor | ReadTensor>(
  hardware: HardwareSpec,
  layer: LayerShape,
  names: readonly K[],
  outputs: Outputs,
): { readonly [P in K]: HostTensor } {
  const tensors = names.map((tensor): [K, HostTensor] => {
    const values = outputs[`${layer.name}.${tensor}`];
    const shape = tensorShape(hardware, layer, tensor);
    if (values?.length !== elementCount(shape)) {
      throw new UsageError(
        `chip: "${layer.name}.${tensor}" needs ${elementCount(shape)} values, got ${values?.length ?? 'none'}; use the graph of the same layers`,
      );
    }
    const data = values instanceof Float32Array ? values : new Float32Array(values);
    return [tensor, { shape, data }];
  });
  return Object.fromEntries(tensors) as { readonly [P in K]: HostTensor };
}
