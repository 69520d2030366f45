/** Volumes: made, opened from bytes, devices and files; forked, closed; what they refuse. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVolume, LittleFS, openImage, openImageSync, openVolume, RamDevice, SliceDevice } from '../src/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'littlefs-volume-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('createVolume', () => {
  it('is empty, in memory, and remembers what POSIX knows', () => {
    const vol = createVolume();
    expect(vol.fs.readdirSync('/')).toEqual([]);
    expect(vol.vfs.metadata).toBe('posix');
    expect(vol.vfs.durability).toBe('fsync');
    expect(vol.device.blockSize * vol.device.blockCount).toBe(64 << 20);
  });

  it('takes size for blockCount', () => {
    expect(createVolume({ size: 1 << 20 }).device.blockCount).toBe(256);
    expect(createVolume({ size: 1 << 20, blockSize: 512 }).device.blockCount).toBe(2048);
    expect(() => createVolume({ size: 1000 })).toThrow(/size is 1000; allowed: multiples of blockSize, 4096/);
    expect(() => createVolume({ size: 8192, blockCount: 3 })).toThrow(
      /size is 8192, but 3 blocks of 4096 bytes are 12288/,
    );
  });

  it.each([
    [{ metadata: 'unix' }, /metadata is "unix"; allowed: posix, micropython, esp-idf, arduino, none/],
    [{ durability: 'always' }, /durability is "always"; allowed: close, fsync/],
    [{ blockSize: 100 }, /blockSize/],
    [{ diskVersion: '3.0' }, /diskVersion/],
  ])('refuses %j', (options, message) => {
    expect(() => createVolume(options as object)).toThrow(message);
  });

  it('has times from the clock, and owners as asked', () => {
    const vol = createVolume({ clock: () => 1234, uid: 7, gid: 8, umask: 0o077 });
    vol.vfs.who.uid = 0;
    vol.fs.chmodSync('/', 0o777);
    vol.vfs.who.uid = 7;
    vol.fs.writeFileSync('/f', 'x');
    const stats = vol.fs.statSync('/f');
    expect([stats.mtimeMs, stats.uid, stats.gid, stats.mode & 0o777]).toEqual([1234, 7, 8, 0o600]);
  });

  it('starts relative paths where cwd says', () => {
    let here = '/a';
    const vol = createVolume({ cwd: () => here });
    vol.fs.mkdirSync('/a/b', { recursive: true });
    vol.fs.writeFileSync('b/f', 'x');
    here = '/a/b';
    expect(vol.fs.readFileSync('f', 'utf8')).toBe('x');
  });
});

describe('images', () => {
  it('go out as bytes and come in again', () => {
    const vol = createVolume({ size: 256 * 1024 });
    vol.fs.mkdirSync('/etc');
    vol.fs.writeFileSync('/etc/conf', 'ssid=x', { mode: 0o600 });
    const image = vol.toImage();
    expect(image.length).toBe(256 * 1024);
    const again = openVolume(image);
    expect(again.fs.readFileSync('/etc/conf', 'utf8')).toBe('ssid=x');
    expect(again.fs.statSync('/etc/conf').mode & 0o777).toBe(0o600);
    expect(again.fs.statSync('/etc/conf').mtimeMs).toBe(vol.fs.statSync('/etc/conf').mtimeMs);
  });

  it('are found inside a dump', () => {
    const vol = createVolume({ size: 64 * 1024 });
    vol.fs.writeFileSync('/f', 'inside');
    const dump = new Uint8Array(100_000).fill(0xaa);
    dump.set(vol.toImage(), 12_345);
    const again = openVolume(dump, { offset: 12_345 });
    expect(again.fs.readFileSync('/f', 'utf8')).toBe('inside');
    expect(() => openVolume(dump, { offset: 99_999, length: 2 })).toThrow(/do not lie within the 100000 bytes/);
  });

  it('without a file system are refused, never formatted', () => {
    const noise = new Uint8Array(65536).fill(0x5a);
    expect(() => openVolume(noise)).toThrow(/no littlefs superblock was found/);
    expect(() => openVolume(noise, { blockSize: 4096 })).toThrow(/LFS_ERR_CORRUPT/);
    expect(() => openVolume(noise, { blockSize: 4096, format: 'if-blank' })).toThrow(/LFS_ERR_CORRUPT/);
    const vol = openVolume(noise, { blockSize: 4096, format: 'always' });
    vol.fs.writeFileSync('/f', 'x');
    const blank = openVolume(new Uint8Array(65536).fill(0xff), { blockSize: 4096, format: 'if-blank' });
    expect(blank.fs.readdirSync('/')).toEqual([]);
    expect(() => openVolume(noise, { format: 'sometimes' as 'always' })).toThrow(/allowed: 'if-blank', 'always'/);
  });

  it('keep the profile that their entries show', () => {
    const device = new RamDevice({ blockSize: 4096, blockCount: 16 });
    LittleFS.format(device);
    const plain = openVolume(device);
    expect([plain.vfs.metadata, plain.vfs.durability]).toEqual(['none', 'close']);
    plain.lfs.writeFile('/x', new Uint8Array(1), { attrs: [{ type: 1, buffer: new Uint8Array(8) }] });
    expect(openVolume(device).vfs.metadata).toBe('micropython');
  });

  it('can be a window on another device', () => {
    const device = new RamDevice({ blockSize: 4096, blockCount: 64 });
    LittleFS.format(new SliceDevice({ device, offset: 8 * 4096, blockCount: 32 }));
    const vol = openVolume(device, { offset: 8 * 4096, length: 32 * 4096 });
    vol.fs.writeFileSync('/f', 'x');
    expect(vol.lfs.fsStat().blockCount).toBe(32);
    expect(() => openVolume(device, { offset: 5 })).toThrow(/multiples of its block size, 4096/);
  });
});

describe('fork', () => {
  it('parts the two', () => {
    const vol = createVolume({ size: 1 << 20 });
    vol.fs.writeFileSync('/f', 'both');
    const fork = vol.fork();
    fork.fs.writeFileSync('/f', 'fork');
    vol.fs.writeFileSync('/g', 'vol');
    expect(vol.fs.readFileSync('/f', 'utf8')).toBe('both');
    expect(fork.fs.readFileSync('/f', 'utf8')).toBe('fork');
    expect(fork.fs.existsSync('/g')).toBe(false);
  });
});

describe('a file of the host', () => {
  it('is made, written at close, and opened again', async () => {
    const path = join(folder, 'flash.bin');
    const vol = await openImage(path, {
      create: true,
      format: 'if-blank',
      blockSize: 4096,
      size: 1 << 20,
      metadata: 'none',
    });
    expect(vol.vfs.durability).toBe('close');
    vol.fs.writeFileSync('/boot.py', 'print(1)');
    expect(readFileSync(path).includes('print(1)')).toBe(true);
    expect(() => openImageSync(path)).toThrow(/LFS_ERR_IO: .*writ/);
    vol.close();
    const again = openImageSync(path, { readOnly: true });
    expect(again.fs.readFileSync('/boot.py', 'utf8')).toBe('print(1)');
    expect(again.fs.statSync('/boot.py').mtimeMs).toBe(0);
    expect(() => again.fs.writeFileSync('/x', '')).toThrow(/EROFS: read-only file system, open '\/x'/);
    expect(() => again.fs.unlinkSync('/boot.py')).toThrow(/EROFS/);
    again.close();
    expect(statSync(path).size).toBeLessThanOrEqual(1 << 20);
  });

  it('that is none is said to be so', () => {
    expect(() => openImageSync(join(folder, 'nope.bin'))).toThrow(/ENOENT/);
    const path = join(folder, 'noise.bin');
    writeFileSync(path, 'not a file system');
    expect(() => openImageSync(path)).toThrow(/no littlefs superblock was found/);
    expect(readFileSync(path, 'utf8')).toBe('not a file system');
  });

  it('is not read as a whole to read one file of it', () => {
    const path = join(folder, 'large.bin');
    const vol = createVolume({ size: 8 << 20 });
    for (let i = 0; i < 40; i++) vol.fs.writeFileSync(`/f${i}`, Buffer.alloc(100_000, i));
    writeFileSync(path, vol.toImage());
    const opened = openImageSync(path, { readOnly: true });
    let bytes = 0;
    const { device } = opened;
    const read = device.read.bind(device);
    device.read = (block, offset, target) => {
      bytes += target.length;
      read(block, offset, target);
    };
    expect(opened.fs.readFileSync('/f7').every((byte) => byte === 7)).toBe(true);
    expect(bytes).toBeLessThan(250_000);
    opened.close();
  });
});

describe('a closed volume', () => {
  it('answers with EBADF, and closing again does nothing', () => {
    const vol = createVolume({ size: 1 << 20 });
    vol.fs.writeFileSync('/f', 'x');
    const fd = vol.fs.openSync('/f', 'r');
    vol.close();
    vol.close();
    expect(() => vol.fs.readFileSync('/f')).toThrow(/EBADF/);
    expect(() => vol.fs.fstatSync(fd, {})).toThrow(/EBADF/);
  });
});

describe('the engine and the fs of one volume', () => {
  it('see what the other writes', () => {
    const vol = createVolume({ size: 1 << 20 });
    vol.fs.writeFileSync('/a', 'from fs');
    vol.sync();
    expect(Buffer.from(vol.lfs.readFile('/a')).toString()).toBe('from fs');
    vol.lfs.writeFile('/b', Buffer.from('from lfs'));
    vol.lfs.writeFile('/a', Buffer.from('changed'));
    expect(vol.fs.readFileSync('/b', 'utf8')).toBe('from lfs');
    expect(vol.fs.readFileSync('/a', 'utf8')).toBe('changed');
    expect(vol.fs.readdirSync('/')).toEqual(['a', 'b']);
    vol.lfs.remove('/b');
    expect(vol.fs.existsSync('/b')).toBe(false);
  });
});
