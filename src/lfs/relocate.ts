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
import { addOrphans, clearMove, equalPair, hasOrphans, movingFrom, samePair } from './gstate.ts';
import { encodePair } from './layout.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { applyChanges, type Change, type CommitState, relocatingCommit, retirePair, tailChange } from './pair-commit.ts';
import { findParent, findPred } from './pairs.ts';
import { makeTag, tagFamily, type } from './tag.ts';

/**
 * Commits changes to a pair; true when nested relocations may have left orphans. `erased` is what the caller knows of
 * the end of the log: false has the pair written anew.
 */
export function orphaningCommit(lfs: Lfs, mdir: Mdir, changes: readonly Change[], erased: boolean = mdir.erased): boolean {
  for (const file of [...lfs.files]) file.leaveMetadata(mdir);
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
 * A commit that does not move the pair, worn or not, where the thread still holds an old state of the pair or of its
 * parent. C moves it: what the old state does not have, an acknowledged write maybe, is lost with the new one.
 */
function commitOne(lfs: Lfs, mdir: Mdir, changes: readonly Change[], erased: boolean): CommitState {
  const threadIsOld = lfs.relocating > 0 || hasOrphans(lfs.gstate);
  if (threadIsOld && needsRelocation(lfs, mdir.rev)) lfs.mayMove = !isOld(lfs, mdir) && !hasOldParent(lfs, mdir);
  try {
    return relocatingCommit(lfs, mdir, changes, erased);
  } finally {
    lfs.mayMove = true;
  }
}

function hasOldParent(lfs: Lfs, mdir: Mdir): boolean {
  const parent = findParent(lfs, mdir.block0, mdir.block1)?.mdir;
  return parent !== undefined && parent !== null && isOld(lfs, parent);
}

/** Another pair has taken this one's place, as far as RAM or its parent knows. */
function isOld(lfs: Lfs, mdir: Mdir): boolean {
  const { block0, block1 } = mdir;
  for (const block of [block0, block1]) {
    const known = lfs.pairs.get(block);
    if (known !== undefined && known !== mdir) return true;
  }
  const parent = findParent(lfs, block0, block1);
  return parent !== undefined && !equalPair(parent.word0, parent.word1, block0, block1);
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
