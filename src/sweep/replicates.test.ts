import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, keyFromSeed, randomSequence } from '../base/random.ts';
import { confidenceInterval95, meanOf, standardDeviationOf } from '../base/statistics.ts';
import { replicatedMean } from './replicates.ts';

test('for as many chips of each seed the estimates are the textbook’s', () => {
  const groups = [
    [1, 2, 3],
    [4, 6, 8],
    [3, 3, 6],
  ];
  const means = groups.map(meanOf);
  const found = replicatedMean(groups);
  const within = meanOf(groups.map((group) => standardDeviationOf(group) ** 2));
  assert.ok(Math.abs(found.betweenChips! - Math.sqrt(within)) < 1e-12);
  // Mean squares: n times the variance of the means is n σ²_s + σ²_c.
  assert.ok(Math.abs(found.betweenSeeds! - Math.sqrt(standardDeviationOf(means) ** 2 - within / 3)) < 1e-12);
  assert.deepEqual(found.seedInterval95, confidenceInterval95(means));
  assert.equal(found.mean, meanOf(means));
  assert.deepEqual([found.seeds, found.chips], [3, 9]);
});

test('one seed has an interval over chips alone, one chip a seed one over seeds alone, a single value none', () => {
  const chips = replicatedMean([[0.5, 0.7, 0.9]]);
  for (const k of [0, 1])
    assert.ok(Math.abs(chips.chipInterval95![k]! - confidenceInterval95([0.5, 0.7, 0.9])![k]!) < 1e-12);
  assert.equal(chips.seedInterval95, undefined);
  assert.equal(chips.betweenSeeds, undefined);
  const seeds = replicatedMean([[0.5], [0.7], [0.9]]);
  assert.deepEqual(seeds.seedInterval95, confidenceInterval95([0.5, 0.7, 0.9]));
  assert.equal(seeds.chipInterval95, undefined);
  assert.equal(seeds.betweenChips, undefined);
  assert.deepEqual(replicatedMean([[0.5]]), { mean: 0.5, seeds: 1, chips: 1 });
});

test('seeds that differ by less than chips explain count as equal', () => {
  assert.equal(
    replicatedMean([
      [0, 10],
      [1, 9],
    ]).betweenSeeds,
    0,
  );
});

test('both parts of the spread are found again, and intervals over seeds hold the truth as often as they say', () => {
  const draw = randomSequence(deriveKey(keyFromSeed(5), 'replicates'));
  const [sigmaSeeds, sigmaChips] = [2, 0.5];
  const sweeps = 400;
  let [covered, variance, chipVariance] = [0, 0, 0];
  for (let k = 0; k < sweeps; k++) {
    // Four seeds with different numbers of chips.
    const groups = [3, 5, 8, 4].map((chips) => {
      const seed = sigmaSeeds * draw.normal();
      return Array.from({ length: chips }, () => 10 + seed + sigmaChips * draw.normal());
    });
    const { seedInterval95, betweenSeeds, betweenChips } = replicatedMean(groups);
    if (seedInterval95![0] <= 10 && seedInterval95![1] >= 10) covered++;
    variance += betweenSeeds! ** 2 / sweeps;
    chipVariance += betweenChips! ** 2 / sweeps;
  }
  // n = 400 sweeps, 5 σ: coverage 0.95 ± 5 √(0.95 · 0.05 / 400); variances with relative errors √(2 / (3 · 400)) and
  // √(2 / (16 · 400)). False alarms: below 1e-5 together.
  assert.ok(Math.abs(covered / sweeps - 0.95) < 5 * Math.sqrt((0.95 * 0.05) / sweeps), `${covered}`);
  assert.ok(Math.abs(variance / sigmaSeeds ** 2 - 1) < 5 * Math.sqrt(2 / (3 * sweeps)), `${variance}`);
  assert.ok(
    Math.abs(chipVariance / sigmaChips ** 2 - 1) < 5 * Math.sqrt(2 / (16 * sweeps)),
    `${chipVariance}`,
  );
});
