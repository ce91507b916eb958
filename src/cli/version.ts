// The version of ohmic, for --version and for records.

import { readFileSync } from 'node:fs';

/** The version in package.json. */
export function ohmicVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return version;
}
