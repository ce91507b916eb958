// One process of ready.ts: starts the engine, then traces and compiles the training step once, and prints the times
// as JSON. Its argument is the number of threads; OHMIC_CACHE names the cache.

import type { NativeProgram } from '../src/native/backend.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { traceTrainingStep } from '../src/train/step.ts';
import { BATCH, digitalStep, resnet32, stepOf } from './networks.ts';

/** Milliseconds: of starting the engine, of the trace, and from trace to ready, which includes the trace. */
export type Readiness = {
  readonly engineMs: number;
  readonly traceMs: number;
  readonly readyMs: number;
  /** True if kernels were compiled. */
  readonly isFresh: boolean;
};

const atStart = performance.now();
const { engine } = await createEngine({ backend: 'native', threads: Number(process.argv[2]) });
const atTrace = performance.now();
const graph = traceTrainingStep(stepOf(resnet32, digitalStep(BATCH)));
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
