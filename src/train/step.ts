// One training step as one graph: forward, backward, update, clipping. Weights, momenta and running statistics are
// states; the learning rate, the noise scale and the key of the noise are scalars, so nothing is compiled twice.

import { hostTensor, type Parameters } from '../base/parameters.ts';
import { elementCount } from '../base/shape.ts';
import { hardwareAware } from '../crossbar/hardware-aware.ts';
import { ideal } from '../crossbar/presets.ts';
import { gradients } from '../graph/gradients.ts';
import { digital, type Multiply } from '../graph/multiply.ts';
import type { Graph } from '../graph/node.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { correctCount, softmaxCrossEntropy } from '../nn/losses.ts';
import { isTrained, type Model, type ParameterSpec } from '../nn/model.ts';
import { updatedStatistics } from '../nn/normalization.ts';
import type { TrainingSettings } from './settings.ts';

/** Name of the momentum of a parameter, among the states. */
export function momentumName(parameter: string): string {
  return `${parameter}.momentum`;
}

/** Zero momenta for the trained parameters of a model. */
export function initialMomenta(model: Model): Parameters {
  const trained = model.parameters.filter(isTrained);
  return Object.fromEntries(
    trained.map(({ name, shape }) => [
      momentumName(name),
      hostTensor(shape, new Float32Array(elementCount(shape))),
    ]),
  );
}

/**
 * The graph of a training step on a batch.
 *
 * Inputs: `images` (n, h, w, c), `labels` (n). States: parameters and their momenta. Scalars: `learningRate`; with
 * noise also `noiseScale` (η) and the key `noise`. Outputs: `loss` (mean cross-entropy), `correct` (count).
 *
 * v ← μ v + g + λ w,  w ← w − r (g + λ w + μ v) with Nesterov momentum, w − r v without; then w is limited to ±α
 * standard deviations of its layer.
 */
export function traceTrainingStep(model: Model, settings: TrainingSettings): Graph {
  return trace((t) => {
    const images = t.input('images', [settings.batchSize, ...model.inputShape]);
    const labels = t.input('labels', [settings.batchSize]);
    const parameters = Object.fromEntries(
      model.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    const { logits, statistics } = model.apply(parameters, images, trainingOperator(t, settings), {
      kind: 'training',
    });
    const loss = softmaxCrossEntropy(logits, labels, { smoothing: settings.labelSmoothing });
    const trained = model.parameters.filter(isTrained);
    const slopes = gradients(
      loss,
      trained.map(({ name }) => parameters[name]!),
    );
    const rate = t.scalar('learningRate');
    const updates: Record<string, Tensor> = {};
    for (const [position, spec] of trained.entries()) {
      const momentum = t.state(momentumName(spec.name), spec.shape);
      const stepped = descend({
        spec,
        settings,
        rate,
        weights: parameters[spec.name]!,
        slope: slopes[position]!,
        momentum,
      });
      updates[spec.name] = clipWeights(spec, settings, stepped.weights);
      updates[momentumName(spec.name)] = stepped.momentum;
    }
    for (const [name, batch] of Object.entries(statistics)) {
      updates[name] = updatedStatistics(parameters[name]!, batch, settings.statisticsMomentum);
    }
    return { outputs: { loss, correct: correctCount(logits, labels) }, updates };
  });
}

/** How a network multiplies in training. With noise the graph has a scalar `noiseScale` and a key `noise`. */
export function trainingOperator(t: Trace, { noise }: Pick<TrainingSettings, 'noise'>): Multiply {
  if (noise.kind === 'none') return digital;
  const noRange = (): Tensor => constant(t, 1);
  return hardwareAware({
    hardware: ideal,
    noise: { kind: 'gaussian', relativeToMax: t.scalar('noiseScale') },
    inputRange: noRange,
    outputRange: noRange,
    key: t.key('noise'),
  });
}

type Descent = {
  readonly spec: ParameterSpec;
  readonly settings: TrainingSettings;
  readonly rate: Tensor;
  readonly weights: Tensor;
  readonly slope: Tensor;
  readonly momentum: Tensor;
};

function descend({ spec, settings, rate, weights, slope, momentum }: Descent): {
  weights: Tensor;
  momentum: Tensor;
} {
  const decay = spec.role === 'weights' ? settings.weightDecay : 0;
  const gradient = decay === 0 ? slope : slope.add(weights.multiply(decay));
  const velocity = momentum.multiply(settings.momentum).add(gradient);
  const direction = settings.nesterov ? gradient.add(velocity.multiply(settings.momentum)) : velocity;
  return { weights: weights.subtract(direction.multiply(rate)), momentum: velocity };
}

function clipWeights(spec: ParameterSpec, { clipping }: TrainingSettings, weights: Tensor): Tensor {
  if (clipping.kind === 'none' || spec.role !== 'weights') return weights;
  const mean = weights.mean();
  const deviation = weights.square().mean().subtract(mean.square()).relu().sqrt();
  const limit = deviation.multiply(clipping.alpha);
  return weights.clip(limit.negate(), limit);
}
