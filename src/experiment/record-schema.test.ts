import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { UsageError } from '../base/errors.ts';
import { examine, type Json } from '../base/schema.ts';
import { migrateProvenance } from '../train/migrate.ts';
import type { Provenance } from '../train/provenance.ts';
import type { EvaluationSettings, ExperimentRecord } from './record.ts';
import { checkRecord, recordSchema } from './record-schema.ts';

const results = new URL('../../results/', import.meta.url);
const kept: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(results)
    // Folders with a record of their own; those of twins have one in each part.
    .filter((name) => existsSync(new URL(`${name}/record.json`, results)))
    .map((name) => [name, readFileSync(new URL(`${name}/record.json`, results), 'utf8')]),
);

/** The smallest kept record, to be broken in one place. */
const whole = checkRecord(JSON.parse(kept['synthetic-small-cnn']!));

for (const [name, text] of Object.entries(kept)) {
  test(`the kept record ${name} is read; no result is changed, settings are in today's form`, () => {
    const raw = JSON.parse(text) as ExperimentRecord;
    const { networks, noiseSweep, evaluation, ...rest } = checkRecord(raw);
    const { networks: rawNetworks, noiseSweep: rawSweep, evaluation: rawEvaluation, ...rawRest } = raw;
    assert.deepEqual(rest, rawRest);
    // As 0.1.0 worked without saying so.
    const settled = (one: EvaluationSettings): EvaluationSettings => ({
      ...one,
      ranges: { kind: 'root-mean-squares', count: 6 },
      adabs: { ...one.adabs, memory: 0.015 },
    });
    const trained = (training: Provenance): unknown => migrateProvenance(training as unknown as Json);
    assert.deepEqual(evaluation, settled(rawEvaluation));
    assert.deepEqual(
      networks,
      rawNetworks.map((network) => ({
        ...network,
        training: trained(network.training),
        ...(network.evaluation !== undefined && { evaluation: settled(network.evaluation) }),
      })),
    );
    assert.deepEqual(
      noiseSweep,
      rawSweep && {
        evaluation: settled(rawSweep.evaluation),
        points: rawSweep.points.map((point) => ({ ...point, training: trained(point.training) })),
      },
    );
  });
}

test('a kept record loses no fault: every scalar of another type is found at its path', () => {
  const paths = scalarPaths(withoutLongLists(whole));
  assert.ok(paths.length > 150, `${paths.length} scalars`);
  for (const path of paths) {
    const broken = changed(whole, path, () => ({ not: 'a scalar' }));
    assert.ok(faultsIn(broken).includes(path.join('.')), path.join('.'));
  }
});

test('a field that no type has is refused, at every depth', () => {
  for (const path of [[], ['networks', '0'], ['evaluation', 'adabs'], ['hardware', 'cell']])
    assert.throws(
      () => checkRecord(changed(whole, [...path, 'surprise'], () => 1)),
      hasFault(/Unrecognized key: "surprise"/),
    );
});

test('numbers that are none are refused, however they come', () => {
  const path = ['networks', '0', 'digitalAccuracy'];
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, null])
    assert.throws(
      () => checkRecord(changed(whole, path, () => value)),
      hasFault(/^record: networks\.0\.digitalAccuracy: /),
    );
  assert.throws(
    () => checkRecord(changed(whole, path, () => null)),
    hasFault(/\(JSON has null for NaN and infinity\)$/),
  );
});

test('results that contradict their settings are refused, all at once', () => {
  const [first] = whole.networks;
  const [result] = first!.deployed;
  const fewer = changed(whole, ['networks', '0', 'deployed', '0', 'accuracies'], (all) =>
    (all as readonly number[]).slice(1),
  );
  assert.throws(
    () => checkRecord(fewer),
    hasFault(/networks\.0\.deployed\.0\.(accuracies: expected one for each of 5 chips, got 4|mean: )/),
  );
  const contradictory = changed(whole, ['networks', '0', 'deployed'], () => [
    { ...result, accuracies: [...result!.accuracies, result!.mean] },
    { ...result, timeSeconds: 7 },
    result,
    result,
  ]);
  assert.throws(() => checkRecord(contradictory), hasFault(/^record: 4 faults\n/));
  for (const fault of [
    /deployed\.0\.accuracies: expected one for each of 5 chips, got 6/,
    /deployed\.1\.timeSeconds: expected one of the times 25, 3600, .*, got 7/,
    /deployed\.3: expected each result once, got none at 25 s again/,
  ])
    assert.throws(() => checkRecord(contradictory), hasFault(fault));
  const methods = changed(whole, ['evaluation', 'methods'], () => ['global', 'per-column', 'adabs']);
  assert.throws(
    () => checkRecord(methods),
    hasFault(/deployed\.0\.method: expected one of the methods global, per-column, adabs, got "none"/),
  );
});

test('a mean that is none of its accuracies, and an interval beside its mean, are refused', () => {
  const at = ['networks', '0', 'deployed', '0'];
  for (const [field, value, fault] of [
    ['mean', 0.5, /deployed\.0\.mean: expected the mean of accuracies, 0\.\d+, got 0\.5/],
    ['interval95', [0.1, 0.2], /deployed\.0\.interval95: expected low and high around/],
  ] as const)
    assert.throws(() => checkRecord(changed(whole, [...at, field], () => value)), hasFault(fault));
  const single = {
    ...whole,
    evaluation: { ...whole.evaluation, chips: 1 },
    networks: [
      {
        ...whole.networks[0]!,
        deployed: [{ ...whole.networks[0]!.deployed[0]!, accuracies: [0.5], mean: 0.5 }],
      },
    ],
  };
  assert.throws(() => checkRecord(single), hasFault(/interval95: expected none, as there is one chip/));
  const [network] = whole.networks;
  const { interval95: _, ...bare } = network!.deployed[0]!;
  assert.throws(
    () => checkRecord({ ...whole, networks: [{ ...network!, deployed: [bare] }] }),
    hasFault(/interval95: expected one, as there are several chips/),
  );
});

test('an attribution has every accuracy of every point and chip', () => {
  const attribution = {
    network: 'noise-trained',
    points: [{ timeSeconds: 25, method: 'global' as const }],
    chips: 2,
    digitalAccuracy: 0.9,
    reference: [[0.8, 0.81]],
    exact: [[0.9, 0.9]],
    entries: [
      {
        subject: { kind: 'source' as const, source: 'drift' as const },
        role: 'alone' as const,
        accuracies: [[0.85, 0.86]],
      },
    ],
  };
  assert.deepEqual(checkRecord({ ...whole, attribution }), { ...whole, attribution });
  for (const [changes, fault] of [
    [
      { reference: [[0.8]] },
      /attribution\.reference: expected 1 points with 2 chips each, got 1 points with 1/,
    ],
    [{ exact: [] }, /attribution\.exact: expected 1 points/],
    [
      { entries: [{ ...attribution.entries[0]!, accuracies: [[0.8, 0.8], [0.8, 0.8]] }] }, // biome-ignore format: one point each
      /attribution\.entries\.0\.accuracies: expected 1 points with 2 chips each, got 2 points with 2, 2/,
    ],
  ] as const)
    assert.throws(
      () => checkRecord({ ...whole, attribution: { ...attribution, ...changes } }),
      hasFault(fault),
    );
});

test('a JSON schema names every field of the record', () => {
  const { properties } = z.toJSONSchema(recordSchema, { io: 'input' });
  for (const field of [...Object.keys(whole), 'published', 'noiseSweep', 'attribution'])
    assert.ok(field in properties!, field);
});

/** Paths of all scalars, in the words of faults. */
function scalarPaths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, item]) => scalarPaths(item, [...path, name]));
}

/** Lists cut to their first two items; what holds for these holds for the others. */
function withoutLongLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 2).map(withoutLongLists);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutLongLists(item)]));
}

function changed(value: unknown, path: readonly string[], change: (old: unknown) => unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return change(value);
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  const inner = copy as Record<string, unknown>;
  inner[name] = changed(inner[name], rest, change);
  return copy;
}

/** Paths of all faults that a check finds, and of what holds them. */
function faultsIn(value: unknown): readonly string[] {
  return examine(recordSchema, value).faults.map((fault) => fault.split(': ')[0]!);
}

function hasFault(pattern: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof UsageError);
    assert.match(thrown.message, pattern);
    return true;
  };
}

test('networks of one label, and figures of networks that are not there, are refused', () => {
  const [network] = whole.networks;
  assert.throws(
    () => checkRecord({ ...whole, networks: [...whole.networks, network!] }),
    hasFault(/^record: networks\.\d\.label: expected a label of its own, got "[\w-]+" again$/),
  );
  const figure = { what: 'a', accuracy: 0.9, meaning: 'equal', locator: 'b', secondHand: false } as const;
  const published = { source: 'c', figures: [{ ...figure, network: 'nobody' }] };
  assert.throws(
    () => checkRecord({ ...whole, published }),
    hasFault(/^record: published\.figures\.0\.network: expected one of .*, got "nobody"$/),
  );
});
