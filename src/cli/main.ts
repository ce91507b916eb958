#!/usr/bin/env node
// The `ohmic` command: parses arguments, runs one command, turns errors into messages and exit codes.
// 0 ok, 1 a mistake that the user can fix, 70 a bug in ohmic, 130 and 143 stopped by Ctrl-C and SIGTERM.

import { UsageError } from '../base/errors.ts';
import { Interruption } from './interruption.ts';
import { buildProgram } from './program.ts';

const BUG_EXIT_CODE = 70;

// A closed stdout (`ohmic inspect … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// A closed stderr only ends the progress display; the work goes on.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await buildProgram().parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  if (thrown instanceof Interruption) {
    process.stderr.write(`${thrown.message}\n`);
    return thrown.exitCode;
  }
  if (thrown instanceof UsageError) {
    process.stderr.write(`ohmic: ${thrown.message}\n`);
    return 1;
  }
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`ohmic: this is a bug in ohmic; please report it with the lines below\n${text}\n`);
  return BUG_EXIT_CODE;
}
