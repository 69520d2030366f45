/**
 * Directories: what is created is listed in order, what is removed or renamed is gone, listings hold still while
 * entries come and go, seeking leads back to where one was, and power cuts change none of it.
 */
import { describe, expect, it } from 'vitest';
import { type LittleFS, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } from '../../src/lfs/index.ts';
import { errorCode, exists, list, namesIn, writeFile } from '../support/calls.ts';
import { geometries, geometryOf, type TestGeometry, withBlocks } from '../support/geometries.ts';
import { openTestFs } from '../support/open.ts';
import { allLossKinds, backwards, runUnderCuts, type Stepping } from '../support/powercut.ts';

const thorough = process.env.LITTLEFS_LONG !== undefined;

const dots = [
  { type: 'dir', size: 0, name: '.' },
  { type: 'dir', size: 0, name: '..' },
];

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(3, '0')}`);
}

/** The directory lists exactly these, in this order, all of one type. */
function expectListing(lfs: LittleFS, path: string, names: readonly string[], type: 'file' | 'dir'): void {
  expect(list(lfs, path)).toEqual([...dots, ...names.map((name) => ({ type, size: 0, name }))]);
}

function createEmpty(lfs: LittleFS, path: string): void {
  writeFile(lfs, path, '', { flags: O_WRONLY | O_CREAT | O_EXCL });
}

const kinds = [
  { type: 'dir', create: (lfs: LittleFS, path: string) => lfs.mkdir(path) },
  { type: 'file', create: createEmpty },
] as const;

const counts = thorough ? Array.from({ length: 33 }, (_, i) => 3 + 3 * i) : [3, 14, 36, 91];

/** How many directories there is room for beside the root and one more. */
function fitting(geometry: TestGeometry, wished: readonly number[]): number[] {
  return wished.filter((count) => count + 2 <= geometry.blockCount / 2);
}

describe.each(geometries)('on $name', (geometry) => {
  it('an empty root lists itself and its parent', () => {
    const fs = openTestFs(geometry);
    for (const lfs of fs.nowAndRemounted()) {
      const dir = lfs.openDir('/');
      expect(dir.read()).toMatchObject(dots[0]!);
      expect(dir.read()).toMatchObject(dots[1]!);
      expect(dir.read()).toBeUndefined();
      expect(dir.read()).toBeUndefined();
      dir.close();
    }
  });

  describe.each(kinds)('many entries of type $type', ({ type, create }) => {
    it.each(fitting(geometry, counts))('%i created are all listed', (count) => {
      const fs = openTestFs(geometry);
      const names = numbered('entry', count);
      for (const name of names) create(fs.lfs, name);
      for (const lfs of fs.nowAndRemounted()) expectListing(lfs, '/', names, type);
    });

    it.each(fitting(geometry, counts))('%i created in any order are listed in theirs', (count) => {
      const fs = openTestFs(geometry);
      const names = numbered('entry', count);
      fs.lfs.mkdir('d');
      // 37 has no factor in common with any count: every name comes once.
      for (let i = 0; i < count; i++) create(fs.lfs, `d/${names[(37 * i) % count]}`);
      for (const lfs of fs.nowAndRemounted()) expectListing(lfs, 'd', names, type);
    });

    it.each(fitting(geometry, counts))('%i removed are gone, and so is what they took', (count) => {
      const fs = openTestFs(geometry);
      const names = numbered('removeme', count);
      for (const name of names) create(fs.lfs, name);
      const full = fs.remount();
      expectListing(full, '/', names, type);
      const size = full.fsSize();
      for (const [done, name] of names.entries()) {
        full.remove(name);
        if (done % 10 === 0) expectListing(full, '/', names.slice(done + 1), type);
      }
      for (const lfs of fs.nowAndRemounted()) {
        expectListing(lfs, '/', [], type);
        if (type === 'dir') expect(lfs.fsSize()).toBeLessThanOrEqual(size - 2 * count);
        expect(errorCode(() => lfs.remove(names[0]!))).toBe('LFS_ERR_NOENT');
      }
    });

    it.each(fitting(geometry, counts))('%i renamed keep their order under their new names', (count) => {
      const fs = openTestFs(geometry);
      const names = numbered('test', count);
      const renamed = numbered('tedd', count);
      for (const name of names) create(fs.lfs, name);
      const lfs = fs.remount();
      for (const [i, name] of names.entries()) lfs.rename(name, renamed[i]!);
      for (const mounted of fs.nowAndRemounted()) {
        expectListing(mounted, '/', renamed, type);
        expect(exists(mounted, names[0]!)).toBe(false);
      }
    });
  });

  it('directories nest, move with all that is in them, and go only when they are empty', () => {
    const fs = openTestFs(geometry);
    let { lfs } = fs;
    const dishes = ['baked', 'fried', 'sweet'];
    lfs.mkdir('potato');
    createEmpty(lfs, 'wrap');
    lfs = fs.remount();
    for (const dish of ['sweet', 'baked', 'fried']) lfs.mkdir(`potato/${dish}`);
    expectListing(fs.remount(), 'potato', dishes, 'dir');
    expect(errorCode(() => fs.lfs.remove('potato'))).toBe('LFS_ERR_NOTEMPTY');

    lfs = fs.remount();
    lfs.rename('potato', 'cold');
    lfs = fs.remount();
    lfs.rename('cold', 'warm');
    lfs.rename('warm', 'hot');
    lfs = fs.remount();
    for (const former of ['potato', 'cold', 'warm']) expect(errorCode(() => lfs.remove(former))).toBe('LFS_ERR_NOENT');
    expect(errorCode(() => lfs.remove('hot'))).toBe('LFS_ERR_NOTEMPTY');
    expectListing(lfs, 'hot', dishes, 'dir');

    lfs.mkdir('cold');
    for (const dish of dishes) {
      lfs.rename(`hot/${dish}`, `cold/${dish}`);
      if (dish === 'sweet') break;
      // Neither is empty: none can be removed, nor replaced by the other.
      expect(errorCode(() => lfs.rename('cold', 'hot'))).toBe('LFS_ERR_NOTEMPTY');
      expect(errorCode(() => lfs.remove('cold'))).toBe('LFS_ERR_NOTEMPTY');
      expect(errorCode(() => lfs.remove('hot'))).toBe('LFS_ERR_NOTEMPTY');
    }
    const size = lfs.fsSize();
    lfs.rename('cold', 'hot');
    expect(lfs.fsSize(), 'blocks after an empty directory was replaced').toBe(size - 2);
    expect(errorCode(() => lfs.remove('cold'))).toBe('LFS_ERR_NOENT');
    expect(errorCode(() => lfs.remove('hot'))).toBe('LFS_ERR_NOTEMPTY');
    expectListing(fs.remount(), 'hot', dishes, 'dir');

    lfs = fs.lfs;
    for (const dish of dishes) {
      expect(errorCode(() => lfs.remove('hot'))).toBe('LFS_ERR_NOTEMPTY');
      lfs.remove(`hot/${dish}`);
    }
    lfs.remove('hot');
    for (const mounted of fs.nowAndRemounted()) expectListing(mounted, '/', ['wrap'], 'file');
  });

  it.each(fitting(geometry, [10, 100]))('a directory with %i others is emptied while it is listed', (count) => {
    const fs = openTestFs(geometry);
    const names = numbered('leaf', count);
    fs.lfs.mkdir('tree');
    for (const name of names) fs.lfs.mkdir(`tree/${name}`);
    const lfs = fs.remount();
    expectListing(lfs, 'tree', names, 'dir');
    expect(errorCode(() => lfs.remove('tree'))).toBe('LFS_ERR_NOTEMPTY');
    const dir = lfs.openDir('tree');
    const seen: string[] = [];
    for (const { name } of dir) {
      seen.push(name);
      if (seen.length > 2) lfs.remove(`tree/${name}`);
    }
    dir.close();
    expect(seen).toEqual(['.', '..', ...names]);
    lfs.remove('tree');
    expect(errorCode(() => lfs.remove('tree'))).toBe('LFS_ERR_NOENT');
    expect(errorCode(() => fs.remount().remove('tree'))).toBe('LFS_ERR_NOENT');
  });

  it('a listing tells every other entry once while any one is removed at any point', () => {
    const count = 10;
    const fs = openTestFs(geometry);
    const names = numbered('leaf', count);
    fs.lfs.mkdir('tree');
    for (const name of names) fs.lfs.mkdir(`tree/${name}`);
    for (let gone = 0; gone < count; gone++) {
      for (let before = 0; before < count; before++) {
        const lfs = fs.remount();
        const dir = lfs.openDir('tree');
        const seen: string[] = [];
        while (seen.length < 2 + before) seen.push(dir.read()!.name);
        lfs.remove(`tree/${names[gone]}`);
        for (const { name } of dir) seen.push(name);
        dir.close();
        const expected = names.filter((_, i) => i !== gone || gone < before);
        expect(seen, `${names[gone]} removed after ${before}`).toEqual(['.', '..', ...expected]);
        lfs.mkdir(`tree/${names[gone]}`);
      }
    }
    expectListing(fs.remount(), 'tree', names, 'dir');
  });

  it('a listing tells every entry once while others are created at any point', () => {
    const count = 6;
    const names = numbered('leaf', count);
    const fs = openTestFs(geometry);
    fs.lfs.mkdir('tree');
    for (const name of names) createEmpty(fs.lfs, `tree/${name}`);
    for (let at = 0; at < count; at++) {
      for (let before = 0; before < count; before++) {
        const lfs = fs.remount();
        const dir = lfs.openDir('tree');
        const seen: string[] = [];
        while (seen.length < 2 + before) seen.push(dir.read()!.name);
        // A longer name stands before one that it begins with.
        const added = `${names[at]}-`;
        createEmpty(lfs, `tree/${added}`);
        for (const { name } of dir) seen.push(name);
        dir.close();
        // Just where the listing stands, either answer is right.
        const all = [...names.slice(0, at), added, ...names.slice(at)];
        const expected = at < before ? [names] : at > before ? [all] : [names, all];
        expect(expected, `${added} created after ${before}`).toContainEqual(seen.slice(2));
        lfs.remove(`tree/${added}`);
      }
    }
  });

  it('a call that is refused says why and changes nothing', () => {
    const fs = openTestFs(geometry);
    fs.lfs.mkdir('dir');
    createEmpty(fs.lfs, 'file');
    const lfs = fs.remount();
    createEmpty(lfs, 'other');
    const image = fs.device.toImage();
    const create = O_WRONLY | O_CREAT;
    const refused: [string, () => unknown][] = [
      ['LFS_ERR_EXIST', () => lfs.mkdir('dir')],
      ['LFS_ERR_EXIST', () => lfs.mkdir('file')],
      ['LFS_ERR_EXIST', () => lfs.open('file', create | O_EXCL)],
      ['LFS_ERR_EXIST', () => lfs.open('dir', create | O_EXCL)],
      ['LFS_ERR_NOENT', () => lfs.openDir('nothing')],
      ['LFS_ERR_NOTDIR', () => lfs.openDir('file')],
      ['LFS_ERR_NOENT', () => lfs.open('nothing', O_RDONLY)],
      ['LFS_ERR_ISDIR', () => lfs.open('dir', O_RDONLY)],
      ['LFS_ERR_NOENT', () => lfs.open('nothing', O_WRONLY)],
      ['LFS_ERR_ISDIR', () => lfs.open('dir', O_WRONLY)],
      ['LFS_ERR_ISDIR', () => lfs.open('dir', create)],
      ['LFS_ERR_ISDIR', () => lfs.rename('other', 'dir')],
      ['LFS_ERR_NOTDIR', () => lfs.rename('dir', 'other')],
      ['LFS_ERR_EXIST', () => lfs.mkdir('/')],
      ['LFS_ERR_EXIST', () => lfs.open('/', create | O_EXCL)],
      ['LFS_ERR_ISDIR', () => lfs.open('/', O_RDONLY)],
      ['LFS_ERR_ISDIR', () => lfs.open('/', O_WRONLY)],
      ['LFS_ERR_ISDIR', () => lfs.open('/', create)],
    ];
    for (const [code, call] of refused) expect(errorCode(call), String(call)).toBe(code);
    expect(Buffer.compare(fs.device.toImage(), image), 'bytes on the device changed').toBe(0);
    for (const mounted of fs.nowAndRemounted()) {
      expect(list(mounted)).toEqual([
        ...dots,
        { type: 'dir', size: 0, name: 'dir' },
        { type: 'file', size: 0, name: 'file' },
        { type: 'file', size: 0, name: 'other' },
      ]);
    }
  });

  // 132 entries of 128-byte blocks span many pairs; of 4096-byte blocks, one.
  const seekCounts = fitting(geometry, thorough ? [4, 128, 132] : [4, 132]);
  describe.each(['sub', ''])('in directory "/%s"', (path) => {
    it.each(seekCounts)('one gets back to each of %i places', (count) => {
      const fs = openTestFs(geometry);
      if (path !== '') fs.lfs.mkdir(path);
      const names = numbered('kitty', count);
      for (const name of names) fs.lfs.mkdir(`${path}/${name}`);
      const lfs = fs.remount();
      const all = ['.', '..', ...names, undefined];
      const dir = lfs.openDir(path === '' ? '/' : path);
      const places: number[] = [];
      for (const name of all) {
        places.push(dir.tell());
        expect(dir.read()?.name).toBe(name);
      }
      expect(new Set(places).size).toBe(all.length);
      const rewound = () => {
        dir.rewind();
        expect([dir.read()?.name, dir.read()?.name, dir.read()?.name]).toEqual(all.slice(0, 3));
      };
      for (const [i, name] of all.entries()) {
        dir.seek(places[i]!);
        expect(dir.tell()).toBe(places[i]);
        expect(dir.read()?.name).toBe(name);
        rewound();
        dir.seek(places[i]!);
        expect(dir.read()?.name).toBe(name);
        // And the listing goes on from there.
        expect(dir.read()?.name).toBe(all[i + 1]);
      }
      dir.close();
      // A place holds for another handle too.
      const other = lfs.openDir(path === '' ? '/' : path);
      other.seek(places[count]!);
      expect(other.read()?.name).toBe(names[count - 2]);
      other.close();
    });
  });
});

describe.each([...allLossKinds, backwards])('with power lost $loss', ({ cut }) => {
  const all: readonly { geometry: TestGeometry; count: number; stepping: Stepping }[] = [
    { geometry: withBlocks(geometryOf.default, 256), count: 5, stepping: 'linear' },
    { geometry: withBlocks(geometryOf.small128, 512), count: 5, stepping: 'linear' },
    { geometry: withBlocks(geometryOf.emmc, 256), count: 11, stepping: 'exponential' },
    { geometry: withBlocks(geometryOf.nor, 128), count: 11, stepping: 'exponential' },
    { geometry: geometryOf.nand, count: 5, stepping: 'linear' },
    ...(thorough ? [{ geometry: geometryOf.default, count: 11, stepping: 'linear' } as const] : []),
  ];
  const rows = all.filter(({ geometry }) => cut !== backwards.cut || geometry.progSize > 8);

  it.each(rows)('$count directories are made, moved and removed ($geometry.name, $stepping)', (row) => {
    const names = numbered('hi', row.count);
    const renamed = numbered('hello', row.count);
    const cuts = runUnderCuts({ ...row, ...cut }, ({ mount }) => {
      const lfs = mount();
      for (const name of names) expect([undefined, 'LFS_ERR_EXIST']).toContain(errorCode(() => lfs.mkdir(name)));
      for (const name of renamed) expect([undefined, 'LFS_ERR_NOENT']).toContain(errorCode(() => lfs.remove(name)));
      expectListing(lfs, '/', names, 'dir');
      for (const [i, name] of names.entries()) lfs.rename(name, renamed[i]!);
      expectListing(lfs, '/', renamed, 'dir');
      for (const name of renamed) lfs.remove(name);
      expectListing(lfs, '/', [], 'dir');
      expect(lfs.fsSize(), 'blocks in use when all is gone').toBe(2);
    });
    expect(cuts).toBeGreaterThan(4);
  });

  it.each(rows)('$count files are made, moved and removed ($geometry.name, $stepping)', (row) => {
    const names = numbered('hi', row.count);
    const renamed = numbered('hello', row.count);
    const cuts = runUnderCuts({ ...row, ...cut }, ({ mount }) => {
      const lfs = mount();
      for (const name of names) lfs.open(name, O_WRONLY | O_CREAT).close();
      for (const name of renamed) expect([undefined, 'LFS_ERR_NOENT']).toContain(errorCode(() => lfs.remove(name)));
      expectListing(lfs, '/', names, 'file');
      for (const [i, name] of names.entries()) lfs.rename(name, renamed[i]!);
      expectListing(lfs, '/', renamed, 'file');
      for (const name of renamed) lfs.remove(name);
      expect(namesIn(lfs)).toEqual([]);
    });
    expect(cuts).toBeGreaterThan(4);
  });
});
