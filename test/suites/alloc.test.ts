/**
 * The allocator: every block can be used, no block twice, freed blocks come back, and a full device says NOSPC at the
 * right moment and loses nothing.
 *
 * The window of the allocator is made small here, so that it moves over the device many times.
 */
import { describe, expect, it } from 'vitest';
import {
  type LfsErrorCode,
  type LfsFile,
  type LittleFS,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { bytes, errorCode, expectBytes, readFile, readText, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { atMostBlocks, geometries, geometryOf, type TestGeometry, withBlocks } from '../support/geometries.ts';
import { openTestFs, type TestFs } from '../support/open.ts';

const thorough = process.env.LITTLEFS_LONG !== undefined;

const shapes = geometries.map((geometry) => {
  const shape = atMostBlocks(geometry, thorough ? 1024 : 128);
  return { ...shape, lookaheadSize: shape.blockCount >> 5 };
});

/** About `1 / parts` of what is left of the device beside some metadata. */
function share({ blockSize, blockCount }: TestGeometry, parts: number): number {
  // In small blocks names and superblock fill more pairs.
  const metadata = blockSize < 512 ? 12 : 6;
  return Math.floor(((blockSize - 8) * (blockCount - metadata)) / parts);
}

/** Writes in small pieces of no even size. */
function fill(file: LfsFile, data: Uint8Array, before: () => void = () => {}): void {
  const chunk = 61;
  for (let at = 0; at < data.length; at += chunk) {
    before();
    file.write(data, at, Math.min(chunk, data.length - at));
  }
}

/** No device of this suite has so many bytes. */
const sizeMax = 2 ** 21;

/** Writes until a write is refused; returns the bytes taken and why no more were. */
function writeToTheEnd(file: LfsFile, piece: Uint8Array): { size: number; code: LfsErrorCode } {
  for (let size = 0; size < sizeMax; size += piece.length) {
    const code = errorCode(() => file.write(piece));
    if (code !== undefined) return { size, code };
  }
  return expect.fail(`the device took ${sizeMax} bytes`);
}

/** Writes until there is no room left; returns how many bytes were taken. */
function exhaust(file: LfsFile, piece: Uint8Array): number {
  const { size, code } = writeToTheEnd(file, piece);
  expect(code).toBe('LFS_ERR_NOSPC');
  return size;
}

const line = bytes('sixteen letters.');

const names = ['bacon', 'eggs', 'pancakes'];

interface Variant {
  readonly gc: boolean;
  readonly compactThresh: number;
  /** Mount without saying how many blocks there are. */
  readonly infer: boolean;
}

function variants(blockSize: number): Variant[] {
  const all = [false, true].flatMap((gc) =>
    [-1, 0, blockSize / 2].flatMap((compactThresh) => [false, true].map((infer) => ({ gc, compactThresh, infer }))),
  );
  return thorough ? all : all.filter((_, i) => i % 3 !== 1);
}

function open(geometry: TestGeometry, { compactThresh, infer }: Partial<Variant>): TestFs & { again(): LittleFS } {
  const fs = openTestFs(geometry, compactThresh === undefined ? {} : { config: { compactThresh } });
  const again = () => fs.remount(infer === true ? { blockCount: 0 } : {});
  again();
  return Object.assign(fs, { again });
}

describe.each(shapes)('on $name', (geometry) => {
  const size = share(geometry, names.length);
  const data = names.map((_, i) => content(size, i + 1));

  const expectMeals = (lfs: LittleFS) => {
    for (const [i, name] of names.entries()) expectBytes(readFile(lfs, `breakfast/${name}`, 61), data[i]!, name);
  };
  const cookTogether = (lfs: LittleFS, gc: boolean) => {
    const files = names.map((name) => lfs.open(`breakfast/${name}`, O_WRONLY | O_CREAT | O_APPEND));
    for (const [i, file] of files.entries()) {
      if (gc) lfs.gc();
      fill(file, data[i]!);
    }
    for (const file of files) file.close();
  };
  const cookOne = (lfs: LittleFS, i: number, gc: boolean) => {
    const file = lfs.open(`breakfast/${names[i]}`, O_WRONLY | O_CREAT | O_APPEND);
    fill(file, data[i]!, gc ? () => lfs.gc() : undefined);
    file.close();
  };
  const clear = (lfs: LittleFS) => {
    for (const name of names) lfs.remove(`breakfast/${name}`);
    lfs.remove('breakfast');
  };

  it.each(variants(geometry.blockSize))(
    'files open together fill the device (gc $gc, compactThresh $compactThresh, blockCount inferred $infer)',
    (variant) => {
      const fs = open(geometry, variant);
      fs.lfs.mkdir('breakfast');
      cookTogether(fs.again(), variant.gc);
      expectMeals(fs.again());
    },
  );

  it.each(variants(geometry.blockSize))(
    'files written one by one fill the device (gc $gc, compactThresh $compactThresh, blockCount inferred $infer)',
    (variant) => {
      const fs = open(geometry, variant);
      fs.lfs.mkdir('breakfast');
      for (const i of names.keys()) cookOne(fs.again(), i, variant.gc);
      expectMeals(fs.again());
    },
  );

  describe.each([false, true])('where blockCount is inferred: %s', (infer) => {
    it.each([1, 10])('files open together fill the device and go, %i times', (cycles) => {
      const fs = open(geometry, { infer });
      for (let cycle = 0; cycle < cycles; cycle++) {
        fs.again().mkdir('breakfast');
        cookTogether(fs.again(), false);
        expectMeals(fs.again());
        clear(fs.again());
        expect(fs.lfs.fsSize(), 'blocks in use when all is gone').toBe(2);
      }
    });

    it.each([1, 10])('files written one by one fill the device and go, %i times', (cycles) => {
      const fs = open(geometry, { infer });
      for (let cycle = 0; cycle < cycles; cycle++) {
        fs.again().mkdir('breakfast');
        for (const i of names.keys()) cookOne(fs.again(), i, false);
        expectMeals(fs.again());
        clear(fs.again());
      }
    });

    it.each([false, true])('a full device keeps what was synced (after one round of writing: %s)', (wrap) => {
      const fs = open(geometry, { infer });
      const { lfs } = fs;
      if (wrap) {
        // The window stands in the middle of the device then.
        writeFile(lfs, 'padding', content(share(geometry, 3), 9), { chunk: 61 });
        lfs.remove('padding');
      }
      const file = lfs.open('exhaustion', O_WRONLY | O_CREAT);
      file.write(bytes('kept'));
      file.sync();
      exhaust(file, line);
      lfs.gc();
      file.close();
      const again = fs.again();
      expect(again.stat('exhaustion').size).toBe(4);
      expect(readText(again, 'exhaustion')).toBe('kept');
      again.remove('exhaustion');
      // All that room is there again.
      writeFile(again, 'large', content(share(geometry, 1), 10), { chunk: 61 });
    });

    // In blocks of 128 bytes the root itself needs more blocks while there are two names in it.
    it.skipIf(geometry.blockSize < 256)(
      'a directory fits beside the largest file that leaves room for one, and beside no larger one',
      () => {
        const fs = open(geometry, { infer });
        const { lfs } = fs;
        const writeLines = (count: number) => {
          const file = lfs.open('exhaustion', O_WRONLY | O_CREAT);
          for (let i = 0; i < count; i++) file.write(line);
          file.close();
        };
        lfs.mkdir('dir');
        const file = lfs.open('exhaustion', O_WRONLY | O_CREAT);
        const count = exhaust(file, line) / line.length;
        lfs.gc();
        file.close();
        lfs.remove('exhaustion');
        lfs.remove('dir');

        writeLines(count);
        lfs.mkdir('dir');
        lfs.remove('dir');
        lfs.remove('exhaustion');

        writeLines(count + 1);
        expect(errorCode(() => lfs.mkdir('dir'))).toBe('LFS_ERR_NOSPC');
        lfs.remove('exhaustion');
        lfs.mkdir('dir');
      },
    );

    describe.each([false, true])('two handles on one file (synced after writing: %s)', (sync) => {
      const expectOwn = (file: LfsFile, expected: Uint8Array) => {
        const found = new Uint8Array(expected.length);
        file.rewind();
        for (let at = 0; at < found.length; ) at += file.read(found, at, Math.min(61, found.length - at));
        expectBytes(found, expected);
      };
      const write = (file: LfsFile, written: Uint8Array) => {
        fill(file, written);
        if (sync) file.sync();
      };

      it.each(variants(geometry.blockSize).filter((variant) => variant.infer === infer))(
        'do not touch each other (gc $gc, compactThresh $compactThresh)',
        (variant) => {
          const fs = open(geometry, variant);
          const { lfs } = fs;
          const gc = () => variant.gc && lfs.gc();
          const [mine, yours] = [content(share(geometry, 2), 1), content(share(geometry, 2), 2)];
          lfs.mkdir('breakfast');
          const first = lfs.open('breakfast/quiche', O_RDWR | O_CREAT | O_EXCL);
          gc();
          write(first, mine);
          const second = lfs.open('breakfast/quiche', O_RDWR | O_CREAT | O_TRUNC);
          gc();
          write(second, yours);
          expectOwn(first, mine);
          expectOwn(second, yours);
          first.close();
          second.close();
          expectBytes(readFile(fs.again(), 'breakfast/quiche', 61), yours, 'what was closed last');
        },
      );

      it.each([1, 10])('stay apart when the second one is opened %i times', (cycles) => {
        const fs = open(geometry, { infer });
        const { lfs } = fs;
        const [mine, yours] = [content(share(geometry, 3), 1), content(share(geometry, 3), 2)];
        lfs.mkdir('breakfast');
        const first = lfs.open('breakfast/quiche', O_RDWR | O_CREAT | O_EXCL);
        write(first, mine);
        for (let cycle = 0; cycle < cycles; cycle++) {
          const second = lfs.open('breakfast/quiche', O_RDWR | O_CREAT | O_TRUNC);
          write(second, yours);
          expectOwn(first, mine);
          expectOwn(second, yours);
          second.close();
        }
        first.close();
        // A handle with nothing unsynced has nothing to write when it is closed.
        expectBytes(readFile(fs.again(), 'breakfast/quiche', 61), sync ? yours : mine);
      });
    });
  });

  it('a block that cannot be read stops the search for free ones, and does no harm', () => {
    const fs = openTestFs(geometry, { flash: { badBlockMode: 'readerror' } });
    const probe = fs.lfs.open('pacman', O_WRONLY | O_CREAT);
    const room = exhaust(probe, bytes('waka'));
    probe.close();
    const data1 = content(room - 3 * geometry.blockSize, 1);
    writeFile(fs.lfs, 'pacman', data1, { flags: O_WRONLY | O_CREAT, chunk: 61 });
    // A walk over the blocks in use begins with the pair of the root; then comes the last block of its first file.
    const used: number[] = [];
    fs.lfs.traverse((block) => used.push(block));
    const last = used.slice(used.indexOf(1) + 1).find((block) => block > 1)!;

    const lfs = fs.remount();
    fs.device.setBad(last);
    let ghost: LfsFile | undefined;
    const code = errorCode(() => {
      // Where the metadata is crowded this needs a block too.
      ghost = lfs.open('ghost', O_WRONLY | O_CREAT);
    });
    expect(code ?? writeToTheEnd(ghost!, bytes('chomp')).code).toBe('LFS_ERR_CORRUPT');
    ghost?.close();

    fs.device.setGood(last);
    const again = lfs.open('ghost', O_WRONLY | O_CREAT);
    expect(exhaust(again, bytes('chomp'))).toBeGreaterThan(0);
    lfs.gc();
    again.close();
    expectBytes(readFile(fs.remount(), 'pacman', 61), data1);
  });
});

describe.each([geometryOf.default, geometryOf.eeprom, geometryOf.emmc])('a nearly full device ($name)', (base) => {
  const geometry = withBlocks(base, thorough ? 1024 : 512);
  const { blockSize, blockCount } = geometry;
  const writeLines = (lfs: LittleFS, path: string, flags: number, size: number): LfsFile => {
    const file = lfs.open(path, O_WRONLY | flags);
    if ((flags & O_TRUNC) !== 0) file.sync();
    for (let at = 0; at < size; at += line.length) file.write(line);
    return file;
  };
  /** What so many blocks hold. */
  const inBlocks = (count: number) => Math.floor(count) * (blockSize - 8);
  const half = inBlocks((blockCount - 2) / 2);
  const otherHalf = inBlocks((blockCount - 1) / 2);

  it('has room for one more directory as soon as the file is short enough, for two only later', () => {
    const { lfs } = openTestFs(geometry);
    const long = Array.from({ length: 10 }, (_, i) => `a-directory-with-a-name-that-fills-its-pair-${i}`);
    const exhaustedBy = (): number => {
      lfs.mkdir('last');
      for (const name of long) lfs.mkdir(name);
      const file = lfs.open('exhaustion', O_WRONLY | O_CREAT);
      const size = exhaust(file, line);
      file.close();
      for (const name of ['exhaustion', 'last', ...long]) lfs.remove(name);
      return size;
    };
    const size = exhaustedBy();
    const file = writeLines(lfs, 'exhaustion', O_CREAT, size + line.length);
    file.sync();
    for (const name of long) lfs.mkdir(name);
    expect(errorCode(() => lfs.mkdir('last'))).toBe('LFS_ERR_NOSPC');
    let shortened = 0;
    while (errorCode(() => lfs.mkdir('last')) !== undefined) {
      shortened++;
      file.truncate(file.size() - line.length);
      file.sync();
    }
    expect(shortened * line.length).toBeLessThan(2 * blockSize);
    expect(errorCode(() => lfs.mkdir('one too many'))).toBe('LFS_ERR_NOSPC');
    file.close();
  });

  it('gives a hole of one block to a directory that must split, and refuses a file of two', () => {
    const fs = openTestFs(geometry);
    writeFile(fs.lfs, 'bump', content(blockSize, 1));
    writeLines(fs.lfs, 'exhaustion', O_CREAT, inBlocks(blockCount - 4)).close();
    const lfs = fs.remount();
    lfs.remove('bump');
    lfs.mkdir('splitdir');
    const file = lfs.open('splitdir/bump', O_WRONLY | O_CREAT);
    expect(errorCode(() => file.write(content(2 * blockSize, 2)))).toBe('LFS_ERR_NOSPC');
    file.close();
    expect(fs.remount().stat('splitdir/bump').size).toBe(0);
  });

  it('is rewritten file by file, with a window that knows what was freed', () => {
    const fs = openTestFs(geometry);
    writeLines(fs.lfs, 'one', O_CREAT, half).close();
    writeLines(fs.lfs, 'two', O_CREAT, otherHalf).close();
    const lfs = fs.remount();
    writeLines(lfs, 'one', O_TRUNC, half).close();
    writeLines(lfs, 'two', O_TRUNC, otherHalf).close();
    expect(lfs.stat('one').size).toBeGreaterThanOrEqual(half);
    expect(lfs.stat('two').size).toBeGreaterThanOrEqual(otherHalf);
    const file = lfs.open('two', O_RDONLY);
    const found = new Uint8Array(line.length);
    while (file.read(found) > 0) expectBytes(found, line);
    file.close();
  });

  it('has no room for a directory in a hole of one block, but for a file in the metadata', () => {
    const fs = openTestFs(geometry);
    writeLines(fs.lfs, 'one', O_CREAT, half).close();
    writeLines(fs.lfs, 'two', O_CREAT, otherHalf).close();
    const lfs = fs.remount();
    writeLines(lfs, 'one', O_TRUNC, half - inBlocks(1)).close();
    expect(errorCode(() => lfs.mkdir('split'))).toBe('LFS_ERR_NOSPC');
    writeFile(lfs, 'notasplit', 'hi');
    expect(readText(fs.remount(), 'notasplit')).toBe('hi');
  });
});
