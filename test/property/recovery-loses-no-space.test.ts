/**
 * Promise: a power cut costs no block. Whatever it left half done, once that is finished every block belongs to the
 * tree or is free: with all of the tree removed, the file system is as small as a new one, and holds as much.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlashDevice } from '../../src/device/index.ts';
import { check, LfsError, type LfsInfo, LittleFS, O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';
import { cuts, flashOf, formatted, type Geometry, geometries, runs, work } from '../support/arbitraries.ts';
import { readFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { Survivor, unitCutOf } from '../support/survivor.ts';

const unfinished = /^pending-|orphan$/;
const rounds = fc.array(
  fc.record({
    cut: cuts(120),
    steps: work({ sizeMax: 2500, lengthMax: 16 }),
    whileRepairing: fc.array(cuts(4), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 4, size: 'max' },
);

// At least some metadata must fit; how small it may be is for others to say.
const places = geometries({ blockSizes: [128, 256, 384, 512], blockCounts: [40, 100], limits: false });

/** Everything but the root. Attributes first: they may fill a pair so that it cannot be told who follows it. */
function removeAll(lfs: LittleFS): void {
  const entriesOf = (path: string): LfsInfo[] => [...lfs.openDir(path)].slice(2);
  const strip = (path: string): void => {
    for (const { type } of lfs.listAttrs(path)) lfs.removeAttr(path, type);
    if (lfs.stat(path).type === 'dir') for (const { name } of entriesOf(path)) strip(`${path}/${name}`);
  };
  const clear = (path: string): void => {
    for (const { type, name } of entriesOf(path)) {
      if (type === 'dir') clear(`${path}/${name}`);
      lfs.remove(`${path}/${name}`);
    }
  };
  strip('/');
  clear('/');
}

/** The size of the largest file in so many blocks: each but the first begins with pointers to some before it. */
function fileSizeIn(blocks: number, blockSize: number): number {
  let size = 0;
  for (let index = 0; index < blocks; index++) {
    const pointers = index === 0 ? 0 : Math.log2(index & -index) + 1;
    size += blockSize - 4 * pointers;
  }
  return size;
}

/** Fills a file system of `used` blocks to its last block, with one file, and not beyond. */
function expectRoomForAll(lfs: LittleFS, { blockSize, blockCount }: Geometry, used: number): void {
  const size = fileSizeIn(blockCount - used, blockSize);
  const data = content(size + 1, 7);
  const tooBig = lfs.open('/full', O_WRONLY | O_CREAT);
  expect(() => tooBig.write(data), 'one byte more than there is room for').toThrow(LfsError);
  tooBig.close();
  lfs.remove('/full');
  const file = lfs.open('/full', O_WRONLY | O_CREAT);
  file.write(data.subarray(0, size));
  file.close();
  expect(lfs.fsSize(), 'blocks in use when full').toBe(blockCount);
  expect(Buffer.compare(readFile(lfs, '/full'), data.subarray(0, size)), 'what fills it').toBe(0);
  lfs.remove('/full');
  expect(lfs.fsSize(), 'blocks in use when empty again').toBe(used);
}

/** How many of the pairs hold a superblock, in an empty file system: there is nothing else to come across. */
function superblockPairs(lfs: LittleFS, device: FlashDevice): number {
  const image = Buffer.from(device.toImage());
  const blocks: number[] = [];
  lfs.traverse((block) => blocks.push(block));
  const isSuperblock = blocks.map((block) => {
    const at = block * device.blockSize + 8;
    return image.toString('latin1', at, at + 8) === 'littlefs';
  });
  // One half is enough: the other may be what a cut left of it.
  return isSuperblock.filter((_, i) => i % 2 === 0 && (isSuperblock[i] || isSuperblock[i + 1])).length;
}

/** No moving of worn pairs, which takes blocks of its own. */
function mountStill(device: FlashDevice, { config }: Geometry): LittleFS {
  return LittleFS.mount(device, { ...config, blockCycles: -1 });
}

describe('recovery loses no space', () => {
  it('all blocks are free again when all is removed', () => {
    fc.assert(
      fc.property(places, rounds, (geometry, todo) => {
        const { config } = geometry;
        const device = formatted(flashOf(geometry), config);
        const fresh = mountStill(device.fork(), geometry);
        const sizeWhenNew = fresh.fsSize();
        expectRoomForAll(fresh, geometry, sizeWhenNew);

        const survivor = new Survivor(device, config);
        for (const { cut, steps, whileRepairing } of todo) {
          survivor.work(steps, unitCutOf(cut, geometry));
          survivor.recover(whileRepairing.map((each) => unitCutOf(each, geometry)));
        }

        const lfs = mountStill(device, geometry);
        removeAll(lfs);
        lfs.makeConsistent();
        const report = check(device, config);
        const wrong = report.findings.filter(({ code, severity }) => severity === 'error' || unfinished.test(code));
        expect(wrong, 'what check finds').toEqual([]);
        // Where {0, 1} was worn, the superblock has been copied on to other pairs, which never come back.
        const used = 2 * superblockPairs(lfs, device);
        expect(used, 'blocks of superblocks').toBeGreaterThanOrEqual(sizeWhenNew);
        expect({ size: lfs.fsSize(), metadata: report.blocks.metadata, data: report.blocks.data }).toEqual({
          size: used,
          metadata: used,
          data: 0,
        });
        expectRoomForAll(lfs, geometry, used);
        lfs.unmount();
        const again = mountStill(device, geometry);
        expect([...again.openDir('/')].map(({ name }) => name)).toEqual(['.', '..']);
      }),
      runs(80),
    );
  });
});
