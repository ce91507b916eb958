// How the page is built: into dist/lab, with addresses relative to the page, so that any static host at any path serves
// it. The library comes from its sources.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
  readonly version: string;
};

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  define: { OHMIC_VERSION: JSON.stringify(version) },
  resolve: {
    alias: [{ find: /^ohmic$/, replacement: resolve(root, 'src/index.ts') }],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  server: {
    headers: {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    },
  },
  build: {
    outDir: resolve(root, 'dist/lab'),
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    // How long plugins took is no warning about the page.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
