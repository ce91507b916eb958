// Counts correct classifications of a test set with a compiled inference graph, batch by batch.

import type { Call, Executable } from '../engine.ts';
import { fillBatchInto } from '../data/batches.ts';
import type { ImageSet, Normalization } from '../data/image-set.ts';
import { type Multiply } from '../graph/multiply.ts';
import type { Graph } from '../graph/node.ts';
import { trace, type Trace } from '../graph/trace.ts';
import { correctCount } from '../nn/losses.ts';
import type { Model } from '../nn/model.ts';

/** Images of a batch in inference. */
export const INFERENCE_BATCH = 250;

/**
 * The graph of inference on a batch: inputs `images` and `labels`, states the parameters, output `correct`.
 *
 * @param operator how the network multiplies; it may declare inputs of its own
 * @param isDigital whether a parameter stays a state (weights on a chip do not)
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
      model.parameters.map(({ name, shape }) => [name, isState(name) ? t.state(name, shape) : t.input(name, shape)]),
    );
    const { logits } = model.apply(parameters, images, operator(t), { kind: 'inference' });
    return { outputs: { correct: correctCount(logits, labels), logits } };
  });
}

/** Share of `set` that `executable` classifies correctly. `call` gives what the graph needs beside images and labels. */
export async function accuracyOn(
  executable: Executable,
  set: ImageSet,
  normalization: Normalization,
  call: (batch: number) => Omit<Call, 'inputs'> & { readonly inputs?: Call['inputs'] },
  signal?: AbortSignal,
): Promise<number> {
  const { shape } = executable.plan.bindings.find((binding) => binding.name === 'images')!;
  const [size] = shape as [number];
  const pixels = set.height * set.width * set.channels;
  const images = new Float32Array(size * pixels);
  const labels = new Float32Array(size);
  let correct = 0;
  for (let first = 0, batch = 0; first < set.count; first += size, batch++) {
    signal?.throwIfAborted();
    const count = Math.min(size, set.count - first);
    const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
    // A label of −1 marks the empty places of the last batch: it is never counted as correct.
    labels.fill(-1);
    fillBatchInto(images.subarray(0, count * pixels), labels.subarray(0, count), { set, indices, normalization });
    const given = call(batch);
    const outputs = await executable.run({ ...given, inputs: { ...given.inputs, images, labels } });
    correct += outputs['correct']![0]!;
  }
  return correct / set.count;
}
