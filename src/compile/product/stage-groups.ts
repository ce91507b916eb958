// Stages the images of a product in groups: the channels of one group, or an image for vectors that span groups.

import { div, type Int, literal, plus, times } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, eachVector } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import { type ImageSource, type StagedImage, stageImage } from './stage-image.ts';

/** True if vectors should span groups, because within one group they would be mostly empty. */
export function spansGroups(lanes: number, columnsPerGroup: number): boolean {
  return 2 * columnsPerGroup < lanes;
}

/** Group `group` of an image's channels; the image itself if there is one group only. */
export function groupOf(source: ImageSource, groups: number, group: Int): ImageSource {
  if (groups === 1) return source;
  const [height, width, all] = source.size;
  const channels = all / groups;
  const first = times(group, channels);
  return {
    ...source,
    size: [height, width, channels],
    index: (image, y, x, channel) => source.index(image, y, x, plus(first, channel)),
    isShare: true,
  };
}

/**
 * Stages an image so that each column of the weight matrix finds the channels of its own group: a pixel has, for every
 * channel of a group, one row with an element for each column. A group of one channel and one column needs no staging.
 */
export function stageAcrossGroups(
  context: Context,
  draft: Draft,
  {
    source,
    groups,
    columns,
  }: { readonly source: ImageSource; readonly groups: number; readonly columns: number },
  image: Int,
): StagedImage {
  const [height, width, all] = source.size;
  const channels = all / groups;
  if (channels === 1 && columns === groups) return stageImage(context, draft, source, image);
  const b = draft.builder;
  const { y: above, x: beside } = source.padding;
  const pixelStride = channels * columns;
  const rowStride = (beside[0] + width + beside[1]) * pixelStride;
  const elements = (above[0] + height + above[1]) * rowStride;
  const base = b.reserve(elements);
  const address = (y: Int, x: Int, element: Int): Int =>
    plus(plus(literal(base), plus(times(y, rowStride), times(x, pixelStride))), element);
  if (elements > height * width * pixelStride) {
    const zero = b.literal(0);
    eachVector(b, elements, (at, count) => b.store(SCRATCH, plus(literal(base), at), zero, count));
  }
  const emit = createEmitter(draft);
  b.loop(height, (y) =>
    b.loop(width, (x) =>
      b.loop(channels, (channel) =>
        eachVector(b, columns, (at, count) => {
          const own = plus(times(div(at, columns / groups), channels), channel);
          const to = address(
            plus(y, literal(above[0])),
            plus(x, literal(beside[0])),
            plus(times(channel, columns), at),
          );
          b.store(SCRATCH, to, emit(source.node, source.index(image, y, x, own)), count);
        }),
      ),
    ),
  );
  return { slot: SCRATCH, address };
}
