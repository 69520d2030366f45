/**
 * The ground under all other suites: what a device was given in one block it gives back, whatever happens to others.
 *
 * Blocks are written and read in the smallest and the largest unit that the geometry allows. The patterns have a prime
 * period, so that no two places a power of two apart hold the same.
 */
import { describe, it } from 'vitest';
import { RamDevice, SliceDevice, TraceDevice } from '../../src/device/index.ts';
import type { BlockDevice } from '../../src/lfs/index.ts';
import { expectBytes } from '../support/calls.ts';
import { geometries, type TestGeometry } from '../support/geometries.ts';
import { flashDevice } from '../support/open.ts';

const devices: Readonly<Record<string, (geometry: TestGeometry) => BlockDevice>> = {
  RamDevice: (geometry) => new RamDevice(geometry),
  FlashDevice: (geometry) => flashDevice(geometry),
  'FlashDevice that erases nothing': (geometry) => flashDevice(geometry, { eraseValue: 'keep' }),
  'TraceDevice over SliceDevice': (geometry) => {
    const { blockSize, blockCount } = geometry;
    const whole = new RamDevice({ ...geometry, blockCount: blockCount + 3 });
    const slice = new SliceDevice({ device: whole, offset: 2 * blockSize, blockCount });
    return new TraceDevice({ device: slice });
  },
};

/** Which blocks are written, in turn, of `count`. */
const sequences: Readonly<Record<string, (count: number) => number[]>> = {
  'one block': () => [0],
  'two neighbours': () => [0, 1],
  'the first and the last block': (count) => [0, count - 1],
  'every power of two': (count) => below(count, 1, (block) => 2 * block),
  'every Fibonacci number': (count) => {
    let before = 1;
    return below(count, 1, (block) => {
      const next = block + before;
      before = block;
      return next;
    });
  },
};

function below(count: number, first: number, next: (block: number) => number): number[] {
  const blocks: number[] = [];
  for (let block = first; block < count; block = next(block)) blocks.push(block);
  return blocks;
}

// Long enough for any block from any phase: a pattern is a piece of it.
const ramp = Uint8Array.from({ length: 2 ** 15 + 251 }, (_, at) => at % 251);

function pattern(block: number, size: number): Uint8Array {
  const phase = (7 * block) % 251;
  return ramp.subarray(phase, phase + size);
}

function program(device: BlockDevice, block: number, unit: number): void {
  const data = pattern(block, device.blockSize);
  device.erase(block);
  for (let at = 0; at < data.length; at += unit) device.prog(block, at, data.subarray(at, at + unit));
}

function readBack(device: BlockDevice, block: number, unit: number): Uint8Array {
  const data = new Uint8Array(device.blockSize);
  for (let at = 0; at < data.length; at += unit) device.read(block, at, data.subarray(at, at + unit));
  return data;
}

function expectPattern(device: BlockDevice, block: number, unit: number): void {
  const what = `block ${block}, read ${unit} bytes at a time`;
  expectBytes(readBack(device, block, unit), pattern(block, device.blockSize), what);
}

describe.each(Object.entries(devices))('%s', (_, make) => {
  describe.each(geometries)('of geometry $name', (geometry) => {
    const { readSize, progSize, blockSize, blockCount } = geometry;
    it.each(Object.entries(sequences))('keeps %s', (_name, sequence) => {
      for (const reads of [readSize, blockSize]) {
        for (const progs of [progSize, blockSize]) {
          const device = make(geometry);
          const blocks = sequence(blockCount);
          for (const block of blocks) {
            program(device, block, progs);
            expectPattern(device, block, reads);
          }
          for (const block of blocks) expectPattern(device, block, reads);
        }
      }
    });
  });
});
