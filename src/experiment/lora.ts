// LoRA as a compensation of drift: digital corrections of low rank beside the layers on arrays, fitted on training examples
// to a chip as it was read. The cells stay as they are. Needs training examples with their answers.

import { UsageError } from '../base/errors.ts';
import { type HostTensor, hostTensor, type Parameters, zeros } from '../base/parameters.ts';
import { deriveKey, type Key, randomSequence } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { corrected, type LowRank, lowRankOf } from '../crossbar/low-rank.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import type { Engine, Store } from '../engine.ts';
import { gradients } from '../graph/gradients.ts';
import type { Graph } from '../graph/node.ts';
import type { Layer, Operator } from '../graph/operator.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { digitalStates, type Network, type ParameterSpec } from '../nn/network.ts';
import { descent } from '../rules/descent.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { carriedStates, carrying, carryScalar } from '../train/carried-states.ts';
import { batchInputs } from '../train/step.ts';
import type { Task } from '../train/task.ts';
import { calibrationBatches } from './calibrate.ts';
import type { LoraSettings } from './evaluation-settings.ts';

/** Options of `prepareLora`. */
export type LoraOptions = {
  readonly engine: Engine;
  readonly network: Network;
  /** The task with the examples to fit, augmented as its settings say. */
  readonly task: Task;
  readonly settings: LoraSettings;
  /** The layers on arrays. */
  readonly layers: readonly Layer[];
  /** Makes the operator of the chip. */
  readonly operator: (t: Trace) => Operator;
  /** Determines the draws of all chips. */
  readonly key: Key;
};

/** One fit. */
export type LoraRun = {
  /** Has the chip as it was read; the corrections are stored beside it. */
  readonly store: Store;
  /** Number of the chip; each chip has examples and first values of its own. */
  readonly chip: number;
  /** Determines the noise of the products. */
  readonly outputKey: Key;
  /** States of the operator that have other names in the store. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
};

/** LoRA, compiled. */
export type Lora = {
  /** Makes the operator of the chip with its corrections, which are states. */
  readonly operator: (t: Trace) => Operator;
  /** Names and shapes of a layer's correction in the store; undefined for a layer without. */
  readonly correctionOf: (layer: Pick<Layer, 'name'>) => LowRank<ParameterSpec> | undefined;
  readonly run: (run: LoraRun) => Promise<void>;
  readonly free: () => void;
};

/**
 * Compiles LoRA: beside every layer on arrays, but convolutions in groups, a digital correction (x · A) · B of rank r. A
 * begins normal with a variance of 1 / rows, B with zeros, so a fit begins at the chip as it is. Each of the steps takes
 * a batch of training examples through the network on the chip, converters and noise included, and moves A and B down
 * the gradient of the task's loss, which passes converters straight through; everything else stays. The rate falls to 0
 * along half a cosine.
 *
 * A fit belongs to one read of one chip: it mends drift, programming noise and what converters cost, of this chip alone.
 *
 * @throws UsageError, when it is run, if the loss is not finite
 * @source E. J. Hu et al., ICLR 2022 (arXiv 2106.09685), Section 4.1, for the correction and its first values. That each
 *         chip is fitted at the time of its read is ours.
 *
 * Not modelled: rounding of the digital part.
 */
export async function prepareLora(options: LoraOptions): Promise<Lora> {
  const { engine, network, settings, layers, operator: onChip, key } = options;
  const { steps, batchSize, rate } = settings;
  const rule = descent(settings.rule);
  const specs = new Map(
    layers.flatMap((layer): [string, LowRank<ParameterSpec>][] => {
      const found = specsOf(layer, settings.rank);
      return found === undefined ? [] : [[layer.name, found]];
    }),
  );
  const correctionOf: Lora['correctionOf'] = ({ name }) => specs.get(name);
  const operator: Lora['operator'] = (t) =>
    corrected(onChip(t), (layer) => {
      const found = correctionOf(layer);
      return (
        found && {
          down: t.state(found.down.name, found.down.shape),
          up: t.state(found.up.name, found.up.shape),
        }
      );
    });
  const all = [...specs.values()].flatMap(({ down, up }) => [down, up]);
  const step = await engine.compile(traceStep(options, { all, rule, operator }));
  const states = all.flatMap((spec) => rule.states(spec));
  const sizes = new Array<number>(steps).fill(batchSize);
  return {
    operator,
    correctionOf,
    run: async ({ store, chip, outputKey, aliases, signal }) => {
      store.reserve([...all, ...states, ...carriedStates(network, batchSize, 'lora')]);
      const own = deriveKey(key, 'lora', chip);
      await store.write({
        ...firstValues(all, own),
        ...Object.fromEntries(states.map(({ name, shape }) => [name, zeros(shape)])),
      });
      let number = 0;
      for await (const inputs of calibrationBatches(options.task, deriveKey(own, 'examples'), sizes)) {
        signal?.throwIfAborted();
        const { loss } = await step.run({
          inputs,
          state: store,
          scalars: {
            ...carryScalar(number),
            ...rule.scalars(number),
            learningRate: 0.5 * rate * (1 + Math.cos((Math.PI * number) / steps)),
          },
          keys: { output: deriveKey(outputKey, 'lora', number) },
          aliases,
        });
        if (!Number.isFinite(loss![0])) throw divergence(chip, number, settings);
        number++;
      }
    },
    free: step.free,
  };
}

function divergence(chip: number, step: number, { rate, steps }: LoraSettings): UsageError {
  return new UsageError(
    `lora: chip ${chip + 1}: the loss is not finite in step ${step + 1} of ${steps}; lower the rate of the corrections, which is ${rate}`,
  );
}

/** The matrices of a layer as parameters that a rule moves. */
function specsOf(layer: Layer, rank: number): LowRank<ParameterSpec> | undefined {
  const found = lowRankOf(layer, rank);
  if (found === undefined) return undefined;
  const { rows } = matrixSize(layer.shape);
  const deviation = 1 / Math.sqrt(rows);
  return {
    down: { ...found.down, role: 'weights', initial: { kind: 'normal', deviation } },
    up: { ...found.up, role: 'weights', initial: { kind: 'constant', value: 0 } },
  };
}

function firstValues(specs: readonly ParameterSpec[], key: Key): Parameters {
  return Object.fromEntries(
    specs.map(({ name, shape, initial }): [string, HostTensor] => {
      if (initial.kind !== 'normal') return [name, zeros(shape)];
      const draw = randomSequence(deriveKey(key, name));
      const values = Float32Array.from(
        { length: elementCount(shape) },
        () => initial.deviation * draw.normal(),
      );
      return [name, hostTensor(shape, values)];
    }),
  );
}

type Step = {
  readonly all: readonly ParameterSpec[];
  readonly rule: UpdateRule;
  readonly operator: Lora['operator'];
};

/** The graph of one step. Scalars: `learningRate`, those of the rule and of `carrying`. Keys: `output`. */
function traceStep(
  { network, task, settings: { batchSize } }: LoraOptions,
  { all, rule, operator }: Step,
): Graph {
  return trace((t) => {
    const batch = batchInputs(t, task, batchSize);
    const parameters = digitalStates(t, network);
    const onChip = operator(t);
    const carried = carrying(t, network, batchSize, 'lora');
    const { objectives } = task.evaluate(
      (inputs) =>
        carried.apply({ inputs, parameters, operator: onChip, mode: { kind: 'inference' } }).outputs,
      batch,
    );
    const loss = objectives.map((one) => one.loss).reduce((sum, one) => sum.add(one));
    const moved = all.map(({ name, shape }) => t.state(name, shape));
    const slopes = gradients(loss, moved);
    const updates = all.map((parameter, position) => {
      const { weights, states } = rule.update({
        parameter,
        weights: moved[position]!,
        gradient: slopes[position]!,
        learningRate: t.scalar('learningRate'),
        state: (name) => t.state(name, parameter.shape),
        key: () => t.key('output').derive('rule', parameter.name),
        factors: () => [],
        scalar: (name) => t.scalar(name),
      });
      return { [parameter.name]: weights, ...states };
    });
    return { outputs: { loss }, updates: { ...Object.assign({}, ...updates), ...carried.updates() } };
  });
}
