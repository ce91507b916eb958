// Completion scripts: whole, accepted by their shell, and what they offer, asked of bash itself.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { completionCommand, completionScript } from './completion-command.ts';
import { buildProgram } from './program.ts';

const hasBash = spawnSync('bash', ['--version']).status === 0;
const script = completionScript('bash', buildProgram());

/** What bash offers for a line, whose last word is the one to complete. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const source = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _ohmic; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', source], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, flags and values', { skip: !hasBash }, () => {
  assert.deepEqual(offered('ohmic', 'tr'), ['train']);
  assert.ok(offered('ohmic', '').includes('attribute'));
  assert.deepEqual(offered('ohmic', 'inspect', 'ch'), ['chip']);
  assert.deepEqual(offered('ohmic', 'train', '--noise-'), ['--noise-ramp', '--noise-scale']);
  assert.deepEqual(offered('ohmic', 'train', '--model', 'res'), [
    'resnet8',
    'resnet20',
    'resnet32',
    'resnet32-wide',
    'resnet18',
    'resnet34',
  ]);
  assert.deepEqual(offered('ohmic', 'train', '--model', 'ga'), ['gan']);
  assert.deepEqual(offered('ohmic', 'ge'), ['generate']);
  assert.deepEqual(offered('ohmic', 'generate', 'w', '--co'), ['--count', '--columns']);
  assert.deepEqual(offered('ohmic', 'inspect', 'chip', 'w', '--hardware', 'her'), [
    'hermes256',
    'hermes256OnePhase',
  ]);
  assert.deepEqual(offered('ohmic', 'cost', '--cost', 'bu'), ['burr2023']);
  assert.deepEqual(offered('ohmic', 'inspect', 'graph', '--kind', 'tr'), ['training']);
  assert.deepEqual(offered('ohmic', 'schema', 'ev'), ['evaluation']);
  assert.deepEqual(offered('ohmic', 'schema', 'tw'), ['twins', 'twin-record']);
  assert.deepEqual(offered('ohmic', 'twins', 's', '--on'), ['--only']);
  assert.deepEqual(offered('ohmic', 'completion', 'z'), ['zsh']);
  // After a switch comes another flag, not a value.
  assert.deepEqual(offered('ohmic', 'train', '--quiet', '--batch'), ['--batch-size']);
});

test('zsh runs the script of bash, fish has one line for each flag of each command', () => {
  assert.ok(completionScript('zsh', buildProgram()).endsWith(script));
  const lines = completionScript('fish', buildProgram()).split('\n');
  const start = "complete -c ohmic -n '__fish_seen_subcommand_from evaluate' -l hardware -r -a ";
  assert.equal(lines.filter((line) => line.startsWith(start)).length, 1);
  const chip =
    "complete -c ohmic -n '__fish_seen_subcommand_from inspect; and __fish_seen_subcommand_from chip'";
  assert.ok(lines.some((line) => line.startsWith(`${chip} -l seed -r`)));
  const top = lines.find((line) => line.includes("-a 'train'"))!;
  assert.match(top, /^complete -c ohmic -n 'not __fish_seen_subcommand_from run train /);
  for (const line of lines.slice(1, -1)) {
    const quotes = line.replaceAll(/\\[\\']/g, '').split("'").length - 1;
    assert.equal(quotes % 2, 0, line);
  }
});

test('another shell is refused', () => {
  assert.throws(() => completionCommand('tcsh', buildProgram()), {
    name: 'UsageError',
    message: 'completion: expected one of bash, zsh, fish, got "tcsh"',
  });
});
