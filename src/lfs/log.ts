/**
 * The log of one metadata block: found, checked, added up (SPEC.md, "Metadata pairs"; C: lfs_dir_fetchmatch).
 *
 *   | rev | tag data | tag data | ... | CRC tag, crc, padding | tag data | ... | CRC tag, crc, padding | erased
 *   '-- LE  '------- first commit -----------------------------' '---- second commit -----------------'
 *
 * `scanLog` walks the tags and keeps those of commits whose CRC holds; `foldLog` adds them up to entries. Both work on
 * bytes alone, so `check` and `inspect` use them on images that no mount would accept.
 *
 * @module
 */

import { readU32 } from './bytes.ts';
import type { BlockReader } from './cache.ts';
import { crc32, crc32Word } from './crc32.ts';
import { NO_BLOCK } from './layout.ts';
import { Entry, type Mdir } from './mdir.ts';
import { DELETED, NO_ID, tagFamily, tagId, tagSize, tagSpan, tagSplice, tagType, type } from './tag.ts';

/** What a walk over a log found. One object is used again and again. */
export class LogScan {
  rev = 0;
  /** Tags of valid commits, in order, without the CRC tags; `ats[i]` is where the data of `tags[i]` begins. */
  readonly tags: number[] = [];
  readonly ats: number[] = [];
  /** How many of them belong to commits that are valid. */
  length = 0;
  commits = 0;
  /** Behind the last valid commit. */
  end = 0;
  etag = -1;
  count = 0;
  tail0: number = NO_BLOCK;
  tail1: number = NO_BLOCK;
  split = false;
  /** The CRCs of the commits, themselves collected in a CRC that begins with 0. */
  seed = 0;
  /** Behind the last commit stands a tag that is none: either erased, or an interrupted commit. */
  openEnd = false;
  hasFcrc = false;
  fcrcSize = 0;
  fcrcCrc = 0;
  /** Why the walk stopped, for people. */
  stop = '';
}

/**
 * Walks the log of a block. False: there is no valid commit. `scan.rev` is set either way if the block can be read.
 * The work is bounded by the block's size: every step goes at least four bytes on.
 */
export function scanLog(reader: BlockReader, blockSize: number, scan: LogScan): boolean {
  scan.length = 0;
  scan.commits = 0;
  scan.end = 0;
  scan.seed = 0;
  scan.openEnd = false;
  scan.hasFcrc = false;
  if (!reader.load(4)) {
    scan.stop = 'the block cannot be read';
    return false;
  }
  const bytes = reader.bytes;
  const { tags, ats } = scan;
  scan.rev = readU32(bytes, 0) | 0;

  let length = 0;
  let count = 0;
  let tail0: number = NO_BLOCK;
  let tail1: number = NO_BLOCK;
  let split = false;
  let lastIsCrc = false;
  let previous = -1;
  let commitStart = 0;
  let at = 4;

  for (;;) {
    if (!reader.load(at + 4)) {
      scan.stop = at + 4 > blockSize ? 'the block is full' : 'the block cannot be read further';
      break;
    }
    const tag = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) ^ previous;
    if (tag < 0) {
      scan.openEnd = lastIsCrc;
      scan.stop = lastIsCrc ? 'end of the log' : 'a tag without its valid bit inside a commit';
      break;
    }
    const span = tagSpan(tag);
    if (at + span > blockSize) {
      scan.stop = `a tag of ${span} bytes runs over the end of the block`;
      break;
    }
    previous = tag;
    const kind = tagType(tag);
    lastIsCrc = (kind & 0x780) === type.CCRC;

    if (lastIsCrc) {
      if (!reader.load(at + 8)) {
        scan.stop = 'the block ends inside a CRC';
        break;
      }
      const crc = crc32(0xffffffff, bytes, commitStart, at + 4);
      if (crc !== readU32(bytes, at + 4)) {
        scan.stop = 'a commit with a wrong CRC';
        break;
      }
      previous ^= (kind & 1) << 31;
      scan.seed = crc32Word(scan.seed, crc);
      scan.commits++;
      scan.length = length;
      scan.end = at + span;
      scan.etag = previous;
      scan.count = count;
      scan.tail0 = tail0;
      scan.tail1 = tail1;
      scan.split = split;
      at += span;
      commitStart = at;
      continue;
    }

    if (!reader.load(at + span)) {
      scan.stop = 'the block cannot be read further';
      break;
    }
    const family = kind & 0x700;
    if (family === type.NAME) {
      const id = tagId(tag);
      if (id >= count) count = id + 1;
    } else if (family === type.SPLICE) {
      count += tagSplice(tag);
    } else if (family === type.TAIL) {
      if (!reader.load(at + 12)) {
        scan.stop = 'the block ends inside a tail';
        break;
      }
      split = (kind & 1) !== 0;
      tail0 = readU32(bytes, at + 4) | 0;
      tail1 = readU32(bytes, at + 8) | 0;
    } else if (kind === type.FCRC) {
      if (!reader.load(at + 12)) {
        scan.stop = 'the block ends inside a forward CRC';
        break;
      }
      scan.hasFcrc = true;
      scan.fcrcSize = readU32(bytes, at + 4);
      scan.fcrcCrc = readU32(bytes, at + 8);
    }
    tags[length] = tag;
    ats[length] = at + 4;
    length++;
    at += span;
  }
  return scan.commits > 0;
}

/**
 * Whether another commit may be appended behind the last: what follows must be exactly as erased as it was when that
 * commit was made. Before 2.1 there was no forward CRC and an open end had to do.
 */
export function endIsErased(reader: BlockReader, scan: LogScan, progSize: number, withFcrc: boolean): boolean {
  if (!scan.openEnd || scan.end % progSize !== 0) return false;
  if (!withFcrc) return true;
  if (!scan.hasFcrc || !reader.load(scan.end + scan.fcrcSize)) return false;
  return crc32(0xffffffff, reader.bytes, scan.end, scan.end + scan.fcrcSize) === scan.fcrcCrc;
}

/** Adds the tags of a scan up to the entries, the tail and the state of a pair. */
export function foldLog(scan: LogScan, bytes: Uint8Array, mdir: Mdir): void {
  const entries: Entry[] = [];
  const { tags, ats, length } = scan;
  const delta = mdir.delta;
  delta.clear();
  for (let i = 0; i < length; i++) {
    const tag = tags[i]!;
    const at = ats[i]!;
    const id = tagId(tag);
    const size = tagSize(tag);
    const kind = tagType(tag);
    switch (tagFamily(tag)) {
      case type.NAME: {
        const entry = entryAt(entries, mdir, id);
        if (entry === undefined) break;
        entry.nameType = size === DELETED ? -1 : kind;
        entry.nameSize = size;
        entry.nameAt = at;
        break;
      }
      case type.STRUCT: {
        const entry = entryAt(entries, mdir, id);
        if (entry === undefined) break;
        if (size === DELETED) entry.structType = -1;
        else entry.setStruct(kind, size, at, bytes, at);
        break;
      }
      case type.USERATTR: {
        const entry = entryAt(entries, mdir, id);
        if (entry === undefined) break;
        if (size === DELETED) entry.dropAttr(kind & 0xff);
        else entry.setAttr(kind & 0xff, size, at);
        break;
      }
      case type.SPLICE: {
        if (id === NO_ID) break;
        const splice = tagSplice(tag);
        if (splice > 0) {
          while (entries.length < id) entries.push(new Entry(mdir));
          // More ids than there can be, or more than one at a time, no littlefs writes: that must not cost much either.
          for (let k = 0; k < splice && entries.length < NO_ID; k++) entries.splice(id, 0, new Entry(mdir));
        } else if (splice < 0) {
          for (const gone of entries.splice(id, -splice)) gone.mdir = null;
        }
        break;
      }
      case type.GSTATE: {
        if (kind !== type.MOVESTATE) break;
        if (size === DELETED) delta.clear();
        else {
          delta.tag = size >= 4 ? readU32(bytes, at) | 0 : 0;
          delta.pair0 = size >= 8 ? readU32(bytes, at + 4) | 0 : 0;
          delta.pair1 = size >= 12 ? readU32(bytes, at + 8) | 0 : 0;
        }
        break;
      }
      default:
        break;
    }
  }
  // Only a log that littlefs did not write counts differently from what its tags add up to.
  const count = Math.max(0, Math.min(scan.count, NO_ID - 1));
  while (entries.length < count) entries.push(new Entry(mdir));
  while (entries.length > count) entries.pop()!.mdir = null;

  mdir.rev = scan.rev;
  mdir.end = scan.end;
  mdir.etag = scan.etag;
  mdir.seed = scan.seed;
  mdir.crcs = scan.commits;
  mdir.tail0 = scan.tail0;
  mdir.tail1 = scan.tail1;
  mdir.split = scan.split;
  mdir.entries = entries;
  mdir.named = false;
}

function entryAt(entries: Entry[], mdir: Mdir, id: number): Entry | undefined {
  if (id === NO_ID) return undefined;
  while (entries.length <= id) entries.push(new Entry(mdir));
  return entries[id];
}
