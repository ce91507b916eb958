// One training step as one graph: forward, backward, update, clipping. Parameters, the rule's state and running
// statistics are states; the learning rate, the noise scale and the key of the noise are scalars, so nothing is
// compiled twice.

import type { Parameters, TensorSpec } from '../base/parameters.ts';
import { zeros } from '../base/parameters.ts';
import { exceptionOf } from '../crossbar/hardware.ts';
import { asSamples, type ProductFactors } from '../crossbar/in-cells.ts';
import { asMatrix } from '../crossbar/mapping.ts';
import { gradients } from '../graph/gradients.ts';
import type { Graph } from '../graph/node.ts';
import { digital, type Layer, weightsOf } from '../graph/operator.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { isTrained, type Network, type ParameterSpec } from '../nn/network.ts';
import { updatedStatistics } from '../nn/normalization.ts';
import type { Factors, RuleContext, Update, Updated, UpdateRule } from '../rules/update-rule.ts';
import { movingParameters } from './averaging.ts';
import { carriedStates, carrying } from './carried-states.ts';
import { rangeLearningDefaults, type TrainingSettings } from './settings.ts';
import type { Forwarded, Goal, Objective } from './task.ts';
import { trainedRanges, trainingOperator } from './training-operator.ts';

/** What a training step is made of. */
export type StepOptions = {
  readonly network: Network;
  readonly task: Goal;
  readonly rule: UpdateRule;
  readonly settings: Pick<
    TrainingSettings,
    | 'batchSize'
    | 'rateFactors'
    | 'statisticsMomentum'
    | 'normalizesBy'
    | 'noise'
    | 'dropConnect'
    | 'clipping'
    | 'gradientNorm'
    | 'hardware'
    | 'ranges'
    | 'averaging'
  >;
  /** The network whose answers are distilled. */
  readonly teacher?: Network | undefined;
};

/** Name of a teacher's parameter in the store of a training. */
export function teacherState(parameter: string): string {
  return `teacher.${parameter}`;
}

/** What gradients move: trained parameters, and converter ranges as parameters of the role `range`. */
export function trainedParameters(network: Network, settings: StepOptions['settings']): ParameterSpec[] {
  const ranges = trainedRanges(network, settings).map(
    ({ name, shape }): ParameterSpec => ({
      name,
      shape,
      role: 'range',
      initial: { kind: 'constant', value: 1 },
    }),
  );
  return [...network.parameters.filter(isTrained), ...ranges];
}

/**
 * Initial values of everything that a training keeps beside the network's parameters: the rule's state, carried states,
 * and ranges of 1.
 */
export function initialTrainingState({
  network,
  rule,
  settings,
}: Pick<StepOptions, 'network' | 'rule' | 'settings'>): Parameters {
  const trained = trainedParameters(network, settings);
  const ranges = trained.filter(({ role }) => role === 'range');
  const states = trained.flatMap((spec): readonly TensorSpec[] => rule.states(spec));
  return Object.fromEntries([
    ...ranges.map(({ name }) => [name, { shape: [], data: Float32Array.of(1) }]),
    ...[...states, ...carriedStates(network, settings.batchSize, 'training')].map(({ name, shape }) => [
      name,
      zeros(shape),
    ]),
  ]);
}

/**
 * The graph of a training step on a batch.
 *
 * Inputs: the tensors of the task's batch. States: parameters, the rule's state, converter ranges, a teacher's
 * parameters, carried states, iterates. Scalars: `learningRate`, those of the rule, of `trainingOperator`, `movingParameters` and
 * `carrying`. Key: `noise`, of
 * `trainingOperator` and of modules that draw, if anything does. Outputs: `loss`, the sum of the objectives, and the
 * task's metrics, and `rule.…`, what the rule counts. A step clips weights after it moves them: to ±α standard deviations of their layer or column.
 */
export function traceTrainingStep({ network, task, rule, settings, teacher }: StepOptions): Graph {
  return trace((t) => {
    const batch = batchInputs(t, task, settings.batchSize);
    const moving = movingParameters(t, network, settings);
    const parameters = moving.tensors;
    const weights = (layer: Layer): Tensor => parameters[weightsOf(layer)]!;
    const contextOf = ruleContexts(t, rule, 'rule');
    const products = productsOf(network);
    const { sensed } = rule;
    const { operator, learning } = trainingOperator(
      t,
      network,
      settings,
      weights,
      sensed && {
        sensed: (layer) => sensed(layer, contextOf(products.parameterOf(layer), weights(layer))),
        seen: products.seen,
      },
    );
    const statistics: Record<string, Tensor> = {};
    const carried = carrying(t, network, settings.batchSize, 'training');
    const freshKey = freshKeys(t);
    const mode = { kind: 'training', normalizesBy: settings.normalizesBy } as const;
    const forward: Forwarded = (inputs) => {
      const result = carried.apply({ inputs, parameters, operator, mode, freshKey });
      Object.assign(statistics, result.statistics);
      return result.outputs;
    };
    const { objectives, metrics } = task.evaluate(
      forward,
      batch,
      teacher === undefined ? undefined : forwardTeacher(t, teacher),
    );
    const learned = new Set(learning?.learned().map(({ name }) => name));
    const trained = trainedParameters(network, settings).filter(
      ({ name, role }) => role !== 'range' || learned.has(name),
    );
    const tensorOf = ({ name, shape }: ParameterSpec): Tensor => parameters[name] ?? t.state(name, shape);
    const slopes = limitedNorm(slopesOf(objectives, trained, tensorOf, products), settings.gradientNorm);
    const learningRate = t.scalar('learningRate');
    const { rateShare } = settings.ranges ?? rangeLearningDefaults;
    const rangeRate = learningRate.multiply(rateShare);
    const updates: Record<string, Tensor> = {};
    const counts = new Counts();
    for (const [position, parameter] of trained.entries()) {
      const update: Update = {
        ...contextOf(parameter, tensorOf(parameter)),
        gradient: slopes[position]!,
        factors: () => products.factorsOf(parameter),
        learningRate: parameter.role === 'range' ? rangeRate : rateOf(parameter, settings, learningRate),
        scalar: (name) => t.scalar(name),
      };
      const { weights: moved, states, counts: counted } = rule.update(update);
      counts.add(counted);
      updates[parameter.name] =
        parameter.role === 'range'
          ? learning!.updated(parameter.name, moved)
          : clipWeights(parameter, settings, moved);
      Object.assign(updates, states);
    }
    Object.assign(updates, learning?.followed(), carried.updates());
    for (const [name, seen] of Object.entries(statistics)) {
      updates[name] = updatedStatistics(parameters[name]!, seen, settings.statisticsMomentum);
    }
    const loss = objectives.map((one) => one.loss).reduce((sum, one) => sum.add(one));
    return { outputs: { loss, ...metrics, ...counts.totals() }, updates: moving.updates(updates) };
  });
}

/**
 * The graph that gives a rule's states their first values; undefined if all are zero. States: the network's trained
 * parameters and the rule's states. Key: `begin`.
 */
export function traceBegin(options: Pick<StepOptions, 'network' | 'rule' | 'settings'>): Graph | undefined {
  const { begin } = options.rule;
  return begin && traceRule(options, 'begin', begin);
}

/** The graph of a rule's upkeep, likewise, with its counts as outputs; undefined if there is none. Key: `upkeep`. */
export function traceUpkeep(options: Pick<StepOptions, 'network' | 'rule' | 'settings'>): Graph | undefined {
  const { upkeep } = options.rule;
  return upkeep && traceRule(options, 'upkeep', upkeep.update);
}

function traceRule(
  { network, rule, settings }: Pick<StepOptions, 'network' | 'rule' | 'settings'>,
  key: string,
  update: (context: RuleContext) => Updated | undefined,
): Graph {
  return trace((t) => {
    const contextOf = ruleContexts(t, rule, key);
    const updates: Record<string, Tensor> = {};
    const counts = new Counts();
    for (const parameter of trainedParameters(network, settings)) {
      const updated = update(contextOf(parameter, t.state(parameter.name, parameter.shape)));
      if (updated === undefined) continue;
      updates[parameter.name] = updated.weights;
      // A state is declared also if only its new value matters.
      for (const { name, shape } of rule.states(parameter)) t.state(name, shape);
      Object.assign(updates, updated.states);
      counts.add(updated.counts);
    }
    return { outputs: counts.totals(), updates };
  });
}

function rateOf(
  { name }: ParameterSpec,
  { rateFactors = {} }: StepOptions['settings'],
  rate: Tensor,
): Tensor {
  const factor = exceptionOf(rateFactors, name);
  return factor === undefined ? rate : rate.multiply(factor);
}

/** What a rule is told of a parameter; the key of a parameter's draws is derived from its name. */
function ruleContexts(
  t: Trace,
  rule: UpdateRule,
  key: string,
): (parameter: ParameterSpec, weights: Tensor) => RuleContext {
  return (parameter, weights) => ({
    parameter,
    weights,
    state: (name) => t.state(name, rule.states(parameter).find((state) => state.name === name)!.shape),
    key: () => t.key(key).derive(parameter.name),
  });
}

/** Sums of the counts of all parameters, by name. */
class Counts {
  private readonly sums: Record<string, Tensor> = {};

  add(counts: Updated['counts'] = {}): void {
    for (const [name, count] of Object.entries(counts))
      this.sums[name] = this.sums[name]?.add(count) ?? count;
  }

  /** As outputs: `rule.pulses`. */
  totals(): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(this.sums).map(([name, sum]) => [ruleCount(name), sum]));
  }
}

/** Name of the output of a step that holds a rule's count. */
export function ruleCount(name: string): string {
  return `rule.${name}`;
}

/** The products of a step with each layer. */
type Products = {
  readonly parameterOf: (layer: Layer) => ParameterSpec;
  readonly seen: (layer: Layer, factors: ProductFactors) => void;
  /** From now on only products with weights that an objective moves are seen: others it merely goes through. */
  readonly moving: (moves: (parameter: string) => boolean) => void;
  readonly factorsOf: (parameter: ParameterSpec) => readonly Factors[];
};

function productsOf({ parameters }: Network): Products {
  const seen = new Map<string, { readonly layer: Layer; readonly factors: ProductFactors }[]>();
  let isMoved = (_: string): boolean => true;
  return {
    parameterOf: (layer) => parameters.find(({ name }) => name === weightsOf(layer))!,
    moving: (moves) => {
      isMoved = moves;
    },
    seen: (layer, factors) => {
      const name = weightsOf(layer);
      if (!isMoved(name)) return;
      seen.set(name, [...(seen.get(name) ?? []), { layer, factors }]);
    },
    factorsOf: ({ name }) => (seen.get(name) ?? []).map(({ layer, factors }) => asSamples(layer, factors)),
  };
}

/** The tensors of a task's batch, as inputs. */
export function batchInputs(t: Trace, task: Goal, size: number): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(task.batch).map(([name, shape]) => [name, t.input(name, [size, ...shape])]),
  );
}

/** Keys for the modules that draw, in the order of the trace; made of the step's key only if one is asked for. */
export function freshKeys(t: Trace): () => GraphKey {
  let asked = 0;
  return () => t.key('noise').derive('dropout', asked++);
}

function forwardTeacher(t: Trace, teacher: Network): Forwarded {
  const parameters = Object.fromEntries(
    teacher.parameters.map(({ name, shape }) => [name, t.state(teacherState(name), shape)]),
  );
  const operator = digital((layer) => parameters[weightsOf(layer)]!);
  return (inputs) => teacher.apply({ inputs, parameters, operator, mode: { kind: 'inference' } }).outputs;
}

/** The gradient of each parameter: the sum over the objectives that move it. */
function slopesOf(
  objectives: readonly Objective[],
  trained: readonly ParameterSpec[],
  tensorOf: (spec: ParameterSpec) => Tensor,
  { moving }: Pick<Products, 'moving'>,
): Tensor[] {
  const sums = new Map<ParameterSpec, Tensor>();
  for (const { loss, moves = () => true } of objectives) {
    moving(moves);
    const moved = trained.filter(({ name }) => moves(name));
    for (const [k, slope] of gradients(loss, moved.map(tensorOf)).entries()) {
      const spec = moved[k]!;
      const earlier = sums.get(spec);
      sums.set(spec, earlier === undefined ? slope : earlier.add(slope));
    }
  }
  return trained.map((spec) => sums.get(spec) ?? constant(tensorOf(spec), 0).broadcastTo(spec.shape));
}

/** Gradients scaled down so that their norm, of all together, is at most `most`. */
function limitedNorm(slopes: readonly Tensor[], most: number | undefined): readonly Tensor[] {
  if (most === undefined || slopes.length === 0) return slopes;
  const squares = slopes.map((slope) => slope.square().sum()).reduce((sum, one) => sum.add(one));
  const scale = constant(squares, most).divide(squares.sqrt().maximum(most));
  return slopes.map((slope) => slope.multiply(scale));
}

function clipWeights(
  { role }: ParameterSpec,
  { clipping }: Pick<TrainingSettings, 'clipping'>,
  weights: Tensor,
): Tensor {
  if (clipping.kind === 'none' || role !== 'weights') return weights;
  if (clipping.scale === 'column') {
    const matrix = asMatrix(weights);
    return limited(matrix, [0], clipping.alpha).reshape(weights.shape);
  }
  return limited(weights, undefined, clipping.alpha);
}

/** Values limited to ±alpha standard deviations, which are taken over `axes`, all by default. */
function limited(values: Tensor, axes: readonly number[] | undefined, alpha: number): Tensor {
  const keep = axes !== undefined;
  const mean = values.mean(axes, keep);
  const deviation = values.square().mean(axes, keep).subtract(mean.square()).relu().sqrt();
  const limit = deviation.multiply(alpha);
  return values.clip(limit.negate(), limit);
}
