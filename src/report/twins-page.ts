// Twins as one HTML page.

import type { TwinRecord } from '../experiment/twin-record.ts';
import { twinsTable } from './twins-table.ts';

/** The page of a record. */
export function twinsPage(record: TwinRecord): string {
  return `<pre>${twinsTable(record)}</pre>`;
}
