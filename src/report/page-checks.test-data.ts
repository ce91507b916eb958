// What holds for every page: its elements are closed, its tables have captions and rows of one width. For tests.

import assert from 'node:assert/strict';

/** What a reader sees of a page: the text of its elements, entities resolved. */
export function textOf(page: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
    '&amp;': '&',
  };
  return page
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('\u00a0', ' ')
    .replaceAll(/[\u2007\u2008]/g, '')
    .replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity]!);
}

/** Columns that each row of a table fills, spans from rows above included. */
function rowWidths(table: string): readonly number[] {
  let carried: number[] = [];
  return [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) => {
    const cells = [...row!.matchAll(/<t[hd]\b([^>]*)>/g)].map(([, attributes]) => {
      const span = (name: string) => Number(new RegExp(`${name}="(\\d+)"`).exec(attributes!)?.[1] ?? 1);
      return { columns: span('colspan'), rows: span('rowspan') };
    });
    const width = carried.length + cells.reduce((sum, { columns }) => sum + columns, 0);
    const left = carried.map((rows) => rows - 1);
    const fresh = cells.flatMap(({ columns, rows }) => Array<number>(columns).fill(rows - 1));
    carried = [...left, ...fresh].filter((rows) => rows > 0);
    return width;
  });
}

/** Every table has a caption, every head cell a scope, and all rows of a table fill the same columns. */
export function assertTables(page: string): void {
  for (const [table] of page.matchAll(/<table[\s\S]*?<\/table>/g)) {
    assert.match(table, /^<table[^>]*>\s*<caption>[^<]+<\/caption>/);
    for (const [cell] of table.matchAll(/<th\b[^>]*>/g))
      assert.match(cell, /scope="(col|row|colgroup|rowgroup)"/);
    assert.equal(new Set(rowWidths(table)).size, 1, table.slice(0, 300));
  }
}

/** Every element that is opened is closed in order, and no angle bracket is left over. */
export function assertBalanced(page: string): void {
  const open: string[] = [];
  for (const [, closing, name, rest] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b((?:"[^"]*"|[^">])*)>/g)) {
    if (name === 'meta' || name === 'br' || name === 'img' || rest!.endsWith('/')) continue;
    if (closing === '') open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
  assert.equal(
    page
      .replace(/<style>[\s\S]*?<\/style>|<!doctype html>/g, '')
      .replace(/<\/?[a-z](?:"[^"]*"|[^"<>])*>/g, '')
      .search(/[<>]/),
    -1,
  );
}
