// map.json: what it may say, and every fault that it may have.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyNameMap, parseNameMap } from './name-map.ts';

test('a map is read; what it does not say is empty', () => {
  const map = {
    names: { layer1: 'stage1', 'fc.weight': 'dense.weights', aux: null },
    flattened: { dense1: [5, 5, 16] },
  };
  assert.deepEqual(parseNameMap('map.json', JSON.stringify(map)), map);
  assert.deepEqual(parseNameMap('map.json', '{}'), emptyNameMap);
  assert.deepEqual(parseNameMap('map.json', '{"names": {"a": "b"}}'), { names: { a: 'b' }, flattened: {} });
});

const form = 'map.json: expected {"names": {"in the file": "here"}, "flattened": {"layer": [h, w, c]}}: ';
const wrong: readonly (readonly [text: string, message: string | RegExp])[] = [
  ['{', /^map.json: it is not JSON \(.*\); correct it$/],
  ['[]', `${form}expected an object, got []`],
  ['{"conv1": "stem"}', `${form}unknown field "conv1"; names stand below "names"`],
  ['{"names": ["a"]}', `${form}at "names": expected an object, got ["a"]`],
  [
    '{"names": {"a": 3}}',
    `${form}at "names" → "a": expected a name for a name, or null to leave it out, got 3`,
  ],
  [
    '{"names": {"": "b"}}',
    `${form}at "names" → "": expected a name for a name, or null to leave it out, got "b"`,
  ],
  ['{"names": {"a": "b", "\\u0061": "c"}}', `${form}"\\u0061" stands twice`],
  [
    '{"names": {"a": ""}, "flattened": {"d": [5, 5], "e": [0.5, 0, "x"]}}',
    `${form}3 faults
  - at "names" → "a": expected a name for a name, or null to leave it out, got ""
  - at "flattened" → "d": expected [height, width, channels], whole numbers of at least 1, got [5,5]
  - at "flattened" → "e": expected [height, width, channels], whole numbers of at least 1, got [0.5,0,"x"]`,
  ],
];

for (const [text, message] of wrong) {
  test(`a map is refused with all its faults: ${text}`, () => {
    assert.throws(() => parseNameMap('map.json', text), { name: 'UsageError', message });
  });
}
