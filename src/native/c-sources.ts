// The parts of the native backend that are written in C: files beside this one, which the build copies to dist/. Their
// text is part of what is compiled, and so of the key under which the result is kept.

import { readFileSync } from 'node:fs';

/** The C of the runtime: memory, threads, the walk over launches. It is one text: it is compiled in a folder of its own. */
export function runtimeSource(): string {
  return read('runtime.c').replace('#include "threads.h"\n', () => read('threads.h'));
}

/** What every generated C file begins with, for vectors of `lanes` floats. */
export function prelude(lanes: number): string {
  return `#define LANES ${lanes}\n${read('prelude.h')}`;
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
