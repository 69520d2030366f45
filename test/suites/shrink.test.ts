/**
 * Fewer blocks: a file system gives away blocks at its end when none of them is in use, and refuses otherwise.
 */
import { describe, expect, it } from 'vitest';
import { type LittleFS, O_CREAT, O_EXCL, O_WRONLY } from '../../src/lfs/index.ts';
import { readFile, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { commonGeometries, withBlocks } from '../support/geometries.ts';
import { openTestFs, treeOf } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';

const counts = (befores: readonly number[], afters: readonly number[]) =>
  befores.flatMap((before) => afters.filter((after) => after <= before).map((after) => ({ before, after })));

describe.each(commonGeometries)('on $name', (geometry) => {
  it.each(counts([10, 15, 20], [5, 10, 15, 19]))('an empty one of $before blocks becomes one of $after', (row) => {
    const { before, after } = row;
    const fs = openTestFs(withBlocks(geometry, before), { config: { blockCount: 0 } });
    fs.lfs.grow(after);
    expect(fs.lfs.fsStat().blockCount).toBe(after);
    fs.unmount();
    expect(outcome(() => fs.remount({ blockCount: before }))).toBe(before === after ? 'ok' : 'INVAL');
    const lfs = fs.remount({ blockCount: after });
    expect(lfs.fsStat().blockCount).toBe(after);
    lfs.mkdir('still works');
    for (const mounted of fs.nowAndRemounted()) expect(mounted.stat('still works').type).toBe('dir');
  });

  it.each(counts([10, 15, 20], [5, 7, 10, 12, 15, 17, 20]))(
    'a filled one of $before blocks becomes one of $after if nothing is in the way, and loses nothing',
    ({ before, after }) => {
      for (const files of [8, 9, 10, 11]) {
        if (files + 1 >= before) continue;
        const fs = openTestFs(withBlocks(geometry, before), { config: { blockCount: 0 } });
        // A block each, and too large to be inlined.
        const contents = Array.from({ length: files }, (_, i) => content(geometry.blockSize - 64, i + 1));
        for (const [i, data] of contents.entries()) {
          writeFile(fs.lfs, `file${i}`, data, { flags: O_WRONLY | O_CREAT | O_EXCL });
        }
        const fits = highestBlock(fs.lfs) < after;
        const tree = treeOf(fs.lfs);
        expect(
          outcome(() => fs.lfs.grow(after)),
          `${files} files`,
        ).toBe(fits ? 'ok' : 'NOTEMPTY');
        const now = fits ? after : before;
        expect(fs.lfs.fsStat().blockCount).toBe(now);
        fs.unmount();
        if (before !== after) {
          expect(outcome(() => fs.remount({ blockCount: fits ? before : after }))).toBe('INVAL');
        }
        for (const given of [now, 0]) {
          const lfs = fs.remount({ blockCount: given });
          expect(lfs.fsStat().blockCount).toBe(now);
          expect(treeOf(lfs)).toEqual(tree);
          for (const [i, data] of contents.entries()) expect(Buffer.compare(readFile(lfs, `file${i}`), data)).toBe(0);
          expect(highestBlock(lfs)).toBeLessThan(now);
        }
      }
    },
  );

  it('what was given away is not written to any more, and can be taken back', () => {
    const fs = openTestFs(withBlocks(geometry, 20), { config: { blockCount: 0 } });
    const { lfs } = fs;
    lfs.grow(12);
    const file = lfs.open('fills', O_WRONLY | O_CREAT);
    const piece = content(geometry.blockSize, 4);
    let written = 0;
    while (outcome(() => file.write(piece)) === 'ok') written++;
    expect(written).toBeGreaterThan(4);
    expect(written).toBeLessThan(12);
    file.close();
    const given = fs.device.toImage().subarray(12 * geometry.blockSize);
    expect(given.every((byte) => byte === 0xff)).toBe(true);

    lfs.remove('fills');
    lfs.grow(20);
    writeFile(lfs, 'fills more', content(15 * geometry.blockSize, 5));
    for (const mounted of fs.nowAndRemounted()) {
      expect(mounted.fsStat().blockCount).toBe(20);
      expect(Buffer.compare(readFile(mounted, 'fills more'), content(15 * geometry.blockSize, 5))).toBe(0);
    }
  });
});

function highestBlock(lfs: LittleFS): number {
  let highest = 0;
  lfs.traverse((block) => {
    highest = Math.max(highest, block);
  });
  return highest;
}
