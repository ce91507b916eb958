// The chain of arrays that holds a layer's weights together: their tensors in the store, their start, and what their sum is.

import type { TensorSpec } from '../base/parameters.ts';
import { type PulseDeviceSpec, type PulseModel, pulseModel } from '../cells/pulse-device.ts';
import type { CellWeights } from '../crossbar/in-cells.ts';
import { type FullWeights, learningStates, weightMatrix } from '../crossbar/learning-cells.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import type { Layer } from '../graph/operator.ts';
import { constant } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { RuleContext, Updated } from '../rules/update-rule.ts';
import { cellGroup, pulsesBetween } from './cell-group.ts';
import { layerOfWeights } from './layers.ts';
import type { Chain } from './tiki-taka-loop.ts';
import {
  firstTransferValue,
  type TransferMethod,
  transferName,
  transferSpecs,
  transferStates,
} from './transfer.ts';
import { scheduleOf, scheduleSpecs, scheduleStates } from './transfer-schedule.ts';

/** What a chain is made of. */
export type ChainOptions = FullWeights & {
  readonly device: PulseDeviceSpec;
  /** Of all arrays but the fastest. */
  readonly slowDevice: PulseDeviceSpec;
  /** Arrays a weight, at least 2. */
  readonly arrays: number;
  /** γ: array n has the share γⁿ in the weight, n = 0 the slowest. */
  readonly gamma: number;
  /** The slowest array but one is handed a row after every so many samples, or steps. */
  readonly every: number;
  /** Each slower array is handed a row less often by this factor. */
  readonly slower: number;
  readonly transfer: TransferMethod;
};

/** A chain of arrays for every parameter that lives in cells: weight = Σ γⁿ W_n. */
export type ArrayChain = {
  readonly states: (parameter: ParameterSpec) => readonly TensorSpec[];
  /** A start with all weights in the slowest array; the others hold zeros. */
  readonly begin: (context: RuleContext) => Updated;
  readonly sensed: (layer: Layer, context: RuleContext) => CellWeights;
  /** The chain in the store. */
  readonly of: (context: Pick<RuleContext, 'parameter' | 'state'>) => Chain;
  /** New values of the parameter and of the chain, after the leak that follows a step, with the pulses between. */
  readonly updated: (context: RuleContext, before: Chain, after: Chain) => Updated;
};

/** The chain with these options. */
export function arrayChain(options: ChainOptions): ArrayChain {
  const { gamma, transfer } = options;
  const [fastModel, slowModel] = [pulseModel(options.device), pulseModel(options.slowDevice)];
  const modelOf = (n: number): PulseModel => (n === options.arrays - 1 ? fastModel : slowModel);
  const groups = Array.from({ length: options.arrays }, (_, n) =>
    cellGroup(modelOf(n), groupName(n, options)),
  );
  const [slowest, ...others] = groups;
  const links = handoversOf(options);
  const linkSpecs = (parameter: ParameterSpec): readonly TensorSpec[] => {
    const { name, shape } = layerOfWeights(parameter);
    const { rows, columns } = matrixSize(shape);
    return links.flatMap(({ place }) => [
      ...transferSpecs(transfer, place(name), [rows, columns]),
      ...scheduleSpecs(place(name)),
    ]);
  };
  return {
    states: (parameter) => [...groups.flatMap((group) => group.states(parameter)), ...linkSpecs(parameter)],
    begin: (context) => {
      const { parameter, weights, key } = context;
      const begun = slowest!.begin(context, options);
      const scale = begun.states[slowest!.specs(parameter).scale.name]!;
      const zero = constant(weights, 0).broadcastTo(parameter.shape);
      // All have the same full weight.
      const made = others.map((group, k) => ({
        ...group.start(zero, { full: { kind: 'fixed', weight: 1 } }, key()),
        scale: scale.multiply(slowModel.range[1] / modelOf(k + 1).range[1]),
      }));
      const first = linkSpecs(parameter).map(({ name, shape }) => [
        name,
        constant(weights, firstTransferValue(name)).broadcastTo(shape),
      ]);
      return {
        weights: made.reduce((sum, cells, k) => {
          const share = weightMatrix(cells).multiply(gamma ** (k + 1));
          return sum.add(share.reshape(parameter.shape));
        }, begun.weights),
        states: Object.assign(
          { ...begun.states },
          ...others.map((group, k) => learningStates(group.specs(parameter), made[k]!)),
          Object.fromEntries(first),
        ),
      };
    },
    sensed: (layer, context) => {
      const { fullWeight: full } = slowest!.sensed(layer, context);
      const [first, ...rest] = groups.slice(0, heldArrays(options)).flatMap((group, n) => {
        const { variance } = group.sensed(layer, context);
        return variance === undefined ? [] : [variance.multiply(gamma ** (2 * n))];
      });
      const variance = first && rest.reduce((sum, one) => sum.add(one), first);
      return { weights: context.weights, ...(variance !== undefined && { variance }), fullWeight: full };
    },
    of: (context) => {
      const { name } = layerOfWeights(context.parameter);
      const kept = (place: string): [string, ReturnType<typeof context.state>][] =>
        transferStates(transfer).map((each) => [each, context.state(transferName(place, each))]);
      return {
        arrays: groups.map((group, n) => ({ model: modelOf(n), cells: group.of(context) })),
        handovers: links.map(({ every, place }) => ({
          every,
          kept: Object.fromEntries(kept(place(name))),
          schedule: scheduleOf(place(name), context.state),
        })),
      };
    },
    updated: (context, before, after) => {
      const { parameter } = context;
      const { name } = layerOfWeights(parameter);
      const held = groups.map((group, n) => {
        const { cells } = after.arrays[n]!;
        return group.leaked({ cells, weights: weightMatrix(cells) }, context);
      });
      const sum = held
        .slice(0, heldArrays(options))
        .map(({ weights }, n) => weights.multiply(gamma ** n))
        .reduce((total, one) => total.add(one));
      const kept = after.handovers.flatMap((handover, n) => {
        const place = links[n]!.place(name);
        return [
          ...Object.entries(handover.kept).map(([each, value]) => [transferName(place, each), value]),
          ...Object.entries(scheduleStates(place, handover.schedule)),
        ];
      });
      const pulses = after.arrays.map(({ cells }, n) => pulsesBetween(before.arrays[n]!.cells, cells));
      return {
        weights: sum.reshape(parameter.shape),
        states: Object.assign(
          {},
          ...groups.map((group, n) => learningStates(group.specs(parameter), held[n]!.cells)),
          Object.fromEntries(kept),
        ),
        counts: { pulses: pulses.reduce((total, one) => total.add(one)) },
      };
    },
  };
}

/** Arrays that have a share in a weight. */
function heldArrays({ arrays, gamma }: Pick<ChainOptions, 'arrays' | 'gamma'>): number {
  return gamma === 0 ? 1 : arrays;
}

/** Name of the tensors of array n: `cells` of the slowest, `fast` of the fastest. */
function groupName(n: number, { arrays }: Pick<ChainOptions, 'arrays'>): string {
  if (n === 0) return 'cells';
  return n === arrays - 1 ? 'fast' : `array${n}`;
}

/** What each array but the fastest gets from the next: how often, and the place of its tensors in a layer. */
function handoversOf({ arrays, every, slower }: Pick<ChainOptions, 'arrays' | 'every' | 'slower'>): readonly {
  readonly every: number;
  readonly place: (layer: string) => string;
}[] {
  return Array.from({ length: arrays - 1 }, (_, n) => ({
    every: every * slower ** (arrays - 2 - n),
    place: (layer) => (n === arrays - 2 ? `${layer}.transfer` : `${layer}.transfer${n}`),
  }));
}
