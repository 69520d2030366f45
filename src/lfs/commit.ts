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

import { alignUp, copyBytes } from './bytes.ts';
import { openBlock, type ProgCache, readInto, viewBlock } from './cache.ts';
import { crc32, crc32Word } from './crc32.ts';
import { corrupt } from './errors.ts';
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

const empty = new Uint8Array(0);

export class CommitWriter {
  readonly lfs: Lfs;
  readonly block: number;
  readonly begin: number;
  /** No tag may reach beyond this. */
  readonly limit: number;
  at: number;
  /** The tag before, which the next one is XORed with. */
  etag: number;
  /** The CRCs written, themselves collected in a CRC: what mount would collect. */
  seed: number;
  crcs = 0;

  private readonly cache: ProgCache;
  private readonly buffer: Uint8Array;
  private crc = 0xffffffff;
  /** Where in the buffer the bytes begin that `crc` does not know yet. */
  private crcFrom = 0;

  constructor(lfs: Lfs, block: number, begin: number, etag: number, seed: number) {
    this.lfs = lfs;
    this.block = block;
    this.begin = begin;
    this.at = begin;
    this.etag = etag;
    this.seed = seed;
    this.limit = lfs.settings.metadataSize - CRC_ROOM;
    this.cache = lfs.pcache;
    this.buffer = this.cache.buffer;
  }

  /** Takes the bytes gathered so far into the CRC. */
  private sum(): void {
    this.crc = crc32(this.crc, this.buffer, this.crcFrom, this.cache.size);
    this.crcFrom = this.cache.size;
  }

  private put(bytes: Uint8Array, from: number, size: number): boolean {
    const { cache, buffer, lfs } = this;
    const end = from + size;
    for (let at = from; at < end; ) {
      if (cache.block < 0) {
        cache.begin(lfs, this.block, this.at);
        this.crcFrom = cache.size;
      }
      const step = Math.min(end - at, buffer.length - cache.size);
      copyBytes(bytes, at, buffer, cache.size, step);
      cache.size += step;
      this.at += step;
      at += step;
      if (cache.size === buffer.length) {
        this.sum();
        if (!cache.flush(lfs, false)) return false;
      }
    }
    return true;
  }

  /** Four bytes. */
  private putWord(b0: number, b1: number, b2: number, b3: number): boolean {
    const { cache, buffer } = this;
    const to = cache.size;
    if (cache.block < 0 || to + 4 >= buffer.length) return this.put(Uint8Array.of(b0, b1, b2, b3), 0, 4);
    buffer[to] = b0;
    buffer[to + 1] = b1;
    buffer[to + 2] = b2;
    buffer[to + 3] = b3;
    cache.size = to + 4;
    this.at += 4;
    return true;
  }

  private putBE(value: number): boolean {
    return this.putWord(value >>> 24, value >>> 16, value >>> 8, value);
  }

  private putLE(value: number): boolean {
    return this.putWord(value, value >>> 8, value >>> 16, value >>> 24);
  }

  /** The revision that a block begins with. */
  revision(rev: number): Outcome {
    return this.putLE(rev) ? outcome.DONE : outcome.BAD;
  }

  /** A tag with its data, `bytes[from, from + size of the tag)`. */
  tag(tag: number, bytes: Uint8Array, from: number): Outcome {
    const span = tagSpan(tag);
    if (this.at + span > this.limit) return outcome.FULL;
    if (!this.putBE(tag ^ this.etag)) return outcome.BAD;
    if (span > 4 && !this.put(bytes, from, span - 4)) return outcome.BAD;
    this.etag = tag;
    return outcome.DONE;
  }

  /** A tag with two or three words of data. */
  private words(tag: number, first: number, second: number, third: number): Outcome {
    const span = tagSpan(tag);
    if (this.at + span > this.limit) return outcome.FULL;
    if (!this.putBE(tag ^ this.etag) || !this.putLE(first) || !this.putLE(second)) return outcome.BAD;
    if (span > 12 && !this.putLE(third)) return outcome.BAD;
    this.etag = tag;
    return outcome.DONE;
  }

  /** Where the thread goes on. */
  tail(split: boolean, tail0: number, tail1: number): Outcome {
    return this.words(makeTag(type.TAIL + (split ? 1 : 0), NO_ID, 8), tail0, tail1, 0);
  }

  /** Three words of global state. */
  movestate(tag: number, pair0: number, pair1: number): Outcome {
    return this.words(makeTag(type.MOVESTATE, NO_ID, 12), tag, pair0, pair1);
  }

  /** Closes the commit and makes it durable. The block then holds it, or is bad. */
  finish(): Outcome {
    const { lfs, cache } = this;
    const { blockSize, progSize } = lfs;
    const end = alignUp(Math.min(this.at + FULL_CRC_ROOM, blockSize), progSize);
    let firstCrcAt = 0;
    let firstCrc = 0;

    while (this.at < end) {
      let next = Math.min(end - (this.at + 4), PAD_MAX) + this.at + 4;
      if (next < end) next = Math.min(next, end - FULL_CRC_ROOM);

      let leading = 0xff;
      if (next >= end && next <= blockSize - progSize) {
        const view = viewBlock(lfs, this.block) ?? this.readAhead(next);
        const at = view.length === blockSize ? next : 0;
        const readable = view.length > 0;
        leading = readable ? view[at]! : 0xff;
        if (lfs.settings.diskVersion >= DISK_VERSION_2_1) {
          const crc = readable ? crc32(0xffffffff, view, at, at + progSize) : 0xffffffff;
          const wrote = this.words(makeTag(type.FCRC, NO_ID, 8), progSize, crc, 0);
          if (wrote !== outcome.DONE) return wrote;
        }
      }

      const flip = (~leading & 0x80) >>> 7;
      const tag = makeTag(type.CCRC + flip, NO_ID, next - (this.at + 4));
      if (!this.putBE(tag ^ this.etag)) return outcome.BAD;
      this.sum();
      const { crc } = this;
      if (!this.putLE(crc)) return outcome.BAD;
      this.seed = crc32Word(this.seed, crc);
      this.crcs++;
      if (firstCrcAt === 0) {
        firstCrcAt = this.at - 4;
        firstCrc = crc;
      }
      this.at = next;
      this.etag = tag ^ (flip << 31);
      this.crc = 0xffffffff;

      // The padding is never programmed, which the cache cannot know: flush by hand.
      if (next >= end || next >= cache.offset + lfs.cacheSize) {
        if (!cache.flush(lfs, false)) return outcome.BAD;
        lfs.device.sync();
      } else cache.size = next - cache.offset;
      this.crcFrom = cache.size;
    }
    return lfs.device.progVerified === true || this.readsBack(firstCrcAt, firstCrc) ? outcome.DONE : outcome.BAD;
  }

  /** What lies where the next commit will begin; nothing if it cannot be read. */
  private readAhead(at: number): Uint8Array {
    const bytes = new Uint8Array(this.lfs.progSize);
    return readInto(this.lfs, this.block, at, bytes, 0, bytes.length) ? bytes : empty;
  }

  /** Whether the block holds the commit. The padding need not hold: a damaged one only costs a compaction. */
  private readsBack(crcAt: number, crc: number): boolean {
    const { lfs, block, begin } = this;
    let bytes: Uint8Array;
    if (begin === 0) {
      // Of a block written from its start this is also its first reading.
      const reader = openBlock(lfs, block);
      if (!reader.load(crcAt + 4, true)) return false;
      bytes = reader.bytes;
    } else {
      bytes = new Uint8Array(crcAt + 4 - begin);
      for (let at = 0; at < bytes.length; at += lfs.cacheSize) {
        if (!readInto(lfs, block, begin + at, bytes, at, Math.min(lfs.cacheSize, bytes.length - at))) return false;
      }
    }
    const found = crc32(0xffffffff, bytes, 0, crcAt - begin);
    return found === crc && crc32(found, bytes, crcAt - begin, crcAt - begin + 4) === 0;
  }
}

/** The bytes of a log, as far as somebody wants them, to be copied while other blocks are written. */
export function copyLog(lfs: Lfs, block: number, end: number): Uint8Array {
  const reader = openBlock(lfs, block);
  if (!reader.load(end, true)) throw corrupt('a log that was read before cannot be read any more', block);
  return reader.bytes.slice(0, end);
}
