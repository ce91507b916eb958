// Ranges of the converters. They are states of a store, so networks of one shape share all kernels. Their values are
// calibrated on training examples: an operator that wraps another one records the size of the inputs and column outputs
// of each layer, and a rule computes ranges from these records.

import { assertNever, UsageError } from '../base/errors.ts';
import type { TensorSpec } from '../base/parameters.ts';
import type { Layer, LayerGeometry, Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import {
  type ArrayHardware,
  type HardwareSpec,
  hardwareOf,
  hasIdealPeriphery,
  hasRangePerExample,
} from './hardware.ts';
import { asMatrix, largestWeight } from './mapping.ts';
import { type ConverterRanges, largestOfExamples, partialSums } from './periphery.ts';
import { meanSquare } from './tile-stack.ts';

/**
 * The states that hold a layer's ranges, each (): `conv1.inputRange` and, for a calibrated ADC, `conv1.outputRange`. An
 * embedding has no input range, nor has a DAC that finds a range for each example.
 */
export function rangeStates(
  { name, kind }: Pick<Layer, 'name' | 'kind'>,
  hardware: HardwareSpec,
): TensorSpec[] {
  if (hasIdealPeriphery(hardware)) return [];
  const isOutputCalibrated = hardware.adc.kind === 'uniform' && hardware.adc.range.kind === 'calibrated';
  return [
    ...(hasInputRange({ kind }, hardware) ? [{ name: inputRangeName(name), shape: [] }] : []),
    ...(isOutputCalibrated ? [{ name: outputRangeName(name), shape: [] }] : []),
  ];
}

/** True for layers whose DAC has one range for all inputs: no embedding, and none that finds a range for each example. */
export function hasInputRange({ kind }: Pick<Layer, 'kind'>, hardware: ArrayHardware): boolean {
  return kind !== 'embedding' && !hasIdealPeriphery(hardware) && !hasRangePerExample(hardware);
}

/** The ranges of all layers of a chip, as states. */
export function allRangeStates(layers: readonly Layer[], chip: HardwareSpec): TensorSpec[] {
  return layers.flatMap((layer) => {
    const hardware = hardwareOf(chip, layer.name);
    return hardware === undefined ? [] : rangeStates(layer, hardware);
  });
}

/** Converter ranges of an operator, from states. */
export function rangesFromStates(t: Trace): ConverterRanges {
  return {
    inputRange: (layer, x) => ({ x, range: t.state(inputRangeName(layer), []) }),
    outputRange: (layer) => t.state(outputRangeName(layer), []),
  };
}

/** Name of the state that holds the input range of a layer. */
export function inputRangeName(layer: string): string {
  return `${layer}.inputRange`;
}

/** Name of the state that holds the ADC range of a layer, in units of a full input times a full weight. */
export function outputRangeName(layer: string): string {
  return `${layer}.outputRange`;
}

/** An operator and its observations so far in a trace. */
export type Observing = {
  readonly operator: Operator;
  /** `${layer}.inputMax`, `inputMeanSquare` and, for a calibrated ADC, `outputMax`, `outputMeanSquare`, each (). */
  readonly observations: () => Record<string, Tensor>;
};

/**
 * How a range follows from observations: the largest magnitude, or at most some root mean squares, beyond which it
 * clips.
 */
export type RangeRule =
  | { readonly kind: 'maximum' }
  | { readonly kind: 'root-mean-squares'; readonly count: number };

/**
 * Ranges of a layer: |x| that drives a row fully, 1 for an embedding; ADC full scale in units of a full input times a full weight, unless
 * the hardware fixes it.
 */
export type LayerRanges = { readonly input: number; readonly output: number | undefined };

type Quantity = 'input' | 'output';

/**
 * Multiplies as `base` does and records, for each layer whose periphery is not ideal, the largest magnitude and the mean
 * square of its inputs x (but the indices of an embedding) and, if the hardware calibrates its ADC, of the tiles' column outputs Σ x ŵ, ŵ = W / max|W|.
 * A DAC that finds a range for each example needs no input range; the outputs are then those of x / max|x| of the example.
 */
export function observing(base: Operator, weights: (layer: Layer) => Tensor, chip: HardwareSpec): Observing {
  const seen = new Map<string, Tensor[]>();
  const record = (layer: string, quantity: Quantity, value: Tensor): void => {
    const name = `${layer}.${quantity}`;
    seen.set(name, [...(seen.get(name) ?? []), value]);
  };
  const observe = (x: Tensor, layer: Layer, geometry: LayerGeometry | undefined): void => {
    const hardware = hardwareOf(chip, layer.name);
    if (hardware === undefined || hasIdealPeriphery(hardware)) return;
    if (hasInputRange(layer, hardware)) record(layer.name, 'input', x);
    if (hardware.adc.kind !== 'uniform' || hardware.adc.range.kind !== 'calibrated') return;
    const own = weights(layer);
    const largest = largestWeight(asMatrix(own), hardware.mapping).reshape([-1]);
    const isScaledByExample = layer.kind !== 'embedding' && hasRangePerExample(hardware);
    const input = isScaledByExample ? x.divide(largestOfExamples(x)) : x;
    const { sums } = partialSums({ hardware, layer, x: input, weights: own.divide(largest), geometry });
    for (const sum of sums) record(layer.name, 'output', sum);
  };
  return {
    operator: {
      multiply: (x, layer, geometry) => {
        observe(x, layer, geometry);
        return base.multiply(x, layer, geometry);
      },
    },
    observations: () => {
      const entries = [...seen].flatMap(([name, values]): [string, Tensor][] => [
        [`${name}Max`, values.map((value) => value.abs().max()).reduce((all, max) => all.maximum(max))],
        [`${name}MeanSquare`, meanSquare(values)],
      ]);
      return Object.fromEntries(entries);
    },
  };
}

/**
 * Ranges of a layer's converters from the observations of several batches. A layer that saw only zeros gets 1, as does
 * the input of a layer whose outputs alone were observed: of an embedding, or of a DAC that finds a range for each example.
 *
 * @param batches outputs named as in `Observing`, one record a batch
 * @param sizes examples of each batch; absent: all batches are equally large
 * @throws UsageError if there is no batch, the layer was not observed, or what it saw is infinite or NaN
 */
export function calibratedRanges(
  layer: string,
  rule: RangeRule,
  batches: readonly Readonly<Record<string, ArrayLike<number>>>[],
  sizes: readonly number[] = batches.map(() => 1),
): LayerRanges {
  const isIn = (quantity: Quantity): boolean =>
    batches.length > 0 && batches.every((batch) => batch[`${layer}.${quantity}Max`] !== undefined);
  if (!isIn('input') && !isIn('output')) {
    throw new UsageError(`calibration: layer "${layer}" was not observed; pass the outputs of \`observing\``);
  }
  const rangeFor = (quantity: Quantity): number => rangeOf({ layer, quantity, rule, batches, sizes });
  const input = isIn('input') ? rangeFor('input') : 1;
  return { input, output: isIn('output') ? rangeFor('output') / input : undefined };
}

function rangeOf({
  layer,
  quantity,
  rule,
  batches,
  sizes,
}: {
  readonly layer: string;
  readonly quantity: Quantity;
  readonly rule: RangeRule;
  readonly batches: readonly Readonly<Record<string, ArrayLike<number>>>[];
  readonly sizes: readonly number[];
}): number {
  const name = `${layer}.${quantity}`;
  const valuesOf = (statistic: string): number[] => batches.map((batch) => batch[`${name}${statistic}`]![0]!);
  const largest = Math.max(...valuesOf('Max'));
  if (!Number.isFinite(largest))
    throw new UsageError(
      `calibration: layer "${layer}": expected finite ${quantity}s, got ${largest}; check the weights and the images`,
    );
  if (largest === 0) return 1;
  switch (rule.kind) {
    case 'maximum':
      return largest;
    case 'root-mean-squares': {
      const all = sizes.reduce((sum, size) => sum + size, 0);
      const meanSquare = valuesOf('MeanSquare').reduce((sum, value, k) => sum + value * sizes[k]!, 0) / all;
      return Math.min(largest, rule.count * Math.sqrt(meanSquare));
    }
    default:
      return assertNever(rule);
  }
}
