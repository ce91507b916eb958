// Networks from flags, without data and without weights: only their shapes count, for graphs and for costs.

import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { isNamedSet, type NamedSetName, namedSets } from '../data/named-sets.ts';
import { networkFromDescription } from '../interop/onnx/import-onnx.ts';
import { characterNetworkByName, characterNetworkNames } from '../nn/character-networks.ts';
import type { ImageTask } from '../nn/define-network.ts';
import type { Network } from '../nn/network.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { gan, isPairName, pairNames } from '../train/gan.ts';

/** The task of a network for a named set. */
export function taskOfSet(name: NamedSetName): ImageTask {
  const { inputShape, classNames } = namedSets[name];
  return { inputShape, classes: classNames.length };
}

/** A network as flags name it. */
export type NamedNetwork = {
  readonly model: string;
  /** Of images; absent: the set that the network is usually for. */
  readonly dataset?: string | undefined;
  /** Of a text. */
  readonly symbols: number;
  readonly context: number;
};

/** Networks that are usually for small images without colour. */
const FOR_DIGITS: readonly string[] = ['mlp', 'mlp-256-128', 'lenet5', ...pairNames];

/**
 * The network of a name.
 *
 * @throws UsageError for an unknown name or data set
 */
export function namedNetwork({ model, dataset, symbols, context }: NamedNetwork): Network {
  if (characterNetworkNames.some((name) => name === model))
    return characterNetworkByName(model, { context, symbols });
  const isPair = isPairName(model);
  if (!isPair && !networkNames.some((name) => name === model)) {
    const known = [...networkNames, ...characterNetworkNames, ...pairNames];
    throw new UsageError(`--model: ${unknownName(model, known)}`);
  }
  const set = dataset ?? (FOR_DIGITS.includes(model) ? 'mnist' : 'cifar10');
  if (!isNamedSet(set)) throw new UsageError(`--dataset: ${unknownName(set, Object.keys(namedSets))}`);
  const task = taskOfSet(set);
  return isPair ? gan({ imageShape: task.inputShape }) : networkByName(model, task);
}

/** The network of trained weights, imported ones included. Throws likewise. */
export function networkOfTrained({ provenance, description }: TrainedNetwork, context: number): Network {
  const { model, dataset, text } = provenance;
  if (description !== undefined) return networkFromDescription(`network "${model}"`, description);
  return namedNetwork({
    model,
    dataset: text === undefined ? dataset : undefined,
    symbols: text === undefined ? 2 : [...text.alphabet].length,
    context,
  });
}
