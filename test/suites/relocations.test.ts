/**
 * Directories whose pairs wear out and move all the time (`blockCycles` 1): nobody who leads to a pair, a parent, the
 * pair before it in the thread, an open handle, is left behind.
 */
import { describe, expect, it } from 'vitest';
import { O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, list, namesIn, readText, writeFile } from '../support/calls.ts';
import { atMostBlocks, commonGeometries, geometries, geometryOf, type TestGeometry } from '../support/geometries.ts';
import { openTestFs, type TestFs } from '../support/open.ts';
import { allLossKinds, runUnderCuts } from '../support/powercut.ts';
import { Wanderer, type WanderOptions } from '../support/wander.ts';

const long = process.env.LITTLEFS_LONG !== undefined;
const rounds = 20;
const names = Array.from({ length: 10 }, (_, i) => `test00${i}_with_a_name_of_some_length`);
const paths = names.map((name) => `child/${name}`);

/** All but about 16 blocks are taken, and one directory is left to work in. */
function crowded(geometry: (typeof geometries)[number], blockCycles: number): TestFs {
  const fs = openTestFs(atMostBlocks(geometry, 512), { config: { blockCycles } });
  const { lfs } = fs;
  const file = lfs.open('padding', O_CREAT | O_WRONLY);
  const piece = new Uint8Array(Math.min(512, geometry.blockSize));
  // Counting blocks is slow for large files: in leaps while there is far to go.
  const blocks = lfs.fsStat().blockCount;
  for (let left = blocks; left > 16; left = blocks - lfs.fsSize()) {
    const leap = Math.max(1, Math.floor(((left - 16) * geometry.blockSize) / piece.length / 2));
    for (let i = 0; i < leap; i++) file.write(piece);
  }
  file.close();
  lfs.mkdir('child');
  fs.remount();
  return fs;
}

describe.each(commonGeometries)('with little room, on $name', (geometry) => {
  it.each([8, 1])('a directory that is filled and emptied again and again lists right (blockCycles %i)', (cycles) => {
    const fs = crowded(geometry, cycles);
    for (let round = 1; round <= rounds; round++) {
      for (const path of paths) fs.lfs.open(path, O_CREAT | O_WRONLY).close();
      expect(namesIn(fs.lfs, 'child')).toEqual(names);
      if (round === rounds) break;
      for (const path of paths) fs.lfs.remove(path);
      expect(namesIn(fs.lfs, 'child')).toEqual([]);
    }
    expect(namesIn(fs.remount(), 'child')).toEqual(names);
    for (const path of paths) fs.lfs.remove(path);
    for (const lfs of fs.nowAndRemounted()) expect(namesIn(lfs, 'child')).toEqual([]);
  });

  it.each([8, 1])('a listing goes on while what it lists is written to (blockCycles %i)', (cycles) => {
    const fs = crowded(geometry, cycles);
    const { lfs } = fs;
    for (let round = 0; round < rounds; round++) {
      for (const path of paths) lfs.open(path, O_CREAT | O_WRONLY).close();
      const dir = lfs.openDir('child');
      for (const [pass, size] of [0, 2, 2].entries()) {
        dir.rewind();
        expect([dir.read()?.name, dir.read()?.name]).toEqual(['.', '..']);
        for (const [i, name] of names.entries()) {
          expect(dir.read()).toMatchObject({ type: 'file', name, size });
          if (pass < 2) writeFile(lfs, paths[i]!, 'hi', { flags: O_WRONLY });
        }
        expect(dir.read()).toBeUndefined();
      }
      dir.close();
      if (round < rounds - 1) for (const path of paths) lfs.remove(path);
    }
    for (const mounted of fs.nowAndRemounted()) {
      expect(list(mounted, 'child').slice(2)).toEqual(names.map((name) => ({ type: 'file', size: 2, name })));
      for (const path of paths) expect(readText(mounted, path)).toBe('hi');
    }
  });
});

describe.each(geometries)('on $name', (geometry) => {
  it('a file open for writing stays with its entry, wherever the pair goes', () => {
    const fs = openTestFs(atMostBlocks(geometry, 256), { config: { blockCycles: 1 } });
    const { lfs } = fs;
    lfs.mkdir('d');
    const log = lfs.open('d/log', O_WRONLY | O_CREAT);
    for (let i = 0; i < 60; i++) {
      log.write(bytes(String(i % 10)));
      log.sync();
      if (i % 3 === 0) writeFile(lfs, `d/${i % 2 ? 'a' : 'z'}`, `${i}`);
    }
    log.close();
    for (const mounted of fs.nowAndRemounted()) {
      expect(readText(mounted, 'd/log')).toBe('0123456789'.repeat(6));
      expect(namesIn(mounted, 'd')).toEqual(['a', 'log', 'z']);
    }
  });
});

const walks: readonly Omit<WanderOptions, 'cycles'>[] = [
  { names: 6, depth: 1 },
  { names: 26, depth: 1 },
  { names: 3, depth: 3 },
];

/** Two blocks for each directory there may be, in the tree that a walk makes at most. */
function hasRoom({ blockCount }: TestGeometry, names: number, depth: number): boolean {
  let directories = 0;
  for (let level = 1; level <= depth; level++) directories += names ** level;
  return 2 * directories < blockCount;
}

describe.each([false, true])('directories come and go at random (renames: %s)', (renames) => {
  const rows = geometries
    .flatMap((geometry) => walks.map((walk) => ({ geometry, ...walk })))
    .filter(({ geometry, names, depth }) => hasRoom(geometry, names, depth));
  it.each(rows)('$names names, $depth levels deep ($geometry.name)', ({ geometry, names, depth }) => {
    const fs = openTestFs(geometry, { config: { blockCycles: 1 } });
    const wanderer = new Wanderer({ names, depth, renames, cycles: long && depth === 1 ? 2000 : 300 });
    wanderer.wander(fs.lfs);
    for (const lfs of fs.nowAndRemounted()) wanderer.arrive(lfs);
    expect(wanderer.changes).toBeGreaterThan(100);
  });

  describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
    const shapes = [geometryOf.default, geometryOf.emmc, geometryOf.nor, geometryOf.small128];
    const rows = walks
      .flatMap((walk, i) =>
        (long ? shapes : [shapes[i % 2]!, shapes[2 + (i % 2)]!]).map((geometry) => ({ geometry, ...walk })),
      )
      .filter(({ geometry, names, depth }) => hasRoom(geometry, names, depth));
    it.each(rows)('$names names, $depth levels deep ($geometry.name)', ({ geometry, names, depth }) => {
      const wanderer = new Wanderer({ names, depth, renames, cycles: 20 });
      const cuts = runUnderCuts(
        { geometry, config: { blockCycles: 1 }, stepping: long ? 'linear' : growing, ...cut },
        ({ mount }) => {
          const lfs = mount();
          wanderer.arrive(lfs);
          wanderer.wander(lfs);
          lfs.unmount();
          wanderer.arrive(mount());
        },
      );
      expect(cuts).toBeGreaterThan(10);
    });
  });
});

/** Every one of the first writes, then ever fewer. */
const growing = { first: 1, next: (after: number) => after + 1 + Math.floor(after / 16) };
