// The `ohmic` command as a process: parses arguments, runs one command, turns errors into messages and exit codes.
// 0 ok, 1 a mistake that the user can fix, 70 a bug in ohmic, 129, 130 and 143 stopped by the terminal's end, Ctrl-C and
// SIGTERM.

import { UsageError } from '../base/errors.ts';
import { endOnSignals, Interruption } from './interruption.ts';
import { readable } from './print.ts';
import { buildProgram } from './program.ts';

const BUG_EXIT_CODE = 70;

// A terminal that is gone, or a full disk, does not stop the work. If the output itself was asked for, its loss is an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`ohmic inspect … | head`) is no error.
  if (error.code === 'EPIPE') process.exit(0);
  // Each write fails.
  if (isTold) return;
  isTold = true;
  process.exitCode = 1;
  process.stderr.write(
    `ohmic: standard output can't be written (${error.message}); what was to come is missing\n`,
  );
});
process.stderr.on('error', () => undefined);
let isTold = false;

endOnSignals();

try {
  await buildProgram().parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  if (thrown instanceof Interruption) {
    process.stderr.write(`${readable(thrown.message)}\n`);
    return thrown.exitCode;
  }
  if (thrown instanceof UsageError) {
    process.stderr.write(`ohmic: ${readable(thrown.message)}\n`);
    return 1;
  }
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(
    `ohmic: this is a bug in ohmic; please report it with the lines below\n${readable(text)}\n`,
  );
  return BUG_EXIT_CODE;
}
