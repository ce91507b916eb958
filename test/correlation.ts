// What tests of independence share.

import { meanOf, standardDeviationOf } from '../src/base/statistics.ts';

/** Pearson's correlation of two samples of one size. Of independent ones its standard deviation is 1/√n. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - meanA) * (b[i]! - meanB);
  return sum / (a.length - 1) / (standardDeviationOf(a) * standardDeviationOf(b));
}
