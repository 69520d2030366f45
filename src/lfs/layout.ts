/**
 * The fixed structures that metadata carries (SPEC.md), decoded and encoded. All words are little-endian.
 *
 *   superblock  [ version | block size | block count | name max | file max | attr max ]   6 words
 *   CTZ head    [ head block | file size ]                                                2 words
 *   pair        [ block | block ]                                                         2 words
 *   forward CRC [ size | crc ]                                                            2 words
 *   movestate   [ tag | pair | pair ]                                                     3 words
 *
 * @module
 */

import { readU32, writeU32 } from './bytes.ts';

export const MAGIC = 'littlefs';
/** "No block" (all ones on disk): ends the thread of metadata pairs. Block numbers are kept as int32, so that V8 keeps them as small integers. */
export const NO_BLOCK = -1;
export const DISK_VERSION_2_0 = 0x00020000;
export const DISK_VERSION_2_1 = 0x00020001;
export const DISK_VERSION_LATEST: number = DISK_VERSION_2_1;

export const NAME_MAX_LIMIT = 1022;
export const ATTR_MAX_LIMIT = 1022;
/** C's LFS_FILE_MAX unless it is compiled with another: more only where `fileMax` says so. */
export const FILE_MAX_DEFAULT = 0x7fffffff;
/** What the size in a CTZ head can say. */
export const FILE_MAX_LIMIT = 0xffffffff;
/** Ids of one pair stay below this, so that a split always has room. */
export const ENTRY_COUNT_MAX = 0xff;

export const SUPERBLOCK_SIZE = 24;

export interface Superblock {
  version: number;
  blockSize: number;
  blockCount: number;
  nameMax: number;
  fileMax: number;
  attrMax: number;
}

/** A superblock shorter than six words reads as if the missing words were zero. */
export function decodeSuperblock(bytes: Uint8Array, at: number, size: number): Superblock {
  const word = (index: number) => (4 * index + 4 <= size ? readU32(bytes, at + 4 * index) : 0);
  return {
    version: word(0),
    blockSize: word(1),
    blockCount: word(2),
    nameMax: word(3),
    fileMax: word(4),
    attrMax: word(5),
  };
}

export function encodeSuperblock(s: Superblock): Uint8Array {
  const out = new Uint8Array(SUPERBLOCK_SIZE);
  writeU32(out, 0, s.version);
  writeU32(out, 4, s.blockSize);
  writeU32(out, 8, s.blockCount);
  writeU32(out, 12, s.nameMax);
  writeU32(out, 16, s.fileMax);
  writeU32(out, 20, s.attrMax);
  return out;
}

export function encodePair(first: number, second: number): Uint8Array {
  const out = new Uint8Array(8);
  writeU32(out, 0, first);
  writeU32(out, 4, second);
  return out;
}

/** `2.1` for 0x00020001. */
export function versionText(version: number): string {
  return `${version >>> 16}.${version & 0xffff}`;
}
