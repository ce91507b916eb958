// The cell's equations as statistics: against aihwkit's model, which shares the coefficients, against the distributions
// that the equations say, and against the table formulas. Seeds are fixed; a test fails by chance as its line says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlation } from '../../test/correlation.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import {
  type CellSpec,
  driftExponent,
  driftedConductance,
  programmedConductance,
  readConductance,
  readVariance,
} from './cell.ts';
import { hermesOneDevice, hermesTwoDevices, idealCell, pcmNandakumar2019 } from './published-cells.ts';

type Life = { readonly programmed: Float64Array; readonly nu: Float64Array; readonly read: Float64Array };

/** Programs `n` cells to one target and reads them once at `t`. */
function live(cell: CellSpec, target: number, t: number, n: number, seed = 1): Life {
  const graph = trace((t) => {
    const targets = t.scalar('target').broadcastTo([n]);
    const key = t.key('key');
    const programmed = programmedConductance(cell, targets, key.derive('programming'));
    const nu = driftExponent(cell, targets, key.derive('drift'));
    const time = t.scalar('t');
    const drifted = driftedConductance(programmed, nu, time, cell.driftReferenceSeconds);
    return {
      outputs: { programmed, nu, read: readConductance(cell, drifted, programmed, time, key.derive('read')) },
    };
  });
  return interpret(graph, { target: [target], t: [t], 'key.0': [seed], 'key.1': [7] }).outputs as Life;
}

/** Reads `n` cells that were programmed to `target` exactly. */
function readExact(cell: CellSpec, target: number, t: number, n: number, seed = 2): Float64Array {
  return live({ ...cell, programmingNoise: { kind: 'none' } }, target, t, n, seed).read;
}

type Moments = {
  readonly mean: number;
  readonly std: number;
  readonly meanError: number;
  readonly stdError: number;
};

/** Mean and standard deviation with their standard errors, the latter from the sample's fourth moment. */
function momentsOf(values: Float64Array): Moments {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const central = (power: number): number => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const variance = central(2);
  const std = Math.sqrt(variance);
  const stdError = std === 0 ? 0 : Math.sqrt(Math.max(0, central(4) - variance ** 2) / n) / (2 * std);
  return { mean, std, meanError: std / Math.sqrt(n), stdError };
}

/** Largest distance between the empirical distribution and `cdf`, times √n (Kolmogorov). */
function kolmogorov(values: Float64Array, cdf: (x: number) => number): number {
  const sorted = values.toSorted();
  const n = sorted.length;
  const distance = sorted.reduce((worst, x, i) => {
    const p = cdf(x);
    return Math.max(worst, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
  }, 0);
  return distance * Math.sqrt(n);
}

/** Standard normal distribution function, by Simpson's rule; error below 1e-9. */
function normalCdf(z: number): number {
  const end = Math.min(Math.abs(z), 8);
  const steps = 200;
  const h = end / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((i * h) ** 2) / 2);
  }
  const half = (sum * h) / 3 / Math.sqrt(2 * Math.PI);
  return z < 0 ? 0.5 - half : 0.5 + half;
}

/** Statistics of aihwkit 1.1.0 (commit 4545f11), PCMLikeNoiseModel(g_max=25), 400 000 cells a level, torch seed 1. */
type MeanAndStd = readonly [mean: number, std: number];
const golden: readonly {
  readonly target: number;
  readonly programmed: MeanAndStd;
  readonly atZero: number;
  readonly nu: MeanAndStd;
  readonly read: readonly {
    readonly t: number;
    readonly fromTarget: MeanAndStd;
    readonly fromProgrammed: MeanAndStd;
  }[];
}[] = [
  {
    target: 0.0,
    programmed: [0.1054158, 0.1541706],
    atZero: 0.5002825,
    nu: [0.100295, 0.04413972],
    read: [
      { t: 0, fromTarget: [0.0, 0.0], fromProgrammed: [0.1079786, 0.1871596] },
      { t: 3600, fromTarget: [0.0, 0.0], fromProgrammed: [0.06660116, 0.1227681] },
      { t: 31536000, fromTarget: [0.0, 0.0], fromProgrammed: [0.03242519, 0.07407521] },
    ],
  },
  {
    target: 0.25,
    programmed: [0.2794203, 0.2385856],
    atZero: 0.188465,
    nu: [0.09630078, 0.04382711],
    read: [
      { t: 0, fromTarget: [0.2573541, 0.1701178], fromProgrammed: [0.2828269, 0.2927127] },
      { t: 3600, fromTarget: [0.1629825, 0.1257952], fromProgrammed: [0.1770995, 0.1987375] },
      { t: 31536000, fromTarget: [0.08249006, 0.09295025], fromProgrammed: [0.08815396, 0.1291327] },
    ],
  },
  {
    target: 1.25,
    programmed: [1.250241, 0.3593667],
    atZero: 0.0002625,
    nu: [0.07116483, 0.03089354],
    read: [
      { t: 0, fromTarget: [1.249273, 0.3224872], fromProgrammed: [1.250247, 0.4811315] },
      { t: 3600, fromTarget: [0.8743611, 0.2956755], fromProgrammed: [0.8754328, 0.3888856] },
      { t: 31536000, fromTarget: [0.4979673, 0.2896967], fromProgrammed: [0.4983657, 0.3290956] },
    ],
  },
  {
    target: 2.5,
    programmed: [2.499551, 0.4482364],
    atZero: 0.0,
    nu: [0.06016796, 0.02270077],
    read: [
      { t: 0, fromTarget: [2.499004, 0.411386], fromProgrammed: [2.500608, 0.6081348] },
      { t: 3600, fromTarget: [1.841351, 0.4093696], fromProgrammed: [1.840258, 0.5272343] },
      { t: 31536000, fromTarget: [1.115696, 0.4483912], fromProgrammed: [1.11612, 0.4969716] },
    ],
  },
  {
    target: 5.0,
    programmed: [4.99913, 0.609621],
    atZero: 0.0,
    nu: [0.04933619, 0.01421264],
    read: [
      { t: 0, fromTarget: [5.000614, 0.5247138], fromProgrammed: [4.997776, 0.8040913] },
      { t: 3600, fromTarget: [3.879531, 0.5458437], fromProgrammed: [3.878576, 0.7220459] },
      { t: 31536000, fromTarget: [2.525079, 0.6315322], fromProgrammed: [2.522549, 0.7049121] },
    ],
  },
  {
    target: 7.5,
    programmed: [7.500275, 0.7490547],
    atZero: 0.0,
    nu: [0.04899691, 0.009148942],
    read: [
      { t: 0, fromTarget: [7.500499, 0.6041748], fromProgrammed: [7.500704, 0.9613037] },
      { t: 3600, fromTarget: [5.820165, 0.6019154], fromProgrammed: [5.818894, 0.8366569] },
      { t: 31536000, fromTarget: [3.759471, 0.6423069], fromProgrammed: [3.758447, 0.7448187] },
    ],
  },
  {
    target: 10.0,
    programmed: [10.00072, 0.8609646],
    atZero: 0.0,
    nu: [0.04898921, 0.007996416],
    read: [
      { t: 0, fromTarget: [9.99876, 0.667618], fromProgrammed: [9.999755, 1.089426] },
      { t: 3600, fromTarget: [7.758303, 0.6741897], fromProgrammed: [7.758945, 0.9485483] },
      { t: 31536000, fromTarget: [5.003731, 0.7302533], fromProgrammed: [5.002005, 0.8494232] },
    ],
  },
  {
    target: 12.5,
    programmed: [12.49957, 0.9536517],
    atZero: 0.0,
    nu: [0.04900709, 0.008000328],
    read: [
      { t: 0, fromTarget: [12.50278, 0.7214509], fromProgrammed: [12.49963, 1.194978] },
      { t: 3600, fromTarget: [9.69758, 0.7545727], fromProgrammed: [9.698596, 1.057876] },
      { t: 31536000, fromTarget: [6.252367, 0.8679165], fromProgrammed: [6.252013, 0.9924603] },
    ],
  },
  {
    target: 15.0,
    programmed: [15.00047, 1.021288],
    atZero: 0.0,
    nu: [0.04899054, 0.008006338],
    read: [
      { t: 0, fromTarget: [14.99883, 0.770664], fromProgrammed: [14.99819, 1.279771] },
      { t: 3600, fromTarget: [11.63677, 0.8368502], fromProgrammed: [11.63819, 1.150855] },
      { t: 31536000, fromTarget: [7.503717, 1.006297], fromProgrammed: [7.505678, 1.130288] },
    ],
  },
  {
    target: 17.5,
    programmed: [17.49887, 1.064373],
    atZero: 0.0,
    nu: [0.04899878, 0.007998679],
    read: [
      { t: 0, fromTarget: [17.50105, 0.8124801], fromProgrammed: [17.49907, 1.337327] },
      { t: 3600, fromTarget: [13.57467, 0.913667], fromProgrammed: [13.57595, 1.232024] },
      { t: 31536000, fromTarget: [8.754752, 1.143579], fromProgrammed: [8.752933, 1.265377] },
    ],
  },
  {
    target: 20.0,
    programmed: [20.0021, 1.086186],
    atZero: 0.0,
    nu: [0.04900913, 0.008002611],
    read: [
      { t: 0, fromTarget: [20.00059, 0.8504747], fromProgrammed: [20.00154, 1.380436] },
      { t: 3600, fromTarget: [15.51399, 0.9919161], fromProgrammed: [15.51524, 1.301213] },
      { t: 31536000, fromTarget: [10.00224, 1.284235], fromProgrammed: [10.00161, 1.392701] },
    ],
  },
  {
    target: 22.5,
    programmed: [22.50124, 1.080791],
    atZero: 0.0,
    nu: [0.0489991, 0.008019227],
    read: [
      { t: 0, fromTarget: [22.49924, 0.8878317], fromProgrammed: [22.50043, 1.395917] },
      { t: 3600, fromTarget: [17.45453, 1.0711], fromProgrammed: [17.45404, 1.358815] },
      { t: 31536000, fromTarget: [11.25507, 1.425522], fromProgrammed: [11.25496, 1.525684] },
    ],
  },
  {
    target: 25.0,
    programmed: [24.99922, 1.054514],
    atZero: 0.0,
    nu: [0.04900029, 0.008011546],
    read: [
      { t: 0, fromTarget: [24.99931, 0.9204336], fromProgrammed: [25.00162, 1.400807] },
      { t: 3600, fromTarget: [19.39683, 1.149239], fromProgrammed: [19.39407, 1.406245] },
      { t: 31536000, fromTarget: [12.50626, 1.56447], fromProgrammed: [12.50233, 1.648091] },
    ],
  },
];
const GOLDEN_CELLS = 400_000;

const N = 10_000;

/** |ours − golden| in standard errors of both samples. */
function deviation(ours: number, error: number, golden: number): number {
  return Math.abs(ours - golden) / (error * Math.sqrt(1 + N / GOLDEN_CELLS));
}

// 13 levels x 5 statistics, then 13 x 3 x 4: 221 comparisons at 5 σ, n = 10 000 cells a level. False alarm of all
// together: 221 x 6e-7 = 1e-4. Shares at zero are compared where they are no rare events.
test('programming and drift exponents have the statistics of aihwkit', () => {
  for (const level of golden) {
    const { programmed, nu } = live(pcmNandakumar2019, level.target, 0, N, 11);
    const g = momentsOf(programmed);
    const v = momentsOf(nu);
    const zeros = programmed.filter((x) => x === 0).length;
    const zerosError = Math.sqrt(N * level.atZero * (1 - level.atZero));
    // Fewer than 25 expected: more than 60 come once in 10⁹ times.
    const isRare = N * level.atZero < 25;
    const deviations = {
      'programmed mean': deviation(g.mean, g.meanError, level.programmed[0]),
      'programmed std': deviation(g.std, g.stdError, level.programmed[1]),
      'share at zero': isRare ? Math.max(0, zeros - 60) * 5 : deviation(zeros, zerosError, N * level.atZero),
      'exponent mean': deviation(v.mean, v.meanError, level.nu[0]),
      'exponent std': deviation(v.std, v.stdError, level.nu[1]),
    };
    for (const [name, z] of Object.entries(deviations)) {
      assert.ok(z < 5, `${name} at ${level.target} µS is ${z.toFixed(1)} standard errors off`);
    }
  }
});

for (const [position, when] of ['at once', 'after an hour', 'after a year'].entries()) {
  test(`reads ${when} have the statistics of aihwkit`, () => {
    for (const level of golden) {
      const { t, fromTarget, fromProgrammed } = level.read[position]!;
      const cases: readonly [string, Float64Array, MeanAndStd][] = [
        ['exactly programmed', readExact(pcmNandakumar2019, level.target, t, N, 12), fromTarget],
        ['programmed', live(pcmNandakumar2019, level.target, t, N, 13).read, fromProgrammed],
      ];
      for (const [name, values, [mean, std]] of cases) {
        const m = momentsOf(values);
        if (std === 0) {
          assert.deepEqual([m.mean, m.std], [0, 0]);
          continue;
        }
        const worst = Math.max(deviation(m.mean, m.meanError, mean), deviation(m.std, m.stdError, std));
        assert.ok(worst < 5, `${name} to ${level.target} µS: ${worst.toFixed(1)} standard errors off`);
      }
    }
  });
}

// Kolmogorov: P(√n D > 2.5) = 7e-6; n = 10 000.
test('a programmed conductance is a Gaussian around its target, cut at zero', () => {
  const target = 2.5;
  const s = 0.26348 + 1.965 * 0.1 - 1.1731 * 0.01;
  const { programmed } = live(pcmNandakumar2019, target, 0, N, 21);
  assert.ok(kolmogorov(programmed, (x) => normalCdf((x - target) / s)) < 2.5);

  const atReset = live(pcmNandakumar2019, 0, 0, N, 22).programmed.filter((x) => x > 0);
  assert.ok(kolmogorov(atReset, (x) => 2 * normalCdf(x / 0.26348) - 1) < 2.5);
});

test('a drift exponent is a folded Gaussian', () => {
  const { nu } = live(pcmNandakumar2019, 0, 0, N, 23);
  const [mu, s] = [0.1, 0.045]; // the clips of both laws at g → 0
  assert.ok(kolmogorov(nu, (x) => normalCdf((x - mu) / s) - normalCdf((-x - mu) / s)) < 2.5);
});

// Correlation of independent samples: standard deviation 1/√n; 4.5 σ, n = 10 000: false alarm 7e-6 each.
test('programming, drift and read noise are independent, and so are neighbouring cells', () => {
  const target = 12.5;
  const { programmed, nu, read } = live(pcmNandakumar2019, target, 0, N, 31);
  const again = live(pcmNandakumar2019, target, 0, N, 32);
  const readNoise = read.map((g, i) => g / programmed[i]! - 1);
  const bound = 4.5 / Math.sqrt(N);
  assert.ok(Math.abs(correlation(programmed, nu)) < bound, 'programming and drift');
  assert.ok(Math.abs(correlation(programmed, readNoise)) < bound, 'programming and reading');
  assert.ok(Math.abs(correlation(nu, readNoise)) < bound, 'drift and reading');
  assert.ok(Math.abs(correlation(programmed, again.programmed)) < bound, 'two seeds');
  assert.ok(Math.abs(correlation(programmed.slice(1), programmed.slice(0, -1))) < bound, 'neighbours');
});

test('the same seed gives the same cells, another seed others', () => {
  const first = live(pcmNandakumar2019, 5, 60, 100, 5);
  assert.deepEqual(live(pcmNandakumar2019, 5, 60, 100, 5), first);
  assert.notDeepEqual(live(pcmNandakumar2019, 5, 60, 100, 6), first);
});

test('a drifted conductance never exceeds the programmed one, and at time 0 equals it', () => {
  const silent: CellSpec = { ...pcmNandakumar2019, readNoise: { kind: 'none' } };
  for (const target of [0, 0.3, 5, 25]) {
    const later = live(silent, target, 3600, 1000);
    assert.ok(later.read.every((g, i) => g <= later.programmed[i]!));
    const atOnce = live(silent, target, 0, 1000);
    assert.deepEqual(atOnce.read, atOnce.programmed);
  }
});

test('the drift factor of ν = 0.06 and t₀ = 25 s is 0.742 after an hour, 0.613 after a day, 0.430 after a year', () => {
  // 25 s, an hour, a day, a year after the pulse; ours counts from the first read, so t = T − t₀.
  const graph = trace((t) => ({
    outputs: { g: driftedConductance(t.scalar('g0'), t.scalar('nu'), t.scalar('t'), 25) },
  }));
  for (const [total, factor] of [
    [3600, 0.742],
    [86_400, 0.613],
    [31_536_000, 0.43],
  ] as const) {
    const { g } = interpret(graph, { g0: [1], nu: [0.06], t: [total - 25] }).outputs;
    assert.ok(Math.abs(g![0]! - factor) < 5e-4);
  }
});

// The branches of the HERMES laws (aihwkit, inference/noise/hermes.py) that hold at these levels: programming spread in µS, exponent, Q_s.
const hermesLevels = [0.3, 0.5, 0.7];
const hermesSpreads: readonly {
  readonly cell: CellSpec;
  readonly s: (g: number) => number;
  readonly mean: (g: number) => number;
  readonly spread: (g: number) => number;
  readonly q: (g: number) => number;
}[] = [
  {
    cell: hermesOneDevice,
    s: (g) => 0.15781817 + 2.32443916 * g - 2.16310839 * g ** 2 + 0.68841818 * g ** 3,
    mean: (g) => -0.0436 * g ** 2 - 0.0126 * g + 0.0736,
    spread: (g) => (g < 0.3039 ? -0.012 * Math.log(g) - 0.0023 : -0.0165 * g ** 2 + 0.0116 * g + 0.0104),
    q: (g) => 0.0664 * g ** 3 - 0.1352 * g ** 2 + 0.0768 * g + 0.0088,
  },
  {
    cell: hermesTwoDevices,
    s: (g) => 0.16603222 + 4.71806468 * g - 8.48101252 * g ** 2 + 4.68961419 * g ** 3,
    mean: (g) => -0.0436 * g ** 2 - 0.0126 * g + 0.0736,
    spread: (g) =>
      g < 0.3055 ? Math.max(-0.0117 * Math.log(g) - 0.0057, 0.0091) : -0.0118 * g ** 2 + 0.0093 * g + 0.0073,
    q: (g) => 0.0069 * g ** 3 - 0.028 * g ** 2 + 0.0211 * g + 0.0123,
  },
];

// 2 cells x 3 levels x 4 statistics, n = 10 000, 5 σ: false alarm 1e-5. At these levels clamp and fold are 4 σ away,
// so sample moments are those of the Gaussians; law.test.ts checks the laws at all levels.
for (const { cell, s, mean, spread, q } of hermesSpreads) {
  test(`${cell.name} spreads as its table says`, () => {
    const t0 = cell.driftReferenceSeconds;
    for (const g of hermesLevels) {
      const target = g * cell.gMaxMicrosiemens;
      const { programmed, nu } = live(cell, target, 0, N, 41);
      const [p, v] = [momentsOf(programmed), momentsOf(nu)];
      const r = momentsOf(readExact(cell, target, 0, N, 42));
      const readStd = target * q(g) * Math.sqrt(Math.log((t0 + 512e-9) / (2 * 512e-9)));
      const deviations = {
        'programming spread': Math.abs(p.std - s(g)) / p.stdError,
        'exponent mean': Math.abs(v.mean - mean(g)) / v.meanError,
        'exponent spread': Math.abs(v.std - spread(g)) / v.stdError,
        'read spread': Math.abs(r.std - readStd) / r.stdError,
      };
      for (const [statistic, z] of Object.entries(deviations)) {
        assert.ok(z < 5, `${statistic} at g = ${g} is ${z.toFixed(1)} standard errors off`);
      }
    }
  });
}

test('the variance of a read is the square of its spread, and zero without read noise', () => {
  const variance = (cell: CellSpec, drifted: number, programmed: number, time: number): number => {
    const graph = trace((t) => ({
      outputs: { variance: readVariance(cell, t.scalar('drifted'), t.scalar('programmed'), t.scalar('t')) },
    }));
    return interpret(graph, { drifted: [drifted], programmed: [programmed], t: [time] }).outputs[
      'variance'
    ]![0]!;
  };
  // Q_s at g = 0.5, and at g = 0.002, where it is limited.
  const growth = Math.log((3600 + 20 + 250e-9) / (2 * 250e-9));
  for (const [programmed, strength] of [
    [12.5, 0.0088 * 0.5 ** -0.65],
    [0.05, 0.2],
  ] as const) {
    const expected = (0.7 * programmed * strength) ** 2 * growth;
    const found = variance(pcmNandakumar2019, 0.7 * programmed, programmed, 3600);
    assert.ok(Math.abs(found / expected - 1) < 1e-12);
  }
  assert.equal(variance(idealCell, 5, 5, 3600), 0);
});

test('programming noise scales with Gmax', () => {
  const small: CellSpec = { ...pcmNandakumar2019, gMaxMicrosiemens: 5 };
  const full = live(pcmNandakumar2019, 20, 0, 1000).programmed;
  const scaled = live(small, 4, 0, 1000).programmed;
  assert.ok(full.every((g, i) => Math.abs(g / 5 - scaled[i]!) < 1e-12));
});

// The same draws, so equal to the last digits.
test('programming noise from a table is that of the polynomial through its points, and scales with Gmax', () => {
  const line: CellSpec = {
    ...pcmNandakumar2019,
    programmingNoise: {
      kind: 'polynomial',
      coefficientsMicrosiemens: [0.2, 1],
      fittedAtMicrosiemens: 25,
      source: 'a line',
    },
  };
  const table: CellSpec = {
    ...line,
    programmingNoise: {
      kind: 'table',
      pointsMicrosiemens: [
        [0, 0.2],
        [10, 0.6],
        [25, 1.2],
      ],
      fittedAtMicrosiemens: 25,
      source: 'its points',
    },
  };
  for (const target of [0, 4, 10, 20, 25]) {
    const [a, b] = [line, table].map((cell) => live(cell, target, 0, 200).programmed);
    assert.ok(a!.every((g, i) => Math.abs(g - b![i]!) < 1e-12));
  }
  const full = live(table, 20, 0, 1000).programmed;
  const scaled = live({ ...table, gMaxMicrosiemens: 5 }, 4, 0, 1000).programmed;
  assert.ok(full.every((g, i) => Math.abs(g / 5 - scaled[i]!) < 1e-12));
});

test('an ideal cell keeps its target for ever', () => {
  const { programmed, nu, read } = live(idealCell, 3.25, 31_536_000, 10);
  assert.ok(programmed.every((g) => g === 3.25));
  assert.ok(nu.every((exponent) => exponent === 0));
  assert.ok(read.every((g) => g === 3.25));
});
