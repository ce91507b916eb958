import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hermes256, ideal } from '../crossbar/presets.ts';
import type { AccuracyAtTime, ExperimentRecord, NetworkResult } from '../experiment/record.ts';
import { countAxis, linearAxis, timeAxis } from './chart.ts';
import { toHtml } from './html.ts';
import { formulasOf } from './law-text.ts';
import { assertBalanced, assertTables, textOf } from './page-checks.test-data.ts';
import {
  attributedRecord,
  costedRecord,
  largeRecord,
  reproducedRecord,
  tinyAttribution,
  tinyRecord,
} from './record-fixture.test-data.ts';
import { STYLE } from './style.ts';
import { verdict } from './verdict.ts';
import { formatAccuracy, formatCount, formatFixed, formatPercent } from './wording.ts';

const hostile = '<script>alert("&1")</script>';
const controls = '\u001b[31m\u009b2J\u0000\u202e';
const [network] = tinyRecord.networks;

/** Records at the edges of what a page must hold. */
const records: Readonly<Record<string, ExperimentRecord>> = {
  tiny: tinyRecord,
  large: largeRecord,
  'with one network': { ...tinyRecord, networks: [network!] },
  'with five networks': {
    ...tinyRecord,
    networks: [1, 2, 3, 4, 5].map((one) => ({ ...network!, label: `run ${one}` })),
  },
  'with a single chip': withDeployed(
    network!.deployed.map(({ interval95: _, ...one }) => ({ ...one, accuracies: [one.mean] })),
    { evaluation: { ...tinyRecord.evaluation, chips: 1 } },
  ),
  'with a single time': withDeployed(network!.deployed.filter(({ timeSeconds }) => timeSeconds === 25)),
  'with time 0': withDeployed(
    network!.deployed.map((one) => ({ ...one, timeSeconds: one.timeSeconds - 25 })),
  ),
  'with only time 0': withDeployed([{ timeSeconds: 0, method: 'none', accuracies: [0.9], mean: 0.9 }]),
  'with equal accuracies': withDeployed(
    network!.deployed.map((one) => ({
      ...one,
      accuracies: [0.93, 0.93],
      mean: 0.93,
      interval95: [0.93, 0.93],
    })),
  ),
  'with nothing deployed, trained or read': {
    ...tinyRecord,
    networks: [{ ...network!, deployed: [], layers: [], training: { ...network!.training, history: [] } }],
  },
  'without networks': { ...tinyRecord, networks: [] },
  'of a reproduction': reproducedRecord,
  'with costs': costedRecord,
  'of a sweep of one time and one amount': {
    ...reproducedRecord,
    noiseSweep: { ...reproducedRecord.noiseSweep!, points: [reproducedRecord.noiseSweep!.points[0]!] },
  },
  'of a sweep without results': {
    ...reproducedRecord,
    noiseSweep: {
      ...reproducedRecord.noiseSweep!,
      points: reproducedRecord.noiseSweep!.points.map((point) => ({ ...point, deployed: [] })),
    },
  },
  'with published figures alone': {
    ...reproducedRecord,
    networks: [],
    noiseSweep: { ...reproducedRecord.noiseSweep!, points: [] },
  },
  'on ideal hardware': { ...tinyRecord, hardware: ideal },
  'on hermes256': { ...tinyRecord, hardware: hermes256 },
  'of where accuracy is lost': attributedRecord,
  'of losses at one point, of one source': {
    ...tinyRecord,
    attribution: {
      ...tinyAttribution,
      points: [tinyAttribution.points[0]!],
      reference: [tinyAttribution.reference[0]!],
      exact: [tinyAttribution.exact![0]!],
      entries: tinyAttribution.entries
        .slice(0, 1)
        .map((entry) => ({ ...entry, accuracies: [entry.accuracies[0]!] })),
    },
  },
  'with hostile text': {
    ...attributedRecord,
    title: hostile + controls,
    command: hostile + controls,
    attribution: {
      ...tinyAttribution,
      network: hostile,
      entries: [
        { ...tinyAttribution.entries[0]!, subject: { kind: 'layers', name: hostile, layers: [hostile] } },
      ],
    },
    networks: [{ ...network!, label: hostile, layers: [{ ...network!.layers[0]!, name: hostile }] }],
  },
};

for (const [name, record] of Object.entries(records)) {
  describe(`the page of a record ${name}`, () => {
    const page = toHtml(record);

    test('closes every element that it opens', () => assertBalanced(page));

    test('has no number that is none', () => {
      assert.doesNotMatch(page, /NaN|Infinity|undefined|\[object/);
    });

    test('loads nothing and runs nothing', () => {
      assert.doesNotMatch(page, /<(script|link|img|iframe|object|embed|image|use)\b/);
      assert.doesNotMatch(page, /\s(src|xlink:href|on\w+)\s*=|\shref="[^#]/);
      assert.doesNotMatch(page, /@import|url\(/);
      assert.match(page, /content="default-src 'none'; style-src 'unsafe-inline'"/);
    });

    test('gives every drawing a name and a description of its own', () => {
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
      assert.equal(new Set(ids).size, ids.length);
      for (const [, list] of page.matchAll(/aria-labelledby="([^"]+)"/g)) {
        for (const id of list!.split(' ')) assert.ok(ids.includes(id), id);
      }
      const bare = [...page.matchAll(/<svg [^>]*>/g)].filter(
        ([tag]) => !/aria-labelledby|aria-hidden/.test(tag),
      );
      assert.deepEqual(bare, []);
    });

    test('says the verdict', () => assert.ok(textOf(page).includes(verdict(record))));

    test('has contents that lead to every section, and headings in order', () => {
      const sections = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
      const anchors = [...page.matchAll(/<a href="#([^"]+)">/g)].map(([, id]) => id);
      assert.ok(sections.length >= 7);
      assert.deepEqual(anchors, sections);
      const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
      assert.equal(levels.filter((level) => level === 1).length, 1);
      for (const [index, level] of levels.entries()) assert.ok(level <= (levels[index - 1] ?? 0) + 1);
    });

    test('gives every table a caption and every head cell a scope, and rows of one width', () => {
      assertTables(page);
    });
  });
}

test('a page contains every number of the record', () => {
  for (const record of [tinyRecord, largeRecord]) {
    const page = textOf(toHtml(record));
    const missing = numbersOf(record).filter((number) => !page.includes(number));
    assert.deepEqual(missing, []);
  }
});

test('a page contains every setting', () => {
  const page = toHtml(tinyRecord);
  for (const field of [
    'adc.range.fullScale',
    'cell.readNoise.strength.exponent',
    'settings.clipping.alpha',
    'adabs.batchSize',
    'machine.processor',
  ]) {
    assert.ok(page.includes(`<code>${field}</code>`), field);
  }
  assert.ok(page.includes(`<pre><code>${tinyRecord.command}</code></pre>`));
});

test('published figures are marked in the plots whose times they fall into, and stand in the table with ours', () => {
  const page = toHtml(reproducedRecord);
  const marks = [...page.matchAll(/<path class="published( \w+)?"[^>]*><title>([^<]+)<\/title>/g)];
  assert.deepEqual(
    new Set(marks.map(([, method = '', title]) => `${method.trim()}: ${title}`)),
    new Set([
      ': published, digital: 93.87 % (Fig. 1)',
      'global: published, after a day: &gt; 90 % (abstract)',
      'none: published, after 1,000 s: ≈ 10 % (Fig. 2)',
    ]),
  );
  const text = textOf(page).replaceAll(/\s+/g, ' ');
  assert.ok(
    text.includes('after a day > 90 % 90.20 ± 0.25 % +0.20 abstract noise-trained, global, 1 day'),
    text,
  );
  assert.ok(text.includes('digital 93.87 % 93.00 % −0.87 Fig. 1 * noise-trained, in floating point'));
  assert.ok(text.includes('on 2 programmed chips (control, plain: 3)'));
});

test('a sweep shows its digital accuracies and its settings', () => {
  const text = textOf(toHtml(reproducedRecord)).replaceAll(/\s+/g, ' ');
  assert.ok(text.includes('η = 0 % 92.00 88.5 ± 1.3 η = 3.8 % 88.20 88.5 ± 1.3'), text);
  assert.ok(text.includes('amounts of training noise'));
});

test('a record without them has neither section', () => {
  assert.doesNotMatch(toHtml(tinyRecord), /Beside the publication|Amount of training noise/);
});

test('a section on losses has a panel for each point, every loss, and both kinds of marks', () => {
  const page = toHtml(attributedRecord);
  const section = page.slice(
    page.indexOf('<section id="attribution"'),
    page.indexOf('<section id="conductances"'),
  );
  assert.equal([...section.matchAll(/<svg viewBox/g)].length, 2 * tinyAttribution.points.length);
  const count = tinyAttribution.entries.length * tinyAttribution.points.length;
  assert.equal([...section.matchAll(/class="loss (alone|left-out)"[^>]*><title>/g)].length, count);
  const text = textOf(section).replaceAll(/\s+/g, ' ');
  assert.ok(text.includes('drift alone 93.00 ± 0.25 0.00 ± 0.25 92.00 ± 0.25 1.00 ± 0.25'), text);
  assert.ok(text.includes('no source at all 93.00 ± 0.00 0.00 ± 0.00'));
  assert.ok(text.includes('the whole chip 90.0 ± 2.5 3.0 ± 2.5 88.0 ± 5.0 5.0 ± 5.0'));
  assert.ok(text.includes('By layer: accuracy (%)'));
});

test('networks share one plot up to three; of more, every method has a plot that all share', () => {
  const ids = (record: ExperimentRecord) =>
    [...toHtml(record).matchAll(/aria-labelledby="(accuracy[\w-]*)-title/g)].map(([, id]) => id);
  assert.deepEqual(ids(tinyRecord), ['accuracy']);
  assert.deepEqual(ids(records['with five networks']!), ['accuracy-none', 'accuracy-global']);
  const page = toHtml(tinyRecord);
  const shared = page.slice(
    page.indexOf('id="accuracy-title"'),
    page.indexOf('</svg>', page.indexOf('id="accuracy-title"')),
  );
  for (const name of ['noise-trained, global', 'control, plain, no compensation'])
    assert.ok(shared.includes(`<title>${name}, 25 s:`), name);
});

test('a caption says which curves coincide', () => {
  const twin: ExperimentRecord = { ...tinyRecord, networks: [network!, { ...network!, label: 'twin' }] };
  const captions = [...toHtml(twin).matchAll(/<figcaption>([^<]*)<\/figcaption>/g)].map(([, text]) => text);
  assert.ok(
    captions[0]!.endsWith(
      'Curves that coincide at this scale (the lower ones are drawn wider, marks side by side): noise-trained, no compensation and twin, no compensation; noise-trained, global and twin, global.',
    ),
    captions[0],
  );
  const apart = withDeployed(network!.deployed.filter(({ method }) => method === 'none'));
  assert.doesNotMatch(toHtml(apart), /coincide/);
});

test('text has a contrast of at least 4.5 to its ground, marks of 3, on light and on dark ground', () => {
  const [light, dark] = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) =>
    Object.fromEntries(
      [...body!.matchAll(/--([\w-]+): (#[0-9a-f]+)/g)].map(([, name, value]) => [name, value!]),
    ),
  );
  for (const colours of [light!, dark!]) {
    for (const ground of ['ground', 'tint'])
      for (const text of ['ink', 'quiet', 'global'])
        assert.ok(
          contrast(colours[text]!, colours[ground]!) >= 4.5,
          `${text} on ${ground} ${colours[ground]}`,
        );
    for (const mark of ['none', 'global', 'per-column', 'adabs', 'gold', 'rule'])
      assert.ok(contrast(colours[mark]!, colours['ground']!) >= 3, `${mark} on ${colours['ground']}`);
  }
});

test('the style has a dark scheme, and paper: A4, no clipped table, a page for each section', () => {
  assert.match(STYLE, /@media screen and \(prefers-color-scheme: dark\)/);
  assert.match(STYLE, /@page \{ size: A4;/);
  const paper = STYLE.slice(STYLE.indexOf('@media print'));
  assert.match(paper, /\.scroll \{ overflow: visible; \}/);
  assert.match(paper, /section \{[^}]*break-before: page;/);
});

test('no number of a page has seventeen digits', () => {
  const kept = [largeRecord, attributedRecord, records['on hermes256']!];
  for (const record of kept) assert.doesNotMatch(toHtml(record), /\d\.\d{11,}/);
});

test('text from the record is escaped', () => {
  const page = toHtml(records['with hostile text']!);
  assert.ok(page.includes('&lt;script&gt;alert(&quot;&amp;1&quot;)&lt;/script&gt;'));
  assert.ok(!page.includes('<script'));
  assert.doesNotMatch(page, /(?!\n)\p{Cc}|\p{Bidi_Control}/u);
});

test('a network without results close to chance has no chance line', () => {
  const high = withDeployed(network!.deployed.filter(({ mean }) => mean > 0.9));
  assert.ok(!toHtml(high).includes('>chance 10.0 %<'));
  assert.ok(toHtml(tinyRecord).includes('>chance 10.0 %<'));
});

test('labels of a time axis never touch, the first and the last one stay, every time keeps its tick', () => {
  const times = [20, 25, 30, 3600, 4000, 86_400, 30_000_000, 31_536_000];
  const { ticks } = timeAxis(times, [0, 400]);
  const labelled = ticks.filter(({ label }) => label !== '');
  assert.equal(ticks.length, times.length);
  assert.equal(labelled[0]?.label, '20 s');
  assert.equal(labelled.at(-1)?.label, '1 year');
  for (const [index, tick] of labelled.slice(1).entries()) assert.ok(tick.at - labelled[index]!.at > 40);
});

test('axes hold their data, also where all values are the same', () => {
  const flat = linearAxis({ values: [93, 93], range: [100, 0], format: String });
  assert.ok(flat.place(93) > 0 && flat.place(93) < 100);
  const counts = countAxis(0, [50, 0]);
  assert.equal(counts.place(0), 50);
  assert.equal(timeAxis([25], [0, 100]).place(25), 50);
});

test('laws read as formulas', () => {
  const [programming, , mean] = formulasOf(tinyRecord.hardware.cell);
  assert.equal(programming?.formula, 'σ(g) = max(0, 0.26348 + 1.965 g − 1.1731 g²) · Gmax / 25 µS');
  assert.equal(mean?.formula, 'ν(g) = clip(−0.0155 · ln g + 0.0244, 0.049, 0.1)');
  assert.equal(
    formulasOf(hermes256.cell)[2]?.formula,
    'ν(g) = clip(−0.0387 · ln g − 0.0182, 0.072, 0.13) for g < 0.0945, else 0.0736 − 0.0126 g − 0.0436 g²',
  );
  assert.deepEqual(formulasOf(ideal.cell), []);
});

function withDeployed(
  deployed: readonly AccuracyAtTime[],
  change: Partial<ExperimentRecord> = {},
): ExperimentRecord {
  return { ...tinyRecord, ...change, networks: [{ ...network!, deployed }] };
}

/** Every number of a record as reports print it. */
function numbersOf({ networks }: ExperimentRecord): readonly string[] {
  return networks.flatMap(({ digitalAccuracy, deployed, layers, histogram, training }: NetworkResult) => [
    formatPercent(digitalAccuracy),
    ...deployed.flatMap((one) => [
      formatAccuracy(one),
      ...one.accuracies.map((share) => formatFixed(100 * share, 2)),
    ]),
    ...layers.flatMap(({ rows, columns, tiles, utilisation, weightErrors }) => [
      ...[rows, columns, tiles].map(formatCount),
      formatPercent(utilisation, 1),
      ...weightErrors.flatMap(({ none, global }) => [formatPercent(none), formatPercent(global)]),
    ]),
    ...[histogram.target, histogram.programmed, ...histogram.read.map(({ counts }) => counts)]
      .flat()
      .map(formatCount),
    ...training.history.flatMap(({ trainLoss, trainAccuracy, testAccuracy = trainAccuracy }) => [
      formatFixed(trainLoss, 4),
      formatPercent(trainAccuracy),
      formatPercent(testAccuracy),
    ]),
  ]);
}

/** Ratio of luminances, as WCAG 2.2 defines it. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const digits =
      colour.length === 4
        ? [...colour.slice(1)].map((digit) => digit + digit)
        : colour.slice(1).match(/../g)!;
    const [red, green, blue] = digits
      .map((digit) => Number.parseInt(digit, 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}
