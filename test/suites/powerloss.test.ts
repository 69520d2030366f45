/**
 * What a lost power supply leaves on a chip beside whole commits: a block whose erase or first program was cut short,
 * and bytes behind the log that are neither erased nor part of a commit.
 *
 * Everything else about power cuts is in the suites of what is being done when the power goes.
 */
import { describe, expect, it } from 'vitest';
import { O_APPEND, O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, namesIn, readText } from '../support/calls.ts';
import { geometries } from '../support/geometries.ts';
import { changeImage, headOf, imageOf, newestFirst } from '../support/on-disk.ts';
import { openTestFs, type TestFs } from '../support/open.ts';
import { words } from '../support/raw-log.ts';

/** A directory with a file in it that was written in several commits. */
function written(geometry: (typeof geometries)[number]): TestFs {
  const fs = openTestFs(geometry);
  fs.lfs.mkdir('book');
  append(fs, 'hello');
  fs.remount();
  expect(readText(fs.lfs, 'book/page')).toBe('hello'.repeat(5));
  fs.unmount();
  return fs;
}

function append(fs: TestFs, text: string): void {
  const file = fs.lfs.open('book/page', O_WRONLY | O_CREAT | O_APPEND);
  for (let i = 0; i < 5; i++) {
    file.write(bytes(text));
    file.sync();
  }
  file.close();
}

/** All is there, and the directory can be written to; a program on anything but erased bytes would fail. */
function expectWorking(fs: TestFs): void {
  fs.remount();
  expect(readText(fs.lfs, 'book/page')).toBe('hello'.repeat(5));
  append(fs, 'goodbye');
  fs.lfs.mkdir('book/mark');
  for (const lfs of fs.nowAndRemounted()) {
    expect(readText(lfs, 'book/page')).toBe('hello'.repeat(5) + 'goodbye'.repeat(5));
    expect(namesIn(lfs, 'book')).toEqual(['mark', 'page']);
  }
}

describe.each(geometries)('on $name', (geometry) => {
  it.each([
    { what: 'the old log', rest: (old: Uint8Array) => old },
    { what: 'erased bytes', rest: (old: Uint8Array) => new Uint8Array(old.length).fill(0xff) },
    { what: 'zeros', rest: (old: Uint8Array) => new Uint8Array(old.length) },
    {
      what: 'the start of a log',
      rest: (old: Uint8Array) => Uint8Array.from(old, (byte, i) => (i < 24 ? byte : 0xff)),
    },
  ])('a block with a new revision and then $what does not count', ({ rest }) => {
    const fs = written(geometry);
    changeImage(fs.device, (image) => {
      const [newest, other] = newestFirst(image, headOf(image, 'book'));
      const block = image.block(other);
      block.set(rest(block.slice()));
      block.set(words(image.logOf(newest)!.revision + 1));
    });
    expectWorking(fs);
  });

  // Where a program fills a block, the log has never room behind it.
  if (geometry.progSize === geometry.blockSize) return;

  it.each([
    { where: 'first', offset: () => 0 },
    { where: 'middle', offset: (size: number) => size >> 1 },
    { where: 'last', offset: (size: number) => size - 1 },
  ])('a program behind the log that only reached its $where byte is noticed', ({ offset }) => {
    const { blockSize, progSize } = geometry;
    for (const value of [0x00, 0x33, 0xcc, 0xfe, 0x7f]) {
      const fs = written(geometry);
      const { end, block } = imageOf(fs.device).log(headOf(imageOf(fs.device), 'book'));
      expect(end + progSize, 'there is room behind the log').toBeLessThanOrEqual(blockSize);
      changeImage(fs.device, (image) => {
        image.block(block)[end + offset(progSize)] = value;
      });
      expectWorking(fs);
    }
  });
});
