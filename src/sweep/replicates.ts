// Means over replicates of two levels, chips within seeds, with what each level contributes told apart. A mean over chips of
// one training says nothing of other trainings, however many chips there are.

import { meanOf, standardDeviationOf, studentQuantile975 } from '../base/statistics.ts';

/** A mean over chips and seeds. */
export type ReplicatedMean = {
  /** Of the means of the seeds, each with the same weight. */
  readonly mean: number;
  readonly seeds: number;
  readonly chips: number;
  /** 95 % interval for chips of these very trainings (Student's t); absent for one chip a seed. */
  readonly chipInterval95?: readonly [low: number, high: number];
  /** 95 % interval for other seeds and chips (Student's t over the means of the seeds); absent for one seed. */
  readonly seedInterval95?: readonly [low: number, high: number];
  /** Standard deviation from chip to chip of one seed; absent for one chip a seed. */
  readonly betweenChips?: number;
  /** Standard deviation from seed to seed, without what chips contribute; absent for one seed, or one chip a seed. */
  readonly betweenSeeds?: number;
};

/**
 * Mean, intervals and standard deviations of values y_sc of chips c of seeds s.
 *
 * - between chips: σ²_c = Σ_s Σ_c (y_sc − ȳ_s)² / (N − S)
 * - between seeds: σ²_s = max(0, (Σ_s n_s (ȳ_s − ȳ)² / (S − 1) − σ²_c) / n₀), n₀ = (N − Σ n_s² / N) / (S − 1)
 * - interval over chips: mean ± t(N − S) σ_c √(Σ 1/n_s) / S
 * - interval over seeds: mean ± t(S − 1) · standard deviation of the ȳ_s / √S
 *
 * @param groups one list for each seed, none empty
 * @source the analysis of variance of a one-way random model: S. R. Searle, G. Casella, C. E. McCulloch, Variance
 *   Components (1992), chapter 3 [second hand]; for equal n the textbook formulas, which the test checks
 *
 * Not modelled: chips that several seeds share; test images, which are the same for all.
 */
export function replicatedMean(groups: readonly (readonly number[])[]): ReplicatedMean {
  const means = groups.map(meanOf);
  const mean = meanOf(means);
  const [seeds, chips] = [groups.length, groups.reduce((sum, { length }) => sum + length, 0)];
  const within = chips - seeds;
  const squares = groups.reduce((sum, group, s) => sum + sumOf(group.map((y) => (y - means[s]!) ** 2)), 0);
  const chipVariance = within > 0 ? squares / within : undefined;
  const around = (half: number): readonly [number, number] => [mean - half, mean + half];
  const chipError =
    chipVariance === undefined
      ? undefined
      : Math.sqrt(chipVariance * sumOf(groups.map(({ length }) => 1 / length))) / seeds;
  return {
    mean,
    seeds,
    chips,
    ...(chipError !== undefined && { chipInterval95: around(studentQuantile975(within) * chipError) }),
    ...(seeds > 1 && {
      seedInterval95: around((studentQuantile975(seeds - 1) * standardDeviationOf(means)) / Math.sqrt(seeds)),
    }),
    ...(chipVariance !== undefined && { betweenChips: Math.sqrt(chipVariance) }),
    ...(chipVariance !== undefined &&
      seeds > 1 && { betweenSeeds: seedDeviation(groups, means, chipVariance) }),
  };
}

function seedDeviation(
  groups: readonly (readonly number[])[],
  means: readonly number[],
  chipVariance: number,
): number {
  const counts = groups.map(({ length }) => length);
  const total = sumOf(counts);
  const overall = sumOf(means.map((mean, s) => mean * counts[s]!)) / total;
  const between = sumOf(means.map((mean, s) => counts[s]! * (mean - overall) ** 2)) / (groups.length - 1);
  const effective = (total - sumOf(counts.map((n) => n * n)) / total) / (groups.length - 1);
  return Math.sqrt(Math.max(0, (between - chipVariance) / effective));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
