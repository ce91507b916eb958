// Formulas, which the library and the lab have as text, in the type of formulas: variables slanted, exponents raised.

import type { JSX } from 'preact';

/** Exponents, names with an index, words and units, variables; everything else stays as it is. */
const PARTS =
  /\^\((?<group>[^()]*)\)|\^(?<exponent>[−+±]?[\p{L}\d.]+)|(?<base>G|Q|σ)(?<index>max|s|ν)(?![A-Za-z])|(?<words>[A-Za-zµ\u0370-\u03ff]{2,}|(?<=\d )s\b)|(?<variable>[A-Za-z\u0370-\u03ff])/gu;

/** The formula of a text such as `G(t) = G₀ · ((t + t₀) / t₀)^−ν`. */
export function Formula({ text }: { readonly text: string }): JSX.Element {
  return <>{typeset(text)}</>;
}

function typeset(text: string): (string | JSX.Element)[] {
  const parts: (string | JSX.Element)[] = [];
  let done = 0;
  for (const { 0: all, index: at, groups } of text.matchAll(PARTS)) {
    parts.push(text.slice(done, at));
    done = at + all.length;
    const { group, exponent, base, index, variable } = groups!;
    const raised = group ?? exponent;
    if (raised !== undefined) parts.push(<sup>{typeset(raised)}</sup>);
    else if (base !== undefined)
      parts.push(
        <>
          <var>{base}</var>
          <sub>{index}</sub>
        </>,
      );
    else parts.push(variable === undefined ? all : <var>{variable}</var>);
  }
  parts.push(text.slice(done));
  return parts;
}
