/* Runs one plan without Node, so that a sanitizer sees every thread: a job file has its tables and what its buffers hold
   before and after a run. Each run must leave the same bits. Linked with the plan's kernels. Words: the job, threads,
   runs. */

#include <stdio.h>
#include "../src/native/runtime.c"

const void *ohmic_kernel_table(void);

static void *read_block(FILE *file, int64_t bytes) {
  void *block = calloc(1, (size_t)bytes + 8);
  if (block == NULL || fread(block, 1, (size_t)bytes, file) != (size_t)bytes) {
    printf("the job ends early\n");
    exit(2);
  }
  return block;
}

int main(int count, char **words) {
  FILE *file = count == 4 ? fopen(words[1], "rb") : NULL;
  if (file == NULL) return 2;
  const int threads = atoi(words[2]), runs = atoi(words[3]);
  /* Launches, places, push constants, arena, scratch, scalars, bindings. */
  const int64_t *n = read_block(file, 7 * 8);
  const int32_t *launches = read_block(file, n[0] * (int64_t)sizeof(launch));
  const int64_t *places = read_block(file, n[1] * 8);
  const uint32_t *push_constants = read_block(file, n[2] * 4);
  const uint32_t *scalars = read_block(file, n[5] * 4);
  const int64_t *elements = read_block(file, n[6] * 8);
  float **before = calloc((size_t)n[6] + 1, sizeof(float *));
  float **after = calloc((size_t)n[6] + 1, sizeof(float *));
  uint64_t *bindings = calloc((size_t)n[6] + 1, 8);
  for (int64_t k = 0; k < n[6]; k++) {
    before[k] = read_block(file, elements[k] * 4);
    after[k] = read_block(file, elements[k] * 4);
    bindings[k] = (uint64_t)(uintptr_t)ohmic_allocate((elements[k] + 64) * 4);
  }
  pool *p = ohmic_pool(threads);
  program *job = ohmic_program(ohmic_kernel_table(), launches, (int32_t)n[0], places, (int32_t)n[1], push_constants,
                               (int32_t)n[2], n[3], n[4]);
  for (int i = 0; i < runs; i++) {
    for (int64_t k = 0; k < n[6]; k++) memcpy((void *)(uintptr_t)bindings[k], before[k], (size_t)elements[k] * 4);
    if (!ohmic_run(p, job, bindings, scalars)) return 2;
    for (int64_t k = 0; k < n[6]; k++) {
      if (memcmp((void *)(uintptr_t)bindings[k], after[k], (size_t)elements[k] * 4) == 0) continue;
      printf("run %d of %d: binding %d has other bits\n", i, runs, (int)k);
      return 1;
    }
  }
  ohmic_free_program(job);
  ohmic_close_pool(p);
  return 0;
}
