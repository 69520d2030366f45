/**
 * Block size, block count, version and limits are found from the bytes alone, also when one of the two superblocks is
 * gone.
 */
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { detectGeometry, LfsError, LittleFS } from '../../src/lfs/index.ts';
import { goldenBytes, manifest } from '../support/golden.ts';

describe.each(manifest.images)('$name', (image) => {
  const bytes = goldenBytes(image.file);
  const { block_size, block_count, name_max, file_max, attr_max, disk_version } = image.fsinfo;
  const [, major, minor] = /^0x(....)(....)$/.exec(disk_version)!;
  const expected = {
    blockSize: block_size,
    blockCount: block_count,
    diskVersion: `${Number.parseInt(major!, 16)}.${Number.parseInt(minor!, 16)}`,
    nameMax: name_max,
    fileMax: file_max,
    attrMax: attr_max,
  };

  it('is found as it is', () => {
    expect(detectGeometry(bytes)).toEqual(expected);
  });

  it.each([0, 1])('is found with block %i erased, as far as the other block knows', (block) => {
    const damaged = bytes.slice();
    damaged.fill(0xff, block * block_size, (block + 1) * block_size);
    const found = detectGeometry(damaged);
    expect(found).toMatchObject({ blockSize: block_size, nameMax: name_max });
  });
});

describe('what is no file system', () => {
  it.each([0, 1, 7, 200, 4096, 100_000])('%i bytes of nothing give nothing', (size) => {
    expect(detectGeometry(new Uint8Array(size))).toBeUndefined();
    expect(detectGeometry(new Uint8Array(size).fill(0xff))).toBeUndefined();
  });

  it('a magic alone is not believed', () => {
    const bytes = new Uint8Array(4096).fill(0xff);
    bytes.set(new TextEncoder().encode('littlefs'), 8);
    expect(detectGeometry(bytes)).toBeUndefined();
  });

  it('something that holds no bytes is refused', () => {
    expect(() => detectGeometry('flash.bin' as never)).toThrow(LfsError);
  });
});

it.each([128, 272, 1024, 5120, 65536, 1 << 20])('blocks of %i bytes, only the second superblock left', (blockSize) => {
  const device = new RamDevice({ blockSize, blockCount: 8 });
  LittleFS.format(device, { nameMax: 64 });
  device.erase(0);
  expect(detectGeometry(device.toImage())).toMatchObject({ blockSize, blockCount: 8, nameMax: 64, diskVersion: '2.1' });
});
