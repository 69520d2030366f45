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

import { clearMove, hasMove, hasOrphans, needsSuperblock, setNeedsSuperblock } from './gstate.ts';
import { encodeSuperblock, SUPERBLOCK_SIZE } from './layout.ts';
import type { Lfs } from './lfs.ts';
import { deorphan } from './orphans.ts';
import { fetchPair } from './pairs.ts';
import { makeTag, tagId, type } from './tag.ts';
import { commitPair } from './transact.ts';

/** Makes the disk fit to be written to. */
export function forceConsistency(lfs: Lfs): void {
  if (needsSuperblock(lfs.gstate)) rewriteSuperblock(lfs);
  if (hasMove(lfs.gdisk)) finishMove(lfs);
  if (hasOrphans(lfs.gstate)) deorphan(lfs, true);
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

function finishMove(lfs: Lfs): void {
  const from = fetchPair(lfs, lfs.gdisk.pair0, lfs.gdisk.pair1);
  const id = tagId(lfs.gdisk.tag);
  clearMove(lfs.gstate);
  // A move of an entry that is not there (no littlefs writes that) is only forgotten: deleting it would hit another.
  commitPair(lfs, from, id < from.count ? [{ tag: makeTag(type.DELETE, id, 0), data: null }] : []);
}
