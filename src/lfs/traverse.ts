/**
 * Every block in use, in C's order: the thread of pairs, the blocks of their files, then what open files hold beyond
 * that (C: lfs_fs_traverse).
 *
 * @module
 */

import { visitChain } from './ctz.ts';
import { LfsError } from './errors.ts';
import { hasOrphans, movingFrom } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Entry, Mdir } from './mdir.ts';
import { fetchPair, firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { type } from './tag.ts';

/**
 * Calls `visit` for each block; a block may come more than once. `withOrphans` also takes the pairs that directories
 * name, which matter while a relocation is not finished.
 */
export function visitBlocks(lfs: Lfs, visit: (block: number) => void, withOrphans: boolean): void {
  const guard = new ThreadGuard(lfs);
  // Between a power cut and the end of the repairs, and while pairs move. In any other moment that finds nothing that is
  // not known already.
  const follow = withOrphans && (!lfs.surveyed || lfs.relocating > 0 || hasOrphans(lfs.gstate));
  const threaded = new Set<string>();
  const directories: Entry[] = [];
  let a = 0;
  let b = 1;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    if (follow) threaded.add(keyOf(mdir));
    visit(a);
    visit(b);
    const entries = mdir.glance;
    const moving = movingFrom(lfs.gdisk, mdir.block0, mdir.block1);
    for (let id = 0; id < entries.length; id++) {
      // What an entry that is being moved away has, the one that it is moved to has as well; but while that one's pair
      // is still being made known, only the old one can be found.
      if (id === moving && !withOrphans) continue;
      const entry = entries[id]!;
      if (entry.structType === type.CTZSTRUCT) visitChain(lfs, entry.word0, entry.word1 >>> 0, visit);
      else if (withOrphans && entry.structType === type.DIRSTRUCT) {
        visit(entry.word0);
        visit(entry.word1);
        if (follow) directories.push(entry);
      }
    }
    a = mdir.tail0;
    b = mdir.tail1;
  }
  if (follow) visitUnthreaded(lfs, visit, threaded, directories);
  // C keeps open files in a list with the youngest first.
  for (let i = lfs.files.length - 1; i >= 0; i--) lfs.files[i]!.visitOwnBlocks(visit);
}

/**
 * What only the new state of a pair has that the thread still names by its old one. (C does not look there, and after a
 * power cut hands out blocks of what was acknowledged.)
 */
function visitUnthreaded(lfs: Lfs, visit: (block: number) => void, seen: Set<string>, directories: Entry[]): void {
  for (const { word0, word1, structSize } of directories) {
    let mdir = structSize < 8 ? undefined : unlessCorrupt(() => fetchPair(lfs, word0, word1));
    while (mdir !== undefined && !seen.has(keyOf(mdir))) {
      seen.add(keyOf(mdir));
      visit(mdir.block0);
      visit(mdir.block1);
      for (const entry of mdir.glance) {
        if (entry.structType === type.CTZSTRUCT)
          unlessCorrupt(() => visitChain(lfs, entry.word0, entry.word1 >>> 0, visit));
        else if (entry.structType === type.DIRSTRUCT) directories.push(entry);
      }
      const { hasTail, tail0, tail1 } = mdir;
      mdir = hasTail ? unlessCorrupt(() => fetchPair(lfs, tail0, tail1)) : undefined;
    }
  }
}

/** Pairs that share a block are not all kept in RAM: one of them is another object each time. */
function keyOf({ block0, block1 }: Mdir): string {
  return block0 < block1 ? `${block0} ${block1}` : `${block1} ${block0}`;
}

/** What is stale may lead anywhere. */
function unlessCorrupt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof LfsError && error.code === 'LFS_ERR_CORRUPT') return undefined;
    throw error;
  }
}
