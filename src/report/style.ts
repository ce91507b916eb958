// Appearance of the page: one quiet column, light and dark, and A4 paper. Methods and networks take colours near those of
// Okabe and Ito, which people with colour-vision deficiencies can tell apart; on dark ground they are lighter. Text has a
// contrast of at least 4.5 : 1 to its ground in both (html.test.ts).

/** Style sheet of the report. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fff; --ink: #1b1f24; --quiet: #5c6570; --hair: #e4e7eb; --rule: #8b949e; --tint: #f6f7f9;
  --none: #c44e00; --global: #0072b2; --per-column: #00835e; --adabs: #b0518a; --lora: #5f4bb6; --early: #e3b23c; --late: #5b2a86;
  --gold: #8a6a00;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --ink: #e3e6ea; --quiet: #98a1ab; --hair: #2a2f36; --rule: #6b747e; --tint: #1b1f25;
    --none: #f58a4b; --global: #5ab4ea; --per-column: #3fc79c; --adabs: #e392c2; --lora: #a99bf2; --early: #f0c75e; --late: #a678de;
    --gold: #d9b44a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 4.5rem 2rem 6rem; }
header { margin-bottom: 4rem; }
h1 { font-size: 2.1rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; font-weight: 620; letter-spacing: -0.01em; margin: 0 0 0.6rem; }
h3 { font-size: 1rem; font-weight: 620; margin: 2.2rem 0 0.4rem; }
p { max-width: 46rem; margin: 0 0 1rem; }
section { margin-top: 4.5rem; }
.kicker { color: var(--quiet); font-size: 0.85rem; margin: 0 0 0.5rem; }
.summary { font-size: 1.15rem; line-height: 1.55; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0.9rem 2rem; margin: 2rem 0 0; padding-top: 1.2rem; border-top: 1px solid var(--hair); }
dt { color: var(--quiet); font-size: 0.8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
nav { margin: 0 0 1rem; padding: 1.1rem 0; border-top: 1px solid var(--hair); border-bottom: 1px solid var(--hair); }
nav h2 { font-size: 0.8rem; font-weight: 500; letter-spacing: 0; color: var(--quiet); margin: 0 0 0.4rem; }
nav ol { columns: 3 14rem; margin: 0; padding-left: 1.4rem; font-size: 0.95rem; }
a { color: var(--global); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
section ul:not(.legend) { max-width: 46rem; padding-left: 1.2rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 2rem 2.5rem; margin: 1.2rem 0 1.8rem; }
figure { margin: 0; }
main { counter-reset: figure table; }
figure { counter-increment: figure; }
figcaption { font-size: 0.86rem; line-height: 1.45; color: var(--quiet); max-width: 46rem; margin-top: 0.3rem; }
figcaption::before { content: "Figure " counter(figure) "  "; font-weight: 620; color: var(--ink); }
svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 11.5px; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; list-style: none; margin: 1.2rem 0 0; padding: 0; font-size: 0.85rem; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: 0.45rem; }
.key.plain { --method: var(--quiet); }
.key { flex: none; width: auto; height: 14px; }
text { fill: var(--ink); font-variant-numeric: tabular-nums; }
.tick { fill: var(--quiet); font-size: 11px; }
.small { font-size: 9.5px; }
.axis { fill: var(--quiet); font-size: 11.5px; }
.end-label { fill: var(--ink); font-size: 11px; }
.leader { fill: none; stroke: var(--rule); stroke-width: 0.7; }
span.note, p.note { color: var(--quiet); font-size: 0.85rem; font-weight: 400; }
.note { fill: var(--quiet); font-size: 11px; paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--hair); }
.rule { stroke: var(--rule); }
.reference { fill: none; stroke: var(--quiet); stroke-dasharray: 5 4; }
.outline { fill: none; stroke: var(--ink); stroke-opacity: 0.6; stroke-width: 0.9; }
.none { --method: var(--none); } .global { --method: var(--global); }
.per-column { --method: var(--per-column); } .adabs { --method: var(--adabs); } .lora { --method: var(--lora); }
.network-0 { --method: var(--global); } .network-1 { --method: var(--none); } .network-2 { --method: var(--per-column); }
.network-3 { --method: var(--adabs); } .network-4 { --method: var(--gold); } .network-5 { --method: var(--quiet); }
.chip { fill: none; stroke: var(--method, var(--quiet)); stroke-opacity: 0.28; stroke-width: 0.8; }
.key .chip { stroke-opacity: 0.7; }
.band { fill: var(--method); fill-opacity: 0.16; }
.mean { fill: none; stroke: var(--method); stroke-width: 2; stroke-linejoin: round; }
.mean.lower { stroke-opacity: 0.5; } .mean.step { stroke-width: 1.3; }
.others .chip { stroke-opacity: 0.5; } .others .mark { fill-opacity: 0.5; stroke: none; }
.pictures img { display: block; width: 100%; max-width: 26rem; image-rendering: pixelated; }
.whisker { stroke: var(--method); stroke-width: 1.2; }
.published { fill: none; stroke: var(--method, var(--ink)); stroke-width: 1.6; stroke-linejoin: round; pointer-events: all; }
.mark { fill: var(--method); stroke: var(--ground); stroke-width: 1.2; }
.mark.hollow { fill: var(--ground); stroke: var(--method); stroke-width: 1.6; }
.alone { --method: var(--global); } .left-out { --method: var(--none); }
.loss.alone { fill: var(--method); } .loss.left-out { fill: var(--ground); stroke: var(--method); stroke-width: 1.6; }
.dot { stroke: var(--ground); stroke-width: 0.8; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.train { stroke: var(--rule); } .test { stroke: var(--global); }
.end.train { fill: var(--rule); } .end.test { fill: var(--global); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.86rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.5rem; max-width: 46rem; }
section > .scroll { counter-increment: table; }
section > .scroll caption::before { content: "Table " counter(table) "  "; font-weight: 620; color: var(--ink); }
th, td { padding: 0.34rem 0.85rem 0.34rem 0; border-bottom: 1px solid var(--hair); vertical-align: top; }
th { text-align: left; font-weight: 500; } thead th { color: var(--quiet); font-weight: 500; vertical-align: bottom; white-space: nowrap; }
td, .number { text-align: right; } td, .number, [scope=row] { white-space: nowrap; }
.text { text-align: left; white-space: normal; }
tbody + tbody tr:first-child > * { border-top: 1px solid var(--rule); }
tfoot th, tfoot td { border-top: 1px solid var(--rule); font-weight: 600; }
.differs { font-weight: 680; }
.settings td { overflow-wrap: anywhere; }
.formula { min-width: 18rem; }
code, pre { font: 0.92em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
pre { background: var(--tint); border-radius: 6px; padding: 1rem 1.2rem; overflow-x: auto; white-space: pre-wrap; }
details { margin: 0.4rem 0; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.88rem; }
details[open] { margin-bottom: 1.5rem; }
@media (max-width: 40rem) { main { padding: 2.5rem 1.1rem 4rem; } section { margin-top: 3.2rem; } }
@page { size: A4; margin: 17mm 16mm 18mm; }
@media print {
  html { font-size: 12px; } body { font-size: 9.5pt; line-height: 1.45; } main { max-width: none; padding: 0; }
  header { margin-bottom: 1.5rem; } h1 { font-size: 18pt; } h2 { font-size: 13pt; } .summary { font-size: 10.5pt; } p { max-width: none; }
  section { margin-top: 0; break-before: page; } nav ~ section:first-of-type { break-before: auto; margin-top: 1.5rem; }
  #published, #layers, #repeat, #pulses { break-before: auto; margin-top: 2rem; }
  h2, h3, caption, thead { break-after: avoid; } tbody tr:nth-child(-n+2) { break-before: avoid; } figure, tr, pre, .legend, li, #published, .scroll:not(:has(.settings)) { break-inside: avoid; } thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  .panels { gap: 1rem 1.2rem; grid-template-columns: repeat(2, 1fr); } .panels.single { grid-template-columns: 1fr; }
  .scroll { overflow: visible; } details { display: none; } caption, figcaption { max-width: none; }
  table { font-size: 7.6pt; } .wide, .crowded, .settings { width: 100%; } .wide { font-size: 7pt; } .settings, .crowded { font-size: 6.6pt; }
  th, td { padding: 0.22rem 0.5rem 0.22rem 0; } .crowded td, .settings td, [scope=row], thead th { white-space: normal; } .settings code { overflow-wrap: anywhere; }
  .formula { min-width: 0; } .settings [scope=row] { width: 26%; } section ul:not(.legend) { max-width: none; } .settings td { overflow-wrap: anywhere; }
  a { color: inherit; } a[href^="http"]::after { content: " (" attr(href) ")"; overflow-wrap: anywhere; }
  * { print-color-adjust: exact; }
}
`;
