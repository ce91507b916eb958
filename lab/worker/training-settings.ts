// A training of the lab as settings of the library, in one place, so that anybody can repeat it by the command.

import type { TrainingSettings } from 'ohmic';
import type { TrainChoice } from './messages.ts';

/** Weights are clipped at so many standard deviations of their layer: without it a few large ones decide the scale. */
export const CLIPPING = 2;
export const BATCH_SIZE = 64;

/** Settings of a training on so many images, complete. */
export function trainingSettings({ set, epochs, noise }: TrainChoice, images: number): TrainingSettings {
  return {
    epochs,
    batchSize: Math.min(BATCH_SIZE, images),
    learningRate: { kind: 'cosine', initial: 0.1, warmupEpochs: 0 },
    rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
    labelSmoothing: 0,
    statisticsMomentum: 0.1,
    augmentation: AUGMENTATION[set],
    noise: noise === 0 ? { kind: 'none' } : { kind: 'gaussian', relativeToMax: noise },
    clipping: { kind: 'standard-deviations', alpha: CLIPPING },
  };
}

/** As the sets suggest; of the user's images nothing is known. */
const AUGMENTATION = {
  digits: { cropPadding: 2, flip: false, cutout: 0 },
  synthetic: { cropPadding: 0, flip: true, cutout: 0 },
  own: { cropPadding: 0, flip: false, cutout: 0 },
} as const;

/** The command that trains the same weights. */
export function trainingCommand(choice: TrainChoice): string {
  const { set, model, epochs, noise, seed } = choice;
  const noisy = noise === 0 ? '' : ` --noise ${noise}`;
  return `ohmic train --backend wasm --dataset ${set} --model ${model} --epochs ${epochs} --batch-size ${BATCH_SIZE}${noisy} --clip ${CLIPPING} --seed ${seed} --out runs/lab`;
}
