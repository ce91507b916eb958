// Language modelling as a task: each token of a text from those before it. Examples are windows of a text; loss: mean
// cross-entropy of all positions; scored by bits per token, the logarithm of the perplexity.

import { throwFaults } from '../base/errors.ts';
import { deriveKey, randomSequence } from '../base/random.ts';
import type { Tensor } from '../graph/tensor.ts';
import { correctCount, softmaxCrossEntropy } from '../nn/losses.ts';
import { testBatchesOf } from './examples.ts';
import type { Evaluation, Goal, Task } from './task.ts';

/** What a language model is trained on. */
export type LanguageModellingOptions = {
  /** Tokens of a text, whole numbers from 0 to vocabulary − 1. */
  readonly train: ArrayLike<number>;
  readonly test: ArrayLike<number>;
  /** Tokens of a window. */
  readonly context: number;
  /** Number of different tokens. */
  readonly vocabulary: number;
};

/**
 * Language modelling: input `tokens` (n, context), output `logits` (n, context, vocabulary); position k answers token
 * k + 1 of the window and may see tokens 0 … k alone, which the network has to keep to. Score: bits per token,
 * −⟨log₂ p(token)⟩ over the test text, 2 to which is the perplexity; 0 is perfect, log₂(vocabulary) a guess.
 *
 * Training windows lie end to end; where the first begins is drawn for each epoch.
 *
 * @throws UsageError if a text is shorter than two windows, or holds what is no token
 */
export function languageModelling({ train, test, context, vocabulary }: LanguageModellingOptions): Task {
  throwFaults('languageModelling', [
    ...(Number.isInteger(context) && context >= 1
      ? [...textFaults('train', train, context, vocabulary), ...textFaults('test', test, context, vocabulary)]
      : [`context must be a whole number from 1, got ${context}`]),
  ]);
  const trainCount = Math.floor(train.length / context) - 1;
  const testCount = Math.floor((test.length - 1) / context);
  const batch: Goal['batch'] = { tokens: [context], targets: [context] };
  return {
    name: 'language modelling',
    batch,
    evaluate: (forward, { tokens, targets }) =>
      evaluated(forward({ tokens: tokens! })['logits']!, targets!, vocabulary),
    measure: (forward, { tokens, targets }) =>
      evaluated(forward({ tokens: tokens! })['logits']!, targets!, vocabulary).metrics,
    score: { name: 'bits per token', of: ({ logLoss, tokens }) => logLoss! / tokens! / Math.LN2 },
    examples: {
      trainCount,
      testCount,
      fillTraining: ({ tokens, targets }, indices, { key, epoch }) => {
        const offset = randomSequence(deriveKey(key, 'offset', epoch)).below(context);
        for (const [place, index] of indices.entries())
          fillWindowInto(tokens!, targets!, place * context, train, offset + index * context, context);
      },
      testBatches: (size) =>
        testBatchesOf(testCount, size, batch, ({ tokens, targets }, indices) => {
          targets!.fill(-1);
          for (const [place, index] of indices.entries())
            fillWindowInto(tokens!, targets!, place * context, test, index * context, context);
        }),
    },
  };
}

function evaluated(logits: Tensor, targets: Tensor, vocabulary: number): Evaluation {
  const labels = targets.reshape([-1]);
  const rows = logits.reshape([labels.shape[0]!, vocabulary]);
  const loss = softmaxCrossEntropy(rows, labels);
  return {
    objectives: [{ name: 'cross-entropy', loss }],
    metrics: {
      logLoss: loss.multiply(labels.shape[0]!),
      correct: correctCount(rows, labels),
      tokens: labels.less(0).select(0, 1).sum(),
    },
  };
}

function textFaults(name: string, text: ArrayLike<number>, context: number, vocabulary: number): string[] {
  if (text.length < 2 * context)
    return [`${name}: expected at least two windows of ${context} tokens, got ${text.length} tokens`];
  for (let i = 0; i < text.length; i++) {
    const token = text[i]!;
    if (!(Number.isInteger(token) && token >= 0 && token < vocabulary))
      return [`${name}: expected tokens from 0 to ${vocabulary - 1}, got ${token} at ${i}`];
  }
  return [];
}

/** Tokens of a window, and for each the one that follows it. */
function fillWindowInto(
  tokens: Float32Array,
  targets: Float32Array,
  to: number,
  text: ArrayLike<number>,
  from: number,
  context: number,
): void {
  for (let k = 0; k < context; k++) {
    tokens[to + k] = text[from + k]!;
    targets[to + k] = text[from + k + 1]!;
  }
}
