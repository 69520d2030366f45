/**
 * Files beyond 2 GiB: only where `fileMax` says so, and then all of them.
 */
import { expect, it } from 'vitest';
import { type BlockDevice, check, LittleFS, O_CREAT, O_RDWR, RamDevice } from '../../src/index.ts';

const fileMax = 0xffffffff;

/** Keeps of a block only what comes before its last zeros: gigabytes of zeros take no memory. */
class ZeroDevice implements BlockDevice {
  readonly blockSize: number = 1 << 20;
  readonly blockCount: number = 5000;
  readonly #blocks: Map<number, Uint8Array> = new Map();

  read(block: number, offset: number, target: Uint8Array): void {
    const bytes = this.#blocks.get(block);
    target.fill(bytes === undefined ? 0xff : 0);
    const known = bytes?.subarray(offset, offset + target.length);
    if (known !== undefined) target.set(known);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    let end = source.length;
    while (end > 0 && source[end - 1] === 0) end--;
    const old = this.#blocks.get(block) ?? new Uint8Array(0);
    const bytes = new Uint8Array(Math.max(old.length, end === 0 ? 0 : offset + end));
    bytes.set(old);
    bytes.set(source.subarray(0, end), offset);
    this.#blocks.set(block, bytes);
  }

  erase(block: number): void {
    this.#blocks.set(block, new Uint8Array(0));
  }

  sync(): void {}
}

it('hold up to 4 GiB less a byte, are read and written everywhere, and are found again', () => {
  const device = new ZeroDevice();
  // Lines of a block: what is written is read back only once.
  const config = { fileMax, progSize: 1 << 20, readSize: 1 << 20 };
  LittleFS.format(device, config);
  const lfs = LittleFS.mount(device, config);
  const file = lfs.open('/large', O_RDWR | O_CREAT);
  const at = 2 ** 31 + 5;
  file.seek(at);
  file.write(Buffer.from('beyond'));
  expect(file.size()).toBe(at + 6);
  expect(file.seek(-3, 2)).toBe(at + 3);
  file.write(Buffer.from('!'));
  expect(() => file.truncate(fileMax + 1)).toThrow(/size is 4294967296; allowed: whole numbers from 0 to 4294967295/);
  expect(() => file.seek(fileMax + 1)).toThrow(/allowed: 0 to 4294967295/);
  file.close();

  const again = LittleFS.mount(device, config);
  expect(again.stat('/large').size).toBe(at + 6);
  const copy = again.open('/large', O_RDWR);
  const bytes = new Uint8Array(8);
  copy.seek(at - 2);
  expect(copy.read(bytes)).toBe(8);
  expect(Buffer.from(bytes).toString('latin1')).toBe('\0\0bey!nd');
  copy.truncate(at + 4);
  copy.close();
  expect(LittleFS.mount(device, config).stat('/large').size).toBe(at + 4);
  expect(check(device, config).findings).toEqual([]);
  // As C does when it is compiled with its own LFS_FILE_MAX.
  expect(() => LittleFS.mount(device)).toThrow(/fileMax 4294967295; allowed by the configuration: up to 2147483647/);
  expect(check(device).ok).toBe(false);
});

it('are not to be had unasked', () => {
  const device = new RamDevice({ blockSize: 4096, blockCount: 16 });
  LittleFS.format(device);
  expect(LittleFS.mount(device).fsStat().fileMax).toBe(0x7fffffff);
  // More than the image says is not more.
  expect(LittleFS.mount(device, { fileMax }).fsStat().fileMax).toBe(0x7fffffff);
  expect(() => LittleFS.format(device, { fileMax: fileMax + 1 })).toThrow(/fileMax is 4294967296/);
});
