// Networks over symbols of a text, by name: recurrent layers that answer each symbol with logits of the next one, and carry
// their state from window to window.

import { throwFaults, UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { feedForward } from './define-network.ts';
import { dense, lstm, sequence, timeDistributed } from './modules.ts';
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

/** Names that `characterNetworkByName` knows. */
export type CharacterNetworkName = 'char-lstm' | 'char-lstm-small';

const networks: { readonly [N in CharacterNetworkName]: readonly number[] } = {
  'char-lstm': [512, 512],
  'char-lstm-small': [128],
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
  return characterLstm({ ...task, name: known, hidden: networks[known] });
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
