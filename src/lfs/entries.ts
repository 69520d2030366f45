/**
 * Looking at entries with all that is kept with them: for layers that keep meaning of their own in user attributes.
 *
 * @module
 */

import { childDirectory, hasFileName, rootDirectoryOf } from './directory.ts';
import { LfsError } from './errors.ts';
import { hasMove, movingFrom } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Entry, Mdir } from './mdir.ts';
import { fileSize } from './names.ts';
import { fetchPair, firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { type LfsPath, shown, walk } from './path.ts';
import { type } from './tag.ts';
import { checkAttrType, readAttr } from './user-attrs.ts';

/** A file or directory, valid until the next write. */
export class LfsEntry {
  readonly #lfs: Lfs;
  readonly #entry: Entry;

  /** Made by `find` and `list`. */
  constructor(lfs: Lfs, entry: Entry) {
    this.#lfs = lfs;
    this.#entry = entry;
  }

  get type(): 'file' | 'dir' {
    const { nameType } = this.#entry;
    return nameType === type.DIR || nameType === type.SUPERBLOCK ? 'dir' : 'file';
  }

  /** The name, one character for each byte of it. */
  get byteName(): string {
    return this.#entry.nameType === type.SUPERBLOCK ? '' : (this.#entry.name ?? '');
  }

  get size(): number {
    return this.type === 'dir' ? 0 : fileSize(this.#lfs, this.#entry);
  }

  attr(attrType: number): Uint8Array | undefined {
    checkAttrType(attrType);
    return this.#entry.attrs === null ? undefined : readAttr(this.#lfs, this.#entry, attrType);
  }
}

/** The entry of a path; `undefined` where there is none, also none of the directories on the way. */
export function findEntry(lfs: Lfs, path: LfsPath): LfsEntry | undefined {
  const { isRoot, entry } = walk(lfs, path);
  if (isRoot) return new LfsEntry(lfs, fetchPair(lfs, lfs.root0, lfs.root1).entries[0]!);
  return entry === null || entry.structType < 0 ? undefined : new LfsEntry(lfs, entry);
}

/** The entries of a directory, in the order of the disk. */
export function listEntries(lfs: Lfs, path: LfsPath): LfsEntry[] {
  const { isRoot, entry } = walk(lfs, path);
  if (!isRoot && entry === null) throw new LfsError('LFS_ERR_NOENT', `'${shown(path)}': no such directory`);
  if (entry !== null && entry.nameType !== type.DIR)
    throw new LfsError('LFS_ERR_NOTDIR', `'${shown(path)}' is not a directory`);
  const directory = entry === null ? rootDirectoryOf(lfs) : childDirectory(lfs, entry);
  const isMove = hasMove(lfs.gdisk);
  const found: LfsEntry[] = [];
  for (const mdir of directory.chain) {
    const moving = isMove ? movingFrom(lfs.gdisk, mdir.block0, mdir.block1) : -1;
    const { entries } = mdir;
    for (let id = 0; id < entries.length; id++) {
      const each = entries[id]!;
      if (id !== moving && hasFileName(each) && each.structType >= 0) found.push(new LfsEntry(lfs, each));
    }
  }
  return found;
}

/** How many entries have an attribute of each type, and of how many bytes: `'116:4'` -> 12. */
export function attrCensus(lfs: Lfs): Map<string, number> {
  const census = new Map<string, number>();
  const guard = new ThreadGuard(lfs);
  for (let mdir = firstPair(lfs); ; ) {
    guard.step();
    for (const { attrs } of mdir.glance) {
      if (attrs === null) continue;
      for (const attr of attrs) {
        const key = `${attr.type}:${attr.size}`;
        census.set(key, (census.get(key) ?? 0) + 1);
      }
    }
    const next = tailOf(lfs, mdir);
    if (next === undefined) return census;
    mdir = next;
  }
}

/**
 * What a mount makes of the metadata, as a short text: the same for images that differ only in bytes that nobody reads.
 * (The end of a torn commit, blocks that are free.)
 */
export function metadataDigest(lfs: Lfs): string {
  const guard = new ThreadGuard(lfs);
  let text = `${lfs.gdisk.tag},${lfs.gdisk.pair0},${lfs.gdisk.pair1}`;
  for (let mdir = firstPair(lfs); ; ) {
    guard.step();
    text += `;${mdir.block0},${mdir.block1},${mdir.rev},${mdir.end},${mdir.etag},${mdir.seed},${mdir.erased ? 1 : 0}`;
    const next = tailOf(lfs, mdir);
    if (next === undefined) return text;
    mdir = next;
  }
}

/** Calls `visit` for both blocks of every metadata pair. */
export function visitPairs(lfs: Lfs, visit: (block: number) => void): void {
  const guard = new ThreadGuard(lfs);
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; mdir = tailOf(lfs, mdir)) {
    guard.step();
    visit(mdir.block0);
    visit(mdir.block1);
  }
}
