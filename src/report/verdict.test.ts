import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { estimateOf } from '../base/statistics.ts';
import type { AccuracyAtTime, CompensationMethod, ExperimentRecord } from '../experiment/record.ts';
import { parseRecord } from './json.ts';
import { tinyRecord } from './record-fixture.test-data.ts';
import { verdict } from './verdict.ts';

const HOUR = 3600;
const [base] = tinyRecord.networks;

/** A record of networks with the accuracies of their chips after an hour, by method. */
function recordOf(
  networks: Readonly<Record<string, Partial<Record<CompensationMethod, readonly number[]>>>>,
): ExperimentRecord {
  return {
    ...tinyRecord,
    networks: Object.entries(networks).map(([label, methods]) => ({
      ...base!,
      label,
      deployed: Object.entries(methods).map(
        ([method, accuracies]): AccuracyAtTime => ({
          timeSeconds: HOUR,
          method: method as CompensationMethod,
          accuracies,
          ...estimateOf(accuracies),
        }),
      ),
    })),
  };
}

test('it says equal, above, all the same, or nothing deployed', () => {
  assert.match(verdict(recordOf({ a: { none: [0.93] } })), /equal to its digital 93\.00 %\.$/);
  assert.match(
    verdict(recordOf({ a: { none: [0.94] } })),
    /1\.00 percentage points above its digital 93\.00 % \(one chip, so no interval\)\.$/,
  );
  assert.equal(
    verdict(recordOf({ a: { none: [0.9, 0.9] }, b: { none: [0.9, 0.9] } })),
    'At 1 h, all networks and methods have the same accuracy on every chip, 90.00 %.',
  );
  assert.equal(verdict({ ...tinyRecord, networks: [] }), 'No network was deployed.');
});

test('a network within the interval of its digital accuracy is not told apart from it', () => {
  assert.match(
    verdict(recordOf({ a: { global: [0.92, 0.94, 0.925] } })),
    /a has 92\.8 ± 2\.6 % with global compensation, not told apart from its digital 93\.00 % by 3 chips\.$/,
  );
});

test('networks are compared chip by chip: intervals that overlap may yet be told apart', () => {
  const text = verdict(recordOf({ a: { global: [0.91, 0.85, 0.88] }, b: { global: [0.9, 0.841, 0.869] } }));
  assert.match(
    text,
    /b has at best 87\.0 ± 7\.3 % \(global\), 1\.00 ± 0\.25 points less \(paired over 3 chips\)\.$/,
  );
});

test('networks whose difference may be 0 are not told apart, and neither is called better', () => {
  const text = verdict(recordOf({ a: { global: [0.91, 0.85, 0.88] }, b: { global: [0.87, 0.88, 0.86] } }));
  assert.match(
    text,
    /b has at best 87\.0 ± 2\.5 % \(global\); the two are not told apart by 3 chips \(difference 1\.0 ± 9\.0 points, paired over 3 chips\)\.$/,
  );
  assert.doesNotMatch(text, /highest|better|less|more/);
});

test('one chip tells no networks apart, and only chips that both have are compared', () => {
  assert.match(
    verdict(recordOf({ a: { global: [0.91] }, b: { global: [0.5] } })),
    /b has at best 50\.00 % \(global\); one chip does not tell the two apart\.$/,
  );
  assert.match(
    verdict(recordOf({ a: { global: [0.91, 0.92, 0.4, 0.95] }, b: { global: [0.71, 0.7199] } })),
    /paired over 2 chips\)\.$/,
  );
});

test('methods of the best network that are not told apart are named', () => {
  const text = verdict(
    recordOf({ a: { none: [0.1, 0.11, 0.1], global: [0.9, 0.91, 0.9], adabs: [0.91, 0.9, 0.91] } }),
  );
  assert.match(text, / AdaBS is not told apart from global by 3 chips\.$/);
});

test('many networks are summed up', () => {
  const chips = [0.9, 0.91, 0.905];
  const lower = (by: number) => ({ global: chips.map((value) => value - by) });
  const far = recordOf({ a: lower(0), b: lower(0.1), c: lower(0.2), d: lower(0.3), e: lower(0.4) });
  assert.match(verdict(far), / All 4 other networks have less\. The next, b has at best 80\.5 ± 1\.2 % /);
  const close = recordOf({
    a: lower(0),
    b: { global: [0.91, 0.9, 0.9] },
    c: lower(0.2),
    d: lower(0.3),
    e: lower(0.4),
  });
  assert.match(verdict(close), / Of 4 other networks, b is not told apart from it\./);
});

test('the kept reproduction claims what five paired chips support', () => {
  const kept = new URL('../../results/joshi2020/record.json', import.meta.url);
  const text = verdict(parseRecord(readFileSync(kept, 'utf8')));
  assert.match(
    text,
    /^At 1 year, noise-trained has 93\.\d\d ± 0\.\d\d % with AdaBS, 0\.\d\d ± 0\.\d\d percentage points below its digital 93\.91 %/,
  );
  assert.match(text, /paired over 5 chips\)\.$/);
  assert.doesNotMatch(text, /\d\.\d{3,}/);
});
