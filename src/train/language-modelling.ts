// Language modelling as a task: each token of a text from those before it. Examples are windows of a text; loss: mean
// cross-entropy of all positions; scored by bits per token, the logarithm of the perplexity.

import { throwFaults } from '../base/errors.ts';
import { deriveKey, randomSequence } from '../base/random.ts';
import type { Tensor } from '../graph/tensor.ts';
import { correctCount, softmaxCrossEntropy } from '../nn/losses.ts';
import { testBatchesOf } from './examples.ts';
import type { Evaluation, ExamplesInMemory, Goal, TaskInMemory, TestBatch } from './task.ts';

/** The windows of a language model, without a text. */
export type LanguageGoalOptions = {
  /** Tokens of a window. */
  readonly context: number;
  /** Number of different tokens. */
  readonly vocabulary: number;
  /** What a token is, for the name of the score: "character". */
  readonly token?: string;
};

/** What a language model is trained on. */
export type LanguageModellingOptions = LanguageGoalOptions & {
  /** Tokens of a text, whole numbers from 0 to vocabulary − 1. */
  readonly train: ArrayLike<number>;
  readonly test: ArrayLike<number>;
  /** Windows in the order of the text, in parallel streams, for networks that carry their state over. */
  readonly carry?: boolean;
};

/**
 * Language modelling: input `tokens` (n, context), output `logits` (n, context, vocabulary); position k answers token
 * k + 1 of the window and may see tokens 0 … k alone, which the network has to keep to. Score: bits per token,
 * −⟨log₂ p(token)⟩ over the test text, 2 to which is the perplexity; 0 is perfect, log₂(vocabulary) a guess.
 *
 * Training windows lie end to end; where the first begins is drawn for each epoch. Without `carry` they are shuffled,
 * and the test text is what whole windows hold.
 *
 * With `carry`, the windows of an epoch are cut into as many parallel streams as a batch has places, and step k takes
 * window k of every stream; windows that are left over are not seen in this epoch. Of the test text every token but the
 * first is predicted once. Its streams are of equal length, at least `SHORTEST_STREAM` windows each where the text allows
 * two streams; the tokens at the start of a stream are predicted from those of their stream alone.
 *
 * @throws UsageError if a text is shorter than two windows, or holds what is no token
 */
export function languageModelling({
  train,
  test,
  context,
  vocabulary,
  token,
  carry = false,
}: LanguageModellingOptions): TaskInMemory {
  throwFaults('languageModelling', [
    ...(Number.isInteger(context) && context >= 1
      ? [...textFaults('train', train, context, vocabulary), ...textFaults('test', test, context, vocabulary)]
      : [`context must be a whole number from 1, got ${context}`]),
  ]);
  const goal = languageGoal({ context, vocabulary, ...(token !== undefined && { token }) });
  const trainCount = Math.floor(train.length / context) - 1;
  const fillTraining: ExamplesInMemory['fillTraining'] = ({ tokens, targets }, indices, { key, epoch }) => {
    const offset = randomSequence(deriveKey(key, 'offset', epoch)).below(context);
    for (const [place, index] of indices.entries())
      fillWindowInto(tokens!, targets!, place * context, train, offset + index * context, context);
  };
  if (carry) {
    const testCount = Math.ceil((test.length - 1) / context);
    return {
      ...goal,
      examples: {
        trainCount,
        testCount,
        fillTraining,
        testBatches: (size) => testStreams(test, context, size),
        streams: (most) => Math.max(1, Math.min(most, Math.floor(testCount / SHORTEST_STREAM))),
      },
    };
  }
  const testCount = Math.floor((test.length - 1) / context);
  return {
    ...goal,
    examples: {
      trainCount,
      testCount,
      fillTraining,
      testBatches: (size) =>
        testBatchesOf(testCount, size, goal.batch, ({ tokens, targets }, indices) => {
          targets!.fill(-1);
          for (const [place, index] of indices.entries())
            fillWindowInto(tokens!, targets!, place * context, test, index * context, context);
        }),
    },
  };
}

/** Windows of a test stream, at least: few tokens then stand near the start of one, where the network has seen little. */
export const SHORTEST_STREAM = 10;

/** Language modelling without a text: enough to trace graphs. */
export function languageGoal({ context, vocabulary, token = 'token' }: LanguageGoalOptions): Goal {
  return {
    name: 'language modelling',
    batch: { tokens: [context], targets: [context] },
    evaluate: (forward, { tokens, targets }) =>
      evaluated(forward({ tokens: tokens! })['logits']!, targets!, vocabulary),
    measure: (forward, { tokens, targets }) =>
      evaluated(forward({ tokens: tokens! })['logits']!, targets!, vocabulary).metrics,
    score: { name: `bits per ${token}`, of: ({ logLoss, tokens }) => logLoss! / tokens! / Math.LN2 },
  };
}

/**
 * A text as batches of `streams` parallel streams of equal length: batch k has window k of each. Token i + 1 is the
 * answer to token i; answers beyond the end of a stream or of the text are −1, which count for nothing.
 */
function testStreams(text: ArrayLike<number>, context: number, streams: number): TestBatch[] {
  const answers = text.length - 1;
  const length = Math.ceil(answers / streams);
  return Array.from({ length: Math.ceil(length / context) }, (_, window) => {
    const tokens = new Float32Array(streams * context);
    const targets = new Float32Array(streams * context).fill(-1);
    let count = 0;
    for (let stream = 0; stream < streams; stream++) {
      const from = stream * length + window * context;
      const to = Math.min(from + context, (stream + 1) * length, answers);
      if (to > from) count++;
      fillWindowInto(tokens, targets, stream * context, text, from, Math.max(0, to - from));
    }
    return { values: { tokens, targets }, count };
  });
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
