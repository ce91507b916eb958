// The package as it is shipped, installed in another folder: built, packed, unpacked. Its dependencies are those of this
// checkout.

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const modules = join(root, 'node_modules');

/** What neither the build nor the package needs. */
const LEFT_OUT = ['node_modules', '.git', 'dist', 'results', 'runs', 'bench', 'test', 'shared', 'site'];

/**
 * Installs the packed package in a folder, and links the checkout's other packages beside it.
 *
 * @returns where the package lies
 */
export async function installPacked(folder: string): Promise<string> {
  // Packed in a copy: packing builds, and tests that run at the same time would build into each other's dist/.
  const copy = mkdtempSync(join(tmpdir(), 'ohmic-pack-'));
  try {
    for (const name of readdirSync(root))
      if (!LEFT_OUT.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(modules, join(copy, 'node_modules'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: copy });
    // What the build prints comes first.
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ readonly filename: string }];
    const unpacked = join(folder, 'node_modules', 'ohmic');
    mkdirSync(unpacked, { recursive: true });
    await run('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', unpacked]);
    for (const name of readdirSync(modules))
      if (!name.startsWith('.')) symlinkSync(join(modules, name), join(folder, 'node_modules', name));
    return unpacked;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
