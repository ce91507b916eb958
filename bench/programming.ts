// Programming all 361,712 weights of ResNet-32 that lie on crossbars, and one read of them all, as the library does
// it: with values copied in, run, and collected as a chip or a reading. The launches alone are timed beside.

import { collectChip, collectReading, readingInputs } from '../src/crossbar/chip.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { traceProgramming, traceReading } from '../src/crossbar/program-and-read.ts';
import { initialParameters } from '../src/nn/network.ts';
import { type BenchCase, type CaseResult, numbersOf, type Row, race, type Tools } from './bench-case.ts';
import { bind } from './bound-program.ts';
import { type Contestant, median, timed } from './measure.ts';
import { resnet32 } from './networks.ts';

const TIME_SECONDS = 86_400;
const AT_MOST_MS = 10;

/** The case. */
export const programmingCase: BenchCase = {
  name: 'programming',
  description: 'programming the weights of ResNet-32 onto a chip, and one read of them all',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  const { native, log } = tools;
  log('programming: compiling');
  const layers = resnet32.analogLayers;
  const programming = await native.compile(traceProgramming(layers, joshi2020));
  const reading = await native.compile(traceReading(layers, joshi2020));
  const parameters = initialParameters(resnet32, [1, 2]);
  const weights = Object.fromEntries(
    layers.map(({ name }) => [`${name}.weights`, parameters[`${name}.weights`]!.data]),
  );
  let draws = 0;
  const program = async (): Promise<ReturnType<typeof collectChip>> => {
    const outputs = await programming.run({ inputs: weights, keys: { program: [6, draws++] } });
    return collectChip({ hardware: joshi2020, seed: 1, number: 0, layers, outputs });
  };
  const chip = await program();
  const read = async (): Promise<unknown> => {
    const { timeSeconds, ...inputs } = readingInputs(chip, TIME_SECONDS);
    const scalars = { timeSeconds: timeSeconds![0]! };
    const outputs = await reading.run({ inputs, scalars, keys: { read: [7, draws++] } });
    return collectReading(chip, TIME_SECONDS, outputs);
  };
  const programLaunches = bind(native, programming, {
    inputs: weights,
    scalars: { 'program.0': 6, 'program.1': 0 },
  });
  const { timeSeconds: _, ...cells } = readingInputs(chip, TIME_SECONDS);
  const readLaunches = bind(native, reading, {
    inputs: cells,
    scalars: { timeSeconds: TIME_SECONDS, 'read.0': 7, 'read.1': 0 },
  });
  const contestants: Contestant[] = [
    { name: 'programming', run: timed(program) },
    { name: 'programming-launches', run: timed(programLaunches.run) },
    { name: 'reading', run: timed(read) },
    { name: 'reading-launches', run: timed(readLaunches.run) },
  ];
  const results = await race(tools, 'programming', contestants);
  for (const { free } of [programLaunches, readLaunches, programming, reading]) free();
  const row = (title: string, name: string): Row => ({
    title,
    figure: { value: median(results[name]!), unit: 'ms' },
    target: { of: 'figure', atMost: AT_MOST_MS },
  });
  return {
    rows: [
      row('programming the weights of ResNet-32', 'programming'),
      row('one read of the weights of ResNet-32', 'reading'),
    ],
    ...numbersOf(tools, results, []),
  };
}
