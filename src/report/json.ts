// A record as JSON text and back. The schema of records is in experiment/record-schema.ts.

import { messageOf, UsageError } from '../base/errors.ts';
import type { ExperimentRecord } from '../experiment/record.ts';
import { checkRecord, RECORD_FORMAT } from '../experiment/record-schema.ts';
import { TWINS_FORMAT, type TwinRecord } from '../experiment/twin-record.ts';
import { checkTwinRecord } from '../experiment/twin-record-schema.ts';

/**
 * The whole record as indented JSON text. Numbers that are not finite become null, which `parseRecord` refuses.
 * Control characters are escaped.
 */
export function toJson(record: ExperimentRecord | TwinRecord): string {
  return `${jsonText(record)}\n`;
}

/** A value as indented JSON text that is safe to print: controls beyond those that JSON escapes itself are escaped. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The record that JSON text holds.
 *
 * @throws UsageError if it is no JSON text, has another format, or does not fit the format; then it lists every fault
 *   with its path: numbers that are none, accuracies that do not match the number of chips
 */
export function parseRecord(text: string): ExperimentRecord {
  return checkRecord(parsedAs(RECORD_FORMAT, 'ohmic run', text));
}

/** The record of twins that JSON text holds. Throws as `parseRecord`. */
export function parseTwinRecord(text: string): TwinRecord {
  return checkTwinRecord(parsedAs(TWINS_FORMAT, 'ohmic twins', text));
}

function parsedAs(expected: string, writer: string, text: string): unknown {
  const value = parsed(text);
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format !== expected) {
    throw new UsageError(
      `record: expected the format "${expected}", got ${JSON.stringify(format) ?? 'none'}; use a file that ${writer} wrote`,
    );
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (fault) {
    throw new UsageError(
      `record: expected JSON text, got ${text.length} characters that are none: ${messageOf(fault)}`,
    );
  }
}
