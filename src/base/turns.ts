// One thing at a time: what works on shared memory takes turns, and nothing is given back while it is in use.

/** Tasks in the order in which they were asked for, whether those before succeeded or not. */
export type Turns = {
  /** Starts `task` at once if nothing is under way, else after all that is. */
  readonly take: <T>(task: () => Promise<T>) => Promise<T>;
  /** The same for what is over at once. */
  readonly after: (task: () => void) => Promise<void>;
};

/** Turns that nobody has taken. */
export function createTurns(): Turns {
  let last: Promise<unknown> | undefined;
  const take = <T>(task: () => Promise<T>): Promise<T> => {
    const run = last === undefined ? task() : last.then(task);
    const over: Promise<unknown> = run
      .catch(() => undefined)
      .then(() => {
        if (last === over) last = undefined;
      });
    last = over;
    return run;
  };
  return { take, after: async (task) => (last === undefined ? task() : take(async () => task())) };
}
