// The C side of the native backend, compiled once: memory, a pool of threads, and the walk over a plan's launches.
// Chunks are claimed one by one, so threads share the work as it comes; what a chunk computes does not depend on it.

/** C source of the runtime. */
export const runtimeSource = `#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#define RELAX() _mm_pause()
#else
#define RELAX() ((void)0)
#endif

typedef void (*kernel_function)(float *const *, const uint32_t *, const uint32_t *, float *, intptr_t);

typedef struct { int32_t kernel, chunks, first_buffer, first_word; } launch;

typedef struct {
  const kernel_function *kernels;
  launch *launches;
  int64_t *places; /* binding number, or -1 - offset in the arena */
  uint32_t *words;
  float **addresses;
  atomic_int *claimed;
  float *arena;
  int32_t launch_count, place_count;
  int64_t scratch_elements;
} program;

typedef struct {
  pthread_t *threads;
  int count; /* threads, the caller included */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  uint64_t generation;
  int closing;
  float **scratch;
  int64_t *scratch_elements;
  program *job;
  const uint32_t *scalars;
  double *times;
  atomic_int arrived;
  atomic_uint sense;
  atomic_int sleepers;
} pool;

typedef struct { pool *owner; int number; } member;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void *ohmic_allocate(int64_t bytes) {
  void *memory = NULL;
  int64_t rounded = (bytes + 4095) / 4096 * 4096;
  if (posix_memalign(&memory, rounded >= (1 << 21) ? 1 << 21 : 64, (size_t)rounded) != 0) return NULL;
  memset(memory, 0, (size_t)rounded);
  return memory;
}

void ohmic_free(void *memory) { free(memory); }

static void sleep_while(atomic_uint *word, unsigned value) {
#if defined(__linux__)
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
  (void)word; (void)value;
  sched_yield();
#endif
}

static void wake_all(atomic_uint *word) {
#if defined(__linux__)
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
#else
  (void)word;
#endif
}

/* Waits until all threads are here. Spins for a while, because launches are short; then sleeps, because another
   program may need the processor that the last thread is waiting for. */
static void barrier(pool *p) {
  if (p->count == 1) return;
  unsigned sense = atomic_load_explicit(&p->sense, memory_order_acquire);
  if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) == p->count - 1) {
    atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&p->sense, sense + 1, memory_order_seq_cst);
    if (atomic_load_explicit(&p->sleepers, memory_order_seq_cst) > 0) wake_all(&p->sense);
    return;
  }
  for (int spins = 0; spins < 1024; spins++) {
    if (atomic_load_explicit(&p->sense, memory_order_acquire) != sense) return;
    RELAX();
  }
  atomic_fetch_add_explicit(&p->sleepers, 1, memory_order_seq_cst);
  while (atomic_load_explicit(&p->sense, memory_order_seq_cst) == sense) sleep_while(&p->sense, sense);
  atomic_fetch_sub_explicit(&p->sleepers, 1, memory_order_seq_cst);
}

static void work(pool *p, int number) {
  program *job = p->job;
  if (p->scratch_elements[number] < job->scratch_elements) {
    free(p->scratch[number]);
    p->scratch[number] = ohmic_allocate(job->scratch_elements * 4);
    p->scratch_elements[number] = p->scratch[number] == NULL ? 0 : job->scratch_elements;
  }
  /* Once the last barrier is passed the caller may free the program. */
  const int32_t launch_count = job->launch_count;
  for (int32_t i = 0; i < launch_count; i++) {
    const launch *l = job->launches + i;
    const kernel_function kernel = job->kernels[l->kernel];
    float *const *buffers = job->addresses + l->first_buffer;
    const uint32_t *words = job->words + l->first_word;
    double start = p->times != NULL && number == 0 ? now() : 0;
    for (;;) {
      int chunk = atomic_fetch_add_explicit(job->claimed + i, 1, memory_order_relaxed);
      if (chunk >= l->chunks) break;
      kernel(buffers, p->scalars, words, p->scratch[number], chunk);
    }
    barrier(p);
    if (p->times != NULL && number == 0) p->times[i] += now() - start;
  }
}

static void *serve(void *argument) {
  member self = *(member *)argument;
  free(argument);
  pool *p = self.owner;
  uint64_t seen = 0;
  for (;;) {
    pthread_mutex_lock(&p->mutex);
    while (p->generation == seen && !p->closing) pthread_cond_wait(&p->wake, &p->mutex);
    seen = p->generation;
    int closing = p->closing;
    pthread_mutex_unlock(&p->mutex);
    if (closing) return NULL;
    work(p, self.number);
  }
}

pool *ohmic_pool(int32_t count) {
  pool *p = calloc(1, sizeof(pool));
  p->count = count;
  p->threads = calloc((size_t)count, sizeof(pthread_t));
  p->scratch = calloc((size_t)count, sizeof(float *));
  p->scratch_elements = calloc((size_t)count, sizeof(int64_t));
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->wake, NULL);
  for (int i = 1; i < count; i++) {
    member *self = malloc(sizeof(member));
    self->owner = p;
    self->number = i;
    if (pthread_create(p->threads + i, NULL, serve, self) != 0) {
      free(self);
      p->count = i;
      break;
    }
  }
  return p;
}

int32_t ohmic_pool_size(pool *p) { return p->count; }

void ohmic_close_pool(pool *p) {
  pthread_mutex_lock(&p->mutex);
  p->closing = 1;
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
  for (int i = 1; i < p->count; i++) pthread_join(p->threads[i], NULL);
  for (int i = 0; i < p->count; i++) free(p->scratch[i]);
  free(p->scratch);
  free(p->scratch_elements);
  free(p->threads);
  free(p);
}

static void *copy_of(const void *from, size_t bytes) {
  void *copy = malloc(bytes + 8);
  memcpy(copy, from, bytes);
  return copy;
}

/* launches: (kernel, chunks, first buffer, first word) each. NULL if memory runs out. */
program *ohmic_program(const void *kernels, const int32_t *launches, int32_t launch_count, const int64_t *places,
                       int32_t place_count, const uint32_t *words, int32_t word_count, int64_t arena_elements,
                       int64_t scratch_elements) {
  program *job = calloc(1, sizeof(program));
  job->arena = ohmic_allocate((arena_elements + 64) * 4);
  if (job->arena == NULL) {
    free(job);
    return NULL;
  }
  job->kernels = kernels;
  job->launches = copy_of(launches, (size_t)launch_count * sizeof(launch));
  job->places = copy_of(places, (size_t)place_count * 8);
  job->words = copy_of(words, (size_t)word_count * 4);
  job->addresses = calloc((size_t)place_count + 1, sizeof(float *));
  job->claimed = calloc((size_t)launch_count + 1, sizeof(atomic_int));
  job->launch_count = launch_count;
  job->place_count = place_count;
  job->scratch_elements = scratch_elements + 64;
  return job;
}

void ohmic_free_program(program *job) {
  free(job->arena);
  free(job->launches);
  free(job->places);
  free(job->words);
  free(job->addresses);
  free(job->claimed);
  free(job);
}

void ohmic_run(pool *p, program *job, const uint64_t *bindings, const uint32_t *scalars, double *times) {
  for (int32_t i = 0; i < job->place_count; i++) {
    int64_t place = job->places[i];
    job->addresses[i] = place >= 0 ? (float *)(uintptr_t)bindings[place] : job->arena + (-1 - place);
  }
  memset(job->claimed, 0, (size_t)job->launch_count * sizeof(atomic_int));
  pthread_mutex_lock(&p->mutex);
  p->job = job;
  p->scalars = scalars;
  p->times = times;
  p->generation++;
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
  work(p, 0);
}
`;
