// Measurements at the door: what is read, and every fault of a hostile file with its line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMeasurements } from './measurements.ts';

const HEADER = 'device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens';

test('reads are gathered by device, in the order of time, whatever the order of lines and columns', () => {
  const { devices, unusedColumns } = parseMeasurements(
    'm.csv',
    'timeSeconds,device,conductanceMicrosiemens,targetMicrosiemens,temperature\n100,a,9,10,25\n20,b,4.5,5,25\n20,a,9.5,10,25\n100,b,4e0,5,25\n',
  );
  assert.deepEqual(devices, [
    { name: 'a', target: 10, times: [20, 100], conductances: [9.5, 9] },
    { name: 'b', target: 5, times: [20, 100], conductances: [4.5, 4] },
  ]);
  assert.deepEqual(unusedColumns, ['temperature']);
});

test('repeated reads at one time keep their order, with numbers and without', () => {
  const plain = parseMeasurements('m.csv', `${HEADER}\na,10,20,9\na,10,20,8\n`);
  const numbered = parseMeasurements('m.csv', `${HEADER},read\n"a",10,20,9,1\n"a",10,20,8,2\n`);
  assert.deepEqual(plain, numbered);
  assert.deepEqual(plain.devices[0]!.conductances, [9, 8]);
});

test('all faults of a file are listed at once with their lines', () => {
  const text = [
    `${HEADER},read`,
    'a,10,20,9.5,1',
    'a,10,20,9.5,1',
    'a,12,30,9.5,1',
    ',10,20,9.5,1',
    'b,ten,20,NaN,1',
    'b,10,0,-1,1',
    'c,10,20',
    'd"x,10,20,9,1',
    'e,Infinity,20,,1',
    '"a",10,"20",9.5,2',
  ].join('\n');
  assert.throws(
    () => parseMeasurements('m.csv', text),
    (error: Error) => {
      assert.equal(error.name, 'UsageError');
      assert.deepEqual(error.message.split('\n'), [
        'm.csv: 8 faults',
        '  - line 9: expected a quote only around a whole field; double a quote that belongs to the field',
        '  - line 3: device "a" has read "1" at 20 s here and on line 2; number repeated reads',
        '  - line 4: device "a" has the target 12 µS here and 10 µS on line 2; give a device that is programmed again another name',
        '  - line 5: device: expected a name, got nothing',
        '  - line 6: targetMicrosiemens: expected a number, got "ten"; conductanceMicrosiemens: expected a number, got "NaN"',
        '  - line 7: timeSeconds: expected a time above 0 s: it counts from the last programming pulse; add what lies between it and the first read, got 0; conductanceMicrosiemens: expected at least 0 µS: subtract the offset of the instrument, then write 0 for what is still below, got -1',
        '  - line 8: expected 5 fields as in the header, got 3',
        '  - line 10: targetMicrosiemens: expected a number, got "Infinity"; conductanceMicrosiemens: expected a number, got ""',
      ]);
      return true;
    },
  );
});

test('of very many faults the first 20 are listed, and the others counted', () => {
  const text = [HEADER, ...Array.from({ length: 100 }, () => 'a,10,20,x')].join('\n');
  assert.throws(
    () => parseMeasurements('m.csv', text),
    /m\.csv: 21 faults[\s\S]*line 21: [\s\S]*and 80 more lines$/,
  );
});

const headers: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['an empty file', '', /line 1: expected the columns device, .* missing, got nothing$/],
  ['a header alone', `${HEADER}\n`, /expected at least one read below the header, got none/],
  [
    'a misspelled column',
    'device,targetMicrosiemens,timeSeconds,conductanceUs\na,1,1,1',
    /conductanceMicrosiemens missing, got "device", "targetMicrosiemens", "timeSeconds", "conductanceUs"$/,
  ],
  ['semicolons', HEADER.replaceAll(',', ';'), /separate columns by commas, and write decimals with a point$/],
  ['a column twice', `${HEADER},device\na,1,1,1,a`, /line 1: the column device is there twice/],
];
for (const [what, text, message] of headers) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseMeasurements('m.csv', text), { name: 'UsageError', message });
  });
}
