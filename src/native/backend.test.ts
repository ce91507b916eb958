// The native backend by itself: what its programs tell, and that the generated C is right for every width of vectors and
// for both compilers. What it computes in general is compared in test/.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertAgrees, type Sample, type SampleTrace, sample, withEngine } from '../../test/compare.ts';
import { UsageError } from '../base/errors.ts';
import { compile } from '../compile/compile.ts';
import { gradients } from '../graph/gradients.ts';
import { concat, type Tensor } from '../graph/tensor.ts';
import type { Traced } from '../graph/trace.ts';
import { createNativeBackend } from './backend.ts';
import { findCompiler } from './compiler.ts';

const cacheFolder = mkdtempSync(join(tmpdir(), 'ohmic-native-test-'));
after(() => rmSync(cacheFolder, { recursive: true }));

const compiler = findCompiler({ cacheFolder });
const needsCompiler = compiler === undefined ? 'no C compiler' : false;

/** Every operation that the prelude knows, a convolution and its gradients, a reduction, random draws. */
function midSize(t: SampleTrace): Traced {
  const [x, y] = [t.normals([5, 37]), t.uniforms([5, 37], 0.1, 4)];
  const quarters = t.integers([5, 37], -30, 30).cast('f32').multiply(0.25);
  const whole = t.integers([5, 37], -1000, 1000);
  const key = t.key('noise');
  const images = t.normals([3, 6, 7, 5]);
  const filter = t.normals([3, 3, 5, 21]);
  const result = images
    .multiply(0.5)
    .convolve(filter, { stride: [2, 1], padding: [1, 1] })
    .relu();
  const [toImages, toFilter] = gradients(result.square().sum(), [images, filter]) as [Tensor, Tensor];
  const state = t.normalState('state', [71]);
  const looked = x.gather(t.integers([4, 6], -1, 6));
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY, NaN: notANumber } = Number;
  const special = [0, -0, 1, -2.5, POSITIVE_INFINITY, NEGATIVE_INFINITY, notANumber];
  const a = t.values([7, 1], special).broadcastTo([7, 7]);
  const b = t.values([1, 7], special).broadcastTo([7, 7]);
  return {
    outputs: {
      elementwise: x.exp().add(y.log()).subtract(y.sqrt()).divide(y).multiply(x.tanh()).add(x.cos()),
      extremes: x.maximum(y).minimum(x.negate().abs()),
      steps: quarters.floor().add(quarters.round()),
      choice: quarters.less(1).select(x, y),
      truncated: quarters.cast('i32').multiply(whole).maximum(whole.subtract(3)).minimum(500),
      compared: whole.equal(7).select(1, 0).add(whole.lessEqual(3).cast('f32')),
      normal: key.normal([5, 37]),
      uniform: key.derive('other').uniform([1003]),
      specialMaximum: a.maximum(b),
      specialMinimum: a.minimum(b),
      specialOrder: a.lessEqual(b),
      specialQuotient: a.divide(b),
      result,
      toImages,
      toFilter,
      transposed: x.transpose().add(y.reshape([37, 5])),
      rows: x.sum([1]),
      columns: x.max([0]),
      product: x.matmul(t.normals([37, 19])).add(t.normals([19])),
      looked,
      lookedAcross: looked.transpose(),
      toTable: gradients(looked.square().sum(), [x])[0]!,
      depthwise: images.convolve(t.normals([3, 3, 1, 5]), { stride: [1, 1], padding: [1, 1], groups: 5 }),
      spread: images.convolveTransposed(t.normals([3, 2, 5, 9]), { stride: [2, 2], padding: [1, 0] }),
      stack: images.matmul(t.normals([6, 5, 17])),
      joined: concat([images, images.exp()], 2),
    },
    updates: { state: state.multiply(0.5).add(1) },
  };
}

let made: Sample | undefined;
const midSizeSample = (): Sample => {
  made ??= sample(midSize);
  return made;
};

const variants: readonly {
  readonly command?: string;
  readonly flags: readonly string[];
  readonly lanes: number;
}[] = [
  { flags: ['-O2', '-mavx2', '-mfma'], lanes: 8 },
  { flags: ['-O1', '-march=x86-64-v2'], lanes: 4 },
  { flags: ['-O2'], lanes: 4 },
  { flags: ['-O1', '-march=armv8-a'], lanes: 4 },
  { command: 'clang', flags: ['-O2'], lanes: 4 },
  { command: 'clang', flags: ['-O2', '-mavx2', '-mfma'], lanes: 8 },
];

/** Why a variant cannot run here, if so. */
function obstacle({
  command,
  flags,
}: {
  readonly command?: string;
  readonly flags: readonly string[];
}): string | false {
  const named = command === undefined ? {} : { command };
  if (findCompiler({ ...named, flags: ['-O2'] }) === undefined) return `no ${command ?? 'C compiler'}`;
  if (flags.length === 1) return false;
  const arch = flags.includes('-march=armv8-a') ? 'arm64' : 'x64';
  if (process.arch !== arch) return `${arch} only`;
  const native = findCompiler({ ...named, flags: ['-march=native'] });
  return flags.includes('-mavx2') && (native?.lanes ?? 4) < 8 ? 'no AVX2' : false;
}

for (const { flags, lanes, ...rest } of variants) {
  test(`${rest.command ?? 'the compiler'} ${flags.join(' ')}: ${lanes} lanes, and right`, {
    skip: obstacle({ flags, ...rest }),
  }, async () => {
    const own = findCompiler({ flags, cacheFolder, ...rest })!;
    assert.equal(own.lanes, lanes);
    const start = (threads: number): ReturnType<typeof createNativeBackend> =>
      createNativeBackend(own, threads);
    await withEngine({ name: 'native', start }, 2, (engine) => assertAgrees(engine, midSizeSample()));
  });
}

test('a program tells whether it was compiled, and how long each launch took', {
  skip: needsCompiler,
}, async () => {
  const backend = await createNativeBackend(compiler!, 2);
  const given = sample((t) => ({ outputs: { y: t.normals([50_000]).exp().sum() } }));
  const plan = compile(given.graph, backend);
  const first = await backend.load(plan);
  const second = await backend.load(plan);
  assert.deepEqual([first.isFresh, second.isFresh], [true, false]);
  const buffers = plan.bindings.map(({ elements }) => backend.allocate(elements));
  const once = await first.profile(buffers, new Uint32Array(0));
  const before = once.slice();
  const again = await second.profile(buffers, new Uint32Array(0));
  assert.ok(plan.launches.length > 1 && once.length === plan.launches.length);
  for (const times of [once, again]) assert.ok(times.every((time) => time > 0));
  // A profile is of one run: the next one changes nothing in it.
  assert.deepEqual(once, before);
  for (const buffer of buffers) buffer.free();
  first.free();
  second.free();
  await backend.close();
});

test('many short runs in a row leave timers their turns', { skip: needsCompiler }, async () => {
  const backend = await createNativeBackend(compiler!, 1);
  const given = sample((t) => ({ outputs: { y: t.normals([10]).exp() } }));
  const plan = compile(given.graph, backend);
  const program = await backend.load(plan);
  const buffers = plan.bindings.map(({ elements }) => backend.allocate(elements));
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  let runs = 0;
  // Without a turn this ends by the count of runs, within a second.
  while (turns < 3 && runs < 100_000) {
    await program.run(buffers, new Uint32Array(0));
    runs++;
  }
  clearInterval(timer);
  for (const buffer of buffers) buffer.free();
  program.free();
  await backend.close();
  assert.ok(turns >= 3, `${turns} turns in ${runs} runs`);
});

test('the description names compiler, vectors and threads', { skip: needsCompiler }, async () => {
  for (const [threads, text] of [
    [1, '1 thread'],
    [3, '3 threads'],
  ] as const) {
    const backend = await createNativeBackend(compiler!, threads);
    assert.match(backend.description, new RegExp(`^native: .+ [\\d.]+, ${compiler!.vectors}, ${text}$`));
    assert.equal(backend.threads, threads);
    await backend.close();
  }
});

test('memory that cannot be had is a usage error, for a buffer and for a plan', {
  skip: needsCompiler,
}, async () => {
  const backend = await createNativeBackend(compiler!, 1);
  const given = sample((t) => ({ outputs: { y: t.normals([3]).add(1) } }));
  const plan = { ...compile(given.graph, backend), arenaElements: 2 ** 50 };
  assert.throws(
    () => backend.allocate(2 ** 50),
    new UsageError('native backend: no memory for 1125899906842624 elements; use a smaller batch'),
  );
  await assert.rejects(
    backend.load(plan),
    new UsageError("native backend: no memory for the plan's 4503599627370496 bytes; use a smaller batch"),
  );
  await backend.close();
});

test('scratch memory that cannot be had is a usage error, and the backend goes on', {
  skip: needsCompiler,
}, async () => {
  const backend = await createNativeBackend(compiler!, 2);
  const given = sample((t) => ({ outputs: { y: t.normals([3]).add(1) } }));
  const whole = compile(given.graph, backend);
  const kernels = whole.kernels.map((kernel) => ({ ...kernel, scratch: 2 ** 50 }));
  const buffers = whole.bindings.map(({ elements }) => backend.allocate(elements));
  const hungry = await backend.load({ ...whole, kernels });
  for (const start of [
    () => hungry.run(buffers, new Uint32Array(0)),
    () => hungry.profile(buffers, new Uint32Array(0)),
  ]) {
    await assert.rejects(
      start(),
      new UsageError(
        'native backend: no memory for 4503599627370496 bytes of scratch memory a thread; use fewer threads',
      ),
    );
  }
  const program = await backend.load(whole);
  await program.run(buffers, new Uint32Array(0));
  assert.deepEqual([...(await buffers[1]!.read())], [1, 1, 1]);
  await backend.close();
});

test('closing gives back what nobody freed', { skip: needsCompiler }, async () => {
  const megabytes = 64;
  const given = sample((t) => ({ outputs: { y: t.normals([3]).add(1) } }));
  const grown = async (): Promise<void> => {
    const backend = await createNativeBackend(compiler!, 1);
    await backend.load({ ...compile(given.graph, backend), arenaElements: 1000 });
    const buffer = backend.allocate(megabytes << 18);
    // Memory counts once it is touched.
    await buffer.write(new Float32Array(megabytes << 18).fill(1));
    await backend.close();
  };
  await grown();
  const before = process.memoryUsage().rss;
  for (let k = 0; k < 8; k++) await grown();
  const more = (process.memoryUsage().rss - before) / 2 ** 20;
  // Eight times 64 MB would stay; the collector may hold on to some of the arrays that were written.
  assert.ok(more < 4 * megabytes, `${more} MB more`);
});

test('many programs, loaded, run and freed in a row, do not disturb each other', {
  skip: needsCompiler,
}, async () => {
  const backend = await createNativeBackend(compiler!, 3);
  const given = sample((t) => ({ outputs: { y: t.normals([1000]).add(1) } }));
  const plan = compile(given.graph, backend);
  const [x, y] = plan.bindings.map(({ elements }) => backend.allocate(elements)) as [
    ReturnType<typeof backend.allocate>,
    ReturnType<typeof backend.allocate>,
  ];
  await x.write(new Float32Array(1000).fill(2));
  for (let k = 0; k < 200; k++) {
    const program = await backend.load(plan);
    await program.run([x, y], new Uint32Array(0));
    program.free();
  }
  assert.deepEqual(await y.read(), new Float32Array(1000).fill(3));
  await backend.close();
});
