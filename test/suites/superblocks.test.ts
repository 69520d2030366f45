/**
 * The superblock: formatting, mounting what is there and refusing what is not, the limits kept in it, its expansion
 * when the root wears out, and the number of blocks.
 */
import { describe, expect, it } from 'vitest';
import { type FlashDevice, PowerLoss, RamDevice } from '../../src/device/index.ts';
import { check, type LfsConfig, LittleFS, O_CREAT, O_EXCL, O_WRONLY } from '../../src/lfs/index.ts';
import { exists, namesIn, readText, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import {
  commonGeometries,
  configOf,
  geometries,
  geometryOf,
  type TestGeometry,
  withBlocks,
} from '../support/geometries.ts';
import { flashDevice, openTestFs, verifyIntegrity } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { allLossKinds, runUnderCuts } from '../support/powercut.ts';

const create = O_WRONLY | O_CREAT | O_EXCL;
const noise = content(1024, 9);
const limits = { nameMax: 255, fileMax: 0x7fffffff, attrMax: 1022 };

/** What stands where both blocks of the first pair have their magic. */
function magics(device: FlashDevice): string[] {
  const image = Buffer.from(device.toImage());
  return [0, 1].map((block) => image.toString('latin1', block * device.blockSize + 8, block * device.blockSize + 16));
}

describe.each(geometries)('on $name', (geometry) => {
  const { blockSize, blockCount } = geometry;

  it('a formatted device mounts, is empty, and uses one pair', () => {
    const fs = openTestFs(geometry);
    for (const lfs of fs.nowAndRemounted()) {
      expect(namesIn(lfs)).toEqual([]);
      expect(lfs.fsSize()).toBe(2);
      expect(lfs.stat('/')).toMatchObject({ type: 'dir', size: 0, name: '/' });
    }
  });

  it('formatting leaves the magic in both blocks', () => {
    expect(magics(openTestFs(geometry).device)).toEqual(['littlefs', 'littlefs']);
  });

  it('formatting makes an old file system disappear', () => {
    const fs = openTestFs(geometry);
    for (let i = 0; i < 20; i++) writeFile(fs.lfs, `f${i}`, content(300, i + 1));
    fs.unmount();
    LittleFS.format(fs.device, fs.config);
    const lfs = fs.remount();
    expect(namesIn(lfs)).toEqual([]);
    expect(lfs.fsSize()).toBe(2);
  });

  it('mounting tells version, geometry and limits, and writes nothing', () => {
    const fs = openTestFs(geometry);
    const writes = fs.device.writes;
    expect(fs.remount().fsStat()).toEqual({ diskVersion: '2.1', blockSize, blockCount, ...limits });
    fs.unmount();
    expect(fs.device.writes).toBe(writes);
    fs.remount();
  });

  it('limits given to format are on disk, and hold for a mount that gives none', () => {
    const tight = { nameMax: 63, fileMax: 2 ** 16 - 1, attrMax: 512 };
    const fs = openTestFs(geometry, { config: tight });
    const lfs = fs.remount({ nameMax: 0, fileMax: 0, attrMax: 0 });
    expect(lfs.fsStat()).toEqual({ diskVersion: '2.1', blockSize, blockCount, ...tight });
    lfs.mkdir('n'.repeat(63));
    expect(outcome(() => lfs.mkdir('n'.repeat(64)))).toBe('NAMETOOLONG');
    expect(outcome(() => lfs.setAttr('/', 1, new Uint8Array(513)))).toBe('NOSPC');
    const file = lfs.open('f', create);
    expect(outcome(() => file.truncate(2 ** 16))).toBe('FBIG');
    file.close();
    // A mount that allows less than what is on disk could meet what it cannot hold.
    fs.unmount();
    for (const less of [{ nameMax: 62 }, { fileMax: 2 ** 16 - 2 }, { attrMax: 511 }]) {
      expect(outcome(() => fs.remount(less))).toBe('INVAL');
    }
    fs.remount({ nameMax: 0, fileMax: 0, attrMax: 0 });
  });

  it.each([
    { what: 'erased', fill: () => 0xff },
    { what: 'zeroed', fill: () => 0x00 },
    { what: 'full of noise', fill: (i: number) => noise[i % noise.length]! },
  ])('a device that is $what is CORRUPT to mount', ({ fill }) => {
    const image = Uint8Array.from({ length: 4 * blockSize }, (_, i) => fill(i));
    const device = flashDevice(geometry, { image });
    for (const given of [blockCount, 0]) {
      const config = { ...configOf(geometry), blockCount: given };
      expect(outcome(() => LittleFS.mount(device, config))).toBe('CORRUPT');
    }
    expect(device.writes).toBe(0);
  });

  it.each([true, false])('mounts and works the same with the number of blocks given: %s', (given) => {
    const fs = openTestFs(geometry, given ? {} : { config: { blockCount: 0 } });
    for (const step of ['write', 'read']) {
      const lfs = fs.remount();
      expect(lfs.fsStat()).toMatchObject({ blockSize, blockCount });
      if (step === 'write') writeFile(lfs, 'test', 'greeting', { flags: create });
      else expect(readText(lfs, 'test')).toBe('greeting');
    }
  });

  it.each([blockCount / 2, blockCount / 4, 2])('a file system on %i blocks of the device stays there', (fewer) => {
    const fs = openTestFs(geometry, { config: { blockCount: fewer } });
    expect(fs.lfs.fsStat()).toMatchObject({ blockSize, blockCount: fewer });
    fs.unmount();
    for (const wrong of [blockCount, fewer + 1, ...(fewer > 2 ? [fewer - 1] : [])]) {
      expect(
        outcome(() => fs.remount({ blockCount: wrong })),
        `as ${wrong} blocks`,
      ).toBe('INVAL');
    }
    const lfs = fs.remount({ blockCount: 0 });
    expect(lfs.fsStat()).toMatchObject({ blockSize, blockCount: fewer });
    writeFile(lfs, 'test', 'greeting', { flags: create });
    for (const given of [fewer, 0]) {
      const mounted = fs.remount({ blockCount: given });
      expect(mounted.fsStat()).toMatchObject({ blockSize, blockCount: fewer });
      expect(readText(mounted, 'test')).toBe('greeting');
    }
  });

  it('a file system larger than its device is INVAL, whether the number of blocks is given or not', () => {
    const fs = openTestFs(geometry);
    const half = flashDevice(withBlocks(geometry, blockCount / 2), {
      image: fs.device.toImage().subarray(0, (blockCount / 2) * blockSize),
    });
    for (const given of [blockCount / 2, 0]) {
      expect(outcome(() => LittleFS.mount(half, { ...fs.config, blockCount: given }))).toBe('INVAL');
    }
    expect(
      outcome(() => LittleFS.mount(half, fs.config)),
      'as many as on disk, but not there',
    ).toBe('INVAL');
  });

  const parts = [blockCount / 2, blockCount / 4, 2];
  const resizings = [
    ...parts.map((from) => ({ verb: 'grows', from, to: blockCount })),
    ...parts.map((to) => ({ verb: 'shrinks', from: blockCount, to })),
  ].flatMap((row) => [true, false].map((given) => ({ ...row, given })));

  it.each(resizings)('$verb from $from to $to blocks (their number given to mount: $given)', ({ from, to, given }) => {
    const fs = openTestFs(withBlocks(geometry, Math.max(from, to)), { config: { blockCount: from } });
    const mountAt = (count: number) => fs.remount({ blockCount: given ? count : 0 });
    const expectCount = (count: number) => {
      expect(fs.lfs.fsStat()).toMatchObject({ blockSize, blockCount: count });
      expect(mountAt(count).fsStat()).toMatchObject({ blockSize, blockCount: count });
    };
    mountAt(from);
    expectCount(from);
    const writes = fs.device.writes;
    fs.lfs.grow(from);
    expect(fs.device.writes, 'growing to the same size writes nothing').toBe(writes);
    expectCount(from);

    fs.lfs.grow(to);
    expectCount(to);
    fs.unmount();
    expect(outcome(() => fs.remount({ blockCount: from }))).toBe('INVAL');
    mountAt(to).grow(to);
    expectCount(to);
    writeFile(fs.lfs, 'test', 'greeting', { flags: create });
    expectCount(to);
    expect(readText(fs.lfs, 'test')).toBe('greeting');
    // The check at the end of the test mounts with the configuration of the start.
    fs.lfs.remove('test');
    fs.lfs.grow(from);
  });

  it.each(
    [Math.max(512, geometry.progSize), Math.max(blockSize / 2, geometry.progSize), blockSize].filter(
      (metadataMax) => metadataMax <= blockSize && metadataMax >= 128,
    ),
  )('metadata may be held to %i bytes of a block', (metadataMax) => {
    for (const count of [10, 100, 300]) {
      const fs = openTestFs(geometry, { config: { metadataMax } });
      const names = Array.from({ length: count }, (_, i) => `hello${i.toString(16).padStart(3, '0')}`);
      for (const name of names) {
        fs.lfs.open(name, create).close();
        expect(fs.lfs.stat(name)).toMatchObject({ type: 'file', size: 0, name });
      }
      for (const lfs of fs.nowAndRemounted()) expect(namesIn(lfs)).toEqual(names);
    }
  });

  it('the config may leave out everything: the device tells', () => {
    const device = new RamDevice({ blockSize, blockCount });
    LittleFS.format(device);
    const lfs = LittleFS.mount(device);
    expect(lfs.fsStat()).toEqual({ diskVersion: '2.1', blockSize, blockCount, ...limits });
    writeFile(lfs, 'test', 'greeting');
    expect(readText(LittleFS.mount(device), 'test')).toBe('greeting');
  });
});

describe.each(commonGeometries)('wear of the root on $name', (geometry) => {
  const wearings = [32, 33, 1].flatMap((blockCycles) => [10, 100, 1000].map((times) => ({ blockCycles, times })));
  // A block of these holds hundreds of commits: nothing wears out.
  const quick = wearings.filter(({ times }) => times < 1000 || geometry.blockSize === 512);

  function wear(fs: ReturnType<typeof openTestFs>, times: number): void {
    for (let i = 0; i < times; i++) {
      fs.lfs.open('dummy', create).close();
      expect(fs.lfs.stat('dummy')).toMatchObject({ type: 'file', name: 'dummy' });
      fs.lfs.remove('dummy');
    }
  }

  it.each(quick)('$times files come and go with blockCycles $blockCycles', ({ blockCycles, times }) => {
    const fs = openTestFs(geometry, { config: { blockCycles } });
    wear(fs, times);
    const lfs = fs.remount();
    expect(exists(lfs, 'dummy')).toBe(false);
    lfs.open('dummy', create).close();
    for (const mounted of fs.nowAndRemounted()) expect(namesIn(mounted)).toEqual(['dummy']);
    expect(magics(fs.device), 'the magic never moves').toEqual(['littlefs', 'littlefs']);
  });

  it('makes the superblock expand: the root gets a pair of its own, which wears out in place of blocks 0 and 1', () => {
    const fs = openTestFs(geometry, { config: { blockCycles: 1 } });
    const times = geometry.progSize >= 512 ? 100 : Math.max(100, geometry.blockSize / 8);
    wear(fs, times);
    expect(fs.remount().fsSize()).toBeGreaterThanOrEqual(4);
    const worn = [0, 1].map((block) => fs.device.wear(block));
    wear(fs, times);
    const more = [0, 1].reduce((sum, block) => sum + fs.device.wear(block) - worn[block]!, 0);
    const all = Array.from({ length: geometry.blockCount }, (_, block) => fs.device.wear(block));
    expect(more).toBeLessThan(Math.max(...all.slice(2)));
  });

  it.each(quick.filter(({ times }) => times < 1000 || geometry === geometryOf.default))(
    '$times mounts, a file removed and made again in each, with blockCycles $blockCycles',
    ({ blockCycles, times }) => {
      const fs = openTestFs(geometry, { config: { blockCycles } });
      for (let i = 0; i < times; i++) {
        const lfs = fs.remount();
        expect(exists(lfs, 'dummy')).toBe(i > 0);
        if (i > 0) lfs.remove('dummy');
        lfs.open('dummy', create).close();
        expect(lfs.stat('dummy')).toMatchObject({ type: 'file', name: 'dummy' });
      }
      expect(namesIn(fs.remount())).toEqual(['dummy']);
    },
  );
});

describe('a superblock that has expanded, and then the number of blocks changes', () => {
  // Only the root's own superblock learns of it; the one in blocks 0 and 1 stays as it was.
  const deviceOf = (): RamDevice => new RamDevice({ blockSize: 512, blockCount: 64, readSize: 16, progSize: 16 });
  const config: LfsConfig = { cacheSize: 64, lookaheadSize: 8, blockCycles: 1 };
  const touch = (lfs: LittleFS, times: number): void => {
    for (let i = 0; i < times; i++) writeFile(lfs, 'f', `${i}`);
  };

  it.each([true, false])('grows, with the number of blocks given to mount: %s', (given) => {
    const device = deviceOf();
    LittleFS.format(device, { ...config, blockCount: 12 });
    const lfs = LittleFS.mount(device, config);
    touch(lfs, 30);
    lfs.grow(64);
    // The root goes on moving, to blocks that were not there before.
    touch(lfs, 200);
    lfs.unmount();
    const again = LittleFS.mount(device, given ? { ...config, blockCount: 64 } : config);
    expect(again.fsStat().blockCount).toBe(64);
    expect(readText(again, 'f')).toBe('199');
    expect(check(device, config).findings).toEqual([]);
    expect(outcome(() => LittleFS.mount(device, { ...config, blockCount: 12 }))).toBe('INVAL');
  });
});

describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
  it.each(geometries)('a format that is cut short can be done again ($name)', (geometry) => {
    const { mode, unsynced } = cut;
    for (const before of ['erased', 'in use'] as const) {
      const config = configOf(geometry);
      const device = flashDevice(geometry, { reorder: unsynced !== undefined });
      if (before === 'in use') useUp(device, geometry);
      let cuts = 0;
      const finished = (): boolean => {
        device.cutPower({ after: cuts + 1, mode, unsynced });
        try {
          LittleFS.format(device, config);
          return true;
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error;
          return false;
        }
      };
      while (!finished()) {
        device.restart();
        cuts++;
        const mounted = outcome(() => LittleFS.mount(device, config));
        expect(['ok', 'CORRUPT']).toContain(mounted);
        if (mounted === 'ok') verifyIntegrity(device, config);
      }
      device.restart();
      expect(cuts).toBeGreaterThan(2);
      expect(namesIn(LittleFS.mount(device, config))).toEqual([]);
      verifyIntegrity(device, config);
    }
  });

  it.each([
    { geometry: geometryOf.default, blockCycles: 2, stepping: 'linear' },
    { geometry: geometryOf.default, blockCycles: 1, stepping: 'linear' },
    { geometry: geometryOf.emmc, blockCycles: 2, stepping: 'linear' },
    { geometry: geometryOf.emmc, blockCycles: 1, stepping: 'linear' },
    { geometry: geometryOf.small128, blockCycles: 1, stepping: 'linear' },
    { geometry: geometryOf.nor, blockCycles: 1, stepping: 'exponential' },
    { geometry: geometryOf.nand, blockCycles: 1, stepping: 'exponential' },
  ] as const)('the superblock expands ($geometry.name, blockCycles $blockCycles, $stepping)', (row) => {
    const { geometry, blockCycles, stepping } = row;
    runUnderCuts({ geometry, config: { blockCycles }, stepping, ...cut }, ({ mount }) => {
      const lfs = mount();
      for (let i = 0; i < 24; i++) {
        const found = exists(lfs, 'dummy');
        if (i > 0) expect(found).toBe(true);
        if (found) {
          expect(lfs.stat('dummy')).toMatchObject({ type: 'file', name: 'dummy' });
          lfs.remove('dummy');
        }
        lfs.open('dummy', create).close();
        expect(namesIn(lfs)).toEqual(['dummy']);
      }
      lfs.unmount();
      const again = mount();
      expect(namesIn(again)).toEqual(['dummy']);
      again.unmount();
    });
  });
});

/** A file system with something in it, and a log in its first pair that is longer than a format's. */
function useUp(device: FlashDevice, geometry: TestGeometry): void {
  LittleFS.format(device, configOf(geometry));
  const lfs = LittleFS.mount(device, configOf(geometry));
  for (let i = 0; i < 3; i++) writeFile(lfs, `f${i}`, content(100, i + 1));
  lfs.unmount();
}
