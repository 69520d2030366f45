/**
 * Mounting (C: lfs_mount): one walk along the thread, which finds the superblock, adds up the global state, and
 * collects the seed of the allocator. Nothing is written.
 *
 * @module
 */

import { dropLookahead } from './alloc.ts';
import { byteString } from './bytes.ts';
import { openBlock } from './cache.ts';
import { type LfsConfig, settingsFor } from './config.ts';
import type { BlockDevice } from './device.ts';
import { corrupt, invalid, LfsError } from './errors.ts';
import { addOrphans, hasOrphans, setNeedsSuperblock } from './gstate.ts';
import { decodeSuperblock, MAGIC, versionText } from './layout.ts';
import { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';
import { hasHalfOrphans, mendedState } from './orphans.ts';
import { firstPair, ThreadGuard, tailOf } from './pairs.ts';
import { type } from './tag.ts';

export function mount(device: BlockDevice, config: LfsConfig = {}): Lfs {
  const lfs = new Lfs(device, settingsFor(device, config));
  readThread(lfs);
  lfs.mounted = true;
  return lfs;
}

/** Takes from disk all that a mounted state begins with. Done once more where RAM and disk may differ. */
export function readThread(lfs: Lfs): void {
  lfs.forgetAll();
  const guard = new ThreadGuard(lfs);
  const seeds: number[] = [];
  const seen = { blockCount: 0 };
  lfs.blockCount = 0;
  lfs.seedParts = seeds;
  for (let mdir: Mdir | undefined = firstPair(lfs); mdir !== undefined; ) {
    guard.step();
    takeSuperblock(lfs, mdir, seen);
    lfs.gstate.xor(mdir.delta);
    seeds.push(mdir.seed, mdir.crcs);
    const next: Mdir | undefined = tailOf(lfs, mdir);
    if (next !== undefined) next.pred = mdir;
    mdir = next;
  }
  if (lfs.root0 < 0) throw corrupt('no superblock in any metadata pair');
  takeBlockCount(lfs, seen.blockCount);
  if (lfs.gstate.tag < 0 || hasHalfOrphans(lfs)) takeMendedState(lfs);
  if (lfs.gstate.tag < 0) lfs.gstate.tag = (lfs.gstate.tag + 1) | 0;
  lfs.gdisk.copy(lfs.gstate);
  if (lfs.mendFirst && !hasOrphans(lfs.gstate)) addOrphans(lfs.gstate, 1);
  dropLookahead(lfs);
}

/** The state that counts is that of the thread as it should be; of a damaged one nothing else is known. */
function takeMendedState(lfs: Lfs): void {
  const { gstate } = lfs;
  try {
    const state = mendedState(lfs);
    if (state.tag === gstate.tag && state.pair0 === gstate.pair0 && state.pair1 === gstate.pair1) return;
    gstate.copy(state);
    lfs.mendFirst = true;
  } catch (error) {
    if (!(error instanceof LfsError)) throw error;
  }
}

/** A pair whose first entry is the superblock is the root, if none comes after it. */
function takeSuperblock(lfs: Lfs, mdir: Mdir, seen: { blockCount: number }): void {
  const first = mdir.glance[0];
  const isFirst = lfs.root0 < 0;
  if (first === undefined || first.nameType !== type.SUPERBLOCK || first.nameSize !== MAGIC.length) {
    if (isFirst) throw new LfsError('LFS_ERR_CORRUPT', 'blocks 0 and 1 hold a metadata pair, but no superblock');
    return;
  }
  const reader = openBlock(lfs, mdir.block0);
  if (!reader.load(first.nameAt + 8, true)) throw corrupt('the superblock cannot be read', mdir.block0);
  if (!isMagic(reader.bytes, first.nameAt)) {
    const name = byteString(reader.bytes, first.nameAt, first.nameAt + MAGIC.length);
    if (isFirst) throw new LfsError('LFS_ERR_NOENT', `the superblock says '${name}' where '${MAGIC}' is expected`);
    return;
  }
  if (first.structType !== type.INLINESTRUCT) throw corrupt('the superblock has no data', mdir.block0, first.nameAt);
  if (!reader.load(first.structAt + first.structSize, true))
    throw corrupt('the superblock cannot be read', mdir.block0);
  const superblock = decodeSuperblock(reader.bytes, first.structAt, first.structSize);
  const { version } = superblock;
  const supported = lfs.settings.diskVersion;
  if (version >>> 16 !== supported >>> 16 || (version & 0xffff) > (supported & 0xffff))
    throw invalid(
      `the file system has version ${versionText(version)}; supported: ${versionText(supported)} and older of the same major`,
    );
  setNeedsSuperblock(lfs.gstate, (version & 0xffff) < (supported & 0xffff));

  lfs.nameMax = limit('nameMax', superblock.nameMax, lfs.nameMax);
  lfs.fileMax = limit('fileMax', superblock.fileMax, lfs.fileMax);
  lfs.attrMax = limit('attrMax', superblock.attrMax, lfs.attrMax);
  if (superblock.attrMax !== 0) lfs.inlineMax = Math.min(lfs.inlineMax, lfs.attrMax);

  const { blockCount, blockSize } = superblock;
  if (first.structSize < 12 || blockCount === 0)
    throw fault(lfs, 'LFS_ERR_INVAL', `the superblock says blockCount ${blockCount}, which cannot be`);
  if (blockSize !== lfs.blockSize)
    throw invalid(`the file system has blocks of ${blockSize} bytes, not ${lfs.blockSize}`);
  // Of a file system that has grown since its superblock expanded, the first superblock does not know.
  if (!mdir.split) checkBlockCount(lfs, blockCount);
  seen.blockCount = blockCount;
  lfs.root0 = mdir.block0;
  lfs.root1 = mdir.block1;
}

function checkBlockCount(lfs: Lfs, blockCount: number): void {
  if (lfs.settings.blockCount !== 0 && blockCount !== lfs.settings.blockCount)
    throw invalid(`the file system has ${blockCount} blocks, not ${lfs.settings.blockCount}`);
  if (blockCount > lfs.device.blockCount)
    throw invalid(`the file system has ${blockCount} blocks, the device only ${lfs.device.blockCount}`);
}

/** Until here a pair could be anywhere on the device. */
function takeBlockCount(lfs: Lfs, blockCount: number): void {
  checkBlockCount(lfs, blockCount);
  lfs.blockCount = blockCount;
  if (blockCount === lfs.device.blockCount) return;
  for (const [block, { block0, block1 }] of lfs.pairs) {
    if (block >= blockCount)
      throw corrupt(`metadata pair {${block0}, ${block1}} lies outside the ${blockCount} blocks`, block);
  }
}

function isMagic(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAGIC.length; i++) if (bytes[at + i] !== MAGIC.charCodeAt(i)) return false;
  return true;
}

/** With a block count given C compares and says INVAL; without one it would divide by the zero that it found. */
function fault(lfs: Lfs, given: 'LFS_ERR_INVAL', message: string): LfsError {
  return new LfsError(lfs.settings.blockCount !== 0 ? given : 'LFS_ERR_CORRUPT', message);
}

function limit(name: string, found: number, most: number): number {
  if (found === 0) return most;
  if (found > most) throw invalid(`the file system has ${name} ${found}; allowed by the configuration: up to ${most}`);
  return found;
}
