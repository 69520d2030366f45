/**
 * Truncating an open file: shorter, longer (zeros come behind), by nothing; with the position left where it was.
 *
 * Sizes lie around the largest inline file and the edges of blocks, on both sides of the cut.
 */
import { describe, expect, it } from 'vitest';
import { type LfsFile, type LittleFS, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '../../src/lfs/index.ts';
import { readFile, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { expectBytes } from '../support/expect-bytes.ts';
import { geometries, geometryOf } from '../support/geometries.ts';
import { openTestFs } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { allLossKinds, runUnderCuts } from '../support/powercut.ts';

const lengthsTo = [0, 31, 32, 33, 511, 512, 513, 2047, 2048, 2049];
const lengthsFrom = [32, 33, 512, 513, 2048, 2049, 8192, 8193];
const cuts = lengthsTo.flatMap((to) => lengthsFrom.filter((from) => to < from).map((from) => ({ from, to })));

function rest(file: LfsFile): Uint8Array {
  const buffer = new Uint8Array(20_000);
  const got = file.read(buffer);
  expect(file.read(buffer.subarray(got)), 'behind the end').toBe(0);
  return buffer.slice(0, got);
}

/** What is done with a handle that was cut from `data` to `to` bytes, and what the file then holds. */
const uses: readonly { use: string; run: (file: LfsFile, data: Uint8Array, to: number) => Uint8Array }[] = [
  { use: 'closed', run: (_, data, to) => data.slice(0, to) },
  {
    use: 'read from the start',
    run: (file, data, to) => {
      expectBytes(rest(file), data.subarray(0, to), 'what the handle reads');
      return data.slice(0, to);
    },
  },
  {
    use: 'overwritten',
    run: (file, _, to) => {
      const fresh = content(to, 99);
      for (let at = 0; at < to; at += 7) file.write(fresh, at, Math.min(7, to - at));
      expect(file.size()).toBe(to);
      return fresh;
    },
  },
  {
    use: 'written on behind',
    run: (file, data, to) => {
      const more = content(700, 98);
      file.seek(to);
      file.write(more);
      const grown = new Uint8Array(to + 700);
      grown.set(data.subarray(0, to));
      grown.set(more, to);
      return grown;
    },
  },
  {
    use: 'made as long as before',
    run: (file, data, to) => {
      file.truncate(data.length);
      const grown = new Uint8Array(data.length);
      grown.set(data.subarray(0, to));
      expectBytes(rest(file), grown, 'what the handle reads');
      return grown;
    },
  },
];

describe.each(geometries)('on $name', (geometry) => {
  it.each(uses)('a file that is cut and $use has what it should', ({ run }) => {
    const fs = openTestFs(geometry);
    for (const { from, to } of cuts) {
      const data = content(from, from + to + 1);
      writeFile(fs.lfs, 'hedge', data, { chunk: 64 });
      const file = fs.remount().open('hedge', O_RDWR);
      expect(file.size()).toBe(from);
      file.truncate(to);
      expect([file.size(), file.tell()]).toEqual([to, 0]);
      const expected = run(file, data, to);
      file.close();
      for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'hedge'), expected, `${from} cut to ${to}`);
    }
  });

  it('in a file that is still in the cache the position stays, and what is cut is gone', () => {
    const fs = openTestFs(geometry);
    const size = Math.min(geometry.cacheSize, 512);
    const quarter = size / 4;
    const data = content(size, 5);
    const file = fs.lfs.open('hedge', O_RDWR | O_CREAT | O_TRUNC);
    file.write(data);
    expect([file.size(), file.tell()]).toEqual([size, size]);
    file.seek(0);
    file.truncate(3 * quarter);
    expect([file.size(), file.tell()]).toEqual([3 * quarter, 0]);
    expectBytes(rest(file), data.subarray(0, 3 * quarter), 'three quarters');
    file.seek(quarter);
    file.truncate(2 * quarter);
    expect([file.size(), file.tell()]).toEqual([2 * quarter, quarter]);
    expectBytes(rest(file), data.subarray(quarter, 2 * quarter), 'the second quarter');
    file.close();
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'hedge'), data.subarray(0, 2 * quarter), 'half');
  });

  it('a position behind the new end stays, and a write there leaves zeros between', () => {
    const fs = openTestFs(geometry);
    writeFile(fs.lfs, 'hedge', content(1000, 6));
    const file = fs.lfs.open('hedge', O_RDWR);
    file.seek(900);
    file.truncate(100);
    expect([file.size(), file.tell()]).toEqual([100, 900]);
    expect(rest(file)).toHaveLength(0);
    file.write(content(50, 7));
    file.close();
    const expected = new Uint8Array(950);
    expected.set(content(1000, 6).subarray(0, 100));
    expected.set(content(50, 7), 900);
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'hedge'), expected, 'the file');
  });

  it.each([32, 33, 512, 513, 2048, 2049, 8192, 8193])('to the size that it has nothing happens (%i bytes)', (size) => {
    const fs = openTestFs(geometry);
    const data = content(size, size);
    const file = fs.lfs.open('hedge', O_RDWR | O_CREAT);
    for (let at = 0; at < size; at += 4) {
      file.write(data, at, Math.min(4, size - at));
      file.truncate(Math.min(at + 4, size));
    }
    expect([file.size(), file.tell()]).toEqual([size, size]);
    file.seek(0);
    file.truncate(size);
    expect([file.size(), file.tell()]).toEqual([size, 0]);
    expectBytes(rest(file), data, 'what the handle reads');
    file.close();
    for (const lfs of fs.nowAndRemounted()) expectBytes(readFile(lfs, 'hedge'), data, 'the file');
  });

  const [small, middle, large, huge] = [32, 2048, 8192, 16_384] as const;
  const ladder = [0, small, middle, large, huge];
  const allHuge = ladder.map(() => huge);
  it.each([
    { what: 'only after a remount', start: allHuge, position: allHuge, first: allHuge, second: ladder },
    { what: 'longer only after a remount', start: ladder, position: ladder, first: ladder, second: allHuge },
    {
      what: 'just written, then to nothing',
      start: allHuge,
      position: allHuge,
      first: ladder,
      second: ladder.map(() => 0),
    },
    { what: 'just written, longer', start: ladder, position: ladder, first: allHuge, second: allHuge },
    {
      what: 'from the middle, then to nothing',
      start: allHuge,
      position: ladder.map(() => large),
      first: ladder,
      second: ladder.map(() => 0),
    },
    {
      what: 'from the middle, longer',
      start: ladder,
      position: [0, 0, small, middle, large],
      first: allHuge,
      second: allHuge,
    },
    { what: 'longer, and then shorter again', start: ladder, position: ladder, first: allHuge, second: ladder },
  ])('five files are cut twice: $what', ({ start, position, first, second }) => {
    const fs = openTestFs(geometry);
    const names = ladder.map((_, i) => `row${i}`);
    const models = start.map((length, i) => content(length, 20 + i));
    for (const [i, name] of names.entries()) {
      const file = fs.lfs.open(name, O_WRONLY | O_CREAT | O_TRUNC);
      for (let at = 0; at < start[i]!; at += 128) file.write(models[i]!, at, Math.min(128, start[i]! - at));
      expect(file.size()).toBe(start[i]);
      if (position[i] !== start[i]) file.seek(position[i]!);
      file.truncate(first[i]!);
      expect([file.size(), file.tell()]).toEqual([first[i], position[i]]);
      file.close();
      models[i] = resized(models[i]!, first[i]!);
    }
    let lfs = fs.remount();
    for (const [i, name] of names.entries()) {
      const file = lfs.open(name, O_RDWR);
      expectBytes(rest(file), models[i]!, `${name} after the first cut`);
      file.truncate(second[i]!);
      expect([file.size(), file.tell()]).toEqual([second[i], first[i]]);
      file.close();
      models[i] = resized(models[i]!, second[i]!);
    }
    lfs = fs.remount();
    for (const [i, name] of names.entries()) expectBytes(readFile(lfs, name), models[i]!, `${name} at last`);
  });
});

function resized(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(data.subarray(0, length));
  return out;
}

it('sizes that no file can have are refused, and a handle for reading cuts nothing', () => {
  const { lfs } = openTestFs(geometryOf.default);
  writeFile(lfs, 'hedge', 'leaf');
  const reader = lfs.open('hedge', O_RDONLY);
  expect(outcome(() => reader.truncate(1))).toBe('BADF');
  reader.close();
  const file = lfs.open('hedge', O_RDWR);
  for (const size of [-1, 0x80000000, 1.5, Number.NaN]) expect(outcome(() => file.truncate(size))).toBe('INVAL');
  expect([file.size(), file.tell()]).toEqual([4, 0]);
  file.close();
});

describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
  const large = 2048;
  const middles = [0, 3, 4, 5, 31, 32, 33, 511, 512, 513, 1023, 1024, 1025];
  const shapes = [geometryOf.default, geometryOf.emmc, geometryOf.nor, geometryOf.nand, geometryOf.small128];
  const rows = middles.flatMap((middle, i) =>
    [4, 512].map((small) => ({ small, middle, geometry: shapes[(i + small) % shapes.length]! })),
  );

  it.each(rows)('writing $middle and $small into what was cut is all or nothing ($geometry.name)', (row) => {
    const { small, middle, geometry } = row;
    const stages = [
      { size: 0, data: new Uint8Array(0) },
      { size: large, data: content(large, 1) },
      { size: middle, data: content(middle, 2) },
      { size: small, data: content(small, 3) },
    ];
    const lost = runUnderCuts({ geometry, stepping: 'linear', ...cut }, ({ mount }) => {
      const lfs = mount();
      if (outcome(() => lfs.stat('hedge')) === 'ok') {
        const found = readFile(lfs, 'hedge');
        const seen = stages.some(({ data }) => Buffer.compare(data, found) === 0);
        expect(seen, `${found.length} bytes are what one of the steps left`).toBe(true);
      }
      const file = lfs.open('hedge', O_WRONLY | O_CREAT | O_TRUNC);
      expect(file.size()).toBe(0);
      file.write(content(large, 1));
      file.close();
      cutAndWrite(lfs, large, middle, 2);
      cutAndWrite(lfs, middle, small, 3);
      expectBytes(readFile(lfs, 'hedge'), content(small, 3), 'the file');
    });
    expect(lost).toBeGreaterThan(4);
  });
});

/** Cuts the file from one size to another (which may be longer) and writes all of it anew. */
function cutAndWrite(lfs: LittleFS, from: number, to: number, seed: number): void {
  const file = lfs.open('hedge', O_RDWR);
  expect(file.size()).toBe(from);
  file.truncate(to);
  expect(file.size()).toBe(to);
  const data = content(to, seed);
  for (let at = 0; at < to; at += 64) file.write(data, at, Math.min(64, to - at));
  expect(file.size()).toBe(to);
  file.close();
}
