// The lab as tests see it: built once into a folder of its own, served on this machine, opened in a headless Chromium.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { labServer, listen } from '../src/cli/lab-server.ts';

const root = resolve(import.meta.dirname, '..');

export const CHROMIUM = '/usr/bin/chromium';
/** Why there is no browser; false if there is one. */
export const skip: string | false = !existsSync(CHROMIUM) && `there is no browser at ${CHROMIUM}`;

/** The page, served with the headers of isolation, and without as most static hosts do. */
export type LabPage = {
  readonly folder: string;
  readonly address: string;
  readonly plainAddress: string;
  readonly browser: Browser;
  readonly close: () => Promise<void>;
};

/** Builds and serves the page, and starts a browser. */
export async function openLab(record: string): Promise<LabPage> {
  const folder = mkdtempSync(join(tmpdir(), 'ohmic-lab-'));
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const build = ['build', 'lab', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [vite, ...build], { cwd: root });
  if (stdout + stderr !== '') throw new Error(`the build has warnings: ${stdout}${stderr}`);
  const [isolated, plain] = [labServer({ folder, record }), plainServer(folder)];
  const address = `http://127.0.0.1:${await listen(isolated, 0)}/`;
  const plainAddress = `http://127.0.0.1:${await listen(plain, 0)}/`;
  // Loaded only where there is a browser to drive.
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const close = async (): Promise<void> => {
    await browser.close();
    for (const server of [isolated, plain]) server.close().closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, address, plainAddress, browser, close };
}

const TYPES: Readonly<Record<string, string>> = {
  ...{ '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' },
};

function plainServer(folder: string): Server {
  return createServer(({ url }, response) => {
    const path = new URL(url!, 'http://localhost').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    if (!existsSync(file)) response.writeHead(404).end();
    else response.writeHead(200, { 'Content-Type': TYPES[extname(file)] }).end(readFileSync(file));
  });
}
