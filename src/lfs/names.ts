/**
 * Operations on names: make a directory, remove, rename, look up (C: lfs_mkdir, lfs_remove, lfs_rename, lfs_stat).
 *
 * Across two pairs a rename is two commits. The first creates the new entry and notes in the global state that the old
 * one is being moved; the second deletes the old one and the note. A power cut between them is seen by the note.
 *
 * @module
 */

import { checkpoint } from './alloc.ts';
import { bytesOf, utf8Decode } from './bytes.ts';
import { readOrThrow } from './cache.ts';
import { allocPair, type Change } from './compact.ts';
import { chainLength } from './ctz.ts';
import { childDirectory, type Directory } from './directory.ts';
import { invalid, LfsError } from './errors.ts';
import { addOrphans, clearMove, hasMove, hasOrphans, setMove } from './gstate.ts';
import { encodePair } from './layout.ts';
import { fail, type Lfs } from './lfs.ts';
import { Entry, Mdir } from './mdir.ts';
import { retirePair, tailChange } from './pair-commit.ts';
import { findPred, ThreadGuard, tailOf } from './pairs.ts';
import { type LfsPath, noEntry, shown, walk } from './path.ts';
import { forceConsistency } from './repair.ts';
import { makeTag, type } from './tag.ts';
import { commitPair } from './transact.ts';
import { type AttrValue, attrChanges, checkAttrValues } from './user-attrs.ts';

export interface LfsInfo {
  readonly type: 'file' | 'dir';
  /** Bytes of a file; 0 for a directory. */
  readonly size: number;
  /** The name as text; bytes that are not UTF-8 show as U+FFFD. */
  readonly name: string;
  /** The name as it is on disk. */
  readonly nameBytes: Uint8Array;
}

/** One entry, or one name of a listing. Names are decoded when asked for. */
export class Info implements LfsInfo {
  readonly type: 'file' | 'dir';
  readonly size: number;
  readonly #name: string;

  constructor(kind: 'file' | 'dir', size: number, byteName: string) {
    this.type = kind;
    this.size = size;
    this.#name = byteName;
  }

  get name(): string {
    return utf8Decode(this.#name);
  }

  get nameBytes(): Uint8Array {
    return bytesOf(this.#name);
  }

  toJSON(): { type: string; size: number; name: string } {
    return { type: this.type, size: this.size, name: this.name };
  }
}

/** What an entry is to people; `undefined` for one without a struct, which is no file yet. */
export function infoOf(lfs: Lfs, entry: Entry, name: string): Info | undefined {
  if (entry.structType < 0) return undefined;
  if (entry.nameType === type.DIR) return new Info('dir', 0, name);
  return new Info('file', fileSize(lfs, entry), name);
}

/** The committed size of a file. */
export function fileSize(lfs: Lfs, entry: Entry): number {
  if (entry.structType === type.INLINESTRUCT) return entry.structSize;
  if (entry.structType !== type.CTZSTRUCT) return 0;
  const size = entry.word1 >>> 0;
  chainLength(lfs, entry.word0, size);
  return size;
}

export function stat(lfs: Lfs, path: LfsPath): Info {
  const found = walk(lfs, path);
  if (found.isRoot) return new Info('dir', 0, '/');
  const info = found.entry === null ? undefined : infoOf(lfs, found.entry, found.name);
  if (info === undefined) throw noEntry(path);
  return info;
}

export function checkNameLength(lfs: Lfs, name: string): void {
  if (name.length > lfs.nameMax)
    fail('LFS_ERR_NAMETOOLONG', `a name of ${name.length} bytes; allowed: up to ${lfs.nameMax}`);
}

/** A change that gives an entry its name. */
export function nameChange(kind: number, id: number, name: string): Change {
  return { tag: makeTag(kind, id, name.length), data: bytesOf(name), name };
}

/** A new pair of blocks, nothing written yet. */
export function newPair(lfs: Lfs): Mdir {
  const pair = allocPair(lfs);
  if (pair === undefined) throw new LfsError('LFS_ERR_NOSPC', 'no free block left for a metadata pair');
  const mdir = new Mdir(pair.block0, pair.block1);
  mdir.rev = pair.rev;
  mdir.end = 4;
  mdir.fresh = true;
  mdir.named = true;
  return mdir;
}

export function makeDirectory(lfs: Lfs, path: LfsPath, attrs: readonly AttrValue[] = []): void {
  checkAttrValues(lfs, attrs);
  forceConsistency(lfs);
  const found = walk(lfs, path);
  if (found.isRoot || found.entry !== null) fail('LFS_ERR_EXIST', `'${shown(path)}' exists`);
  if (!found.creatable) throw noEntry(path);
  checkNameLength(lfs, found.name);
  let place = found.place();
  let parent = place.mdir!;
  let { erased } = parent;

  checkpoint(lfs);
  const made = newPair(lfs);
  let pred = parent;
  const guard = new ThreadGuard(lfs);
  while (pred.split) {
    guard.step();
    const next = tailOf(lfs, pred);
    if (next === undefined) break;
    pred = next;
  }
  commitPair(lfs, made, [tailChange(false, pred.tail0, pred.tail1)]);

  if (parent.split) {
    // The new pair goes behind the last pair of the parent, in a commit of its own: an orphan until the next one.
    addOrphans(lfs.gstate, 1);
    lfs.held = { mdir: parent, erased };
    try {
      commitPair(lfs, pred, [tailChange(false, made.block0, made.block1)]);
      erased = lfs.held.erased;
    } finally {
      lfs.held = null;
    }
    addOrphans(lfs.gstate, -1);
    // If that moved our own pair about, the place may be another one.
    place = found.place();
    if (place.mdir !== parent) {
      parent = place.mdir!;
      erased = parent.erased;
    }
  }
  const { id } = place;
  const entry = new Entry(null);
  const changes: Change[] = [
    { tag: makeTag(type.CREATE, id, 0), data: null, entry },
    nameChange(type.DIR, id, found.name),
    { tag: makeTag(type.DIRSTRUCT, id, 8), data: encodePair(made.block0, made.block1) },
  ];
  changes.push(...attrChanges(id, attrs));
  if (!parent.split) changes.push(tailChange(false, made.block0, made.block1));
  commitPair(lfs, parent, changes, erased);
}

/** The pair of a directory that is about to go. */
function emptyPair(lfs: Lfs, entry: Entry, path: LfsPath): Mdir {
  const pair = childDirectory(lfs, entry).head;
  if (pair.count > 0 || pair.split) fail('LFS_ERR_NOTEMPTY', `'${shown(path)}' is not empty`);
  return pair;
}

/** Takes the pair of a removed directory out of the thread. */
function dropPair(lfs: Lfs, pair: Mdir): void {
  addOrphans(lfs.gstate, -1);
  const pred = findPred(lfs, pair.block0, pair.block1);
  if (pred === undefined) throw noEntry(`pair {${pair.block0}, ${pair.block1}}`);
  lfs.gdelta.xor(pair.delta);
  commitPair(lfs, pred, [tailChange(pair.split, pair.tail0, pair.tail1)]);
  retirePair(lfs, pair);
}

export function remove(lfs: Lfs, path: LfsPath): void {
  forceConsistency(lfs);
  const found = walk(lfs, path);
  if (found.isRoot) throw invalid('the root cannot be removed');
  const entry = found.entry;
  if (entry === null) throw noEntry(path);

  let pair: Mdir | null = null;
  if (entry.nameType === type.DIR) {
    pair = emptyPair(lfs, entry, path);
    addOrphans(lfs.gstate, 1);
  }
  deleteEntry(lfs, entry);
  if (pair !== null && hasOrphans(lfs.gstate)) dropPair(lfs, pair);
}

function deleteEntry(lfs: Lfs, entry: Entry): void {
  const mdir = entry.mdir!;
  commitPair(lfs, mdir, [{ tag: makeTag(type.DELETE, mdir.entries.indexOf(entry), 0), data: null }]);
}

export function rename(lfs: Lfs, from: LfsPath, to: LfsPath): void {
  forceConsistency(lfs);
  const source = walk(lfs, from);
  if (source.isRoot) throw invalid('the root cannot be renamed');
  const old = source.entry;
  if (old === null) throw noEntry(from);
  const target = walk(lfs, to);
  if (target.isRoot) throw invalid('the root cannot be replaced');
  const replaced = target.entry;
  if (replaced === null && !target.creatable) throw noEntry(to);
  const isDirectory = old.nameType === type.DIR;

  const oldMdir = old.mdir!;
  const place = replaced === null ? target.place() : null;
  const newMdir = replaced === null ? place!.mdir! : replaced.mdir!;
  const newId = replaced === null ? place!.id : newMdir.entries.indexOf(replaced);
  const samePairs = oldMdir === newMdir;
  let oldId = oldMdir.entries.indexOf(old);
  let droppedPair: Mdir | null = null;

  if (replaced === null) {
    if (target.slashed && !isDirectory) fail('LFS_ERR_NOTDIR', `'${shown(to)}': only a directory can have this name`);
    checkNameLength(lfs, target.name);
    if (samePairs && newId <= oldId) oldId++;
  } else if (replaced.nameType !== old.nameType) {
    if (replaced.nameType === type.DIR) fail('LFS_ERR_ISDIR', `'${shown(to)}' is a directory`);
    fail('LFS_ERR_NOTDIR', `'${shown(to)}' is not a directory`);
  } else if (replaced === old) return;
  if (isDirectory) refuseOwnSubtree(old, target.directory!, from, to);
  if (replaced !== null && isDirectory) {
    droppedPair = emptyPair(lfs, replaced, to);
    addOrphans(lfs.gstate, 1);
  }

  if (!samePairs) setMove(lfs.gstate, oldId, oldMdir.block0, oldMdir.block1);
  const entry = new Entry(null);
  const changes: Change[] = [];
  if (replaced !== null) changes.push({ tag: makeTag(type.DELETE, newId, 0), data: null });
  changes.push({ tag: makeTag(type.CREATE, newId, 0), data: null, entry });
  changes.push(nameChange(old.nameType, newId, target.name));
  changes.push(...contentsOf(lfs, old, newId));
  if (samePairs) changes.push({ tag: makeTag(type.DELETE, oldId, 0), data: null });
  try {
    commitPair(lfs, newMdir, changes);
  } finally {
    // Also when it is the following of a relocation that failed.
    if (entry.mdir !== null) handOver(old, entry);
  }
  // A relocation on the way may have finished the move already.
  if (!samePairs && hasMove(lfs.gstate)) {
    clearMove(lfs.gstate);
    deleteEntry(lfs, old);
  }
  if (droppedPair !== null && hasOrphans(lfs.gstate)) dropPair(lfs, droppedPair);
}

/** What leads to a directory is another entry now. */
function handOver(old: Entry, entry: Entry): void {
  const child = old.child;
  if (child === null) return;
  old.child = null;
  entry.child = child;
  child.owner = entry;
}

/** C lets this pass, and the directory is lost. */
function refuseOwnSubtree(entry: Entry, into: Directory, from: LfsPath, to: LfsPath): void {
  for (let owner = into.owner; owner !== null; owner = owner.mdir?.directory?.owner ?? null) {
    if (owner === entry) throw invalid(`'${shown(from)}' cannot be moved into itself ('${shown(to)}')`);
  }
}

/** All that an entry has but its name, in the order of the log, as changes that give it to another id. */
function contentsOf(lfs: Lfs, entry: Entry, id: number): Change[] {
  const parts: { kind: number; size: number; at: number }[] = [];
  if (entry.structType >= 0) parts.push({ kind: entry.structType, size: entry.structSize, at: entry.structAt });
  for (const attr of entry.attrs ?? []) parts.push({ kind: type.USERATTR + attr.type, size: attr.size, at: attr.at });
  parts.sort((a, b) => a.at - b.at);
  return parts.map(({ kind, size, at }) => {
    const data = new Uint8Array(size);
    readOrThrow(lfs, entry.mdir!.block0, at, data, 0, size);
    return { tag: makeTag(kind, id, size), data };
  });
}
