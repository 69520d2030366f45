/**
 * Versions of the format, and drivers that are older or newer than what is on disk.
 *
 * The older driver is the engine told to know no more than version 2.0; images that another implementation wrote as
 * 2.0, littlefs itself, are among the golden images. Newer reads older and, when it writes, raises the version; older
 * refuses newer; what is written as 2.0 has nothing in it that 2.0 does not know.
 */
import { describe, expect, it } from 'vitest';
import { LittleFS, O_CREAT, O_EXCL, O_RDWR, O_WRONLY } from '../../src/lfs/index.ts';
import { list, namesIn, readFile, readText, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { geometries } from '../support/geometries.ts';
import { configOf as configOfC, goldenBytes, goldenDevice, manifest, readTree, treeKey } from '../support/golden.ts';
import { changeImage, imageOf, threadOf } from '../support/on-disk.ts';
import { openTestFs, type TestFs } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { type, wordAt, words } from '../support/raw-log.ts';

const sizes = [4, 32, 512, 8192] as const;
const numbers = [0, 1, 2, 3, 4];
const older = { diskVersion: '2.0' } as const;
const newer = { diskVersion: '2.1' } as const;

const dirName = (i: number) => `dir00${i}`;
const fileName = (i: number) => `file00${i}`;
const data = (i: number, size: number) => content(size, 42 + i);

/** Where the files of a test lie: in the root, or each in a directory of its own. */
const layouts = [
  { where: 'in the root', path: fileName, inDirs: false },
  { where: 'in directories', path: (i: number) => `${dirName(i)}/${fileName(i)}`, inDirs: true },
] as const;

type Layout = (typeof layouts)[number];

function writeHalf(lfs: LittleFS, { path, inDirs }: Layout, size: number, half: 'first' | 'second' | 'both'): void {
  for (const i of numbers) {
    if (inDirs && half !== 'second') lfs.mkdir(dirName(i));
    const file = lfs.open(path(i), half === 'second' ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL);
    const [from, to] = half === 'first' ? [0, size / 2] : half === 'second' ? [size / 2, size] : [0, size];
    if (from > 0) file.seek(from);
    const all = data(i, size);
    const chunk = size > 512 ? 50 : 4;
    for (let at = from; at < to; at += chunk) file.write(all, at, Math.min(chunk, to - at));
    file.close();
  }
}

function expectFiles(lfs: LittleFS, { path, inDirs }: Layout, size: number): void {
  if (inDirs) expect(list(lfs).slice(2)).toEqual(numbers.map((i) => ({ type: 'dir', size: 0, name: dirName(i) })));
  else expect(list(lfs).slice(2)).toEqual(numbers.map((i) => ({ type: 'file', size, name: fileName(i) })));
  for (const i of numbers) {
    if (inDirs) expect(list(lfs, dirName(i)).slice(2)).toEqual([{ type: 'file', size, name: fileName(i) }]);
    expect(Buffer.compare(readFile(lfs, path(i), 100), data(i, size))).toBe(0);
  }
}

/** Formats with one driver, works, and mounts with another. */
function handOver(fs: TestFs, to: typeof older | typeof newer, work: (lfs: LittleFS) => void): LittleFS {
  work(fs.lfs);
  return fs.remount(to);
}

describe.each(geometries)('on $name', (geometry) => {
  const nothing = () => {};

  describe('newer after older', () => {
    it('mounts, tells the version on disk, and leaves it alone', () => {
      const fs = openTestFs(geometry, { config: older });
      const writes = fs.device.writes;
      const lfs = handOver(fs, newer, nothing);
      expect(lfs.fsStat().diskVersion).toBe('2.0');
      expect(namesIn(lfs)).toEqual([]);
      expect(namesIn(fs.remount(newer))).toEqual([]);
      expect(fs.device.writes).toBe(writes);
    });

    it('reads directories', () => {
      const fs = openTestFs(geometry, { config: older });
      const lfs = handOver(fs, newer, (old) => {
        for (const i of numbers) old.mkdir(dirName(i));
      });
      expect(lfs.fsStat().diskVersion).toBe('2.0');
      expect(list(lfs).slice(2)).toEqual(numbers.map((i) => ({ type: 'dir', size: 0, name: dirName(i) })));
    });

    describe.each(layouts)('with files $where', (layout) => {
      it.each(sizes)('reads what has %i bytes', (size) => {
        const fs = openTestFs(geometry, { config: older });
        const lfs = handOver(fs, newer, (old) => writeHalf(old, layout, size, 'both'));
        expect(lfs.fsStat().diskVersion).toBe('2.0');
        expectFiles(lfs, layout, size);
        expect(lfs.fsStat().diskVersion).toBe('2.0');
      });

      it.each(sizes)('completes what shall have %i bytes, and raises the version', (size) => {
        const fs = openTestFs(geometry, { config: older });
        const lfs = handOver(fs, newer, (old) => writeHalf(old, layout, size, 'first'));
        expect(lfs.fsStat().diskVersion).toBe('2.0');
        writeHalf(lfs, layout, size, 'second');
        expectFiles(lfs, layout, size);
        const again = fs.remount(newer);
        expect(again.fsStat().diskVersion).toBe('2.1');
        expectFiles(again, layout, size);
        fs.unmount();
        expect(
          outcome(() => fs.remount(older)),
          'there is no way back',
        ).toBe('INVAL');
        leave(fs);
      });
    });

    it('makes directories, and raises the version', () => {
      const fs = openTestFs(geometry, { config: older });
      const lfs = handOver(fs, newer, (old) => {
        for (const i of numbers) old.mkdir(dirName(i));
      });
      for (const i of numbers) lfs.mkdir(dirName(i + 5));
      for (const mount of [() => lfs, () => fs.remount(newer)]) {
        const mounted = mount();
        expect(namesIn(mounted)).toEqual([...numbers, ...numbers.map((i) => i + 5)].map(dirName));
        expect(mounted.fsStat().diskVersion).toBe('2.1');
      }
      leave(fs);
    });
  });

  describe('older after newer that keeps to 2.0', () => {
    it('mounts', () => {
      const lfs = handOver(openTestFs(geometry, { config: older }), older, nothing);
      expect(lfs.fsStat().diskVersion).toBe('2.0');
    });

    it('reads directories, and makes more', () => {
      const fs = openTestFs(geometry, { config: older });
      const lfs = handOver(fs, older, (kept) => {
        for (const i of numbers) kept.mkdir(dirName(i));
      });
      expect(namesIn(lfs)).toEqual(numbers.map(dirName));
      for (const i of numbers) lfs.mkdir(dirName(i + 5));
      expect(namesIn(fs.remount(older))).toEqual([...numbers, ...numbers.map((i) => i + 5)].map(dirName));
      expectNothingNew(fs);
    });

    describe.each(layouts)('with files $where', (layout) => {
      it.each(sizes)('reads what has %i bytes', (size) => {
        const fs = openTestFs(geometry, { config: older });
        expectFiles(
          handOver(fs, older, (kept) => writeHalf(kept, layout, size, 'both')),
          layout,
          size,
        );
        expectNothingNew(fs);
      });

      it.each(sizes)('completes what shall have %i bytes', (size) => {
        const fs = openTestFs(geometry, { config: older });
        const lfs = handOver(fs, older, (kept) => writeHalf(kept, layout, size, 'first'));
        writeHalf(lfs, layout, size, 'second');
        for (const mounted of fs.nowAndRemounted()) {
          expectFiles(mounted, layout, size);
          expect(mounted.fsStat().diskVersion).toBe('2.0');
        }
        expectNothingNew(fs);
      });
    });
  });

  it('older does not mount what newer made', () => {
    const fs = openTestFs(geometry);
    fs.unmount();
    expect(outcome(() => fs.remount(older))).toBe('INVAL');
    fs.remount();
  });

  it.each([
    { what: 'a later major version', version: 0x00030000 },
    { what: 'a later major version with our minor one', version: 0x00030001 },
    { what: 'an earlier major version', version: 0x00010007 },
    { what: 'a later minor version', version: 0x00020002 },
    { what: 'the last minor version there can be', version: 0x0002ffff },
  ])('$what is refused', ({ version }) => {
    const fs = openTestFs(geometry, { integrity: false });
    writeFile(fs.lfs, 'test', 'kept');
    fs.unmount();
    setVersion(fs, version);
    for (const config of [{}, newer, older]) expect(outcome(() => fs.remount(config))).toBe('INVAL');
    setVersion(fs, 0x00020001);
    expect(readText(fs.remount(), 'test')).toBe('kept');
  });

  const works: readonly { readonly what: string; readonly raises: boolean; readonly work: (lfs: LittleFS) => void }[] =
    [
      { what: 'reading', raises: false, work: (lfs) => readText(lfs, 'test') },
      { what: 'listing', raises: false, work: (lfs) => namesIn(lfs) },
      { what: 'overwriting', raises: true, work: (lfs) => writeFile(lfs, 'test', 'changed!') },
      { what: 'opening for writing', raises: true, work: (lfs) => lfs.open('test', O_RDWR).close() },
      { what: 'mkdir', raises: true, work: (lfs) => lfs.mkdir('d') },
      { what: 'remove', raises: true, work: (lfs) => lfs.remove('test') },
      { what: 'rename', raises: true, work: (lfs) => lfs.rename('test', 'tested') },
      { what: 'makeConsistent', raises: true, work: (lfs) => lfs.makeConsistent() },
      { what: 'gc', raises: true, work: (lfs) => lfs.gc() },
      // C leaves the version alone where it does not look for unfinished work before.
      { what: 'setAttr', raises: false, work: (lfs) => lfs.setAttr('test', 1, new Uint8Array(3)) },
      { what: 'removeAttr', raises: false, work: (lfs) => lfs.removeAttr('test', 1) },
    ];
  it.each(works)('on 2.0, $what raises the version: $raises', ({ raises, work }) => {
    const fs = openTestFs(geometry);
    writeFile(fs.lfs, 'test', 'testtest');
    fs.unmount();
    setVersion(fs, 0x00020000);
    expect(fs.remount().fsStat().diskVersion).toBe('2.0');
    expect(readText(fs.lfs, 'test')).toBe('testtest');
    const lfs = fs.remount();
    work(lfs);
    expect(lfs.fsStat().diskVersion).toBe(raises ? '2.1' : '2.0');
    expect(fs.remount().fsStat().diskVersion).toBe(raises ? '2.1' : '2.0');
  });
});

/** Rewrites the superblock with another version. */
function setVersion(fs: TestFs, version: number): void {
  changeImage(fs.device, (image) => {
    const { data: superblock } = image.read([0, 1]).entries[0]!.struct!;
    const changed = Uint8Array.from(superblock);
    changed.set(words(version));
    image.append([0, 1], [{ type: type.INLINESTRUCT, id: 0, data: changed }]);
    expect(wordAt(image.read([0, 1]).entries[0]!.struct!.data, 0)).toBe(version);
  });
}

/** Nothing that came with version 2.1 is on disk. */
function expectNothingNew(fs: TestFs): void {
  const image = imageOf(fs.device);
  for (const pair of threadOf(image)) {
    for (const { type: kind } of image.log(pair).tags) expect(kind, 'a forward CRC').not.toBe(type.FCRC);
  }
}

/** The check at the end of a test mounts with the test's configuration, so it wants the older version back. */
function leave(fs: TestFs): void {
  LittleFS.format(fs.device, fs.config);
  fs.remount();
}

describe.each(manifest.images.filter(({ name }) => name.startsWith('v20_bs')))('C wrote $name', (image) => {
  const device = () => goldenDevice(image, image.config, goldenBytes(image.file));
  const config = configOfC(image.config);

  it.each(['2.0', '2.1'] as const)('a driver of version %s reads all of it, and writes nothing', (diskVersion) => {
    const chip = device();
    const lfs = LittleFS.mount(chip, { ...config, diskVersion });
    expect(lfs.fsStat().diskVersion).toBe('2.0');
    expect(readTree(lfs).map(({ key, type: kind }) => [key, kind])).toEqual(
      image.tree.map((node) => [treeKey(node), node.type]),
    );
    expect(chip.writes).toBe(0);
  });

  it.each(['2.0', '2.1'] as const)(
    'a driver of version %s writes on, and the version on disk is its own',
    (diskVersion) => {
      const chip = device();
      const lfs = LittleFS.mount(chip, { ...config, diskVersion });
      const file = lfs.open('/hello.txt', O_RDWR);
      file.seek(0, 2);
      file.write(content(3000, 9));
      file.close();
      lfs.unmount();
      const again = LittleFS.mount(chip, { ...config, diskVersion });
      expect(again.fsStat().diskVersion).toBe(diskVersion);
      expect(readFile(again, '/hello.txt').subarray(-3000)).toEqual(content(3000, 9));
    },
  );
});
