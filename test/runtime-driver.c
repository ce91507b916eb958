/* Drives the native runtime without Node: every allocation fails once, and from each on all of them; then many short runs
   on several threads. The file of the runtime is included, so that its allocations can be counted. Prints how many
   failures were tried; ends with 1 and a line where something is wrong. Compiled with sanitizers, it is their subject. */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static long until_failure = -1; /* allocations that still succeed; -1: all */
static int stays_empty;         /* all that follow fail as well */
static long failures;
static atomic_long live;

static int fails(void) {
  if (until_failure != 0) {
    if (until_failure > 0) until_failure--;
    return 0;
  }
  failures++;
  if (!stays_empty) until_failure = -1;
  return 1;
}
static void *counted(void *memory) {
  if (memory != NULL) atomic_fetch_add(&live, 1);
  return memory;
}
static void *test_malloc(size_t bytes) { return fails() ? NULL : counted(malloc(bytes)); }
static void *test_calloc(size_t count, size_t bytes) { return fails() ? NULL : counted(calloc(count, bytes)); }
static void test_free(void *memory) {
  if (memory != NULL) atomic_fetch_sub(&live, 1);
  free(memory);
}
static int test_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *argument) {
  return fails() ? 11 : pthread_create(thread, how, start, argument);
}

#define malloc test_malloc
#define calloc test_calloc
#define free test_free
#define pthread_create test_create
#include "../src/native/runtime.c"
#undef malloc
#undef calloc
#undef free
#undef pthread_create

#define CHECK(condition) \
  if (!(condition)) { \
    printf("line %d: %s is false; %ld failures, %ld blocks\n", __LINE__, #condition, failures, atomic_load(&live)); \
    exit(1); \
  }

#define CHUNKS 16

/* Adds a push constant to a number for each chunk, by way of scratch memory. */
static void add(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch,
                intptr_t chunk) {
  (void)scalars;
  scratch[chunk] = (float)push_constants[0];
  buffers[0][chunk] += scratch[chunk];
}

static const kernel_function kernels[] = {add};

/* One program on a pool of `threads`, run `runs` times, as far as memory allows. Returns whether all of it went well. */
static int scenario(int threads, int runs) {
  /* A single call, and a pair: each run adds thrice. */
  const int32_t launches[] = {0, CHUNKS, 0, 0, 0, 0, 0, 0, 0, 0, CHUNKS, 0, 0, 0, CHUNKS, 0, 0, 1};
  const int64_t places[] = {0};
  const uint32_t push_constants[] = {3};
  int well = 0;
  pool *p = ohmic_pool(threads);
  float *memory = p == NULL ? NULL : ohmic_allocate(CHUNKS * 4);
  program *job = memory == NULL ? NULL : ohmic_program(kernels, launches, 2, places, 1, push_constants, 1, 100, CHUNKS);
  /* Nothing at all is a program too. */
  program *empty = job == NULL ? NULL : ohmic_program(kernels, NULL, 0, NULL, 0, NULL, 0, 0, 0);
  if (empty != NULL) {
    uint64_t bindings[] = {(uint64_t)(uintptr_t)memory};
    double times[2];
    int done = 0;
    for (int i = 0; i < runs; i++) done += ohmic_run(p, job, bindings, NULL);
    done += ohmic_profile(p, job, bindings, NULL, times);
    well = done == runs + 1 && ohmic_run(p, empty, bindings, NULL);
    /* A run that was refused has changed nothing. */
    for (int chunk = 0; chunk < CHUNKS; chunk++) CHECK(memory[chunk] == 9.0f * (float)done);
  }
  if (empty != NULL) ohmic_free_program(empty);
  if (job != NULL) ohmic_free_program(job);
  ohmic_free(memory);
  if (p != NULL) ohmic_close_pool(p);
  CHECK(atomic_load(&live) == 0);
  return well;
}

int main(int count, char **words) {
  const int runs = count > 1 ? atoi(words[1]) : 100;
  CHECK(scenario(1, 1) && scenario(3, 1));
  for (stays_empty = 0; stays_empty < 2; stays_empty++) {
    for (long at = 0;; at++) {
      const long before = failures;
      until_failure = at;
      scenario(3, 2);
      until_failure = -1;
      if (failures == before) break;
    }
  }
  for (int threads = 1; threads <= 4; threads++) CHECK(scenario(threads, runs));
  printf("%ld failures\n", failures);
  return 0;
}
