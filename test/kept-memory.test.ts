// What stays in memory after a graph was compiled: the program, not the code of its kernels as the compiler wrote it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Backend, Program } from '../src/compile/backend.ts';
import { compile } from '../src/compile/compile.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import type { Statement } from '../src/kernel/kernel.ts';
import { backends, withEngine } from './compare.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const square = trace((t: Trace) => ({ outputs: { y: t.input('x', [64]).multiply(t.input('x', [64])) } }));

/** A program, and its kernel's code as the garbage collector sees it. */
async function loaded(backend: Backend): Promise<[Program, WeakRef<readonly Statement[]>]> {
  const plan = compile(square, backend);
  return [await backend.load(plan), new WeakRef(plan.kernels[0]!.body)];
}

for (const choice of backends) {
  test(`${choice.name}: neither a program nor an executable keeps the code of its kernels`, () =>
    withEngine(choice, 1, async (engine) => {
      const [program, code] = await loaded(engine.backend);
      // What a weak reference saw in this turn of the event loop is kept until its end.
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
      assert.equal(code.deref(), undefined);
      program.free();
      const executable = await engine.compile(square);
      assert.ok(executable.plan.kernels.every((kernel) => !('body' in kernel) && !('types' in kernel)));
      executable.free();
    }));
}
