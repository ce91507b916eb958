// `ohmic completion`: scripts that complete commands, flags and their values in a shell, made from commander's tree.
// The scripts are self-contained: pressing Tab starts no process.

import type { Command, Option } from 'commander';
import { UsageError } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { costNames } from '../cost/published-costs.ts';
import { hardwareNames } from '../crossbar/hardware-choice.ts';
import { COMPENSATION_METHODS } from '../experiment/compensation-method.ts';
import { BACKEND_CHOICES } from '../node/backend-choice.ts';
import { presetNames } from './presets-command.ts';
import { reproductionNames } from './reproduce-command.ts';
import { SCHEMA_NAMES } from './schema-names.ts';
import { trainDatasets, trainModels } from './settings-schema.ts';

/** Shells for which there are scripts. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** A command as a script needs it. */
type Entry = {
  /** `inspect chip`; empty for the whole. */
  readonly path: string;
  readonly description: string;
  /** Subcommands, or values of the first argument. */
  readonly words: readonly Word[];
  readonly options: readonly OptionEntry[];
};

type Word = { readonly word: string; readonly description: string };

type OptionEntry = {
  readonly flag: string;
  readonly description: string;
  /** Undefined: the option takes no value; empty: a file or any text. */
  readonly values: readonly string[] | undefined;
};

/** Values of options whose help only lists them. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--dataset': trainDatasets,
  '--model': trainModels,
  '--hardware': hardwareNames,
  '--backend': BACKEND_CHOICES,
  '--methods': COMPENSATION_METHODS,
  '--cost': costNames,
  '--schedule': ['cosine', 'step'],
  '--rule': ['sgd', 'adam', 'adamw'],
  '--noise-scale': ['layer', 'column'],
  '--clip-scale': ['layer', 'column'],
  '--layout': ['torch', 'ohmic'],
};

/** First arguments with known values, by command. */
const ARGUMENTS: Readonly<Record<string, () => readonly string[]>> = {
  schema: () => SCHEMA_NAMES,
  presets: () => presetNames,
  reproduce: reproductionNames,
  completion: () => SHELLS,
};

/**
 * Prints the script for a shell.
 *
 * @throws UsageError for another shell
 */
export function completionCommand(shell: string, program: Command): void {
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined) throw new UsageError(`completion: ${unknownName(shell, SHELLS)}`);
  process.stdout.write(completionScript(known, program));
}

/** The script for a shell. */
export function completionScript(shell: Shell, program: Command): string {
  const entries = entriesOf(program, []);
  switch (shell) {
    case 'bash':
      return bashScript(entries);
    case 'zsh':
      // zsh runs completions of bash.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(entries)}`;
    case 'fish':
      return fishScript(entries);
  }
}

function entriesOf(command: Command, path: readonly string[]): Entry[] {
  const name = path.join(' ');
  const subcommands = command.commands.map((inner) => ({
    word: inner.name(),
    description: inner.description(),
  }));
  const values = (ARGUMENTS[name]?.() ?? []).map((word) => ({ word, description: '' }));
  const own: Entry = {
    path: name,
    description: command.description(),
    words: [...subcommands, ...values],
    options: [
      ...command.options.map(optionEntry),
      { flag: '--help', description: 'help', values: undefined },
    ],
  };
  return [own, ...command.commands.flatMap((inner) => entriesOf(inner, [...path, inner.name()]))];
}

function optionEntry({ long, description, required, optional, argChoices }: Option): OptionEntry {
  const flag = long!;
  const values = required || optional ? (argChoices ?? VALUES[flag] ?? []) : undefined;
  return { flag, description, values };
}

/** Hardware and a cost are a name or a file; an option without known values may take a file. */
function takesFiles(flag: string, values: readonly string[]): boolean {
  return values.length === 0 || flag === '--hardware' || flag === '--cost';
}

/** One case for each command, and for each option that takes a value. */
function bashScript(entries: readonly Entry[]): string {
  const commands = entries.map(({ path, words, options }) => {
    const all = [...words.map(({ word }) => word), ...options.map(({ flag }) => flag)];
    return `    '${path}') words='${all.join(' ')}' ;;`;
  });
  const valued = entries.flatMap(({ path, options }) =>
    options.flatMap(({ flag, values }) =>
      values === undefined
        ? []
        : [
            `    '${path} ${flag}') values='${values.join(' ')}'; takes=${takesFiles(flag, values) ? 'files' : 'names'} ;;`,
          ],
    ),
  );
  const paths = entries.map(({ path }) => path).filter((path) => path !== '');
  return `# Completion of ohmic; made by \`ohmic completion\`.
_ohmic() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='' next words='' values='' takes='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "|${paths.join('|')}|" in *"|$next|"*) path="$next" ;; *) break ;; esac
  done
  case "$path $previous" in
${valued.join('\n')}
  esac
  if [[ -n $takes ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    [[ $takes == names ]] || COMPREPLY+=($(compgen -f -- "$current"))
    return
  fi
  case "$path" in
${commands.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -gt 0 || $current == -* ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _ohmic ohmic
`;
}

/** One line for each word and each option. */
function fishScript(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ path, words, options }) => {
    const condition = fishCondition(path, entries);
    return [
      ...words.map(
        ({ word, description }) =>
          `complete -c ohmic -n ${quoted(condition)} -a ${quoted(word)} -d ${quoted(description)}`,
      ),
      ...options.map(({ flag, description, values }) => {
        const value =
          values === undefined
            ? ''
            : `${takesFiles(flag, values) ? ' -r' : ' -x'}${values.length === 0 ? '' : ` -a ${quoted(values.join(' '))}`}`;
        return `complete -c ohmic -n ${quoted(condition)} -l ${flag.slice(2)}${value} -d ${quoted(description)}`;
      }),
    ];
  });
  return `# Completion of ohmic; made by \`ohmic completion\`.\n${lines.join('\n')}\n`;
}

/** True if all words of the path were typed, and no further subcommand. */
function fishCondition(path: string, entries: readonly Entry[]): string {
  const parts = path === '' ? [] : path.split(' ');
  const below = entries
    .map((entry) => entry.path.split(' '))
    .filter((other) => other.length === parts.length + 1 && other.join(' ').startsWith(path))
    .map((other) => other.at(-1)!)
    .filter((word) => word !== '');
  const seen = parts.map((word) => `__fish_seen_subcommand_from ${word}`);
  const unseen = below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`];
  return [...seen, ...unseen].join('; and ') || 'true';
}

/** Between single quotes, as fish reads them. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
