/**
 * Orphans: pairs of the thread that no directory leads to, and half-orphans (C: lfs_fs_deorphan).
 *
 *   half-orphan   the thread names an old pair, the parent a new one: the thread is mended
 *   orphan        a pair in the thread with no parent: taken out
 *
 * Half-orphans come first, in a pass of their own: they can hide orphans.
 *
 * @module
 */

import { addOrphans, equalPair, GState, hasOrphans, orphanCount } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { type Change, retirePair, tailChange } from './pair-commit.ts';
import { adoptThread, fetchPair, findParent, firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { orphaningCommit, takeMove } from './relocate.ts';
import { type } from './tag.ts';

/**
 * Takes orphans out of the thread. Only after a power cut is a pair without a parent really one: `rest` of them are
 * the caller's, who is not done yet with making or removing a directory. (C counts those as done too.)
 */
export function deorphan(lfs: Lfs, afterPowerLoss: boolean, rest = 0): void {
  if (!hasOrphans(lfs.gstate)) return;
  lfs.relocating++;
  if (afterPowerLoss) notePrecious(lfs);
  try {
    for (let pass = 0; pass < 2; ) pass = deorphanPass(lfs, pass, afterPowerLoss) ? 0 : pass + 1;
  } finally {
    lfs.relocating--;
    if (afterPowerLoss) lfs.precious.length = 0;
  }
  adoptThread(lfs);
  addOrphans(lfs.gstate, rest - orphanCount(lfs.gstate));
}

/** Whether an entry names the new pair of a directory where the thread has the old one; only what is known is looked at. */
export function hasHalfOrphans(lfs: Lfs): boolean {
  const { pairs } = lfs;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    for (const { structType, word0, word1 } of mdir.glance) {
      if (structType === type.DIRSTRUCT && pairs.get(word0) !== pairs.get(word1)) return true;
    }
  }
  return false;
}

/**
 * The global state as of the thread that `deorphan` will make of this one. A pair that had to move may have taken part
 * in an operation already, and its share of the state with it: where power was lost before the thread named it, the
 * state of the thread as it is lacks that share.
 */
export function mendedState(lfs: Lfs): GState {
  const state = new GState();
  const guard = new ThreadGuard(lfs);
  let mdir = firstPair(lfs);
  for (;;) {
    state.xor(mdir.delta);
    if (!mdir.hasTail) return state;
    guard.step();
    const parent = mdir.split ? undefined : findParent(lfs, mdir.tail0, mdir.tail1);
    mdir = parent === undefined ? tailOf(lfs, mdir)! : fetchPair(lfs, parent.word0, parent.word1);
  }
}

/** Of pairs whose moving was interrupted nobody knows any more what their old states lack. */
function notePrecious(lfs: Lfs): void {
  const guard = new ThreadGuard(lfs);
  for (let mdir = firstPair(lfs); mdir.hasTail; mdir = tailOf(lfs, mdir)!) {
    guard.step();
    const parent = mdir.split ? undefined : findParent(lfs, mdir.tail0, mdir.tail1);
    if (parent !== undefined && !equalPair(parent.word0, parent.word1, mdir.tail0, mdir.tail1))
      lfs.precious.push(fetchPair(lfs, parent.word0, parent.word1));
  }
}

/**
 * True when its own commits may have made more orphans, or shown some: a pair that is now in the thread may name new
 * pairs of directories that were passed by already. (C goes on, and later takes the new pair for an orphan.)
 */
function deorphanPass(lfs: Lfs, pass: number, afterPowerLoss: boolean): boolean {
  let more = false;
  const guard = new ThreadGuard(lfs);
  let pred: Mdir = firstPair(lfs);
  let erased = pred.erased;
  while (pred.hasTail) {
    guard.step();
    const mdir = tailOf(lfs, pred)!;
    if (!pred.split) {
      const parent = findParent(lfs, pred.tail0, pred.tail1);
      if (pass === 0 && parent !== undefined && !equalPair(parent.word0, parent.word1, pred.tail0, pred.tail1)) {
        const changes: Change[] = [];
        const { word0, word1 } = parent;
        takeMove(lfs, pred, changes);
        changes.push(tailChange(false, word0, word1));
        orphaningCommit(lfs, pred, changes, erased);
        more = true;
        // What the thread named until now was the old state of the pair: nobody may take it for a predecessor.
        mdir.alive = false;
        // Its last entry was the one moved away, and so it went itself: start over.
        if (!pred.alive) return true;
        continue;
      }
      if (pass === 1 && parent === undefined && afterPowerLoss) {
        lfs.gdelta.xor(mdir.delta);
        if (orphaningCommit(lfs, pred, [tailChange(mdir.split, mdir.tail0, mdir.tail1)], erased)) more = true;
        retirePair(lfs, mdir);
        continue;
      }
    }
    pred = mdir;
    erased = mdir.erased;
  }
  return more;
}
