// Tiki-Taka and its descendants: gradients are written to a fast array, which is read a row at a time; what it holds is
// passed on to a slower array (transfer.ts), and from there, if there are more, to the next. So a slow array averages over
// many noisy, uneven steps of a faster one, and arrays of smaller significance hold what coarse ones can't.

import type { UpdateRule } from '../rules/update-rule.ts';
import { arrayChain, type ChainOptions } from './array-chain.ts';
import { type FastRate, fastRateOf, meanSpecs } from './fast-rate.ts';
import { digitalParameter, type LayerMapping, layerOfWeights } from './layers.ts';
import { type LoopOptions, writtenAndTransferred } from './tiki-taka-loop.ts';

/** What Tiki-Taka is made of. */
export type TikiTakaOptions = LoopOptions &
  ChainOptions & {
    readonly fastRate: FastRate;
    readonly digital: UpdateRule;
    readonly mapping: LayerMapping;
  };

/**
 * Descent with arrays W_0, slow, to W_N, fast, of which a weight is the sum: weight = Σ γⁿ W_n.
 *
 *     for every sample: W_N ← W_N − r_N x ⊗ δ, by stochastic pulses
 *     after every so many samples, or steps, n = N − 1 … 0: for the next row of W_{n + 1}, v = read of the row,
 *         W_n ← W_n + what `transferred` makes of v
 *
 * Two arrays are the Tiki-Taka family: a fast array A and a slow one C, weight = C + γ A. More are residual learning on
 * several tiles.
 *
 * State: the arrays, `<layer>.cells.…` the slowest, `<layer>.fast.…` the fastest, `<layer>.array1.…` between, and what the
 * transfers keep. The parameter itself is the sum. All arrays leak after every step if their devices do. Rows follow one
 * another in order (transfer-schedule.ts).
 *
 * @source T. Gokmen, W. Haensch, Front. Neurosci. 14:103 (2020), known from notes on it; the others as `transferred`; the
 *         sum over tiles: J. Li et al., arXiv 2510.02516, of whose schedule between the tiles only its order is known
 *
 * Not modelled: converters of the reads of an array; transfers of several rows at once; refresh of pairs.
 */
export function tikiTaka(options: TikiTakaOptions): UpdateRule {
  const { digital, mapping, fastRate, transfer } = options;
  const chain = arrayChain(options);
  return {
    name: `tiki-taka ${transfer.kind}`,
    states: (parameter) =>
      digitalParameter(parameter, mapping)
        ? digital.states(parameter)
        : [...chain.states(parameter), ...meanSpecs(fastRate, layerOfWeights(parameter).name)],
    scalars: (step) => digital.scalars(step),
    begin: (context) => {
      const { parameter, weights } = context;
      if (digitalParameter(parameter, mapping)) return digital.begin?.(context) ?? { weights, states: {} };
      return chain.begin(context);
    },
    sensed: (layer, context) =>
      mapping(layer.name) === undefined ? undefined : chain.sensed(layer, context),
    update: (update) => {
      if (digitalParameter(update.parameter, mapping)) return digital.update(update);
      const before = chain.of(update);
      const means = meanSpecs(fastRate, layerOfWeights(update.parameter).name);
      const fast = before.arrays.at(-1)!;
      const pulse = fast.cells.scale.multiply(fast.model.granularity);
      const now = fastRateOf(options, pulse, means, update);
      const step = {
        factors: update.factors(),
        learningRate: update.learningRate,
        rate: now.rate,
        key: update.key(),
      };
      const { weights, states, counts } = chain.updated(
        update,
        before,
        writtenAndTransferred(options, before, step),
      );
      return { weights, states: { ...states, ...now.means }, counts: counts! };
    },
  };
}
