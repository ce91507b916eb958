// An evaluation of the lab as settings of the library, in one place, so that anybody can repeat it by the command.

import type { CompensationMethod, EvaluationSettings, Json } from 'ohmic';

/** AdaBS on 1,000 training images a chip, which takes a moment; the command's default is 2,600. */
const ADABS = { batches: 5, batchSize: 200, memory: 0.015 } as const;

/** What is asked; the rest are defaults. */
export type EvaluationChoice = {
  readonly chips: number;
  readonly timesSeconds: readonly number[];
  readonly methods: readonly CompensationMethod[];
};

/** Settings of an evaluation with so many training images, complete. */
export function evaluationSettings(choice: EvaluationChoice, trainImages: number): EvaluationSettings {
  return {
    ...choice,
    adabs: { ...ADABS, batchSize: Math.min(ADABS.batchSize, trainImages) },
    calibrationImages: Math.min(250, trainImages),
    ranges: { kind: 'root-mean-squares', count: 6 },
  };
}

/** The command that evaluates the same chips of saved weights. `changes` are those of the preset. */
export function evaluationCommand({
  preset,
  changes,
  chips,
  timesSeconds,
  methods,
  seed,
}: EvaluationChoice & {
  readonly preset: string;
  readonly changes: Readonly<Record<string, Json>>;
  readonly seed: number;
}): string {
  const adabs = methods.includes('adabs')
    ? ` --adabs-batches ${ADABS.batches} --adabs-batch-size ${ADABS.batchSize}`
    : '';
  const set = Object.entries(changes).map(
    ([name, value]) => ` --set '${name}=${JSON.stringify(value).replaceAll("'", "'\\''")}'`,
  );
  return `ohmic evaluate --backend wasm --weights weights.safetensors --hardware ${preset}${set.join('')} --chips ${chips} --times ${timesSeconds.join(',')} --methods ${methods.join(',')}${adabs} --seed ${seed} --out runs/lab-chips`;
}
