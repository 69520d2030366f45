/**
 * A directory that somebody walked into: its pairs in order, and the search for a name in them.
 *
 * C reads the pairs one after the other until it has the name or a greater one. Names are kept in order
 * (`compareNames`) across all pairs, so the same answers come from a map of names, and, for the place of a new one,
 * from a binary search over the pairs by their last name and then over the entries of one. A directory that is not in
 * order (none that littlefs wrote) is searched as C does it.
 *
 * Invariants: (1) `chain` is the head pair and what follows along hard tails, empty pairs included;
 * (2) all pairs of the chain are `named`, and `byName` has exactly their entries; (3) a directory has one owner: the entry that leads to it. A second entry
 * leading to the same pair would make a loop or a knot of directories: CORRUPT.
 *
 * @module
 */

import { byteString, compareNames } from './bytes.ts';
import { type BlockReader, openBlock } from './cache.ts';
import { corrupt } from './errors.ts';
import type { Lfs } from './lfs.ts';
import type { Entry, Mdir } from './mdir.ts';
import { fetchPair, ThreadGuard, tailOf } from './pairs.ts';
import { type } from './tag.ts';

export class Directory {
  readonly chain: Mdir[];
  /** The entry that leads here; `null` for the root. */
  owner: Entry | null;
  ordered = true;
  /** Every name of the directory; only while it is in order. */
  readonly byName: Map<string, Entry> = new Map();
  /** Some name holds a slash: it cannot be reached by splitting a path at slashes. */
  hasSlashNames = false;

  constructor(chain: Mdir[], owner: Entry | null) {
    this.chain = chain;
    this.owner = owner;
  }

  get head(): Mdir {
    return this.chain[0]!;
  }
}

/** Where a name would be inserted. */
export class Place {
  mdir: Mdir | null = null;
  id = 0;
}

/** Whether an entry is one that people see: a file, a directory, or something unknown; not the superblock. */
export function hasFileName(entry: Entry): boolean {
  return entry.nameType >= 0 && (entry.nameType & 0x780) === 0;
}

export function rootDirectoryOf(lfs: Lfs): Directory {
  lfs.rootDirectory ??= openChain(lfs, fetchPair(lfs, lfs.root0, lfs.root1), null);
  return lfs.rootDirectory;
}

/** The directory that an entry leads to. */
export function childDirectory(lfs: Lfs, entry: Entry): Directory {
  if (entry.child !== null) return entry.child;
  if (entry.structType !== type.DIRSTRUCT || entry.structSize < 8)
    throw corrupt('a directory without its pair', entry.mdir?.block0, entry.structAt);
  // The root has to be known first, or an entry leading back to it would pass for its owner.
  rootDirectoryOf(lfs);
  const head = fetchPair(lfs, entry.word0, entry.word1);
  if (lfs.pairs.get(head.block0) !== head)
    throw corrupt(
      `the directory in {${head.block0}, ${head.block1}} shares a block with another pair`,
      entry.mdir?.block0,
      entry.structAt,
    );
  const known = head.directory;
  if (known !== null && known.chain[0] === head && known.owner !== null && known.owner.mdir === null) {
    known.owner = entry;
    entry.child = known;
    return known;
  }
  if (known !== null || head.isRootPair)
    throw corrupt(
      `two entries lead to the directory in {${head.block0}, ${head.block1}}: a loop`,
      entry.mdir?.block0,
      entry.structAt,
    );
  entry.child = openChain(lfs, head, entry);
  return entry.child;
}

function openChain(lfs: Lfs, head: Mdir, owner: Entry | null): Directory {
  const chain: Mdir[] = [head];
  const guard = new ThreadGuard(lfs);
  for (let mdir = head; mdir.split; ) {
    guard.step();
    const next = tailOf(lfs, mdir);
    if (next === undefined) break;
    if (owner !== null && next.directory !== null)
      throw corrupt(
        `the directory in {${head.block0}, ${head.block1}} goes on in a pair of another directory`,
        mdir.block0,
      );
    chain.push(next);
    mdir = next;
  }
  const directory = new Directory(chain, owner);
  let last: string | null = null;
  for (const mdir of chain) {
    nameEntries(lfs, mdir);
    for (const entry of mdir.entries) {
      if (entry.nameType === type.SUPERBLOCK) continue;
      const name = entry.name;
      if (name === null || !hasFileName(entry)) directory.ordered = false;
      else {
        if (last !== null && compareNames(last, name) >= 0) directory.ordered = false;
        if (name.includes('/')) directory.hasSlashNames = true;
        last = name;
        directory.byName.set(name, entry);
      }
    }
  }
  for (const mdir of chain) mdir.directory = directory;
  return directory;
}

/** Reads the names of all entries of a pair. */
export function nameEntries(lfs: Lfs, mdir: Mdir): void {
  if (mdir.named) return;
  let reader: BlockReader | null = null;
  for (const entry of mdir.entries) {
    if (entry.name !== null || entry.nameType < 0) continue;
    reader ??= openBlock(lfs, mdir.block0);
    const to = entry.nameAt + entry.nameSize;
    if (!reader.load(to)) throw corrupt('the name of an entry cannot be read', mdir.block0, entry.nameAt);
    entry.name = byteString(reader.bytes, entry.nameAt, to);
  }
  mdir.named = true;
}

/** The entry of this name. */
export function findName(directory: Directory, name: string): Entry | undefined {
  return directory.ordered ? directory.byName.get(name) : scanName(directory, name);
}

/** Where a name that is not there would be inserted. */
export function findPlace(directory: Directory, name: string, place: Place): void {
  if (directory.ordered) searchPlace(directory, name, place);
  else scanPlace(directory, name, place);
}

/** As C finds a name: pair by pair, until the name or a greater one. */
export function scanName(directory: Directory, name: string): Entry | undefined {
  for (const mdir of directory.chain) {
    let greater = false;
    for (const entry of mdir.entries) {
      if (entry.name === null || !hasFileName(entry)) continue;
      if (entry.name === name) return entry;
      if (compareNames(entry.name, name) > 0) greater = true;
    }
    if (greater) return undefined;
  }
  return undefined;
}

/** As C finds a place: the first pair with a greater name, else the last pair. */
export function scanPlace(directory: Directory, name: string, place: Place): void {
  for (const mdir of directory.chain) {
    const entries = mdir.entries;
    place.mdir = mdir;
    place.id = entries.length;
    for (let id = 0; id < entries.length; id++) {
      const entry = entries[id]!;
      if (entry.name === null || !hasFileName(entry) || compareNames(entry.name, name) <= 0) continue;
      place.id = id;
      return;
    }
  }
}

/** The same place in a directory in order. */
export function searchPlace(directory: Directory, name: string, place: Place): void {
  const chain = directory.chain;
  let low = 0;
  let high = chain.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    // Empty pairs have no last name: look at one before them.
    let probe = middle;
    while (probe > low && lastName(chain[probe]!) === null) probe--;
    const last = lastName(chain[probe]!);
    if (last !== null && compareNames(last, name) >= 0) high = probe;
    else low = middle + 1;
  }
  const mdir = chain[low]!;
  const entries = mdir.entries;
  let from = entries.length > 0 && entries[0]!.nameType === type.SUPERBLOCK ? 1 : 0;
  let to = entries.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (compareNames(entries[middle]!.name!, name) < 0) from = middle + 1;
    else to = middle;
  }
  place.mdir = mdir;
  place.id = from;
}

function lastName(mdir: Mdir): string | null {
  const entries = mdir.entries;
  const last = entries[entries.length - 1];
  return last === undefined || last.nameType === type.SUPERBLOCK ? null : last.name;
}
