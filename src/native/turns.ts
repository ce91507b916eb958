// One run at a time: the threads of a pool work on one program, and memory is not given back under it.

/** Tasks in the order in which they were asked for. */
export type Turns = {
  /**
   * Starts `task` at once if nothing is under way, else after all that is. A task that ends at once returns nothing,
   * and then nothing has to wait for it.
   */
  readonly take: (task: () => Promise<void> | undefined) => Promise<void>;
};

/** Turns that nobody has taken. */
export function createTurns(): Turns {
  let last: Promise<void> | undefined;
  const take = (task: () => Promise<void> | undefined): Promise<void> => {
    const run = last === undefined ? task() : last.then(task);
    if (run === undefined) return Promise.resolve();
    const over: Promise<void> = run
      .catch(() => undefined)
      .then(() => {
        if (last === over) last = undefined;
      });
    last = over;
    return run;
  };
  return { take };
}
