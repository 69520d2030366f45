/**
 * What one mount of a device found out about its metadata blocks, kept for the next mount.
 *
 * A device that can tell by a stamp whether a block has changed lends room for it (`memo`). A log whose block still has
 * the stamp need not be checked and added up again; a crash test that mounts thousands of forks of one image pays for
 * what differs between them. Staleness is impossible: a changed block has another stamp.
 *
 * @module
 */

import type { Lfs } from './lfs.ts';
import { type Entry, Mdir } from './mdir.ts';
import { DISK_VERSION_2_1 } from './layout.ts';

/** A log as it was found. Its entries are lent to whoever mounts, who copies them before he changes them. */
interface KnownLog {
  readonly progSize: number;
  readonly withFcrc: boolean;
  readonly rev: number;
  readonly end: number;
  readonly etag: number;
  readonly seed: number;
  readonly crcs: number;
  readonly tail0: number;
  readonly tail1: number;
  readonly split: boolean;
  readonly erased: boolean;
  readonly deltaTag: number;
  readonly delta0: number;
  readonly delta1: number;
  readonly entries: readonly Entry[];
  readonly named: boolean;
}

/** Of more than so many, or than a mount has, the one not used for longest is forgotten: a campaign must not fill the memory. */
const LOGS_MAX = 128;
/** A mount with more pairs keeps none: the entries of so many would take more memory than the next mount saves time. */
const PAIRS_MAX = 4096;

function withFcrc(lfs: Lfs): boolean {
  return lfs.settings.diskVersion >= DISK_VERSION_2_1;
}

/** A pair as of the log of its first block, if that is known. */
export function recallLog(lfs: Lfs, block: number, other: number): Mdir | null {
  const { device } = lfs;
  if (device.memo === undefined || device.stamp === undefined) return null;
  const stamp = device.stamp(block);
  const known = device.memo.get(stamp) as KnownLog | undefined;
  if (known === undefined || known.progSize !== lfs.progSize || known.withFcrc !== withFcrc(lfs)) return null;
  // Used last, forgotten last.
  device.memo.delete(stamp);
  device.memo.set(stamp, known);
  const mdir = new Mdir(block, other);
  mdir.rev = known.rev;
  mdir.end = known.end;
  mdir.etag = known.etag;
  mdir.seed = known.seed;
  mdir.crcs = known.crcs;
  mdir.tail0 = known.tail0;
  mdir.tail1 = known.tail1;
  mdir.split = known.split;
  mdir.erased = known.erased;
  mdir.delta.set(known.deltaTag, known.delta0, known.delta1);
  mdir.named = known.named;
  mdir.borrow(known.entries);
  return mdir;
}

/** Keeps what a pair's current block adds up to. The pair's entries are lent from now on. */
function rememberLog(lfs: Lfs, mdir: Mdir): void {
  const { device } = lfs;
  if (device.memo === undefined || device.stamp === undefined || mdir.fresh) return;
  const known: KnownLog = {
    progSize: lfs.progSize,
    withFcrc: withFcrc(lfs),
    rev: mdir.rev,
    end: mdir.end,
    etag: mdir.etag,
    seed: mdir.seed,
    crcs: mdir.crcs,
    tail0: mdir.tail0,
    tail1: mdir.tail1,
    split: mdir.split,
    erased: mdir.erased,
    deltaTag: mdir.delta.tag,
    delta0: mdir.delta.pair0,
    delta1: mdir.delta.pair1,
    entries: mdir.glance,
    named: mdir.named,
  };
  const { memo } = device;
  if (memo.size >= Math.max(LOGS_MAX, lfs.pairs.size)) memo.delete(memo.keys().next().value!);
  memo.set(device.stamp(mdir.block0), known);
  mdir.borrow(known.entries);
  // What is kept must not keep the mount that it comes from.
  for (const entry of known.entries) entry.leaveMount();
}

/** Keeps everything, when a mount ends. */
export function rememberAll(lfs: Lfs): void {
  if (lfs.device.memo === undefined || lfs.pairs.size > 2 * PAIRS_MAX) return;
  for (const [block, mdir] of lfs.pairs) if (block === mdir.block0) rememberLog(lfs, mdir);
}
