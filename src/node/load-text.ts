// Texts for Node: by name from a folder of data sets, or from files of the user.

import { UsageError } from '../base/errors.ts';
import type { LoadProgress } from '../data/load-named-set.ts';
import { loadNamedText } from '../data/named-texts.ts';
import { decodeText, type TextPart, type TextSet, textInShares, textSet } from '../data/text.ts';
import { readBytes } from './files.ts';
import { dataSources } from './load-data-set.ts';

/** Files of a text: one for each part, or one that is cut into the usual shares, 90, 5 and 5 %. */
export type TextFiles =
  | string
  | { readonly train: string; readonly valid?: string | undefined; readonly test: string };

/** Where to look for a named text. */
export type TextOptions = {
  /** Folder of data sets; absent: what OHMIC_DATA names. */
  readonly folder?: string | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
};

/**
 * Loads a named text: `ptb-characters`, `shakespeare` or `sentences`, which is generated.
 *
 * @throws UsageError if the name is unknown, the folder does not exist, or files are missing or of another checksum
 */
export async function loadText(
  name: string,
  { folder = process.env['OHMIC_DATA'] || undefined, onProgress }: TextOptions = {},
): Promise<TextSet> {
  return loadNamedText(name, { ...dataSources(folder), onProgress });
}

/**
 * Loads a text from UTF-8 files, over the alphabet of its training part.
 *
 * @throws UsageError if a file can't be read, is no UTF-8, or has a character that the training part does not have
 */
export function loadTextFiles(files: TextFiles): TextSet {
  if (typeof files === 'string') return textSet(textInShares(partOf(files)));
  const { train, valid, test } = files;
  return textSet({
    train: partOf(train),
    ...(valid !== undefined && { valid: partOf(valid) }),
    test: partOf(test),
  });
}

function partOf(file: string): TextPart {
  const text = decodeText(file, readBytes(file));
  if (text === '') throw new UsageError(`${file}: expected text, got an empty file`);
  return { source: file, text };
}
