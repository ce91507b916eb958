// What is done to a device, as text that fits into a link: `u20,d5,r` is twenty pulses up, five down, a RESET.

/** One act on a device; `look` only reads. */
export type Step = 'up' | 'down' | 'reset' | 'look';

const LETTERS: Readonly<Record<string, Step>> = { u: 'up', d: 'down', r: 'reset', l: 'look' };
/** More would not be told apart in a chart. */
export const MOST_STEPS = 600;

/** True if the text is a sequence, and not too long. */
export function isSequence(text: string): boolean {
  return /^([udrl]\d{0,3}(,[udrl]\d{0,3})*)?$/.test(text) && stepsOf(text).length <= MOST_STEPS;
}

/** All acts in order; of a text that is no sequence, those that can be read. */
export function stepsOf(text: string): readonly Step[] {
  return text.split(',').flatMap((part) => {
    const step = LETTERS[part[0] ?? ''];
    return step === undefined ? [] : new Array<Step>(Number(part.slice(1) || '1')).fill(step);
  });
}

/** The sequence with more at its end. A run of the same act is one part. */
export function appended(text: string, letter: 'u' | 'd' | 'r', count: number): string {
  const parts = text === '' ? [] : text.split(',');
  const last = parts.at(-1);
  if (last?.[0] === letter)
    return [...parts.slice(0, -1), `${letter}${Number(last.slice(1) || '1') + count}`].join(',');
  return [...parts, `${letter}${count}`].join(',');
}
