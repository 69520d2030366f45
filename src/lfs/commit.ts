/**
 * Writing one commit: tags with their data, then the CRC that makes them count (SPEC.md, "CRC"; C: lfs_dir_commit*).
 *
 *   | tag data | tag data | ... | FCRC tag, size, crc | CRC tag, crc | padding to progSize |
 *
 * The forward CRC says what the next program's worth of bytes looked like before anyone wrote there; a mount that finds
 * them changed knows that a later commit was interrupted. The CRC tag's lowest type bit flips the valid bit of the next
 * tag, so that what lies there now can never pass for one. Padding too long for one tag takes several CRC tags.
 *
 * A commit that does not fit, or a block that goes bad, is an answer and not an error: the caller compacts.
 *
 * @module
 */

import { alignUp, writeU32, writeU32BE } from './bytes.ts';
import { BlockReader, readInto, viewBlock } from './cache.ts';
import { crc32 } from './crc32.ts';
import { DISK_VERSION_2_1 } from './layout.ts';
import type { Lfs } from './lfs.ts';
import { makeTag, NO_ID, tagSpan, type } from './tag.ts';

/** How an attempt to write ended. */
export const outcome = { DONE: 0, FULL: 1, BAD: 2 } as const;
export type Outcome = (typeof outcome)[keyof typeof outcome];

/** Room that every commit leaves for its CRC. */
const CRC_ROOM = 8;
/** A CRC tag, its CRC, and a forward CRC tag with its data. */
const FULL_CRC_ROOM = 20;
/** Bytes that one CRC tag can pad over. */
const PAD_MAX = 0x3fe;

const scratch = new Uint8Array(12);

export class CommitWriter {
  readonly lfs: Lfs;
  readonly block: number;
  readonly begin: number;
  /** No tag may reach beyond this. */
  readonly limit: number;
  at: number;
  /** The tag before, which the next one is XORed with. */
  etag: number;
  private crc = 0xffffffff;

  constructor(lfs: Lfs, block: number, begin: number, etag: number) {
    this.lfs = lfs;
    this.block = block;
    this.begin = begin;
    this.at = begin;
    this.etag = etag;
    this.limit = lfs.settings.metadataSize - CRC_ROOM;
  }

  private put(bytes: Uint8Array, at: number, size: number): boolean {
    if (!this.lfs.pcache.put(this.lfs, false, this.block, this.at, bytes, at, size)) return false;
    this.crc = crc32(this.crc, bytes, at, at + size);
    this.at += size;
    return true;
  }

  /** The revision that a block begins with. */
  revision(rev: number): Outcome {
    writeU32(scratch, 0, rev);
    return this.put(scratch, 0, 4) ? outcome.DONE : outcome.BAD;
  }

  /** A tag with its data, `bytes[from, from + size of the tag)`. */
  tag(tag: number, bytes: Uint8Array, from: number): Outcome {
    const span = tagSpan(tag);
    if (this.at + span > this.limit) return outcome.FULL;
    writeU32BE(scratch, 0, tag ^ this.etag);
    if (!this.put(scratch, 0, 4)) return outcome.BAD;
    if (span > 4 && !this.put(bytes, from, span - 4)) return outcome.BAD;
    this.etag = tag;
    return outcome.DONE;
  }

  /** Three words of global state. */
  movestate(tag: number, pair0: number, pair1: number): Outcome {
    const data = new Uint8Array(12);
    writeU32(data, 0, tag);
    writeU32(data, 4, pair0);
    writeU32(data, 8, pair1);
    return this.tag(makeTag(type.MOVESTATE, NO_ID, 12), data, 0);
  }

  /** Closes the commit and makes it durable. The block then holds it, or is bad. */
  finish(): Outcome {
    const lfs = this.lfs;
    const { blockSize, progSize, pcache } = lfs;
    const end = alignUp(Math.min(this.at + FULL_CRC_ROOM, blockSize), progSize);
    let firstCrcAt = 0;
    let firstCrc = 0;

    while (this.at < end) {
      let next = Math.min(end - (this.at + 4), PAD_MAX) + this.at + 4;
      if (next < end) next = Math.min(next, end - FULL_CRC_ROOM);

      let leading = 0xff;
      if (next >= end && next <= blockSize - progSize) {
        const ahead = this.ahead(next);
        leading = ahead.leading;
        if (lfs.settings.diskVersion >= DISK_VERSION_2_1) {
          const data = new Uint8Array(8);
          writeU32(data, 0, progSize);
          writeU32(data, 4, ahead.crc);
          const wrote = this.tag(makeTag(type.FCRC, NO_ID, 8), data, 0);
          if (wrote !== outcome.DONE) return wrote;
        }
      }

      const flip = (~leading & 0x80) >>> 7;
      const tag = makeTag(type.CCRC + flip, NO_ID, next - (this.at + 4));
      writeU32BE(scratch, 0, tag ^ this.etag);
      const crc = crc32(this.crc, scratch, 0, 4);
      writeU32(scratch, 4, crc);
      if (!pcache.put(lfs, false, this.block, this.at, scratch, 0, 8)) return outcome.BAD;
      if (firstCrcAt === 0) {
        firstCrcAt = this.at + 4;
        firstCrc = crc;
      }
      this.at = next;
      this.etag = tag ^ (flip << 31);
      this.crc = 0xffffffff;

      // The padding is never programmed, which the cache cannot know: flush by hand.
      if (next >= end || next >= pcache.offset + lfs.cacheSize) {
        if (!pcache.flush(lfs, false)) return outcome.BAD;
        lfs.device.sync();
      }
    }
    return lfs.device.progVerified === true || this.readsBack(firstCrcAt, firstCrc) ? outcome.DONE : outcome.BAD;
  }

  /** What lies where the next commit will begin: its first byte, and the CRC of a program's worth of it. */
  private ahead(at: number): { leading: number; crc: number } {
    const lfs = this.lfs;
    const view = viewBlock(lfs, this.block);
    if (view !== undefined) return { leading: view[at]!, crc: crc32(0xffffffff, view, at, at + lfs.progSize) };
    const bytes = new Uint8Array(lfs.progSize);
    if (!readInto(lfs, this.block, at, bytes, 0, bytes.length)) return { leading: 0xff, crc: 0xffffffff };
    return { leading: bytes[0]!, crc: crc32(0xffffffff, bytes) };
  }

  /** Whether the block holds the commit. The padding need not hold: a damaged one only costs a compaction. */
  private readsBack(crcAt: number, crc: number): boolean {
    const lfs = this.lfs;
    const bytes = new Uint8Array(crcAt + 4 - this.begin);
    for (let at = 0; at < bytes.length; at += lfs.cacheSize) {
      const size = Math.min(lfs.cacheSize, bytes.length - at);
      if (!readInto(lfs, this.block, this.begin + at, bytes, at, size)) return false;
    }
    const found = crc32(0xffffffff, bytes, 0, bytes.length - 4);
    return found === crc && crc32(found, bytes, bytes.length - 4) === 0;
  }
}

/** The bytes of a log, to be copied while other blocks are written. */
export function copyLog(lfs: Lfs, block: number, end: number): Uint8Array {
  const reader = new BlockReader(lfs, block);
  reader.load(end);
  return reader.bytes.slice(0, end);
}
