/* Threads for runtime.c, by the calls of each system: locks, conditions, threads, and sleeping on a word of memory. POSIX
   where it is; Windows' own elsewhere (untested there). c-sources.ts puts this file in the place of its #include. */

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* A hint that the thread waits for another one. */
#if defined(__SSE2__)
#include <immintrin.h>
#define RELAX() _mm_pause()
#elif defined(__aarch64__)
/* `yield` does nothing on most processors; this one stops fetching for a moment. */
#define RELAX() __asm__ volatile("isb" ::: "memory")
#else
#define RELAX() ((void)0)
#endif

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* A library of Windows tells nobody but itself what is in it, unless asked. */
#define EXPORT __declspec(dllexport)

typedef SRWLOCK lock;
typedef CONDITION_VARIABLE condition;
typedef HANDLE thread;
typedef DWORD thread_result;
#define THREAD_CALL WINAPI

static void lock_create(lock *l) { InitializeSRWLock(l); }
static void lock_acquire(lock *l) { AcquireSRWLockExclusive(l); }
static void lock_release(lock *l) { ReleaseSRWLockExclusive(l); }
static void condition_create(condition *c) { InitializeConditionVariable(c); }
static void condition_wait(condition *c, lock *l) { SleepConditionVariableSRW(c, l, INFINITE, 0); }
static void condition_wake_one(condition *c) { WakeConditionVariable(c); }
static void condition_wake_all(condition *c) { WakeAllConditionVariable(c); }
static int thread_create(thread *t, thread_result(THREAD_CALL *serve)(void *), void *argument) {
  *t = CreateThread(NULL, 0, serve, argument, 0, NULL);
  return *t != NULL;
}
static void thread_join(thread t) {
  WaitForSingleObject(t, INFINITE);
  CloseHandle(t);
}
static double milliseconds(void) {
  LARGE_INTEGER ticks, per_second;
  QueryPerformanceCounter(&ticks);
  QueryPerformanceFrequency(&per_second);
  return (double)ticks.QuadPart * 1e3 / (double)per_second.QuadPart;
}
static void sleep_while(atomic_uint *word, unsigned value) { WaitOnAddress(word, &value, sizeof value, INFINITE); }
static void wake_all(atomic_uint *word) { WakeByAddressAll(word); }

#else

#include <pthread.h>
#include <sched.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#define EXPORT

typedef pthread_mutex_t lock;
typedef pthread_cond_t condition;
typedef pthread_t thread;
typedef void *thread_result;
#define THREAD_CALL

static void lock_create(lock *l) { pthread_mutex_init(l, NULL); }
static void lock_acquire(lock *l) { pthread_mutex_lock(l); }
static void lock_release(lock *l) { pthread_mutex_unlock(l); }
static void condition_create(condition *c) { pthread_cond_init(c, NULL); }
static void condition_wait(condition *c, lock *l) { pthread_cond_wait(c, l); }
static void condition_wake_one(condition *c) { pthread_cond_signal(c); }
static void condition_wake_all(condition *c) { pthread_cond_broadcast(c); }
static int thread_create(thread *t, thread_result (*serve)(void *), void *argument) {
  return pthread_create(t, NULL, serve, argument) == 0;
}
static void thread_join(thread t) { pthread_join(t, NULL); }
static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Where a system has no public call to sleep on a word (macOS before 14.4), threads give up their turns instead. */
static void sleep_while(atomic_uint *word, unsigned value) {
#if defined(__linux__)
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
  (void)word;
  (void)value;
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

#endif
