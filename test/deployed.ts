// What tests of deployments share: a small evaluation with every method, and a deployment that is freed after use.

import type { DataSplit } from '../src/data/image-set.ts';
import type { Engine } from '../src/engine.ts';
import { type Deployment, type DeploymentOptions, deploy } from '../src/experiment/deploy.ts';
import type { EvaluationSettings } from '../src/experiment/record.ts';
import { tinyConvolutional, tinySplit } from './tiny.ts';

export const YEAR = 31_536_000;

/** Two chips, at once and after a year, under every method. */
export const tinyEvaluation: EvaluationSettings = {
  chips: 2,
  timesSeconds: [0, YEAR],
  methods: ['none', 'global', 'per-column', 'adabs'],
  adabs: { batches: 3, batchSize: 8, memory: 0.015 },
  calibrationImages: 32,
  ranges: { kind: 'root-mean-squares', count: 6 },
};

export const tinyData: DataSplit = tinySplit();

/** What a deployment of the small convolutional network needs beside these. */
export type Given = Pick<DeploymentOptions, 'parameters' | 'hardware'> &
  Partial<DeploymentOptions> & { readonly engine: Engine };

/** Hands a deployment of the small convolutional network to `use`, and frees it. */
export async function deployed<T>(given: Given, use: (deployment: Deployment) => Promise<T>): Promise<T> {
  const deployment = await deploy({
    network: tinyConvolutional,
    data: tinyData,
    evaluation: tinyEvaluation,
    seed: 5,
    ...given,
  });
  try {
    return await use(deployment);
  } finally {
    deployment.free();
  }
}

/** The same of one engine, hardware and parameters, unless it is told otherwise. */
export function deploying(
  common: Given,
): <T>(change: Partial<Given>, use: (deployment: Deployment) => Promise<T>) => Promise<T> {
  return (change, use) => deployed({ ...common, ...change }, use);
}
