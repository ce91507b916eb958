// Networks over symbols of a text, by name, which answer each symbol with logits of the next one: recurrent layers that
// carry their state from window to window, and transformers that see a window alone.

import { throwFaults, UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { feedForward } from './define-network.ts';
import {
  dense,
  dropout,
  layerNormalization,
  learnedPositions,
  lookupTable,
  lstm,
  sequence,
  timeDistributed,
  transformerBlock,
} from './modules.ts';
import type { Network } from './network.ts';

/** What a network over symbols is made for. */
export type TextTask = {
  /** Symbols of a window. */
  readonly context: number;
  /** Number of different symbols. */
  readonly symbols: number;
};

/** Options of a recurrent language model. */
export type CharacterLstmOptions = TextTask & {
  readonly name: string;
  /** Hidden size of each layer. */
  readonly hidden: readonly number[];
};

/**
 * LSTM layers `lstm1` … `lstmN` over one-hot symbols, then `dense`: input `tokens` (n, context), output `logits`
 * (n, context, symbols). Biases of forget gates begin at 1. The states of all layers are carried from window to window.
 *
 * With s symbols and two layers of h: 4 h (s + h + 1) + 4 h (h + h + 1) + h s + s parameters, one bias for each gate and
 * column; PyTorch counts two. 3,277,874 for 50 symbols and 512.
 */
export function characterLstm({ name, context, symbols, hidden }: CharacterLstmOptions): Network {
  throwFaults(`network "${name}"`, textTaskFaults({ context, symbols }));
  const layers = hidden.map((size, k) =>
    lstm({
      name: `lstm${k + 1}`,
      hidden: size,
      returnSequence: true,
      carry: true,
      symbols: k === 0 ? symbols : undefined,
      forgetBias: 1,
    }),
  );
  return feedForward({
    name,
    input: { name: 'tokens', shape: [context] },
    output: 'logits',
    module: sequence([...layers, timeDistributed(dense({ name: 'dense', outputs: symbols }))]),
  });
}

/** Options of a character transformer. */
export type CharacterGptOptions = TextTask & {
  readonly name: string;
  /** Number of blocks. */
  readonly blocks: number;
  readonly width: number;
  readonly heads: number;
  /** Rate of dropout behind the embedding and in the blocks; 0 by default. */
  readonly dropout?: number;
};

/**
 * A small GPT: a table of symbols (`symbols`) and of positions (`positions`), causal transformer blocks `block1` … `blockN`
 * with perceptrons of four times the width, a layer normalisation (`norm`) and `dense`, a matrix of its own: input `tokens`
 * (n, context), output `logits` (n, context, symbols). It carries no state: a symbol is predicted from its window alone.
 *
 * With s symbols, context c, N blocks of width w: s w + c w + N (12 w² + 13 w) + 2 w + s w + s parameters, 826,433 for 65
 * symbols, 128, 4 blocks and 128; of these N 12 w² + s w, 794,752, are weights of layers.
 *
 * @throws UsageError if the task is impossible or the heads do not divide the width
 * @source A. Radford et al., GPT-2 (2019), for the order of the parts and the initial values; sizes are ours
 */
export function characterGpt({
  name,
  context,
  symbols,
  blocks,
  width,
  heads,
  dropout: rate = 0,
}: CharacterGptOptions): Network {
  throwFaults(`network "${name}"`, textTaskFaults({ context, symbols }));
  const all = Array.from({ length: blocks }, (_, k) =>
    transformerBlock({
      name: `block${k + 1}`,
      heads,
      hidden: 4 * width,
      causal: true,
      dropout: rate,
      blocks,
    }),
  );
  return feedForward({
    name,
    input: { name: 'tokens', shape: [context] },
    output: 'logits',
    module: sequence([
      lookupTable({ name: 'symbols', rows: symbols, dimension: width }),
      learnedPositions('positions'),
      dropout(rate),
      ...all,
      layerNormalization('norm'),
      timeDistributed(dense({ name: 'dense', outputs: symbols })),
    ]),
  });
}

/** Names that `characterNetworkByName` knows. */
export type CharacterNetworkName = 'char-lstm' | 'char-lstm-small' | 'char-gpt' | 'char-gpt-small';

const networks: {
  readonly [N in CharacterNetworkName]: (task: TextTask & { readonly name: N }) => Network;
} = {
  'char-lstm': (task) => characterLstm({ ...task, hidden: [512, 512] }),
  'char-lstm-small': (task) => characterLstm({ ...task, hidden: [128] }),
  'char-gpt': (task) => characterGpt({ ...task, blocks: 4, width: 128, heads: 4 }),
  'char-gpt-small': (task) => characterGpt({ ...task, blocks: 2, width: 64, heads: 2 }),
};

/** All names that `characterNetworkByName` knows. */
export const characterNetworkNames: readonly CharacterNetworkName[] = Object.keys(
  networks,
) as CharacterNetworkName[];

/**
 * The network over symbols of a name.
 *
 * @throws UsageError if the name is unknown or the task impossible
 */
export function characterNetworkByName(name: string, task: TextTask): Network {
  const known = characterNetworkNames.find((candidate) => candidate === name);
  if (known === undefined) throw new UsageError(`model: ${unknownName(name, characterNetworkNames)}`);
  const make = networks[known] as (task: TextTask & { readonly name: string }) => Network;
  return make({ ...task, name: known });
}

/** What makes a task impossible for any network over symbols. */
function textTaskFaults({ context, symbols }: TextTask): string[] {
  return [
    ...(Number.isInteger(context) && context >= 1
      ? []
      : [`context must be a whole number from 1, got ${context}`]),
    ...(Number.isInteger(symbols) && symbols >= 2
      ? []
      : [`symbols must be a whole number from 2, got ${symbols}`]),
  ];
}
