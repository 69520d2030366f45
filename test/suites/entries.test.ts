/**
 * Small files that live in the metadata of their directory, side by side: one grows, shrinks, overflows into the next
 * pair or goes, and its neighbours stay what they are.
 *
 * Sizes come twice: 20 and 200 bytes, and such as just fit into the metadata of this geometry, so that a pair overflows.
 */
import { describe, expect, it } from 'vitest';
import type { LittleFS } from '../../src/lfs/index.ts';
import { errorCode, expectBytes, namesIn, readFile, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { geometries, type TestGeometry } from '../support/geometries.ts';
import { openTestFs, type TestFs } from '../support/open.ts';

/** A cache of 512 bytes where the block has room for it: the metadata decides what is kept inline. */
function wide(geometry: TestGeometry): TestGeometry {
  return { ...geometry, cacheSize: Math.max(geometry.cacheSize, Math.min(512, geometry.blockSize)) };
}

const shapes = geometries.map(wide);

interface Sizes {
  readonly small: number;
  readonly large: number;
}

function sizesOf({ blockSize, cacheSize }: TestGeometry): Sizes[] {
  const inline = Math.min(cacheSize, Math.floor(blockSize / 8));
  const all = [
    { small: 20, large: 200 },
    { small: 1 + (inline >> 3), large: inline },
  ];
  return all.filter(({ large }) => large < blockSize);
}

/** Files `f0`, `f1`, ... that must be there with exactly this content. */
class Neighbours {
  readonly #fs: TestFs;
  readonly #files = new Map<string, Uint8Array>();
  #seed = 1;

  constructor(fs: TestFs) {
    this.#fs = fs;
  }

  write(index: number, size: number): void {
    const data = content(size, this.#seed++);
    writeFile(this.#fs.lfs, `f${index}`, data);
    this.#files.set(`f${index}`, data);
  }

  remove(index: number): void {
    this.#fs.lfs.remove(`f${index}`);
    this.#files.delete(`f${index}`);
    expect(errorCode(() => this.#fs.lfs.stat(`f${index}`))).toBe('LFS_ERR_NOENT');
  }

  verify(lfs: LittleFS = this.#fs.lfs): void {
    expect(namesIn(lfs)).toEqual([...this.#files.keys()].sort());
    for (const [name, data] of this.#files) {
      expect(lfs.stat(name).size).toBe(data.length);
      expectBytes(readFile(lfs, name), data);
    }
  }

  verifyRemounted(): void {
    for (const lfs of this.#fs.nowAndRemounted()) this.verify(lfs);
  }
}

/** 's' and 'l': the sizes that files 0, 1, ... begin with; then file 1 gets the other one. */
const changes = [
  { what: 'grows', before: 'ssss', after: 'l' },
  { what: 'shrinks', before: 'slss', after: 's' },
  { what: 'is one of four large ones', before: 'llll', after: undefined },
  { what: 'grows and pushes others into the next pair', before: 'lsll', after: 'l' },
  { what: 'grows and pushes others over two pairs', before: 'lslll', after: 'l' },
] as const;

describe.each(shapes)('on $name', (geometry) => {
  describe.each(sizesOf(geometry))('with files of $small and $large bytes', (sizes) => {
    const sizeOf = (letter: string) => (letter === 's' ? sizes.small : sizes.large);

    it.each(changes)('a file that $what leaves its neighbours alone', ({ before, after }) => {
      const files = new Neighbours(openTestFs(geometry));
      for (const [index, letter] of [...before].entries()) files.write(index, sizeOf(letter));
      files.verify();
      if (after !== undefined) files.write(1, sizeOf(after));
      files.verifyRemounted();
    });

    it('any file can change back and forth between its neighbours', () => {
      const files = new Neighbours(openTestFs(geometry));
      for (let index = 0; index < 5; index++) files.write(index, sizes.small);
      for (const index of [2, 0, 4, 1, 3]) {
        files.write(index, sizes.large);
        files.verify();
      }
      for (const index of [1, 4, 0, 3, 2]) {
        files.write(index, sizes.small);
        files.verify();
      }
      files.verifyRemounted();
    });

    it('files go one after the other, and only they', () => {
      const files = new Neighbours(openTestFs(geometry));
      for (let index = 0; index < 4; index++) files.write(index, sizes.large);
      for (const index of [1, 2, 3, 0]) {
        files.remove(index);
        files.verify();
      }
      files.verifyRemounted();
    });
  });
});

describe.each(shapes.filter(({ blockSize }) => blockSize >= 512))('on $name', (geometry) => {
  const name = 'n'.repeat(200);

  it('a file that is too large to lie beside its long name is written elsewhere', () => {
    const fs = openTestFs(geometry);
    const data = content(400, 1);
    writeFile(fs.lfs, name, data);
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, name), data);
  });

  it('a file that grows too large to lie beside its long name moves elsewhere', () => {
    const fs = openTestFs(geometry);
    const small = content(40, 1);
    const large = content(400, 2);
    writeFile(fs.lfs, name, small);
    expectBytes(readFile(fs.lfs, name), small);
    writeFile(fs.lfs, name, large);
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, name), large);
  });
});
