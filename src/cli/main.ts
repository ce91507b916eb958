#!/usr/bin/env node
// The entry of the `ohmic` command. Node keeps what it has compiled, so that the next command starts in half the time.

import { enableCompileCache } from 'node:module';

enableCompileCache();
await import('./command-process.ts');
