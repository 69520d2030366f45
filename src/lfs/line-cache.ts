/**
 * Reading the data of one open file (C: lfs_bd_read with the file's cache).
 *
 * C reads a line of up to `cacheSize` bytes and serves small reads from it. On a device that shows its blocks a line is
 * only noted: the bytes come straight from the view. Elsewhere it is read, and long reads go directly to the caller.
 *
 * C's lines share their buffer with what is later programmed, so a line's bytes can end up as padding on disk. `layers`
 * remembers which lines would still show in that buffer; `replayInto` puts them there when it matters.
 *
 * @module
 */

import { alignDown, alignUp, copyBytes } from './bytes.ts';
import { type Disk, onDisk, type ProgCache, readInto, readOrThrow, viewBlock } from './cache.ts';
import { corrupt } from './errors.ts';
import { NO_BLOCK } from './layout.ts';

export class LineCache {
  private block: number = NO_BLOCK;
  private offset = 0;
  private size = 0;
  private bytes: Uint8Array | null = null;
  /** Lines that C's buffer still shows, oldest first: block, offset, size. */
  private readonly layers: number[] = [];

  /** The line no longer counts; C's buffer still holds it. */
  drop(): void {
    this.block = NO_BLOCK;
  }

  /** C fills its buffer with 0xff. */
  clear(): void {
    this.block = NO_BLOCK;
    this.layers.length = 0;
  }

  /** Whether the line has this offset of its block. */
  holds(offset: number): boolean {
    return this.block !== NO_BLOCK && offset >= this.offset && offset < this.offset + this.size;
  }

  read(disk: Disk, block: number, offset: number, target: Uint8Array, at: number, size: number): void {
    if (!onDisk(disk, block)) throw corrupt("a file's block lies outside the file system", block >>> 0);
    const view = viewBlock(disk, block);
    if (view !== undefined) {
      copyBytes(view, offset, target, at, size);
      this.note(disk, block, offset, size);
    } else this.readThrough(disk, block, offset, target, at, size);
  }

  /** What C's cache would hold after a read that went line by line. */
  private note(disk: Disk, block: number, offset: number, size: number): void {
    const end = offset + size;
    let from = offset;
    if (block === this.block && from >= this.offset) {
      const lineEnd = this.offset + this.size;
      if (end <= lineEnd) return;
      if (from < lineEnd) from = lineEnd;
    }
    // A whole block is read past the cache.
    if (from === 0 && size >= disk.blockSize) return;
    const { cacheSize } = disk;
    const first = alignDown(from, disk.readSize);
    const lines = Math.floor((end - 1 - first) / cacheSize);
    if (lines > 0) this.layer(block, first + (lines - 1) * cacheSize, cacheSize);
    const last = first + lines * cacheSize;
    this.layer(block, last, Math.min(disk.blockSize - last, cacheSize));
  }

  /** C reads the pointers of a list with the same buffer. */
  notePointer(disk: Disk, block: number, offset: number): void {
    const { blockSize, readSize, cacheSize } = disk;
    if (readSize <= 4 && offset % readSize === 0) return;
    const from = alignDown(offset, readSize);
    this.layer(block, from, Math.min(Math.min(alignUp(offset + 4, readSize), blockSize) - from, cacheSize));
    // What was noted is not in `bytes`.
    this.block = NO_BLOCK;
  }

  private layer(block: number, offset: number, size: number): void {
    const { layers } = this;
    while (layers.length > 0 && layers[layers.length - 1]! <= size) layers.length -= 3;
    layers.push(block, offset, size);
    this.block = block;
    this.offset = offset;
    this.size = size;
  }

  private readThrough(disk: Disk, block: number, offset: number, target: Uint8Array, at: number, size: number): void {
    const unit = disk.readSize;
    while (size > 0) {
      let step: number;
      if (block === this.block && offset >= this.offset && offset < this.offset + this.size) {
        step = Math.min(size, this.offset + this.size - offset);
        copyBytes(this.bytes!, offset - this.offset, target, at, step);
      } else {
        step = offset % unit === 0 ? alignDown(size, unit) : 0;
        if (step >= disk.cacheSize) {
          readOrThrow(disk, block, offset, target, at, step);
          this.note(disk, block, offset, step);
          // What was noted is not in `bytes`.
          this.block = NO_BLOCK;
        } else {
          this.load(disk, block, offset);
          continue;
        }
      }
      offset += step;
      at += step;
      size -= step;
    }
  }

  private load(disk: Disk, block: number, offset: number): void {
    const from = alignDown(offset, disk.readSize);
    const size = Math.min(alignUp(disk.blockSize, disk.readSize) - from, disk.cacheSize, disk.blockSize - from);
    this.bytes ??= new Uint8Array(disk.cacheSize);
    this.block = NO_BLOCK;
    if (!readInto(disk, block, from, this.bytes, 0, size))
      throw corrupt('a block of a file cannot be read', block, from);
    this.layer(block, from, size);
  }

  /** Shows in a program cache what C's shared buffer would show. */
  replayInto(disk: Disk, cache: ProgCache): void {
    const { layers } = this;
    for (let i = 0; i < layers.length; i += 3) {
      const bytes = new Uint8Array(layers[i + 2]!);
      if (readInto(disk, layers[i]!, layers[i + 1]!, bytes, 0, bytes.length)) cache.overlay(0, bytes);
    }
    this.clear();
  }
}
