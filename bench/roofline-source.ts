// The two limits of a machine as C: multiply-adds that touch nothing but registers, and a copy that fits no cache.

import { prelude } from '../src/native/c-sources.ts';
import type { InstructionSet } from '../src/native/instruction-sets.ts';

/**
 * Multiply-adds in flight: more than latency times pipes of most processors, and few enough for the registers. Processors
 * with NEON have up to four pipes.
 */
export function chainsOf({ registers }: Pick<InstructionSet, 'registers'>): number {
  return registers >= 32 ? 24 : 12;
}

/**
 * C source for an instruction set. Every sum is a variable of its own, pinned to a register in every turn of
 * the loop, so that the compiler neither spills nor folds nor reorders it into another loop.
 */
export function rooflineSource(set: InstructionSet): string {
  const chains = Array.from({ length: chainsOf(set) }, (_, chain) => `s${chain}`);
  return `#define _GNU_SOURCE
${prelude(set.lanes)}
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#if defined(__AVX512F__)
#define PIN(x) __asm__ volatile("" : "+v"(x))
#elif defined(__x86_64__)
#define PIN(x) __asm__ volatile("" : "+x"(x))
#elif defined(__aarch64__)
#define PIN(x) __asm__ volatile("" : "+w"(x))
#else
#define PIN(x) ((void)0)
#endif

typedef struct { int64_t turns; char *to; const char *from; size_t bytes; volatile float result; } task;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void *multiply_adds(void *argument) {
  task *own = argument;
  const vf factor = splat_f(0.999f), term = splat_f(0.001f);
  vf ${chains.map((chain, position) => `${chain} = splat_f(${position}.5f)`).join(', ')};
  for (int64_t turn = own->turns; turn > 0; turn--) {
${chains.map((chain) => `    ${chain} = multiply_add(${chain}, factor, term); PIN(${chain});`).join('\n')}
  }
  const vf sum = ${chains.join(' + ')};
  own->result = sum[0];
  return NULL;
}

static void *copy(void *argument) {
  const task *own = argument;
  memcpy(own->to, own->from, own->bytes);
  return NULL;
}

/* Milliseconds until all tasks are done, a thread each, the caller the first; negative if a thread can't be had. */
static double run_all(void *(*function)(void *), task *tasks, int32_t count) {
  pthread_t threads[count];
  double start = now();
  for (int32_t i = 1; i < count; i++) {
    if (pthread_create(threads + i, NULL, function, tasks + i) != 0) return -1;
  }
  function(tasks);
  for (int32_t i = 1; i < count; i++) pthread_join(threads[i], NULL);
  return now() - start;
}

double ohmic_peak(int32_t threads, int64_t turns) {
  task tasks[threads];
  for (int32_t i = 0; i < threads; i++) tasks[i] = (task){ .turns = turns };
  return run_all(multiply_adds, tasks, threads);
}

void *ohmic_copy_memory(int64_t bytes) {
  char *memory = malloc((size_t)bytes * 2);
  if (memory != NULL) memset(memory, 1, (size_t)bytes * 2);
  return memory;
}

void ohmic_free_copy_memory(void *memory) { free(memory); }

double ohmic_copy(int32_t threads, void *memory, int64_t bytes) {
  task tasks[threads];
  const size_t share = (size_t)bytes / (size_t)threads;
  char *from = memory;
  for (int32_t i = 0; i < threads; i++)
    tasks[i] = (task){ .to = from + bytes + share * (size_t)i, .from = from + share * (size_t)i, .bytes = share };
  return run_all(copy, tasks, threads);
}
`;
}
