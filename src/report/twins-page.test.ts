import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { summarizeTwins, type TwinRecord } from '../experiment/twin-record.ts';
import { assertBalanced, assertTables, textOf } from './page-checks.test-data.ts';
import { costedTwins, followedTwins, generatingTwins, tinyTwins } from './twins-fixture.test-data.ts';
import { twinsPage } from './twins-page.ts';
import { twinsVerdict } from './twins-verdict.ts';

const hostile = '<script>alert("&1")</script>';
const { cells: _, published: __, ...bare } = tinyTwins;
const first = tinyTwins.pairs[0]!;
const device = tinyTwins.cells!.layers[0]!;

/** Records at the edges of what a page must hold. */
const records: Readonly<Record<string, TwinRecord>> = {
  'of two seeds': tinyTwins,
  'with what became of the cells': followedTwins,
  'of generated images': generatingTwins,
  'with its energy': costedTwins,
  'without cells and publication': bare,
  'of one seed with one epoch': {
    ...followedTwins,
    afterwards: [followedTwins.afterwards![0]!],
    ...summarizeTwins([
      {
        seed: 1,
        inCells: { history: first.inCells.history.slice(0, 1), score: 0.8 },
        inFloat: { history: first.inFloat.history.slice(0, 1), score: 0.8 },
      },
    ]),
  },
  'without epochs': {
    ...tinyTwins,
    ...summarizeTwins([
      { seed: 1, inCells: { history: [], score: 0.8 }, inFloat: { history: [], score: 0.9 } },
    ]),
  },
  'of devices without unit, in one array': {
    ...tinyTwins,
    cells: {
      edges: [-1, 0, 1, 2],
      unit: '',
      layers: [{ ...device, arrays: [{ ...device.arrays[0]!, pulses: [80], pulsesGiven: 0 }] }],
    },
  },
  'of bits per character': {
    ...followedTwins,
    score: { name: 'bits per character', isShare: false, isBetter: 'lower' },
  },
  'with hostile text': {
    ...followedTwins,
    title: hostile,
    command: hostile,
    dataset: hostile,
    network: { ...tinyTwins.network, name: hostile },
    afterwards: [{ ...followedTwins.afterwards![0]!, label: hostile }],
    cells: { ...tinyTwins.cells!, layers: [{ ...device, name: hostile }] },
    published: {
      source: hostile,
      figures: [{ what: hostile, score: 0.9, of: 'cells', locator: hostile, secondHand: true }],
    },
    pictures: [{ label: hostile, file: '"><script>' }],
  },
};

for (const [name, record] of Object.entries(records)) {
  describe(`the page of twins ${name}`, () => {
    const page = twinsPage(record);

    test('closes every element, and its tables have captions and rows of one width', () => {
      assertBalanced(page);
      assertTables(page);
    });

    test('has no number that is none, and runs nothing', () => {
      assert.doesNotMatch(page, /NaN|Infinity|undefined|\[object/);
      assert.doesNotMatch(page, /<(script|link|iframe|object|embed|image|use)\b|\son\w+\s*=|\shref="[^#]/);
    });

    test('loads pictures of its own folder only if it has some', () => {
      assert.equal(page.includes("img-src 'self' file:"), record.pictures !== undefined);
      assert.equal([...page.matchAll(/<img /g)].length, (record.pictures ?? []).length);
    });

    test('gives every drawing a name of its own, and has contents that lead to every section', () => {
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
      assert.equal(new Set(ids).size, ids.length);
      for (const [, list] of page.matchAll(/aria-labelledby="([^"]+)"/g))
        for (const id of list!.split(' ')) assert.ok(ids.includes(id), id);
      const sections = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
      assert.deepEqual(
        [...page.matchAll(/<a href="#([^"]+)">/g)].map(([, id]) => id),
        sections,
      );
    });

    test('says the verdict', () => assert.ok(textOf(page).includes(twinsVerdict(record))));
  });
}

const textOfRecord = (record: TwinRecord): string => textOf(twinsPage(record)).replaceAll(/\s+/g, ' ');
const sectionsOf = (record: TwinRecord): string[] =>
  [...twinsPage(record).matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id!);

test('sections without content are left out', () => {
  assert.deepEqual(sectionsOf(followedTwins), [
    ...['scores', 'published', 'training', 'pulses', 'cells', 'layers', 'afterwards', 'settings', 'repeat'],
  ]);
  assert.deepEqual(sectionsOf(bare), ['scores', 'training', 'pulses', 'settings', 'repeat']);
  assert.deepEqual(sectionsOf({ ...bare, ...summarizeTwins([{ ...first, inCells: first.inFloat }]) }), [
    ...['scores', 'training', 'settings', 'repeat'],
  ]);
  assert.ok(sectionsOf(generatingTwins).includes('pictures'));
});

test('scores stand by seed, their means with intervals, the difference paired', () => {
  const text = textOfRecord(tinyTwins);
  assert.ok(text.includes('seed 3 90.00 94.00 −4.00 seed 5 92.00 95.00 −3.00'), text);
  // Two seeds: t = 12.706; half widths 12.706 · 0.01 and 12.706 · 0.005.
  assert.ok(text.includes('mean 91 ± 13 94.5 ± 6.4 −3.5 ± 6.4'), text);
});

test('published figures stand beside ours, each with what it is compared with', () => {
  const text = textOfRecord(tinyTwins);
  assert.ok(text.includes('on the chip 90 91 ± 13 +1.00 Fig. 1 in cells'), text);
  assert.ok(text.includes('digital 94.5 94.5 ± 6.4 0.00 text * in floating point'), text);
  assert.ok(text.includes('loss −3 −3.5 ± 6.4 −0.50 abstract difference of the two'), text);
});

test('every epoch of every seed is in a table, with pulses', () => {
  const text = textOfRecord(tinyTwins);
  assert.ok(text.includes('1 0.5000 79.00 80.00 0.5000 84.00 85.00 12 345 67'), text);
  assert.ok(text.includes('2 0.2500 91.00 92.00 0.2500 94.00 95.00 10 345 68'), text);
  assert.ok(text.includes('there were 22 690 pulses, 227 for each weight'), text);
});

test('layers have their pulses, devices without one, and the class of the most', () => {
  const text = textOfRecord(tinyTwins);
  assert.ok(text.includes('dense1 80 160 130 1.63 90 4 – 7 dense2 20 40 90 4.50 11 8 – 15'), text);
  assert.ok(text.includes('all 100 200 220 2.20 101 8 – 15'), text);
  assert.equal([...twinsPage(tinyTwins).matchAll(/id="cells-\d-(values|pulses)"/g)].length, 0);
  assert.equal([...twinsPage(tinyTwins).matchAll(/id="cells-\d-(values|pulses)-title"/g)].length, 4);
});

test('trained cells over time have a mean over seeds, each of which counts once', () => {
  const text = textOfRecord(followedTwins);
  // Without compensation 91.5 and 93.5 % after 25 s, 63 and 65 % after a day; t = 12.706, half width 12.706 · 0.01.
  assert.ok(text.includes('no compensation 93 ± 13 64 ± 13 global 93 ± 13 91 ± 13'), text);
  assert.ok(text.includes('seed 5 no compensation 1 day 63.00, 67.00'), text);
});

test('generated images are shown, and the curves say what epochs score', () => {
  const page = twinsPage(generatingTwins);
  assert.ok(page.includes('<img src="seed-3-in-cells.png" alt="Generated images: seed 3, in cells">'));
  const text = textOfRecord(generatingTwins);
  assert.ok(text.includes('seed 3 7.8100 2.5000 +5.3100'), text);
  assert.ok(text.includes('test: told apart (%)'), text);
});

test('settings of both trainings stand side by side, with rule, device, hardware and command', () => {
  const page = twinsPage(followedTwins);
  for (const field of ['rule.refresh.everySteps', 'gMaxMicrosiemens', 'adc.bits', 'chips', 'machine.node'])
    assert.ok(page.includes(`<code>${field}</code>`), field);
  const text = textOfRecord(followedTwins);
  assert.ok(text.includes('rule.kind mixed-precision sgd'), text);
  assert.ok(page.includes(`<pre><code>${tinyTwins.command}</code></pre>`));
});

test('the verdict ranks only what intervals tell apart', () => {
  assert.equal(
    twinsVerdict(tinyTwins),
    'Trained in the cells, mlp reaches 91 ± 13 % accuracy; it is not told apart from its twin in floating point (94.5 ± 6.4 %) by 2 seeds: the difference is −3.5 ± 6.4 percentage points, paired by seed.',
  );
  const apart = { mean: -0.035, interval95: [-0.041, -0.029] as const };
  assert.match(
    twinsVerdict({ ...tinyTwins, difference: apart }),
    /accuracy, 3\.50 ± 0\.60 percentage points below its twin in floating point \(.*\), paired by 2 seeds\.$/,
  );
  assert.equal(
    twinsVerdict(generatingTwins),
    'Trained in the cells, gan reaches a Fréchet distance of 7.8100, 5.3100 above (worse) its twin in floating point (2.5000); with one seed there is no interval.',
  );
  assert.match(
    twinsVerdict(records['of one seed with one epoch']!),
    /80\.00 % accuracy, as its twin in floating point \(80\.00 %\); with one seed there is no interval\.$/,
  );
  assert.match(twinsVerdict(records['of bits per character']!), /reaches 0\.91 ± 0\.13 bits per character; /);
});

test('energy says what training takes, in steps, and what is unknown', () => {
  const text = textOf(twinsPage(costedTwins)).replace(/\s+/g, ' ');
  for (const part of [
    'outer products',
    'accumulator',
    'pulses unknown',
    'as many times as much as a measured chip',
  ])
    assert.ok(text.includes(part), part);
  assert.ok(!textOf(twinsPage(tinyTwins)).includes('outer products'));
});
