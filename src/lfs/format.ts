/**
 * A new, empty file system (C: lfs_format): a root pair in blocks 0 and 1 with the superblock as its first entry.
 *
 * The pair is written twice, so that neither of its blocks holds anything of a file system that was there before.
 *
 * @module
 */

import { checkpoint } from './alloc.ts';
import { bytesOf } from './bytes.ts';
import { type LfsConfig, settingsFor } from './config.ts';
import type { BlockDevice } from './device.ts';
import { invalid } from './errors.ts';
import { encodeSuperblock, MAGIC, SUPERBLOCK_SIZE } from './layout.ts';
import { Lfs } from './lfs.ts';
import { Entry } from './mdir.ts';
import { rememberAll } from './memo.ts';
import { newPair } from './names.ts';
import { readPair } from './pairs.ts';
import { makeTag, type } from './tag.ts';
import { commitPair } from './transact.ts';

const magicBytes = /* @__PURE__ */ bytesOf(MAGIC);

export function format(device: BlockDevice, config: LfsConfig = {}): void {
  const settings = settingsFor(device, config);
  const lfs = new Lfs(device, settings);
  lfs.blockCount = settings.blockCount || device.blockCount;
  if (lfs.blockCount < 2) throw invalid(`blockCount is ${lfs.blockCount}; allowed: at least 2`);

  const window = lfs.lookahead;
  window.size = Math.min(8 * settings.lookaheadSize, lfs.blockCount);
  checkpoint(lfs);

  const root = newPair(lfs);
  const data = encodeSuperblock({
    version: settings.diskVersion,
    blockSize: lfs.blockSize,
    blockCount: lfs.blockCount,
    nameMax: lfs.nameMax,
    fileMax: lfs.fileMax,
    attrMax: lfs.attrMax,
  });
  commitPair(lfs, root, [
    { tag: makeTag(type.CREATE, 0, 0), data: null, entry: new Entry(null) },
    { tag: makeTag(type.SUPERBLOCK, 0, MAGIC.length), data: magicBytes, name: MAGIC },
    { tag: makeTag(type.INLINESTRUCT, 0, SUPERBLOCK_SIZE), data },
  ]);
  commitPair(lfs, root, [], false);
  // A device that may not have kept it has to show that it did.
  if (device.progVerified !== true) readPair(lfs, 0, 1);
  rememberAll(lfs);
  lfs.release();
}
