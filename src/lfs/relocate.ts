/**
 * A commit and all that follows from a pair that had to move (C: lfs_dir_orphaningcommit).
 *
 * A relocated pair keeps one of its two blocks. Until its parent and its predecessor name the new pair, the thread
 * still leads to the old one:
 *
 *   moved      the new pair holds the new state, everybody names the old one
 *   half       the parent's entry names the new pair, the thread the old one: a half-orphan, counted in the global state
 *   done       the predecessor's tail names the new pair as well
 *
 * Telling parent or predecessor may move those in turn; then it starts over with them.
 *
 * @module
 */

import { needsRelocation } from './compact.ts';
import { addOrphans, clearMove, hasOrphans, movingFrom, samePair } from './gstate.ts';
import { encodePair } from './layout.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import {
  applyChanges,
  type Change,
  type CommitState,
  relocatingCommit,
  retirePair,
  tailChange,
} from './pair-commit.ts';
import { findParent, findPred, ThreadGuard, tailOf } from './pairs.ts';
import { makeTag, tagFamily, type } from './tag.ts';

/**
 * Commits changes to a pair; true when nested relocations may have left orphans. `erased` is what the caller knows of
 * the end of the log: false has the pair written anew.
 */
export function orphaningCommit(
  lfs: Lfs,
  mdir: Mdir,
  changes: readonly Change[],
  erased: boolean = mdir.erased,
): boolean {
  if (lfs.files.length > 0) for (const file of [...lfs.files]) file.leaveMetadata(mdir);
  let old0 = mdir.block0;
  let old1 = mdir.block1;
  let moved = mdir;
  let state = commitOne(lfs, mdir, changes, erased);

  if (state === 'dropped') {
    moved = findPred(lfs, mdir.block0, mdir.block1)!;
    old0 = moved.block0;
    old1 = moved.block1;
    state = dropFromThread(lfs, mdir, changes, moved);
  }

  let orphans = false;
  if (state !== 'relocated') return orphans;
  lfs.relocating++;
  try {
    while (state === 'relocated') {
      state = 'done';
      lfs.precious.push(moved);
      if (samePair(old0, old1, lfs.root0, lfs.root1)) {
        lfs.root0 = moved.block0;
        lfs.root1 = moved.block1;
      }

      const parentEntry = findParent(lfs, old0, old1);
      const parent = parentEntry?.mdir;
      if (parentEntry !== undefined && parent) {
        addOrphans(lfs.gstate, 1);
        let id = parent.entries.indexOf(parentEntry);
        const changes: Change[] = [];
        const moving = takeMove(lfs, parent, changes);
        if (moving >= 0 && moving < id) id--;
        const parent0 = parent.block0;
        const parent1 = parent.block1;
        changes.push({ tag: makeTag(type.DIRSTRUCT, id, 8), data: encodePair(moved.block0, moved.block1) });
        state = commitOne(lfs, parent, changes, parent.erased);
        if (state === 'relocated') {
          old0 = parent0;
          old1 = parent1;
          moved = parent;
          orphans = true;
          continue;
        }
      }

      const pred = findPred(lfs, old0, old1);
      if (pred !== undefined) {
        // Without a parent nothing is taken away, but the mark for orphans is set anew (a superblock to be written sets it too).
        if (hasOrphans(lfs.gstate)) addOrphans(lfs.gstate, parentEntry !== undefined ? -1 : 0);
        const changes: Change[] = [];
        takeMove(lfs, pred, changes);
        old0 = pred.block0;
        old1 = pred.block1;
        changes.push(tailChange(pred.split, moved.block0, moved.block1));
        moved = pred;
        state = commitOne(lfs, pred, changes, pred.erased);
        if (state === 'dropped') {
          // The move was its last entry, so the pair before it is the one to be told (C stops at an assertion here).
          moved = findPred(lfs, pred.block0, pred.block1)!;
          old0 = moved.block0;
          old1 = moved.block1;
          state = dropFromThread(lfs, pred, changes, moved);
        }
      }
    }
  } catch (error) {
    lfs.poison ??= `a metadata pair moved to {${moved.block0}, ${moved.block1}}, which could not be made known`;
    throw error;
  } finally {
    lfs.relocating--;
  }
  return orphans;
}

/**
 * A commit. While the thread holds an old state of a pair that moved, nothing moves of which somebody would have to be
 * told in that old state, worn or not: the new one would not know of it, and what only the new one has, be it a tail,
 * would be lost with it. (C moves it, and loses an acknowledged write.)
 */
function commitOne(lfs: Lfs, mdir: Mdir, changes: readonly Change[], erased: boolean): CommitState {
  if (lfs.precious.length > 0 && needsRelocation(lfs, mdir.rev)) lfs.mayMove = !involvesOld(lfs, mdir);
  try {
    return relocatingCommit(lfs, mdir, changes, erased);
  } finally {
    lfs.mayMove = true;
  }
}

function involvesOld(lfs: Lfs, mdir: Mdir): boolean {
  if (lfs.precious.some((pair) => leadsTo(lfs, pair, mdir))) return true;
  const parent = findParent(lfs, mdir.block0, mdir.block1)?.mdir ?? undefined;
  const pred = findPred(lfs, mdir.block0, mdir.block1);
  return [mdir, parent, pred].some((pair) => pair !== undefined && isOld(lfs, pair));
}

/**
 * Whether a pair, or one split off it, has the entry of the directory that begins with `mdir`, or comes before `mdir` in
 * the thread as it will be.
 */
function leadsTo(lfs: Lfs, pair: Mdir, mdir: Mdir): boolean {
  const guard = new ThreadGuard(lfs);
  for (let part: Mdir | undefined = pair; part !== undefined; part = part.split ? tailOf(lfs, part) : undefined) {
    guard.step();
    if (part.hasTail && samePair(part.tail0, part.tail1, mdir.block0, mdir.block1)) return true;
    for (const { structType, word0, word1 } of part.glance)
      if (structType === type.DIRSTRUCT && samePair(word0, word1, mdir.block0, mdir.block1)) return true;
  }
  return false;
}

/** A precious pair has taken this one's place. */
function isOld(lfs: Lfs, mdir: Mdir): boolean {
  const isNewer = (other: Mdir | undefined) => other !== undefined && other !== mdir && lfs.precious.includes(other);
  return isNewer(lfs.pairs.get(mdir.block0)) || isNewer(lfs.pairs.get(mdir.block1));
}

/**
 * Instead of a commit that would leave a pair empty: the pair before it takes over its tail, as the changes would have
 * it, and its share of the global state.
 */
function dropFromThread(lfs: Lfs, mdir: Mdir, changes: readonly Change[], pred: Mdir): CommitState {
  const tail = changes.find(({ tag }) => tagFamily(tag) === type.TAIL);
  lfs.gdelta.xor(mdir.delta);
  const state = commitOne(lfs, pred, [tail ?? tailChange(mdir.split, mdir.tail0, mdir.tail1)], pred.erased);
  applyChanges(lfs, mdir, changes, null);
  retirePair(lfs, mdir);
  for (const dir of lfs.dirs) dir.follow(lfs, mdir);
  return state;
}

/**
 * A pending move from this pair has to be finished by the next commit to the pair: after it the id that the global
 * state names would mean something else. Returns the id, or -1.
 */
export function takeMove(lfs: Lfs, mdir: Mdir, changes: Change[]): number {
  const id = movingFrom(lfs.gstate, mdir.block0, mdir.block1);
  if (id >= 0) {
    clearMove(lfs.gstate);
    changes.push({ tag: makeTag(type.DELETE, id, 0), data: null });
  }
  return id;
}
