/**
 * The blocks that an open file is writing: the end of a list that nothing on disk leads to yet (C: lfs_ctz_extend,
 * lfs_file_relocate).
 *
 *   committed list   chain         [0] [1] [2] [3] [4]
 *   being written    from 2                [2'][3']           block: 3', offset: where in it the next byte goes
 *
 * A block that turns out to be bad is left behind: what there is of it goes to another one.
 *
 * @module
 */

import { allocBlock } from './alloc.ts';
import { copyBytes, readU32, writeU32 } from './bytes.ts';
import { eraseBlock, type ProgCache, readOrThrow } from './cache.ts';
import {
  blockIndex,
  blockOffset,
  type Chain,
  forgetBefore,
  pointerCount,
  rememberBefore,
  visitFrom,
  visitLost,
} from './ctz.ts';
import { NO_BLOCK } from './layout.ts';
import { fail, type Lfs } from './lfs.ts';
import { forgetBlock } from './pairs.ts';

export class FreshList {
  /** The block being written, and where in it. */
  block: number = NO_BLOCK;
  offset = 0;
  /** The blocks written, and the index of the first of them. */
  private from = 0;
  private blocks: number[] = [];
  private readonly lfs: Lfs;
  private readonly chain: Chain;

  constructor(lfs: Lfs, chain: Chain) {
    this.lfs = lfs;
    this.chain = chain;
  }

  /** Starts over: nothing written, and `block` is what the first new block goes on from. */
  start(block: number): void {
    this.block = block;
    this.from = 0;
    this.blocks = [];
  }

  /** The list takes the place of the chain's blocks of the same indexes. */
  replaceChain(): void {
    this.chain.replaceFrom(this.from, this.blocks);
    this.blocks = [];
  }

  /** One more block for what begins at `position`: a copy of the last one as far as it is filled, or a new one. */
  extend(cache: ProgCache, position: number): void {
    const { lfs } = this;
    const blockSize = lfs.blockSize;
    for (;;) {
      const next = this.newBlock();
      if (next === NO_BLOCK) continue;
      if (position === 0) {
        this.push(0, next, 0);
        return;
      }
      const last = blockIndex(blockSize, position - 1);
      const filled = blockOffset(blockSize, position - 1, last) + 1;
      const begin = filled === blockSize ? this.pointersOf(last + 1) : this.copyOf(filled);
      const index = filled === blockSize ? last + 1 : last;
      if (index > 0) rememberBefore(lfs, next, readU32(begin, 0) | 0);
      if (cache.put(lfs, true, next, 0, begin, 0, begin.length)) {
        this.push(index, next, begin.length);
        return;
      }
      cache.drop();
    }
  }

  private copyOf(filled: number): Uint8Array {
    const copy = new Uint8Array(filled);
    readOrThrow(this.lfs, this.block, 0, copy, 0, filled);
    return copy;
  }

  /** What block `index` begins with. */
  private pointersOf(index: number): Uint8Array {
    const count = pointerCount(index);
    const pointers = new Uint8Array(4 * count);
    for (let i = 0; i < count; i++) writeU32(pointers, 4 * i, this.at(index - 2 ** i));
    return pointers;
  }

  /** The block being written is bad: `begin`, all that there is of it, goes to another one. */
  moveTo(cache: ProgCache, begin: Uint8Array): void {
    const { lfs, blocks } = this;
    const { pcache } = lfs;
    for (;;) {
      const next = this.newBlock();
      if (next === NO_BLOCK || !pcache.put(lfs, true, next, 0, begin, 0, begin.length)) {
        pcache.drop();
        continue;
      }
      cache.take(pcache);
      if (this.from + blocks.length > 1 && begin.length >= 4) rememberBefore(lfs, next, readU32(begin, 0) | 0);
      if (blocks.length > 0) blocks[blocks.length - 1] = next;
      else this.push(0, next, begin.length);
      this.block = next;
      return;
    }
  }

  /** The block being written up to `offset`: partly on the device, partly still in the cache. */
  pending(cache: ProgCache): Uint8Array {
    const copy = new Uint8Array(this.offset);
    const onDevice = cache.block === this.block ? Math.min(cache.offset, copy.length) : copy.length;
    if (onDevice > 0) readOrThrow(this.lfs, this.block, 0, copy, 0, onDevice);
    if (copy.length > onDevice) copyBytes(cache.buffer, 0, copy, onDevice, copy.length - onDevice);
    return copy;
  }

  /** Visits the list from its end, and what it goes on from; `isLost`: the file has been removed meanwhile. */
  visit(visit: (block: number) => void, isLost: boolean): void {
    const { lfs, chain, blocks, from } = this;
    for (let i = blocks.length - 1; i >= 0; i--) visit(blocks[i]!);
    if (from === 0) return;
    if (isLost) visitLost(lfs, chain.at(lfs, from - 1), from, visit);
    else visitFrom(lfs, chain.at(lfs, from - 1), from - 1, visit);
  }

  /** An erased block, or `NO_BLOCK` when the one tried is bad. */
  private newBlock(): number {
    const { lfs } = this;
    const block = allocBlock(lfs);
    if (block < 0) fail('LFS_ERR_NOSPC', 'no free block left');
    forgetBefore(lfs, block);
    forgetBlock(lfs, block);
    return eraseBlock(lfs, block) ? block : NO_BLOCK;
  }

  private push(index: number, block: number, offset: number): void {
    if (this.blocks.length === 0) this.from = index;
    this.blocks.push(block);
    this.block = block;
    this.offset = offset;
  }

  private at(index: number): number {
    const { blocks, from } = this;
    return index >= from && blocks.length > 0 ? blocks[index - from]! : this.chain.at(this.lfs, index);
  }
}
