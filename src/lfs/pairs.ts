/**
 * Which pairs are in RAM, and how one gets there (C: lfs_dir_fetch). Also the thread: the list of all metadata pairs,
 * linked by their tails, that starts at blocks 0 and 1.
 *
 * A pair is known by its exact two blocks. While a pair is being relocated the thread still names the old two, of
 * which one is shared with the new pair: fetching those reads the old log again, which is what stands on disk there.
 *
 * @module
 */

import { onDisk, openBlock, readWord } from './cache.ts';
import { corrupt } from './errors.ts';
import { equalPair, movingFrom, samePair } from './gstate.ts';
import { DISK_VERSION_2_1, NO_BLOCK } from './layout.ts';
import type { Lfs } from './lfs.ts';
import { endIsErased, foldLog, scanLog } from './log.ts';
import { type Entry, Mdir } from './mdir.ts';
import { recallLog } from './memo.ts';
import { type } from './tag.ts';

/** The pair of these two blocks, from RAM or from disk. Throws CORRUPT when neither block holds a valid log. */
export function fetchPair(lfs: Lfs, a: number, b: number): Mdir {
  const known = lfs.pairs.get(a);
  if (known !== undefined && (known.block0 === a ? known.block1 === b : known.block0 === b)) return known;
  const mdir = readPair(lfs, a, b);
  const other = known ?? lfs.pairs.get(b);
  // A stale reference to a pair that has moved on is read, used, and forgotten. What somebody walks in is not replaced.
  if (other === undefined || (other.directory === null && ((mdir.rev - other.rev) | 0) > 0)) {
    if (other !== undefined) forgetPair(lfs, other);
    registerPair(lfs, mdir);
  }
  return mdir;
}

export function registerPair(lfs: Lfs, mdir: Mdir): void {
  lfs.pairs.set(mdir.block0, mdir);
  lfs.pairs.set(mdir.block1, mdir);
}

export function forgetPair(lfs: Lfs, mdir: Mdir): void {
  if (lfs.pairs.get(mdir.block0) === mdir) lfs.pairs.delete(mdir.block0);
  if (lfs.pairs.get(mdir.block1) === mdir) lfs.pairs.delete(mdir.block1);
}

/** A block is used for something else: no pair has its log there any more. */
export function forgetBlock(lfs: Lfs, block: number): void {
  const stale = lfs.pairs.get(block);
  if (stale !== undefined && stale.block0 === block) forgetPair(lfs, stale);
}

/** Reads a pair from disk: the block with the newer revision, or the other if that one has no valid commit. */
export function readPair(lfs: Lfs, a: number, b: number): Mdir {
  if (!onDisk(lfs, a) || !onDisk(lfs, b))
    throw corrupt(
      `metadata pair {${a >>> 0}, ${b >>> 0}} lies outside the ${lfs.blockCount || lfs.device.blockCount} blocks`,
    );
  const revA = readWord(lfs, a, 0);
  const revB = readWord(lfs, b, 0);
  const bIsNewer = revB !== undefined && ((revB - (revA ?? 0)) | 0) > 0;
  const mdir = bIsNewer ? (readLog(lfs, b, a) ?? readLog(lfs, a, b)) : (readLog(lfs, a, b) ?? readLog(lfs, b, a));
  if (mdir !== null) return mdir;
  throw corrupt(`metadata pair {${a}, ${b}} has no valid commit in either block`, a);
}

/** The pair as the log of its first block has it; `null` if that has no valid commit. */
function readLog(lfs: Lfs, block: number, other: number): Mdir | null {
  const known = recallLog(lfs, block, other);
  if (known !== null) return known;
  const { scan } = lfs;
  const reader = openBlock(lfs, block);
  if (!scanLog(reader, lfs.blockSize, scan)) return null;
  const mdir = new Mdir(block, other);
  foldLog(scan, reader.bytes, mdir);
  mdir.erased = endIsErased(reader, scan, lfs.progSize, lfs.settings.diskVersion >= DISK_VERSION_2_1);
  return mdir;
}

/** Reads a pair anew after a commit to it failed half-way: whatever is on disk now counts. */
export function refreshPair(lfs: Lfs, mdir: Mdir): void {
  const fresh = readPair(lfs, mdir.block0, mdir.block1);
  const same = fresh.block0 === mdir.block0 && fresh.end === mdir.end && fresh.count === mdir.count;
  mdir.erased = fresh.erased;
  // If not, the failed commit is valid after all.
  if (!same) overwritePair(lfs, mdir, fresh);
}

/**
 * Makes RAM name the pairs that the thread names. Where pairs had to move again and again, a new state that nobody had
 * been told of may have lost to an old one that was written once more.
 */
export function adoptThread(lfs: Lfs): void {
  const guard = new ThreadGuard(lfs);
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    const { block0, block1 } = mdir;
    const known = lfs.pairs.get(block0) ?? lfs.pairs.get(block1);
    if (known === mdir && lfs.pairs.get(block1) === mdir) continue;
    const fresh = readPair(lfs, block0, block1);
    mdir.alive = false;
    mdir = known ?? fresh;
    forgetPair(lfs, mdir);
    if (mdir !== fresh) overwritePair(lfs, mdir, fresh);
    registerPair(lfs, mdir);
  }
}

/** Entries keep their identity by position, as open files do in C. */
function overwritePair(lfs: Lfs, mdir: Mdir, fresh: Mdir): void {
  mdir.block0 = fresh.block0;
  mdir.block1 = fresh.block1;
  mdir.rev = fresh.rev;
  mdir.end = fresh.end;
  mdir.etag = fresh.etag;
  mdir.seed = fresh.seed;
  mdir.crcs = fresh.crcs;
  mdir.erased = fresh.erased;
  mdir.tail0 = fresh.tail0;
  mdir.tail1 = fresh.tail1;
  mdir.split = fresh.split;
  mdir.delta.copy(fresh.delta);
  const before = mdir.entries;
  const entries = fresh.entries;
  if (before.length === entries.length) {
    for (const [id, entry] of entries.entries()) entries[id] = before[id]!.become(entry);
  }
  for (const file of lfs.files) {
    const id = file.entry.mdir === mdir ? before.indexOf(file.entry) : -1;
    if (id >= 0 && entries[id] !== undefined) file.entry = entries[id];
  }
  for (const entry of entries) entry.mdir = mdir;
  mdir.entries = entries;
  mdir.named = false;
  mdir.next = null;
  mdir.pred = null;
  lfs.parents = null;
  forgetDirectories(lfs);
}

/** Drops every index of names; they are made again when asked for. */
export function forgetDirectories(lfs: Lfs): void {
  lfs.rootDirectory = null;
  for (const mdir of lfs.pairs.values()) {
    mdir.directory = null;
    for (const entry of mdir.entries) entry.child = null;
  }
}

/** The pair that the tail names, or `undefined` at the end of the thread. */
export function tailOf(lfs: Lfs, mdir: Mdir): Mdir | undefined {
  if (!mdir.hasTail) return undefined;
  const next = mdir.next;
  if (next?.alive && equalPair(next.block0, next.block1, mdir.tail0, mdir.tail1)) return next;
  const fetched = fetchPair(lfs, mdir.tail0, mdir.tail1);
  if (fetched.alive && lfs.pairs.get(fetched.block0) === fetched) mdir.next = fetched;
  return fetched;
}

/** The start of the thread. */
export function firstPair(lfs: Lfs): Mdir {
  return fetchPair(lfs, 0, 1);
}

/** Counts steps along the thread: more than there are blocks means that it bites its tail. */
export class ThreadGuard {
  private left: number;

  constructor(lfs: Lfs) {
    this.left = lfs.blockCount || lfs.device.blockCount;
  }

  step(): void {
    if (--this.left < 0) throw corrupt('the thread of metadata pairs runs in a circle');
  }
}

/** The first pair of the thread whose tail names this pair (either block). `undefined`: it is not in the thread. */
export function findPred(lfs: Lfs, a: number, b: number): Mdir | undefined {
  if (lfs.relocating === 0) {
    const hint = lfs.pairs.get(a)?.pred;
    if (hint?.alive && hint.hasTail && samePair(hint.tail0, hint.tail1, a, b)) return hint;
  }
  const guard = new ThreadGuard(lfs);
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; ) {
    guard.step();
    if (mdir.hasTail && samePair(mdir.tail0, mdir.tail1, a, b)) return mdir;
    const next: Mdir | undefined = tailOf(lfs, mdir);
    if (next !== undefined && lfs.relocating === 0) next.pred = mdir;
    mdir = next;
  }
  return undefined;
}

/** The first entry in thread order that leads to this pair (either block). */
export function findParent(lfs: Lfs, a: number, b: number): Entry | undefined {
  if (lfs.parents === null || lfs.parents.commits !== lfs.commits) lfs.parents = indexParents(lfs);
  const one = lfs.parents.byBlock.get(a);
  const two = lfs.parents.byBlock.get(b);
  if (one === undefined || two === undefined) return (one ?? two)?.entry;
  return one.order <= two.order ? one.entry : two.entry;
}

function indexParents(lfs: Lfs): { commits: number; byBlock: Map<number, { order: number; entry: Entry }> } {
  const byBlock = new Map<number, { order: number; entry: Entry }>();
  const guard = new ThreadGuard(lfs);
  let order = 0;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    // An entry that is being moved away does not count: the one it was moved to does.
    const moving = movingFrom(lfs.gdisk, mdir.block0, mdir.block1);
    if (!mdir.glance.some((entry) => entry.structType === type.DIRSTRUCT)) continue;
    for (const [id, entry] of mdir.entries.entries()) {
      if (entry.structType !== type.DIRSTRUCT || entry.structSize !== 8 || id === moving) continue;
      for (const block of [entry.word0, entry.word1]) {
        if (block !== NO_BLOCK && !byBlock.has(block)) byBlock.set(block, { order, entry });
      }
      order++;
    }
  }
  return { commits: lfs.commits, byBlock };
}
