/**
 * Hard links: one node, a file for each of its names on the image. That calls answer as the host's is in
 * test/property/behaves-like-the-hosts-fs.test.ts, what a loss of power leaves in durability.test.ts; here is what only
 * an image of littlefs can be asked.
 */
import { describe, expect, it } from 'vitest';
import { check, createVolume, LittleFS, openVolume, RamDevice, type VfsError, type Volume } from '../../src/index.ts';

const LINK = 0x6c;

function linkAttr(lfs: LittleFS, path: string): { id: number; count: number; generation: number } | undefined {
  const bytes = lfs.getAttr(path, LINK);
  if (bytes === undefined) return undefined;
  expect(bytes.length).toBe(14);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 14);
  return {
    id: Number(view.getBigUint64(0, true)),
    count: view.getUint16(8, true),
    generation: view.getUint32(10, true),
  };
}

/** The image as any driver sees it. */
function plain(vol: Volume): LittleFS {
  const { blockSize, blockCount } = vol.device;
  const device = new RamDevice({ blockSize, blockCount, image: vol.toImage() });
  expect(check(device).findings).toEqual([]);
  return LittleFS.mount(device);
}

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as VfsError).code;
  }
  return 'none';
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function linked(content: string | Uint8Array = 'one'): Volume {
  const vol = createVolume({ size: 4 << 20, hardLinks: true });
  vol.fs.mkdirSync('/d');
  vol.fs.writeFileSync('/a', content);
  vol.fs.linkSync('/a', '/d/b');
  return vol;
}

describe('several names of a file', () => {
  it('are files of their own on the image, which say that they are one', () => {
    const vol = linked();
    vol.fs.appendFileSync('/d/b', ' two');
    vol.fs.chmodSync('/a', 0o640);
    const lfs = plain(vol);
    for (const path of ['/a', '/d/b']) {
      expect(text(lfs.readFile(path))).toBe('one two');
      expect(linkAttr(lfs, path)).toEqual({ id: 1, count: 2, generation: expect.any(Number) });
    }
    expect(linkAttr(lfs, '/a')).toEqual(linkAttr(lfs, '/d/b'));
    expect(lfs.getAttr('/a', 0x70)).toEqual(lfs.getAttr('/d/b', 0x70));
  });

  it('say so only while there are several', () => {
    const vol = linked();
    vol.sync();
    vol.fs.unlinkSync('/a');
    const lfs = plain(vol);
    expect(linkAttr(lfs, '/d/b')).toBeUndefined();
    expect(text(lfs.readFile('/d/b'))).toBe('one');
    const plainFile = createVolume({ size: 1 << 20, hardLinks: true });
    plainFile.fs.writeFileSync('/f', '');
    expect(linkAttr(plain(plainFile), '/f')).toBeUndefined();
  });

  it('are one file again when the image is opened, whatever is asked first', () => {
    const image = linked().toImage();
    for (const first of ['/a', '/d/b']) {
      const { fs } = openVolume(image);
      const { ino, nlink } = fs.statSync(first);
      expect([nlink, fs.statSync('/a').ino, fs.statSync('/d/b').ino]).toEqual([2, ino, ino]);
      fs.linkSync('/a', '/c');
      fs.writeFileSync('/d/b', 'changed');
      expect(fs.readFileSync('/c', 'utf8')).toBe('changed');
      expect(fs.statSync(first).nlink).toBe(3);
    }
  });

  it('survive moves of their directories before anybody looked at them', () => {
    const vol = openVolume(linked().toImage());
    vol.fs.renameSync('/d', '/e');
    vol.fs.writeFileSync('/a', 'new');
    expect(vol.fs.readFileSync('/e/b', 'utf8')).toBe('new');
    expect(text(plain(vol).readFile('/e/b'))).toBe('new');
  });

  it('get ids that no file on the image has', () => {
    const vol = openVolume(linked().toImage(), { hardLinks: true });
    vol.fs.writeFileSync('/x', 'x');
    vol.fs.linkSync('/x', '/y');
    const lfs = plain(vol);
    expect([linkAttr(lfs, '/a')!.id, linkAttr(lfs, '/y')!.id]).toEqual([1, 2]);
  });

  it('go apart where another driver wrote to one of them', () => {
    const vol = linked();
    vol.fs.linkSync('/a', '/c');
    const lfs = plain(vol);
    // Same size, and attributes stay.
    const file = lfs.open('/d/b', 3);
    file.write(Buffer.from('ONE'));
    file.close();
    const { blockSize, blockCount } = lfs.device;
    const bytes = new Uint8Array(blockSize * blockCount);
    for (let i = 0; i < blockCount; i++) lfs.device.read(i, 0, bytes.subarray(i * blockSize, (i + 1) * blockSize));

    const again = openVolume(bytes);
    expect(again.fs.readFileSync('/d/b', 'utf8')).toBe('ONE');
    expect(again.fs.readFileSync('/a', 'utf8')).toBe('one');
    expect([again.fs.statSync('/a').nlink, again.fs.statSync('/d/b').nlink]).toEqual([2, 1]);
    again.fs.writeFileSync('/c', 'other');
    const now = plain(again);
    expect(['/a', '/c', '/d/b'].map((path) => text(now.readFile(path)))).toEqual(['other', 'other', 'ONE']);
    expect(linkAttr(now, '/d/b')).toBeUndefined();
  });

  it('can be links and pipes as well', () => {
    const vol = linked();
    vol.fs.symlinkSync('a', '/l');
    vol.fs.linkSync('/l', '/m');
    vol.vfs.mknod('/p', 0o010644);
    vol.fs.linkSync('/p', '/q');
    const { fs } = openVolume(vol.toImage());
    expect([fs.readlinkSync('/m'), fs.lstatSync('/m').nlink]).toEqual(['a', 2]);
    expect(fs.lstatSync('/m').ino).toBe(fs.lstatSync('/l').ino);
    expect([fs.lstatSync('/q').isFIFO(), fs.lstatSync('/q').nlink]).toEqual([true, 2]);
  });

  it('need no POSIX metadata', () => {
    for (const metadata of ['none', 'micropython', 'esp-idf', 'arduino'] as const) {
      const vol = createVolume({ size: 1 << 20, metadata, hardLinks: true });
      vol.fs.writeFileSync('/a', '1');
      vol.fs.linkSync('/a', '/b');
      vol.fs.writeFileSync('/b', '2');
      const again = openVolume(vol.toImage());
      expect(again.vfs.metadata).toBe(metadata);
      expect([again.fs.readFileSync('/a', 'utf8'), again.fs.statSync('/a').nlink]).toEqual(['2', 2]);
    }
  });

  it('of files too large for memory are written through the engine, one after the other', () => {
    const vol = createVolume({ size: 160 << 20, hardLinks: true });
    const piece = new Uint8Array(4 << 20).fill(1);
    const fd = vol.fs.openSync('/a', 'w+');
    vol.fs.linkSync('/a', '/b');
    for (let i = 0; i < 9; i++) vol.fs.writeSync(fd, piece);
    vol.fs.linkSync('/b', '/c');
    vol.fs.unlinkSync('/a');
    vol.fs.writeSync(fd, Buffer.from('end'), 0, 3, 5);
    vol.fs.closeSync(fd);
    vol.fs.appendFileSync('/c', 'tail');
    vol.sync();
    const { lfs } = vol;
    const [b, c] = [lfs.readFile('/b'), lfs.readFile('/c')];
    expect([b.length, Buffer.compare(b, c)]).toEqual([9 * piece.length + 4, 0]);
    expect([text(b.subarray(5, 8)), text(b.subarray(-4))]).toEqual(['end', 'tail']);
  });
});

describe('the option', () => {
  it('is off for new volumes', () => {
    const { fs } = createVolume({ size: 1 << 20 });
    fs.writeFileSync('/a', '');
    expect(code(() => fs.linkSync('/a', '/b'))).toBe('EPERM');
    expect(fs.readdirSync('/')).toEqual(['a']);
  });

  it('is on where an image has several names for a file', () => {
    expect(openVolume(linked().toImage()).vfs.hardLinks).toBe(true);
    expect(linked().fork().vfs.hardLinks).toBe(true);
    expect(openVolume(createVolume({ size: 1 << 20 }).toImage()).vfs.hardLinks).toBe(false);
  });

  it('forbids new names when it is off; those that there are stay one file', () => {
    const { fs } = openVolume(linked().toImage(), { hardLinks: false });
    expect(code(() => fs.linkSync('/a', '/c'))).toBe('EPERM');
    fs.writeFileSync('/a', 'both');
    expect(fs.readFileSync('/d/b', 'utf8')).toBe('both');
  });

  it('writes nothing to an image that is only read', () => {
    const image = linked().toImage();
    const vol = openVolume(image, { readOnly: true });
    expect([vol.fs.statSync('/a').nlink, code(() => vol.fs.linkSync('/a', '/c'))]).toEqual([2, 'EROFS']);
    expect(Buffer.compare(vol.toImage(), image)).toBe(0);
  });

  it('lets people link what they own, or may write', () => {
    const vol = linked();
    vol.fs.chmodSync('/', 0o777);
    for (const [path, mode] of [
      ['/open', 0o666],
      ['/closed', 0o644],
      ['/suid', 0o4666],
    ] as const) {
      vol.fs.writeFileSync(path, '');
      vol.fs.chmodSync(path, mode);
    }
    const { fs } = openVolume(vol.toImage(), { uid: 1000, gid: 1000 });
    expect(['/open', '/closed', '/suid', '/d'].map((path) => code(() => fs.linkSync(path, `${path}2`)))).toEqual([
      'none',
      'EPERM',
      'EPERM',
      'EPERM',
    ]);
  });
});

describe('space', () => {
  it('is counted for every name: what was accepted fits', () => {
    for (const durability of ['close', 'fsync'] as const) {
      for (let extra = 0; extra < 12; extra++) {
        const vol = createVolume({ size: 64 * 1024, blockSize: 1024, durability, hardLinks: true });
        vol.fs.writeFileSync('/a', new Uint8Array(100));
        vol.fs.linkSync('/a', '/b');
        vol.fs.linkSync('/a', '/c');
        const names = ['/a', '/b', '/c'];
        let size = 100;
        for (let step = 0; ; step++) {
          const more = new Uint8Array(700 + 97 * extra).fill(step);
          const failed = code(() => vol.fs.appendFileSync(names[step % 3]!, more));
          if (failed !== 'none') {
            expect(failed).toBe('ENOSPC');
            break;
          }
          size += more.length;
        }
        // A link more may be too much as well, and then nothing has changed.
        for (let i = 0; i < 12; i++) code(() => vol.fs.linkSync('/c', `/more${i}`));
        const { nlink } = vol.fs.statSync('/a');
        vol.sync();
        const lfs = plain(vol);
        const files = lfs.list('/').map((entry) => entry.byteName);
        expect(files.length).toBe(nlink);
        for (const name of files) expect([name, lfs.readFile(name).length]).toEqual([name, size]);
        vol.fs.truncateSync('/b', 3);
        vol.sync();
        for (const path of names) expect(plain(vol).readFile(path).length).toBe(3);
      }
    }
  });
});
