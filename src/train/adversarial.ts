// An adversarial pair as a network and a task: a generator makes samples from noise, a discriminator tells them from real
// ones. Two objectives, each of which moves its own parameters; also the pattern for any task with several losses.

import { throwFaults } from '../base/errors.ts';
import { deriveKey, type Key, keyFromSeed, randomSequence } from '../base/random.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { defineNetwork } from '../nn/define-network.ts';
import { sigmoidCrossEntropy } from '../nn/losses.ts';
import type { Module } from '../nn/modules.ts';
import type { Network } from '../nn/network.ts';
import { copyRowsInto, testBatchesOf } from './examples.ts';
import type { Batch, Goal, TaskInMemory } from './task.ts';

const PARTS = ['generator', 'discriminator'] as const;

/** What an adversarial pair is made of. */
export type AdversarialPair = {
  readonly name: string;
  /** Numbers of noise that a sample is made from. */
  readonly latent: number;
  readonly sampleShape: Shape;
  /** (latent) → a sample; all its parameters are named `generator.…`. */
  readonly generator: Module;
  /** A sample → (1), above 0 for "real"; all its parameters are named `discriminator.…`. */
  readonly discriminator: Module;
};

/**
 * The network of a pair: inputs `latent` (n, latent) and `samples` (n, …), outputs `generated` (n, …), and what the
 * discriminator says of both, `ofGenerated` and `ofSamples` (n, 1). Of batch normalisations in the discriminator, the
 * running statistics are those of real samples.
 *
 * @throws UsageError if a parameter is not named after its part
 */
export function adversarialPair({
  name,
  latent,
  sampleShape,
  generator,
  discriminator,
}: AdversarialPair): Network {
  const parts = {
    generator: { module: generator, inputShape: [latent] },
    discriminator: { module: discriminator, inputShape: sampleShape },
  };
  throwFaults(
    `network "${name}"`,
    PARTS.flatMap((part) =>
      parts[part]
        .module(parts[part].inputShape)
        .parameters.filter((parameter) => !parameter.name.startsWith(`${part}.`))
        .map((parameter) => `parameter "${parameter.name}" must be named "${part}.…"; rename its module`),
    ),
  );
  return defineNetwork({
    name,
    inputs: { latent: [latent], samples: sampleShape },
    outputs: { generated: sampleShape, ofGenerated: [1], ofSamples: [1] },
    parts,
    connect: ({ latent: noise, samples }, { generator: generate, discriminator: judge }) => {
      const generated = generate(noise!);
      const ofGenerated = judge(generated);
      return { generated, ofGenerated, ofSamples: judge(samples!) };
    },
  });
}

/** What a pair is trained on. */
export type AdversarialOptions = Pick<AdversarialPair, 'latent' | 'sampleShape'> & {
  /** Samples one after another, (count, …). */
  readonly train: Float32Array;
  readonly test: Float32Array;
};

/**
 * The task of an `adversarialPair`. Discriminator: −⟨log D(x)⟩ − ⟨log(1 − D(G(z)))⟩, which moves `discriminator.…`;
 * generator: −⟨log D(G(z))⟩, which moves `generator.…`; D = σ(output), z standard normal. Both move in the same step. Score:
 * the share of samples, half of them real, that the discriminator tells apart; 0.5 is a generator that can't be told.
 *
 * @throws UsageError if numbers fill no whole sample
 * @source I. Goodfellow et al., NeurIPS 2014 (arXiv 1406.2661), with the generator's loss of its Section 3
 */
export function adversarial({ latent, sampleShape, train, test }: AdversarialOptions): TaskInMemory {
  const size = elementCount(sampleShape);
  throwFaults(
    'adversarial',
    Object.entries({ train, test })
      .filter(([, { length }]) => length === 0 || length % size !== 0)
      .map(([name, { length }]) => `${name}: expected samples of ${size} numbers, got ${length} numbers`),
  );
  const batch: Goal['batch'] = { latent: [latent], samples: sampleShape, filled: [] };
  return {
    name: 'adversarial pair',
    batch,
    evaluate: (forward, { latent: noise, samples, filled }) => {
      const outputs = forward({ latent: noise!, samples: samples! });
      const { ofGenerated, ofSamples } = outputs;
      return {
        objectives: [
          {
            name: 'discriminator',
            loss: sigmoidCrossEntropy(ofSamples!, 1).add(sigmoidCrossEntropy(ofGenerated!, 0)),
            moves: (parameter) => parameter.startsWith('discriminator.'),
          },
          {
            name: 'generator',
            loss: sigmoidCrossEntropy(ofGenerated!, 1),
            moves: (parameter) => parameter.startsWith('generator.'),
          },
        ],
        metrics: { toldApart: toldApart(outputs, filled!) },
      };
    },
    measure: (forward, { latent: noise, samples, filled }) => ({
      toldApart: toldApart(forward({ latent: noise!, samples: samples! }), filled!),
    }),
    score: { name: 'told apart', isShare: true, of: ({ toldApart: share }, examples) => share! / examples },
    examples: {
      trainCount: train.length / size,
      testCount: test.length / size,
      fillTraining: (values, indices, { key, epoch }) => {
        fill(values, train, indices, (index) => deriveKey(key, 'latent', epoch, index));
      },
      testBatches: (places) =>
        testBatchesOf(test.length / size, places, batch, (values, indices) =>
          fill(values, test, indices, (index) => deriveKey(keyFromSeed(0), 'latent', index)),
        ),
    },
  };
}

function fill(
  { latent, samples, filled }: Batch,
  set: Float32Array,
  indices: ArrayLike<number>,
  keyOf: (index: number) => Key,
): void {
  const places = filled!.length;
  const size = latent!.length / places;
  copyRowsInto(samples!, set, indices, places);
  for (let place = 0; place < indices.length; place++) {
    const draw = randomSequence(keyOf(indices[place]!));
    for (let k = 0; k < size; k++) latent![place * size + k] = draw.normal();
  }
  filled!.fill(0).fill(1, 0, indices.length);
}

/** Half the number of right answers, a sum over the examples. */
function toldApart({ ofGenerated, ofSamples }: Readonly<Record<string, Tensor>>, filled: Tensor): Tensor {
  const right = ofSamples!.lessEqual(0).select(0, 0.5).add(ofGenerated!.less(0).select(0.5, 0));
  return right.reshape([-1]).multiply(filled).sum();
}
