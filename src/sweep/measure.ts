// What a sweep would take, from a short measurement of its own works: some steps of a training, one chip of an evaluation.

import { keyFromSeed } from '../base/random.ts';
import type { DataSplit } from '../data/image-set.ts';
import type { Engine } from '../engine.ts';
import { deploy } from '../experiment/deploy.ts';
import { measureChip } from '../experiment/evaluate.ts';
import { imageTask } from '../experiment/subject.ts';
import { initialParameters } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import { prepareFit } from '../train/fit.ts';
import type { EvaluationWork, TrainingWork } from './works.ts';

/** Seconds of single works, measured. */
export type MeasuredTimes = {
  readonly stepSeconds?: number;
  /** Of making an evaluation ready: kernels, calibration. */
  readonly deploySeconds?: number;
  readonly chipSeconds?: number;
};

/** What is measured, and where. */
export type MeasureOptions = {
  readonly engine: Engine;
  readonly data: DataSplit;
  readonly model: string;
  readonly training?: TrainingWork | undefined;
  readonly evaluation?: EvaluationWork | undefined;
  /** Seconds, from anywhere. */
  readonly clock: () => number;
};

/** Steps that are timed, or as many as go into so many seconds. */
const STEPS = 50;
const MOST_SECONDS = 4;

/**
 * Times some steps of a training, after the first, and one chip, from weights that are not trained: times do not depend on
 * them. A teacher's answers are left out. Throws what trainings and deployments throw.
 */
export async function measureWorks({
  engine,
  data,
  model,
  training,
  evaluation,
  clock,
}: MeasureOptions): Promise<MeasuredTimes> {
  const network = networkByName(model, imageTask(data));
  let stepSeconds: number | undefined;
  if (training !== undefined && training.settings.epochs > 0) {
    const { distillation: _, ...settings } = training.settings;
    const fitting = await prepareFit({ engine, network, data, settings, seed: training.seed });
    try {
      let [began, steps] = [clock(), -1];
      for await (const { kind } of fitting.events()) {
        if (kind !== 'step') continue;
        // The first may still compile something.
        if (++steps === 0) began = clock();
        if (steps >= STEPS || clock() - began > MOST_SECONDS) break;
      }
      if (steps > 0) stepSeconds = (clock() - began) / steps;
    } finally {
      fitting.free();
    }
  }
  if (evaluation === undefined) return { ...(stepSeconds !== undefined && { stepSeconds }) };
  const asked = clock();
  const deployment = await deploy({
    engine,
    network,
    parameters: initialParameters(network, keyFromSeed(evaluation.seed)),
    data,
    hardware: evaluation.hardware,
    evaluation: { ...evaluation.evaluation, chips: 1 },
    seed: evaluation.seed,
  });
  try {
    const chip = async (number: number): Promise<void> => {
      for await (const _ of measureChip(deployment, evaluation.evaluation, number));
    };
    const began = clock();
    await chip(0);
    return {
      ...(stepSeconds !== undefined && { stepSeconds }),
      deploySeconds: began - asked,
      chipSeconds: clock() - began,
    };
  } finally {
    deployment.free();
  }
}
