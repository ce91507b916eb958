// Ctrl-C and SIGTERM: the first signal stops the work, which keeps its results; the second ends the process at once.

/** The work was stopped by a signal; its results are kept. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: number;

  constructor(exitCode: number, resumeCommand: string) {
    super(`stopped; what is done is kept. Continue with:\n  ${resumeCommand}`);
    this.exitCode = exitCode;
  }
}

// 128 + the signal's number, as shells have it.
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type Stop = keyof typeof EXIT_CODES;

/**
 * Runs work that can be stopped and continued.
 *
 * @param resumeCommand the command that continues it
 * @throws Interruption, as the signal's reason, if it was stopped
 */
export async function interruptible<T>(
  resumeCommand: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (received: Stop): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES[received]);
    process.stderr.write('\nstopping; once more ends at once and keeps only the last checkpoint\n');
    controller.abort(new Interruption(EXIT_CODES[received], resumeCommand));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
