// One training step of ResNet-32 16/28/56 on a batch of 128 random images: native, native with noise and clipping,
// wasm, and PyTorch if it is found; then where the native step's time goes, kernel class by kernel class.

import { compile } from '../src/compile/compile.ts';
import { countWeights } from '../src/nn/network.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { type BoundProgram, bind } from './bound-program.ts';
import { type ClassShare, type ClassWork, classWork, usefulOperations } from './kernel-classes.ts';
import { type Contestant, median, type Timings } from './measure.ts';
import {
  BATCH,
  digitalStep,
  LEARNING_RATE,
  noisyStep,
  randomBatch,
  resnet32,
  type TrainingStep,
  trainingStep,
} from './networks.ts';
import { peerContestants } from './peer.ts';
import { classTable } from './report.ts';
import { shareOf } from './roofline.ts';

/** A step that is timed launch by launch: its total is a contestant, its classes are kept for every round. */
type ProfiledStep = Contestant & {
  readonly classMilliseconds: readonly number[][];
  readonly free: () => void;
};

/** The case. */
export const trainingStepCase: BenchCase = {
  name: 'training-step',
  description: 'training step of ResNet-32 16/28/56, batch 128: native, with noise, wasm; its kernel classes',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  const { native, options, log } = tools;
  const wasm = await createEngine({ backend: 'wasm', threads: options.threads });
  const torch = await peerContestants(tools, {
    name: 'pytorch',
    peerCase: 'resnet32-training-step',
    batch: BATCH,
    weights: countWeights(resnet32),
  });
  log('training-step: compiling');
  const step = await trainingStep(native, 'native', resnet32, digitalStep(BATCH));
  const steps = [
    step,
    await trainingStep(native, 'nativeWithNoise', resnet32, noisyStep(BATCH)),
    await trainingStep(wasm.engine, 'wasm', resnet32, digitalStep(BATCH)),
  ];
  const work = classWork(step.graph, compile(step.graph, native.backend));
  const profiled = profiledStep(tools, step, work);
  const contestants = [steps[0]!, profiled, ...steps.slice(1), ...torch];
  const results = await race(tools, 'training-step', contestants);
  profiled.free();
  for (const { free } of steps) free();
  await wasm.engine.close();
  const classes = classShares(tools, results, profiled, work);
  const operations = usefulOperations(step.graph);
  return {
    rows: rowsOf(tools, results, operations),
    ...numbersOf(tools, results, [
      ['native', 'pytorch'],
      ['nativeWithNoise', 'native'],
      ['wasm', 'pytorch'],
    ]),
    details: {
      network: 'ResNet-32 16/28/56, batch 128, 32x32x3',
      readyMilliseconds: Object.fromEntries(steps.map(({ name, readyMs }) => [name, readyMs])),
      usefulOperations: operations,
      kernelClasses: classes,
    },
    text: classTable(classes),
  };
}

function rowsOf(tools: Tools, results: Timings, operations: number): CaseResult['rows'] {
  const torch = { by: 'pytorch', peerName: 'PyTorch', operations };
  return [
    compared(tools, results, {
      ...torch,
      title: 'ResNet-32 training step',
      contestant: 'native',
      atMost: 0.35,
    }),
    compared(tools, results, {
      title: 'ResNet-32 training step, noise and clipping',
      contestant: 'nativeWithNoise',
      by: 'native',
      peerName: 'without',
      atMost: 1.1,
      operations,
    }),
    compared(tools, results, {
      ...torch,
      title: 'ResNet-32 training step, WebAssembly',
      contestant: 'wasm',
      atMost: 2,
    }),
  ];
}

function profiledStep(
  { native }: Tools,
  { executable, state }: TrainingStep,
  work: readonly ClassWork[],
): ProfiledStep {
  const scalars = { learningRate: LEARNING_RATE };
  const bound: BoundProgram = bind(native, executable, {
    inputs: randomBatch(resnet32, BATCH),
    scalars,
    state,
  });
  const classMilliseconds: number[][] = [];
  const sumOf = (times: Float64Array, launches: readonly number[]): number =>
    launches.reduce((sum, launch) => sum + times[launch]!, 0);
  return {
    name: 'profiled',
    classMilliseconds,
    run: async (steps) => {
      const profiles: Float64Array[] = [];
      for (let i = 0; i < steps; i++) profiles.push(await bound.profile());
      classMilliseconds.push(
        work.map(({ launches }) => median(profiles.map((times) => sumOf(times, launches)))),
      );
      return profiles.map((times) => sumOf(times, [...times.keys()]));
    },
    free: bound.free,
  };
}

function classShares(
  { roofline }: Tools,
  results: Timings,
  { classMilliseconds }: ProfiledStep,
  work: readonly ClassWork[],
): ClassShare[] {
  const gigaflops = roofline.gigaflops(results);
  const gigabytes = roofline.gigabytesPerSecond(results);
  const totals = results['profiled']!;
  return work.map(({ name, launches, work: amountOf }, position) => {
    const milliseconds = classMilliseconds.map((classes) => classes[position]!);
    return {
      name,
      launches: launches.length,
      milliseconds: median(milliseconds),
      shareOfStep: median(milliseconds.map((value, round) => value / totals[round]!)),
      work: amountOf,
      shareOfRoofline: shareOf(
        amountOf.kind === 'operations' ? gigaflops : gigabytes,
        amountOf.amount,
        milliseconds,
      ),
    };
  });
}
