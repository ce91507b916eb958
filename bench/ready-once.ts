// One process of ready.ts: starts the engine, then traces and compiles a training step once, and prints the times as
// JSON. Its arguments are the number of threads and the name of the step; OHMIC_CACHE names the cache.

import type { NativeProgram } from '../src/native/backend.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { type StepOptions, traceTrainingStep } from '../src/train/step.ts';
import { charLstmStep } from './char-lstm-network.ts';
import { BATCH, digitalStep, resnet32, stepOf } from './networks.ts';

/** Names of the steps: ResNet-32, and the LSTM of char-lstm.ts over 100 steps in time, batch 32. */
export type ReadyStep = 'resnet32' | 'char-lstm';

/** Milliseconds: of starting the engine, of the trace, and from trace to ready, which includes the trace. */
export type Readiness = {
  readonly engineMs: number;
  readonly traceMs: number;
  readonly readyMs: number;
  /** True if kernels were compiled. */
  readonly isFresh: boolean;
};

/** The training steps by name. */
const steps: { readonly [S in ReadyStep]: () => StepOptions } = {
  resnet32: () => stepOf(resnet32, digitalStep(BATCH)),
  'char-lstm': () => charLstmStep(100, 32),
};

const atStart = performance.now();
const { engine } = await createEngine({ backend: 'native', threads: Number(process.argv[2]) });
const atTrace = performance.now();
const graph = traceTrainingStep(steps[process.argv[3] as ReadyStep]());
const atCompile = performance.now();
const { program } = await engine.compile(graph);
const atEnd = performance.now();
const readiness: Readiness = {
  engineMs: atTrace - atStart,
  traceMs: atCompile - atTrace,
  readyMs: atEnd - atTrace,
  isFresh: (program as NativeProgram).isFresh,
};
console.log(JSON.stringify(readiness));
await engine.close();
