// A part of `npm run test:aarch64` that takes seconds: every operation of the prelude as NEON has it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emulatedNode, emulationObstacle, runEmulated } from './aarch64.ts';

const node = emulatedNode();
const obstacle =
  emulationObstacle() || (node === undefined && 'no Node for aarch64: npm run test:aarch64 fetches one');

test('kernels for NEON are right under emulation', { skip: obstacle }, () => {
  const { status, output } = runEmulated(node!, 'src/native/backend.test.ts', [
    '--test-name-pattern=-march=armv8-a',
    '--test-reporter=tap',
  ]);
  assert.equal(status, 0, output);
  assert.match(output, /^ok \d+ - the compiler -O1 -march=armv8-a: 4 lanes, and right$/m);
});
