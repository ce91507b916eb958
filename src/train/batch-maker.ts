// The batches of a training: which examples, in which order, augmented how.

import { deriveKey, type Key } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import { batchOrder } from '../data/batches.ts';
import type { TrainingSettings } from './settings.ts';
import { type Batch, streamIndices, type Task } from './task.ts';

/** What batches are made of. */
export type BatchOptions = {
  readonly task: Task;
  readonly settings: Pick<TrainingSettings, 'batchSize'>;
  readonly stepsPerEpoch: number;
};

/**
 * Makes the batch of any step, from the seed and the step alone. Two buffers alternate, for the batch that is computed
 * and the next one, so a batch is overwritten by the second call after its own.
 */
export function batchMaker(
  { task, settings, stepsPerEpoch }: BatchOptions,
  root: Key,
): (step: number) => Promise<Batch> {
  const { examples, batch: shapes } = task;
  const { batchSize } = settings;
  const [orderKey, key] = [deriveKey(root, 'order'), deriveKey(root, 'augmentation')];
  const pair = [0, 1].map((): Batch => {
    const tensors = Object.entries(shapes).map(([name, shape]) => [
      name,
      new Float32Array(batchSize * elementCount(shape)),
    ]);
    return Object.fromEntries(tensors) as Batch;
  });
  let order: { readonly epoch: number; readonly indices: Uint32Array } | undefined;
  const indicesOf = (epoch: number, position: number): Uint32Array => {
    if (examples.streams !== undefined) return streamIndices(position, stepsPerEpoch, batchSize);
    if (order?.epoch !== epoch) order = { epoch, indices: batchOrder(orderKey, epoch, examples.trainCount) };
    const first = position * batchSize;
    return order.indices.subarray(first, first + batchSize);
  };
  return (step) => {
    const epoch = Math.floor(step / stepsPerEpoch);
    const made = (async () => {
      const batch = pair[step % 2]!;
      await examples.fillTraining(batch, indicesOf(epoch, step % stepsPerEpoch), { key, epoch });
      return batch;
    })();
    // A failure is that of the step that needs the batch; a run that is stopped needs it no more.
    made.catch(() => undefined);
    return made;
  };
}
