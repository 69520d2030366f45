/**
 * The thread of metadata pairs for a check: superblocks, tails, the global state, and pairs that no directory leads to.
 *
 * @module
 */

import { onDisk } from './cache.ts';
import type { FindingPlace } from './check-findings.ts';
import { loadPair, looksBlank, reportUnreadable } from './check-pairs.ts';
import { type CheckState, type Pair, pairText, pathOf } from './check-state.ts';
import { equalPair, GState, samePair } from './gstate.ts';
import { hex8 } from './inspect-tags.ts';
import {
  ATTR_MAX_LIMIT,
  FILE_MAX_DEFAULT,
  MAGIC,
  NAME_MAX_LIMIT,
  NO_BLOCK,
  SUPERBLOCK_SIZE,
  versionText,
} from './layout.ts';
import { tagId, type } from './tag.ts';

/** Walks the thread from blocks 0 and 1. False: what is there is not to be read as this kind of file system. */
export function walkThread(state: CheckState): boolean {
  const isReadable = walkTails(state);
  takeBlockCount(state);
  return isReadable;
}

function walkTails(state: CheckState): boolean {
  const { disk, findings } = state;
  if (!onDisk(disk, 0) || !onDisk(disk, 1)) {
    findings.add(
      'error',
      'superblock-missing',
      {},
      `the device has ${disk.device.blockCount} blocks; a file system needs blocks 0 and 1`,
    );
    return false;
  }
  let a = 0;
  let b = 1;
  let before: Pair | null = null;
  for (;;) {
    const pair = state.addPair(a, b);
    loadPair(state, pair);
    pair.inThread = true;
    pair.tailChecked = true;
    if (before === null) state.root = pair;
    else before.next = pair;
    const { mdir } = pair;
    if (mdir === null) {
      state.threadWhole = false;
      if (before === null) reportNoRoot(state, pair);
      return before !== null;
    }
    if (!takeSuperblock(state, pair, before)) return false;
    if (state.root !== pair) takeBlockCount(state);
    if (!onDisk(disk, a) || !onDisk(disk, b)) {
      reportTailOut(state, a, b, { block: before!.mdir!.block0, offset: before!.tailAt });
      return true;
    }
    state.gstate.xor(mdir.delta);

    a = mdir.tail0;
    b = mdir.tail1;
    const place = { block: mdir.block0, offset: pair.tailAt };
    if (!checkTail(state, mdir.split, a, b, place)) return true;
    const clash = state.pairAt(a) ?? state.pairAt(b);
    if (clash !== null) {
      const isSame = state.pairAt(a) === state.pairAt(b);
      findings.add(
        'error',
        isSame ? 'thread-cycle' : 'pair-doubly-used',
        place,
        isSame
          ? `the tail leads back to the pair ${pairText(a, b)}: the thread runs in a circle`
          : `the tail leads to ${pairText(a, b)}, but ${pairText(clash.a, clash.b)} is in the thread already`,
      );
      state.threadWhole = false;
      return true;
    }
    before = pair;
  }
}

/** Whether the thread goes on behind a tail. */
function checkTail(
  state: CheckState,
  split: boolean,
  a: number,
  b: number,
  place: { block: number; offset: number | undefined },
): boolean {
  const { disk, findings } = state;
  if (a === NO_BLOCK || b === NO_BLOCK) {
    if (a !== b)
      findings.add(
        'warning',
        'tail-half-null',
        place,
        `the tail is ${pairText(a, b)}; expected two blocks or none: read as none`,
      );
    if (split)
      findings.add('error', 'tail-missing', place, 'the directory says that it goes on, but its tail leads nowhere');
    return false;
  }
  if (!onDisk(disk, a) || !onDisk(disk, b)) {
    reportTailOut(state, a, b, place);
    return false;
  }
  if (a === b)
    findings.add(
      'error',
      'pair-malformed',
      place,
      `the tail leads to ${pairText(a, b)}; expected two different blocks`,
    );
  return true;
}

function reportTailOut(state: CheckState, a: number, b: number, place: FindingPlace): void {
  const message = `the tail leads to ${pairText(a, b)}; expected blocks below ${state.disk.blockCount}`;
  state.findings.add('error', 'tail-out-of-range', place, message);
  state.threadWhole = false;
}

function reportNoRoot(state: CheckState, pair: Pair): void {
  if (looksBlank(state, pair))
    state.findings.add(
      'error',
      'superblock-missing',
      { block: 0 },
      'blocks 0 and 1 hold no metadata: there is no littlefs here',
    );
  else reportUnreadable(state, pair, '/');
}

/** Superblock entries stand in the first pairs of the thread; the last of them is the root directory. */
function takeSuperblock(state: CheckState, pair: Pair, before: Pair | null): boolean {
  const { findings } = state;
  const { superblock } = pair;
  const block = pair.mdir!.block0;
  if (superblock === null) {
    if (before !== null) return true;
    findings.add(
      'error',
      'superblock-missing',
      { block, offset: 4 },
      'blocks 0 and 1 hold metadata, but entry 0 is no superblock',
    );
    return true;
  }
  const place = { block, offset: superblock.at };
  if (superblock.magic !== MAGIC) {
    const message = `the superblock is named ${JSON.stringify(superblock.magic)}; expected "${MAGIC}"`;
    findings.add('error', 'superblock-bad-magic', place, message);
  } else if (before !== null && state.root !== before) {
    findings.add('error', 'superblock-misplaced', place, 'a superblock entry behind pairs that have none');
  }
  state.root = pair;
  if (superblock.size < SUPERBLOCK_SIZE) {
    const message = `the superblock has ${superblock.size} bytes; expected ${SUPERBLOCK_SIZE}`;
    findings.add('error', 'superblock-short', place, message);
    if (superblock.size < 12) return true;
  }
  return checkSuperblock(state, superblock.words, superblock.size, pair.mdir!.split, place);
}

/** False: nothing here can be read as the superblock says. */
function checkSuperblock(
  state: CheckState,
  words: NonNullable<Pair['superblock']>['words'],
  size: number,
  split: boolean,
  place: { block: number; offset: number },
): boolean {
  const { disk, settings, findings } = state;
  const { version, blockSize } = words;
  const supported = settings.diskVersion;
  state.superblock = words;
  if (version >>> 16 !== supported >>> 16 || (version & 0xffff) > (supported & 0xffff)) {
    const message = `the superblock says version ${versionText(version)}; supported: ${versionText(supported)} and older of the same major`;
    findings.add('error', 'version-unsupported', place, message);
    if (version >>> 16 !== supported >>> 16) return false;
  }
  if (blockSize !== disk.blockSize) {
    const message = `the superblock says blocks of ${blockSize} bytes; the device has blocks of ${disk.blockSize}`;
    findings.add('error', 'block-size-mismatch', place, message);
    // Zero is nonsense rather than another geometry: what the device says may well be right.
    if (blockSize !== 0) return false;
  }
  state.countAt = place;
  // Of what changed when a superblock had expanded already only the next one knows.
  if (split) disk.blockCount = disk.device.blockCount;
  else takeBlockCount(state);
  if (size < SUPERBLOCK_SIZE) return true;
  const { nameMax, fileMax, attrMax } = state;
  state.nameMax = limit(state, 'nameMax', words.nameMax, nameMax, settings.nameMax, NAME_MAX_LIMIT, place);
  const fileMaxMost = Math.max(FILE_MAX_DEFAULT, settings.fileMax);
  state.fileMax = limit(state, 'fileMax', words.fileMax, fileMax, settings.fileMax, fileMaxMost, place);
  state.attrMax = limit(state, 'attrMax', words.attrMax, attrMax, settings.attrMax, ATTR_MAX_LIMIT, place);
  return true;
}

function takeBlockCount(state: CheckState): void {
  const { disk, settings, findings, countAt: place, superblock } = state;
  if (place === null || superblock === null) return;
  state.countAt = null;
  const { blockCount } = superblock;
  const deviceCount = disk.device.blockCount;
  if (blockCount < 2) {
    findings.add(
      'error',
      'block-count-mismatch',
      place,
      `the superblock says ${blockCount} blocks; expected at least 2`,
    );
    disk.blockCount = deviceCount;
  } else if (blockCount > deviceCount) {
    findings.add(
      'error',
      'block-count-mismatch',
      place,
      `the superblock says ${blockCount} blocks; the device has ${deviceCount}`,
    );
    disk.blockCount = deviceCount;
  } else {
    disk.blockCount = blockCount;
    if (settings.blockCount !== 0 && settings.blockCount !== blockCount)
      findings.add(
        'error',
        'block-count-mismatch',
        place,
        `the superblock says ${blockCount} blocks; expected ${settings.blockCount}`,
      );
  }
}

/** The limit that holds behind this superblock. Zero stands for the driver's own. */
function limit(
  state: CheckState,
  name: string,
  found: number,
  before: number,
  configured: number,
  most: number,
  place: { block: number; offset: number },
): number {
  if (found === 0 || found === before) return before;
  const says = `the superblock says ${name} ${found}`;
  if (found > most) state.findings.add('error', 'limit-too-big', place, `${says}; the format allows up to ${most}`);
  else if (found > configured)
    state.findings.add(
      'warning',
      'limit-too-big',
      place,
      `${says}; a driver configured for ${configured} refuses to mount this`,
    );
  else if (found > before)
    state.findings.add(
      'error',
      'limit-too-big',
      place,
      `${says}; a superblock before it says ${before}: no driver mounts this`,
    );
  return found;
}

/**
 * Follows the tails behind a relocated pair as far as they lead to pairs that the thread does not know yet: a commit
 * that relocates a pair may have changed its tail too.
 */
export function followFresh(state: CheckState, fresh: Pair): void {
  const { disk } = state;
  for (let at = fresh.mdir; at?.hasTail; ) {
    const { tail0, tail1 } = at;
    if (!onDisk(disk, tail0) || !onDisk(disk, tail1)) return;
    const one = state.pairAt(tail0);
    let next = one;
    if (one !== state.pairAt(tail1)) return;
    if (next === null) {
      next = state.addPair(tail0, tail1);
      loadPair(state, next);
    }
    if (next.inThread || next.replaces !== null) return;
    next.inThread = true;
    at = next.mdir;
  }
}

/**
 * The global state of the thread as it will be once half-orphans are mended, which is what a mount goes by; `null`
 * where that is the one known.
 */
export function mendedState(state: CheckState): GState | null {
  const { pairs, gstate } = state;
  if (!state.threadWhole || pairs.every(({ replaces }) => replaces === null)) return null;
  const sum = new GState();
  let steps = pairs.length;
  for (let pair = pairs[0] ?? null; pair !== null && pair.mdir !== null && steps > 0; steps--) {
    const { mdir }: Pair = pair;
    sum.xor(mdir.delta);
    pair = mdir.hasTail && onDisk(state.disk, mdir.tail0) ? state.pairAt(mdir.tail0) : null;
    pair = pair?.replacedBy ?? pair;
  }
  return sum.tag === gstate.tag && sum.pair0 === gstate.pair0 && sum.pair1 === gstate.pair1 ? null : sum;
}

/**
 * The pair that the global state says an entry is moved away from. Where that pair has been relocated since, the move
 * is about its old log: any commit to a pair from which a move is pending finishes the move.
 */
export function movedFrom(state: CheckState): { pair: Pair; id: number } | null {
  const { gstate, disk } = state;
  if ((gstate.tag & 0x70000000) === 0) return null;
  const { pair0, pair1 } = gstate;
  let found: Pair | null = null;
  for (const block of [pair0, pair1]) {
    const pair = onDisk(disk, block) ? state.pairAt(block) : null;
    for (const candidate of [pair, pair?.replaces ?? null]) {
      if (candidate === null || !samePair(candidate.a, candidate.b, pair0, pair1)) continue;
      if (found === null || equalPair(candidate.a, candidate.b, pair0, pair1)) found = candidate;
    }
  }
  return found === null ? null : { pair: found, id: tagId(gstate.tag) };
}

/** What the global state announces, once the tree has been walked. */
export function checkGlobalState(state: CheckState): void {
  const { gstate, findings } = state;
  if (!state.threadWhole) return;
  if (gstate.tag < 0)
    findings.add(
      'note',
      'pending-orphans',
      {},
      'the global state says that there may be orphans; the next write looks for them',
    );
  const moveTag = (gstate.tag & 0x7ffffc00) >>> 0;
  const pair = pairText(gstate.pair0, gstate.pair1);
  if (moveTag === 0) {
    if ((gstate.tag & 0x3ff) !== 0 || gstate.pair0 !== 0 || gstate.pair1 !== 0) {
      const message = `the global state adds up to 0x${hex8(gstate.tag >>> 0)} and the pair ${pair}; expected zeros where no move is pending`;
      findings.add('warning', 'gstate-invalid', {}, message);
    }
    return;
  }
  if (moveTag >>> 20 !== type.DELETE) {
    const message = `the global state has the unknown tag 0x${(moveTag >>> 20).toString(16)}; expected 0x4ff, a pending move, or 0`;
    findings.add('error', 'gstate-invalid', {}, message);
    return;
  }
  const id = tagId(gstate.tag);
  const from = movedFrom(state);
  // Readers take a shared block for the same pair; what finishes the move reads exactly the two.
  const exact = from !== null && equalPair(from.pair.a, from.pair.b, gstate.pair0, gstate.pair1);
  const mdir = exact ? from.pair.mdir : null;
  const entry = mdir?.entries[id];
  if (mdir === null || entry === undefined || entry.nameType === type.SUPERBLOCK || entry.nameType < 0) {
    const why =
      mdir === null
        ? 'there is no such pair in the thread'
        : entry === undefined
          ? `that pair has ${mdir.count} entries`
          : 'there is nothing that can be moved';
    findings.add(
      'error',
      'pending-move-invalid',
      mdir === null ? {} : { block: mdir.block0 },
      `the global state says that entry ${id} of the pair ${pair} was being moved away, but ${why}`,
    );
    return;
  }
  findings.add(
    'note',
    'pending-move',
    {
      block: mdir.block0,
      offset: entry.nameAt - 4,
      path: pathOf(from!.pair.dir ?? from!.pair.replacedBy?.dir ?? null, entry.name),
    },
    `entry ${id} of the pair ${pair} has been moved elsewhere and not yet deleted here; the next write deletes it`,
  );
}

/** Pairs of the thread that no directory leads to. */
export function findOrphans(state: CheckState): Pair[] {
  const { findings, gstate } = state;
  const orphans: Pair[] = [];
  if (!state.treeWhole || !state.threadWhole) return orphans;
  const announced = gstate.tag < 0;
  let rest: Pair | null = null;
  for (const pair of state.pairs) {
    if (!pair.inThread || pair.dir !== null || pair.replacedBy !== null || pair.mdir === null) continue;
    orphans.push(pair);
    // The rest of an orphaned directory is no finding of its own.
    if (pair !== rest)
      findings.add(
        announced ? 'note' : 'warning',
        'orphan',
        { block: pair.mdir.block0 },
        `no directory leads to the pair ${pairText(pair.a, pair.b)} in the thread; ${
          announced ? 'the next write takes it out' : 'the global state does not say so: it stays in use for nothing'
        }`,
      );
    rest = pair.mdir.split ? pair.next : null;
  }
  return orphans;
}
