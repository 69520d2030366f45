/**
 * Several files written in turn, as loggers do it: what is written to one never shows up in another.
 */
import { describe, expect, it } from 'vitest';
import { type LittleFS, O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, list, readText, text, writeFile } from '../support/calls.ts';
import { geometries, geometryOf } from '../support/geometries.ts';
import { openTestFs } from '../support/open.ts';
import { allLossKinds, runUnderCuts } from '../support/powercut.ts';

const letters = [...'abcdefghijklmnopqrstuvwxyz'];

function file(name: string, size: number) {
  return { type: 'file', size, name };
}

/** The root lists these and nothing else. */
function expectFiles(lfs: LittleFS, files: readonly { name: string; size: number }[]): void {
  expect(list(lfs).slice(2)).toEqual(files.map(({ name, size }) => file(name, size)));
}

describe.each(geometries)('on $name', (geometry) => {
  it.each([
    [4, 10],
    [10, 100],
    [26, 10],
    [26, 100],
  ])('%i files that grow in turn to %i bytes keep to themselves', (count, size) => {
    const fs = openTestFs(geometry);
    const names = letters.slice(0, count);
    const writers = names.map((name) => fs.lfs.open(name, O_WRONLY | O_CREAT | O_EXCL));
    for (let i = 0; i < size; i++) for (const [j, writer] of writers.entries()) writer.write(bytes(names[j]!));
    for (const writer of writers) writer.close();
    const expected = names.map((name) => ({ name, size }));
    expectFiles(fs.lfs, expected);

    for (const lfs of fs.nowAndRemounted()) {
      expectFiles(lfs, expected);
      const readers = names.map((name) => lfs.open(name, O_RDONLY));
      const seen = names.map(() => '');
      const one = new Uint8Array(1);
      for (let i = 0; i < size; i++) {
        for (const [j, reader] of readers.entries()) {
          expect(reader.read(one)).toBe(1);
          seen[j] += text(one);
        }
      }
      for (const reader of readers) reader.close();
      expect(seen).toEqual(names.map((name) => name.repeat(size)));
    }
  });

  it.each([
    [4, 10],
    [10, 100],
    [26, 100],
  ])('a file that is synced while %i others of %i bytes are removed keeps what it has', (count, size) => {
    const fs = openTestFs(geometry);
    const names = letters.slice(0, count);
    for (const name of names) writeFile(fs.lfs, name, name.repeat(size));
    const lfs = fs.remount();
    const log = lfs.open('~log', O_WRONLY | O_CREAT);
    for (const [done, name] of names.entries()) {
      log.write(bytes('~'));
      log.sync();
      lfs.remove(name);
      expectFiles(lfs, [
        ...names.slice(done + 1).map((left) => ({ name: left, size })),
        { name: '~log', size: done + 1 },
      ]);
    }
    log.close();
    expect(readText(lfs, '~log')).toBe('~'.repeat(count));
    expect(readText(fs.remount(), '~log')).toBe('~'.repeat(count));
  });

  it.each([10, 100])(
    'a file removed while it and its neighbours are being written stays removed (%i bytes)',
    (size) => {
      const fs = openTestFs(geometry);
      const { lfs } = fs;
      const writers = ['e', 'f', 'g'].map((name) => ({ name, handle: lfs.open(name, O_WRONLY | O_CREAT) }));
      const writeHalf = () => {
        for (let i = 0; i < size / 2; i++) for (const { name, handle } of writers) handle.write(bytes(name));
      };
      writeHalf();
      lfs.remove('f');
      writeHalf();
      for (const { handle } of writers) handle.close();
      for (const mounted of fs.nowAndRemounted()) {
        expectFiles(mounted, [
          { name: 'e', size },
          { name: 'g', size },
        ]);
        expect(readText(mounted, 'e')).toBe('e'.repeat(size));
        expect(readText(mounted, 'g')).toBe('g'.repeat(size));
      }
    },
  );
});

describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
  it.each([
    { geometry: geometryOf.default, count: 4, size: 10, stepping: 'linear' },
    { geometry: geometryOf.emmc, count: 4, size: 10, stepping: 'linear' },
    { geometry: geometryOf.small128, count: 4, size: 10, stepping: 'linear' },
    { geometry: geometryOf.nor, count: 10, size: 10, stepping: 'exponential' },
    { geometry: geometryOf.nand, count: 10, size: 10, stepping: 'exponential' },
    { geometry: geometryOf.eeprom, count: 26, size: 100, stepping: 'exponential' },
  ] as const)('$count files synced byte by byte to $size bytes all get there ($geometry.name, $stepping)', (row) => {
    const { count, size, geometry, stepping } = row;
    const names = letters.slice(0, count);
    const cuts = runUnderCuts({ geometry, stepping, ...cut }, ({ mount }) => {
      const lfs = mount();
      const writers = names.map((name) => lfs.open(name, O_WRONLY | O_CREAT | O_APPEND));
      for (let i = 0; i < size; i++) {
        for (const [j, writer] of writers.entries()) {
          if (writer.size() > i) continue;
          writer.write(bytes(names[j]!));
          writer.sync();
        }
      }
      for (const writer of writers) writer.close();
      expectFiles(
        lfs,
        names.map((name) => ({ name, size })),
      );
      for (const name of names) expect(readText(lfs, name)).toBe(name.repeat(size));
    });
    expect(cuts).toBeGreaterThan(4);
  });
});
