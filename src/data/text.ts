// Text at character level: parts of a text over one alphabet, as tokens. Symbols are Unicode code points; files are
// UTF-8. Left out: words, merged symbols, normalisation of the text.

import { throwFaults, UsageError } from '../base/errors.ts';

/** A part of a text, and where it comes from, for errors. */
export type TextPart = { readonly source: string; readonly text: string };

/** A text in parts. */
export type TextParts = {
  readonly train: TextPart;
  /** For choices during a project; not used by training and not scored. */
  readonly valid?: TextPart | undefined;
  readonly test: TextPart;
};

/** A text as tokens: token k is symbol k of the alphabet. */
export type TextSet = {
  /** The symbols of the training part in the order of their code points. */
  readonly alphabet: readonly string[];
  readonly train: Uint32Array;
  readonly valid?: Uint32Array;
  readonly test: Uint32Array;
};

/** Shares of one text, in its order. */
export type TextShares = { readonly train: number; readonly valid: number; readonly test: number };

/** The shares of a text that comes in one piece, unless others are asked for. */
export const usualShares: TextShares = { train: 0.9, valid: 0.05, test: 0.05 };

/**
 * The text of a UTF-8 file, without a byte-order mark.
 *
 * @param source what errors call the file
 * @throws UsageError if the bytes are no UTF-8
 */
export function decodeText(source: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(
      `${source}: expected text in UTF-8, got bytes that are not; convert the file, as by iconv -t UTF-8`,
    );
  }
}

/**
 * The symbols of a text, each once, in the order of their code points.
 *
 *     alphabetOf('banana') = ['a', 'b', 'n']
 */
export function alphabetOf(text: string): string[] {
  const points = new Set<number>();
  for (const symbol of text) points.add(symbol.codePointAt(0)!);
  return [...points].sort((a, b) => a - b).map((point) => String.fromCodePoint(point));
}

/**
 * The tokens of a text.
 *
 * @throws UsageError that names the first symbol outside the alphabet, with its line and column
 */
export function tokensOf({ source, text }: TextPart, alphabet: readonly string[]): Uint32Array {
  const numbers = new Map(alphabet.map((symbol, token): [string, number] => [symbol, token]));
  const tokens = new Uint32Array(text.length);
  let count = 0;
  for (const symbol of text) {
    const token = numbers.get(symbol);
    if (token === undefined) throw unknownSymbol(source, text, symbol, count);
    tokens[count++] = token;
  }
  return tokens.slice(0, count);
}

function unknownSymbol(source: string, text: string, symbol: string, position: number): UsageError {
  const before = [...text].slice(0, position);
  const line = before.filter((one) => one === '\n').length + 1;
  const column = position - (before.lastIndexOf('\n') + 1) + 1;
  const point = symbol.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return new UsageError(
    `${source}: expected symbols of the training text alone, got ${JSON.stringify(symbol)} (U+${point}) at line ${line}, column ${column}; replace the symbol, or let the training text have it`,
  );
}

/**
 * Parts of a text as tokens over the alphabet of the training part.
 *
 * @throws UsageError if a part has too few symbols to predict one from another, or a symbol that the training part does
 *         not have
 */
export function textSet({ train, valid, test }: TextParts): TextSet {
  const alphabet = alphabetOf(train.text);
  throwFaults('text', [
    ...(alphabet.length < 2
      ? [`${train.source}: expected at least 2 different symbols to train on, got ${alphabet.length}`]
      : []),
    ...(test.text.length < 2
      ? [`${test.source}: expected at least 2 symbols to test on, got ${test.text.length}`]
      : []),
  ]);
  return {
    alphabet,
    train: tokensOf(train, alphabet),
    ...(valid !== undefined && { valid: tokensOf(valid, alphabet) }),
    test: tokensOf(test, alphabet),
  };
}

/**
 * Parts of one text, in its order: the training part first, the test part last. Cuts are at ⌊share · symbols⌋.
 *
 * @throws UsageError if a share is not from 0 to 1, or they do not add up to 1
 */
export function textInShares({ source, text }: TextPart, shares: TextShares = usualShares): TextParts {
  const all = Object.entries(shares);
  const sum = all.reduce((total, [, share]) => total + share, 0);
  throwFaults('text: shares', [
    ...all
      .filter(([, share]) => !(share >= 0 && share <= 1))
      .map(([name, share]) => `${name} must be a share from 0 to 1, got ${share}`),
    ...(Math.abs(sum - 1) > 1e-9 ? [`train, valid and test must add up to 1, got ${sum}`] : []),
  ]);
  const symbols = [...text];
  const ends = [shares.train, shares.train + shares.valid].map((share) =>
    Math.floor(share * symbols.length + 1e-6),
  );
  const part = (name: string, from: number, to: number): TextPart => ({
    source: `${source} (${name} part, from symbol ${from + 1})`,
    text: symbols.slice(from, to).join(''),
  });
  const [trainEnd, validEnd] = ends as [number, number];
  return {
    train: part('training', 0, trainEnd),
    ...(shares.valid > 0 && { valid: part('validation', trainEnd, validEnd) }),
    test: part('test', validEnd, symbols.length),
  };
}

/**
 * A text of words at character level, as the character-level Penn Treebank is made of the word-level one: each line
 * without blanks at its ends, a space becomes `_`, and each line ends with a line feed, which is a symbol of its own.
 *
 * @source T. Mikolov et al., Subword language modeling with neural networks, 2012 (the corpus); the form as in public
 * loaders of it. The paper itself was not seen.
 */
export function charactersOfWords(text: string): string {
  const lines = text.split('\n');
  // What follows the last line feed is a line only if it holds anything.
  if (lines.at(-1)!.trim() === '') lines.pop();
  return lines.map((line) => `${line.trim().replaceAll(' ', '_')}\n`).join('');
}
