// Networks from flags, without data and without weights: only their shapes count, for graphs and for costs.

import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { namedSets } from '../data/named-sets.ts';
import { usualPhotoSize } from '../data/usual-photos.ts';
import { networkFromDescription } from '../interop/onnx/import-onnx.ts';
import { characterNetworkByName, characterNetworkNames } from '../nn/character-networks.ts';
import type { ImageTask } from '../nn/define-network.ts';
import type { Network } from '../nn/network.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { gan, isPairName, pairNames } from '../train/gan.ts';
import type { PhotoOrigin } from '../train/provenance.ts';
import { type ImagesName, imagesNames, isImagesName, PHOTOS } from './settings-schema.ts';

/** Classes of ImageNet, which networks for photos are usually for. */
const IMAGENET_CLASSES = 1000;

/** The task of a network for a set of images, or for photos: as they were seen, else as those of ImageNet usually are. */
export function taskOfSet(name: ImagesName, photos?: PhotoOrigin): ImageTask {
  if (name === PHOTOS) {
    const { side } = photos ?? usualPhotoSize;
    return { inputShape: [side, side, 3], classes: photos?.classes.length ?? IMAGENET_CLASSES };
  }
  const { inputShape, classNames } = namedSets[name];
  return { inputShape, classes: classNames.length };
}

/** A network as flags name it. */
export type NamedNetwork = {
  readonly model: string;
  /** Of images; absent: the set that the network is usually for. */
  readonly dataset?: string | undefined;
  /** Of photos; absent: as usual. */
  readonly photos?: PhotoOrigin | undefined;
  /** Of a text. */
  readonly symbols: number;
  readonly context: number;
};

/** Networks that are usually for photos. */
const FOR_PHOTOS: readonly string[] = ['resnet18', 'resnet34'];

/** Networks that are usually for small images without colour. */
const FOR_DIGITS: readonly string[] = ['mlp', 'mlp-256-128', 'mlp-256-128-scaled', 'lenet5', ...pairNames];

/**
 * The network of a name.
 *
 * @throws UsageError for an unknown name or data set
 */
export function namedNetwork({ model, dataset, photos, symbols, context }: NamedNetwork): Network {
  if (characterNetworkNames.some((name) => name === model))
    return characterNetworkByName(model, { context, symbols });
  const isPair = isPairName(model);
  if (!isPair && !networkNames.some((name) => name === model)) {
    const known = [...networkNames, ...characterNetworkNames, ...pairNames];
    throw new UsageError(`--model: ${unknownName(model, known)}`);
  }
  const usual = FOR_PHOTOS.includes(model) ? PHOTOS : FOR_DIGITS.includes(model) ? 'mnist' : 'cifar10';
  const set = dataset ?? usual;
  if (!isImagesName(set)) throw new UsageError(`--dataset: ${unknownName(set, imagesNames)}`);
  const task = taskOfSet(set, photos);
  return isPair ? gan({ imageShape: task.inputShape }) : networkByName(model, task);
}

/** The network of trained weights, imported ones included. Throws likewise. */
export function networkOfTrained({ provenance, description }: TrainedNetwork, context: number): Network {
  const { model, dataset, text, photos } = provenance;
  if (description !== undefined) return networkFromDescription(`network "${model}"`, description);
  return namedNetwork({
    model,
    dataset: text === undefined ? dataset : undefined,
    photos,
    symbols: text === undefined ? 2 : [...text.alphabet].length,
    context,
  });
}
