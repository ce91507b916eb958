// Elementwise non-linearities, and the softmax. They stay digital on every hardware.

import { constant, type Tensor } from '../graph/tensor.ts';
import { logSoftmax } from './losses.ts';
import { type Module, withoutParameters } from './module.ts';

/**
 * Non-linearities by name.
 *
 * | name         | f(x)                                             |
 * | ------------ | ------------------------------------------------ |
 * | `relu`       | max(0, x)                                        |
 * | `leaky-relu` | x where x > 0, else 0.01 x                       |
 * | `gelu`       | x Φ(x), Φ the distribution of a standard normal  |
 * | `sigmoid`    | 1 / (1 + e^−x)                                   |
 * | `tanh`       | tanh x                                           |
 * | `hard-swish` | x · min(max(x + 3, 0), 6) / 6                    |
 * | `softmax`    | e^xₖ / Σ e^xᵢ along the last axis                |
 */
export type Activation = 'relu' | 'leaky-relu' | 'gelu' | 'sigmoid' | 'tanh' | 'hard-swish' | 'softmax';

const activations: { readonly [A in Activation]: (x: Tensor) => Tensor } = {
  relu: (x) => x.relu(),
  'leaky-relu': (x) => leaky(x, 0.01),
  gelu: (x) => x.multiply(erf(x.multiply(Math.SQRT1_2)).add(1)).multiply(0.5),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  'hard-swish': (x) => x.multiply(x.add(3).clip(0, 6)).multiply(1 / 6),
  softmax: (x) => logSoftmax(x).exp(),
};

/** A named non-linearity. */
export function activation(kind: Activation): Module {
  return (inputShape) => withoutParameters(inputShape, activations[kind]);
}

/** x where x > 0, else slope · x: A. L. Maas et al., ICML 2013. */
export function leakyRelu(slope: number): Module {
  return (inputShape) => withoutParameters(inputShape, (x) => leaky(x, slope));
}

function leaky(x: Tensor, slope: number): Tensor {
  return x.lessEqual(0).select(x.multiply(slope), x);
}

/**
 * The error function to 1.5e-7: erf |x| = 1 − (a₁ t + … + a₅ t⁵) e^(−x²), t = 1 / (1 + p |x|).
 *
 * @source M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), equation 7.1.26
 */
function erf(x: Tensor): Tensor {
  const size = x.abs();
  const t = constant(x, 1).divide(size.multiply(0.3275911).add(1));
  const sum = [-1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce(
    (all, a) => all.multiply(t).add(a),
    constant(x, 1.061405429),
  );
  const ofSize = sum.multiply(t).multiply(x.square().negate().exp()).negate().add(1);
  return x.less(0).select(ofSize.negate(), ofSize);
}
