// A vision transformer for small images.

import { throwFaults } from '../base/errors.ts';
import { classifier, type ImageTask, taskFaults } from './define-network.ts';
import {
  dense,
  dropout,
  layerNormalization,
  learnedPositions,
  meanOverTime,
  patchEmbedding,
  sequence,
  transformerBlock,
} from './modules.ts';
import type { Network } from './network.ts';

/** Options of a vision transformer. */
export type VitOptions = ImageTask & {
  /** Rows and columns of a patch. */
  readonly patch: number;
  /** Number of blocks. */
  readonly blocks: number;
  readonly width: number;
  readonly heads: number;
  /** Width of the perceptrons, in widths. */
  readonly expansion: number;
  /** Rate of dropout behind the embedding and in the blocks; 0 by default. */
  readonly dropout?: number;
};

/**
 * A vision transformer: patches (`patches`, a convolution), learned positions (`positions`), transformer blocks `block1` …
 * `blockN`, a layer normalisation (`norm`), the mean over the patches, and `dense`. The mean takes the place of the class
 * token: with it a sequence of 64 patches stays one of 64.
 *
 * @throws UsageError if the task is impossible, patches do not tile the image, or heads do not divide the width
 * @source A. Dosovitskiy et al., ICLR 2021 (arXiv 2010.11929), Section 3.1 and Appendix D.3 (mean of all patches)
 */
export function vit(options: VitOptions): Network {
  const { inputShape, classes, patch, blocks, width, heads, expansion, dropout: rate = 0 } = options;
  throwFaults('network "vit"', taskFaults({ inputShape, classes }));
  const all = Array.from({ length: blocks }, (_, k) =>
    transformerBlock({ name: `block${k + 1}`, heads, hidden: expansion * width, dropout: rate, blocks }),
  );
  const module = sequence([
    patchEmbedding({ name: 'patches', size: patch, width }),
    learnedPositions('positions'),
    dropout(rate),
    ...all,
    layerNormalization('norm'),
    meanOverTime,
    dense({ name: 'dense', outputs: classes }),
  ]);
  return classifier({ name: 'vit', inputShape, classes, module });
}
