/**
 * Finding out what a file system looks like from its bytes alone: block size and count, version, limits.
 *
 * The superblock says all that, once it is found. It is the first entry of the pair in blocks 0 and 1, so its magic
 * stands eight bytes into one of them. Block 0 begins where the image begins; if it is erased or damaged, block 1 begins
 * one block size further, and every size there can be is tried. What was found must say of itself what it was found
 * with, in a commit whose CRC holds.
 *
 * @module
 */

import { BlockReader, type Disk } from './cache.ts';
import { describe } from './config.ts';
import type { BlockDevice } from './device.ts';
import { invalid } from './errors.ts';
import { decodeSuperblock, MAGIC, SUPERBLOCK_SIZE, type Superblock, versionText } from './layout.ts';
import { foldLog, LogScan, scanLog } from './log.ts';
import { Mdir } from './mdir.ts';
import { type } from './tag.ts';

export interface Geometry {
  readonly blockSize: number;
  readonly blockCount: number;
  /** `'2.0'` or `'2.1'`, or what else the superblock says. */
  readonly diskVersion: string;
  readonly nameMax: number;
  readonly fileMax: number;
  readonly attrMax: number;
}

/** Bytes that need not all be in memory. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, target: Uint8Array): void;
}

const BLOCK_SIZE_LEAST = 128;
const BLOCK_SIZE_MOST = 1 << 20;
/** Where the magic stands in a block: behind the revision and its tag, or in the very first commit behind a CREATE too. */
const MAGIC_AT = [8, 12];

/** What the superblock at the start of an image says; `undefined` where there is none that can be believed. */
export function detectGeometry(image: Uint8Array | ByteSource): Geometry | undefined {
  const source = image instanceof Uint8Array ? sourceOf(image) : image;
  if (
    typeof source !== 'object' ||
    source === null ||
    typeof source.read !== 'function' ||
    !Number.isInteger(source.size)
  )
    throw invalid(`image is ${describe(image)}; allowed: a Uint8Array, or an object with size and read`);

  let best: { superblock: Superblock; rev: number } | undefined;
  const consider = (found: { superblock: Superblock; rev: number } | undefined): void => {
    if (found !== undefined && (best === undefined || ((found.rev - best.rev) | 0) > 0)) best = found;
  };
  const stated = statedBlockSize(source);
  if (stated !== undefined) {
    consider(superblockAt(source, 0, stated));
    consider(superblockAt(source, stated, stated));
  }
  for (
    let size = BLOCK_SIZE_LEAST;
    best === undefined && size <= BLOCK_SIZE_MOST && 2 * size <= source.size;
    size += step(size)
  ) {
    if (hasMagic(source, size)) consider(superblockAt(source, size, size));
  }
  if (best === undefined) return undefined;
  const { version, blockSize, blockCount, nameMax, fileMax, attrMax } = best.superblock;
  return { blockSize, blockCount, diskVersion: versionText(version), nameMax, fileMax, attrMax };
}

/** Small blocks come in any multiple of 16, larger ones in multiples of 256 and more. */
function step(size: number): number {
  return size < 4096 ? 16 : size < 65536 ? 256 : 4096;
}

function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, target) {
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}

function hasMagic(source: ByteSource, start: number): boolean {
  if (start + 20 > source.size) return false;
  const bytes = new Uint8Array(20);
  source.read(start, bytes);
  return MAGIC_AT.some((at) => [...MAGIC].every((char, i) => bytes[at + i] === char.charCodeAt(0)));
}

/** What block 0 says its size is, believed or not: a first idea. */
function statedBlockSize(source: ByteSource): number | undefined {
  const head = new Uint8Array(Math.min(64, source.size));
  source.read(0, head);
  for (const at of MAGIC_AT) {
    if (![...MAGIC].every((char, i) => head[at + i] === char.charCodeAt(0))) continue;
    // The struct follows the name, behind a tag of its own.
    const structAt = at + MAGIC.length + 4;
    if (structAt + SUPERBLOCK_SIZE > head.length) continue;
    const { blockSize } = decodeSuperblock(head, structAt, SUPERBLOCK_SIZE);
    if (blockSize >= BLOCK_SIZE_LEAST && blockSize <= source.size) return blockSize;
  }
  return undefined;
}

/** The superblock of the block that begins here, if its log is valid and says this block size. */
function superblockAt(
  source: ByteSource,
  start: number,
  blockSize: number,
): { superblock: Superblock; rev: number } | undefined {
  const bytes = new Uint8Array(blockSize).fill(0xff);
  const size = Math.min(blockSize, source.size - start);
  if (size <= 0) return undefined;
  source.read(start, bytes.subarray(0, size));
  const device: BlockDevice = {
    blockSize,
    blockCount: 1,
    read: (_block, offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
    prog: () => {},
    erase: () => {},
    sync: () => {},
    view: () => bytes,
  };
  const disk: Disk = { device, blockSize, readSize: 1, progSize: 1, cacheSize: blockSize, blockCount: 1 };
  const reader = new BlockReader(disk, 0);
  const scan = new LogScan();
  if (!scanLog(reader, blockSize, scan)) return undefined;
  const mdir = new Mdir(0, 1);
  foldLog(scan, bytes, mdir);
  const first = mdir.entries[0];
  if (first === undefined || first.nameType !== type.SUPERBLOCK || first.structType !== type.INLINESTRUCT)
    return undefined;
  const superblock = decodeSuperblock(bytes, first.structAt, first.structSize);
  return superblock.blockSize === blockSize ? { superblock, rev: scan.rev } : undefined;
}
