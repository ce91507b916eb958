import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { sha256 } from '../base/digest.ts';
import { UsageError } from '../base/errors.ts';
import { decodePhoto } from './decode-photo.ts';
import { cmykPhoto, greyPhoto, palettePhoto, rgbPhoto } from './photos.test-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-photos-'));
after(() => rmSync(folder, { recursive: true }));

function stored(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

for (const [name, { bytes, digest }] of Object.entries({
  'colour.jpg': rgbPhoto,
  'cmyk.JPEG': cmykPhoto,
  'grey.jpeg': greyPhoto,
  // ImageNet has a PNG of that ending.
  'palette-png.JPEG': palettePhoto,
})) {
  test(`${name} has the pixels of Pillow`, async () => {
    const { height, width, pixels } = await decodePhoto(stored(name, bytes));
    assert.deepEqual([height, width, pixels.length], [19, 22, 19 * 22 * 3]);
    assert.equal((await sha256(pixels)).slice(0, 16), digest);
  });
}

const raw = Uint8Array.from({ length: 5 * 7 * 3 }, (_, k) => (k * 37) % 256);
const image = () => sharp(raw, { raw: { width: 7, height: 5, channels: 3 } });

test('transparency, colour profiles and the orientation of a camera change no pixel', async () => {
  const files = {
    'alpha.png': await image().ensureAlpha(0.3).png().toBuffer(),
    'profile.png': await image().keepIccProfile().withIccProfile('p3').png().toBuffer(),
    'turned.tif': await image().withMetadata({ orientation: 6 }).tiff({ compression: 'none' }).toBuffer(),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const { height, width, pixels } = await decodePhoto(stored(name, bytes));
    assert.deepEqual([height, width], [5, 7], name);
    // The profile's pixels are converted when it is written, so that only its own values are known.
    const expected =
      name === 'profile.png' ? await sharp(bytes, { ignoreIcc: true }).raw().toBuffer() : Buffer.from(raw);
    assert.deepEqual(Buffer.from(pixels), expected, name);
  }
});

test('what can be no photo is refused with the name of its file', async () => {
  const { bytes } = rgbPhoto;
  const cases: readonly [name: string, bytes: Uint8Array, message: RegExp][] = [
    ['cut.jpg', bytes.subarray(0, 600), /premature end/],
    ['no-end.jpg', bytes.subarray(0, bytes.length - 2), /premature end/],
    ['empty.jpg', new Uint8Array(0), /empty/],
    ['text.jpg', new TextEncoder().encode('no photo at all'), /unsupported image format/],
    [
      'drawing.jpg',
      new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'),
      /expected jpeg, png, webp, tiff, gif, got svg/,
    ],
    [
      'deep.png',
      await sharp(new Uint16Array(12), { raw: { width: 2, height: 2, channels: 3 } })
        .toColourspace('rgb16')
        .png()
        .toBuffer(),
      /expected 8 bits a channel, got numbers of kind ushort/,
    ],
  ];
  for (const [name, content, message] of cases) {
    const path = stored(name, content);
    await assert.rejects(decodePhoto(path), (error) => {
      assert.ok(error instanceof UsageError);
      assert.ok(error.message.startsWith(`photo ${path}: it can't be read (`), error.message);
      assert.match(error.message, message);
      assert.match(error.message, /; replace it by an undamaged copy, or remove it$/);
      return true;
    });
  }
  await assert.rejects(
    decodePhoto(join(folder, 'absent.jpg')),
    /photo .*absent\.jpg: it can't be read \(ENOENT/,
  );
});
