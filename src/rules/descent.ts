// Descent in floating point: stochastic gradient descent, Adam, AdamW, as update rules.

import { assertNever } from '../base/errors.ts';
import type { Descent, Update } from './update-rule.ts';

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
export function sgd({ momentum: mu, nesterov, weightDecay }: SgdOptions): Descent {
  return subtracting({
    name: 'sgd',
    states: ({ name, shape }) => [{ name: momentumName(name), shape }],
    scalars: () => ({}),
    step: ({ parameter, weights, gradient, learningRate, state }) => {
      const decay = parameter.role === 'weights' ? weightDecay : 0;
      const slope = decay === 0 ? gradient : gradient.add(weights.multiply(decay));
      const velocity = state(momentumName(parameter.name)).multiply(mu).add(slope);
      const direction = nesterov ? slope.add(velocity.multiply(mu)) : velocity;
      return {
        step: direction.multiply(learningRate),
        states: { [momentumName(parameter.name)]: velocity },
      };
    },
  });
}

/** A descent by its step. */
function subtracting(rule: Omit<Descent, 'update'>): Descent {
  return {
    ...rule,
    update: (update) => {
      const { step, states } = rule.step(update);
      return { weights: update.weights.subtract(step), states };
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
export function adam(options: AdamOptions): Descent {
  return adamRule('adam', options, false);
}

/**
 * Adam with decoupled weight decay: as `adam` without λ in the gradient, then w ← w − r λ w.
 *
 * @source I. Loshchilov, F. Hutter, ICLR 2019 (arXiv 1711.05101), Algorithm 2
 */
export function adamw(options: AdamOptions): Descent {
  return adamRule('adamw', options, true);
}

function adamRule(
  name: 'adam' | 'adamw',
  { beta1, beta2, epsilon, weightDecay }: AdamOptions,
  isDecoupled: boolean,
): Descent {
  const first = (parameter: string): string => `${parameter}.firstMoment`;
  const second = (parameter: string): string => `${parameter}.secondMoment`;
  const byGradient = subtracting({
    name,
    states: ({ name: parameter, shape }) => [
      { name: first(parameter), shape },
      { name: second(parameter), shape },
    ],
    scalars: (step) => ({
      'adam.firstCorrection': 1 / (1 - beta1 ** (step + 1)),
      'adam.secondCorrection': 1 / (1 - beta2 ** (step + 1)),
    }),
    step: ({ parameter, weights, gradient, learningRate, state, scalar }) => {
      const decay = isDecoupled || parameter.role !== 'weights' ? 0 : weightDecay;
      const slope = decay === 0 ? gradient : gradient.add(weights.multiply(decay));
      const m = state(first(parameter.name))
        .multiply(beta1)
        .add(slope.multiply(1 - beta1));
      const s = state(second(parameter.name))
        .multiply(beta2)
        .add(slope.square().multiply(1 - beta2));
      const spread = s.multiply(scalar('adam.secondCorrection')).sqrt().add(epsilon);
      const direction = m.multiply(scalar('adam.firstCorrection')).divide(spread);
      return {
        step: direction.multiply(learningRate),
        states: { [first(parameter.name)]: m, [second(parameter.name)]: s },
      };
    },
  });
  return isDecoupled && weightDecay > 0 ? decaying(byGradient, weightDecay) : byGradient;
}

/** A descent with decoupled weight decay: first w ← w − r λ w for the weights of layers. */
function decaying(rule: Descent, weightDecay: number): Descent {
  const lossOf = ({ weights, learningRate }: Update) => weights.multiply(learningRate.multiply(weightDecay));
  const isDecaying = ({ parameter }: Update): boolean => parameter.role === 'weights';
  return {
    ...rule,
    step: (update) => {
      const { step, states } = rule.step(update);
      return { step: isDecaying(update) ? step.add(lossOf(update)) : step, states };
    },
    update: (update) => {
      if (!isDecaying(update)) return rule.update(update);
      const { step, states } = rule.step(update);
      return { weights: update.weights.subtract(lossOf(update)).subtract(step), states };
    },
  };
}

/** The descent of these settings. */
export function descent(settings: DescentSettings): Descent {
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
