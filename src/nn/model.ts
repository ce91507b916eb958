// What a network is to the rest of ohmic: a list of named parameters and a function on symbolic tensors. Training,
// mapping and evaluation read these records; layers.ts and the files after it make them. Nothing here knows hardware.

import { assertNever } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Multiply } from '../graph/multiply.ts';
import type { Tensor } from '../graph/tensor.ts';

/**
 * What a parameter does. Only `weights` live on crossbars; the others stay digital. `scale` and `shift` are γ and β
 * of a batch normalisation; `runningMean` and `runningVariance` are its statistics, which are estimated, not trained.
 */
export type ParameterRole = 'weights' | 'bias' | 'scale' | 'shift' | 'runningMean' | 'runningVariance';

/** How a parameter starts. */
export type Initial =
  /** Normal with mean 0 and variance 2 / fanIn: He et al., ICCV 2015 (arXiv 1502.01852), equation 10. */
  | { readonly kind: 'he-normal'; readonly fanIn: number }
  /** Uniform in (−bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number };

/** One parameter of a network. Its name is its layer's name and its role: `stage1.block0.conv1.weights`. */
export type ParameterSpec = {
  readonly name: string;
  readonly shape: Shape;
  readonly role: ParameterRole;
  readonly initial: Initial;
};

/** A weight matrix on crossbars: `rows` inputs (of a filter: kernel row, kernel column, input channel), `columns` outputs. */
export type AnalogLayer = {
  /** The name handed to `multiply`; the parameter is `name.weights`. */
  readonly name: string;
  /** (in, out), or (kernel rows, kernel columns, in, out). */
  readonly shape: Shape;
  readonly rows: number;
  readonly columns: number;
};

/** Training normalises by the statistics of the batch, inference by the running ones. */
export type Mode = { readonly kind: 'training' } | { readonly kind: 'inference' };

/** What a network computes. */
export type Forward = {
  /** (n, classes) */
  readonly logits: Tensor;
  /**
   * In training mode, the mean and the population variance of the batch in every batch normalisation, each (channels),
   * under the names of the running parameters they update; in inference mode, empty.
   */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/** Size of the images, (height, width, channels), and number of classes: what a named network is made for. */
export type ImageTask = { readonly inputShape: Shape; readonly classes: number };

/** A network that classifies images. */
export type Model = ImageTask & {
  readonly name: string;
  /** In definition order, which is the order of the forward pass. */
  readonly parameters: readonly ParameterSpec[];
  readonly analogLayers: readonly AnalogLayer[];
  /** Names of the batch normalisations. */
  readonly normalizationLayers: readonly string[];
  /**
   * @param parameters a tensor for every parameter, running statistics included, by name
   * @param images     (n, height, width, channels)
   * @param multiply   how weight matrices multiply: the seam to the hardware
   * @throws UsageError listing parameters that are missing or have another shape, and images that do not fit
   */
  readonly apply: (
    parameters: Readonly<Record<string, Tensor>>,
    images: Tensor,
    multiply: Multiply,
    mode: Mode,
  ) => Forward;
};

/** True for what gradients move; running statistics are estimated instead. */
export function isTrained({ role }: ParameterSpec): boolean {
  return role !== 'runningMean' && role !== 'runningVariance';
}

/**
 * First values of all parameters. A parameter's draws depend on `key` and its name only, so adding a layer leaves the
 * others as they were.
 */
export function initialParameters({ parameters }: Pick<Model, 'parameters'>, key: Key): Parameters {
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
    case 'uniform':
      return values.map(() => (2 * draw.uniform() - 1) * initial.bound);
    case 'constant':
      return values.fill(initial.value);
    default:
      return assertNever(initial);
  }
}

/**
 * Number of weights as papers count synapses: filters and dense matrices with their biases, without batch
 * normalisation. ResNet-32 with widths 16/28/56 has 361,722, the figure in the abstract of Joshi et al. 2020, so that
 * count includes the ten biases of the dense layer. Here biases stay digital: see `countAnalogWeights`.
 */
export function countWeights({ parameters }: Pick<Model, 'parameters'>): number {
  return countRoles(parameters, ['weights', 'bias']);
}

/** Number of weights on crossbars: Σ rows · columns over the analog layers; ResNet-32 with widths 16/28/56 has 361,712. */
export function countAnalogWeights({ parameters }: Pick<Model, 'parameters'>): number {
  return countRoles(parameters, ['weights']);
}

function countRoles(parameters: readonly ParameterSpec[], roles: readonly ParameterRole[]): number {
  return parameters
    .filter(({ role }) => roles.includes(role))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
