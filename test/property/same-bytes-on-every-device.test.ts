/**
 * Promise: what a device offers beyond its four calls changes no answer and no byte. The same work gives the same
 * image on memory with all fast paths, on simulated flash, behind decorators, and on a device that can do nothing but
 * read, program, erase and sync; also when mounts begin and end in between, where memory lends the next mount what
 * the last one knew, and when a fork of the device goes its own way.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlashDevice, RamDevice, SliceDevice, TraceDevice } from '../../src/device/index.ts';
import { type BlockDevice, LittleFS } from '../../src/lfs/index.ts';
import { type Geometry, geometries, runs, work } from '../support/arbitraries.ts';
import { expectLines, type Step, showStep, treeLines } from '../support/commands.ts';
import { formats, plainly, Runner } from '../support/runner.ts';

/** The four calls and nothing else. */
class BareDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly #device: BlockDevice;

  constructor(device: BlockDevice) {
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.#device = device;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#device.prog(block, offset, source);
  }

  erase(block: number): void {
    this.#device.erase(block);
  }

  sync(): void {
    this.#device.sync();
  }
}

/** A device and what is on it. */
interface Contender {
  readonly name: string;
  readonly device: BlockDevice;
  readonly image: () => Uint8Array;
}

const padding = 2;

function contenders({ blockSize, blockCount, readSize, progSize }: Geometry): Contender[] {
  const shape = { blockSize, blockCount, readSize, progSize };
  const ram = (): RamDevice => new RamDevice(shape);
  const plain = (name: string, device: RamDevice | FlashDevice): Contender => ({
    name,
    device,
    image: () => device.toImage(),
  });
  const around = (
    name: string,
    inner: RamDevice | FlashDevice,
    wrap: (inner: RamDevice | FlashDevice) => BlockDevice,
  ): Contender => ({
    name,
    device: wrap(inner),
    image: () => inner.toImage(),
  });
  const large = new RamDevice({ ...shape, blockCount: blockCount + 2 * padding });
  const window = new SliceDevice({ device: large, offset: padding * blockSize, blockCount });
  // A memory without its memo: views and all, but nothing is handed from mount to mount.
  const forgetful = ram();
  Object.defineProperty(forgetful, 'memo', { value: undefined });
  return [
    plain('RamDevice', ram()),
    plain('RamDevice without memo', forgetful),
    plain('FlashDevice, nor false', new FlashDevice({ ...shape, nor: false })),
    plain('FlashDevice, nor strict', new FlashDevice({ ...shape, nor: 'strict' })),
    around('TraceDevice', ram(), (inner) => new TraceDevice({ device: inner })),
    around(
      'TraceDevice with fast paths',
      ram(),
      (inner) => new TraceDevice({ device: inner, record: 'counts', fastPaths: true }),
    ),
    {
      name: 'SliceDevice',
      device: window,
      image: () => large.toImage().slice(padding * blockSize, (padding + blockCount) * blockSize),
    },
    around('four calls on memory', ram(), (inner) => new BareDevice(inner)),
    around('four calls on flash', new FlashDevice({ ...shape, nor: 'and' }), (inner) => new BareDevice(inner)),
  ];
}

function expectBytes(found: Uint8Array, expected: Uint8Array, geometry: Geometry, why: string): void {
  if (Buffer.compare(found, expected) === 0) return;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  expect.fail(
    `${why}: first different byte at block ${Math.floor(at / geometry.blockSize)}, offset ${at % geometry.blockSize}`,
  );
}

const places = geometries({ blockCounts: [24, 64] });
const steps = work({ sizeMax: 3000, lengthMax: 30 }).map((all) => all.map(plainly));

describe('same bytes on every device', () => {
  it('the same work gives the same answers and the same image on all of them', () => {
    fc.assert(
      fc.property(places, steps, fc.array(fc.nat(60), { maxLength: 4 }), (geometry, all, mountsAt) => {
        const devices = contenders(geometry);
        const formatted = devices.map((one) => formats(one.device, geometry.config));
        expect(new Set(formatted).size, 'formats on some, but not on all').toBe(1);
        fc.pre(formatted[0]!);
        const runners = devices.map(({ name, device }) => new Runner(name, device, geometry.config));
        const [first, ...others] = runners;
        for (const [i, step] of all.entries()) {
          const todo: Step[] = mountsAt.includes(i) ? [{ op: 'remount' }, step] : [step];
          for (const one of todo) {
            const expected = first!.take(one);
            for (const other of others) {
              const found = other.take(one);
              if (found !== expected)
                expect.fail(`${showStep(one)}: ${other.name} says ${found}, ${first!.name} ${expected}`);
            }
          }
        }
        const image = devices[0]!.image();
        for (const { name, image: other } of devices.slice(1)) expectBytes(other(), image, geometry, name);
      }),
      runs(50),
    );
  });

  it('a mount that is lent what the last one knew sees what a mount of the bytes alone sees', () => {
    fc.assert(
      fc.property(places, steps, (geometry, all) => {
        const device = new RamDevice(geometry);
        fc.pre(formats(device, geometry.config));
        const runner = new Runner('RamDevice', device, geometry.config);
        for (const [i, step] of all.entries()) {
          runner.take(step);
          if (i % 3 !== 0) continue;
          runner.take({ op: 'remount' });
          expectSameAsFresh(runner.mounted.lfs, device, geometry, showStep(step));
        }
      }),
      runs(60),
    );
  });

  it('forks that part share what they knew and never what they learn', () => {
    const branches = fc.array(fc.record({ from: fc.nat(9), steps: work({ sizeMax: 2000, lengthMax: 8 }) }), {
      minLength: 2,
      maxLength: 6,
      size: 'max',
    });
    fc.assert(
      fc.property(places, steps, branches, (geometry, trunk, all) => {
        const device = new RamDevice(geometry);
        fc.pre(formats(device, geometry.config));
        const devices = [device];
        const grow = (on: RamDevice, todo: readonly Step[], why: string): void => {
          const alone = new RamDevice({ ...geometry, image: on.toImage() });
          const runner = new Runner('the fork', on, geometry.config);
          const twin = new Runner('memory of its own', alone, geometry.config);
          for (const step of todo) {
            const found = runner.take(step);
            const expected = twin.take(step);
            if (found !== expected)
              expect.fail(`${why}: ${showStep(step)}: the fork says ${found}, memory of its own ${expected}`);
          }
          runner.mounted.lfs.unmount();
          expectBytes(on.toImage(), alone.toImage(), geometry, why);
        };
        grow(device, trunk, 'the trunk');
        for (const [i, { from, steps: todo }] of all.entries()) {
          const parent = devices[from % devices.length]!;
          const before = parent.toImage();
          const fork = parent.fork();
          grow(fork, todo.map(plainly), `branch ${i}, of ${from % devices.length}`);
          expectBytes(parent.toImage(), before, geometry, `what branch ${i} came from`);
          devices.push(fork);
        }
        for (const [i, one] of devices.entries()) {
          expectSameAsFresh(LittleFS.mount(one, geometry.config), one, geometry, `branch ${i - 1} in the end`);
        }
      }),
      runs(40),
    );
  });
});

/** Tree, blocks in use and global state, against a mount of the same bytes on another device. */
function expectSameAsFresh(lfs: LittleFS, device: RamDevice, geometry: Geometry, why: string): void {
  const fresh = LittleFS.mount(new RamDevice({ ...geometry, image: device.toImage() }), geometry.config);
  expectLines(treeLines(lfs), treeLines(fresh), why);
  expect([lfs.fsSize(), lfs.fsStat()], why).toEqual([fresh.fsSize(), fresh.fsStat()]);
}
