/**
 * One open file (C: lfs_file_*).
 *
 * A file is either inline, its bytes in its metadata, or a CTZ list of blocks. Blocks that are committed never change:
 * the first write after a seek copies the block it starts in, goes on in new blocks, and `flush` copies what lies
 * behind, so that a new list stands beside the old one until `sync` commits its head.
 *
 *   committed list   chain         [0] [1] [2] [3] [4]        head, size
 *   being written    fresh from 2          [2'][3']           block, position
 *   after flush      chain         [0] [1] [2'][3'][4']
 *
 * States, and what leads into them:
 *   reading   a read; left by flush
 *   writing   a write; left by flush, which makes the file dirty
 *   dirty     RAM is ahead of the metadata; left by sync
 *   dusty     another handle has synced this file: our blocks are no longer in the metadata, but still ours
 *   failed    a write failed: closing commits nothing
 *
 * @module
 */

import { checkpoint } from './alloc.ts';
import { copyBytes, writeU32 } from './bytes.ts';
import { INLINE_BLOCK, type ProgCache, readInto, readOrThrow } from './cache.ts';
import type { Change } from './compact.ts';
import { blockIndex, blockOffset, Chain, chainLength, visitChain, visitLost } from './ctz.ts';
import { LfsError } from './errors.ts';
import { FreshList } from './fresh-list.ts';
import { FILE_MAX_DEFAULT, NO_BLOCK } from './layout.ts';
import { fail, type Lfs } from './lfs.ts';
import { LineCache } from './line-cache.ts';
import type { Entry, Mdir } from './mdir.ts';
import { nameChange } from './names.ts';
import type { Walk } from './path.ts';
import { settleMove } from './repair.ts';
import { makeTag, type } from './tag.ts';
import { commitPair } from './transact.ts';
import { type AttrValue, attrChanges } from './user-attrs.ts';

/** Attributes that are read when a file is opened and written together with its data. */
export interface FileAttr {
  readonly type: number;
  readonly buffer: Uint8Array;
}

const zeros = new Uint8Array(4096);
const noAttrs: readonly AttrValue[] = [];

export class OpenFile {
  readonly lfs: Lfs;
  entry: Entry;
  readonly append: boolean;
  attrs: readonly AttrValue[];

  position = 0;
  /** Whether the log of our pair has an erased end, as far as this file knows (see `relocatingCommit`). */
  logErased = false;
  /** Size as of the last flush. */
  private size = 0;
  private inline = true;
  /** The bytes of an inline file, until a write moves them to `cache`. */
  private inlineBytes: Uint8Array | null = null;
  private readonly chain: Chain = new Chain();

  private freshOrNull: FreshList | null = null;
  private cache: ProgCache | null = null;
  private readonly line: LineCache = new LineCache();

  private reading = false;
  private writing = false;
  dirty = false;
  private dusty = false;
  private failed = false;

  constructor(lfs: Lfs, entry: Entry, append: boolean, attrs: readonly AttrValue[] = noAttrs) {
    this.lfs = lfs;
    this.entry = entry;
    this.append = append;
    this.attrs = attrs;
  }

  /** Takes what the metadata says. */
  load(): void {
    const { entry, lfs } = this;
    if (entry.structType === type.INLINESTRUCT) {
      this.size = entry.structSize;
      if (this.size > 0) {
        this.inlineBytes = new Uint8Array(this.size);
        readOrThrow(lfs, entry.mdir!.block0, entry.structAt, this.inlineBytes, 0, this.size);
      }
    } else if (entry.structType === type.CTZSTRUCT) {
      this.inline = false;
      this.size = entry.word1 >>> 0;
      this.chain.reset(chainLength(lfs, entry.word0, this.size), entry.word0);
    } else throw new LfsError('LFS_ERR_NOENT', 'the file has no data structure in its metadata');
  }

  /** The size that readers see. */
  get currentSize(): number {
    return this.writing ? Math.max(this.position, this.size) : this.size;
  }

  get isFailed(): boolean {
    return this.failed;
  }

  /** A sync would write. */
  get wantsCommit(): boolean {
    return this.dirty || this.writing;
  }

  // ---- reading

  read(target: Uint8Array, at: number, length: number): number {
    if (this.writing) this.flush();
    if (this.position >= this.size) return 0;
    const size = Math.min(length, this.size - this.position);
    if (size === 0) return 0;
    this.reading = true;
    if (this.inline) this.copyInline(this.position, target, at, size);
    else this.readBlocks(this.position, target, at, size);
    this.position += size;
    return size;
  }

  private readBlocks(position: number, target: Uint8Array, at: number, size: number): void {
    const { lfs, chain } = this;
    const blockSize = lfs.blockSize;
    while (size > 0) {
      const index = blockIndex(blockSize, position);
      const offset = blockOffset(blockSize, position, index);
      const step = Math.min(size, blockSize - offset);
      this.line.read(lfs, chain.at(lfs, index), offset, target, at, step);
      position += step;
      at += step;
      size -= step;
    }
  }

  private copyInline(position: number, target: Uint8Array, at: number, size: number): void {
    copyBytes(
      this.cache !== null && this.inlineBytes === null ? this.cache.buffer : this.inlineBytes!,
      position,
      target,
      at,
      size,
    );
  }

  // ---- writing

  write(bytes: Uint8Array, at: number, length: number): number {
    if (this.reading) this.flush();
    if (this.append && this.position < this.size) this.position = this.size;
    if (this.position + length > this.lfs.fileMax)
      fail('LFS_ERR_FBIG', `the file would have ${this.position + length} bytes; allowed: up to ${this.lfs.fileMax}`);
    if (!this.writing && this.position > this.size) {
      const to = this.position;
      this.position = this.size;
      this.writeZeros(to);
    }
    this.writeBytes(bytes, at, length, false);
    this.failed = false;
    this.settle();
    return length;
  }

  private writeZeros(to: number): void {
    while (this.position < to) this.writeBytes(zeros, 0, Math.min(zeros.length, to - this.position), true);
  }

  /** `bytewise`: C makes one call for each byte, so that what is before a failing byte is written, with a checkpoint. */
  private writeBytes(bytes: Uint8Array, at: number, size: number, bytewise: boolean): void {
    try {
      this.writeOn(bytes, at, size, bytewise);
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  private writeOn(bytes: Uint8Array, at: number, size: number, bytewise: boolean): void {
    const { lfs } = this;
    const room = lfs.inlineMax - this.position;
    if (bytewise && this.inline && size > room && room > 0 && this.size <= lfs.inlineMax) {
      // Byte by byte, the file stays inline for as long as it can: a failure later finds it that long.
      this.writeOn(bytes, at, room, true);
      at += room;
      size -= room;
    }
    if (this.inline && Math.max(this.position + size, this.size) > lfs.inlineMax) this.outline();
    const cache = this.writeCache();
    const { fresh } = this;
    while (size > 0) {
      if (!this.writing || fresh.offset === lfs.blockSize) {
        if (this.inline) {
          fresh.block = INLINE_BLOCK;
          fresh.offset = this.position;
        } else {
          if (!this.writing) this.startFresh();
          checkpoint(lfs);
          fresh.extend(cache, this.position);
        }
        this.writing = true;
      }
      let step = Math.min(size, (this.inline ? lfs.cacheSize : lfs.blockSize) - fresh.offset);
      // A line that could not be programmed is tried again after the next byte.
      if (bytewise && cache.block === fresh.block && cache.block >= 0 && cache.size === lfs.cacheSize) step = 1;
      while (!cache.put(lfs, true, fresh.block, fresh.offset, bytes, at, step)) {
        if (bytewise && step > 1) {
          // All bytes before the one that filled the line have been written; that one is tried again alone.
          const written = cache.offset + lfs.cacheSize - 1 - fresh.offset;
          this.advance(written);
          at += written;
          size -= written;
          step = 1;
        }
        fresh.moveTo(cache, fresh.pending(cache));
      }
      this.advance(step);
      at += step;
      size -= step;
    }
  }

  /** So many bytes are written: what they stand in can be found, so every other block may be handed out. */
  private advance(count: number): void {
    if (count === 0) return;
    this.position += count;
    this.fresh.offset += count;
    checkpoint(this.lfs);
  }

  private get fresh(): FreshList {
    this.freshOrNull ??= new FreshList(this.lfs, this.chain);
    return this.freshOrNull;
  }

  /** The program cache, holding what C's buffer holds at this point. */
  private writeCache(): ProgCache {
    let { cache } = this;
    if (cache === null) {
      cache = this.lfs.borrowCache();
      this.cache = cache;
    }
    if (this.inline) {
      if (this.inlineBytes !== null) {
        if (this.inlineBytes.length <= cache.buffer.length) cache.overlay(0, this.inlineBytes);
        this.inlineBytes = null;
      }
      cache.block = INLINE_BLOCK;
      cache.offset = 0;
      cache.size = cache.buffer.length;
    }
    return cache;
  }

  /** The first write after a flush: which block do we go on from? */
  private startFresh(): void {
    const { lfs, cache, position } = this;
    if (position > 0) {
      this.fresh.start(this.chain.at(lfs, blockIndex(lfs.blockSize, position - 1)));
      this.line.clear();
      cache!.clear();
    } else {
      this.fresh.start(NO_BLOCK);
      this.line.replayInto(lfs, cache!);
    }
  }

  /** An inline file gets its first block. */
  private outline(): void {
    const { lfs } = this;
    const rest = this.inlineBytes;
    if (rest !== null && rest.length > lfs.inlineMax) {
      this.outlineForeign(rest);
      return;
    }
    const cache = this.writeCache();
    checkpoint(lfs);
    // Until there is a block the file goes on being inline.
    this.fresh.start(INLINE_BLOCK);
    this.fresh.moveTo(cache, cache.buffer.slice(0, this.position));
    this.writing = true;
    this.inline = false;
    this.chain.reset(0, 0);
  }

  /** A file that is inline although it is larger than this mount would make one: C cannot write it. */
  private outlineForeign(bytes: Uint8Array): void {
    const { position } = this;
    this.inlineBytes = null;
    this.inline = false;
    this.size = 0;
    this.position = 0;
    this.chain.reset(0, 0);
    this.writeOn(bytes, 0, bytes.length, false);
    this.flush();
    this.position = position;
  }

  /** Before metadata is written: an inline file that its cache cannot hold must not depend on where it stands there. */
  leaveMetadata(mdir: Mdir): void {
    if (!this.inline || this.entry.mdir !== mdir || this.size <= this.lfs.cacheSize) return;
    if (this.inlineBytes !== null) this.outlineForeign(this.inlineBytes);
  }

  /** Ends a read, or makes what was written since the last flush one list with what lies behind it. */
  flush(): void {
    if (this.reading) {
      if (!this.inline) this.line.drop();
      this.reading = false;
    }
    if (!this.writing) return;
    const { lfs, position } = this;
    if (this.inline) this.size = Math.max(this.position, this.size);
    else {
      const piece =
        this.position < this.size ? new Uint8Array(Math.min(lfs.blockSize, this.size - this.position)) : zeros;
      while (this.position < this.size) {
        const step = Math.min(piece.length, this.size - this.position);
        this.readOld(this.position, piece, step);
        this.writeBytes(piece, 0, step, true);
      }
      const cache = this.cache!;
      while (!cache.flush(lfs, true)) this.fresh.moveTo(cache, this.fresh.pending(cache));
      this.size = this.position;
      this.fresh.replaceChain();
      // After a write that failed the last block may hold nothing but pointers. (C takes it for the head all the same.)
      if (this.size > 0) this.chain.cut(lfs, blockIndex(lfs.blockSize, this.size - 1) + 1);
    }
    this.writing = false;
    this.dirty = true;
    this.position = position;
  }

  private readOld(position: number, target: Uint8Array, size: number): void {
    const { lfs, chain } = this;
    for (let at = 0; at < size; ) {
      const index = blockIndex(lfs.blockSize, position + at);
      const offset = blockOffset(lfs.blockSize, position + at, index);
      const step = Math.min(size - at, lfs.blockSize - offset);
      readOrThrow(lfs, chain.at(lfs, index), offset, target, at, step);
      at += step;
    }
  }

  // ---- position and size

  seek(to: number): void {
    if (this.position === to) return;
    if (!this.staysInLine(to)) this.flush();
    this.position = to;
  }

  /** A reader that stays where its line is need not read it again. */
  private staysInLine(to: number): boolean {
    if (!this.reading || this.writing || this.inline) return false;
    const { blockSize } = this.lfs;
    const index = blockIndex(blockSize, this.position);
    const atStart = this.position > 0 && blockIndex(blockSize, this.position - 1) !== index;
    return !atStart && blockIndex(blockSize, to) === index && this.line.holds(blockOffset(blockSize, to, index));
  }

  truncate(size: number): void {
    const { lfs, position } = this;
    const limit = Math.max(FILE_MAX_DEFAULT, lfs.fileMax);
    if (size > limit) fail('LFS_ERR_INVAL', `size is ${size}; allowed: up to ${limit}`);
    const old = this.currentSize;
    if (size < old) {
      if (size <= lfs.inlineMax) this.becomeInline(size);
      else {
        this.flush();
        const last = blockIndex(lfs.blockSize, size - 1);
        if (last < this.chain.length - 1) {
          const { block, offset } = this.chain.lastHop(lfs, last);
          this.line.notePointer(lfs, block, offset);
        }
        this.chain.cut(lfs, last + 1);
        this.position = size;
        this.size = size;
        this.dirty = true;
        this.reading = true;
      }
    } else if (size > old) {
      this.seek(this.currentSize);
      const to = Math.min(size, lfs.fileMax);
      if (this.reading) this.flush();
      if (to > this.position) {
        // Each byte is a write of its own in C. The first one is what makes the file ours again.
        this.writeBytes(zeros, 0, 1, true);
        this.failed = false;
        this.dusty = false;
        this.writeZeros(to);
      }
      // C notices the limit only when it is reached, and the file is that long then.
      if (size > to) fail('LFS_ERR_FBIG', `the file would have ${size} bytes; allowed: up to ${lfs.fileMax}`);
    }
    this.seek(position);
  }

  private becomeInline(size: number): void {
    this.seek(0);
    const bytes = new Uint8Array(size);
    if (!this.inline) this.readBlocks(0, bytes, 0, size);
    else if (size > 0) this.copyInline(0, bytes, 0, size);
    this.line.clear();
    this.inlineBytes = bytes;
    this.inline = true;
    this.size = size;
    this.position = size;
    this.dirty = true;
    this.reading = true;
    this.chain.reset(0, 0);
  }

  // ---- committing

  /** Commits data and attributes, in one commit. */
  sync(): void {
    const { lfs, entry } = this;
    try {
      this.flush();
    } catch (error) {
      this.failed = true;
      throw error;
    }
    if (this.dirty && entry.mdir !== null) settleMove(lfs, entry.mdir);
    const mdir = entry.mdir;
    if (this.dirty && mdir !== null) {
      // Data first, or a power cut could leave metadata that leads to nothing.
      if (!this.inline) lfs.device.sync();
      try {
        commitPair(lfs, mdir, this.contents(mdir.entries.indexOf(entry)), this.logErased);
      } catch (error) {
        this.failed = true;
        throw error;
      }
      this.dirty = false;
    }
    for (const other of lfs.files) if (other !== this && isSameFile(entry, other.entry)) other.dusty = true;
    this.failed = false;
    this.settle();
  }

  /** The first commit of a file that is on no disk yet: entry, data and attributes in one. */
  appear(found: Walk): void {
    const { lfs, entry } = this;
    this.flush();
    if (!this.inline) lfs.device.sync();
    const { id, mdir } = found.place();
    commitPair(lfs, mdir!, [
      { tag: makeTag(type.CREATE, id, 0), data: null, entry },
      nameChange(type.REG, id, found.name),
      ...this.contents(id),
    ]);
    this.dirty = false;
  }

  /** Data and attributes, as changes to the entry with this id. */
  private contents(id: number): Change[] {
    const { entry, attrs } = this;
    // What is to be taken away has to be there.
    const wanted = attrs.filter((attr) => attr.buffer !== null || entry.findAttr(attr.type) !== undefined);
    return [this.structChange(id), ...attrChanges(id, wanted)];
  }

  /**
   * The metadata leads to our blocks again, if it does. C takes a sync or a write for a sign of that also where there
   * was nothing to commit, and then gives blocks away that this file still reads from.
   */
  private settle(): void {
    const { structType, word0, word1, mdir } = this.entry;
    const matches = structType === type.CTZSTRUCT && word0 === this.chain.head && word1 >>> 0 === this.size;
    if (this.inline || (matches && mdir !== null)) this.dusty = false;
  }

  private structChange(id: number): Change {
    if (this.inline) {
      const data = new Uint8Array(this.size);
      if (this.size > 0) this.copyInline(0, data, 0, this.size);
      return { tag: makeTag(type.INLINESTRUCT, id, this.size), data };
    }
    const data = new Uint8Array(8);
    writeU32(data, 0, this.chain.head);
    writeU32(data, 4, this.size);
    return { tag: makeTag(type.CTZSTRUCT, id, 8), data };
  }

  /** Gives back what it holds. Commits nothing. */
  release(): void {
    const { lfs } = this;
    const at = lfs.files.lastIndexOf(this);
    if (at >= 0) lfs.files.splice(at, 1);
    if (this.cache !== null) lfs.returnCache(this.cache);
    this.cache = null;
  }

  /** Blocks that are ours and that the metadata does not lead to; also `INLINE_BLOCK`, which is none. */
  visitOwnBlocks(visit: (block: number) => void): void {
    if (this.inline) return;
    const { lfs, chain } = this;
    const isLost = this.entry.mdir === null;
    if (this.dirty || this.dusty) {
      if (chain.length > 0) {
        if (isLost) visitLost(lfs, chain.head, chain.length, visit);
        else visitChain(lfs, chain.head, this.size, visit);
      }
      // A file that has just ceased to be inline still has C's inline mark for a head, which its allocator passes over.
      else if (this.size > 0) visit(INLINE_BLOCK);
    }
    // As in C, nothing leads to a first block that nothing has been written to yet.
    if (!this.writing || this.position === 0) return;
    this.fresh.visit(visit, isLost);
  }
}

/** As C sees it: files removed from the same place are one. */
function isSameFile(a: Entry, b: Entry): boolean {
  return a === b || (a.mdir === null && b.mdir === null && a.removedId === b.removedId);
}

export function readAttrsInto(lfs: Lfs, entry: Entry, attrs: readonly FileAttr[]): void {
  for (const { type: attrType, buffer } of attrs) {
    const attr = entry.findAttr(attrType);
    if (attr === undefined) continue;
    buffer.fill(0);
    const size = Math.min(attr.size, buffer.length);
    if (!readInto(lfs, entry.mdir!.block0, attr.at, buffer, 0, size))
      throw new LfsError('LFS_ERR_CORRUPT', `attribute ${attrType} cannot be read`);
  }
}
