// Many processes take one folder at the same moment, again and again: exactly one may get it. Then the same after the
// holder was killed, and while it is suspended.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Campaign } from './campaign.ts';

const CONTENDERS = 8;

/** For each line, a folder and a moment, takes the folder at that moment and says what came of it. */
const SCRIPT = `
import { createInterface } from 'node:readline';
import { setMaxListeners } from 'node:events';
import { lockFolder } from ${JSON.stringify(resolve(import.meta.dirname, '../src/cli/folder-lock.ts'))};
setMaxListeners(0, process);
process.setMaxListeners(0);
for await (const line of createInterface(process.stdin)) {
  const { folder, at } = JSON.parse(line);
  while (Date.now() < at);
  try { lockFolder(folder); console.log('held'); }
  catch (thrown) { console.log(/is at work in it/.test(thrown.message) ? 'refused' : String(thrown)); }
}`;

type Contender = { readonly child: ChildProcess; readonly lines: Interface };

function contender(): Contender {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface(child.stdout!) };
}

/** What each says that takes a folder at one moment. */
function contest(contenders: readonly Contender[], folder: string): Promise<string[]> {
  const at = Date.now() + 3;
  return Promise.all(
    contenders.map(({ child, lines }) => {
      const said = new Promise<string>((done) => lines.once('line', done));
      child.stdin!.write(`${JSON.stringify({ folder, at })}\n`);
      return said;
    }),
  );
}

/** Asserts that exactly one holds, and that all others were told so. */
function holderOf(said: readonly string[]): number {
  assert.deepEqual(
    [...said].sort(),
    ['held', ...Array.from({ length: said.length - 1 }, () => 'refused')],
    'one holder',
  );
  return said.indexOf('held');
}

export const locks: Campaign = {
  name: 'locks',
  run: async ({ folder, effort, draws }) => {
    const contenders = Array.from({ length: CONTENDERS }, contender);
    const place = (name: string): string => {
      mkdirSync(join(folder, name));
      return join(folder, name);
    };
    const rounds = Math.ceil((4000 / CONTENDERS) * effort);
    for (let round = 0; round < rounds; round++) holderOf(await contest(contenders, place(`round-${round}`)));
    const kills = Math.ceil(20 * effort);
    for (let kill = 0; kill < kills; kill++) {
      const contested = place(`kill-${kill}`);
      const holder = contenders[holderOf(await contest(contenders, contested))]!;
      const others = contenders.filter((each) => each !== holder);
      if (draws.below(2) === 0) {
        holder.child.kill('SIGSTOP');
        assert.ok(
          (await contest(others, contested)).every((text) => text === 'refused'),
          'a suspended holder',
        );
      }
      holder.child.kill('SIGKILL');
      await new Promise((done) => holder.child.once('exit', done));
      holderOf(await contest(others, contested));
      contenders.splice(contenders.indexOf(holder), 1, contender());
    }
    for (const { child } of contenders) child.kill();
    return `${rounds * CONTENDERS} synchronised starts, ${kills} killed holders, one successor each`;
  },
};
