/**
 * Looking after a file system: what it is, how much is used, garbage collection, growing and shrinking
 * (C: lfs_fs_stat, lfs_fs_size, lfs_fs_gc, lfs_fs_grow).
 *
 * @module
 */

import { resizeLookahead, scanLookahead, settleStart } from './alloc.ts';
import { readOrThrow } from './cache.ts';
import { whole } from './config.ts';
import { LfsError } from './errors.ts';
import { needsSuperblock } from './gstate.ts';
import { decodeSuperblock, encodeSuperblock, SUPERBLOCK_SIZE, type Superblock, versionText } from './layout.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { fetchPair, firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { forceConsistency } from './repair.ts';
import { makeTag, type } from './tag.ts';
import { commitPair } from './transact.ts';
import { visitBlocks } from './traverse.ts';

export interface LfsFsInfo {
  /** `'2.0'` or `'2.1'`: as it is on disk. */
  readonly diskVersion: string;
  readonly blockSize: number;
  readonly blockCount: number;
  readonly nameMax: number;
  readonly fileMax: number;
  readonly attrMax: number;
}

function readSuperblock(lfs: Lfs): Superblock {
  const root = fetchPair(lfs, lfs.root0, lfs.root1);
  const entry = root.entries[0]!;
  const bytes = new Uint8Array(entry.structSize);
  readOrThrow(lfs, root.block0, entry.structAt, bytes, 0, bytes.length);
  return decodeSuperblock(bytes, 0, bytes.length);
}

export function fsStat(lfs: Lfs): LfsFsInfo {
  const version = needsSuperblock(lfs.gstate) ? readSuperblock(lfs).version : lfs.settings.diskVersion;
  return {
    diskVersion: versionText(version),
    blockSize: lfs.blockSize,
    blockCount: lfs.blockCount,
    nameMax: lfs.nameMax,
    fileMax: lfs.fileMax,
    attrMax: lfs.attrMax,
  };
}

/** Blocks in use; what several files share while they are written counts more than once. */
export function fsSize(lfs: Lfs): number {
  let size = 0;
  visitBlocks(lfs, () => size++, false);
  return size;
}

/** Work that a later write would have to do: repairs, compaction of long logs, the allocator's window. */
export function collectGarbage(lfs: Lfs): void {
  forceConsistency(lfs);
  const { blockSize, progSize, settings } = lfs;
  const thresh = settings.compactThresh;
  // Without room for a program behind it, a log need not be compacted.
  if (thresh >= 0 && thresh < blockSize - progSize) {
    const limit = thresh === 0 ? blockSize - Math.floor(blockSize / 8) : thresh;
    const guard = new ThreadGuard(lfs);
    for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
      guard.step();
      if (!mdir.erased || mdir.end > limit) commitPair(lfs, mdir, [], false);
    }
  }
  if (lfs.lookahead.size < Math.min(8 * settings.lookaheadSize, lfs.blockCount)) scanLookahead(lfs);
}

/** Changes the number of blocks. Fewer is possible where none of those to go is in use. */
export function grow(lfs: Lfs, blockCount: number): void {
  whole('blockCount', blockCount, 2, lfs.device.blockCount);
  const before = lfs.blockCount;
  if (blockCount === before) return;
  if (blockCount < before) {
    visitBlocks(
      lfs,
      (block) => {
        if (block >>> 0 >= blockCount)
          throw new LfsError(
            'LFS_ERR_NOTEMPTY',
            `block ${block} is in use: the file system cannot shrink to ${blockCount} blocks`,
          );
      },
      true,
    );
  }
  settleStart(lfs);
  lfs.blockCount = blockCount;
  const commits = lfs.commits;
  try {
    resizeLookahead(lfs, before);
    const superblock = readSuperblock(lfs);
    superblock.blockCount = blockCount;
    const root = fetchPair(lfs, lfs.root0, lfs.root1);
    commitPair(lfs, root, [
      { tag: makeTag(type.INLINESTRUCT, 0, SUPERBLOCK_SIZE), data: encodeSuperblock(superblock) },
    ]);
  } catch (error) {
    if (lfs.commits === commits) lfs.blockCount = before;
    throw error;
  }
}
