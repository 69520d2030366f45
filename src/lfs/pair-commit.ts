/**
 * One commit to one pair: appended, or compacted, or the pair is to be dropped (C: lfs_dir_relocatingcommit).
 *
 *   done        appended, or compacted into the pair's other block
 *   relocated   compacted into a new block: whoever names the pair must be told (relocate.ts)
 *   dropped     nothing written: the last entry would go, and the pair is not the first of its directory
 *
 * Invariants: (1) RAM changes after the disk has; a commit that throws leaves RAM as it was, and the pair is read anew;
 * (2) the pair object stays the same through append, compaction and relocation.
 *
 * @module
 */

import { byteString, readU32 } from './bytes.ts';
import { CommitWriter, outcome } from './commit.ts';
import { type Change, compactPair } from './compact.ts';
import { corrupt } from './errors.ts';
import { samePair } from './gstate.ts';
import { ENTRY_COUNT_MAX, encodePair, NO_BLOCK } from './layout.ts';
import type { Lfs } from './lfs.ts';
import { Entry, type Mdir } from './mdir.ts';
import { findPred, forgetPair, refreshPair, registerPair } from './pairs.ts';
import { DELETED, makeTag, NO_ID, tagFamily, tagId, tagSize, tagType, type } from './tag.ts';

export type { Change } from './compact.ts';

export type CommitState = 'done' | 'relocated' | 'dropped';

export function tailChange(split: boolean, tail0: number, tail1: number): Change {
  return { tag: makeTag(type.TAIL + (split ? 1 : 0), NO_ID, 8), data: encodePair(tail0, tail1) };
}

/**
 * Commits changes to one pair. `erased` is what the one who commits knows of the end of the log. That can be out of
 * date: C keeps, with each open file, what it knew when the file was opened, and a compaction does not correct it; so
 * a file that was opened on a log without room compacts twice. That is on disk, hence here.
 */
export function relocatingCommit(lfs: Lfs, mdir: Mdir, changes: readonly Change[], erased: boolean): CommitState {
  let count = mdir.count;
  let deletes = false;
  const tail = { tail0: mdir.tail0, tail1: mdir.tail1, split: mdir.split };
  for (const { tag, data } of changes) {
    const kind = tagType(tag);
    if (kind === type.CREATE) count++;
    else if (kind === type.DELETE) {
      count--;
      deletes = true;
    } else if ((kind & 0x700) === type.TAIL) {
      tail.tail0 = readU32(data!, 0) | 0;
      tail.tail1 = readU32(data!, 4) | 0;
      tail.split = (kind & 1) !== 0;
    }
  }

  if (deletes && count === 0 && findPred(lfs, mdir.block0, mdir.block1)?.split) return 'dropped';

  const { gdisk, gdelta, root0, root1 } = lfs;
  const { tag: diskTag, pair0: disk0, pair1: disk1 } = gdisk;
  const { tag: deltaTag, pair0: delta0, pair1: delta1 } = gdelta;
  let state: CommitState = 'done';
  try {
    if (!(erased && count < ENTRY_COUNT_MAX && appendCommit(lfs, mdir, changes))) {
      lfs.pcache.drop();
      state = compactCommit(lfs, mdir, changes, count, tail);
    }
  } catch (error) {
    gdisk.set(diskTag, disk0, disk1);
    gdelta.set(deltaTag, delta0, delta1);
    lfs.root0 = root0;
    lfs.root1 = root1;
    lfs.pcache.drop();
    mdir.erased = false;
    if (lfs.pairs.get(mdir.block0) === mdir) refreshAfterFailure(lfs, mdir);
    // Something may stand behind the log now, which no file that was opened before must write over (as C has it).
    for (const file of lfs.files) if (file.entry.mdir === mdir && !mdir.erased) file.logErased = false;
    throw error;
  }
  lfs.commits++;
  mdir.erased = mdir.end + 4 <= lfs.blockSize;
  for (const file of lfs.files) if (file.entry.mdir === mdir) file.logErased = erased;
  if (lfs.held?.mdir === mdir) lfs.held.erased = erased;
  for (const dir of lfs.dirs) dir.follow(lfs, mdir);
  return state;
}

function refreshAfterFailure(lfs: Lfs, mdir: Mdir): void {
  try {
    refreshPair(lfs, mdir);
  } catch {
    lfs.poison ??= `metadata pair {${mdir.block0}, ${mdir.block1}} could not be read after a failed commit`;
  }
}

const nothing = new Uint8Array(0);

/** Appends to the log. False: no room, or the block went bad. */
function appendCommit(lfs: Lfs, mdir: Mdir, changes: readonly Change[]): boolean {
  const writer = new CommitWriter(lfs, mdir.block0, mdir.end, mdir.etag, mdir.seed);
  const places: number[] = [];
  for (let i = 0; i < changes.length; i++) {
    const { tag, data } = changes[i]!;
    places.push(writer.at + 4);
    if (writer.tag(tag, data ?? nothing, 0) !== outcome.DONE) return false;
  }
  const { gstate, gdisk, gdelta } = lfs;
  let tag = (gstate.tag ^ gdisk.tag ^ gdelta.tag) & ~0x3ff;
  let pair0 = gstate.pair0 ^ gdisk.pair0 ^ gdelta.pair0;
  let pair1 = gstate.pair1 ^ gdisk.pair1 ^ gdelta.pair1;
  const stateChanges = (tag | pair0 | pair1) !== 0;
  if (stateChanges) {
    tag ^= mdir.delta.tag;
    pair0 ^= mdir.delta.pair0;
    pair1 ^= mdir.delta.pair1;
    if (writer.movestate(tag, pair0, pair1) !== outcome.DONE) return false;
  }
  if (writer.finish() !== outcome.DONE) return false;

  mdir.end = writer.at;
  mdir.etag = writer.etag;
  mdir.seed = writer.seed;
  mdir.crcs += writer.crcs;
  if (stateChanges) mdir.delta.set(tag, pair0, pair1);
  gdisk.copy(gstate);
  gdelta.clear();
  applyChanges(lfs, mdir, changes, places);
  return true;
}

function compactCommit(
  lfs: Lfs,
  mdir: Mdir,
  changes: readonly Change[],
  count: number,
  tail: { tail0: number; tail1: number; split: boolean },
): CommitState {
  const old0 = mdir.block0;
  const old1 = mdir.block1;
  const { result, newTails } = compactPair(lfs, mdir, changes, count, tail, () =>
    applyChanges(lfs, mdir, changes, null),
  );
  // A stale pair that is written once more stays unknown: its blocks belong to the pair that replaced it.
  const known = mdir.fresh || lfs.pairs.get(old0) === mdir || lfs.pairs.get(old1) === mdir;
  if (result === 'relocated') {
    for (const block of [old0, old1]) if (lfs.pairs.get(block) === mdir) lfs.pairs.delete(block);
  }
  mdir.fresh = false;
  if (known) registerPair(lfs, mdir);
  if (newTails.length > 0) adoptTails(lfs, mdir, newTails);
  for (const file of lfs.files) {
    const tail = newTails.find((candidate) => candidate === file.entry.mdir);
    if (tail !== undefined) file.logErased = tail.erased;
  }
  return result === 'relocated' ? 'relocated' : 'done';
}

/** New pairs take their place behind the one they were split off. */
function adoptTails(lfs: Lfs, mdir: Mdir, tails: readonly Mdir[]): void {
  const directory = mdir.directory;
  let before = mdir;
  for (const tail of tails) {
    tail.erased = tail.end + 4 <= lfs.blockSize;
    tail.directory = directory;
    tail.pred = before;
    before.next = tail;
    registerPair(lfs, tail);
    before = tail;
  }
  linkTail(lfs, before);
  if (directory === null) return;
  // From the end: names that come in order split the last pair again and again.
  const at = directory.chain.lastIndexOf(mdir);
  const rootMoved = directory.owner === null && samePair(tails[0]!.block0, tails[0]!.block1, lfs.root0, lfs.root1);
  if (rootMoved) {
    // The superblock expanded: the old pair is only an anchor now.
    directory.chain.splice(at, 1, ...tails);
    mdir.directory = null;
  } else directory.chain.splice(at + 1, 0, ...tails);
}

/** The id that C remembers for a removed entry: the rest of the same changes still moves it. */
function removedId(id: number, changes: readonly Change[], from: number): number {
  let last = id;
  for (let i = from; i < changes.length; i++) {
    const { tag } = changes[i]!;
    if (tagFamily(tag) !== type.SPLICE) continue;
    if (tagType(tag) === type.CREATE) last += tagId(tag) <= last ? 1 : 0;
    else if (tagId(tag) < last) last--;
  }
  return last;
}

/**
 * Does to RAM what the changes do to the log. `places` are the offsets of the data; `null` when a compaction will say
 * where everything is.
 */
export function applyChanges(lfs: Lfs, mdir: Mdir, changes: readonly Change[], places: readonly number[] | null): void {
  const { entries, directory } = mdir;
  for (let i = 0; i < changes.length; i++) {
    const { tag, data, name, entry: created } = changes[i]!;
    const id = tagId(tag);
    const at = places === null ? 0 : places[i]!;
    const kind = tagType(tag);
    switch (tagFamily(tag)) {
      case type.SPLICE:
        if (kind === type.CREATE) {
          const entry = created ?? new Entry(mdir);
          entry.mdir = mdir;
          if (id === entries.length) entries.push(entry);
          else entries.splice(id, 0, entry);
          for (const dir of lfs.dirs) dir.inserted(mdir, id);
        } else {
          const gone = entries[id];
          if (gone === undefined)
            throw corrupt(`entry ${id} of {${mdir.block0}, ${mdir.block1}} does not exist`, mdir.block0);
          entries.splice(id, 1);
          gone.remove(removedId(id, changes, i + 1));
          if (directory !== null && gone.name !== null && directory.byName.get(gone.name) === gone)
            directory.byName.delete(gone.name);
          for (const dir of lfs.dirs) dir.removed(mdir, id);
        }
        break;
      case type.NAME: {
        const entry = entries[id]!;
        entry.nameType = kind;
        entry.nameSize = tagSize(tag);
        entry.nameAt = at;
        entry.name = name ?? byteString(data!);
        if (directory !== null) {
          directory.byName.set(entry.name, entry);
          if (entry.name.includes('/')) directory.hasSlashNames = true;
        }
        break;
      }
      case type.STRUCT:
        entries[id]!.setStruct(kind, tagSize(tag), at, data ?? nothing, 0);
        break;
      case type.USERATTR:
        if (tagSize(tag) === DELETED) entries[id]!.dropAttr(kind & 0xff);
        else entries[id]!.setAttr(kind & 0xff, tagSize(tag), at);
        break;
      case type.TAIL:
        mdir.tail0 = readU32(data!, 0) | 0;
        mdir.tail1 = readU32(data!, 4) | 0;
        mdir.split = (kind & 1) !== 0;
        linkTail(lfs, mdir);
        break;
      default:
        break;
    }
  }
}

/** Leaves a hint for the search of predecessors. */
function linkTail(lfs: Lfs, mdir: Mdir): void {
  mdir.next = null;
  if (mdir.tail0 === NO_BLOCK || lfs.relocating > 0) return;
  const next = lfs.pairs.get(mdir.tail0);
  if (next !== undefined && (mdir.pred !== null || mdir.isRootPair)) next.pred = mdir;
}

/** The pair leaves the thread. */
export function retirePair(lfs: Lfs, mdir: Mdir): void {
  mdir.alive = false;
  forgetPair(lfs, mdir);
  const directory = mdir.directory;
  if (directory === null) return;
  const at = directory.chain.lastIndexOf(mdir);
  if (at > 0) directory.chain.splice(at, 1);
}
