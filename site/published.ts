// Published figures beside ours: figures from reproductions/*.yaml, ours from the records in results/. Both are read anew
// whenever the site is built; nothing is written down twice. A figure without a record says so.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parse } from 'yaml';
import { publicationSchema } from '../src/experiment/publication-schema.ts';
import { checkTwinRecord, twinFigureSchema } from '../src/experiment/twin-record-schema.ts';
import { comparisons } from '../src/report/comparison.ts';
import { parseRecord } from '../src/report/json.ts';
import { differenceCell, estimateText, scoreNumber } from '../src/report/twin-scores.ts';

/** A line of the table. All text. */
export type FigureRow = {
  readonly what: string;
  readonly published: string;
  readonly ours: string;
  /** Ours minus the published one; of shares in percentage points. */
  readonly difference: string;
  readonly locator: string;
  readonly isSecondHand: boolean;
};

/** The figures of one publication, or of one part of it. */
export type FigureTable = {
  readonly title: string;
  readonly source: string;
  /** Folder of the record, from the root; undefined if there is none yet. */
  readonly record: string | undefined;
  readonly rows: readonly FigureRow[];
};

type Part = { readonly published?: unknown };
type Settings = Part & { readonly parts?: Readonly<Record<string, Part>> };
type TwinPublication = { readonly source: string; readonly figures: readonly unknown[] };

const ABSENT = '–';

/**
 * All published figures of the reproductions with our results, in the order of the files.
 *
 * @throws UsageError if a record or a publication does not have its form
 */
export function publishedTables(root: string): readonly FigureTable[] {
  const folder = join(root, 'reproductions');
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return files.toSorted().flatMap((file): readonly FigureTable[] => {
    const name = basename(file, '.yaml');
    const settings = parse(readFileSync(join(folder, file), 'utf8')) as Settings;
    const { published, parts } = settings;
    if (published !== undefined) return [experimentTable(root, name, published)];
    return Object.entries(parts ?? {}).flatMap(([part, { published: figures }]) =>
      figures === undefined ? [] : [twinTable(root, { name, part, published: figures as TwinPublication })],
    );
  });
}

function experimentTable(root: string, name: string, published: unknown): FigureTable {
  const publication = publicationSchema.parse(published);
  const file = join(root, 'results', name, 'record.json');
  const record = existsSync(file) ? parseRecord(readFileSync(file, 'utf8')) : undefined;
  const title = name;
  if (record === undefined) {
    const rows = publication.figures.map(({ what, accuracy, locator, secondHand }) =>
      withoutRecord({
        what,
        published: `${shortNumber(100 * accuracy)} %`,
        locator,
        isSecondHand: secondHand,
      }),
    );
    return { title, source: publication.source, record: undefined, rows };
  }
  const rows = comparisons({ ...record, published: publication }).map(
    ({ figure, published: theirs, ours, difference }): FigureRow => ({
      what: figure.what,
      published: theirs,
      ours,
      difference,
      locator: figure.locator,
      isSecondHand: figure.secondHand,
    }),
  );
  return { title, source: publication.source, record: folderOf(root, file), rows };
}

function twinTable(
  root: string,
  {
    name,
    part,
    published,
  }: { readonly name: string; readonly part: string; readonly published: TwinPublication },
): FigureTable {
  const figures = published.figures.map((figure) => twinFigureSchema.parse(figure));
  const file = join(root, 'results', name, part, 'record.json');
  const record = existsSync(file) ? checkTwinRecord(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  const rows = figures.map(({ what, score: theirs, of, locator, secondHand: isSecondHand }): FigureRow => {
    if (record === undefined)
      return withoutRecord({ what, published: `${shortNumber(100 * theirs)} %`, locator, isSecondHand });
    const { score, inCells, inFloat, difference } = record;
    const own = { cells: inCells, float: inFloat, difference }[of];
    return {
      what,
      published: `${shortNumber(scoreNumber(score, theirs))}${score.isShare ? ' %' : ''}`,
      ours: estimateText(score, own),
      difference: differenceCell(score, { mean: own.mean - theirs }),
      locator,
      isSecondHand,
    };
  });
  const folder = record === undefined ? undefined : folderOf(root, file);
  return { title: `${name}, ${part}`, source: published.source, record: folder, rows };
}

function withoutRecord(row: Pick<FigureRow, 'what' | 'published' | 'locator' | 'isSecondHand'>): FigureRow {
  return { ...row, ours: ABSENT, difference: ABSENT };
}

const shortNumber = (value: number): string => String(Number(value.toPrecision(6)));

const folderOf = (root: string, file: string): string => relative(root, join(file, '..'));
