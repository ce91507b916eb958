// Pulse responses at the door: what is read, and every fault of a hostile file with its line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arePulseMeasurements, parsePulseMeasurements } from './pulse-measurements.ts';

const HEADER = 'device,pulse,direction,value';

test('values are gathered by device, in the order of pulses, whatever the order of lines and columns', () => {
  const { devices, unusedColumns } = parsePulseMeasurements(
    'p.csv',
    'value,direction,note,pulse,device\n0.2,Up,x,1,a\n0.1,,x,0,a\n0.15,down,x,2,a\n-1,down,x,7,b\n',
  );
  assert.deepEqual(devices, [
    {
      name: 'a',
      readings: [
        { pulse: 0, isUp: false, value: 0.1 },
        { pulse: 1, isUp: true, value: 0.2 },
        { pulse: 2, isUp: false, value: 0.15 },
      ],
    },
    { name: 'b', readings: [{ pulse: 7, isUp: false, value: -1 }] },
  ]);
  assert.deepEqual(unusedColumns, ['note']);
});

test('all faults of a file are listed at once with their lines', () => {
  const text = [
    HEADER,
    'a,0,,1',
    'a,0,up,1',
    ',1,up,1',
    'a,1.5,sideways,x',
    'a,1,,1',
    'a,1,up',
    'a,-1,up,',
    '',
  ].join('\n');
  assert.throws(() => parsePulseMeasurements('p.csv', text), {
    name: 'UsageError',
    message: [
      'p.csv: 6 faults',
      '  - line 3: device "a" has pulse 0 here and on line 2; give another device another name, and number pulses through',
      '  - line 4: device: expected a name, got nothing',
      '  - line 5: pulse: expected a whole number from 0, got "1.5"; direction: expected up or down, got "sideways"; value: expected a number, got "x"',
      '  - line 6: direction: expected up or down, got ""',
      '  - line 7: expected 4 fields as in the header, got 3',
      '  - line 8: pulse: expected a whole number from 0, got "-1"; value: expected a number, got ""',
    ].join('\n'),
  });
  assert.throws(() => parsePulseMeasurements('p.csv', `${HEADER}\n`), {
    message: 'p.csv: expected at least one value below the header, got none',
  });
  assert.throws(() => parsePulseMeasurements('p.csv', 'device,pulse,direction\n'), {
    message:
      'p.csv: line 1: expected the columns device, pulse, direction, value; value missing, got "device", "pulse", "direction"',
  });
});

test('files of pulse responses are told by their columns', () => {
  assert.ok(arePulseMeasurements(`${HEADER}\na,0,,1\n`) && arePulseMeasurements(HEADER));
  assert.ok(arePulseMeasurements('value, direction ,pulse,device\r\n'));
  assert.ok(!arePulseMeasurements('device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens\n'));
  assert.ok(!arePulseMeasurements(''));
});
