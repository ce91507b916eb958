// Programming all 361,712 weights of ResNet-32 that lie on crossbars, and one read of them all. Cells stay on the
// backend; what it costs to look at them as values on the host is timed beside.

import { chipOf, chipTensors, readingOf, readingTensors } from '../src/crossbar/chip.ts';
import { joshi2020 } from '../src/crossbar/presets.ts';
import { traceProgramming } from '../src/crossbar/programming.ts';
import { traceReading } from '../src/crossbar/reading.ts';
import { placedLayers, prepareChipPrograms } from '../src/experiment/chip-programs.ts';
import { initialParameters } from '../src/nn/network.ts';
import { type BenchCase, type CaseResult, numbersOf, type Row, race, type Tools } from './bench-case.ts';
import { type Contestant, median, timed } from './measure.ts';
import { resnet32 } from './networks.ts';

const TIME_SECONDS = 86_400;
const AT_MOST_MS = 10;

/** The case. */
export const programmingCase: BenchCase = {
  name: 'programming',
  description: 'programming the weights of ResNet-32 onto a chip, one read of them all, and snapshots',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  const { native, log } = tools;
  log('programming: compiling');
  const hardware = joshi2020;
  const layers = placedLayers(resnet32, hardware);
  const state = await native.store(initialParameters(resnet32, [1, 2]));
  // Whole reads, with the factors of compensation, as a deployment takes them.
  const chips = await prepareChipPrograms({
    engine: native,
    network: resnet32,
    hardware,
    store: state,
    seed: 1,
    key: [6, 7],
  });
  const programming = await native.compile(traceProgramming(layers));
  const reading = await native.compile(traceReading(layers));
  let draws = 0;
  await chips.read({ chip: 0, timeSeconds: TIME_SECONDS });
  const contestants: Contestant[] = [
    {
      name: 'read-with-factors',
      run: timed(() => chips.read({ chip: 0, timeSeconds: TIME_SECONDS, read: ++draws })),
    },
    {
      name: 'programming',
      run: timed(() => programming.run({ state, keys: { program: [6, draws++] } })),
    },
    {
      name: 'reading',
      run: timed(() =>
        reading.run({ state, scalars: { timeSeconds: TIME_SECONDS }, keys: { read: [7, draws++] } }),
      ),
    },
    {
      name: 'chip-snapshot',
      run: timed(async () =>
        chipOf(layers, await state.read(chipTensors(layers)), { hardware, seed: 1, number: 0 }),
      ),
    },
    {
      name: 'reading-snapshot',
      run: timed(async () =>
        readingOf(layers, await state.read(readingTensors(layers)), {
          hardware,
          chip: 0,
          timeSeconds: TIME_SECONDS,
        }),
      ),
    },
  ];
  const results = await race(tools, 'programming', contestants);
  for (const { free } of [programming, reading, chips, state]) free();
  const row = (title: string, name: string): Row => ({
    title,
    figure: { value: median(results[name]!), unit: 'ms' },
    target: { of: 'figure', atMost: AT_MOST_MS },
  });
  return {
    rows: [
      row('programming the weights of ResNet-32', 'programming'),
      row('one read of the weights of ResNet-32', 'reading'),
      row('one read with the factors of compensation', 'read-with-factors'),
      row('a programmed ResNet-32 as values on the host', 'chip-snapshot'),
      row('a read ResNet-32 as values on the host', 'reading-snapshot'),
    ],
    ...numbersOf(tools, results, []),
  };
}
