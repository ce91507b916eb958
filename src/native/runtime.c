/* The C side of the native backend, compiled once: memory, a pool of threads, and the walk over a program's launches.
   Threads claim the chunks of a launch one by one, so they share the work as it comes. What a chunk computes does not
   depend on the thread that runs it. What finds no memory gives back what it took and says so. runtime.ts declares the
   functions that start with `ohmic_`. */

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "threads.h"
#if defined(__linux__)
#include <sys/mman.h>
#endif

/* (buffers, scalars, push constants, scratch memory, chunk), as print-c.ts declares kernels. */
typedef void (*kernel_function)(float *const *, const uint32_t *, const uint32_t *, float *, intptr_t);

/* Bits of a place that hold the number of a binding. */
#define BINDING_BITS 24
#define BINDING_MASK (((int64_t)1 << BINDING_BITS) - 1)

/* A kernel with its arguments: where its buffer addresses and its push constants begin in the program's tables. */
typedef struct {
  int32_t kernel, chunks, first_buffer, first_push_constant;
} call;

/* A single call, or a pair: each chunk of the first is followed by `ratio` chunks of the second. 0: no second call. */
typedef struct {
  call first, second;
  int32_t ratio;
} launch;

typedef struct {
  const kernel_function *kernels;
  launch *launches;
  int64_t *places; /* binding number + offset << BINDING_BITS, or -1 - offset in the arena */
  uint32_t *push_constants;
  float **addresses;
  atomic_int *claimed;   /* taken chunks of each launch, of the share of the first thread, then of the next */
  atomic_uint *finished; /* chunks of each launch that are done */
  float *arena;
  int32_t launch_count, place_count, share_count;
  int64_t scratch_elements;
} program;

typedef struct {
  thread *threads;
  int count; /* threads, the caller included */
  lock mutex;
  condition wake;
  atomic_ullong generation; /* number of the run; changes when one starts */
  int closing;
  atomic_int active; /* threads beside the caller that work on the job */
  condition left;
  float **scratch;
  int64_t *scratch_elements;
  program *job;
  const uint32_t *scalars;
  int is_timed;
  atomic_int sleepers;
} pool;

typedef struct {
  pool *owner;
  int number;
} member;

/* Zeros. The system maps the pages of a large block, as zeros, when a thread first touches them. */
EXPORT void *ohmic_allocate(int64_t bytes) {
  const size_t rounded = (size_t)((bytes + 4095) / 4096 * 4096);
  const int is_large = rounded >= (1 << 21);
  const size_t alignment = is_large ? 1 << 21 : 64;
  char *block = calloc(1, rounded + alignment + sizeof(void *));
  if (block == NULL) return NULL;
  char *memory = (char *)(((uintptr_t)block + sizeof(void *) + alignment - 1) / alignment * alignment);
  ((void **)memory)[-1] = block;
#if defined(MADV_HUGEPAGE)
  /* Each row of a large matrix lies on a small page of its own, which misses the TLB again and again. */
  if (is_large) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

EXPORT void ohmic_free(void *memory) {
  if (memory != NULL) free(((void **)memory)[-1]);
}

/* Tests of a counter before a waiting thread goes to sleep. */
#define SPINS 1024

/* Waits until a counter reaches a target. Spins first, because launches are short. Then sleeps, because the thread that
   it waits for may need this processor. In a timed run it never sleeps: to wake up takes longer than a short launch. */
static void wait_for(pool *p, atomic_uint *counter, unsigned target) {
  for (int spins = 0; spins < SPINS || p->is_timed; spins += spins < SPINS) {
    if (atomic_load_explicit(counter, memory_order_acquire) == target) return;
    RELAX();
  }
  atomic_fetch_add_explicit(&p->sleepers, 1, memory_order_seq_cst);
  for (;;) {
    unsigned value = atomic_load_explicit(counter, memory_order_seq_cst);
    if (value == target) break;
    sleep_while(counter, value);
  }
  atomic_fetch_sub_explicit(&p->sleepers, 1, memory_order_seq_cst);
}

static void run_chunk(pool *p, program *job, const call *c, int number, int chunk) {
  float *const *buffers = job->addresses + c->first_buffer;
  const uint32_t *push_constants = job->push_constants + c->first_push_constant;
  job->kernels[c->kernel](buffers, p->scalars, push_constants, p->scratch[number], chunk);
}

/* Gives every thread as much scratch memory as the job's kernels need, before any of them works on it. The pages come
   when the thread touches them. Returns 0 if there is no memory. */
static int reserve_scratch(pool *p, const program *job) {
  for (int i = 0; i < p->count; i++) {
    if (p->scratch_elements[i] >= job->scratch_elements) continue;
    float *more = ohmic_allocate(job->scratch_elements * 4);
    if (more == NULL) return 0;
    ohmic_free(p->scratch[i]);
    p->scratch[i] = more;
    p->scratch_elements[i] = job->scratch_elements;
  }
  return 1;
}

/* Makes room for the claims of all threads. Returns 0 if there is no memory. */
static int reserve_claims(pool *p, program *job) {
  if (job->share_count >= p->count) return 1;
  atomic_int *more = calloc((size_t)p->count * (size_t)job->launch_count + 1, sizeof(atomic_int));
  if (more == NULL) return 0;
  free(job->claimed);
  job->claimed = more;
  job->share_count = p->count;
  return 1;
}

/* First chunk of a thread's share. A single chunk is the caller's. */
static int share_start(int chunks, int number, int count) {
  return (int)(((int64_t)chunks * number + count - 1) / count);
}

/* Takes chunks of the share of thread `owner`, one by one, until none is left. */
static void run_share(pool *p, program *job, int number, int32_t i, int owner) {
  const launch *l = job->launches + i;
  const int chunks = l->first.chunks;
  const int end = share_start(chunks, owner + 1, p->count);
  int chunk = share_start(chunks, owner, p->count);
  if (chunk == end) return;
  atomic_int *claimed = job->claimed + (size_t)owner * (size_t)job->launch_count + (size_t)i;
  const int start = chunk;
  while ((chunk = start + atomic_fetch_add_explicit(claimed, 1, memory_order_relaxed)) < end) {
    run_chunk(p, job, &l->first, number, chunk);
    for (int k = 0; k < l->ratio; k++) run_chunk(p, job, &l->second, number, chunk * l->ratio + k);
    const unsigned done = atomic_fetch_add_explicit(job->finished + i, 1, memory_order_seq_cst) + 1;
    if (done == (unsigned)chunks && atomic_load_explicit(&p->sleepers, memory_order_seq_cst) > 0)
      wake_all(job->finished + i);
  }
}

/* Walks all launches. A thread begins with the chunks of its own share, whose data the launches before have often left in
   its cache, and goes on with what others have not taken. A launch ends when all of its chunks are done, whoever did them,
   so a thread that wakes up late delays nobody. Writes the milliseconds of each launch to `times` unless that is NULL. */
static void work(pool *p, program *job, int number, double *times) {
  double start = times != NULL ? milliseconds() : 0;
  for (int32_t i = 0; i < job->launch_count; i++) {
    const int chunks = job->launches[i].first.chunks;
    for (int k = 0; k < p->count; k++) run_share(p, job, number, i, (number + k) % p->count);
    wait_for(p, job->finished + i, (unsigned)chunks);
    if (times != NULL) {
      const double end = milliseconds();
      times[i] = end - start;
      start = end;
    }
  }
}

/* Tests for the next run before a thread waits on the condition variable. Programs often follow one another, and to
   wake a thread takes longer than a small program. */
#define LOOKS 2048

static thread_result THREAD_CALL serve(void *argument) {
  member self = *(member *)argument;
  free(argument);
  pool *p = self.owner;
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < LOOKS && atomic_load_explicit(&p->generation, memory_order_relaxed) == seen; i++) RELAX();
    lock_acquire(&p->mutex);
    while (!p->closing && (p->generation == seen || p->job == NULL)) condition_wait(&p->wake, &p->mutex);
    seen = p->generation;
    int closing = p->closing;
    program *job = p->job;
    if (!closing) p->active++;
    lock_release(&p->mutex);
    if (closing) return 0;
    work(p, job, self.number, NULL);
    lock_acquire(&p->mutex);
    if (--p->active == 0) condition_wake_one(&p->left);
    lock_release(&p->mutex);
  }
}

static void free_pool(pool *p) {
  for (int i = 0; i < p->count && p->scratch != NULL; i++) ohmic_free(p->scratch[i]);
  free(p->scratch);
  free(p->scratch_elements);
  free(p->threads);
  free(p);
}

/* A pool of `count` threads, the caller's among them; of fewer, if the system starts no more. NULL if there is no
   memory. */
EXPORT pool *ohmic_pool(int32_t count) {
  pool *p = calloc(1, sizeof(pool));
  if (p == NULL) return NULL;
  p->threads = calloc((size_t)count, sizeof(thread));
  p->scratch = calloc((size_t)count, sizeof(float *));
  p->scratch_elements = calloc((size_t)count, sizeof(int64_t));
  if (p->threads == NULL || p->scratch == NULL || p->scratch_elements == NULL) {
    free_pool(p);
    return NULL;
  }
  lock_create(&p->mutex);
  condition_create(&p->wake);
  condition_create(&p->left);
  /* Set once: no thread looks at it. */
  p->count = 1;
  for (int i = 1; i < count; i++) {
    member *self = malloc(sizeof(member));
    if (self == NULL) break;
    self->owner = p;
    self->number = i;
    if (!thread_create(p->threads + i, serve, self)) {
      free(self);
      break;
    }
    p->count = i + 1;
  }
  return p;
}

EXPORT int32_t ohmic_pool_size(pool *p) { return p->count; }

EXPORT void ohmic_close_pool(pool *p) {
  lock_acquire(&p->mutex);
  p->closing = 1;
  condition_wake_all(&p->wake);
  lock_release(&p->mutex);
  for (int i = 1; i < p->count; i++) thread_join(p->threads[i]);
  free_pool(p);
}

/* NULL if there is no memory. `from` may be NULL where there are no bytes. */
static void *copy_of(const void *from, size_t bytes) {
  void *copy = malloc(bytes + 8);
  if (copy != NULL && bytes > 0) memcpy(copy, from, bytes);
  return copy;
}

EXPORT void ohmic_free_program(program *job);

/* `launches` holds the fields of each launch, in their order. NULL if there is no memory. */
EXPORT program *ohmic_program(const void *kernels, const int32_t *launches, int32_t launch_count, const int64_t *places,
                       int32_t place_count, const uint32_t *push_constants, int32_t push_constant_count,
                       int64_t arena_elements, int64_t scratch_elements) {
  program *job = calloc(1, sizeof(program));
  if (job == NULL) return NULL;
  job->arena = ohmic_allocate((arena_elements + 64) * 4);
  job->kernels = kernels;
  job->launches = copy_of(launches, (size_t)launch_count * sizeof(launch));
  job->places = copy_of(places, (size_t)place_count * 8);
  job->push_constants = copy_of(push_constants, (size_t)push_constant_count * 4);
  job->addresses = calloc((size_t)place_count + 1, sizeof(float *));
  job->finished = calloc((size_t)launch_count + 1, sizeof(atomic_uint));
  job->launch_count = launch_count;
  job->place_count = place_count;
  job->scratch_elements = scratch_elements + 64;
  if (job->arena == NULL || job->launches == NULL || job->places == NULL || job->push_constants == NULL ||
      job->addresses == NULL || job->finished == NULL) {
    ohmic_free_program(job);
    return NULL;
  }
  return job;
}

EXPORT void ohmic_free_program(program *job) {
  ohmic_free(job->arena);
  free(job->launches);
  free(job->places);
  free(job->push_constants);
  free(job->addresses);
  free(job->claimed);
  free(job->finished);
  free(job);
}

static int32_t run(pool *p, program *job, const uint64_t *bindings, const uint32_t *scalars, double *times) {
  if (!reserve_scratch(p, job) || !reserve_claims(p, job)) return 0;
  for (int32_t i = 0; i < job->place_count; i++) {
    int64_t place = job->places[i];
    job->addresses[i] = place >= 0 ? (float *)(uintptr_t)bindings[place & BINDING_MASK] + (place >> BINDING_BITS)
                                   : job->arena + (-1 - place);
  }
  memset(job->claimed, 0, (size_t)p->count * (size_t)job->launch_count * sizeof(atomic_int));
  memset(job->finished, 0, (size_t)job->launch_count * sizeof(atomic_uint));
  lock_acquire(&p->mutex);
  p->job = job;
  p->scalars = scalars;
  p->is_timed = times != NULL;
  p->generation++;
  condition_wake_all(&p->wake);
  lock_release(&p->mutex);
  work(p, job, 0, times);
  /* The caller may free the job: no thread may start on it from here on, and all that did must have left it. */
  lock_acquire(&p->mutex);
  p->job = NULL;
  lock_release(&p->mutex);
  for (int i = 0; i < LOOKS && atomic_load_explicit(&p->active, memory_order_acquire) > 0; i++) RELAX();
  lock_acquire(&p->mutex);
  while (p->active > 0) condition_wait(&p->left, &p->mutex);
  lock_release(&p->mutex);
  return 1;
}

/* Runs a program once. `bindings` holds addresses. Returns 0, and has run nothing, if there is no scratch memory. */
EXPORT int32_t ohmic_run(pool *p, program *job, const uint64_t *bindings, const uint32_t *scalars) {
  return run(p, job, bindings, scalars, NULL);
}

/* The same; writes the milliseconds of each launch. */
EXPORT int32_t ohmic_profile(pool *p, program *job, const uint64_t *bindings, const uint32_t *scalars, double *times) {
  return run(p, job, bindings, scalars, times);
}
