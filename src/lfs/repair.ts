/**
 * Finishing what a power cut interrupted (C: lfs_fs_forceconsistency and what it calls). Done before the first write
 * of a mount; readers see through an unfinished state without it.
 *
 *   superblock of an older minor version   written anew
 *   pending move                           the entry it was moved from is deleted
 *   orphans and half-orphans               orphans.ts
 *
 * @module
 */

import {
  addOrphans,
  clearMove,
  equalPair,
  hasMove,
  hasOrphans,
  movingFrom,
  needsSuperblock,
  setNeedsSuperblock,
} from './gstate.ts';
import { encodeSuperblock, SUPERBLOCK_SIZE } from './layout.ts';
import type { Lfs } from './lfs.ts';
import type { Entry, Mdir } from './mdir.ts';
import { deorphan } from './orphans.ts';
import { fetchPair, firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { makeTag, tagId, type } from './tag.ts';
import { commitPair } from './transact.ts';

/** Makes the disk fit to be written to. */
export function forceConsistency(lfs: Lfs): void {
  if (needsSuperblock(lfs.gstate)) rewriteSuperblock(lfs);
  if (hasMove(lfs.gdisk)) finishMove(lfs);
  if (!lfs.surveyed) {
    lfs.surveyed = true;
    if (!hasOrphans(lfs.gstate) && needsMending(lfs)) addOrphans(lfs.gstate, 1);
  }
  if (hasOrphans(lfs.gstate)) deorphan(lfs, true);
}

/** To be called before a pair is written that may have to move: it would take the place of a pending move with it. */
export function settleMove(lfs: Lfs, mdir: Mdir): void {
  if (movingFrom(lfs.gdisk, mdir.block0, mdir.block1) >= 0) forceConsistency(lfs);
}

/** As `forceConsistency`, and leaves no pending state on disk. */
export function makeConsistent(lfs: Lfs): void {
  forceConsistency(lfs);
  const { gdisk, gstate } = lfs;
  if (gdisk.tag !== gstate.tag || gdisk.pair0 !== gstate.pair0 || gdisk.pair1 !== gstate.pair1)
    commitPair(lfs, fetchPair(lfs, lfs.root0, lfs.root1), []);
}

function rewriteSuperblock(lfs: Lfs): void {
  const data = encodeSuperblock({
    version: lfs.settings.diskVersion,
    blockSize: lfs.blockSize,
    blockCount: lfs.blockCount,
    nameMax: lfs.nameMax,
    fileMax: lfs.fileMax,
    attrMax: lfs.attrMax,
  });
  const root = fetchPair(lfs, lfs.root0, lfs.root1);
  commitPair(lfs, root, [{ tag: makeTag(type.INLINESTRUCT, 0, SUPERBLOCK_SIZE), data }]);
  setNeedsSuperblock(lfs.gstate, false);
}

/**
 * Whether the thread needs mending although the global state does not say so: C can lose that note when a pair is split
 * and moved at once, or when a directory is removed while its parent moves.
 *
 *   a half-orphan   an entry and the thread name pairs that share one block
 *   an orphan       a pair that no entry names, while every entry names a pair of its own in the thread; otherwise the
 *                   image is damaged, and what looks like an orphan may be a directory whose entry is
 */
function needsMending(lfs: Lfs): boolean {
  const guard = new ThreadGuard(lfs);
  /** Who names the first pair of each directory in the thread, under each of its blocks. */
  const preds = new Map<number, Mdir>();
  const directories: Entry[] = [];
  let heads = 0;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    if (!mdir.split && mdir.hasTail) {
      heads++;
      preds.set(mdir.tail0, mdir).set(mdir.tail1, mdir);
    }
    for (const entry of mdir.glance) {
      if (entry.structType === type.DIRSTRUCT && entry.structSize === 8) directories.push(entry);
    }
  }
  const named = new Set<Mdir>();
  for (const { word0, word1 } of directories) {
    const pred = preds.get(word0) ?? preds.get(word1);
    if (pred === undefined) continue;
    if (!equalPair(pred.tail0, pred.tail1, word0, word1)) return true;
    named.add(pred);
  }
  return named.size === directories.length && heads > named.size;
}

function finishMove(lfs: Lfs): void {
  const from = fetchPair(lfs, lfs.gdisk.pair0, lfs.gdisk.pair1);
  const id = tagId(lfs.gdisk.tag);
  clearMove(lfs.gstate);
  // A move of an entry that is not there (no littlefs writes that) is only forgotten: deleting it would hit another.
  commitPair(lfs, from, id < from.count ? [{ tag: makeTag(type.DELETE, id, 0), data: null }] : []);
}
