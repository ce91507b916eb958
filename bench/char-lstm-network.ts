// The recurrent network of char-lstm.ts: characters → embedding → two LSTM layers → logits at every position.

import { randomSequence } from '../src/base/random.ts';
import { updateRule } from '../src/insitu/update-rule.ts';
import { feedForward } from '../src/nn/define-network.ts';
import { dense, embedding, lstm, sequence, timeDistributed } from '../src/nn/modules.ts';
import type { Network } from '../src/nn/network.ts';
import { languageModelling } from '../src/train/language-modelling.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import type { StepOptions } from '../src/train/step.ts';
import { digitalStep } from './networks.ts';

/** Different characters, and the size of their embedding; also of the peer. */
const [SYMBOLS, EMBEDDED] = [50, 64];
/** Units of each LSTM layer, also of the peer. */
const HIDDEN = 512;

/** Two LSTM layers of 512 units over 50 characters, with logits at each of `time` positions. */
export function charLstm(time: number): Network {
  return feedForward({
    name: 'char-lstm',
    input: { name: 'tokens', shape: [time] },
    output: 'logits',
    module: sequence([
      embedding({ name: 'embedding', rows: SYMBOLS, dimension: EMBEDDED }),
      lstm({ name: 'lstm1', hidden: HIDDEN, returnSequence: true }),
      lstm({ name: 'lstm2', hidden: HIDDEN, returnSequence: true }),
      timeDistributed(dense({ name: 'dense', outputs: SYMBOLS })),
    ]),
  });
}

/** A training step of it: mean cross-entropy of all positions; momentum as of the other cases, unless settings say else. */
export function charLstmStep(
  time: number,
  batch: number,
  settings: TrainingSettings = digitalStep(batch),
): StepOptions {
  const text = new Float32Array(2 * time);
  const task = languageModelling({ train: text, test: text, context: time, vocabulary: SYMBOLS });
  return { network: charLstm(time), task, rule: updateRule(settings.rule), settings };
}

/** Uniform characters. */
export function randomText(time: number, batch: number): Readonly<Record<string, Float32Array>> {
  const draw = randomSequence([3, 4]);
  const characters = (): Float32Array =>
    Float32Array.from({ length: batch * time }, () => draw.below(SYMBOLS));
  return { tokens: characters(), targets: characters() };
}
