// A mutex for asynchronous work: tasks on shared memory run one after another, and memory is freed only while no task
// uses it.

/** Runs tasks one at a time, in the order in which they are asked for, whether those before succeed or fail. */
export type Mutex = {
  /** Runs `task` at once if the mutex is free, else when all earlier tasks are done. */
  readonly runExclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** The same for a synchronous task; where the mutex is free, it does not take it. */
  readonly runWhenFree: (task: () => void) => Promise<void>;
};

/** A mutex that is free. */
export function createMutex(): Mutex {
  let last: Promise<unknown> | undefined;
  const runExclusive = <T>(task: () => Promise<T>): Promise<T> => {
    const run = last === undefined ? task() : last.then(task);
    const over: Promise<unknown> = run
      .catch(() => undefined)
      .then(() => {
        if (last === over) last = undefined;
      });
    last = over;
    return run;
  };
  return {
    runExclusive,
    runWhenFree: async (task) => (last === undefined ? task() : runExclusive(async () => task())),
  };
}
