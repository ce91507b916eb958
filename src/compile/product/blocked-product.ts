// Lowering of products: convolution, its input gradient and the matrix product are one register-blocked loop nest. A
// block of pixels × columns sums over _runs_, consecutive inputs that meet consecutive rows of the weight matrix.
// Images are padded on the way into scratch memory, where the elementwise work before the product (its prologue) is
// done too; the work after it, the epilogue, is done on the accumulators.

import type { Node } from '../../graph/node.ts';
import { type Int, plus, times, unflatten } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { type Context, chunkIndex, createDraft, type DraftLaunch } from '../draft.ts';
import {
  chooseBlocking,
  eachBlockOfPixels,
  eachColumnBlock,
  finishBlock,
  sumBlock,
  type Walk,
} from './block.ts';
import { createEpilogue } from './epilogue.ts';
import { type Phase, type Product, rowsBefore } from './geometry.ts';
import { lowerGroupedProduct } from './grouped-product.ts';
import { columnShares, isWorthPanels, packPanels, walkPanels } from './panels.ts';
import { loadRow } from './prefetch.ts';
import { stageImage } from './stage-image.ts';

/** The kernels of a product. They also compute `sums`, sums of its result over images and pixels. */
export function lowerProduct(context: Context, product: Product, sums: readonly Node[] = []): DraftLaunch[] {
  const { groups = 1, perChunk = 1 } = product;
  if (groups > 1) return lowerGroupedProduct(context, { ...product, groups }, sums);
  const draft = createDraft(context);
  const output = draft.output(context.memoryOf(product.result)!);
  const [phase] = product.phases;
  const panels = isWorthPanels(product) ? packPanels(context, product, phase!) : undefined;
  const shares = panels === undefined || sums.length > 0 ? 1 : columnShares(product, panels);
  const passes = product.images / perChunk;
  const chunks = passes * shares;
  const chunk = chunkIndex(chunks);
  const [pass, share] = unflatten(chunk, [passes, shares]) as [Int, Int];
  const filter = draft.input(panels?.memory ?? product.filter);
  const epilogue = createEpilogue(context, draft, { ...product, output, chunks, chunk }, sums);
  draft.builder.loop(
    perChunk,
    (i) => {
      const image = plus(times(pass, perChunk), i);
      const walk = { draft, context, product, filter, epilogue, image };
      if (panels !== undefined) {
        const count = product.columns / shares;
        walkPanels(walk, phase!, panels, { first: times(share, count), count });
        return;
      }
      const staged = stageImage(context, draft, product.source, image);
      for (const each of product.phases) walkPixels({ ...walk, staged }, each);
    },
    'm',
  );
  const combine = epilogue.finish();
  const launch = draft.finish(product.name, chunks, shares === 1 ? perChunk : undefined);
  return panels === undefined ? [launch, ...combine] : [panels.launch, launch, ...combine];
}

/** Pixels in the outer loops, columns in the inner ones: for a filter that stays in the L2 cache. */
function walkPixels(walk: Walk, phase: Phase): void {
  const { draft, context, product, filter, image } = walk;
  const b = draft.builder;
  const before = rowsBefore(product, image);
  const blocking = chooseBlocking(context, phase.size[1], product.columns);
  const walked = { slot: filter, bytes: (4 * product.filter.elements) / (product.stack?.count ?? 1) };
  eachBlockOfPixels(draft, phase, blocking.pixels, (y, x, pixels) =>
    eachColumnBlock(draft, product.columns, blocking.vectors, (column, counts) => {
      const rowAt = (filterRow: Int): Int => plus(times(plus(filterRow, before), product.columns), column);
      const weight = (filterRow: Int, v: number): Local => loadRow(b, walked, rowAt, filterRow, v);
      const { runs } = phase;
      const block = { phase, runs, y, x, pixels, column, counts, weight };
      const zero = b.literal(0);
      finishBlock(
        walk,
        block,
        sumBlock(walk, block, () => zero),
      );
    }),
  );
}
