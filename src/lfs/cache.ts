/**
 * Every access of the engine to its device, and the caches between (C: lfs_bd_*).
 *
 * Reading: aligned to `readSize`, at most `cacheSize` a call; without a copy where the device shows its blocks.
 * Programming: gathered in a `ProgCache`, cut into calls of at most `cacheSize` bytes, padded to `progSize`. Where the
 * cuts fall and what the padding holds are on disk afterwards, so this file does exactly what C's cache does, down to
 * bytes left over from an earlier use of the buffer.
 *
 * A block gone bad is a value here (`false`); anything else that a device throws passes through.
 *
 * @module
 */

import { alignDown, alignUp, copyBytes, readU32 } from './bytes.ts';
import type { BlockDevice } from './device.ts';
import { BadBlock, corrupt, LfsError } from './errors.ts';
import { NO_BLOCK } from './layout.ts';

/** Stands for "in the metadata" where a block number is expected. */
export const INLINE_BLOCK = -2;

/** The device with the units it wants to be spoken to in. */
export interface Disk {
  readonly device: BlockDevice;
  readonly blockSize: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly cacheSize: number;
  /** Blocks of the file system; 0 while that is not known. */
  blockCount: number;
  /** The block read last, as far as it was read, while nothing is written to it. */
  lastReader?: BlockReader | null;
}

export function isBadBlock(error: unknown): boolean {
  return error instanceof BadBlock || (error instanceof LfsError && error.code === 'LFS_ERR_CORRUPT');
}

function readDevice(disk: Disk, block: number, offset: number, target: Uint8Array): boolean {
  try {
    disk.device.read(block, offset, target);
    return true;
  } catch (error) {
    if (isBadBlock(error)) return false;
    throw error;
  }
}

/** Whether a block number lies on the file system. */
export function onDisk(disk: Disk, block: number): boolean {
  return block >= 0 && (disk.blockCount === 0 ? block < disk.device.blockCount : block < disk.blockCount);
}

/** The whole block without a copy, if the device can show it. */
export function viewBlock(disk: Disk, block: number): Uint8Array | undefined {
  return disk.device.view?.(block);
}

/** Reads `[offset, offset + size)` of a block to `target[at...]`. False: the block is bad. */
export function readInto(
  disk: Disk,
  block: number,
  offset: number,
  target: Uint8Array,
  at: number,
  size: number,
): boolean {
  if (size === 0) return true;
  if (!onDisk(disk, block) || offset + size > disk.blockSize) return false;
  const view = viewBlock(disk, block);
  if (view !== undefined) {
    copyBytes(view, offset, target, at, size);
    return true;
  }
  const unit = disk.readSize;
  if (offset % unit === 0 && size % unit === 0) {
    return readDevice(
      disk,
      block,
      offset,
      at === 0 && size === target.length ? target : target.subarray(at, at + size),
    );
  }
  const from = alignDown(offset, unit);
  const to = Math.min(alignUp(offset + size, unit), disk.blockSize);
  const whole = new Uint8Array(to - from);
  if (!readDevice(disk, block, from, whole)) return false;
  copyBytes(whole, offset - from, target, at, size);
  return true;
}

/** As `readInto`, for where an unreadable block ends the operation. */
export function readOrThrow(
  disk: Disk,
  block: number,
  offset: number,
  target: Uint8Array,
  at: number,
  size: number,
): void {
  if (!readInto(disk, block, offset, target, at, size)) throw corrupt(`cannot read ${size} bytes`, block >>> 0, offset);
}

/** One little-endian word; `undefined` where the block is bad. */
export function readWord(disk: Disk, block: number, offset: number): number | undefined {
  const last = disk.lastReader;
  if (last && last.block === block && last.has(offset + 4)) return readU32(last.bytes, offset);
  if (!onDisk(disk, block) || offset + 4 > disk.blockSize) return undefined;
  const view = viewBlock(disk, block);
  if (view !== undefined) return readU32(view, offset);
  const word = new Uint8Array(4);
  return readInto(disk, block, offset, word, 0, 4) ? readU32(word, 0) : undefined;
}

/**
 * A block read from its start as far as somebody wants to see it, in lines of `cacheSize`: a log that ends early costs
 * what it is long.
 */
export class BlockReader {
  readonly bytes: Uint8Array;
  readonly block: number;
  private readonly disk: Disk;
  private loaded = 0;

  constructor(disk: Disk, block: number) {
    this.disk = disk;
    this.block = block;
    const view = onDisk(disk, block) ? viewBlock(disk, block) : undefined;
    this.bytes = view ?? new Uint8Array(disk.blockSize);
    if (view !== undefined) this.loaded = disk.blockSize;
  }

  /** Whether `bytes[0, to)` is valid already. */
  has(to: number): boolean {
    return to <= this.loaded;
  }

  /**
   * Makes `bytes[0, to)` valid. False: beyond the block, or bad. `exactly`: reads no more than that; otherwise whole
   * lines, since one who walks along a log will want to go on.
   */
  load(to: number, exactly = false): boolean {
    if (to <= this.loaded) return true;
    const disk = this.disk;
    if (to > disk.blockSize || !onDisk(disk, this.block)) return false;
    const end = exactly ? alignUp(to, disk.readSize) : disk.blockSize;
    while (this.loaded < to) {
      const size = Math.min(disk.cacheSize, end - this.loaded);
      if (!readDevice(disk, this.block, this.loaded, this.bytes.subarray(this.loaded, this.loaded + size)))
        return false;
      this.loaded += size;
    }
    return true;
  }
}

/** A block to be read from its start; what was read of it just now need not be read again. */
export function openBlock(disk: Disk, block: number): BlockReader {
  const last = disk.lastReader;
  if (last && last.block === block) return last;
  const reader = new BlockReader(disk, block);
  if (disk.device.view === undefined) disk.lastReader = reader;
  return reader;
}

export function eraseBlock(disk: Disk, block: number): boolean {
  if (disk.lastReader?.block === block) disk.lastReader = null;
  try {
    disk.device.erase(block);
    return true;
  } catch (error) {
    if (isBadBlock(error)) return false;
    throw error;
  }
}

/** Bytes on their way to one block. */
export class ProgCache {
  block: number = NO_BLOCK;
  offset = 0;
  size = 0;
  readonly buffer: Uint8Array;
  /** Behind this the buffer holds nothing but 0xff; before it, so it may, where `size` has not been either. */
  private soiled = 0;

  constructor(cacheSize: number) {
    this.buffer = new Uint8Array(cacheSize).fill(0xff);
  }

  /** Forgets what is in flight; the bytes stay in the buffer, as in C. */
  drop(): void {
    this.soil(this.size);
    this.block = NO_BLOCK;
    this.size = 0;
  }

  /** Forgets what is in flight and its bytes. */
  clear(): void {
    this.soil(this.size);
    if (this.soiled > 0) this.buffer.fill(0xff, 0, this.soiled);
    this.soiled = 0;
    this.block = NO_BLOCK;
    this.size = 0;
  }

  private soil(to: number): void {
    if (to > this.soiled) this.soiled = to;
  }

  /** For one who fills the buffer himself: everything that he writes goes to this block, from this offset on. */
  begin(disk: Disk, block: number, offset: number): void {
    this.block = block;
    this.offset = alignDown(offset, disk.progSize);
    this.size = offset - this.offset;
  }

  /** Puts bytes into the buffer behind the cache's back: an inline file, or what C would have read into it. */
  overlay(at: number, bytes: Uint8Array): void {
    this.buffer.set(bytes, at);
    this.soil(at + bytes.length);
  }

  /** Takes over what another cache holds. */
  take(other: ProgCache): void {
    this.buffer.set(other.buffer);
    this.soiled = Math.max(other.soiled, other.size);
    this.block = other.block;
    this.offset = other.offset;
    this.size = other.size;
    other.clear();
  }

  /** Adds bytes; a full cache is programmed at once. False: the block is bad, what was gathered is still here. */
  put(
    disk: Disk,
    verify: boolean,
    block: number,
    offset: number,
    bytes: Uint8Array,
    at: number,
    size: number,
  ): boolean {
    const cacheSize = this.buffer.length;
    while (size > 0) {
      if (this.block !== block) {
        this.block = block;
        this.offset = alignDown(offset, disk.progSize);
        this.size = 0;
      }
      const into = offset - this.offset;
      const step = Math.min(size, cacheSize - into);
      if (step === cacheSize && block >= 0) {
        // A full line goes out from the caller's own bytes: no copy, and no buffer to fill with 0xff again.
        const line = at === 0 && step === bytes.length ? bytes : bytes.subarray(at, at + step);
        if (!program(disk, verify, block, this.offset, line)) {
          this.overlay(0, line);
          this.size = cacheSize;
          return false;
        }
        this.clear();
      } else {
        copyBytes(bytes, at, this.buffer, into, step);
        if (into + step > this.size) this.size = into + step;
        if (this.size === cacheSize && !this.flush(disk, verify)) return false;
      }
      at += step;
      offset += step;
      size -= step;
    }
    return true;
  }

  /** Programs what was gathered, padded to `progSize`. False: the block is bad. */
  flush(disk: Disk, verify: boolean): boolean {
    if (this.block < 0) return true;
    const size = alignUp(this.size, disk.progSize);
    const bytes = size === this.buffer.length ? this.buffer : this.buffer.subarray(0, size);
    if (!program(disk, verify, this.block, this.offset, bytes)) return false;
    this.clear();
    return true;
  }
}

/** Caches that nobody uses; to make one costs as much as a small commit. */
const spareCaches: ProgCache[] = [];

/** A blank cache. */
export function borrowProgCache(cacheSize: number): ProgCache {
  const spare = spareCaches.pop();
  return spare !== undefined && spare.buffer.length === cacheSize ? spare : new ProgCache(cacheSize);
}

export function returnProgCache(cache: ProgCache): void {
  cache.clear();
  if (spareCaches.length < 4) spareCaches.push(cache);
}

function program(disk: Disk, verify: boolean, block: number, offset: number, bytes: Uint8Array): boolean {
  if (disk.lastReader?.block === block) disk.lastReader = null;
  try {
    disk.device.prog(block, offset, bytes);
  } catch (error) {
    if (isBadBlock(error)) return false;
    throw error;
  }
  return !verify || disk.device.progVerified === true || readsBack(disk, block, offset, bytes);
}

/** Whether the device holds what was programmed. */
function readsBack(disk: Disk, block: number, offset: number, bytes: Uint8Array): boolean {
  const back = new Uint8Array(bytes.length);
  if (!readInto(disk, block, offset, back, 0, back.length)) return false;
  for (let i = 0; i < back.length; i++) if (back[i] !== bytes[i]) return false;
  return true;
}
