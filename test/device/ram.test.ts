import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { LfsError } from '../../src/lfs/errors.ts';
import { pattern, readOf } from './cases.ts';

describe('RamDevice', () => {
  it('costs what was written, not what it could hold', () => {
    const device = new RamDevice({ blockSize: 4096, blockCount: 4 * 1024 * 1024 });
    for (let i = 0; i < 100; i++) device.prog(i * 41943, 0, pattern(4096, i));
    device.prog(4 * 1024 * 1024 - 1, 4080, pattern(16, 1));
    for (let i = 0; i < 100; i++) expect(readOf(device, i * 41943, 4000, 96)).toEqual(pattern(4096, i).subarray(4000));
    expect(readOf(device, 4 * 1024 * 1024 - 1).subarray(4080)).toEqual(pattern(16, 1));
    expect(device.allocatedBytes).toBeLessThan(1024 * 1024);
    for (let block = 0; block < 1000; block++) {
      device.erase(block * 4000 + 1);
      readOf(device, block * 4000 + 2, 0, 16);
      device.view(block * 4000 + 3);
    }
    expect(device.allocatedBytes).toBeLessThan(1024 * 1024);
  });

  it('forks: neither sees what the other writes', () => {
    const parent = new RamDevice({ blockSize: 16, blockCount: 1000 });
    parent.prog(7, 0, pattern(16, 1));
    parent.prog(700, 0, pattern(8, 2));
    const child = parent.fork();
    parent.prog(700, 8, pattern(8, 3));
    child.erase(7);
    child.prog(8, 0, pattern(16, 4));
    const grandchild = child.fork();
    grandchild.prog(8, 0, pattern(16, 5));
    expect(readOf(parent, 7)).toEqual(pattern(16, 1));
    expect(readOf(parent, 700)).toEqual(Uint8Array.of(...pattern(8, 2), ...pattern(8, 3)));
    expect(readOf(parent, 8)).toEqual(new Uint8Array(16).fill(0xff));
    expect(readOf(child, 7)).toEqual(new Uint8Array(16).fill(0xff));
    expect(readOf(child, 700)).toEqual(Uint8Array.of(...pattern(8, 2), ...new Array(8).fill(0xff)));
    expect(readOf(child, 8)).toEqual(pattern(16, 4));
    expect(readOf(grandchild, 8)).toEqual(pattern(16, 5));
  });

  it('copies only the blocks that are written after a fork', () => {
    const device = new RamDevice({ blockSize: 4096, image: new Uint8Array(1024 * 1024) });
    const fork = device.fork();
    fork.prog(3, 0, pattern(16, 1));
    expect(fork.allocatedBytes).toBeLessThanOrEqual(4 * 4096);
  });

  it('takes an image and gives it back', () => {
    const image = pattern(150, 3);
    const device = new RamDevice({ blockSize: 64, image });
    expect(device.blockCount).toBe(3);
    image.fill(0);
    expect(device.toImage()).toEqual(Uint8Array.of(...pattern(150, 3), ...new Array(42).fill(0xff)));
    expect(new RamDevice({ blockSize: 64, blockCount: 4, image: device.toImage() }).toImage().length).toBe(256);
  });

  it('can have another erased value', () => {
    const device = new RamDevice({ blockSize: 8, blockCount: 2, eraseValue: 0 });
    device.prog(1, 4, Uint8Array.of(1));
    expect(device.toImage()).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0));
    expect(device.fork().eraseValue).toBe(0);
  });

  it.each([
    [undefined, 'RamDevice takes an object with its options, not undefined'],
    [{ blockCount: 4 }, 'blockSize is undefined: it must be a whole number from 1 to'],
    [{ blockSize: 64 }, 'blockCount is missing'],
    [{ blockSize: '64', blockCount: 4 }, 'blockSize is "64"'],
    [{ blockSize: 64, blockCount: 0 }, 'blockCount is 0: it must be a whole number from 1 to 4294967295'],
    [{ blockSize: 64, blockCount: 2 ** 32 }, 'blockCount is 4294967296'],
    [{ blockSize: 64, blockCount: 4, readSize: 48 }, 'readSize is 48: it must divide blockSize, which is 64'],
    [{ blockSize: 64, blockCount: 4, progSize: 0 }, 'progSize is 0'],
    [{ blockSize: 64, blockCount: 4, image: [1, 2] }, 'image is Array: it must be a Uint8Array'],
    [{ blockSize: 64, blockCount: 4, image: new Uint8Array(257) }, 'image has 257 bytes: 4 blocks of 64 hold 256'],
    [{ blockSize: 64, blockCount: 4, eraseValue: 256 }, 'eraseValue is 256: it must be a whole number from 0 to 255'],
  ])('refuses %j and says why', (options, message) => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    const make = () => new RamDevice(options as any);
    expect(make).toThrow(LfsError);
    expect(make).toThrow('LFS_ERR_INVAL');
    expect(make).toThrow(message);
  });

  it('says what is wrong with a target that is no Uint8Array', () => {
    const device = new RamDevice({ blockSize: 64, blockCount: 4 });
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => device.read(0, 0, {} as any)).toThrow('read: the target is Object, not a Uint8Array');
  });

  it('is, for any calls, an array of bytes, and so are its forks', () => {
    const blockSize = 48;
    const blockCount = 70;
    const call = fc.record({
      op: fc.constantFrom('read', 'prog', 'erase', 'view', 'fork', 'swap'),
      // Few blocks, so that calls meet: two pages, and the borders of each.
      block: fc.constantFrom(0, 1, 63, 64, 69),
      offset: fc.nat(blockSize),
      size: fc.nat(blockSize),
      seed: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60, size: 'max' }), (calls) => {
        let device = new RamDevice({ blockSize, blockCount });
        let model = new Uint8Array(blockSize * blockCount).fill(0xff);
        let other = { device: device.fork(), model: model.slice() };
        for (const { op, block, offset, size, seed } of calls) {
          const from = block * blockSize + offset;
          const count = Math.min(size, blockSize - offset);
          if (op === 'read') expect(readOf(device, block, offset, count)).toEqual(model.subarray(from, from + count));
          if (op === 'prog') {
            device.prog(block, offset, pattern(count, seed));
            model.set(pattern(count, seed), from);
          }
          if (op === 'erase') {
            device.erase(block);
            model.fill(0xff, block * blockSize, (block + 1) * blockSize);
          }
          if (op === 'view') {
            expect(Uint8Array.from(device.view(block))).toEqual(
              model.slice(block * blockSize, (block + 1) * blockSize),
            );
          }
          if (op === 'fork') other = { device: device.fork(), model: model.slice() };
          if (op === 'swap') [device, model, other] = [other.device, other.model, { device, model }];
        }
        expect(device.toImage()).toEqual(model);
        expect(other.device.toImage()).toEqual(other.model);
      }),
    );
  });
});
