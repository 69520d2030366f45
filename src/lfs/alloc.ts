/**
 * Which block is next (C: lfs_alloc*). This decides bytes: the order of allocation is C's.
 *
 * The window covers `8 * lookaheadSize` blocks from where the last one ended, but never more than may be handed out
 * before the next checkpoint. It is filled by a walk over everything in use and is a snapshot from then on: a block
 * freed since is not seen until the next window.
 *
 * Invariants: (1) between two checkpoints no block is handed out twice; (2) a checkpoint is taken only when every block
 * handed out so far is reachable (committed, or held by an open file).
 *
 * @module
 */

import { crc32Joined } from './crc32.ts';
import type { Lfs } from './lfs.ts';
import { visitBlocks } from './traverse.ts';

/** Everything handed out so far is reachable: any block not in use may be handed out again. */
export function checkpoint(lfs: Lfs): void {
  lfs.lookahead.checkpoint = lfs.blockCount;
}

/** Forgets the window. */
export function dropLookahead(lfs: Lfs): void {
  lfs.lookahead.size = 0;
  lfs.lookahead.next = 0;
  checkpoint(lfs);
}

/** Works out where the first window starts: before it is taken, and before the number of blocks changes. */
export function settleStart(lfs: Lfs): void {
  if (lfs.seedParts === null) return;
  lfs.lookahead.start = mountSeed(lfs.seedParts) % lfs.blockCount;
  lfs.seedParts = null;
}

/**
 * The number of blocks changes from `before`. The window stays, as in C, but what C overlooks: its part behind the old
 * or new last block now stands for other blocks, perhaps the superblock's. Those in use must not be handed out.
 */
export function resizeLookahead(lfs: Lfs, before: number): void {
  const window = lfs.lookahead;
  const count = lfs.blockCount;
  // More than there are could be handed out twice.
  window.checkpoint = Math.min(window.checkpoint, count);
  if (window.bits === null || window.start + window.size <= Math.min(before, count)) return;
  const { bits } = window;
  window.start %= count;
  window.size = Math.min(window.size, count);
  visitBlocks(
    lfs,
    (block) => {
      const offset = (block - window.start + count) % count;
      if (offset >= 0 && offset < window.size) bits[offset >> 3]! |= 1 << (offset & 7);
    },
    true,
  );
}

/** Takes the next window. */
export function scanLookahead(lfs: Lfs): void {
  const window = lfs.lookahead;
  const count = lfs.blockCount;
  settleStart(lfs);
  window.start = (window.start + window.next) % count;
  window.next = 0;
  window.size = Math.min(8 * lfs.settings.lookaheadSize, window.checkpoint);
  window.bits ??= new Uint8Array(
    Math.ceil(Math.min(8 * lfs.settings.lookaheadSize, Math.max(count, lfs.device.blockCount)) / 8),
  );
  const { bits, start, size } = window;
  bits.fill(0);
  try {
    visitBlocks(
      lfs,
      (block) => {
        let offset = block - start;
        // What is no block (a broken pointer, or the mark that `visitOwnBlocks` tells of) counts as in C.
        if (block < 0 || block >= count) offset = ((offset + count) >>> 0) % count;
        else if (offset < 0) offset += count;
        if (offset < size) bits[offset >> 3]! |= 1 << (offset & 7);
      },
      true,
    );
  } catch (error) {
    dropLookahead(lfs);
    throw error;
  }
}

/** Where the first window starts: somewhere that differs from mount to mount, so that all blocks wear alike. */
function mountSeed(parts: readonly number[]): number {
  let seed = 0;
  for (let i = 0; i < parts.length; i += 2) seed = crc32Joined(seed, parts[i]!, parts[i + 1]!);
  return seed;
}

/** A window that nobody has filled is that of a new file system: all is free. */
function isTaken(bits: Uint8Array | null, at: number): boolean {
  return bits !== null && (bits[at >> 3]! & (1 << (at & 7))) !== 0;
}

/** The next free block, or -1 when the file system is full. */
export function allocBlock(lfs: Lfs): number {
  const window = lfs.lookahead;
  for (;;) {
    const bits = window.bits;
    while (window.next < window.size) {
      const at = window.next;
      if (isTaken(bits, at)) {
        window.next++;
        window.checkpoint--;
        continue;
      }
      const block = (window.start + at) % lfs.blockCount;
      // Passing over blocks in use now leaves as many as possible for the window after the next checkpoint.
      do {
        window.next++;
        window.checkpoint--;
      } while (window.next < window.size && isTaken(bits, window.next));
      return block;
    }
    if (window.checkpoint <= 0) return -1;
    scanLookahead(lfs);
  }
}
