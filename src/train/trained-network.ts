// The network that trained weights belong to: a named one, or one that was imported, whose description lies beside its
// weights.

import { throwFaults } from '../base/errors.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { networkFromDescription } from '../interop/onnx/import-onnx.ts';
import type { ImageTask } from '../nn/define-network.ts';
import type { Network } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import type { TrainedNetwork } from './checkpoint.ts';

/** Name of an input and of an output by which a network classifies images. */
export const IMAGES = 'images';
export const LOGITS = 'logits';

/**
 * The network of weights, for images of a shape.
 *
 * @throws UsageError if its name is unknown, its description damaged, or it can't take the images
 */
export function networkOfWeights(
  {
    provenance,
    description,
  }: Pick<TrainedNetwork, 'description'> & {
    readonly provenance: Pick<TrainedNetwork['provenance'], 'model'>;
  },
  task: ImageTask,
): Network {
  const { model } = provenance;
  if (description === undefined) return networkByName(model, task);
  const network = networkFromDescription(`network "${model}"`, description);
  throwFaults(`network "${model}"`, classifierFaults(network, task));
  return network;
}

/** What keeps a network from classifying images of a shape. */
export function classifierFaults({ inputs, outputs }: Network, { inputShape, classes }: ImageTask): string[] {
  const [names, given, logits] = [Object.keys(inputs), inputs[IMAGES], outputs[LOGITS]];
  return [
    ...(names.length === 1 && given !== undefined
      ? []
      : [`expected one input, "${IMAGES}", got ${names.map((name) => `"${name}"`).join(', ')}`]),
    ...(given === undefined || sameShape(given, inputShape)
      ? []
      : [`it is for images ${formatShape(given)}, got ${formatShape(inputShape)}`]),
    ...(logits !== undefined && sameShape(logits, [classes])
      ? []
      : [
          `expected an output "${LOGITS}" of one number for each of ${classes} classes, got ${logits === undefined ? 'none' : formatShape(logits)}`,
        ]),
  ];
}
