// Controls with their labels.

import type { ComponentChildren, JSX } from 'preact';

/** A choice among names. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: T;
  /** Values with what people read. */
  readonly options: readonly (readonly [value: T, words: string])[];
  readonly onChange: (value: T) => void;
}): JSX.Element {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as T)}>
        {options.map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A whole number. Anything else is left as it is until it is one. */
export function NumberField({
  label,
  value,
  min,
  max,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}): JSX.Element {
  return (
    <label class="field">
      {label}
      <input
        type="number"
        {...{ min, max, value }}
        onChange={({ currentTarget }) => {
          const next = currentTarget.valueAsNumber;
          if (Number.isInteger(next) && next >= min && next <= max) onChange(next);
          else currentTarget.value = String(value);
        }}
      />
    </label>
  );
}

/** A slider that says its value in words. */
export function Slider({
  label,
  words,
  value,
  min = 0,
  max,
  step,
  class: kind = 'field',
  onInput,
}: {
  readonly label: ComponentChildren;
  readonly words: string;
  readonly value: number;
  readonly min?: number;
  readonly max: number;
  readonly step: number;
  readonly class?: string;
  readonly onInput: (value: number) => void;
}): JSX.Element {
  return (
    <label class={kind}>
      <span>
        {label}: <strong>{words}</strong>
      </span>
      <input
        type="range"
        {...{ min, max, step, value }}
        aria-valuetext={words}
        onInput={({ currentTarget }) => onInput(currentTarget.valueAsNumber)}
      />
    </label>
  );
}
