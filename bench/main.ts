// `npm run bench -- [CASE...] [--json]`: timings as ratios to a peer, in alternation, beside the targets.

import { availableParallelism, cpus } from 'node:os';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../src/base/errors.ts';
import { findCompiler, processorInstructionSet } from '../src/native/compiler.ts';
import { createEngine } from '../src/node/create-engine.ts';
import { type BenchCase, type BenchOptions, joined, type Tools } from './bench-case.ts';
import { charLstmCase } from './char-lstm.ts';
import { chipReadyCase } from './chip-ready.ts';
import { inCellsCase } from './in-cells.ts';
import { inferenceCase } from './inference.ts';
import { memoryCase } from './memory.ts';
import { startPeer } from './peer.ts';
import { photosCase } from './photos.ts';
import { convolutionKindsCase, convolutionsCase, matrixProductsCase } from './products.ts';
import { programmingCase } from './programming.ts';
import { readNoiseCase } from './read-noise.ts';
import { readyCase } from './ready.ts';
import { recurrencesCase } from './recurrences.ts';
import { resultObject, resultText, type Setting } from './report.ts';
import { openRoofline } from './roofline.ts';
import { smallNetworksCase } from './small-networks.ts';
import { sweepChipsCase } from './sweep-chips.ts';
import { trainingStepCase } from './training-step.ts';
import { transformersCase } from './transformers.ts';

/** In the order of the table. */
const CASES: readonly BenchCase[] = [
  trainingStepCase,
  inferenceCase,
  readNoiseCase,
  programmingCase,
  recurrencesCase,
  readyCase,
  chipReadyCase,
  memoryCase,
  smallNetworksCase,
  inCellsCase,
  charLstmCase,
  photosCase,
  transformersCase,
  convolutionsCase,
  convolutionKindsCase,
  matrixProductsCase,
  sweepChipsCase,
];

type Flags = BenchOptions & { readonly json?: boolean };

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

async function bench(names: readonly string[], { json, ...options }: Flags): Promise<void> {
  const chosen = names.length === 0 ? CASES : CASES.filter(({ name }) => names.includes(name));
  const { engine: native } = await createEngine({ backend: 'native', threads: options.threads });
  const compiler = findCompiler()!;
  const roofline = await openRoofline(compiler, options.threads);
  const peer = await startPeer();
  const tools: Tools = { options, native, roofline, log, ...(peer && { peer }) };
  const results = [];
  for (const { run } of chosen) results.push(await run(tools));
  peer?.close();
  roofline.free();
  await native.close();
  const setting: Setting = {
    bench: names.length === 0 ? 'all' : chosen.map(({ name }) => name).join(' '),
    machine: `${cpus()[0]!.model}, ${availableParallelism()} processors, Node ${process.versions.node}`,
    instructions: {
      ohmic: compiler.vectors,
      processor: processorInstructionSet()?.vectors,
      peer: peer?.vectors,
    },
    backend: native.backend.description,
    peer: peer?.description ?? 'PyTorch not found; set OHMIC_PYTHON',
    rounds: options.rounds,
    stepsPerRound: options.steps,
  };
  const result = joined(results);
  console.log(json === true ? JSON.stringify(resultObject(setting, result)) : resultText(setting, result));
}

const list = CASES.map(({ name, description }) => `  ${name.padEnd(16)} ${description}`).join('\n');
await new Command('bench')
  .description('Timings of ohmic, beside PyTorch where it is installed (OHMIC_PYTHON), and targets for them.')
  .addArgument(
    new Argument('[cases...]', 'which cases; by default all').choices(CASES.map(({ name }) => name)),
  )
  .option('--json', 'print one JSON object')
  .option('--rounds <count>', 'rounds of alternation', count, 5)
  .option('--steps <count>', 'steps of each contestant in a round', count, 3)
  .option('--threads <count>', 'threads; by default one a processor', count, availableParallelism())
  .addHelpText('after', `\nCases:\n${list}\n`)
  .action(async (names: readonly string[], flags: Flags) => {
    try {
      await bench(names, flags);
    } catch (thrown) {
      log(`bench: ${messageOf(thrown)}`);
      process.exit(1);
    }
  })
  .parseAsync();
