/**
 * Every block in use, in C's order: the thread of pairs, the blocks of their files, then what open files hold beyond
 * that (C: lfs_fs_traverse).
 *
 * @module
 */

import { visitChain } from './ctz.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { firstPair, tailOf, ThreadGuard } from './pairs.ts';
import { type } from './tag.ts';

/**
 * Calls `visit` for each block; a block may come more than once. `withOrphans` also takes the pairs that directories
 * name, which matter while a relocation is not finished.
 */
export function visitBlocks(lfs: Lfs, visit: (block: number) => void, withOrphans: boolean): void {
  const guard = new ThreadGuard(lfs);
  let a = 0;
  let b = 1;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    visit(a);
    visit(b);
    const entries = mdir.glance;
    for (let id = 0; id < entries.length; id++) {
      const entry = entries[id]!;
      if (entry.structType === type.CTZSTRUCT) visitChain(lfs, entry.word0, entry.word1 >>> 0, visit);
      else if (withOrphans && entry.structType === type.DIRSTRUCT) {
        visit(entry.word0);
        visit(entry.word1);
      }
    }
    a = mdir.tail0;
    b = mdir.tail1;
  }
  // C keeps open files in a list with the youngest first.
  for (let i = lfs.files.length - 1; i >= 0; i--) lfs.files[i]!.visitOwnBlocks(visit);
}
