/**
 * CTZ skip lists: how the blocks of a file hang together (SPEC.md, "CTZ skip-lists"; DESIGN.md).
 *
 * Block n of a file begins with ctz(n) + 1 pointers (block 0 has none): pointer k leads to block n - 2^k.
 *
 *   data ----- data ----- data ----- data ----- data        the head is the last block; from it every
 *   block 0 <- block 1 <- block 2 <- block 3 <- block 4     block is reached in O(log n) steps
 *        ^--------------- pointer 1 |                |
 *        ^------------------------------- pointer 2 -'
 *
 * What a pointer says is remembered in RAM: per open file for random access (`Chain`), per device for walks over
 * whole lists (`ctzBefore`). A block of a list never changes until it is erased, so what is remembered stays true.
 *
 * @module
 */

import { popCount, readU32, trailingZeros } from './bytes.ts';
import { onDisk, readInto, readWord, viewBlock } from './cache.ts';
import { corrupt } from './errors.ts';
import { FILE_MAX_DEFAULT } from './layout.ts';
import type { Lfs } from './lfs.ts';

/** The index of the block that holds byte `position` of a file. */
export function blockIndex(blockSize: number, position: number): number {
  const room = blockSize - 8;
  const guess = Math.floor(position / room);
  if (guess === 0) return 0;
  return Math.floor((position - 4 * (popCount(guess - 1) + 2)) / room);
}

/** Where byte `position` lies in its block, pointers included. */
export function blockOffset(blockSize: number, position: number, index: number): number {
  return position - (blockSize - 8) * index - 4 * popCount(index);
}

/** How many pointers block `index` begins with. */
export function pointerCount(index: number): number {
  return index === 0 ? 0 : trailingZeros(index) + 1;
}

/** How many blocks a file of this size has. Throws CORRUPT for more than there can be. */
export function chainLength(lfs: Lfs, head: number, size: number): number {
  if (size === 0) return 0;
  const length = blockIndex(lfs.blockSize, size - 1) + 1;
  if (length > lfs.blockCount || size > Math.max(FILE_MAX_DEFAULT, lfs.fileMax))
    throw corrupt(`a file of ${size} bytes does not fit on ${lfs.blockCount} blocks`, head >>> 0);
  return length;
}

function checkHead(lfs: Lfs, block: number): void {
  if (!onDisk(lfs, block)) throw corrupt(`a file's block ${block >>> 0} lies outside the ${lfs.blockCount} blocks`);
}

/** Remembers that block `before` comes before `block` in its list. */
export function rememberBefore(lfs: Lfs, block: number, before: number): void {
  if (block >= lfs.device.blockCount) return;
  lfs.ctzBefore ??= new Int32Array(lfs.device.blockCount);
  lfs.ctzBefore[block] = before + 1;
}

export function forgetBefore(lfs: Lfs, block: number): void {
  if (lfs.ctzBefore !== null) lfs.ctzBefore[block] = 0;
}

/** The first pointers of a block. */
function readPointers(lfs: Lfs, block: number, count: number): Uint8Array {
  const view = viewBlock(lfs, block);
  if (view !== undefined) return view;
  const bytes = new Uint8Array(4 * count);
  if (!readInto(lfs, block, 0, bytes, 0, bytes.length)) throw corrupt('a block of a file cannot be read', block, 0);
  return bytes;
}

/** Visits the blocks of a list from its head. */
export function visitChain(lfs: Lfs, head: number, size: number, visit: (block: number) => void): void {
  const length = chainLength(lfs, head, size);
  if (length > 0) visitFrom(lfs, head, length - 1, visit);
}

/** Visits block `from` of a list, its `last`-th, and all before it. */
export function visitFrom(lfs: Lfs, from: number, last: number, visit: (block: number) => void): void {
  lfs.ctzBefore ??= new Int32Array(lfs.device.blockCount);
  const known = lfs.ctzBefore;
  let block = from;
  let index = last;
  for (;;) {
    // As C: a number that is no block is noticed only when something is to be read there.
    visit(block);
    if (index === 0) return;
    checkHead(lfs, block);
    const before = known[block]!;
    if (before !== 0) {
      block = before - 1;
      index--;
      continue;
    }
    // As C: the two pointers of an even block lead to the next two of the list.
    const count = 2 - (index & 1);
    const pointers = readPointers(lfs, block, count);
    const one = readU32(pointers, 0) | 0;
    known[block] = one + 1;
    if (count === 2) {
      const two = readU32(pointers, 4) | 0;
      visit(one);
      if (known[one] === 0) known[one] = two + 1;
      block = two;
    } else block = one;
    index -= count;
  }
}

/** As far as a list leads of which blocks may be somebody else's by now. Nothing is learnt from it. */
export function visitLost(lfs: Lfs, head: number, length: number, visit: (block: number) => void): void {
  let block = head;
  for (let index = length - 1; index >= 0; ) {
    visit(block);
    const one = index > 0 ? readWord(lfs, block, 0) : undefined;
    if (one === undefined) return;
    const two = (index & 1) === 0 ? readWord(lfs, block, 4) : undefined;
    if (two !== undefined) visit(one | 0);
    block = (two ?? one) | 0;
    index -= two === undefined ? 1 : 2;
  }
}

/** The longest pointer of a block that does not lead past the target. */
function reach(index: number, target: number): number {
  return Math.min(31 - Math.clz32(index - target), trailingZeros(index));
}

/** So far it is quicker to step from block to block in RAM than to follow pointers on the device. */
const WALK_MAX = 4096;

/**
 * A list as one file sees it: block numbers by index, as far as they are known. The blocks from `length` on are not
 * part of the list.
 */
export class Chain {
  length = 0;
  head = 0;
  /** Made when a block other than the head is first asked for. */
  private known: number[] | null = null;
  /** From here to the end everything is known. */
  private lowest = 0;

  /** Starts over with only the head known. */
  reset(length: number, head: number): void {
    this.length = length;
    this.head = head;
    this.known = null;
  }

  /** From an index on, the list goes on with these blocks. */
  replaceFrom(index: number, blocks: readonly number[]): void {
    const length = index + blocks.length;
    if (length === 0) {
      this.reset(0, 0);
      return;
    }
    const known = index > 0 ? this.table() : [];
    known.length = index;
    for (const block of blocks) known.push(block);
    this.known = known;
    this.length = length;
    this.head = known[length - 1]!;
    this.lowest = Math.min(this.lowest, index);
  }

  /** Keeps only the first blocks. */
  cut(lfs: Lfs, length: number): void {
    if (length >= this.length) return;
    this.head = length === 0 ? 0 : this.at(lfs, length - 1);
    this.length = length;
    if (this.known === null) return;
    this.known.length = length;
    this.lowest = Math.min(this.lowest, Math.max(0, length - 1));
  }

  /** The block at an index; reads as many pointers as it must, at most C's number. */
  at(lfs: Lfs, index: number): number {
    if (index === this.length - 1) return this.head;
    return this.known?.[index] ?? this.find(lfs, index);
  }

  /** Of the pointers that C follows from the head to a block before it: where the last one stands. */
  lastHop(lfs: Lfs, target: number): { readonly block: number; readonly offset: number } {
    let index = this.length - 1;
    for (;;) {
      const skip = reach(index, target);
      if (index - 2 ** skip === target) return { block: this.at(lfs, index), offset: 4 * skip };
      index -= 2 ** skip;
    }
  }

  private table(): number[] {
    // Sized at once: an array that grows by holes of more than 1,024 becomes a hash table in V8.
    if (this.known === null) {
      this.known = new Array<number>(this.length);
      if (this.length > 0) this.known[this.length - 1] = this.head;
      this.lowest = this.length - 1;
    }
    return this.known;
  }

  private find(lfs: Lfs, target: number): number {
    checkHead(lfs, this.head);
    const known = this.table();
    if (lfs.ctzBefore !== null && this.lowest - target <= WALK_MAX) {
      this.walkDown(known, lfs.ctzBefore, target);
      if (this.lowest <= target) return known[target]!;
    }
    let current = this.length - 1;
    let block = this.head;
    while (current > target) {
      const skip = reach(current, target);
      const next = current - 2 ** skip;
      let to = known[next];
      if (to === undefined) {
        to = this.follow(lfs, block, skip);
        known[next] = to;
      }
      current = next;
      block = to;
    }
    return block;
  }

  /** What walks over the whole list have found out serves here too. */
  private walkDown(known: number[], before: Int32Array, target: number): void {
    let index = this.lowest;
    let block = known[index]!;
    while (index > target) {
      const link = before[block]!;
      if (link === 0) break;
      block = link - 1;
      known[--index] = block;
    }
    this.lowest = index;
  }

  private follow(lfs: Lfs, block: number, skip: number): number {
    const before = skip === 0 && lfs.ctzBefore !== null ? lfs.ctzBefore[block]! : 0;
    if (before !== 0) return before - 1;
    checkHead(lfs, block);
    const to = readWord(lfs, block, 4 * skip);
    if (to === undefined) throw corrupt('a block of a file cannot be read', block, 4 * skip);
    return to | 0;
  }
}
