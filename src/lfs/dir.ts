/**
 * Listing a directory (C: lfs_dir_open, read, seek, tell, rewind).
 *
 * `.` and `..` come first, then the names in order. Entries may come and go while somebody lists: `inserted`, `removed`
 * and `follow` keep the place, so that no name is told twice and none that stayed is left out.
 *
 * @module
 */

import { whole } from './config.ts';
import { childDirectory, hasFileName, nameEntries, rootDirectoryOf } from './directory.ts';
import { invalid, LfsError } from './errors.ts';
import { movingFrom, samePair } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { Info, infoOf, type LfsInfo } from './names.ts';
import { ThreadGuard, tailOf } from './pairs.ts';
import { type LfsPath, noEntry, shown, walk } from './path.ts';
import { type } from './tag.ts';
import { checkMounted } from './transact.ts';

export class LfsDir implements Iterable<LfsInfo> {
  readonly #lfs: Lfs;
  readonly #head: Mdir;
  #mdir: Mdir;
  #id = 0;
  #position = 0;
  #closed = false;

  /** Made by `openDir`. */
  constructor(lfs: Lfs, head: Mdir) {
    this.#lfs = lfs;
    this.#head = head;
    this.#mdir = head;
  }

  #check(): void {
    checkMounted(this.#lfs);
    if (this.#closed) throw new LfsError('LFS_ERR_BADF', 'the directory is closed');
  }

  /** The next entry, `undefined` at the end. */
  read(): LfsInfo | undefined {
    this.#check();
    if (this.#position < 2) return new Info('dir', 0, this.#position++ === 0 ? '.' : '..');
    for (;;) {
      if (this.#id >= this.#mdir.count) {
        if (!this.#next()) return undefined;
        continue;
      }
      const mdir = this.#mdir;
      nameEntries(this.#lfs, mdir);
      const id = this.#id++;
      const entry = mdir.entries[id]!;
      if (!hasFileName(entry) || movingFrom(this.#lfs.gdisk, mdir.block0, mdir.block1) === id) continue;
      const info = infoOf(this.#lfs, entry, entry.name ?? '');
      if (info === undefined) continue;
      this.#position++;
      return info;
    }
  }

  #next(): boolean {
    if (!this.#mdir.split) return false;
    const next = tailOf(this.#lfs, this.#mdir);
    if (next === undefined) return false;
    this.#mdir = next;
    this.#id = 0;
    return true;
  }

  /** Goes to a place that `tell` gave. */
  seek(position: number): void {
    this.#check();
    whole('position', position, 0, 0xffffffff);
    this.rewind();
    this.#position = Math.min(2, position);
    let left = position - this.#position;
    const lfs = this.#lfs;
    // The superblock stands before the names of the root.
    this.#id = left > 0 && samePair(this.#head.block0, this.#head.block1, lfs.root0, lfs.root1) ? 1 : 0;
    const guard = new ThreadGuard(lfs);
    while (left > 0) {
      if (this.#id >= this.#mdir.count) {
        guard.step();
        if (!this.#next()) throw invalid(`position ${position} lies beyond the end of the directory`);
        continue;
      }
      const step = Math.min(this.#mdir.count - this.#id, left);
      this.#id += step;
      this.#position += step;
      left -= step;
    }
  }

  tell(): number {
    this.#check();
    return this.#position;
  }

  rewind(): void {
    this.#check();
    this.#mdir = this.#head;
    this.#id = 0;
    this.#position = 0;
  }

  close(): void {
    const at = this.#lfs.dirs.indexOf(this);
    if (at >= 0) this.#lfs.dirs.splice(at, 1);
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  *[Symbol.iterator](): Iterator<LfsInfo> {
    for (let info = this.read(); info !== undefined; info = this.read()) yield info;
  }

  /** An entry was inserted into a pair. */
  inserted(mdir: Mdir, id: number): void {
    if (mdir !== this.#mdir || this.#id < id) return;
    this.#id++;
    this.#position++;
  }

  /** An entry was removed from a pair. */
  removed(mdir: Mdir, id: number): void {
    if (mdir !== this.#mdir || this.#id <= id) return;
    this.#id--;
    this.#position--;
  }

  /** A pair was written: its last entries may be in its tail now. */
  follow(lfs: Lfs, mdir: Mdir): void {
    if (mdir !== this.#mdir) return;
    while (this.#id >= this.#mdir.count && this.#mdir.split) {
      const count = this.#mdir.count;
      const next = tailOf(lfs, this.#mdir);
      if (next === undefined) return;
      // When the superblock expands, the whole root goes to the tail.
      if (!samePair(next.block0, next.block1, lfs.root0, lfs.root1)) this.#id -= count;
      this.#mdir = next;
    }
  }
}

export function openDir(lfs: Lfs, path: LfsPath): LfsDir {
  const found = walk(lfs, path);
  const entry = found.entry;
  if (!found.isRoot) {
    if (entry === null) throw noEntry(path);
    if (entry.nameType !== type.DIR) throw new LfsError('LFS_ERR_NOTDIR', `'${shown(path)}' is not a directory`);
  }
  const directory = entry === null ? rootDirectoryOf(lfs) : childDirectory(lfs, entry);
  const dir = new LfsDir(lfs, directory.head);
  lfs.dirs.push(dir);
  return dir;
}
