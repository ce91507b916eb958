// Comma-separated values, RFC 4180, with the line of every record, so that whoever reads them can name the place of a
// fault. Left out: other separators, comments, types of fields.

/** The fields of one record, and the line of the text on which it begins, from 1. */
export type CsvRecord = { readonly line: number; readonly fields: readonly string[] };

/** A text taken apart. */
export type Csv = { readonly records: readonly CsvRecord[]; readonly faults: readonly string[] };

/**
 * The records of a text. Lines end in LF or CR LF; a field in quotes may hold commas, line breaks and doubled quotes;
 * empty lines and a byte order mark are passed over.
 *
 * @returns the records without fault, and a fault for each of the others: `line 3: …`
 * @source RFC 4180, sections 2.1 to 2.7
 */
export function parseCsv(text: string): Csv {
  const records: CsvRecord[] = [];
  const faults: string[] = [];
  const end = text.length;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < end) {
    const newline = text.indexOf('\n', at);
    const stop = newline === -1 ? end : newline;
    const plain = text.slice(at, stop).replace(/\r$/, '');
    if (!plain.includes('"')) {
      if (plain !== '') records.push({ line, fields: plain.split(',') });
      at = stop + 1;
      line += 1;
      continue;
    }
    const record = quotedRecord(text, at);
    if (record.fault === undefined) records.push({ line, fields: record.fields });
    else faults.push(`line ${line}: ${record.fault}`);
    line += text.slice(at, record.end).split('\n').length - 1;
    at = record.end;
  }
  return { records, faults };
}

type QuotedRecord = {
  readonly fields: readonly string[];
  /** Just after the line break that ends it. */
  readonly end: number;
  readonly fault?: string;
};

/** One field and what ends it: a comma, a line break, the end of the text. Sticky, so that it is tried in one place only. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;
const QUOTED = /"[^"]*(?:""[^"]*)*"/y;

/** A record that has a quote somewhere. After a fault, reading goes on with the next line. */
function quotedRecord(text: string, start: number): QuotedRecord {
  const fields: string[] = [];
  let at = start;
  for (;;) {
    FIELD.lastIndex = at;
    const found = FIELD.exec(text);
    if (found === null) {
      const newline = text.indexOf('\n', at);
      QUOTED.lastIndex = at;
      const fault =
        text[at] === '"' && !QUOTED.test(text)
          ? 'a quote is opened and never closed; close it, or double a quote that belongs to the field'
          : 'expected a quote only around a whole field; double a quote that belongs to the field';
      return { fields, end: newline === -1 ? text.length : newline + 1, fault };
    }
    fields.push(found[1] === undefined ? found[2]! : found[1].replaceAll('""', '"'));
    at = FIELD.lastIndex;
    if (found[3] !== ',') return { fields, end: at };
  }
}
