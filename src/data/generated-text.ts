// A generated text, for tests and for people without a file. It is drawn from a grammar of sentences, so its entropy is
// known: no network can do better, on average.

import { deriveKey, type Key, keyFromSeed, randomSequence } from '../base/random.ts';

/** One of these words stands at a place of a sentence, all alike likely. No word begins another one of its place. */
type Place = readonly string[];

const grammar: readonly Place[] = [
  ['the', 'a', 'every', 'some'],
  ['small', 'heavy', 'quiet', 'bright', 'cold', 'red', 'old', 'young'],
  ['river', 'cell', 'bird', 'train', 'garden', 'letter', 'machine', 'window'],
  ['finds', 'carries', 'moves', 'watches', 'holds', 'follows', 'needs', 'turns'],
  ['the', 'a', 'one', 'no'],
  ['stone', 'cloud', 'kite', 'door', 'answer', 'shadow', 'basket', 'mirror'],
];

/**
 * Sentences of the grammar, `the old bird carries a kite.` and a line feed, until so many symbols.
 *
 * @param key determines the draws
 */
export function generateText({
  symbols,
  key = keyFromSeed(0),
}: {
  readonly symbols: number;
  readonly key?: Key;
}): string {
  const draw = randomSequence(deriveKey(key, 'sentences'));
  const sentences: string[] = [];
  for (let length = 0; length < symbols; ) {
    const sentence = `${grammar.map((words) => words[draw.below(words.length)]!).join(' ')}.\n`;
    sentences.push(sentence);
    length += sentence.length;
  }
  return sentences.join('').slice(0, symbols);
}

/**
 * Entropy of the generated text, bits per symbol: Σ log₂(words of a place) over the mean length of a sentence. A sentence
 * determines its words and they determine it, and sentences are independent.
 */
export function generatedTextEntropy(): number {
  const bits = grammar.reduce((sum, words) => sum + Math.log2(words.length), 0);
  const meanLength = (words: Place): number =>
    words.reduce((sum, word) => sum + word.length + 1, 0) / words.length;
  return bits / (grammar.reduce((sum, words) => sum + meanLength(words), 0) + 1);
}
