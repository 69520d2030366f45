/**
 * Flash that wears out: files are rewritten until there are too few good blocks left. Until then everything reads back,
 * afterwards everything is still there; twice the blocks last twice as long; and all blocks wear about equally.
 */
import { describe, expect, it } from 'vitest';
import type { BadBlockMode, FlashDevice } from '../../src/device/index.ts';
import { type LfsConfig, LfsError, LittleFS } from '../../src/lfs/index.ts';
import { expectBytes, readFile, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { configOf, geometries, geometryOf, type TestGeometry, withBlocks } from '../support/geometries.ts';
import { flashDevice, verifyIntegrity } from '../support/open.ts';

const thorough = process.env.LITTLEFS_LONG !== undefined;

const modes: readonly BadBlockMode[] = ['progerror', 'eraseerror', 'readerror', 'prognoop', 'erasenoop'];

const fileCount = 10;
const blockCount = 256;

interface Wearing {
  readonly device: FlashDevice;
  readonly config: LfsConfig;
  /** '' or a directory with a '/'. The root's metadata can only grow, a directory's can move. */
  readonly folder: '' | 'wheel/';
  readonly fileSize?: number;
}

/** What file `i` holds in a round: 4 to 2,048 bytes, a power of two. */
function dataOf({ fileSize }: Wearing, round: number, i: number): Uint8Array {
  const seed = 1 + round * fileCount + i;
  const size = fileSize ?? 4 << (content(4, seed)[1]! % 10);
  return content(size, seed);
}

/** Rewrites and reads all files, a mount each round, until nothing more can be written. Returns the full rounds. */
function wearOut(wearing: Wearing, roundsMax = Number.POSITIVE_INFINITY): number {
  const { device, config, folder } = wearing;
  LittleFS.format(device, config);
  const first = LittleFS.mount(device, config);
  if (folder !== '') first.mkdir(folder);
  first.unmount();
  let round = 0;
  for (; round < roundsMax; round++) {
    const lfs = LittleFS.mount(device, config);
    try {
      for (let i = 0; i < fileCount; i++) writeFile(lfs, `${folder}file${i}`, dataOf(wearing, round, i), { chunk: 64 });
    } catch (error) {
      if (!(error instanceof LfsError) || error.code !== 'LFS_ERR_NOSPC') throw error;
      expect(round, 'rounds before the flash was worn out').toBeGreaterThan(2);
      break;
    }
    for (let i = 0; i < fileCount; i++) {
      expectBytes(readFile(lfs, `${folder}file${i}`), dataOf(wearing, round, i), `file${i} in round ${round}`);
    }
    lfs.unmount();
  }
  return round;
}

/** Every file holds what some round wrote, as a whole: the last full one, or the one that was broken off. */
function expectStillThere(wearing: Wearing, round: number): void {
  const lfs = LittleFS.mount(wearing.device, wearing.config);
  for (let i = 0; i < fileCount; i++) {
    const found = readFile(lfs, `${wearing.folder}file${i}`);
    expect(lfs.stat(`${wearing.folder}file${i}`).size).toBe(found.length);
    const broken = dataOf(wearing, round, i);
    const isBroken = found.length === broken.length && found.every((byte, at) => byte === broken[at]);
    if (!isBroken) expectBytes(found, dataOf(wearing, round - 1, i), `file${i} after round ${round}`);
  }
  // There may be no room left to finish anything.
  verifyIntegrity(wearing.device, wearing.config, { repair: false, badBlocks: true });
}

/** All that `geometry` has, of blocks that last `erases` erases. */
function worn(base: TestGeometry, erases: number, folder: Wearing['folder'], badBlockMode?: BadBlockMode): Wearing {
  const geometry = withBlocks(base, blockCount);
  const config = { ...configOf(geometry), blockCycles: erases / 2 };
  return { device: flashDevice(geometry, { wearLimit: erases, badBlockMode }), config, folder };
}

const folders = [
  { where: 'a directory', folder: 'wheel/' },
  { where: 'the root, whose superblock expands', folder: '' },
] as const;

describe.each(folders)('in $where', ({ folder }) => {
  const rows = geometries.flatMap((geometry, i) =>
    modes.filter((_, j) => thorough || geometry.name === 'default' || i % 5 === j).map((mode) => ({ geometry, mode })),
  );
  it.each(rows)('files are rewritten until all is worn out ($geometry.name, $mode)', ({ geometry, mode }) => {
    const wearing = worn(geometry, 10, folder, mode);
    expectStillThere(wearing, wearOut(wearing));
  });

  const levelling = thorough ? geometries : [geometryOf.default, geometryOf.emmc, geometryOf.small256];
  it.each(levelling)('twice the blocks last twice as long ($name)', (geometry) => {
    const erases = 20;
    const [half, whole] = [blockCount / 2, blockCount].map((good) => {
      const wearing = worn(geometry, erases, folder);
      for (let block = good; block < blockCount; block++) wearing.device.setWear(block, erases);
      const rounds = wearOut(wearing);
      expectStillThere(wearing, rounds);
      return rounds;
    });
    expect(1.1 * whole!).toBeGreaterThan(2 * half!);
  });
});

describe.each([5, 4, 3, 2, 1])('with blockCycles %i', (blockCycles) => {
  it.each(geometries)('small files wear all blocks about equally ($name)', (base) => {
    const geometry = withBlocks(base, blockCount);
    const device = flashDevice(geometry);
    const config = { ...configOf(geometry), blockCycles };
    const wearing: Wearing = { device, config, folder: 'wheel/', fileSize: 16 };
    // In large blocks it takes many commits until one is erased.
    wearOut(wearing, base.blockSize === 4096 ? 500 : 100);
    // Blocks 0 and 1 stay where they are: the superblock moves only as often as it must.
    const wear = Array.from({ length: blockCount - 2 }, (_, i) => device.wear(i + 2));
    const total = wear.reduce((sum, erases) => sum + erases, 0);
    expect(total, 'erases').toBeGreaterThan(50);
    const mean = total / wear.length;
    const deviation = wear.reduce((sum, erases) => sum + (erases - mean) ** 2, 0);
    expect(
      deviation / total,
      `spread of ${total} erases, from ${Math.min(...wear)} to ${Math.max(...wear)}`,
    ).toBeLessThan(8);
  });
});
