// How tests use the lab: what a person does on a page, by mouse, by keyboard, or by following a link.

import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';

/** A width and what it is for. */
export type Size = { readonly width: number; readonly height: number };
export const WIDE: Size = { width: 1280, height: 900 };
export const NARROW: Size = { width: 390, height: 844 };

/** A page of the lab in the hands of a test. */
export type LabDriver = {
  readonly page: Page;
  /** A name as text is the whole name. */
  readonly button: (name: string | RegExp) => Locator;
  readonly alert: (words: string | RegExp) => Locator;
  readonly verdict: () => Locator;
  readonly verdictText: () => Promise<string>;
  /** The share that the verdict says, in per cent. */
  readonly share: () => Promise<number>;
  /** Loads a link, as somebody does who was sent it. */
  readonly visit: (hash: string) => Promise<void>;
  /** Follows a link on the open page, which is not loaded again. */
  readonly follow: (hash: string) => Promise<void>;
  /** The address, once a change has reached it. */
  readonly address: (part: string | RegExp) => Promise<string>;
  /** What a click offers as a download. */
  readonly savedBy: (click: () => Promise<void>) => Promise<Buffer>;
  /** Saves by an entry of the menu. */
  readonly saved: (entry: RegExp) => Promise<Buffer>;
  /** Opens a file. */
  readonly open: (name: string, content: string | Buffer) => Promise<void>;
  /** Goes to a control tab by tab. */
  readonly reach: (target: Locator) => Promise<void>;
};

/** A control of a scene is at most so many tabs away. */
const MOST_TABS = 60;

/** The driver of a page; `base` is the page's address without its hash. */
export function driverOf(page: Page, base: string): LabDriver {
  const button = (name: string | RegExp): Locator =>
    page.getByRole('button', { name, exact: typeof name === 'string' });
  const verdict = (): Locator => page.locator('.verdict');
  const savedBy = async (click: () => Promise<void>): Promise<Buffer> => {
    const [download] = await Promise.all([page.waitForEvent('download'), click()]);
    return readFileSync((await download.path())!);
  };
  return {
    page,
    button,
    alert: (words) => page.getByRole('alert').getByText(words),
    verdict,
    verdictText: async () => (await verdict().textContent())!,
    share: async () => Number((await verdict().locator('strong').last().textContent())!.split(' ')[0]),
    visit: async (hash) => {
      await page.goto('about:blank');
      await page.goto(base + hash);
    },
    follow: async (hash) => {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    },
    address: async (part) => {
      await page.waitForURL(({ hash }) => (typeof part === 'string' ? hash.includes(part) : part.test(hash)));
      return new URL(page.url()).hash;
    },
    savedBy,
    saved: (entry) =>
      savedBy(async () => {
        await page.locator('.menu summary').click();
        await button(entry).click();
      }),
    open: (name, content) =>
      page.locator('.files input').setInputFiles({
        name,
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(content),
      }),
    reach: async (target) => {
      await target.waitFor();
      for (let k = 0; k < MOST_TABS; k++) {
        if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`${MOST_TABS} tabs do not lead to ${target}`);
    },
  };
}
