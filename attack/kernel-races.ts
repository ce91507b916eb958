// Generated kernels under the thread sanitizer. Node itself does not run under it, so a training and a deployment are run
// once as usual while their plans are recorded: tables, and all buffers before and after a run. Each plan then runs in a
// program of its own, its kernels and the runtime built with the sanitizer, and must leave the same bits.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend, DeviceBuffer, Plan } from '../src/compile/backend.ts';
import { standardEvaluation } from '../src/crossbar/presets.ts';
import { engineOn } from '../src/engine.ts';
import { createNativeBackend } from '../src/native/backend.ts';
import { prelude } from '../src/native/c-sources.ts';
import { type Compiler, findCompiler } from '../src/native/compiler.ts';
import { launchTables } from '../src/native/launch-tables.ts';
import { printTranslationUnit } from '../src/native/print-c.ts';
import { networkByName } from '../src/nn/networks.ts';
import { prepareFit } from '../src/train/fit.ts';
import { deployed } from '../test/deployed.ts';
import { fullSettings, randomParameters, tinyConvolutional, tinySplit, tinyTask } from '../test/tiny.ts';
import { start } from './campaign.ts';

/** A plan with one run of it. */
type Recorded = {
  readonly plan: Plan;
  readonly scalars: Uint32Array;
  readonly before: readonly Float32Array[];
  readonly after: readonly Float32Array[];
};

const DRIVER = join(import.meta.dirname, 'kernel-driver.c');
/** Without vectors that intrinsics store, which the sanitizer does not see. */
const PLAIN: readonly string[] = ['-O1', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'];
const SANITIZED: readonly string[] = ['-std=gnu11', '-g', '-w', '-pthread', '-fsanitize=thread'];
const THREADS = 4;

/** A backend that keeps each plan that is loaded, with its first run. */
function recording(backend: Backend, into: Recorded[]): Backend {
  const contents = (buffers: readonly DeviceBuffer[]): Promise<Float32Array[]> =>
    Promise.all(buffers.map((buffer) => buffer.read()));
  return {
    ...backend,
    load: async (plan) => {
      const program = await backend.load(plan);
      let isKept = false;
      return {
        ...program,
        run: async (buffers, scalars) => {
          if (isKept) return program.run(buffers, scalars);
          isKept = true;
          const before = await contents(buffers);
          await program.run(buffers, scalars);
          into.push({ plan, scalars: scalars.slice(), before, after: await contents(buffers) });
        },
      };
    },
  };
}

/** Runs of all kinds of kernels: noisy training, programming, reading, every compensation, inference. */
async function recordedRuns(compiler: Compiler): Promise<readonly Recorded[]> {
  const runs: Recorded[] = [];
  const backend = await createNativeBackend(compiler, 1);
  const engine = engineOn(recording(backend, runs));
  try {
    for (const network of [tinyConvolutional, networkByName('small-cnn', tinyTask)]) {
      const settings = { ...fullSettings, epochs: 1, hardware: standardEvaluation };
      const fitting = await prepareFit({ engine, network, data: tinySplit(), settings });
      await fitting.result();
      fitting.free();
    }
    const hardware = { ...standardEvaluation, tile: { kind: 'limited', rows: 20, columns: 5 } } as const;
    const parameters = randomParameters(tinyConvolutional);
    await deployed({ engine, parameters, hardware }, async (deployment) => {
      for (const method of ['per-column', 'adabs'] as const)
        await deployment.accuracy({ chip: 0, timeSeconds: 3600, method });
    });
  } finally {
    await engine.close();
  }
  return runs;
}

/** What the driver reads. */
function jobOf({ plan, scalars, before, after }: Recorded): Buffer {
  const { launches, places, pushConstants, arenaElements, scratchElements } = launchTables(plan);
  const sizes = [plan.launches.length, places.length, pushConstants.length, arenaElements, scratchElements];
  const words = (numbers: readonly number[]): BigInt64Array => BigInt64Array.from(numbers, BigInt);
  const blocks: readonly ArrayBufferView[] = [
    words([...sizes, scalars.length, before.length]),
    launches,
    places,
    pushConstants,
    scalars,
    words(before.map(({ length }) => length)),
    ...before.flatMap((values, k) => [values, after[k]!]),
  ];
  return Buffer.concat(
    blocks.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
}

/** A plan whose chunks all write one element, to see that the sanitizer sees it. */
const RACING = `${prelude(4)}
void race(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch, integer chunk) {
  store(buffers[0], splat_f(1.0f));
}
static const kernel_function ohmic_kernels[] = { race };
const void *ohmic_kernel_table(void) { return ohmic_kernels; }
`;

function racingJob(): Buffer {
  const words = BigInt64Array.from([1n, 1n, 0n, 0n, 0n, 0n, 1n]);
  const launch = Int32Array.from([0, 4096, 0, 0, 0, 0, 0, 0, 0]);
  const values = [Float32Array.of(0, 0, 0, 0), Float32Array.of(1, 1, 1, 1)];
  const blocks = [words, launch, BigInt64Array.of(0n), BigInt64Array.of(4n), ...values];
  return Buffer.concat(blocks.map(({ buffer }) => Buffer.from(buffer)));
}

/** Attacks the kernels; says in a few words what was tried. Nothing if the compiler lacks the sanitizer. */
export async function kernelRaces(
  words: readonly string[],
  { folder, runs }: { readonly folder: string; readonly runs: number },
): Promise<string | undefined> {
  const compiler = findCompiler({ flags: PLAIN, cacheFolder: join(folder, 'plain') })!;
  const build = async (name: string, source: string): Promise<boolean> => {
    writeFileSync(join(folder, `${name}.c`), source);
    const call = [...words, ...SANITIZED, ...PLAIN, '-o', name, DRIVER, `${name}.c`, '-lm'];
    return (await start(call, { cwd: folder })).code === 0;
  };
  const run = async (name: string, job: Buffer, times: number) => {
    writeFileSync(join(folder, `${name}.job`), job);
    return start([join(folder, name), `${name}.job`, String(THREADS), String(times)], { cwd: folder });
  };
  if (!(await build('racing', RACING))) return undefined;
  const seen = await run('racing', racingJob(), 20);
  assert.match(seen.err, /WARNING: ThreadSanitizer: data race/, `a race is seen: ${seen.out}${seen.err}`);
  const all = await recordedRuns(compiler);
  let [kernels, launches] = [0, 0];
  for (const [k, recorded] of all.entries()) {
    const { plan } = recorded;
    assert.ok(await build(`plan-${k}`, printTranslationUnit(plan.kernels, plan.lanes)));
    const { code, out, err } = await run(`plan-${k}`, jobOf(recorded), runs);
    assert.equal(code, 0, `plan ${k} of ${all.length}: ${out}${err}`);
    kernels += plan.kernels.length;
    launches += plan.launches.length;
  }
  return `${kernels} kernels in ${launches} launches of ${all.length} plans with thread, ${runs} runs each on ${THREADS} threads`;
}
