/**
 * Blocks that are bad from the start, in each of five ways: whichever they are, the file system goes round them, and
 * nothing that it said to have written is lost.
 */
import { describe, expect, it } from 'vitest';
import type { BadBlockMode, FlashDevice } from '../../src/device/index.ts';
import { type LfsConfig, LittleFS } from '../../src/lfs/index.ts';
import { errorCode, expectBytes, namesIn, readFile, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { configOf, geometries, type TestGeometry, withBlocks } from '../support/geometries.ts';
import { flashDevice, verifyIntegrity } from '../support/open.ts';

const thorough = process.env.LITTLEFS_LONG !== undefined;

const modes: readonly BadBlockMode[] = ['progerror', 'eraseerror', 'readerror', 'prognoop', 'erasenoop'];
/** What an erased byte reads; 'keep' leaves what was there. */
const eraseValues = [0x00, 0xff, 'keep'] as const;

/** Nine directories with long names, a file in each; metadata and files need many blocks. */
function entries({ blockSize }: TestGeometry): { path: string; name: string; data: Uint8Array }[] {
  const length = Math.min(64, blockSize >> 4);
  return Array.from({ length: 9 }, (_, i) => {
    const name = String(i + 1).repeat(length);
    return { path: `${name}/${name}`, name, data: content(64 * (i + 1), i + 1) };
  });
}

/** Formats, fills, mounts again and reads all. Returns the blocks in use. */
function fillAndRead(device: FlashDevice, geometry: TestGeometry): Set<number> {
  const config: LfsConfig = configOf(geometry);
  LittleFS.format(device, config);
  const lfs = LittleFS.mount(device, config);
  const all = entries(geometry);
  for (const { path, name, data } of all) {
    lfs.mkdir(name);
    writeFile(lfs, path, data, { chunk: 64 });
  }
  lfs.unmount();
  const again = LittleFS.mount(device, config);
  expect(namesIn(again)).toEqual(all.map(({ name }) => name));
  for (const { path, name, data } of all) {
    expect(again.stat(name).type).toBe('dir');
    expectBytes(readFile(again, path), data, path);
  }
  const used = new Set<number>();
  again.traverse((block) => used.add(block));
  again.unmount();
  return used;
}

/** Where every combination would take too long, each mode has one erase value, by turns. */
function combinations(all: boolean) {
  return modes.flatMap((mode, i) =>
    eraseValues.filter((_, j) => all || i % 3 === j).map((eraseValue) => ({ mode, eraseValue })),
  );
}

describe.each(geometries)('on $name', (base) => {
  const crowded = base.blockSize < 512 ? 2 : 1;

  const singles = combinations(thorough || base.name === 'default');
  it.each(singles)('any single block may be bad ($mode, erased is $eraseValue)', ({ mode, eraseValue }) => {
    const geometry = withBlocks(base, thorough ? 256 : 64 * crowded);
    const device = flashDevice(geometry, { eraseValue });
    let wanted = 0;
    const usual = fillAndRead(device, geometry);
    // Every round formats over what the last one left.
    const step = thorough || base.name === 'default' ? 1 : 3;
    for (let bad = 2; bad < geometry.blockCount; bad += step) {
      device.setBad(bad, mode);
      fillAndRead(device, geometry);
      if (usual.has(bad)) wanted++;
      device.setGood(bad);
    }
    expect(wanted, 'bad blocks that the file system would have used').toBeGreaterThan(3);
    verifyIntegrity(device, configOf(geometry));
  });

  const shapes = [
    { what: 'the first half of all blocks', bad: (i: number) => i + 2 },
    { what: 'every other block', bad: (i: number) => 2 * i + 2 },
  ];
  describe.each(shapes)('$what', ({ bad }) => {
    it.each(combinations(true))('may be bad ($mode, erased is $eraseValue)', ({ mode, eraseValue }) => {
      const geometry = withBlocks(base, thorough ? 256 : 128 * crowded);
      const blocks = Array.from({ length: (geometry.blockCount - 2) / 2 }, (_, i) => bad(i));
      const device = flashDevice(geometry, {
        eraseValue,
        badBlocks: new Map(blocks.map((block) => [block, mode])),
      });
      fillAndRead(device, geometry);
      verifyIntegrity(device, configOf(geometry), { badBlocks: true });
    });
  });

  const roots = combinations(true).flatMap((row) => [[0, 1], [0], [1]].map((bad) => ({ ...row, bad })));
  it.each(roots)('blocks $bad may not be bad ($mode, erased is $eraseValue)', ({ mode, eraseValue, bad }) => {
    const geometry = withBlocks(base, 64);
    const device = flashDevice(geometry, { eraseValue, badBlockMode: mode, badBlocks: bad });
    // The superblock can be nowhere else, and format writes it to both.
    expect(errorCode(() => LittleFS.format(device, configOf(geometry)))).toBe('LFS_ERR_NOSPC');
    if (bad.length === 2) expect(errorCode(() => LittleFS.mount(device, configOf(geometry)))).toBe('LFS_ERR_CORRUPT');
  });
});
