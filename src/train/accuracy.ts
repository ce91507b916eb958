// Counts correct classifications of a test set with a compiled inference graph, batch by batch.

import { emptyBatch, fillBatchInto, type LabelledBatch } from '../data/batches.ts';
import type { ImageSet, Normalization } from '../data/image-set.ts';
import type { Call, Executable } from '../engine.ts';
import type { Multiply } from '../graph/multiply.ts';
import type { Graph } from '../graph/node.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { correctCount } from '../nn/losses.ts';
import type { Model } from '../nn/model.ts';

/** Images of a batch in inference: few, so that what one layer writes is still in the cache when the next one reads it. */
export const INFERENCE_BATCH = 50;

/**
 * The graph of inference on a batch: inputs `images` and `labels`, states the parameters, output `correct`.
 *
 * @param operator how the network multiplies; it may declare inputs of its own
 * @param isState whether a parameter is a state; others (weights that only the chip knows) must not be needed
 */
export function traceInference(
  model: Model,
  batchSize: number,
  operator: (t: Trace) => Multiply,
  isState: (parameter: string) => boolean = () => true,
): Graph {
  return trace((t) => {
    const images = t.input('images', [batchSize, ...model.inputShape]);
    const labels = t.input('labels', [batchSize]);
    const parameters = Object.fromEntries(
      model.parameters.map(({ name, shape }) => [
        name,
        isState(name) ? t.state(name, shape) : t.input(name, shape),
      ]),
    );
    const { logits } = model.apply(parameters, images, operator(t), { kind: 'inference' });
    return { outputs: { correct: correctCount(logits, labels) } };
  });
}

/** A set as batches of a fixed size, in order. Empty places of the last one have label −1, which never counts as correct. */
export function batchesOf(set: ImageSet, normalization: Normalization, size: number): LabelledBatch[] {
  const pixels = set.height * set.width * set.channels;
  return Array.from({ length: Math.ceil(set.count / size) }, (_, batch) => {
    const first = batch * size;
    const count = Math.min(size, set.count - first);
    const { images, labels } = emptyBatch(set, size);
    labels.fill(-1);
    const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
    fillBatchInto(images.subarray(0, count * pixels), labels.subarray(0, count), {
      set,
      indices,
      normalization,
    });
    return { images, labels };
  });
}

/** Share of the images in `batches` that `executable` classifies correctly. `call` gives what else the graph needs. */
export async function accuracyOn(
  executable: Executable,
  batches: readonly LabelledBatch[],
  call: (batch: number) => Call,
  signal?: AbortSignal,
): Promise<number> {
  let correct = 0;
  let count = 0;
  for (const [number, { images, labels }] of batches.entries()) {
    signal?.throwIfAborted();
    const given = call(number);
    const outputs = await executable.run({ ...given, inputs: { ...given.inputs, images, labels } });
    correct += outputs['correct']![0]!;
    count += labels.reduce((sum, label) => sum + Number(label >= 0), 0);
  }
  return correct / count;
}
