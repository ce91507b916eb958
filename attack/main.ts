// `npm run attack -- [CAMPAIGN...] [--seed N] [--effort X]`: tries to make ohmic lose work, give wrong results silently, or
// crash. Minutes long; every run draws anew and prints its seed. Ends with 1 if anything was found.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cache } from './cache.ts';
import { type Campaign, drawsFrom } from './campaign.ts';
import { fuzz } from './fuzz.ts';
import { interruptions } from './interruptions.ts';
import { locks } from './locks.ts';
import { queues } from './queues.ts';
import { sanitizers } from './sanitizers.ts';

const CAMPAIGNS: readonly Campaign[] = [fuzz, locks, cache, interruptions, queues, sanitizers];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, effort: { type: 'string', default: '1' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const effort = Number(values.effort);
const unknown = positionals.filter((name) => !CAMPAIGNS.some((campaign) => campaign.name === name));
if (unknown.length > 0 || !Number.isInteger(seed) || !(effort > 0)) {
  console.error(
    `npm run attack -- [${CAMPAIGNS.map(({ name }) => name).join('|')}...] [--seed whole number] [--effort above 0]`,
  );
  process.exit(2);
}
console.log(`seed ${seed}, effort ${effort}`);
for (const { name, run } of CAMPAIGNS) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const folder = mkdtempSync(join(tmpdir(), `ohmic-attack-${name}-`));
  const begun = performance.now();
  const seconds = (): string => `${((performance.now() - begun) / 1000).toFixed(0)} s`;
  try {
    // Each has draws of its own, so that one can be repeated alone.
    const tried = await run({
      draws: drawsFrom(seed + CAMPAIGNS.findIndex((c) => c.name === name)),
      folder,
      effort,
    });
    console.log(`${name}: held; ${tried} (${seconds()})`);
  } catch (thrown) {
    process.exitCode = 1;
    console.log(`${name}: FOUND, after ${seconds()}: ${thrown instanceof Error ? thrown.stack : thrown}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
