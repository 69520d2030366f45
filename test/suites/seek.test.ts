/**
 * The position of an open file: where seeking takes it, what is read and written there, and what it refuses.
 *
 * Every case goes through sizes within one block and across several, so that positions fall into inline files, on the
 * edges of blocks of a skip-list (block n begins with pointers, and so holds less than block 0), and behind the end.
 */
import { describe, expect, it } from 'vitest';
import {
  type LfsFile,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from '../../src/lfs/index.ts';
import { bytes, readFile, text, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { expectBytes } from '../support/expect-bytes.ts';
import { geometries, geometryOf, type TestGeometry } from '../support/geometries.ts';
import { openTestFs } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { allLossKinds, runUnderCuts } from '../support/powercut.ts';

const fileMax = 0x7fffffff;
const size = 11;

/** Different for every record, so that one read from a wrong place is seen. */
const record = (i: number) => bytes(`${String(i).padStart(size - 1, '.')}|`);
const changed = (i: number) => bytes(`${String(i).padStart(size - 1, '#')}!`);

function records(count: number): Uint8Array {
  const all = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) all.set(record(i), i * size);
  return all;
}

/** Reads `length` bytes; returns those that there were. */
function take(file: LfsFile, length: number): Uint8Array {
  const buffer = new Uint8Array(length).fill(0xee);
  const got = file.read(buffer);
  expect(
    buffer.subarray(got).every((byte) => byte === 0xee),
    'nothing is written behind what was read',
  ).toBe(true);
  return buffer.slice(0, got);
}

/** `[how many records, how many are passed before the position is used]` */
const walks = [
  [132, 4],
  [132, 128],
  [200, 10],
  [200, 100],
  [4, 1],
  [4, 2],
] as const;

/** Positions at and around the edges of the first blocks of a skip-list, within a file of `total` bytes. */
function edges(blockSize: number, total: number): number[] {
  const found = new Set<number>();
  let edge = 0;
  for (let block = 0; edge < total; block++) {
    edge += blockSize - (block === 0 ? 0 : 4 * (1 + (31 - Math.clz32(block & -block))));
    for (const by of [-size - 1, -size, -size + 1, -4, -1, 0, 1, 4]) found.add(edge + by);
  }
  found.add(total - 2 * size - 1);
  return [...found].filter((at) => at > size && at + 2 * size + 1 <= total);
}

/** Three blocks and a half, or for large blocks at least two and a bit. */
const across = ({ blockSize }: TestGeometry) => Math.floor(blockSize * (blockSize > 8192 ? 2.2 : 3.5));

describe.each(geometries)('on $name', (geometry) => {
  describe.each(walks)('in a file of %i records, %i of them passed', (count, passed) => {
    function prepared() {
      const fs = openTestFs(geometry);
      writeFile(fs.lfs, 'log', records(count), { flags: O_WRONLY | O_CREAT | O_APPEND, chunk: size });
      fs.remount();
      return fs;
    }

    it('all ways to seek lead to what is there', () => {
      const { lfs } = prepared();
      const file = lfs.open('log', O_RDONLY);
      for (let i = 0; i < passed; i++) expect(take(file, size)).toEqual(record(i));
      const at = file.tell();
      expect(at).toBe(passed * size);

      expect(file.seek(at, SEEK_SET)).toBe(at);
      expect(take(file, size)).toEqual(record(passed));
      file.rewind();
      expect(file.tell()).toBe(0);
      expect(take(file, size)).toEqual(record(0));
      expect(file.seek(0, SEEK_CUR)).toBe(size);
      expect(take(file, size)).toEqual(record(1));
      expect(file.seek(size, SEEK_CUR)).toBe(3 * size);
      expect(take(file, size)).toEqual(record(3).subarray(0, count > 3 ? size : 0));
      expect(file.seek(at, SEEK_SET)).toBe(at);
      expect(take(file, size)).toEqual(record(passed));
      expect(file.seek(-size, SEEK_CUR)).toBe(at);
      expect(take(file, size)).toEqual(record(passed));
      expect(file.seek(-size, SEEK_END)).toBe((count - 1) * size);
      expect(take(file, size)).toEqual(record(count - 1));
      expect(file.seek(0, SEEK_CUR)).toBe(file.size());
      expect(take(file, size)).toHaveLength(0);
      file.close();
    });

    it('what is written in the middle is there, and nothing else has changed', () => {
      const fs = prepared();
      const file = fs.lfs.open('log', O_RDWR);
      for (let i = 0; i < passed; i++) take(file, size);
      const at = file.tell();
      file.seek(at);
      file.write(changed(passed));
      expect(file.tell()).toBe(at + size);
      file.seek(at);
      expect(take(file, size)).toEqual(changed(passed));
      file.rewind();
      expect(take(file, size)).toEqual(record(0));
      file.seek(at);
      expect(take(file, size)).toEqual(changed(passed));
      expect(file.seek(-size, SEEK_END)).toBe((count - 1) * size);
      expect(take(file, size)).toEqual(passed === count - 1 ? changed(passed) : record(count - 1));
      expect(file.size()).toBe(count * size);
      file.close();
      const expected = records(count);
      expected.set(changed(passed), at);
      for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'log'), expected, 'log');
    });
  });

  it('reads on the edges of blocks are right, jumping about, with and without a sync between', () => {
    const total = across(geometry);
    const data = content(total, 7);
    const fs = openTestFs(geometry);
    writeFile(fs.lfs, 'wide', data, { chunk: 100 });
    const positions = edges(geometry.blockSize, total);
    expect(positions.length).toBeGreaterThan(10);
    for (const flags of [O_RDONLY, O_RDWR]) {
      const file = fs.remount().open('wide', flags);
      for (const edge of positions) {
        for (const at of [edge, edge + size + 1, edge - size - 1, 0, edge, edge + size + 1, edge - size - 1]) {
          expect(file.seek(at)).toBe(at);
          expect(take(file, size)).toEqual(data.slice(at, at + size));
        }
        file.sync();
        expect(file.tell()).toBe(edge - 1);
        expect(file.seek(edge)).toBe(edge);
        expect(take(file, size)).toEqual(data.slice(edge, edge + size));
      }
      file.close();
    }
    expectBytes(readFile(fs.lfs, 'wide', 77), data, 'wide');
  });

  it.each([false, true])('writes on the edges of blocks are right (with a sync after each: %s)', (synced) => {
    const total = across(geometry);
    const data = content(total, 8);
    const fs = openTestFs(geometry);
    writeFile(fs.lfs, 'wide', data);
    const file = fs.remount().open('wide', O_RDWR);
    for (const [i, at] of edges(geometry.blockSize, total).entries()) {
      const piece = changed(i);
      data.set(piece, at);
      expect(file.seek(at)).toBe(at);
      file.write(piece);
      for (const again of [at, 0, at]) {
        file.seek(again);
        expect(take(file, size)).toEqual(data.slice(again, again + size));
      }
      if (!synced) continue;
      file.sync();
      for (const again of [0, at]) {
        file.seek(again);
        expect(take(file, size)).toEqual(data.slice(again, again + size));
      }
    }
    expect(file.size()).toBe(total);
    file.close();
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'wide'), data, 'wide');
  });

  it.each([...walks.slice(0, 4), [4, 2], [4, 3]] as const)(
    'behind the end of %i records by %i there is nothing to read, and a write fills the gap with zeros',
    (count, gap) => {
      const fs = openTestFs(geometry);
      writeFile(fs.lfs, 'log', records(count), { chunk: size });
      const end = count * size;
      const at = end + gap * size;
      const file = fs.remount().open('log', O_RDWR);
      expect(file.seek(at)).toBe(at);
      expect(take(file, size)).toHaveLength(0);
      expect(file.size(), 'seeking alone makes no file longer').toBe(end);
      file.write(changed(1));
      expect(file.size()).toBe(at + size);
      file.seek(at);
      expect(take(file, size)).toEqual(changed(1));
      file.seek(end);
      expect(take(file, size)).toEqual(new Uint8Array(size));
      // From here both would lead below zero.
      expect(outcome(() => file.seek(-at, SEEK_CUR))).toBe('INVAL');
      expect(outcome(() => file.seek(-(at + size + 1), SEEK_END))).toBe('INVAL');
      expect(file.tell()).toBe(end + size);
      file.close();
      const expected = new Uint8Array(at + size);
      expected.set(records(count));
      expected.set(changed(1), at);
      for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'log'), expected, 'log');
    },
  );

  it.each([2, 4, 128, 132])('a small file of %i bytes can be rewritten byte by byte, synced after each', (length) => {
    const fs = openTestFs(geometry);
    const data = content(length, 3);
    const file = fs.lfs.open('tiny', O_RDWR | O_CREAT);
    for (let i = 0; i < length; i++) {
      file.write(data, i, 1);
      expect([file.tell(), file.size()]).toEqual([i + 1, i + 1]);
    }
    file.rewind();
    expect([file.tell(), file.size()]).toEqual([0, length]);
    for (let i = 0; i < length; i++) expect(take(file, 1)[0]).toBe(data[i]);
    file.sync();
    expect([file.tell(), file.size()]).toEqual([length, length]);

    file.rewind();
    for (let i = 0; i < length; i++) {
      data[i]! ^= 0x5a;
      file.write(data, i, 1);
      expect([file.tell(), file.size()]).toEqual([i + 1, length]);
      file.sync();
      expect([file.tell(), file.size()]).toEqual([i + 1, length]);
      expect(file.seek(-1, SEEK_CUR)).toBe(i);
      expect(take(file, 3)).toEqual(data.slice(i, i + 3));
      expect(file.tell()).toBe(Math.min(i + 3, length));
      file.seek(i + 1);
    }
    file.rewind();
    expect(take(file, length + 1)).toEqual(data);
    file.sync();
    expect([file.tell(), file.size()]).toEqual([length, length]);
    file.close();
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'tiny'), data, 'tiny');
  });

  it('the last position is the largest size of a file', () => {
    const { lfs } = openTestFs(geometry);
    const file = lfs.open('f', O_WRONLY | O_CREAT | O_APPEND);
    file.write(record(0));
    expect(file.seek(fileMax, SEEK_SET)).toBe(fileMax);
    expect(file.seek(0, SEEK_CUR)).toBe(fileMax);
    expect(file.seek(10, SEEK_END), 'the end is where it was').toBe(size + 10);
    expect(file.seek(fileMax - size, SEEK_END)).toBe(fileMax);
    file.close();
    expect(lfs.stat('f').size).toBe(size);
  });

  it.each([
    { from: size, by: -(size + 10), whence: SEEK_CUR },
    { from: size, by: -(size + 1), whence: SEEK_CUR },
    { from: size, by: -fileMax, whence: SEEK_CUR },
    { from: size, by: -(size + fileMax), whence: SEEK_CUR },
    { from: size, by: -(size + 1), whence: SEEK_END },
    { from: size, by: -(size + 10), whence: SEEK_END },
    { from: size, by: -fileMax, whence: SEEK_END },
    { from: size, by: -(size + fileMax), whence: SEEK_END },
    { from: size, by: -1, whence: SEEK_SET },
    { from: fileMax, by: 1, whence: SEEK_CUR },
    { from: fileMax, by: 10, whence: SEEK_CUR },
    { from: fileMax, by: fileMax, whence: SEEK_CUR },
    { from: fileMax, by: fileMax + 1, whence: SEEK_SET },
    { from: fileMax, by: fileMax + 10, whence: SEEK_SET },
    { from: fileMax, by: fileMax + fileMax, whence: SEEK_SET },
    { from: fileMax, by: fileMax - size + 1, whence: SEEK_END },
    { from: fileMax, by: fileMax - size + 10, whence: SEEK_END },
    { from: fileMax, by: fileMax - size + fileMax, whence: SEEK_END },
  ])('from $from by $by (whence $whence) is refused, and the position stays', ({ from, by, whence }) => {
    const { lfs } = openTestFs(geometry);
    const file = lfs.open('f', O_WRONLY | O_CREAT | O_APPEND);
    file.write(record(0));
    file.seek(from);
    expect(outcome(() => file.seek(by, whence))).toBe('INVAL');
    expect(file.tell()).toBe(from);
    file.close();
  });
});

describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
  // Powers of two: then n -> 5n + 1 visits every record before it comes back.
  it.each([
    { geometry: geometryOf.default, count: 4, stepping: 'linear' },
    { geometry: geometryOf.emmc, count: 4, stepping: 'linear' },
    { geometry: geometryOf.small128, count: 64, stepping: 'exponential' },
    { geometry: geometryOf.eeprom, count: 64, stepping: 'exponential' },
    { geometry: geometryOf.nor, count: 64, stepping: 'exponential' },
    { geometry: geometryOf.nand, count: 64, stepping: 'exponential' },
    { geometry: geometryOf.default, count: 128, stepping: 'exponential' },
  ] as const)('$count records rewritten here and there are each old or new ($geometry.name, $stepping)', (row) => {
    const { count, geometry, stepping } = row;
    const cuts = runUnderCuts({ geometry, stepping, ...cut }, ({ mount }) => {
      const lfs = mount();
      if (outcome(() => lfs.stat('log')) === 'ok') {
        const found = readFile(lfs, 'log');
        expect([0, count * size]).toContain(found.length);
        for (let i = 0; i < found.length / size; i++) {
          expect([text(record(i)), text(changed(i))]).toContain(text(found.subarray(i * size, (i + 1) * size)));
        }
      }
      let file = lfs.open('log', O_WRONLY | O_CREAT);
      if (file.size() === 0) for (let i = 0; i < count; i++) file.write(record(i));
      file.close();

      file = lfs.open('log', O_RDWR);
      expect(file.size()).toBe(count * size);
      for (let n = 0, i = 0; n < count; n++) {
        i = (5 * i + 1) % count;
        expect(file.seek(i * size)).toBe(i * size);
        const found = text(take(file, size));
        if (found === text(changed(i))) continue;
        expect(found).toBe(text(record(i)));
        for (const step of ['write', 'sync']) {
          file.seek(i * size);
          if (step === 'write') file.write(changed(i));
          else file.sync();
          file.seek(i * size);
          expect(text(take(file, size))).toBe(text(changed(i)));
        }
      }
      file.close();
      const all = readFile(lfs, 'log');
      expect(all.length).toBe(count * size);
      for (let i = 0; i < count; i++) expect(text(all.subarray(i * size, (i + 1) * size))).toBe(text(changed(i)));
      lfs.unmount();
    });
    expect(cuts).toBeGreaterThan(3);
  });
});
