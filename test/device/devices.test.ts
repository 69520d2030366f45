import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { FlashDevice, RamDevice, SliceDevice, TraceDevice } from '../../src/device/index.ts';
import { FileDevice } from '../../src/device/node/index.ts';
import type { BlockDevice } from '../../src/lfs/device.ts';
import { cases, geometry } from './cases.ts';

interface Candidate {
  readonly name: string;
  readonly make: () => BlockDevice;
  /** Case name to the reason why this device cannot do it. */
  readonly skip?: Readonly<Record<string, string>>;
}

const folder = mkdtempSync(join(tmpdir(), 'littlefs-devices-'));
const files: FileDevice[] = [];
afterAll(() => {
  for (const file of files) file.close();
  rmSync(folder, { recursive: true });
});

function newFile(options: { offset?: number } = {}): FileDevice {
  const file = FileDevice.open(join(folder, `${files.length}.bin`), { ...geometry, create: true, ...options });
  files.push(file);
  return file;
}

const larger = { ...geometry, blockCount: 16 };
const innerBlocks = { ...geometry, blockSize: 16, blockCount: 48 };

const candidates: readonly Candidate[] = [
  { name: 'RamDevice', make: () => new RamDevice(geometry) },
  { name: 'RamDevice, forked', make: () => new RamDevice(geometry).fork() },
  {
    name: 'RamDevice, from an image',
    make: () => new RamDevice({ ...geometry, image: new Uint8Array(200).fill(0xff) }),
  },
  { name: 'FileDevice', make: newFile },
  { name: 'FileDevice, with an offset', make: () => newFile({ offset: 1000 }) },
  { name: 'SliceDevice', make: () => new SliceDevice({ device: new RamDevice(larger), offset: 256, blockCount: 8 }) },
  {
    name: 'SliceDevice, of smaller blocks',
    make: () => new SliceDevice({ device: new RamDevice(innerBlocks), offset: 16 * 4, blockSize: 64, blockCount: 8 }),
  },
  { name: 'TraceDevice', make: () => new TraceDevice({ device: new RamDevice(geometry), record: 'all' }) },
  {
    name: 'TraceDevice, fast paths',
    make: () => new TraceDevice({ device: new RamDevice(geometry), fastPaths: true }),
  },
  { name: 'FlashDevice, strict', make: () => new FlashDevice(geometry) },
  { name: 'FlashDevice, programmed once', make: () => new FlashDevice({ ...geometry, nor: 'once' }) },
  { name: 'FlashDevice, no rule, reordering', make: () => new FlashDevice({ ...geometry, nor: false, reorder: true }) },
  {
    name: 'a stack of them',
    make: () => {
      const flash = new FlashDevice(larger);
      return new TraceDevice({ device: new SliceDevice({ device: flash, offset: 128, blockCount: 8 }), record: 'all' });
    },
  },
];

describe.each(candidates)('$name', ({ make, skip }) => {
  for (const { name, body } of cases) {
    const reason = skip?.[name];
    it.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, () => body(make()));
  }
});
