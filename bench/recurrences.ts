// Pulses on many elements, 64 iterations with a normal draw each, where all of them, one in a hundred or none changes.
// What few elements need is compared with the same graph whose elements all change.

import { deriveKey, keyFromSeed, randomSequence } from '../src/base/random.ts';
import type { Executable } from '../src/engine.ts';
import { recur } from '../src/graph/recurrence.ts';
import { trace } from '../src/graph/trace.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { type Contestant, timed } from './measure.ts';

const SHAPE = [400, 490] as const;
const ITERATIONS = 64;
const SHARES = { all: 1, hundredth: 0.01, none: 0 } as const;
const REPEAT = 5;

/** The case. */
export const recurrencesCase: BenchCase = {
  name: 'recurrences',
  description: '196,000 elements, 64 iterations, where all elements change, one in a hundred, or none',
  run,
};

/** Two states that change where a number of each element is below `share`: tested in each iteration, or once for all. */
async function compiled({ native }: Tools, isTestedOnce: boolean): Promise<Executable> {
  return native.compile(
    trace((t) => {
      const [g, pulses] = [t.state('g', SHAPE), t.state('pulses', SHAPE)];
      const noise = t.key('noise').normal([ITERATIONS, ...SHAPE]);
      const where = t.state('number', SHAPE).less(t.scalar('share'));
      const updates = recur({
        count: ITERATIONS,
        initial: { g, pulses },
        step: (s, { item, number }) => ({
          next: { g: s.g.add(item(noise).multiply(0.1)), pulses: s.pulses.add(1) },
          ...(!isTestedOnce && { where: number.less(where.cast('i32').multiply(ITERATIONS)) }),
        }),
        ...(isTestedOnce && { where }),
      });
      return { outputs: {}, updates };
    }),
  );
}

async function run(tools: Tools): Promise<CaseResult> {
  const { native, log } = tools;
  log('recurrences: compiling');
  const draws = randomSequence(deriveKey(keyFromSeed(1), 'recurrences'));
  const zeros = { shape: SHAPE, data: new Float32Array(SHAPE[0] * SHAPE[1]) };
  const number = { shape: SHAPE, data: zeros.data.map(() => draws.uniform()) };
  const contestants: Contestant[] = [];
  const kinds = { step: await compiled(tools, false), once: await compiled(tools, true) };
  const state = await native.store({ g: zeros, pulses: zeros, number });
  let calls = 0;
  for (const [kind, executable] of Object.entries(kinds)) {
    for (const [name, share] of Object.entries(SHARES)) {
      const step = (): Promise<unknown> =>
        executable.run({ state, scalars: { share }, keys: { noise: [calls++, 1] } });
      contestants.push({ name: `${kind}-${name}`, run: timed(step) });
    }
  }
  const results = await race(tools, 'recurrences', contestants, REPEAT);
  for (const executable of Object.values(kinds)) executable.free();
  state.free();
  const row = (title: string, contestant: string, atMost: number): ReturnType<typeof compared> =>
    compared(tools, results, { title, contestant, by: 'step-all', peerName: 'all change', atMost });
  return {
    rows: [
      row('64 iterations, 1 % change, tested in each', 'step-hundredth', 0.4),
      row('64 iterations, none changes, tested in each', 'step-none', 0.15),
      row('64 iterations, 1 % change, tested once', 'once-hundredth', 0.4),
      row('64 iterations, none changes, tested once', 'once-none', 0.03),
    ],
    ...numbersOf(
      tools,
      results,
      ['step-hundredth', 'step-none', 'once-hundredth', 'once-none'].map(
        (name) => [name, 'step-all'] as const,
      ),
    ),
  };
}
