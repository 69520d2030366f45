/**
 * Promise: what the engine keeps in RAM to answer quickly says what reading everything again would say: names and
 * places for names in a directory, the blocks of a file by index, who comes before a pair and who leads to it, and
 * what one mount leaves to the next.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { byteString, compareNames } from '../../src/lfs/bytes.ts';
import { settingsFor } from '../../src/lfs/config.ts';
import { blockIndex, blockOffset, Chain, pointerCount, visitChain } from '../../src/lfs/ctz.ts';
import {
  childDirectory,
  type Directory,
  findName,
  findPlace,
  Place,
  rootDirectoryOf,
  scanName,
  scanPlace,
  searchPlace,
} from '../../src/lfs/directory.ts';
import { LfsFile, openFile } from '../../src/lfs/files.ts';
import {
  type LfsConfig,
  LfsError,
  LittleFS,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { Lfs } from '../../src/lfs/lfs.ts';
import type { Mdir } from '../../src/lfs/mdir.ts';
import { mount } from '../../src/lfs/mount.ts';
import { makeDirectory, remove, rename } from '../../src/lfs/names.ts';
import { findParent, findPred, firstPair, tailOf } from '../../src/lfs/pairs.ts';
import { type as tagType } from '../../src/lfs/tag.ts';
import { transact } from '../../src/lfs/transact.ts';
import { visitBlocks } from '../../src/lfs/traverse.ts';
import { setAttr } from '../../src/lfs/user-attrs.ts';
import { geometries, runs, work } from '../support/arbitraries.ts';
import { expectLines, type Step, showStep, treeLines } from '../support/commands.ts';
import { content } from '../support/content.ts';
import { formats, plainly, Runner, said } from '../support/runner.ts';

/** Names that stand close together: beginnings of each other, high bytes, the lowest byte there may be. */
const names = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((all) => all.join('')),
  },
  { weight: 2, arbitrary: fc.nat(40).map((n) => `entry${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('\x01', '\x7f', 'é', 'ÿ', '\u{10ffff}', 'a\x01', 'aé', ' ') },
);

function bytes(name: string): string {
  return byteString(new TextEncoder().encode(name));
}

describe('indexed and scanned answers agree: names', () => {
  const geometry = fc.constantFrom(
    { blockSize: 128, blockCount: 256, readSize: 16, progSize: 8 },
    { blockSize: 512, blockCount: 128, readSize: 16, progSize: 16 },
  );
  const changes = fc.array(fc.record({ name: names, removes: fc.boolean() }), { maxLength: 60, size: 'max' });

  it('every name, and every place for a name that is not there, as C would find it', () => {
    fc.assert(
      fc.property(geometry, changes, fc.array(names, { maxLength: 10 }), fc.boolean(), (shape, all, probes, inRoot) => {
        const device = new RamDevice(shape);
        LittleFS.format(device, {});
        const lfs = mount(device, {});
        const at = inRoot ? '/' : '/d/';
        if (!inRoot) transact(lfs, () => makeDirectory(lfs, '/d'));
        for (const { name, removes } of all) {
          try {
            transact(lfs, () => (removes ? remove(lfs, at + name) : makeDirectory(lfs, at + name)));
          } catch (error) {
            if (!(error instanceof LfsError)) throw error;
          }
        }
        const fresh = mount(new RamDevice({ ...shape, image: device.toImage() }), {});
        for (const mounted of [lfs, fresh]) {
          const root = rootDirectoryOf(mounted);
          const directory = inRoot ? root : childDirectory(mounted, findName(root, 'd')!);
          expectSameSearch(directory, [...probes, ...all.map(({ name }) => name)].map(bytes));
        }
      }),
      runs(80),
    );
  });

  function expectSameSearch(directory: Directory, probes: readonly string[]): void {
    expect(directory.ordered, 'a directory that we wrote is in order').toBe(true);
    const entries = directory.chain
      .flatMap(({ entries: all }) => all)
      .filter(({ nameType }) => nameType !== tagType.SUPERBLOCK);
    expect([...directory.byName.keys()].sort(compareNames)).toEqual(entries.map(({ name }) => name));
    for (const name of probes) {
      const scanned = scanName(directory, name);
      expect(findName(directory, name) === scanned, `findName '${name}'`).toBe(true);
      expect(entries.find((entry) => entry.name === name) === scanned, `scanName '${name}'`).toBe(true);
      if (scanned !== undefined) continue;
      const [searched, walked, found] = [new Place(), new Place(), new Place()];
      searchPlace(directory, name, searched);
      scanPlace(directory, name, walked);
      findPlace(directory, name, found);
      const shown = ({ mdir, id }: Place): unknown => ({ pair: [mdir?.block0, mdir?.block1], id });
      expect(shown(searched), `the place of '${name}'`).toEqual(shown(walked));
      expect(shown(found), `the place of '${name}'`).toEqual(shown(walked));
    }
  }
});

describe('indexed and scanned answers agree: blocks of a file', () => {
  /** The list as the pointers on the device say it, from the head on, one block at a time. */
  function walked(device: RamDevice, head: number, length: number): number[] {
    const blocks = new Array<number>(length);
    let block = head;
    for (let index = length - 1; index >= 0; index--) {
      blocks[index] = block;
      if (index > 0) block = pointer(device, block, 0);
    }
    return blocks;
  }

  function pointer(device: RamDevice, block: number, index: number): number {
    const bytesOf = new Uint8Array(4);
    device.read(block, 4 * index, bytesOf);
    return new DataView(bytesOf.buffer).getUint32(0, true);
  }

  const edits = fc.array(
    fc.record({
      op: fc.constantFrom('append', 'overwrite', 'truncate', 'close'),
      at: fc.nat(9000),
      size: fc.nat(3000),
    }),
    {
      minLength: 1,
      maxLength: 8,
    },
  );
  const lookups = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });

  it('Chain.at and visitChain say what the pointers on the device say, whatever was known before', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(128, 512),
        fc.integer({ min: 1, max: 30000 }),
        edits,
        lookups,
        fc.boolean(),
        (blockSize, size, all, asked, warm) => {
          const device = new RamDevice({ blockSize, blockCount: 1024, readSize: 4, progSize: 4 });
          const config: LfsConfig = { inlineMax: -1 };
          LittleFS.format(device, config);
          const fs = LittleFS.mount(device, config);
          let file = fs.open('f', O_RDWR | O_CREAT);
          file.write(content(size, 1));
          for (const edit of all) {
            if (edit.op === 'close') {
              file.close();
              file = fs.open('f', O_RDWR | O_APPEND);
            } else if (edit.op === 'truncate') file.truncate(edit.at);
            else {
              file.seek(edit.op === 'append' ? file.size() : Math.min(edit.at, file.size()));
              file.write(content(edit.size, edit.at + 1));
            }
          }
          file.close();
          const expected = new Uint8Array(fs.stat('f').size);
          fs.open('f', O_RDONLY).read(expected);
          fs.unmount();

          const lfs = mount(device, config);
          const entry = rootDirectoryOf(lfs).byName.get('f')!;
          if (entry.structType !== tagType.CTZSTRUCT) return;
          const [head, length] = [entry.word0, blockIndex(blockSize, (entry.word1 >>> 0) - 1) + 1];
          if (warm) visitBlocks(lfs, () => {}, true);
          const chain = new Chain();
          chain.reset(length, head);
          const blocks = walked(device, head, length);
          for (const n of asked)
            expect(chain.at(lfs, n % length), `block ${n % length} of ${length}`).toBe(blocks[n % length]);
          // Every pointer, not only the first of each block.
          for (const [index, block] of blocks.entries()) {
            for (let k = 0; k < pointerCount(index); k++)
              expect(pointer(device, block, k)).toBe(blocks[index - 2 ** k]);
          }
          const visited: number[] = [];
          visitChain(lfs, head, entry.word1 >>> 0, (block) => visited.push(block));
          expect(visited.sort((a, b) => a - b)).toEqual([...blocks].sort((a, b) => a - b));
          expectContent(device, blocks, expected);
          chain.cut(lfs, Math.ceil(length / 2));
          for (const n of asked) {
            const index = n % chain.length;
            expect(chain.at(lfs, index), `block ${index} of the cut list`).toBe(blocks[index]);
          }
        },
      ),
      runs(60),
    );
  });

  function expectContent(device: RamDevice, blocks: readonly number[], expected: Uint8Array): void {
    for (let position = 0; position < expected.length; position += 97) {
      const index = blockIndex(device.blockSize, position);
      const offset = blockOffset(device.blockSize, position, index);
      expect(device.view(blocks[index]!)[offset], `byte ${position}, in block ${index} at ${offset}`).toBe(
        expected[position],
      );
    }
  }
});

describe('indexed and scanned answers agree: the thread', () => {
  /** All pairs, read again from the device. */
  function pairsOf(device: RamDevice, config: LfsConfig): Mdir[] {
    const lfs = new Lfs(bare(device), settingsFor(device, config));
    lfs.blockCount = device.blockCount;
    const pairs: Mdir[] = [];
    for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
      pairs.push(mdir);
      if (pairs.length > device.blockCount) throw new Error('the thread does not end');
    }
    return pairs;
  }

  const plainWork = work({ sizeMax: 1500, lengthMax: 30 }).map((steps) => steps.map(plainly));

  it('findPred and findParent say what a look through all pairs says', () => {
    fc.assert(
      fc.property(geometries({ blockCounts: [40, 120], limits: false }), plainWork, (geometry, steps) => {
        const device = new RamDevice(geometry);
        if (!formats(device, geometry.config)) fc.pre(false);
        const lfs = mount(device, geometry.config);
        for (const step of steps) {
          said(() => takeInside(lfs, step));
          const pairs = pairsOf(device, geometry.config);
          for (const [i, pair] of pairs.entries()) {
            const pred = findPred(lfs, pair.block0, pair.block1);
            expect(shownPair(pred), `before {${shownPair(pair)}} after ${showStep(step)}`).toBe(
              shownPair(pairs[i - 1]),
            );
            const parent = findParent(lfs, pair.block0, pair.block1);
            const expected = parentAmong(pairs, pair);
            expect(
              parent && [shownPair(parent.mdir!), parent.mdir!.entries.indexOf(parent)],
              `above {${shownPair(pair)}} after ${showStep(step)}`,
            ).toEqual(expected);
          }
          expect(findPred(lfs, device.blockCount + 1, device.blockCount + 2)).toBeUndefined();
          expect(findParent(lfs, device.blockCount + 1, device.blockCount + 2)).toBeUndefined();
        }
      }),
      runs(40),
    );
  });

  /** Those of the steps that change names, and files written and closed. */
  function takeInside(lfs: Lfs, step: Step): void {
    if (step.op === 'mkdir') transact(lfs, () => makeDirectory(lfs, step.path));
    else if (step.op === 'remove') transact(lfs, () => remove(lfs, step.path));
    else if (step.op === 'rename') transact(lfs, () => rename(lfs, step.path, step.to));
    else if (step.op === 'setattr')
      transact(lfs, () => setAttr(lfs, step.path, step.type, content(step.size, step.seed)));
    else if (step.op === 'open' && (step.flags & O_WRONLY) !== 0) {
      const file = new LfsFile(lfs, openFile(lfs, step.path, step.flags), step.flags);
      file.write(content(200 + 7 * step.slot, 1));
      file.close();
    }
  }

  function parentAmong(pairs: readonly Mdir[], pair: Mdir): unknown {
    for (const mdir of pairs) {
      for (const [id, entry] of mdir.entries.entries()) {
        const leads = entry.structType === tagType.DIRSTRUCT && entry.structSize === 8;
        const own = [pair.block0, pair.block1];
        if (leads && (own.includes(entry.word0) || own.includes(entry.word1))) return [shownPair(mdir), id];
      }
    }
    return undefined;
  }

  function shownPair(mdir: Mdir | undefined): string | undefined {
    return mdir && [mdir.block0, mdir.block1].sort((a, b) => a - b).join(', ');
  }

  it('a mount that is lent what the last one knew agrees with one that has to read all', () => {
    fc.assert(
      fc.property(geometries({ blockCounts: [24, 96] }), plainWork, plainWork, (geometry, before, after) => {
        const lending = new RamDevice(geometry);
        if (!formats(lending, geometry.config)) fc.pre(false);
        const first = new Runner('the first mount', lending, geometry.config);
        for (const step of before) first.take(step);
        first.mounted.lfs.unmount();
        // The same bytes, and nothing handed on.
        const plain = new RamDevice({ ...geometry, image: lending.toImage() });
        Object.defineProperty(plain, 'memo', { value: undefined });
        const [lent, read] = [new Runner('lent', lending, geometry.config), new Runner('read', plain, geometry.config)];
        for (const step of after) {
          expect(lent.take(step), showStep(step)).toBe(read.take(step));
        }
        expectLines(treeLines(lent.mounted.lfs), treeLines(read.mounted.lfs), 'the trees in the end');
        expect(Buffer.compare(lending.toImage(), plain.toImage()), 'the images in the end').toBe(0);
        for (const { mounted } of [lent, read]) mounted.lfs.unmount();
        const [one, two] = [lending, plain].map((device) => LittleFS.mount(device, geometry.config));
        expectLines(treeLines(one!), treeLines(two!), 'the trees when mounted again');
        expect(one!.fsSize()).toBe(two!.fsSize());
      }),
      runs(40),
    );
  });

  function bare(device: RamDevice): RamDevice {
    const copy = new RamDevice({ ...device, image: device.toImage() });
    Object.defineProperty(copy, 'memo', { value: undefined });
    return copy;
  }
});
