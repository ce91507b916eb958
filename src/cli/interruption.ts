// Ctrl-C, SIGTERM and SIGHUP: the first signal stops the work, which keeps its results; the second ends the process at
// once. Under nohup, the end of the terminal stops nothing.

import { basename } from 'node:path';
import { isatty } from 'node:tty';

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
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Stop = keyof typeof EXIT_CODES;
const STOPS = Object.keys(EXIT_CODES) as readonly Stop[];

/**
 * True if the end of the terminal is not to end the work: nohup started it, or it never had a terminal. Node undoes at
 * its start what nohup did, so that SIGHUP comes all the same; the shell's variable `_` and the streams that nohup
 * redirects tell.
 */
function outlivesTerminal(): boolean {
  const isNohup = basename(process.env['_'] ?? '') === 'nohup';
  return isNohup || ![0, 1, 2].some((stream) => isatty(stream));
}

/**
 * From now on a signal ends the process with its exit code, so that what must be left in order is; `interruptible` work
 * does more.
 */
export function endOnSignals(): void {
  const outlives = outlivesTerminal();
  for (const name of STOPS) process.on(name, name === 'SIGHUP' && outlives ? ignore : exitAtOnce);
}

function exitAtOnce(received: NodeJS.Signals): void {
  process.exit(EXIT_CODES[received as Stop]);
}

function ignore(): void {
  // The work goes on.
}

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
  const stop = (received: NodeJS.Signals): void => {
    const exitCode = EXIT_CODES[received as Stop];
    if (controller.signal.aborted) process.exit(exitCode);
    process.stderr.write('\nstopping; once more ends at once and keeps only the last checkpoint\n');
    controller.abort(new Interruption(exitCode, resumeCommand));
  };
  const caught = STOPS.filter((name) => !process.listeners(name).includes(ignore));
  for (const name of caught) process.off(name, exitAtOnce).on(name, stop);
  try {
    return await work(controller.signal);
  } catch (thrown) {
    // What failed because it was stopped is no failure.
    controller.signal.throwIfAborted();
    throw thrown;
  } finally {
    for (const name of caught) process.off(name, stop).on(name, exitAtOnce);
  }
}

/**
 * Calls `save` when the terminal ends, whether or not that stops the work.
 *
 * @returns what ends that
 */
export function onTerminalEnd(save: () => void): () => void {
  process.on('SIGHUP', save);
  return () => void process.off('SIGHUP', save);
}
