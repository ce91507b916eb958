// Makes the pictures of the lab in docs/images, by the path that a visitor takes: train, program, an hour without
// compensation, and what compensation brings back. `node test/lab-pictures.ts`; PNGs of less than 150 kB each.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { openLab } from './lab-page.ts';

const images = resolve(import.meta.dirname, '..', 'docs', 'images');
const MOST_BYTES = 150_000;
const lab = await openLab('{}');

async function picture(page: Page, name: string): Promise<void> {
  const path = join(images, `lab-${name}.png`);
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path}: expected at most ${MOST_BYTES} bytes, got ${size}`);
  console.log(`${path}: ${size} bytes`);
}

try {
  const page = await lab.browser.newPage({ viewport: { width: 1080, height: 860 } });
  page.setDefaultTimeout(300_000);
  await page.goto(lab.address);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await page.getByRole('button', { name: /Program it/ }).click();
  await page.getByRole('combobox', { name: 'Layer' }).selectOption('conv2');
  await page.getByRole('heading', { name: /Layer conv2/ }).waitFor();
  await picture(page, 'program');
  await page.getByRole('button', { name: /Let time pass/ }).click();
  await page.getByRole('button', { name: 'Save the record' }).waitFor();
  const slider = page.getByRole('slider');
  await slider.fill('3.56');
  await page.getByText(/1 hour after programming, no compensation/).waitFor();
  await picture(page, 'an-hour');
  await page.getByRole('button', { name: 'Compensate' }).click();
  await page.getByText(/1 hour after programming, global/).waitFor();
  await picture(page, 'compensated');
} finally {
  await lab.close();
}
