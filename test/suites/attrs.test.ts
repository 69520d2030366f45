/**
 * User attributes: each has its own value and size, on directories, the root and files, by path and with an open file.
 */
import { describe, expect, it } from 'vitest';
import { type LfsFile, type LittleFS, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, errorCode, readText, text, writeFile } from '../support/calls.ts';
import type { TestGeometry } from '../support/geometries.ts';
import { geometries } from '../support/geometries.ts';
import { openTestFs, type TestFs, type TestFsOptions } from '../support/open.ts';

const A = 0x41;
const B = 0x42;
const C = 0x43;
const D = 0x44;

const attrLimit = 1022;

function openWithTree(geometry: TestGeometry, options?: TestFsOptions): TestFs {
  const fs = openTestFs(geometry, options);
  fs.lfs.mkdir('shelf');
  writeFile(fs.lfs, 'shelf/jar', 'plums');
  fs.remount();
  return fs;
}

/** The values of attributes A to D; undefined for none. */
function values(lfs: LittleFS, path: string): (string | undefined)[] {
  return [A, B, C, D].map((type) => {
    const value = lfs.getAttr(path, type);
    return value === undefined ? undefined : text(value);
  });
}

describe.each(geometries)('on $name', (geometry) => {
  it.each(['shelf', '/', 'shelf/jar'])('every attribute of %s keeps its own value', (path) => {
    const fs = openWithTree(geometry);
    const { lfs } = fs;
    const expectValues = (...expected: (string | undefined)[]) => {
      expect(values(lfs, path)).toEqual(expected);
      expect(lfs.listAttrs(path)).toEqual(
        [A, B, C, D].map((type, i) => ({ type, size: expected[i]?.length })).filter(({ size }) => size !== undefined),
      );
    };
    expectValues(undefined, undefined, undefined, undefined);

    lfs.setAttr(path, A, bytes('four'));
    lfs.setAttr(path, B, bytes('sixsix'));
    lfs.setAttr(path, C, bytes('fivef'));
    expectValues('four', 'sixsix', 'fivef', undefined);
    // Empty is not absent.
    lfs.setAttr(path, B, bytes(''));
    expectValues('four', '', 'fivef', undefined);
    lfs.removeAttr(path, B);
    expectValues('four', undefined, 'fivef', undefined);
    lfs.setAttr(path, B, bytes('again!'));
    expectValues('four', 'again!', 'fivef', undefined);
    lfs.setAttr(path, B, bytes('abc'));
    expectValues('four', 'abc', 'fivef', undefined);

    expect(errorCode(() => lfs.setAttr(path, A, new Uint8Array(attrLimit + 1)))).toBe('LFS_ERR_NOSPC');
    expectValues('four', 'abc', 'fivef', undefined);
    lfs.setAttr(path, B, bytes('nine char'));
    expectValues('four', 'nine char', 'fivef', undefined);
    expect(values(fs.remount(), path)).toEqual(['four', 'nine char', 'fivef', undefined]);
    expect(readText(fs.lfs, 'shelf/jar')).toBe('plums');
    // What has a value here has none elsewhere.
    for (const other of ['shelf', '/', 'shelf/jar']) {
      if (other !== path) expect(fs.lfs.listAttrs(other)).toEqual([]);
    }
  });

  it('attributes given to open are written at close and filled at open', () => {
    const fs = openWithTree(geometry);
    const path = 'shelf/jar';
    const buffers = { A: new Uint8Array(4), B: new Uint8Array(6), C: new Uint8Array(5) };
    const open = (flags: number, sizes: { A?: number; B?: number; C?: number } = {}): LfsFile =>
      fs.lfs.open(path, flags, {
        attrs: [
          { type: A, buffer: sizes.A === undefined ? buffers.A : new Uint8Array(sizes.A) },
          { type: B, buffer: buffers.B.subarray(0, sizes.B) },
          { type: C, buffer: buffers.C },
        ],
      });
    const stored = (): string[] => {
      for (const buffer of Object.values(buffers)) buffer.fill(0x2e);
      open(O_RDONLY).close();
      return Object.values(buffers).map(text);
    };
    // There are none yet: the buffers stay as they are.
    expect(stored()).toEqual(['....', '......', '.....']);

    const file = open(O_WRONLY);
    // They are read when the file is closed, not when it is opened.
    buffers.A.set(bytes('four'));
    buffers.B.set(bytes('sixsix'));
    buffers.C.set(bytes('fivef'));
    file.close();
    expect(stored()).toEqual(['four', 'sixsix', 'fivef']);

    open(O_WRONLY, { B: 0 }).close();
    expect(fs.lfs.getAttr(path, B)).toEqual(new Uint8Array(0));
    expect(stored()).toEqual(['four', '\0\0\0\0\0\0', 'fivef']);

    const longer = open(O_WRONLY);
    buffers.B.set(bytes('newone'));
    longer.close();
    expect(stored()).toEqual(['four', 'newone', 'fivef']);

    const shorter = open(O_WRONLY, { B: 3 });
    buffers.B.set(bytes('abc'));
    shorter.close();
    expect(text(fs.lfs.getAttr(path, B)!)).toBe('abc');
    expect(stored()).toEqual(['four', 'abc\0\0\0', 'fivef']);

    expect(errorCode(() => open(O_WRONLY, { A: attrLimit + 1 }))).toBe('LFS_ERR_NOSPC');
    // A reader may have a buffer larger than any attribute.
    open(O_RDONLY, { A: attrLimit + 1 }).close();
    expect(stored()).toEqual(['four', 'abc\0\0\0', 'fivef']);

    buffers.B = new Uint8Array(9);
    const both = open(O_RDWR);
    expect(text(buffers.B)).toBe('abc\0\0\0\0\0\0');
    buffers.B.set(bytes('nine char'));
    both.close();
    expect(stored()).toEqual(['four', 'nine char', 'fivef']);
    fs.remount();
    expect(stored()).toEqual(['four', 'nine char', 'fivef']);
    expect(readText(fs.lfs, path)).toBe('plums');
  });

  it('attributes given to open are seen by path after a sync, not before', () => {
    const fs = openWithTree(geometry);
    const { lfs } = fs;
    const path = 'shelf/jar';
    lfs.setAttr(path, B, bytes('old value'));
    lfs.setAttr(path, C, bytes('fivef'));
    const attrs = [
      { type: B, buffer: bytes('new!') },
      { type: C, buffer: bytes('') },
      { type: D, buffer: bytes('more') },
    ];
    const file = lfs.open(path, O_WRONLY, { attrs });
    expect(values(lfs, path)).toEqual([undefined, 'old value', 'fivef', undefined]);
    file.sync();
    expect(values(lfs, path)).toEqual([undefined, 'new!', '', 'more']);
    file.close();
    for (const mounted of fs.nowAndRemounted()) {
      expect(values(mounted, path)).toEqual([undefined, 'new!', '', 'more']);
      expect(readText(mounted, path)).toBe('plums');
    }
  });

  it('attributes given with a new file are there as soon as the file is synced', () => {
    const fs = openWithTree(geometry);
    const file = fs.lfs.open('shelf/box', O_RDWR | O_CREAT, { attrs: [{ type: A, buffer: bytes('four') }] });
    file.write(bytes('pears'));
    expect(values(fs.lfs, 'shelf/box')[0]).toBeUndefined();
    file.sync();
    // Not closed: the mount ends first.
    expect(text(fs.remount().getAttr('shelf/box', A)!)).toBe('four');
    expect(readText(fs.lfs, 'shelf/box')).toBe('pears');
  });
});
