// Following a stage: its events one by one, its result at the end.

/** Runs a stage to its end, calls `onEvent` for each event, and returns what the stage returns. Throws what it throws. */
export async function follow<E, R>(events: AsyncGenerator<E, R>, onEvent: (event: E) => void): Promise<R> {
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) return value;
    onEvent(value);
  }
}
