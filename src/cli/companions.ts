// Options that say something only beside another one: without it they are refused, because to ignore what somebody typed is a
// silent default.

import type { Command } from 'commander';
import { throwFaults } from '../base/errors.ts';

/** Options, and the one that they need. */
export type Companions = {
  /** As typed: `--lora-rank`. */
  readonly options: readonly string[];
  /** The option beside which they mean something. */
  readonly beside: string;
  /** A name that its list must hold; any value by default. */
  readonly holding?: string;
  /** What to type. */
  readonly add: string;
};

/**
 * Lets a command refuse options whose companion is missing.
 *
 * @throws UsageError that lists all of them, when the command is run
 */
export function withCompanions(command: Command, rules: readonly Companions[]): Command {
  return command.hook('preAction', (_, run) => {
    // Parts of a command, as `sweep plan`, have options of their own.
    if (run !== command) return;
    throwFaults(
      fullName(command),
      rules.flatMap((rule) => lonely(command, rule)),
    );
  });
}

/** Name of a command: `inspect graph`. */
function fullName(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${fullName(parent)} ${command.name()}` : command.name();
}

function lonely(command: Command, { options, beside, holding, add }: Companions): string[] {
  const value = givenValue(command, beside);
  if (value !== undefined && (holding === undefined || namesOf(value).includes(holding))) return [];
  const expected = holding === undefined ? `${beside} beside it` : `${holding} in ${beside}`;
  const got = value === undefined ? 'none' : `"${value}"`;
  return options
    .filter((option) => command.getOptionValueSource(attributeOf(command, option)) === 'cli')
    .map((option) => `${option}: expected ${expected}, got ${got}; add ${add}, or leave ${option} out`);
}

function givenValue(command: Command, option: string): string | undefined {
  return command.getOptionValue(attributeOf(command, option));
}

function attributeOf(command: Command, option: string): string {
  return command.options.find(({ long }) => long === option)!.attributeName();
}

/** The names of a list: `none,lora` or, with times, `25s:none,1d:lora`. */
function namesOf(list: string): string[] {
  return list.split(/[,:]/).map((name) => name.trim());
}
