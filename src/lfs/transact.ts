/**
 * The doors by which metadata changes: `commitPair` for one commit, `transact` around every operation that writes.
 *
 * Invariants: (1) an operation that throws before its first commit leaves everything as it was; (2) one that throws
 * after it leaves what a power cut there would leave, which the next operation repairs; (3) anything thrown that is no
 * LfsError (a power cut, a bug, a device's own error) poisons the mount: RAM and disk may differ, nothing is written
 * any more.
 *
 * @module
 */

import { LfsError } from './errors.ts';
import { GState, orphanCount } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { readThread } from './mount.ts';
import { deorphan } from './orphans.ts';
import type { Change } from './pair-commit.ts';
import { orphaningCommit } from './relocate.ts';

/** Commits changes to a pair, and removes the orphans that nested relocations may have made. */
export function commitPair(lfs: Lfs, mdir: Mdir, changes: readonly Change[], erased: boolean = mdir.erased): void {
  const orphans = orphanCount(lfs.gstate);
  if (orphaningCommit(lfs, mdir, changes, erased)) deorphan(lfs, false, orphans);
  if (lfs.precious.length > 0) lfs.precious.length = 0;
}

export function checkMounted(lfs: Lfs): void {
  if (!lfs.mounted) throw new LfsError('LFS_ERR_BADF', 'the file system is not mounted any more');
}

/**
 * What was going on when a mount became unable to write may have left RAM and disk different. Who reads sees what is on
 * disk, as after a power cut there.
 */
export function checkReadable(lfs: Lfs): void {
  checkMounted(lfs);
  if (lfs.poison === null || lfs.reread) return;
  readThread(lfs);
  lfs.reread = true;
}

export function transact<T>(lfs: Lfs, work: () => T): T {
  checkMounted(lfs);
  if (lfs.poison !== null)
    throw new LfsError('LFS_ERR_IO', `nothing can be written any more, mount again: ${lfs.poison}`);
  const commits = lfs.commits;
  const { tag, pair0, pair1 } = lfs.gstate;
  const delta = lfs.gdelta.isZero() ? null : new GState();
  delta?.copy(lfs.gdelta);
  try {
    return work();
  } catch (error) {
    if (lfs.commits === commits) {
      lfs.gstate.tag = tag;
      lfs.gstate.pair0 = pair0;
      lfs.gstate.pair1 = pair1;
      if (delta === null) lfs.gdelta.clear();
      else lfs.gdelta.copy(delta);
    } else {
      // What was to be finished by a later commit is still pending: it must not be forgotten by the next one.
      lfs.gstate.copy(lfs.gdisk);
      lfs.gdelta.clear();
    }
    if (!(error instanceof LfsError)) lfs.poison ??= String(error);
    throw error;
  }
}
