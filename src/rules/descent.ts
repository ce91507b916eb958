// Descent in floating point: stochastic gradient descent, Adam, AdamW, as update rules.

import { assertNever } from '../base/errors.ts';
import type { UpdateRule } from './update-rule.ts';

/** A descent by name. */
export type DescentSettings =
  | ({ readonly kind: 'sgd' } & SgdOptions)
  | ({ readonly kind: 'adam' | 'adamw' } & AdamOptions);

/** Settings of stochastic gradient descent. */
export type SgdOptions = {
  readonly momentum: number;
  readonly nesterov: boolean;
  /** λ, on the weights of layers only. */
  readonly weightDecay: number;
};

/**
 * Stochastic gradient descent with momentum: v ← μ v + g + λ w; w ← w − r (g + λ w + μ v) with Nesterov momentum,
 * w − r v without. State: v, named `<parameter>.momentum`.
 *
 * @source I. Sutskever et al., ICML 2013, in the form of PyTorch's SGD
 */
export function sgd({ momentum: mu, nesterov, weightDecay }: SgdOptions): UpdateRule {
  return {
    name: 'sgd',
    states: ({ name, shape }) => [{ name: momentumName(name), shape }],
    scalars: () => ({}),
    update: ({ parameter, weights, gradient, learningRate, state }) => {
      const decay = parameter.role === 'weights' ? weightDecay : 0;
      const slope = decay === 0 ? gradient : gradient.add(weights.multiply(decay));
      const velocity = state(momentumName(parameter.name)).multiply(mu).add(slope);
      const direction = nesterov ? slope.add(velocity.multiply(mu)) : velocity;
      return {
        weights: weights.subtract(direction.multiply(learningRate)),
        states: { [momentumName(parameter.name)]: velocity },
      };
    },
  };
}

function momentumName(parameter: string): string {
  return `${parameter}.momentum`;
}

/** Settings of Adam. */
export type AdamOptions = {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ, on the weights of layers only. */
  readonly weightDecay: number;
};

/**
 * Adam: m ← β₁ m + (1 − β₁) g; s ← β₂ s + (1 − β₂) g²; w ← w − r m̂ / (√ŝ + ε), m̂ = m / (1 − β₁ᵗ), ŝ = s / (1 − β₂ᵗ);
 * λ w is added to g. State: m and s, named `<parameter>.firstMoment` and `.secondMoment`.
 *
 * @source D. P. Kingma, J. Ba, ICLR 2015 (arXiv 1412.6980), Algorithm 1
 */
export function adam(options: AdamOptions): UpdateRule {
  return adamRule('adam', options, false);
}

/**
 * Adam with decoupled weight decay: as `adam` without λ in the gradient, then w ← w − r λ w.
 *
 * @source I. Loshchilov, F. Hutter, ICLR 2019 (arXiv 1711.05101), Algorithm 2
 */
export function adamw(options: AdamOptions): UpdateRule {
  return adamRule('adamw', options, true);
}

function adamRule(
  name: 'adam' | 'adamw',
  { beta1, beta2, epsilon, weightDecay }: AdamOptions,
  isDecoupled: boolean,
): UpdateRule {
  const first = (parameter: string): string => `${parameter}.firstMoment`;
  const second = (parameter: string): string => `${parameter}.secondMoment`;
  return {
    name,
    states: ({ name: parameter, shape }) => [
      { name: first(parameter), shape },
      { name: second(parameter), shape },
    ],
    scalars: (step) => ({
      'adam.firstCorrection': 1 / (1 - beta1 ** (step + 1)),
      'adam.secondCorrection': 1 / (1 - beta2 ** (step + 1)),
    }),
    update: ({ parameter, weights, gradient, learningRate, state, scalar }) => {
      const decay = parameter.role === 'weights' ? weightDecay : 0;
      const slope = decay === 0 || isDecoupled ? gradient : gradient.add(weights.multiply(decay));
      const m = state(first(parameter.name))
        .multiply(beta1)
        .add(slope.multiply(1 - beta1));
      const s = state(second(parameter.name))
        .multiply(beta2)
        .add(slope.square().multiply(1 - beta2));
      const spread = s.multiply(scalar('adam.secondCorrection')).sqrt().add(epsilon);
      const direction = m.multiply(scalar('adam.firstCorrection')).divide(spread);
      const kept =
        decay === 0 || !isDecoupled
          ? weights
          : weights.subtract(weights.multiply(learningRate.multiply(decay)));
      return {
        weights: kept.subtract(direction.multiply(learningRate)),
        states: { [first(parameter.name)]: m, [second(parameter.name)]: s },
      };
    },
  };
}

/** The descent of these settings. */
export function descent(settings: DescentSettings): UpdateRule {
  switch (settings.kind) {
    case 'sgd':
      return sgd(settings);
    case 'adam':
      return adam(settings);
    case 'adamw':
      return adamw(settings);
    default:
      return assertNever(settings);
  }
}
