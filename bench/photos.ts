// ResNet-34 on photos of 224 x 224, as for ImageNet, beside PyTorch: inference and a training step, in batches of eight random
// images. Decoding is not in these times.

import { countWeights, type Network } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { digitalInference } from './inference.ts';
import { usefulOperations } from './kernel-classes.ts';
import { digitalStep, noisyStep, trainingStep } from './networks.ts';
import { peerContestants } from './peer.ts';

/** ResNet-34 for ImageNet. */
export const resnet34: Network = networkByName('resnet34', { inputShape: [224, 224, 3], classes: 1000 });

/** Images of a batch. */
const PHOTOS = 8;

/** The case. */
export const photosCase: BenchCase = {
  name: 'photos',
  description: 'ResNet-34 on 224 x 224, batch 8: inference and training step, plain and with noise',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  const weights = countWeights(resnet34);
  const torch = [
    ...(await peerContestants(tools, {
      ...{ name: 'photo-inference-pytorch', peerCase: 'resnet34-inference', batch: PHOTOS, weights },
    })),
    ...(await peerContestants(tools, {
      ...{ name: 'photo-step-pytorch', peerCase: 'resnet34-training-step', batch: PHOTOS, weights },
    })),
  ];
  tools.log('photos: compiling');
  const inference = await digitalInference(tools.native, 'photo-inference', resnet34, PHOTOS);
  const step = await trainingStep(tools.native, 'photo-step', resnet34, digitalStep(PHOTOS));
  const noisy = await trainingStep(tools.native, 'photo-step-noise', resnet34, noisyStep(PHOTOS));
  const results = await race(tools, 'photos', [inference, step, noisy, ...torch]);
  const operations = usefulOperations(step.graph);
  const rows = [
    compared(tools, results, {
      ...{
        title: 'ResNet-34 inference, 224 x 224',
        contestant: inference.name,
        by: 'photo-inference-pytorch',
      },
      ...{ peerName: 'PyTorch', atMost: 0.6, operations: usefulOperations(inference.graph) },
    }),
    compared(tools, results, {
      ...{ title: 'ResNet-34 training step, 224 x 224', contestant: step.name, by: 'photo-step-pytorch' },
      ...{ peerName: 'PyTorch', atMost: 0.7, operations },
    }),
    compared(tools, results, {
      ...{ title: 'ResNet-34 training step, noise and clipping', contestant: noisy.name, by: step.name },
      ...{ peerName: 'without', atMost: 1.2, operations },
    }),
  ];
  for (const { free } of [inference, step, noisy]) free();
  return {
    rows,
    ...numbersOf(tools, results, [
      [inference.name, 'photo-inference-pytorch'],
      [step.name, 'photo-step-pytorch'],
      [noisy.name, step.name],
    ]),
    details: { photos: 'ResNet-34, batch 8, 224x224x3, 1000 classes' },
  };
}
