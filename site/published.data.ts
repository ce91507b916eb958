// Gives VitePress the table of published figures, and makes it again when a record changes.

import { resolve } from 'node:path';
import { type FigureTable, publishedTables } from './published.ts';

export declare const data: readonly FigureTable[];

export default {
  watch: ['../results/**/record.json', '../reproductions/*.yaml'],
  load: (): readonly FigureTable[] => publishedTables(resolve(import.meta.dirname, '..')),
};
