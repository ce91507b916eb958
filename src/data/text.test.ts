// Texts as tokens: alphabets, parts, what is refused, and the published sizes of named texts.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyFromSeed } from '../base/random.ts';
import { generatedTextEntropy, generateText } from './generated-text.ts';
import { loadNamedText } from './named-texts.ts';
import { alphabetOf, charactersOfWords, decodeText, textInShares, textSet, tokensOf } from './text.ts';

const part = (text: string, source = 'made up'): { source: string; text: string } => ({ source, text });

test('symbols are code points, in their order', () => {
  assert.deepEqual(alphabetOf('b𝄞aß\nab'), ['\n', 'a', 'b', 'ß', '𝄞']);
  assert.deepEqual([...tokensOf(part('𝄞ab'), ['a', 'b', '𝄞'])], [2, 0, 1]);
});

test('the alphabet is that of the training part, and another symbol is named with its place', () => {
  const set = textSet({ train: part('abc'), test: part('cab') });
  assert.deepEqual([set.alphabet, [...set.test], set.valid], [['a', 'b', 'c'], [2, 0, 1], undefined]);
  assert.throws(() => textSet({ train: part('abc\n'), test: part('ab\nc𝄞', 'test.txt') }), {
    name: 'UsageError',
    message:
      /^test\.txt: expected symbols of the training text alone, got "𝄞" \(U\+1D11E\) at line 2, column 2; replace the symbol, or let the training text have it$/,
  });
});

test('parts with too few symbols are refused', () => {
  assert.throws(() => textSet({ train: part('aaa', 'a.txt'), test: part('a', 'b.txt') }), {
    name: 'UsageError',
    message:
      /^text: 2 faults\n.*a\.txt: expected at least 2 different symbols to train on, got 1\n.*b\.txt: expected at least 2 symbols to test on, got 1$/,
  });
});

test('shares cut a text in its order, without loss', () => {
  const text = 'aé𝄞'.repeat(40);
  const { train, valid, test: last } = textInShares(part(text));
  assert.deepEqual(
    [train, valid!, last].map((one) => [...one.text].length),
    [108, 6, 6],
  );
  assert.equal(train.text + valid!.text + last.text, text);
  const halves = textInShares(part(text), { train: 0.5, valid: 0, test: 0.5 });
  assert.deepEqual([halves.valid, halves.test.text], [undefined, 'aé𝄞'.repeat(20)]);
  assert.throws(
    () => textInShares(part(text), { train: 1.2, valid: 0, test: 0.1 }),
    /^UsageError: text: shares: 2 faults\n.*train must be a share from 0 to 1, got 1\.2\n.*must add up to 1, got 1\.3/,
  );
});

test('bytes that are no UTF-8 are refused, a byte-order mark is no symbol', () => {
  assert.equal(decodeText('a.txt', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), 'a');
  assert.throws(() => decodeText('a.txt', Uint8Array.of(0x61, 0xff)), {
    name: 'UsageError',
    message: /^a\.txt: expected text in UTF-8, got bytes that are not; convert the file/,
  });
});

test('words become characters: blanks at the ends go, spaces are underscores, each line ends', () => {
  assert.equal(charactersOfWords(' the <unk> N \n\n of it'), 'the_<unk>_N\n\nof_it\n');
  assert.equal(charactersOfWords(' a b \n'), 'a_b\n');
});

test('generated sentences have the entropy that they say', () => {
  const text = generateText({ symbols: 100_000, key: keyFromSeed(1) });
  assert.equal(text.length, 100_000);
  const sentences = text.split('\n').slice(0, -1);
  // A sentence has 2² · 2³ · 2³ · 2³ · 2² · 2³ forms, 16 bits; lengths deviate by less than 3 of about 33 symbols, so the mean of
  // some 3,000 lengths is within 5 σ = 5 · 3 / √3000 = 0.27 of the expected one.
  const meanLength = sentences.reduce((sum, one) => sum + one.length + 1, 0) / sentences.length;
  assert.ok(Math.abs(meanLength - 16 / generatedTextEntropy()) < 0.27, `${meanLength}`);
  // Places of 8 words: χ² with 7 degrees of freedom is below 35 but in one of 90,000 cases.
  const counts = new Map<string, number>();
  for (const sentence of sentences)
    counts.set(sentence.split(' ')[2]!, (counts.get(sentence.split(' ')[2]!) ?? 0) + 1);
  const expected = sentences.length / 8;
  assert.equal(counts.size, 8);
  assert.ok([...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0) < 35);
});

test('the generated text needs no source; an unknown name is refused', async () => {
  const { alphabet, train, valid, test: last } = await loadNamedText('sentences');
  assert.deepEqual([train.length, valid!.length, last.length], [180_000, 10_000, 10_000]);
  assert.ok(alphabet.includes('\n') && alphabet.includes('z') === false);
  await assert.rejects(loadNamedText('shakspeare'), /text: .*shakespeare/);
});

test('texts that may not be passed on are never downloaded', async () => {
  const download = (): Promise<Uint8Array> => assert.fail('downloaded');
  await assert.rejects(loadNamedText('ptb-characters', { download }), {
    name: 'UsageError',
    message: /missing ptb\.train\.txt, ptb\.valid\.txt, ptb\.test\.txt .*licensed by the LDC/,
  });
});

const { OHMIC_DATA: dataFolder } = process.env;
const realData = { skip: dataFolder === undefined && 'set OHMIC_DATA to a folder with ptb/ and text/' };
const folder = {
  read: (name: string) => readFile(join(dataFolder ?? '', name)).catch(() => undefined),
  describe: `folder ${dataFolder}`,
};

test('the Penn Treebank by characters has its published sizes', realData, async () => {
  const { alphabet, train, valid, test: last } = await loadNamedText('ptb-characters', { folder });
  assert.deepEqual([train.length, valid!.length, last.length], [5_017_482, 393_042, 442_423]);
  assert.equal(alphabet.length, 50);
});

test('Tiny Shakespeare has 65 symbols', realData, async () => {
  const { alphabet, train, valid, test: last } = await loadNamedText('shakespeare', { folder });
  assert.deepEqual([alphabet.length, train.length + valid!.length + last.length], [65, 1_115_394]);
});
