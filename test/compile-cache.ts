// Loaded before the tests: Node keeps what it has compiled, for the processes of all test files and of what they start.

import { enableCompileCache, getCompileCacheDir } from 'node:module';

enableCompileCache();
const folder = getCompileCacheDir();
if (folder !== undefined) process.env['NODE_COMPILE_CACHE'] ??= folder;
