/**
 * Writing a pair anew: what is left of the log goes to the other block, or to a fresh one when that is worn or bad, or
 * is split over two pairs when it is too much (C: lfs_dir_compact, lfs_dir_splittingcompact).
 *
 * What is written, in which order and where it is split is on disk afterwards: C's rules, taken from RAM.
 *   order      the log's: tags sorted by where they stood, then the new ones
 *   split      in the middle, again and again, until what is left fits half a block and 40 bytes are free
 *   move       when (rev + 1) is a multiple of (blockCycles + 1) | 1
 *
 * Nothing in RAM changes before the last write has succeeded, except the revision of a pair that is being tried.
 *
 * @module
 */

import { allocBlock } from './alloc.ts';
import { alignUp } from './bytes.ts';
import { eraseBlock, readWord } from './cache.ts';
import { CommitWriter, copyLog, type Outcome, outcome } from './commit.ts';
import { forgetBefore } from './ctz.ts';
import { corrupt, LfsError } from './errors.ts';
import { GState, samePair } from './gstate.ts';
import { ENTRY_COUNT_MAX, NO_BLOCK } from './layout.ts';
import type { Lfs } from './lfs.ts';
import { type AttrRef, type Entry, Mdir } from './mdir.ts';
import { forgetBlock } from './pairs.ts';
import { DELETED, makeTag, NO_ID, tagFamily, tagId, tagSize, tagSpan, tagSplice, tagType, type } from './tag.ts';
import { visitBlocks } from './traverse.ts';

/** One change to a pair, as it stands in the log. */
export interface Change {
  readonly tag: number;
  readonly data: Uint8Array | null;
  /** For a NAME: the name as a byte string. */
  readonly name?: string;
  /** For a CREATE: the entry that is created. */
  readonly entry?: Entry;
}

/** A tag that survives: its final id, where its data is, and what to tell its owner when it has a new place. */
interface Item {
  readonly kind: number;
  readonly size: number;
  readonly id: number;
  readonly from: Uint8Array;
  readonly at: number;
}

/** Room kept free in a pair that is split: tail 12, global state 16, a move's delete 4, CRC 8. */
const SPLIT_RESERVE = 40;
/** A compaction whose pair had to move. */
export type CompactResult = 'done' | 'relocated';

export function needsRelocation(lfs: Lfs, rev: number): boolean {
  const cycles = lfs.settings.blockCycles;
  return cycles > 0 && ((rev + 1) >>> 0) % ((cycles + 1) | 1) === 0;
}

/** What the log of a pair comes to with some changes on top, in log order. */
function survivors(lfs: Lfs, mdir: Mdir, changes: readonly Change[]): Item[] {
  const entries = mdir.entries;
  if (entries.length === 0) return newItems(changes);
  const keys: number[] = [];
  for (let id = 0; id < entries.length; id++) {
    const entry = entries[id]!;
    if (entry.nameType >= 0) keys.push(entry.nameAt * 1024 + id);
    if (entry.structType >= 0) keys.push(entry.structAt * 1024 + id);
    const attrs = entry.attrs;
    if (attrs !== null) for (const attr of attrs) keys.push(attr.at * 1024 + id);
  }
  const sorted = sortNumbers(keys);
  const log = copyLog(lfs, mdir.block0, mdir.end);
  const items: Item[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const key = sorted[i]!;
    const id = key % 1024;
    const at = (key - id) / 1024;
    const entry = entries[id]!;
    let kind: number;
    let size: number;
    if (entry.nameType >= 0 && entry.nameAt === at) {
      kind = entry.nameType;
      size = entry.nameSize;
    } else if (entry.structType >= 0 && entry.structAt === at) {
      kind = entry.structType;
      size = entry.structSize;
    } else {
      const attr = entry.attrs!.find((candidate: AttrRef) => candidate.at === at)!;
      kind = type.USERATTR + attr.type;
      size = attr.size;
    }
    const final = finalId(kind, id, size, changes, 0);
    if (final >= 0) items.push({ kind, size, id: final, from: log, at });
  }
  items.push(...newItems(changes));
  return items;
}

/** What the changes themselves leave to be written: names, structs and attributes. */
function newItems(changes: readonly Change[]): Item[] {
  const items: Item[] = [];
  for (let i = 0; i < changes.length; i++) {
    const { tag, data } = changes[i]!;
    if ((tag & 0x40000000) !== 0) continue;
    const final = finalId(tagType(tag), tagId(tag), tagSize(tag), changes, i + 1);
    if (final >= 0) items.push({ kind: tagType(tag), size: tagSize(tag), id: final, from: data ?? empty, at: 0 });
  }
  return items;
}

/** Ascending. Up to some dozens an insertion sort is quicker than a typed array, whose making alone costs 200 ns. */
function sortNumbers(numbers: number[]): ArrayLike<number> {
  if (numbers.length > 48) return Float64Array.from(numbers).sort();
  for (let i = 1; i < numbers.length; i++) {
    const one = numbers[i]!;
    let at = i;
    while (at > 0 && numbers[at - 1]! > one) {
      numbers[at] = numbers[at - 1]!;
      at--;
    }
    numbers[at] = one;
  }
  return numbers;
}

const empty = new Uint8Array(0);

/** The id of a tag after the changes from `from` on; -1 when one of them makes it obsolete. */
function finalId(kind: number, id: number, size: number, changes: readonly Change[], from: number): number {
  // C throws a removed attribute out when it meets any tag behind it; the very last one it writes down.
  if (size === DELETED && from < changes.length) return -1;
  let now = id;
  for (let i = from; i < changes.length; i++) {
    const tag = changes[i]!.tag;
    if (tagId(tag) === NO_ID) continue;
    const family = tagFamily(tag);
    if (family === type.SPLICE) {
      if (tagType(tag) === type.DELETE && tagId(tag) === now) return -1;
      if (tagId(tag) <= now) now += tagSplice(tag);
    } else if (tagId(tag) === now) {
      const same = family === type.USERATTR ? tagType(tag) === kind : family === (kind & 0x700);
      if (same) return -1;
    }
  }
  return now;
}

/** Where a pair is being written to, before anybody is told. */
class Target {
  block0: number;
  block1: number;
  rev: number;
  tail0: number;
  tail1: number;
  split: boolean;
  /** The pair's share of the global state: as it was, and as it is written. */
  readonly oldDelta: GState;
  readonly newDelta: GState = new GState();
  end = 0;
  etag = 0;
  seed = 0;
  crcs = 0;
  /** New offsets, one per item of the range, in order. */
  readonly places: number[] = [];

  constructor(
    block0: number,
    block1: number,
    rev: number,
    oldDelta: GState,
    tail0: number,
    tail1: number,
    split: boolean,
  ) {
    this.block0 = block0;
    this.block1 = block1;
    this.rev = rev;
    this.oldDelta = oldDelta;
    this.tail0 = tail0;
    this.tail1 = tail1;
    this.split = split;
  }
}

/** Writes the items of ids `[begin, end)` to the other block of a target, relocating until a block holds them. */
function writeTarget(lfs: Lfs, target: Target, items: readonly Item[], begin: number, end: number): CompactResult {
  const isRoot = samePair(target.block0, target.block1, 0, 1);
  let tired = lfs.mayMove && needsRelocation(lfs, target.rev);
  target.rev = (target.rev + 1) | 0;
  let relocated = false;
  let moved = false;
  let attempt: boolean = !(tired && !isRoot);
  for (;;) {
    if (attempt) {
      const result = writeOnce(lfs, target, items, begin, end, moved);
      if (result === outcome.DONE) return relocated ? 'relocated' : 'done';
      if (result === outcome.FULL) {
        // What has been gathered must not get in the way of the next attempt (C stops at an assertion there).
        lfs.pcache.drop();
        throw new LfsError('LFS_ERR_NOSPC', `no room left in metadata block ${target.block1}`);
      }
    }
    attempt = true;
    relocated = true;
    lfs.pcache.drop();
    if (isRoot)
      throw new LfsError('LFS_ERR_NOSPC', `the superblock in block ${target.block1} can no longer be written`);
    const block = allocBlock(lfs);
    // A worn pair on a full device stays where it is, and then takes the global state as any other.
    if (block >= 0) {
      target.block1 = block;
      moved = true;
    } else if (!tired) throw new LfsError('LFS_ERR_NOSPC', 'no free block left');
    tired = false;
  }
}

function writeOnce(
  lfs: Lfs,
  target: Target,
  items: readonly Item[],
  begin: number,
  end: number,
  moved: boolean,
): Outcome {
  const block = target.block1;
  forgetBefore(lfs, block);
  forgetBlock(lfs, block);
  if (!eraseBlock(lfs, block)) return outcome.BAD;
  const writer = new CommitWriter(lfs, block, 0, -1, 0);
  let result = writer.revision(target.rev);
  if (result !== outcome.DONE) return result;

  const places = target.places;
  places.length = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    if (item.id < begin || item.id >= end) continue;
    places.push(writer.at + 4);
    result = writer.tag(makeTag(item.kind, item.id - begin, item.size), item.from, item.at);
    if (result !== outcome.DONE) return result;
  }

  if (target.tail0 !== NO_BLOCK && target.tail1 !== NO_BLOCK) {
    result = writer.tail(target.split, target.tail0, target.tail1);
    if (result !== outcome.DONE) return result;
  }

  const delta = target.newDelta;
  delta.clear();
  if (!moved) {
    delta.xor(lfs.gdisk);
    delta.xor(lfs.gstate);
  }
  delta.xor(lfs.gdelta);
  delta.tag &= ~0x3ff;
  delta.xor(target.oldDelta);
  if (!delta.isZero()) {
    result = writer.movestate(delta.tag, delta.pair0, delta.pair1);
    if (result !== outcome.DONE) return result;
  }

  result = writer.finish();
  if (result !== outcome.DONE) return result;

  target.block1 = target.block0;
  target.block0 = block;
  target.end = writer.at;
  target.etag = writer.etag;
  target.seed = writer.seed;
  target.crcs = writer.crcs;
  lfs.gdelta.clear();
  if (!moved) lfs.gdisk.copy(lfs.gstate);
  return outcome.DONE;
}

/** Two fresh blocks for a pair; `undefined` when there are none. The second is written first. */
export function allocPair(lfs: Lfs): { block0: number; block1: number; rev: number } | undefined {
  const block1 = allocBlock(lfs);
  if (block1 < 0) return undefined;
  const block0 = allocBlock(lfs);
  if (block0 < 0) return undefined;
  // What stands there may pass for a revision, so the new one must be newer; aligned, lest the pair move at once.
  let rev = readWord(lfs, block0, 0) ?? 0;
  const cycles = lfs.settings.blockCycles;
  if (cycles > 0) {
    // In 32 bits, as in C: an erased block's 0xffffffff comes to 0.
    const unit = (cycles + 1) | 1;
    const up = (rev + unit - 1) >>> 0;
    rev = up - (up % unit);
  }
  return { block0, block1, rev: rev | 0 };
}

/** What a compaction did, to be shown to RAM by `transact`. */
export interface Compaction {
  readonly result: CompactResult;
  /** Blocks that the pair had, if it moved. */
  readonly newTails: readonly Mdir[];
}

/**
 * Compacts a pair with changes on top. `count` entries remain after them; `tail*` and `split` are what the pair's tail
 * is to be. On success entries, places, tails and deltas in RAM are what is on disk. `applyChanges` is called once, when
 * the writes have succeeded, to make the entries of `mdir` the final ones.
 */
export function compactPair(
  lfs: Lfs,
  mdir: Mdir,
  changes: readonly Change[],
  count: number,
  tail: { tail0: number; tail1: number; split: boolean },
  applyChanges: () => void,
): Compaction {
  const items = survivors(lfs, mdir, changes);
  const sizes = new Array<number>(count).fill(0);
  for (const item of items) if (item.id < count) sizes[item.id]! += tagSpan(makeTag(item.kind, 0, item.size));

  const target = new Target(mdir.block0, mdir.block1, mdir.rev, mdir.delta, tail.tail0, tail.tail1, tail.split);
  const parts: { target: Target; begin: number; end: number }[] = [];
  const metadataSize = lfs.settings.metadataSize;
  const sizeLimit = Math.min(metadataSize - SPLIT_RESERVE, alignUp(Math.floor(metadataSize / 2), lfs.progSize));

  let end = count;
  for (;;) {
    let split = 0;
    while (end - split > 1) {
      let size = 0;
      for (let id = split; id < end; id++) size += sizes[id]!;
      if (end - split < ENTRY_COUNT_MAX && size <= sizeLimit) break;
      split += (end - split) >> 1;
    }
    if (split === 0) break;
    const part = splitOff(lfs, target, items, split, end);
    if (part === undefined) break;
    parts.push({ target: part, begin: split, end });
    end = split;
  }

  let expanded = false;
  if (needsRelocation(lfs, target.rev) && samePair(target.block0, target.block1, 0, 1)) {
    let used = 0;
    visitBlocks(lfs, () => used++, false);
    // An expanded superblock cannot be taken back: only while there is plenty of room. (Unsigned as in C: blocks that
    // several files share are counted more than once, and more of them than there are pass for plenty of room.)
    if ((lfs.blockCount - used) >>> 0 > Math.floor(lfs.blockCount / 8)) {
      const part = splitOff(lfs, target, items, 0, end);
      if (part !== undefined) {
        parts.push({ target: part, begin: 0, end });
        if (samePair(target.block0, target.block1, lfs.root0, lfs.root1)) {
          lfs.root0 = part.block0;
          lfs.root1 = part.block1;
        }
        end = 1;
        expanded = true;
      }
    }
  }

  const result = writeTarget(lfs, target, items, 0, end);
  applyChanges();
  return { result, newTails: settle(mdir, target, parts, items, end, expanded) };
}

/** Writes ids `[begin, end)` to a new pair that becomes the target's tail. `undefined`: no room for one. */
function splitOff(lfs: Lfs, target: Target, items: readonly Item[], begin: number, end: number): Target | undefined {
  const pair = allocPair(lfs);
  if (pair === undefined) return undefined;
  const part = new Target(pair.block0, pair.block1, pair.rev, new GState(), target.tail0, target.tail1, target.split);
  try {
    writeTarget(lfs, part, items, begin, end);
  } catch (error) {
    if (error instanceof LfsError && error.code === 'LFS_ERR_NOSPC') return undefined;
    throw error;
  }
  target.tail0 = part.block0;
  target.tail1 = part.block1;
  target.split = true;
  return part;
}

/** Makes RAM say what was written: new places, and the entries that now live in new pairs. */
function settle(
  mdir: Mdir,
  target: Target,
  parts: readonly { target: Target; begin: number; end: number }[],
  items: readonly Item[],
  end: number,
  expanded: boolean,
): Mdir[] {
  const all = mdir.entries;
  const tails: Mdir[] = [];
  // The last part written is the first behind the pair.
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    const tail = new Mdir(part.target.block0, part.target.block1);
    tail.entries = all.slice(part.begin, part.end);
    for (const entry of tail.entries) entry.mdir = tail;
    tail.named = mdir.named;
    copyState(tail, part.target);
    placeItems(tail, part.target, items, part.begin, part.end);
    tails.push(tail);
  }
  if (expanded) {
    // The superblock stays behind as an anchor; the entry itself went on with the root.
    mdir.entries = [all[0]!.copyFor(mdir)];
  } else if (end < all.length) mdir.entries = all.slice(0, end);
  copyState(mdir, target);
  placeItems(mdir, target, items, 0, end);
  return tails;
}

function copyState(mdir: Mdir, target: Target): void {
  mdir.block0 = target.block0;
  mdir.block1 = target.block1;
  mdir.rev = target.rev;
  mdir.tail0 = target.tail0;
  mdir.tail1 = target.tail1;
  mdir.split = target.split;
  mdir.end = target.end;
  mdir.etag = target.etag;
  mdir.seed = target.seed;
  mdir.crcs = target.crcs;
  mdir.delta.copy(target.newDelta);
}

function placeItems(mdir: Mdir, target: Target, items: readonly Item[], begin: number, end: number): void {
  let next = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    if (item.id < begin || item.id >= end) continue;
    const at = target.places[next++]!;
    const entry = mdir.entries[item.id - begin]!;
    const family = item.kind & 0x700;
    if (family === type.NAME) entry.nameAt = at;
    else if (family === type.STRUCT) entry.structAt = at;
    else if (item.size !== DELETED) {
      const attr = entry.findAttr(item.kind & 0xff);
      if (attr === undefined) throw corrupt('an attribute without its entry', mdir.block0, at);
      attr.at = at;
    }
  }
}
