// Dropout: the one module that draws. It asks the context for a key, and lets everything through where there is none, so
// in inference and wherever statistics are estimated.

import { UsageError } from '../base/errors.ts';
import type { Module } from './module.ts';

/**
 * Each value is 0 with probability `rate`, else divided by 1 − rate; anew for every batch. Without a key in the context,
 * as in inference, the input itself.
 *
 * @throws UsageError if the rate is not at least 0 and below 1
 * @source N. Srivastava et al., JMLR 15:1929 (2014), in the form that scales in training
 */
export function dropout(rate: number): Module {
  if (!(rate >= 0 && rate < 1)) {
    throw new UsageError(`dropout: rate must be at least 0 and below 1, got ${rate}`);
  }
  return (inputShape) => ({
    outputShape: inputShape,
    parameters: [],
    layers: [],
    apply: (x, { freshKey }) => {
      if (freshKey === undefined || rate === 0) return { value: x, statistics: {} };
      const kept = freshKey()
        .uniform(x.shape)
        .less(rate)
        .select(0, 1 / (1 - rate));
      return { value: x.multiply(kept.detach()), statistics: {} };
    },
  });
}
