/**
 * Contents of files: written in pieces of any size, kept inline or in blocks, replaced, extended, cut, counted by the
 * hundred - what is read is what was written, also after power cuts.
 */
import { describe, expect, it } from 'vitest';
import { type LittleFS, O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from '../../src/lfs/index.ts';
import { errorCode, exists, expectBytes, list, readFile, readText, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { geometries, geometryOf, type TestGeometry } from '../support/geometries.ts';
import { openRamFs, openTestFs } from '../support/open.ts';
import { allLossKinds, backwards, lossKinds, runUnderCuts } from '../support/powercut.ts';

const thorough = process.env.LITTLEFS_LONG !== undefined;

/** As much inline as may be, nothing, very little. */
const inlineMaxes = [0, -1, 8];

/** Seven bytes. */
function number(i: number): string {
  return `no. ${String(i).padStart(3, '0')}`;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const sizes = thorough ? [0, 7, 32, 8192, 8193, 131072] : [0, 7, 32, 8193, 40_000];
const chunks = thorough ? [31, 16, 1] : [31, 16];

/** What a second writing leaves of a first, by how the file is opened for it. */
const secondWritings = [
  { what: 'written over', flags: 0, result: (a: Uint8Array, b: Uint8Array) => joined(b, a.subarray(b.length)) },
  { what: 'appended to', flags: O_APPEND, result: (a: Uint8Array, b: Uint8Array) => joined(a, b) },
  { what: 'truncated and written', flags: O_TRUNC, result: (_: Uint8Array, b: Uint8Array) => b },
];

describe.each(geometries)('on $name', (geometry) => {
  describe.each(inlineMaxes)('with inlineMax %i', (inlineMax) => {
    const config = { inlineMax };

    it('a small file is there after a remount', () => {
      const fs = openTestFs(geometry, { config });
      writeFile(fs.lfs, 'hello', 'Good morning!', { flags: O_WRONLY | O_CREAT | O_EXCL });
      expect(readText(fs.remount(), 'hello')).toBe('Good morning!');
      expect(list(fs.lfs).slice(2)).toEqual([{ type: 'file', size: 13, name: 'hello' }]);
      if (geometry.blockSize >= 256) expect(fs.lfs.fsSize(), 'blocks in use').toBe(inlineMax === 0 ? 2 : 3);
    });

    it.each([0, 7, 32, 8192, 8193, 262144])('a file of %i bytes reads as it was written, in any pieces', (size) => {
      const data = content(size, size + 1);
      const large = size > 10_000 && !thorough;
      for (const chunk of large ? [1023] : [31, 16, 33, 1, 1023]) {
        // Once is enough for the large ones: with blocks on flash, inline as far as may be in memory.
        for (const open of large ? [inlineMax === -1 ? openTestFs : openRamFs] : [openTestFs, openRamFs]) {
          const fs = open(geometry, { config });
          writeFile(fs.lfs, 'f', data, { chunk });
          for (const lfs of fs.nowAndRemounted()) {
            expect(lfs.stat('f').size).toBe(size);
            expectBytes(readFile(lfs, 'f', chunk), data, `read ${chunk} bytes at a time`);
          }
        }
      }
    });

    it.each(secondWritings)('a file that is $what has what it should', ({ flags, result }) => {
      const fs = openTestFs(geometry, { config });
      for (const size1 of sizes) {
        for (const size2 of sizes) {
          const large = size1 + size2 > 20_000 && !thorough;
          const chunk = large ? 1000 : chunks[(size1 + size2) % chunks.length]!;
          const first = content(size1, 1);
          const second = content(size2, 2);
          writeFile(fs.lfs, 'f', first, { flags: O_WRONLY | O_CREAT | O_EXCL, chunk });
          expectBytes(readFile(fs.remount(), 'f', chunk), first, `the first ${size1} bytes`);
          writeFile(fs.remount(), 'f', second, { flags: O_WRONLY | flags, chunk });
          const expected = result(first, second);
          for (const lfs of fs.nowAndRemounted()) {
            expect(lfs.stat('f').size).toBe(expected.length);
            expectBytes(readFile(lfs, 'f', chunk), expected, `${size1} bytes, then ${size2}`);
          }
          fs.lfs.remove('f');
        }
      }
      expect(fs.lfs.fsSize(), 'blocks in use when the file is gone').toBe(2);
    });
  });

  const count = thorough || geometry.name === 'default' ? 300 : 120;

  it(`${count} files have a content each`, () => {
    const fs = openTestFs(geometry);
    for (let i = 0; i < count; i++) {
      writeFile(fs.lfs, `file_${i}`, number(i), { flags: O_WRONLY | O_CREAT | O_EXCL });
      expect(readText(fs.lfs, `file_${i}`)).toBe(number(i));
    }
    for (const lfs of fs.nowAndRemounted()) {
      for (let i = 0; i < count; i++) expect(readText(lfs, `file_${i}`)).toBe(number(i));
      expect(list(lfs)).toHaveLength(2 + count);
    }
  });

  it(`${count} files are created with a remount after each`, () => {
    const fs = openTestFs(geometry);
    for (let i = 0; i < count; i++) {
      writeFile(fs.lfs, `file_${i}`, number(i), { flags: O_WRONLY | O_CREAT | O_EXCL });
      expect(readText(fs.remount(), `file_${i}`)).toBe(number(i));
    }
    for (let i = 0; i < count; i++) expect(readText(fs.lfs, `file_${i}`)).toBe(number(i));
  });
});

const cutGeometries: readonly TestGeometry[] = thorough
  ? geometries
  : [geometryOf.default, geometryOf.emmc, geometryOf.nor, geometryOf.nand, geometryOf.small128];

describe.each(cutGeometries)('under power cuts on $name', (geometry) => {
  it.each(lossKinds)('300 files get there with power lost $loss', ({ cut }) => {
    const cuts = runUnderCuts({ geometry, stepping: 'linear', ...cut }, ({ mount }) => {
      const lfs = mount();
      for (let i = 0; i < 300; i++) {
        const path = `file_${i}`;
        const file = lfs.open(path, O_WRONLY | O_CREAT);
        expect([0, 7]).toContain(file.size());
        if (file.size() !== 7) file.write(new TextEncoder().encode(number(i)));
        file.close();
        expect(readText(lfs, path)).toBe(number(i));
      }
    });
    expect(cuts).toBeGreaterThan(10);
  });

  const losses = geometry.progSize > 8 ? [...allLossKinds, backwards] : allLossKinds;
  describe.each(losses)('lost $loss', ({ cut }) => {
    it.each([0, 7, 32, 2049])('a file of %i bytes is there as a whole or not at all', (size) => {
      const data = content(size, 3);
      for (const inlineMax of inlineMaxes) {
        for (const chunk of [31, 16, 65]) {
          const cuts = runUnderCuts({ geometry, config: { inlineMax }, ...cut }, ({ mount }) => {
            const lfs = mount();
            if (exists(lfs, 'f')) {
              const found = readFile(lfs, 'f');
              expect([0, size]).toContain(found.length);
              expectBytes(found, data.subarray(0, found.length));
            }
            writeFile(lfs, 'f', data, { flags: O_WRONLY | O_CREAT, chunk });
            expectBytes(readFile(lfs, 'f', chunk), data);
          });
          expect(cuts).toBeGreaterThan(2);
        }
      }
    });

    const modes = [
      { mode: 'appended to', flags: O_APPEND, sizes: [32, 0, 7, 2049] },
      { mode: 'truncated and written', flags: O_TRUNC, sizes: [32, 0, 7, 200] },
      { mode: 'written over', flags: 0, sizes: [32, 0, 7, 200] },
    ];
    it.each(modes)('a file $mode with a sync after every write never holds anything else', ({ flags, sizes }) => {
      for (const size of sizes) {
        const data = content(size, 4);
        for (const inlineMax of inlineMaxes) {
          const chunk = inlineMax === 0 ? 31 : inlineMax === -1 ? 65 : 16;
          const cuts = runUnderCuts({ geometry, config: { inlineMax }, ...cut }, ({ mount }) =>
            writeWithSyncs(mount(), data, flags, chunk),
          );
          expect(cuts).toBeGreaterThan(2);
        }
      }
    });
  });
});

function writeWithSyncs(lfs: LittleFS, data: Uint8Array, flags: number, chunk: number): void {
  expect([undefined, 'LFS_ERR_NOENT']).toContain(errorCode(() => lfs.open('f', O_RDONLY).close()));
  if (exists(lfs, 'f')) {
    const found = readFile(lfs, 'f', chunk);
    expectBytes(found, data.subarray(0, found.length), 'what the last power cut left');
  }
  const file = lfs.open('f', O_WRONLY | O_CREAT | flags);
  let at = flags === O_APPEND ? file.size() : 0;
  for (; at < data.length; at += chunk) {
    file.write(data, at, Math.min(chunk, data.length - at));
    file.sync();
  }
  file.close();
  expectBytes(readFile(lfs, 'f', chunk), data);
}
