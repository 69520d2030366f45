import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileDevice, type FileDeviceOptions } from '../../src/device/node/index.ts';
import { LfsError } from '../../src/lfs/errors.ts';
import { pattern, readOf } from './cases.ts';

const geometry = { blockSize: 32, blockCount: 4 } as const;
let folder: string;
let path: string;
let opened: FileDevice[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'littlefs-file-'));
  path = join(folder, 'flash.bin');
  opened = [];
});
afterEach(() => {
  for (const device of opened) device.close();
  rmSync(folder, { recursive: true });
});

function open(options: Partial<FileDeviceOptions> = {}, name: string = path): FileDevice {
  const device = FileDevice.open(name, { ...geometry, ...options });
  opened.push(device);
  return device;
}

describe('FileDevice content', () => {
  it('is the file, byte for byte', () => {
    writeFileSync(path, pattern(128, 1));
    const device = open();
    expect(readOf(device, 2)).toEqual(pattern(128, 1).subarray(64, 96));
    device.erase(1);
    device.prog(1, 8, pattern(4, 2));
    device.sync();
    const expected = pattern(128, 1).fill(0xff, 32, 64);
    expected.set(pattern(4, 2), 40);
    expect(new Uint8Array(readFileSync(path))).toEqual(expected);
  });

  it('counts blocks in the file, or in length, the last one perhaps in part', () => {
    writeFileSync(path, pattern(100, 1));
    expect(open({ blockCount: undefined }).blockCount).toBe(4);
    opened[0]!.close();
    expect(open({ blockCount: undefined, offset: 40, readOnly: true }).blockCount).toBe(2);
    expect(open({ blockCount: undefined, length: 64, readOnly: true }).blockCount).toBe(2);
  });

  it('of a short file is erased behind its end, and stays so when the file grows', () => {
    writeFileSync(path, pattern(40, 1));
    const device = open();
    expect(readOf(device, 1)).toEqual(Uint8Array.of(...pattern(40, 1).slice(32), ...new Array(24).fill(0xff)));
    device.prog(3, 16, pattern(8, 2));
    expect(statSync(path).size).toBe(3 * 32 + 24);
    expect(readOf(device, 2)).toEqual(new Uint8Array(32).fill(0xff));
    const all = new Uint8Array(readFileSync(path));
    expect(all).toEqual(Uint8Array.of(...pattern(40, 1), ...new Array(72).fill(0xff), ...pattern(8, 2)));
  });

  it('may leave holes instead, in which nothing is stored', () => {
    const device = FileDevice.open(path, { blockSize: 4096, blockCount: 2 ** 20, create: true, sparse: true });
    opened.push(device);
    device.erase(2 ** 20 - 1);
    expect(statSync(path).size).toBe(2 ** 32);
    if (process.platform === 'linux') expect(statSync(path).blocks * 512).toBeLessThan(2 ** 20);
    expect(readOf(device, 2 ** 20 - 1, 0, 4)).toEqual(Uint8Array.of(255, 255, 255, 255));
    truncateSync(path, 0);
  });

  it('is refused to writers of a read-only device', () => {
    writeFileSync(path, pattern(128, 1));
    const device = open({ readOnly: true });
    expect(() => device.prog(1, 0, pattern(4, 1))).toThrow(`prog of block 1: ${path} was opened read-only`);
    expect(() => device.erase(1)).toThrow('LFS_ERR_INVAL');
    device.sync();
    expect(readdirSync(folder)).toEqual(['flash.bin']);
  });

  it('is out of reach when closed', () => {
    const device = open({ create: true });
    device.close();
    device.close();
    for (const call of [() => readOf(device, 0), () => device.erase(0), () => device.sync()]) {
      expect(call).toThrow(`${path} is closed`);
    }
  });
});

describe('FileDevice arguments', () => {
  it('does not make a file unless asked, and leaves none behind when it then fails', () => {
    expect(() => open()).toThrow('ENOENT');
    expect(() => open({ create: true, blockCount: undefined })).toThrow('blockCount is missing');
    expect(readdirSync(folder)).toEqual([]);
    open({ create: true }).erase(0);
    expect(statSync(path).size).toBe(32);
  });

  it.each([
    [{ blockSize: 0 }, 'blockSize is 0'],
    [{ readSize: 5 }, 'readSize is 5: it must divide blockSize, which is 32'],
    [{ offset: -1 }, 'offset is -1'],
    [{ blockCount: undefined, length: 33 }, 'length is 33: it must be a multiple of blockSize, which is 32'],
    [{ length: 96 }, 'blockCount is 4: length 96 has room for 3 blocks'],
    [{ create: true, readOnly: true }, 'create and readOnly are both true'],
  ])('refuses %j', (options, message) => {
    writeFileSync(path, pattern(128, 1));
    expect(() => open(options)).toThrow(LfsError);
    expect(() => open(options)).toThrow(message);
  });

  it('refuses what is no path, no options and no file', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => FileDevice.open(7 as any, geometry)).toThrow('path is 7: it must be the name of a file');
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => FileDevice.open(path, undefined as any)).toThrow('FileDevice.open takes an object');
    expect(() => open({ readOnly: true }, folder)).toThrow('which is a directory');
  });
});

describe('FileDevice lock', () => {
  const lock = () => `${path}.lock`;
  const gone = () => spawnSync(process.execPath, ['-e', '']).pid;
  const writeLock = (holder: object) => writeFileSync(lock(), JSON.stringify(holder));

  it('keeps a second writer of this program out, through a link as well', () => {
    const device = open({ create: true });
    expect(() => open()).toThrow(`${path} is in use: this program has it open for writing already`);
    linkSync(path, join(folder, 'hard.bin'));
    expect(() => open({}, join(folder, 'hard.bin'))).toThrow('is in use');
    if (process.platform !== 'win32') {
      symlinkSync(path, join(folder, 'soft.bin'));
      expect(() => open({}, join(folder, 'soft.bin'))).toThrow('is in use');
    }
    open({ readOnly: true });
    device.close();
    expect(existsSync(lock())).toBe(false);
    open().close();
  });

  it('is let go by using', () => {
    {
      using device = FileDevice.open(path, { ...geometry, create: true });
      device.erase(0);
      expect(existsSync(lock())).toBe(true);
    }
    expect(existsSync(lock())).toBe(false);
  });

  it('keeps out while another process lives, and not longer', async () => {
    writeFileSync(path, pattern(128, 1));
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(other, 'spawn');
    writeLock({ pid: other.pid, started: '', host: hostname() });
    const attempt = () => open();
    expect(attempt).toThrow(`process ${other.pid} has it open for writing; if it has not, delete ${lock()}`);
    expect(attempt).toThrow('LFS_ERR_IO');
    other.kill('SIGKILL');
    await once(other, 'exit');
    open().erase(0);
    expect(JSON.parse(readFileSync(lock(), 'utf8')).pid).toBe(process.pid);
  });

  it.runIf(process.platform === 'linux')('knows a process that only has the same number', () => {
    writeFileSync(path, pattern(128, 1));
    writeLock({ pid: process.pid, started: '1', host: hostname() });
    open().erase(0);
  });

  it('believes a lock of another machine', () => {
    writeFileSync(path, pattern(128, 1));
    writeLock({ pid: gone(), started: '1', host: 'elsewhere' });
    expect(() => open()).toThrow('on elsewhere has it open for writing');
    open({ lock: false }).erase(0);
  });

  it('takes what a crash left of a lock, once it cannot be one in the making', () => {
    writeFileSync(path, pattern(128, 1));
    writeFileSync(lock(), '');
    expect(() => open()).toThrow('another program is just opening it');
    utimesSync(lock(), 1000, 1000);
    open().erase(0);
    expect(readdirSync(folder).sort()).toEqual(['flash.bin', 'flash.bin.lock']);
  });
});
