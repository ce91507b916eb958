// Texts by name, as named-sets.ts has images: which files they consist of, their checksums, how they become parts over
// one alphabet.

import { assertNever, UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type { NamedBytes } from './archive.ts';
import { generateText } from './generated-text.ts';
import { loadFiles, type NamedSetSources } from './load-named-set.ts';
import type { StoredFiles } from './named-sets.ts';
import { charactersOfWords, decodeText, type TextPart, type TextSet, textInShares, textSet } from './text.ts';

/** Names that `loadNamedText` knows. */
export type NamedTextName = 'ptb-characters' | 'shakespeare' | 'sentences';

/** How a named text is made. */
export type NamedText =
  /** From files of words, one for each part: training, validation, test. */
  | (StoredFiles & { readonly kind: 'words' })
  /** From one file, in the usual shares. */
  | (StoredFiles & { readonly kind: 'one file' })
  /** From a grammar, in the usual shares. */
  | { readonly kind: 'generated'; readonly symbols: number };

/** Every named text. */
export const namedTexts: { readonly [Name in NamedTextName]: NamedText } = {
  // The Penn Treebank (Marcus et al., 1993) as T. Mikolov prepared it, by characters: 5,017,482 + 393,042 + 442,423
  // symbols, 50 different ones.
  'ptb-characters': {
    kind: 'words',
    folders: ['ptb', 'simple-examples/data'],
    // Computed from copies whose numbers of words are those that are commonly given.
    files: [
      {
        name: 'ptb.train.txt',
        bytes: 5_101_618,
        sha256: 'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf',
        hashed: 'as stored',
      },
      {
        name: 'ptb.valid.txt',
        bytes: 399_782,
        sha256: 'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2',
        hashed: 'as stored',
      },
      {
        name: 'ptb.test.txt',
        bytes: 449_945,
        sha256: 'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0',
        hashed: 'as stored',
      },
    ],
    origin: {
      kind: 'by hand',
      how: 'the text is licensed by the LDC, so it is not downloaded; Mikolov\'s word files, "simple-examples", have these names',
    },
  },
  // Tiny Shakespeare, of A. Karpathy's char-rnn: 1,115,394 symbols, 65 different ones.
  shakespeare: {
    kind: 'one file',
    folders: ['text', 'shakespeare'],
    files: [
      {
        name: 'tinyshakespeare.txt',
        bytes: 1_115_394,
        sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
        hashed: 'as stored',
      },
    ],
    origin: {
      kind: 'by hand',
      how: 'store https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt under this name',
    },
  },
  // Sentences of a small grammar; no files needed.
  sentences: { kind: 'generated', symbols: 200_000 },
};

/** All names that `loadNamedText` knows. */
export const namedTextNames: readonly NamedTextName[] = Object.keys(namedTexts) as NamedTextName[];

/** True if `name` is a text that `loadNamedText` knows. */
export function isNamedText(name: string): name is NamedTextName {
  return Object.hasOwn(namedTexts, name);
}

/**
 * Loads a text by its name.
 *
 * @throws UsageError if the name is unknown, or files are missing or of another checksum
 */
export async function loadNamedText(name: string, sources: NamedSetSources = {}): Promise<TextSet> {
  if (!isNamedText(name)) throw new UsageError(`text: ${unknownName(name, namedTextNames)}`);
  const text = namedTexts[name];
  switch (text.kind) {
    case 'generated': {
      sources.onProgress?.({ step: 'generate', file: name, done: 0, total: 1 });
      return textSet(textInShares({ source: name, text: generateText(text) }));
    }
    case 'words': {
      const files = await loadFiles(name, text, sources);
      const [train, valid, test] = files.map(
        (file): TextPart => ({ source: file.name, text: charactersOfWords(textOf(file)) }),
      ) as [TextPart, TextPart, TextPart];
      return textSet({ train, valid, test });
    }
    case 'one file': {
      const [file] = (await loadFiles(name, text, sources)) as [NamedBytes];
      return textSet(textInShares({ source: file.name, text: textOf(file) }));
    }
    default:
      return assertNever(text);
  }
}

function textOf({ name, bytes }: NamedBytes): string {
  return decodeText(name, bytes);
}
