// The images of a product in groups: one group's share of the channels, or an image for vectors that lie across groups.

import { div, type Int, literal, plus, times } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import { type Context, type Draft, eachVector } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import { type ImageSource, type StagedImage, stageImage } from './stage-image.ts';

/** True where vectors should lie across groups: within one they would be mostly empty. */
export function liesAcrossGroups(lanes: number, columnsPerGroup: number): boolean {
  return 2 * columnsPerGroup < lanes;
}

/** Group `group` of an image's channels; the image itself if there is but one. */
export function groupOf(source: ImageSource, groups: number, group: Int): ImageSource {
  if (groups === 1) return source;
  const [height, width, all] = source.size;
  const channels = all / groups;
  const first = times(group, channels);
  return {
    ...source,
    size: [height, width, channels],
    index: (image, row, column, channel) => source.index(image, row, column, plus(first, channel)),
    isShare: true,
  };
}

/**
 * Brings an image to where each column finds the channels of its own group: pixel by pixel, for every channel of a group
 * a row of all columns. With one channel and one column a group that is the image as it is.
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
  const { rows, columns: sides } = source.padding;
  const pixelStride = channels * columns;
  const rowStride = (sides[0] + width + sides[1]) * pixelStride;
  const elements = (rows[0] + height + rows[1]) * rowStride;
  const base = b.reserve(elements);
  const address = (row: Int, column: Int, element: Int): Int =>
    plus(plus(literal(base), plus(times(row, rowStride), times(column, pixelStride))), element);
  if (elements > height * width * pixelStride) {
    const zero = b.literal(0);
    eachVector(b, elements, (at, count) => b.store(SCRATCH, plus(literal(base), at), zero, count));
  }
  const emit = createEmitter(draft);
  b.loop(height, (row) =>
    b.loop(width, (column) =>
      b.loop(channels, (channel) =>
        eachVector(b, columns, (at, count) => {
          const own = plus(times(div(at, columns / groups), channels), channel);
          const to = address(
            plus(row, literal(rows[0])),
            plus(column, literal(sides[0])),
            plus(times(channel, columns), at),
          );
          b.store(SCRATCH, to, emit(source.node, source.index(image, row, column, own)), count);
        }),
      ),
    ),
  );
  return { slot: SCRATCH, address };
}
