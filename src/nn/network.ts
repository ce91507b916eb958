// The type of networks: a list of named parameters and a function from named inputs to named outputs. Training, mapping
// and evaluation use it; modules.ts and define-network.ts make its values. It depends neither on hardware nor on the
// task.

import { assertNever } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Layer, Operator } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';

/**
 * What a parameter does. Only `weights` live on crossbars; the others stay digital. `scale` and `shift` are γ and β
 * of a normalisation; `runningMean` and `runningVariance` are statistics of a batch normalisation, which are estimated,
 * not trained. `table` has rows that are looked up or added, such as symbols and positions. `constant` is a tensor that never changes. `range` is a converter's range, which belongs to the operator,
 * not to a network.
 */
export type ParameterRole =
  | 'weights'
  | 'bias'
  | 'scale'
  | 'shift'
  | 'runningMean'
  | 'runningVariance'
  | 'table'
  | 'constant'
  | 'range';

/** Initial values of a parameter. */
export type Initial =
  /** Normal with mean 0 and variance 2 / fanIn: He et al., ICCV 2015 (arXiv 1502.01852), equation 10. */
  | { readonly kind: 'he-normal'; readonly fanIn: number }
  /** Normal with mean 0. */
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Uniform in (−bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number }
  /** Equal parts along the last axis, each of one value: the biases of gates. */
  | { readonly kind: 'parts'; readonly values: readonly number[] };

/** One parameter of a network. Its name is its layer's name and its role: `stage1.block0.conv1.weights`. */
export type ParameterSpec = {
  readonly name: string;
  readonly shape: Shape;
  readonly role: ParameterRole;
  readonly initial: Initial;
};

/**
 * A state that a network carries from one window of a sequence to the next, without its first axis, the batch: row p goes
 * on where row p of the batch before it ended.
 */
export type CarriedSpec = { readonly name: string; readonly shape: Shape };

/** Inference normalises by the running statistics; training by those of the batch unless it says otherwise. */
export type Mode =
  | { readonly kind: 'training'; readonly normalizesBy?: 'batch' | 'running' | undefined }
  | { readonly kind: 'inference' };

/** The arguments of a network. */
export type Context = {
  /** By name, each with the batch as its first axis. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** A tensor for every parameter that no layer's operator owns, running statistics included, by name. */
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** How weight matrices multiply: the seam to the hardware. It owns the weights. */
  readonly operator: Operator;
  readonly mode: Mode;
  /** The carried states at the start of the window, (n, …), by name; absent: zeros. */
  readonly carried?: Readonly<Record<string, Tensor>> | undefined;
  /** A new key at each call, for modules that draw, as dropout does; absent: they let everything through. */
  readonly freshKey?: (() => GraphKey) | undefined;
};

/** The results of a network. */
export type Forward = {
  /** By name, each with the batch as its first axis. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /**
   * In training mode, the mean and the population variance of the batch in every batch normalisation, each (channels),
   * under the names of the running parameters they update; in inference mode, empty.
   */
  readonly statistics: Readonly<Record<string, Tensor>>;
  /** The carried states at the end of the window, (n, …), by name. */
  readonly carried: Readonly<Record<string, Tensor>>;
};

/** A network: named parameters, and a function from named inputs to named outputs. */
export type Network = {
  readonly name: string;
  /** Shapes of one example of each input, without the batch axis. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Shapes of one example of each output. */
  readonly outputs: Readonly<Record<string, Shape>>;
  /** In definition order, which is the order of the forward pass. */
  readonly parameters: readonly ParameterSpec[];
  /** The weights that may live on crossbars, in the order of their parameters. */
  readonly layers: readonly Layer[];
  /** Names of the batch normalisations. */
  readonly normalizationLayers: readonly string[];
  /** What it carries from window to window; empty for a network whose examples are independent. */
  readonly carried: readonly CarriedSpec[];
  /** A text from which the network can be built again, kept with its weights; absent: its name tells what it is. */
  readonly description?: string;
  /** @throws UsageError that lists parameters and inputs that are missing or have another shape */
  readonly apply: (context: Context) => Forward;
};

/** True for the weights of a layer, which an operator owns. */
export function isWeights({ role }: Pick<ParameterSpec, 'role'>): boolean {
  return role === 'weights';
}

/** True for parameters that gradients move; running statistics are estimated instead, constants stay. */
export function isTrained({ role }: ParameterSpec): boolean {
  return role !== 'runningMean' && role !== 'runningVariance' && role !== 'constant';
}

/**
 * The digital parameters as states of a graph, by their names; weights are the operator's.
 *
 * @param stateOf name of a parameter's state; absent: that of the parameter
 */
export function digitalStates(
  t: Pick<Trace, 'state'>,
  { parameters }: Pick<Network, 'parameters'>,
  stateOf: (name: string) => string = (name) => name,
): Record<string, Tensor> {
  return Object.fromEntries(
    parameters
      .filter((parameter) => !isWeights(parameter))
      .map(({ name, shape }) => [name, t.state(stateOf(name), shape)]),
  );
}

/**
 * Initial values of all parameters. The draws of a parameter depend on `key` and its name only, so another layer does
 * not change them.
 */
export function initialParameters({ parameters }: Pick<Network, 'parameters'>, key: Key): Parameters {
  return Object.fromEntries(
    parameters.map((spec) => {
      const values = initialValues(spec, deriveKey(key, 'initial', spec.name));
      return [spec.name, hostTensor(spec.shape, values)];
    }),
  );
}

function initialValues({ shape, initial }: ParameterSpec, key: Key): Float32Array {
  const values = new Float32Array(elementCount(shape));
  const draw = randomSequence(key);
  switch (initial.kind) {
    case 'he-normal':
      return values.map(() => draw.normal() * Math.sqrt(2 / initial.fanIn));
    case 'normal':
      return values.map(() => draw.normal() * initial.deviation);
    case 'uniform':
      return values.map(() => (2 * draw.uniform() - 1) * initial.bound);
    case 'constant':
      return values.fill(initial.value);
    case 'parts': {
      const columns = shape.at(-1)!;
      const { length } = initial.values;
      return values.map((_, at) => initial.values[Math.floor(((at % columns) * length) / columns)]!);
    }
    default:
      return assertNever(initial);
  }
}

/**
 * Number of weights as papers count synapses: filters and dense matrices with their biases, and tables, without
 * normalisations. ResNet-32 with widths 16/28/56 has 361,722, the figure in the abstract of Joshi et al. 2020, so that
 * count includes the ten biases of the dense layer. Here biases stay digital: see `countAnalogWeights`.
 */
export function countWeights({ parameters }: Pick<Network, 'parameters'>): number {
  return countRoles(parameters, ['weights', 'bias', 'table']);
}

/** Number of weights on crossbars: Σ rows · columns over the layers; ResNet-32 with widths 16/28/56 has 361,712. */
export function countAnalogWeights({ parameters }: Pick<Network, 'parameters'>): number {
  return countRoles(parameters, ['weights']);
}

function countRoles(parameters: readonly ParameterSpec[], roles: readonly ParameterRole[]): number {
  return parameters
    .filter(({ role }) => roles.includes(role))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
