/**
 * What one mount of a device found out about its metadata blocks, kept for the next mount.
 *
 * A device that can tell by a stamp whether a block has changed lends room for it (`memo`). A log whose block still has
 * the stamp need not be checked and added up again; a crash test that mounts thousands of forks of one image pays for
 * what differs between them. Staleness is impossible: a changed block has another stamp.
 *
 * @module
 */

import type { BlockDevice } from './device.ts';
import { DISK_VERSION_2_1 } from './layout.ts';
import type { Lfs } from './lfs.ts';
import type { Mdir } from './mdir.ts';

/** A pair as a mount left it. Its entries are lent to whoever mounts next, who copies them before he changes them. */
interface KnownLog {
  readonly mdir: Mdir;
  /** What the mount's idea of an erased end depended on. */
  readonly progSize: number;
  readonly withFcrc: boolean;
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
  if (!hasMemo(device)) return null;
  const stamp = device.stamp(block);
  const known = device.memo.get(stamp) as KnownLog | undefined;
  if (known === undefined || known.progSize !== lfs.progSize || known.withFcrc !== withFcrc(lfs)) return null;
  // Used last, forgotten last; as long as nothing has to be forgotten the order is all the same.
  if (device.memo.size > LOGS_MAX / 2) {
    device.memo.delete(stamp);
    device.memo.set(stamp, known);
  }
  return known.mdir.copyFor(block, other);
}

/** Keeps what a pair's current block adds up to. The pair is the memo's from now on. */
function rememberLog(lfs: Lfs, device: Required<Pick<BlockDevice, 'memo' | 'stamp'>>, mdir: Mdir): void {
  if (mdir.fresh) return;
  const { memo } = device;
  if (memo.size >= Math.max(LOGS_MAX, lfs.pairs.size)) memo.delete(memo.keys().next().value!);
  mdir.leaveMount();
  memo.set(device.stamp(mdir.block0), { mdir, progSize: lfs.progSize, withFcrc: withFcrc(lfs) } satisfies KnownLog);
}

/** Keeps everything, when a mount ends. */
export function rememberAll(lfs: Lfs): void {
  const { device } = lfs;
  if (!hasMemo(device) || lfs.pairs.size > 2 * PAIRS_MAX) return;
  const { memo } = device;
  // Nobody wrote and nobody looked for a name: there is nothing that the memo does not have.
  if (lfs.commits === 0 && lfs.rootDirectory === null && lfs.pairs.size === 2 && memo.has(device.stamp(lfs.root0)))
    return;
  for (const [block, mdir] of lfs.pairs) if (block === mdir.block0) rememberLog(lfs, device, mdir);
}

function hasMemo(device: BlockDevice): device is BlockDevice & Required<Pick<BlockDevice, 'memo' | 'stamp'>> {
  return device.memo !== undefined && device.stamp !== undefined;
}
