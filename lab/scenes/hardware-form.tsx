// Hardware, changed: the common fields as controls, any field as JSON text. Both write the same changes of the preset,
// which the library's schema checks; its faults stand below, in its words.

import type { HardwareSpec, Json } from 'ohmic';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Choice } from '../page/field.tsx';
import { go, hardware, link } from '../page/lab.ts';

type Changes = Readonly<Record<string, Json>>;

/** A field that is often changed: its choices, and the change that each makes. */
type Field = {
  readonly label: string;
  readonly name: string;
  readonly options: readonly (readonly [words: string, change: Json])[];
  /** Words of what the hardware has. */
  readonly now: (spec: HardwareSpec) => string;
};

const converter = (bits: readonly number[], extra: Readonly<Record<string, Json>>): Field['options'] => [
  ['ideal', { kind: 'ideal' }],
  ...bits.map((count): [string, Json] => [`${count} bits`, { kind: 'uniform', bits: count, ...extra }]),
];

const FIELDS: readonly Field[] = [
  {
    label: 'Input converter',
    name: 'dac',
    options: converter([4, 5, 6, 7, 8], {}),
    now: ({ dac }) => (dac.kind === 'ideal' ? 'ideal' : `${dac.bits} bits`),
  },
  {
    label: 'Output converter',
    name: 'adc',
    options: converter([4, 5, 6, 7, 8, 9], { range: { kind: 'calibrated' } }),
    now: ({ adc }) => (adc.kind === 'ideal' ? 'ideal' : `${adc.bits} bits`),
  },
  {
    label: 'Tiles',
    name: 'tile',
    options: [
      ['unlimited', { kind: 'unlimited' }],
      ...[64, 128, 256, 512].map((side): [string, Json] => [
        `${side} x ${side}`,
        { kind: 'limited', rows: side, columns: side },
      ]),
    ],
    now: ({ tile }) => (tile.kind === 'unlimited' ? 'unlimited' : `${tile.rows} x ${tile.columns}`),
  },
  {
    label: 'Output noise',
    name: 'outputNoise',
    options: [
      ['none', { kind: 'none' }],
      ...[0.01, 0.02, 0.04, 0.1].map((share): [string, Json] => [
        `${100 * share} %`,
        { kind: 'gaussian', relativeStandardDeviation: share },
      ]),
    ],
    now: ({ outputNoise }) =>
      outputNoise.kind === 'none' ? 'none' : `${100 * outputNoise.relativeStandardDeviation} %`,
  },
  {
    label: 'Scale of conductances',
    name: 'mapping',
    options: [
      ['per layer', { scale: 'per-layer' }],
      ['per column', { scale: 'per-column' }],
    ],
    now: ({ mapping }) => (mapping.scale === 'per-layer' ? 'per layer' : 'per column'),
  },
];

/** Controls for changes, and what is wrong with them. */
export function HardwareForm(): JSX.Element {
  const { changes } = link.value;
  const { value } = hardware;
  const current: Changes = changes === '' ? {} : (JSON.parse(changes) as Changes);
  const change = (next: Changes): void =>
    go({ changes: Object.keys(next).length === 0 ? '' : JSON.stringify(next) });
  return (
    <details open={changes !== ''}>
      <summary>Change the hardware{changes === '' ? '' : ' (changed)'}</summary>
      {'spec' in value && (
        <div class="row">
          {FIELDS.map(({ label, name, options, now }) => {
            const words = now(value.spec);
            const known = options.map(([one]) => [one, one] as const);
            const all = known.some(([one]) => one === words) ? known : [...known, [words, words] as const];
            return (
              <Choice
                key={name}
                label={label}
                value={words}
                options={all}
                onChange={(chosen) => {
                  const made = options.find(([one]) => one === chosen);
                  if (made !== undefined) change({ ...current, [name]: made[1] });
                }}
              />
            );
          })}
          <button type="button" onClick={() => go({ changes: '' })} disabled={changes === ''}>
            As the preset
          </button>
        </div>
      )}
      <AnyField key={changes} changes={changes} onChange={change} />
      {'faults' in value && (
        <p class="notice bad" role="alert">
          {value.faults}
        </p>
      )}
      {'spec' in value && (
        <details>
          <summary>The whole specification</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
          <section class="scroll" tabIndex={0} aria-label="The whole specification">
            <pre>
              <code>{JSON.stringify(value.spec, null, 2)}</code>
            </pre>
          </section>
        </details>
      )}
    </details>
  );
}

function AnyField({
  changes,
  onChange,
}: {
  readonly changes: string;
  readonly onChange: (next: Changes) => void;
}): JSX.Element {
  const [fault, setFault] = useState('');
  const text = changes === '' ? '' : JSON.stringify(JSON.parse(changes), null, 1);
  const apply = (written: string): void => {
    try {
      const value: unknown = written.trim() === '' ? {} : JSON.parse(written);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new Error('it is no record');
      setFault('');
      onChange(value as Changes);
    } catch (thrown) {
      setFault(
        `Expected fields with values as JSON, such as {"adc": {"bits": 6}}; ${(thrown as Error).message}`,
      );
    }
  };
  return (
    <>
      <label class="field">
        Any field of the preset, as JSON: {'{"cell": {"gMaxMicrosiemens": 20}}'}
        <textarea
          rows={3}
          spellcheck={false}
          defaultValue={text}
          onChange={({ currentTarget }) => apply(currentTarget.value)}
        />
      </label>
      {fault !== '' && (
        <p class="notice bad" role="alert">
          {fault}
        </p>
      )}
    </>
  );
}
