// The table of operating systems, as text: what this machine's system makes of its own row is tested by running.

import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultCacheFolder, platformNamed } from './platforms.ts';

test('the cache folder is OHMIC_CACHE, else ohmic in the user’s cache folder', () => {
  const linux = platformNamed('linux');
  assert.equal(defaultCacheFolder(linux, { OHMIC_CACHE: '/own', XDG_CACHE_HOME: '/users' }), '/own');
  assert.equal(defaultCacheFolder(linux, { XDG_CACHE_HOME: '/users' }), join('/users', 'ohmic'));
  // An empty variable counts as none.
  const empty = { OHMIC_CACHE: '', XDG_CACHE_HOME: '' };
  assert.equal(defaultCacheFolder(linux, empty), join(homedir(), '.cache', 'ohmic'));
  assert.equal(
    defaultCacheFolder(platformNamed('darwin'), {}),
    join(homedir(), 'Library', 'Caches', 'ohmic'),
  );
  const windows = platformNamed('win32');
  assert.equal(defaultCacheFolder(windows, { LOCALAPPDATA: '/local' }), join('/local', 'ohmic'));
  assert.equal(defaultCacheFolder(windows, {}), join(homedir(), 'AppData', 'Local', 'ohmic'));
});

test('libraries have the suffix of their system; systems that ohmic does not know count as Unix', () => {
  const suffixes = ['linux', 'darwin', 'win32', 'freebsd'].map((name) => platformNamed(name).librarySuffix);
  assert.deepEqual(suffixes, ['.so', '.dylib', '.dll', '.so']);
});
