/**
 * What every block device has to do: one list of cases, run over each of them by `devices.test.ts`.
 *
 * A case gets a device of 8 blocks of 64 bytes, reads in units of 4 and programs in units of 8, in which nothing was
 * written, and whatever it needs to know about it. A device that cannot do a case skips it with a reason.
 */
import { expect } from 'vitest';
import type { BlockDevice } from '../../src/lfs/device.ts';
import { LfsError } from '../../src/lfs/errors.ts';

export const geometry = { blockSize: 64, blockCount: 8, readSize: 4, progSize: 8 } as const;

export interface DeviceCase {
  readonly name: string;
  readonly body: (device: BlockDevice) => void;
}

export function readOf(device: BlockDevice, block: number, offset = 0, size: number = device.blockSize): Uint8Array {
  // Not the erased value and not zero: a byte that was not read stands out.
  const target = new Uint8Array(size).fill(0x99);
  device.read(block, offset, target);
  return target;
}

export function pattern(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (seed * 31 + index * 7) & 0xff);
}

const erased = (size: number) => new Uint8Array(size).fill(0xff);

function ioError(act: () => void): LfsError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(LfsError);
    expect((error as LfsError).code).toBe('LFS_ERR_IO');
    return error as LfsError;
  }
  throw new Error('it did not throw');
}

export const cases: readonly DeviceCase[] = [
  {
    name: 'says its geometry',
    body: (device) => {
      const { blockSize, blockCount, readSize, progSize } = device;
      expect({ blockSize, blockCount, readSize, progSize }).toEqual(geometry);
    },
  },
  {
    name: 'reads 0xff where nothing was written',
    body: (device) => {
      for (let block = 0; block < device.blockCount; block++) expect(readOf(device, block)).toEqual(erased(64));
      expect(readOf(device, 3, 12, 8)).toEqual(erased(8));
    },
  },
  {
    name: 'gives back what was programmed, piece by piece and whole',
    body: (device) => {
      device.erase(5);
      device.prog(5, 0, pattern(24, 1));
      device.prog(5, 24, pattern(8, 2));
      expect(readOf(device, 5, 0, 24)).toEqual(pattern(24, 1));
      expect(readOf(device, 5, 24, 8)).toEqual(pattern(8, 2));
      expect(readOf(device, 5, 20, 8)).toEqual(
        Uint8Array.of(...pattern(24, 1).slice(20), ...pattern(8, 2).slice(0, 4)),
      );
      expect(readOf(device, 5)).toEqual(Uint8Array.of(...pattern(24, 1), ...pattern(8, 2), ...erased(32)));
    },
  },
  {
    name: 'leaves what lies between two programs erased',
    body: (device) => {
      device.erase(2);
      device.prog(2, 32, pattern(8, 3));
      device.prog(2, 8, pattern(8, 4));
      const expected = Uint8Array.of(...erased(8), ...pattern(8, 4), ...erased(16), ...pattern(8, 3), ...erased(24));
      expect(readOf(device, 2)).toEqual(expected);
    },
  },
  {
    name: 'keeps blocks apart, the first and the last too',
    body: (device) => {
      for (let block = 0; block < 8; block++) {
        device.erase(block);
        device.prog(block, 0, pattern(64, block));
      }
      for (let block = 0; block < 8; block++) expect(readOf(device, block)).toEqual(pattern(64, block));
      device.erase(4);
      expect(readOf(device, 3)).toEqual(pattern(64, 3));
      expect(readOf(device, 4)).toEqual(erased(64));
      expect(readOf(device, 5)).toEqual(pattern(64, 5));
    },
  },
  {
    name: 'erases again and again, and takes new data each time',
    body: (device) => {
      for (let round = 0; round < 3; round++) {
        device.erase(1);
        expect(readOf(device, 1)).toEqual(erased(64));
        device.prog(1, 0, pattern(64, round));
        expect(readOf(device, 1)).toEqual(pattern(64, round));
      }
    },
  },
  {
    name: 'has its own copy of what was programmed',
    body: (device) => {
      const source = pattern(8, 6);
      device.erase(6);
      device.prog(6, 0, source);
      source.fill(0);
      expect(readOf(device, 6, 0, 8)).toEqual(pattern(8, 6));
    },
  },
  {
    name: 'works with pieces of larger arrays',
    body: (device) => {
      const large = pattern(100, 7);
      device.erase(7);
      device.prog(7, 16, large.subarray(10, 34));
      const target = new Uint8Array(40).fill(1);
      device.read(7, 16, target.subarray(4, 28));
      expect(target).toEqual(Uint8Array.of(1, 1, 1, 1, ...large.slice(10, 34), ...new Array(12).fill(1)));
    },
  },
  {
    name: 'does nothing for no bytes',
    body: (device) => {
      device.prog(0, 64, new Uint8Array(0));
      device.read(0, 64, new Uint8Array(0));
      expect(readOf(device, 0)).toEqual(erased(64));
    },
  },
  {
    name: 'survives sync with everything in place',
    body: (device) => {
      device.erase(0);
      device.prog(0, 0, pattern(64, 8));
      device.sync();
      expect(readOf(device, 0)).toEqual(pattern(64, 8));
    },
  },
  {
    name: 'refuses a block that is not there, and names it',
    body: (device) => {
      const eight = new Uint8Array(8);
      for (const block of [8, -1, 1.5, Number.NaN, 2 ** 32]) {
        for (const act of [
          () => device.read(block, 0, eight),
          () => device.prog(block, 0, eight),
          () => device.erase(block),
        ]) {
          expect(ioError(act).message).toContain(`block ${block} is not on the device (0 to 7)`);
        }
      }
    },
  },
  {
    name: 'refuses what is not inside the block, and says where',
    body: (device) => {
      for (const [offset, size] of [
        [64, 8],
        [0, 72],
        [60, 8],
        [-8, 8],
        [0.5, 8],
        [Number.NaN, 8],
      ] as const) {
        const error = ioError(() => device.prog(3, offset, new Uint8Array(size)));
        expect(error.message).toContain(`offset ${offset}, size ${size} is not inside block 3 of 64 bytes`);
        expect(error.block).toBe(3);
        ioError(() => device.read(3, offset, new Uint8Array(size)));
      }
      expect(readOf(device, 3)).toEqual(erased(64));
    },
  },
  {
    name: 'refuses what does not start and end at its units',
    body: (device) => {
      expect(ioError(() => device.read(0, 2, new Uint8Array(4))).message).toContain('not multiples of readSize 4');
      expect(ioError(() => device.read(0, 0, new Uint8Array(5))).message).toContain('not multiples of readSize 4');
      expect(ioError(() => device.prog(0, 4, new Uint8Array(8))).message).toContain('not multiples of progSize 8');
      expect(ioError(() => device.prog(0, 0, new Uint8Array(4))).message).toContain('not multiples of progSize 8');
      expect(readOf(device, 0)).toEqual(erased(64));
    },
  },
  {
    name: 'keeps the promises of its fast paths',
    body: (device) => {
      device.erase(2);
      device.prog(2, 8, pattern(16, 9));
      for (let block = 0; block < 8; block++) {
        const seen = device.view?.(block);
        if (seen !== undefined) expect(Uint8Array.from(seen)).toEqual(readOf(device, block));
      }
      if (device.view?.(2) !== undefined) expect(() => device.view?.(8)).toThrow('block 8 is not on the device');
      device.prog(2, 24, pattern(8, 10));
      expect(device.view?.(2)?.slice(24, 32) ?? pattern(8, 10)).toEqual(pattern(8, 10));
      device.erase(2);
      expect(device.view?.(2)?.slice() ?? erased(64)).toEqual(erased(64));
    },
  },
];
