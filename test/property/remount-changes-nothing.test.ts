/**
 * Promise: looking changes nothing. Mounting, walking, reading and unmounting write not one byte, also to an image on
 * which a power cut has left work undone, and every mount sees the same. So a device that cannot be written can be read
 * like any other, and writing to it fails with an error that can be caught.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FlashDevice, ReadonlyDevice, type TraceCall, TraceDevice } from '../../src/device/index.ts';
import {
  type BlockDevice,
  type LfsConfig,
  LfsError,
  LittleFS,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { cuts, flashOf, formatted, type Geometry, geometries, runs, work } from '../support/arbitraries.ts';
import { treeLines } from '../support/commands.ts';
import { Survivor, unitCutOf } from '../support/survivor.ts';

const worked = fc.tuple(geometries(), work({ sizeMax: 3000, lengthMax: 20 }), fc.option(cuts(120), { nil: undefined }));

/** A device on which work was done, and the power went where `cut` says. */
function left([geometry, steps, cut]: typeof worked extends fc.Arbitrary<infer T> ? T : never): FlashDevice {
  const device = formatted(flashOf(geometry), geometry.config);
  new Survivor(device, geometry.config).work(steps, cut && unitCutOf(cut, geometry));
  return device;
}

/** All that can be asked without changing anything. */
function lookAt(device: BlockDevice, config: LfsConfig): unknown {
  const lfs = LittleFS.mount(device, config);
  const blocks = new Set<number>();
  lfs.traverse((block) => blocks.add(block));
  const seen = {
    tree: treeLines(lfs),
    size: lfs.fsSize(),
    fs: lfs.fsStat(),
    blocks: [...blocks].sort((a, b) => a - b),
    root: lfs.stat('/'),
  };
  lfs.unmount();
  return seen;
}

function writesIn(trace: TraceDevice): TraceCall[] {
  return trace.calls.filter(({ op }) => op !== 'sync');
}

const writes: Readonly<Record<string, (lfs: LittleFS) => void>> = {
  mkdir: (lfs) => lfs.mkdir('/new directory'),
  create: (lfs) => lfs.open('/new file', O_WRONLY | O_CREAT).close(),
  setAttr: (lfs) => lfs.setAttr('/', 3, new Uint8Array(1)),
};

/** Those that need something to be done to. */
const writesTo: Readonly<Record<string, (lfs: LittleFS, path: string) => void>> = {
  remove: (lfs, path) => lfs.remove(path),
  rename: (lfs, path) => lfs.rename(path, '/new name'),
  setAttr: (lfs, path) => lfs.setAttr(path, 3, new Uint8Array(1)),
};

function overwrite(lfs: LittleFS, path: string): void {
  const file = lfs.open(path, O_WRONLY | O_TRUNC);
  file.write(new Uint8Array(2000).fill(1));
  file.close();
}

function expectRefused(name: string, device: BlockDevice, config: LfsConfig, write: (lfs: LittleFS) => void): void {
  const lfs = LittleFS.mount(device, config);
  const before = treeLines(lfs);
  expect(() => write(lfs), name).toThrow(LfsError);
  expect(treeLines(lfs), `what the mount sees after ${name} was refused`).toEqual(before);
}

describe('remount changes nothing', () => {
  it('reads only, and sees the same each time', () => {
    fc.assert(
      fc.property(worked, (drawn) => {
        const [{ config }] = drawn;
        const device = left(drawn);
        const image = device.toImage();
        const trace = new TraceDevice({ device });
        const seen = lookAt(trace, config);
        expect(trace.counts.reads, 'reads').toBeGreaterThan(0);
        expect(writesIn(trace), 'writes').toEqual([]);
        expect(lookAt(trace, config)).toEqual(seen);
        expect(lookAt(device, { ...config, lookaheadSize: 8, cacheSize: 0 })).toEqual(seen);
        expect(writesIn(trace), 'writes').toEqual([]);
        expect(Buffer.compare(device.toImage(), image), 'the bytes on the device').toBe(0);
      }),
      runs(100),
    );
  });

  it('can be read where it cannot be written', () => {
    fc.assert(
      fc.property(worked, fc.nat(99), (drawn, pick) => {
        const [geometry] = drawn;
        const { config }: Geometry = geometry;
        const device = left(drawn);
        const image = device.toImage();
        const locked = new ReadonlyDevice({ device });
        expect(lookAt(locked, config)).toEqual(lookAt(device, config));

        for (const [name, write] of Object.entries(writes)) expectRefused(name, locked, config, write);
        const lfs = LittleFS.mount(device, config);
        const names = [...lfs.openDir('/')].slice(2);
        const entry = names[pick % (names.length || 1)];
        if (entry !== undefined) {
          const path = `/${entry.name}`;
          for (const [name, write] of Object.entries(writesTo)) {
            expectRefused(name, locked, config, (mounted) => write(mounted, path));
          }
          if (entry.type === 'file') {
            expectRefused('overwriting', locked, config, (mounted) => overwrite(mounted, path));
            LittleFS.mount(locked, config).open(path, O_RDONLY).close();
          }
        }
        expect(Buffer.compare(device.toImage(), image), 'the bytes on the device').toBe(0);
      }),
      runs(60),
    );
  });
});
