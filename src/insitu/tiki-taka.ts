// Tiki-Taka and its descendants: gradients are written to a fast array, which is read a row at a time; what it holds is
// passed on to a slow array (transfer.ts). So the slow array averages over many noisy, uneven steps of the fast one.

import { type PulseDeviceSpec, type PulseModel, pulseModel } from '../cells/pulse-device.ts';
import {
  afterPulse,
  type CarriedCells,
  carriedOf,
  cellsOfCarried,
  drawsOf,
  type FullWeight,
  fullWeightOf,
  type LearningCells,
  learningStates,
  weightMatrix,
} from '../crossbar/learning-cells.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, iota, type Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { Factors, Update, UpdateRule } from '../rules/update-rule.ts';
import { cellGroup, pulsesBetween } from './cell-group.ts';
import { digitalParameter, layerOfWeights } from './layers.ts';
import type { PulseTrains } from './pulse-trains.ts';
import { checkDraws, type SampleTrains, sampleTrains } from './pulsed-update.ts';
import {
  firstTransferValue,
  remainder,
  type TransferMethod,
  transferName,
  transferred,
  transferSpecs,
  transferStates,
} from './transfer.ts';

/** Rate with which gradients are written to the fast array. */
export type FastRate =
  /** `rate`, times the learning rate if it is scaled. */
  | { readonly kind: 'fixed'; readonly rate: number; readonly isScaled: boolean }
  /** share · BL · g_A / (m_x m_δ), m the running means of max |x| and max |δ|: trains are about full. */
  | { readonly kind: 'automatic'; readonly share: number };

/** What Tiki-Taka is made of. */
export type TikiTakaOptions = {
  readonly device: PulseDeviceSpec;
  /** Of the slow array. */
  readonly slowDevice: PulseDeviceSpec;
  readonly fullWeight: FullWeight;
  /** γ: share of the fast array in the weight. */
  readonly gamma: number;
  readonly fastRate: FastRate;
  readonly trains: PulseTrains;
  readonly transfer: TransferMethod;
  /** Pulses on a weight of the slow array at a time, at most. */
  readonly mostPulses: number;
  /** Standard deviation of a read of the fast array, in shares of a full device. */
  readonly readNoise: number;
  /** A row is read after every so many samples, or steps. */
  readonly every: number;
  readonly unit: 'samples' | 'steps';
  readonly digital: UpdateRule;
  readonly isDigital: (layer: string) => boolean;
};

/** Share of a step in the running means of the automatic rate. */
const MEAN_SHARE = 0.01;

/**
 * Descent with a fast array A and a slow array C, weight = C + γ A:
 *
 *     for every sample: A ← A − r_A x ⊗ δ, by stochastic pulses
 *     after every so many samples, or steps: for the next row of A, v = read of the row, C ← C + what `transferred` makes of v
 *
 * State: both arrays, `<layer>.fast.…` and `<layer>.cells.…`, and what the transfer keeps. The parameter itself is
 * C + γ A. Rows follow one another in order.
 *
 * @source T. Gokmen, W. Haensch, Front. Neurosci. 14:103 (2020), known from notes on it; the others as `transferred`
 *
 * Not modelled: converters of the reads of A; transfers of several rows at once.
 */
export function tikiTaka(options: TikiTakaOptions): UpdateRule {
  const { fullWeight, gamma, digital, isDigital } = options;
  const [fastModel, slowModel] = [pulseModel(options.device), pulseModel(options.slowDevice)];
  const [fast, slow] = [cellGroup(fastModel, 'fast'), cellGroup(slowModel, 'cells')];
  const own = (parameter: ParameterSpec): ReturnType<typeof transferSpecs> => {
    const { name, shape } = layerOfWeights(parameter);
    const { rows, columns } = matrixSize(shape);
    return [
      ...transferSpecs(options.transfer, name, [rows, columns]),
      ...(options.fastRate.kind === 'automatic' ? meanSpecs(name) : []),
    ];
  };
  return {
    name: `tiki-taka ${options.transfer.kind}`,
    states: (parameter) =>
      digitalParameter(parameter, isDigital)
        ? digital.states(parameter)
        : [...slow.states(parameter), ...fast.states(parameter), ...own(parameter)],
    scalars: (step) => ({ ...digital.scalars(step), 'transfer.step': step }),
    begin: (context) => {
      const { parameter, weights, key } = context;
      if (digitalParameter(parameter, isDigital)) return digital.begin?.(context) ?? { weights, states: {} };
      const begun = slow.begin(context, fullWeight);
      // The fast array begins at zero. Both have the same full weight.
      const made = fast.start(
        constant(weights, 0).broadcastTo(parameter.shape),
        { kind: 'fixed', weight: 1 },
        key(),
      );
      const scale = begun.states[slow.specs(parameter).scale.name]!;
      const cells = { ...made, scale: scale.multiply(slowModel.range[1] / fastModel.range[1]) };
      const { name } = layerOfWeights(parameter);
      const first = own(parameter).map((spec): [string, Tensor] => {
        const state = transferStates(options.transfer).find((each) => transferName(name, each) === spec.name);
        return [
          spec.name,
          constant(weights, state === undefined ? 0 : firstTransferValue(state)).broadcastTo(spec.shape),
        ];
      });
      return {
        weights: begun.weights.add(weightMatrix(cells).multiply(gamma).reshape(parameter.shape)),
        states: {
          ...begun.states,
          ...learningStates(fast.specs(parameter), cells),
          ...Object.fromEntries(first),
        },
      };
    },
    sensed: (layer, context) =>
      isDigital(layer.name)
        ? undefined
        : { weights: context.weights, fullWeight: fullWeightOf(slow.of(context), slowModel) },
    update: (update) => {
      if (digitalParameter(update.parameter, isDigital)) return digital.update(update);
      const { parameter } = update;
      const before = { fast: fast.of(update), slow: slow.of(update) };
      const { name } = layerOfWeights(parameter);
      const { rate, means } = fastRateOf(options, fastModel, before.fast, update);
      const kept = Object.fromEntries(
        transferStates(options.transfer).map((state) => [state, update.state(transferName(name, state))]),
      );
      const arrays = { fastModel, slowModel, ...before };
      const after = writtenAndTransferred(options, arrays, kept, update, rate);
      const memory = Object.entries(after.kept).map(([state, value]) => [transferName(name, state), value]);
      return {
        weights: weightMatrix(after.slow)
          .add(weightMatrix(after.fast).multiply(gamma))
          .reshape(parameter.shape),
        states: {
          ...learningStates(fast.specs(parameter), after.fast),
          ...learningStates(slow.specs(parameter), after.slow),
          ...Object.fromEntries(memory),
          ...means,
        },
        counts: {
          pulses: pulsesBetween(before.fast, after.fast).add(pulsesBetween(before.slow, after.slow)),
        },
      };
    },
  };
}

function meanSpecs(layer: string): { readonly name: string; readonly shape: readonly number[] }[] {
  return ['largestInput', 'largestGradient'].map((name) => ({ name: transferName(layer, name), shape: [] }));
}

/** The rate of the fast array, and new values of the means that it needs. */
function fastRateOf(
  { fastRate, trains }: TikiTakaOptions,
  model: PulseModel,
  { scale }: LearningCells<Tensor>,
  { parameter, learningRate, factors, state, scalar }: Update,
): { readonly rate: Tensor; readonly means: Readonly<Record<string, Tensor>> } {
  if (fastRate.kind === 'fixed') {
    const { rate, isScaled } = fastRate;
    return { rate: isScaled ? learningRate.multiply(rate) : constant(learningRate, rate), means: {} };
  }
  const [input, gradient] = meanSpecs(layerOfWeights(parameter).name).map(({ name }) => name) as [
    string,
    string,
  ];
  const largest = (of: (one: Factors) => Tensor): Tensor => {
    const means = factors().map((one) => of(one).abs().max([1]).mean());
    return means.reduce((sum, one) => sum.add(one)).multiply(1 / means.length);
  };
  const isFirst = scalar('transfer.step').less(0.5);
  const mean = (name: string, seen: Tensor): Tensor =>
    isFirst.select(seen, state(name).add(seen.subtract(state(name)).multiply(MEAN_SHARE)));
  const [x, delta] = [
    mean(
      input,
      largest((one) => one.x),
    ),
    mean(
      gradient,
      largest((one) => one.delta),
    ),
  ];
  const full = scale.multiply(model.granularity * trains.length * fastRate.share).reshape([]);
  return {
    rate: full.divide(x.multiply(delta).maximum(1e-30)),
    means: { [input]: x, [gradient]: delta },
  };
}

type Arrays = {
  readonly fastModel: PulseModel;
  readonly slowModel: PulseModel;
  readonly fast: LearningCells<Tensor>;
  readonly slow: LearningCells<Tensor>;
};

type After = {
  readonly fast: LearningCells<Tensor>;
  readonly slow: LearningCells<Tensor>;
  readonly kept: Readonly<Record<string, Tensor>>;
};

/** Both arrays after the samples of a step: all in one loop over the samples, each weight by itself. */
function writtenAndTransferred(
  options: TikiTakaOptions,
  arrays: Arrays,
  kept: Readonly<Record<string, Tensor>>,
  update: Update,
  rate: Tensor,
): After {
  const { trains, unit } = options;
  const { fast, fastModel } = arrays;
  const key = update.key();
  const pulse = fast.scale.multiply(fastModel.granularity);
  const { rows } = matrixSize(update.parameter.shape);
  const row = iota(rate, [rows, 1], 0).cast('f32');
  const all = update.factors();
  const total = all.reduce((sum, { x }) => sum + x.shape[0]!, 0);
  let carried = joined(arrays, kept);
  let seen = 0;
  for (const [k, factors] of all.entries()) {
    const train = sampleTrains(factors, { rate, pulse, trains, key: key.derive(k) });
    checkDraws(train, trains.length);
    const before = update.scalar('transfer.step').multiply(total).add(seen);
    carried = recur({
      count: train.samples,
      initial: carried,
      step: (state, { item, number }) => {
        const written = writtenSample(arrays, state, train, item, key.derive(k, 'steps'), trains.length);
        if (unit === 'steps') return { next: written };
        const position = before.add(number.cast('f32')).add(1);
        const loop = { counts: [train.samples], item };
        return {
          next: handedOver(options, arrays, written, { position, row, update, key: key.derive(k), loop }),
        };
      },
    });
    seen += train.samples;
  }
  if (unit === 'steps') {
    const position = update.scalar('transfer.step').add(1);
    const loop = { counts: [], item: (x: Tensor): Tensor => x };
    carried = handedOver(options, arrays, carried, { position, row, update, key, loop });
  }
  return parted(arrays, carried, Object.keys(kept));
}

/** What the loop carries: both arrays and what the transfer keeps. */
function joined({ fastModel, slowModel, fast, slow }: Arrays, kept: CarriedCells): CarriedCells {
  return {
    ...prefixed('fast', carriedOf(fastModel, fast, weightMatrix(fast))),
    ...prefixed('slow', carriedOf(slowModel, slow, weightMatrix(slow))),
    ...prefixed('kept', kept),
  };
}

function parted(
  { fastModel, slowModel, fast, slow }: Arrays,
  carried: CarriedCells,
  kept: readonly string[],
): After {
  return {
    fast: cellsOfCarried(fastModel, fast, part('fast', carried)).cells,
    slow: cellsOfCarried(slowModel, slow, part('slow', carried)).cells,
    kept: Object.fromEntries(kept.map((name) => [name, carried[`kept.${name}`]!])),
  };
}

function prefixed(prefix: string, values: CarriedCells): CarriedCells {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

function part(prefix: string, values: CarriedCells): CarriedCells {
  const own = Object.entries(values).filter(([name]) => name.startsWith(`${prefix}.`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length + 1), value]));
}

/** The fast array after the pulses of one sample; a chopped row's input carries its sign. */
function writtenSample(
  { fastModel, fast }: Arrays,
  state: CarriedCells,
  train: SampleTrains,
  item: (x: Tensor) => Tensor,
  key: GraphKey,
  length: number,
): CarriedCells {
  const count = train.countOf(item);
  const sign = state['kept.sign'];
  const plain = train.isUpOf(item);
  const isUp =
    sign === undefined ? plain : sign.less(0).select(plain.select(0, 1), plain.select(1, 0)).cast('bool');
  const own = part('fast', state);
  const shape = [train.samples, length, ...count.shape];
  const after = recur({
    count: length,
    initial: own,
    where: constant(count, 0, 'i32').less(count),
    step: (inner, slot) => ({
      where: slot.number.less(count),
      next: afterPulse(
        fastModel,
        fast,
        inner,
        isUp,
        drawsOf(key, shape, (draw) => slot.item(item(draw))),
      ),
    }),
  });
  return { ...state, ...prefixed('fast', after) };
}

type Handing = {
  /** Samples, or steps, so far, this one included. */
  readonly position: Tensor;
  /** Number of each row, (rows, 1). */
  readonly row: Tensor;
  readonly update: Update;
  readonly key: GraphKey;
  /** The loop around it: its iterations, and a tensor's part of one. */
  readonly loop: { readonly counts: readonly number[]; readonly item: (x: Tensor) => Tensor };
};

/** Both arrays after one row was read and handed over, if it is time; nothing happens to other rows. */
function handedOver(
  { transfer, mostPulses, readNoise, every }: TikiTakaOptions,
  arrays: Arrays,
  state: CarriedCells,
  { position, row, update, key, loop: { counts, item } }: Handing,
): CarriedCells {
  const { fastModel, slowModel, fast, slow } = arrays;
  const rows = row.shape[0]!;
  const { shape } = state['fast.weights']!;
  // Transfers before this one; of them, reads of a row.
  const transfers = position
    .multiply(1 / every)
    .add(0.5 / every)
    .floor()
    .subtract(1);
  const isDue = remainder(position, every).equal(0);
  const turn = remainder(transfers, rows);
  const reads = transfers
    .subtract(turn)
    .multiply(1 / rows)
    .round();
  const isRow = row.equal(isDue.select(turn, -1)).broadcastTo(shape);
  return recur({
    count: 1,
    initial: state,
    where: isRow,
    step: (now) => {
      const held = now['fast.weights']!;
      const full = fullWeightOf(fast, fastModel);
      const read =
        readNoise === 0
          ? held
          : held.add(
              item(key.derive('transfer read').normal([...counts, ...shape])).multiply(
                full.multiply(readNoise),
              ),
            );
      const { pulses, kept } = transferred(transfer, {
        read,
        kept: part('kept', now),
        reads,
        learningRate: update.learningRate,
        fastPulse: fast.scale.multiply(fastModel.granularity),
        slowPulse: slow.scale.multiply(slowModel.granularity),
        rows,
        mostPulses,
        uniform: item(key.derive('transfer rounding').uniform([...counts, ...shape])),
        ofRow: item(key.derive('transfer sign').uniform([...counts, rows, 1])),
      });
      const isUp = constant(pulses, 0).less(pulses);
      const number = pulses.abs();
      const after = recur({
        count: mostPulses,
        initial: part('slow', now),
        where: constant(number, 0).less(number),
        step: (inner, slot) => ({
          where: slot.number.cast('f32').less(number),
          next: afterPulse(
            slowModel,
            slow,
            inner,
            isUp,
            drawsOf(key.derive('transfer steps'), [...counts, mostPulses, ...shape], (all) =>
              slot.item(item(all)),
            ),
          ),
        }),
      });
      return { next: { ...now, ...prefixed('slow', after), ...prefixed('kept', kept) } };
    },
  });
}
