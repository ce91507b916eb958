// Options that say something only beside another one are refused without it, before anything is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from './program.ts';

/** The program, with errors thrown instead of ending the process. */
function throwingProgram(): Command {
  const program = buildProgram();
  const prepare = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    for (const part of command.commands) prepare(part);
  };
  prepare(program);
  return program;
}

async function refusal(...words: string[]): Promise<string> {
  let message = 'accepted';
  await throwingProgram()
    .parseAsync(words, { from: 'user' })
    .catch((thrown: Error) => {
      message = thrown.message;
    });
  return message;
}

const EVALUATE = ['evaluate', '--weights', 'no-such.safetensors', '--out', 'no-such'];
const ATTRIBUTE = ['attribute', '--weights', 'no-such.safetensors', '--out', 'no-such'];
const EXPORT = ['export', 'no-such.safetensors', '--out', 'no-such.onnx'];

test('an option without its companion is refused, all of them at once', async () => {
  const lonely = await refusal(...EXPORT, '--time', '1y', '--chip', '3', '--keep-digital', 'dense');
  for (const option of ['--time', '--chip', '--keep-digital'])
    assert.match(
      lonely,
      new RegExp(
        `${option}: expected --hardware beside it, got none; add --hardware joshi2020, or leave ${option} out`,
      ),
    );
  // Defaults of options that nobody typed are no faults.
  assert.doesNotMatch(lonely, /--method|--seed/);
  assert.match(
    await refusal(...EVALUATE, '--methods', 'none,global', '--adabs-batches', '2', '--lora-rank', '4'),
    /--lora-rank: expected lora in --methods, got "none,global"; add lora, or leave --lora-rank out[\s\S]*--adabs-batches: expected adabs in --methods/,
  );
  assert.match(await refusal(...EVALUATE, '--replicas', 'stem=2'), /--replicas: expected --cost beside it/);
  assert.match(
    await refusal(...ATTRIBUTE, '--lora-steps', '4'),
    /--lora-steps: expected lora in --points, got "25s:none,1d:global"/,
  );
  assert.match(
    await refusal('cost', '--model', 'mlp', '--batch-size', '4'),
    /cost: --batch-size: expected --training beside it, got none/,
  );
  assert.match(
    await refusal('sweep', 'no-such.yaml', '--shared', 'folder'),
    /sweep: --shared: expected --queue beside it, got none/,
  );
  assert.match(
    await refusal('inspect', 'graph', '--model', 'mlp', '--noise', '3%'),
    /inspect graph: --noise: expected training in --kind, got "inference"/,
  );
});

test('beside its companion an option is accepted', async () => {
  // The next thing that is wrong is the file of weights.
  for (const words of [
    [...EXPORT, '--hardware', 'joshi2020', '--time', '1y'],
    [...EVALUATE, '--methods', 'none, adabs', '--adabs-batches', '2'],
    [...EVALUATE, '--adabs-batches', '2'],
    [...ATTRIBUTE, '--points', '1d:lora', '--lora-steps', '4'],
  ])
    assert.match(await refusal(...words), /no-such\.safetensors/);
});

test('options that exclude each other are refused', async () => {
  assert.match(
    await refusal('cost', '--weights', 'no-such.safetensors', '--dataset', 'mnist'),
    /'--dataset <name>' cannot be used with option '--weights <file>'/,
  );
  assert.match(
    await refusal('cost', '--model', 'mlp', '--training', 'pulsed', '--twins', 'record.json'),
    /'--twins <record>' cannot be used with option '--training <rule>'/,
  );
  assert.match(
    await refusal('reproduce', 'nandakumar2020', '--only', 'foo', '--print-settings'),
    /--only: .*"foo"/,
  );
});
