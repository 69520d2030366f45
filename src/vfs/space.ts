/**
 * Room on the image for what is still in memory, so that ENOSPC comes from the write that does not fit, and not from
 * the flush that would have to tell nobody knows whom.
 *
 * Every node that is ahead of the image has reserved what writing it may take at most: blocks for its data, and bytes
 * of metadata, which cost blocks when logs are compacted and split. `freeFloor` is what is free for sure: counted once,
 * then only made smaller by what was written, until it does not suffice and is counted again.
 *
 * @module
 */

import { VfsError } from './errno.ts';
import { isCurrent } from './links.ts';
import type { Node } from './node.ts';
import type { VfsState } from './state.ts';

/** Blocks that compaction and moves may need whatever is written. */
const SPARE_BLOCKS = 4;
/** Of a name with its tags, structure and attributes. */
const ENTRY_BYTES = 80;

/** Blocks of a file's data that a flush writes when everything before `from` stays. */
export function dataBlocks(state: VfsState, size: number, from: number): number {
  if (size <= state.inlineMax) return 0;
  const kept = from - (from % state.blockSize);
  return Math.ceil((size - kept) / (state.blockSize - 8)) + 1;
}

/** The same for all names of a node. Infinity: nothing has changed; a new name takes everything all the same. */
export function contentBlocks(state: VfsState, node: Node, size: number, from: number): number {
  const one = from === Number.POSITIVE_INFINITY ? 0 : dataBlocks(state, size, from);
  const { links } = node;
  if (links === null) return one;
  let blocks = one;
  for (const place of links.others) blocks += isCurrent(links, place) ? one : dataBlocks(state, size, 0);
  return blocks;
}

function metadataBlocks(state: VfsState, bytes: number): number {
  return 2 * Math.ceil((2 * bytes) / state.blockSize);
}

/** What a node is to have reserved. False: there is not so much; nothing has changed then. */
export function reserve(state: VfsState, node: Node, blocks: number, inlineBytes: number): boolean {
  let bytes = ENTRY_BYTES + node.name.length + inlineBytes;
  if (node.links !== null) for (const { name } of node.links.others) bytes += ENTRY_BYTES + name.length + inlineBytes;
  const totalBlocks = state.reservedBlocks - node.reservedBlocks + blocks;
  const totalBytes = state.reservedBytes - node.reservedBytes + bytes;
  if (state.freeFloor < 0) countFree(state);
  if (totalBlocks + metadataBlocks(state, totalBytes) + SPARE_BLOCKS > state.freeFloor) return false;
  state.reservedBlocks = totalBlocks;
  state.reservedBytes = totalBytes;
  node.reservedBlocks = blocks;
  node.reservedBytes = bytes;
  return true;
}

/** The node is on the image: what it took is not free any more. */
export function spend(state: VfsState, node: Node): void {
  if (node.reservedBytes === 0) return;
  state.freeFloor = Math.max(0, state.freeFloor - node.reservedBlocks - metadataBlocks(state, node.reservedBytes));
  giveBack(state, node);
}

/** The node will never be written. */
export function giveBack(state: VfsState, node: Node): void {
  state.reservedBlocks -= node.reservedBlocks;
  state.reservedBytes -= node.reservedBytes;
  node.reservedBlocks = 0;
  node.reservedBytes = 0;
}

export function countFree(state: VfsState): void {
  state.freeFloor = Math.max(0, state.blockCount - state.lfs.fsSize());
}

/** Blocks that somebody may still take. */
export function freeBlocks(state: VfsState): number {
  countFree(state);
  return Math.max(0, state.freeFloor - state.reservedBlocks - metadataBlocks(state, state.reservedBytes));
}

export function noSpace(): VfsError {
  return new VfsError('ENOSPC');
}
