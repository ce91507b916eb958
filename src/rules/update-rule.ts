// The seam between training and what it trains: an update rule turns gradients into new values of parameters, and, if
// weights live in cells, into pulses. A rule names the state that it needs; checkpoints keep it without knowing it.

import type { TensorSpec } from '../base/parameters.ts';
import type { CellWeights } from '../crossbar/in-cells.ts';
import type { Layer } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';

/** The arguments of a rule for one parameter, but for what a step has seen. */
export type RuleContext = {
  readonly parameter: ParameterSpec;
  readonly weights: Tensor;
  /** The rule's own state, by the names that `states` gives. */
  readonly state: (name: string) => Tensor;
  /** Determines the rule's draws for this parameter; asked for only by rules that draw. */
  readonly key: () => GraphKey;
};

/** The operands of one product with a layer's weights: a share Σ_s x_s ⊗ δ_s of the gradient. */
export type Factors = {
  /** What drove the rows, (samples, rows): examples, output pixels of a convolution, one after another. */
  readonly x: Tensor;
  /** Gradients of the loss for what the columns gave, (samples, columns). */
  readonly delta: Tensor;
};

/** The arguments of a rule for one parameter in a step. */
export type Update = RuleContext & {
  /** Of the loss, without any penalty. */
  readonly gradient: Tensor;
  /** The operands of the gradient, product by product; asked for only by rules that need them. */
  readonly factors: () => readonly Factors[];
  readonly learningRate: Tensor;
  /** Numbers that change from step to step, by the names that `scalars` gives. */
  readonly scalar: (name: string) => Tensor;
};

/** The results of a rule for one parameter. */
export type Updated = {
  readonly weights: Tensor;
  readonly states: Readonly<Record<string, Tensor>>;
  /** Sums over the parameter's elements, each (), for the record: pulses, refreshes. */
  readonly counts?: Readonly<Record<string, Tensor>>;
};

/** How gradients move parameters. */
export type UpdateRule = {
  readonly name: string;
  /** What the rule keeps for a parameter between steps. */
  readonly states: (parameter: ParameterSpec) => readonly TensorSpec[];
  /** Numbers of step `step`, counted from 0, by name. */
  readonly scalars: (step: number) => Readonly<Record<string, number>>;
  readonly update: (update: Update) => Updated;
  /** First values of states and weights; absent: zeros, and the weights as they are. */
  readonly begin?: (start: RuleContext) => Updated;
  /** How the products of a layer sense its weights; absent, or undefined for a layer: exactly, in floating point. */
  readonly sensed?: (layer: Layer, context: RuleContext) => CellWeights | undefined;
  /** What happens beside the steps, after every so many of them. */
  readonly upkeep?: {
    readonly everySteps: number;
    /** Undefined for a parameter that stays as it is. */
    readonly update: (context: RuleContext) => Updated | undefined;
  };
};

/** A rule that subtracts a step from the weights. */
export type Descent = UpdateRule & {
  /** What `update` subtracts, in floating point, and the new states. */
  readonly step: (update: Update) => {
    readonly step: Tensor;
    readonly states: Readonly<Record<string, Tensor>>;
  };
};
