/**
 * Reading one metadata pair for a check: which of its blocks counts, whether its log says what littlefs would say, and
 * what stands behind its end.
 *
 * Uses the engine's walk over a log (`scanLog`, `foldLog`); where that finds nothing or stops early, `inspectBlock`
 * says why: an interrupted commit is the last thing in a block, so a valid commit behind a broken one means that bytes
 * have changed since.
 *
 * @module
 */

import { byteString, writeU32 } from './bytes.ts';
import { BlockReader } from './cache.ts';
import type { FindingCode, FindingPlace } from './check-findings.ts';
import { type CheckState, type Pair, pairText } from './check-state.ts';
import { crc32 } from './crc32.ts';
import { type BlockReport, inspectBlock } from './inspect.ts';
import { count, hex8 } from './inspect-tags.ts';
import { decodeSuperblock } from './layout.ts';
import { foldLog, scanLog } from './log.ts';
import { Mdir } from './mdir.ts';
import { NO_ID, tagFamily, tagId, tagSplice, type } from './tag.ts';

/** Reads the pair `pair.a`, `pair.b`: both on the device. */
export function loadPair(state: CheckState, pair: Pair): void {
  const { disk, scan } = state;
  const { blockSize } = disk;
  const readers = [new BlockReader(disk, pair.a), new BlockReader(disk, pair.b)] as const;
  const revs = [0, 0];
  let newer = 0;
  for (const i of [0, 1]) {
    if (!readers[i]!.load(4)) {
      const block = i === 0 ? pair.a : pair.b;
      state.findings.add(
        'warning',
        'block-unreadable',
        { block },
        `block ${block} of the pair ${pairText(pair.a, pair.b)} cannot be read`,
      );
      continue;
    }
    const bytes = readers[i]!.bytes;
    revs[i] = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24);
    if (((revs[i]! - revs[1 - i]!) | 0) > 0) newer = i;
  }
  for (const i of [newer, 1 - newer]) {
    const reader = readers[i]!;
    if (!scanLog(reader, blockSize, scan)) continue;
    const mdir = i === 0 ? new Mdir(pair.a, pair.b) : new Mdir(pair.b, pair.a);
    pair.mdir = mdir;
    if (checkTags(state, pair, mdir)) fold(state, pair, mdir, reader.bytes);
    checkEnd(state, reader, mdir.block0);
    if (i !== newer && ((revs[newer]! - revs[i]!) | 0) === 1) checkAbandoned(state, readers[newer]!, mdir);
    return;
  }
}

/** What the tags of the log say about ids and the tail. False: too strange to be added up. */
function checkTags(state: CheckState, pair: Pair, mdir: Mdir): boolean {
  const { tags, ats, length } = state.scan;
  const { findings } = state;
  let ids = 0;
  let sane = true;
  for (let i = 0; i < length; i++) {
    const tag = tags[i]!;
    const id = tagId(tag);
    switch (tagFamily(tag)) {
      case type.NAME:
        if (id !== NO_ID && id >= ids) ids = id + 1;
        break;
      case type.STRUCT:
      case type.USERATTR:
        if (id !== NO_ID && id >= ids)
          findings.add(
            'error',
            'dangling-struct',
            { block: mdir.block0, offset: ats[i]! - 4 },
            `data for entry ${id}, but the log has named only ${ids} entries so far`,
          );
        break;
      case type.SPLICE: {
        const splice = tagSplice(tag);
        const inRange = splice > 0 ? id <= ids : id < ids;
        if ((splice !== 1 && splice !== -1) || !inRange || id === NO_ID)
          findings.add(
            'error',
            'id-out-of-range',
            { block: mdir.block0, offset: ats[i]! - 4 },
            `${splice > 0 ? `${splice} inserted` : `${-splice} taken out`} at id ${id}; expected 1, among the ${ids} entries of the log`,
          );
        ids += splice;
        // Beyond what ids can name, adding up would cost more than the log is long.
        if (ids < 0 || ids >= NO_ID) sane = false;
        break;
      }
      case type.TAIL:
        pair.tailAt = ats[i]! - 4;
        break;
      default:
        break;
    }
    if (!sane) break;
  }
  if (sane) return true;
  const { scan } = state;
  mdir.rev = scan.rev;
  mdir.end = scan.end;
  mdir.tail0 = scan.tail0;
  mdir.tail1 = scan.tail1;
  mdir.split = scan.split;
  state.treeWhole = false;
  return false;
}

/** Adds the log up, and takes out of its bytes what is needed later: a view is only good for now. */
function fold(state: CheckState, pair: Pair, mdir: Mdir, bytes: Uint8Array): void {
  foldLog(state.scan, bytes, mdir);
  for (const entry of mdir.entries) {
    if (entry.nameType >= 0) entry.name = byteString(bytes, entry.nameAt, entry.nameAt + entry.nameSize);
  }
  const first = mdir.entries[0];
  if (first === undefined || first.nameType !== type.SUPERBLOCK) return;
  const size = first.structType === type.INLINESTRUCT ? first.structSize : 0;
  pair.superblock = {
    words: decodeSuperblock(bytes, first.structAt, size),
    size,
    at: size > 0 ? first.structAt - 4 : first.nameAt - 4,
    magic: first.name!,
  };
}

/** What stands behind the last commit. */
function checkEnd(state: CheckState, reader: BlockReader, block: number): void {
  const { scan, findings } = state;
  const { blockSize } = state.disk;
  const { end } = scan;
  if (scan.openEnd) {
    if (!scan.hasFcrc || end + scan.fcrcSize > blockSize || !reader.load(end + scan.fcrcSize)) return;
    const computed = crc32(0xffffffff, reader.bytes, end, end + scan.fcrcSize);
    if (computed === scan.fcrcCrc) return;
    findings.add(
      'note',
      'interrupted-commit',
      { block, offset: end },
      `a commit was begun behind the log and not finished (forward CRC 0x${hex8(scan.fcrcCrc)}, 0x${hex8(computed)} computed); the next write starts a new block`,
    );
    return;
  }
  if (end + 4 > blockSize) return;
  if (!reader.load(blockSize)) {
    findings.add('error', 'block-unreadable', { block, offset: end }, `block ${block} cannot be read behind its log`);
    return;
  }
  const report = inspectBlock(reader.bytes);
  if (!reportLost(state, report, block)) {
    findings.add(
      'note',
      'interrupted-commit',
      { block, offset: end },
      `behind the log begins a commit that does not count: ${report.stop.message}; the next write starts a new block`,
    );
  }
}

/** A block with the next revision and no log: the compaction into it was interrupted, or it has been damaged since. */
function checkAbandoned(state: CheckState, reader: BlockReader, current: Mdir): void {
  if (!reader.load(state.disk.blockSize)) return;
  const block = current.block1;
  const report = inspectBlock(reader.bytes);
  if (!isOlderLog(reader.bytes, current) && reportLost(state, report, block)) return;
  state.findings.add(
    'note',
    'interrupted-compaction',
    { block, offset: report.stop.offset },
    `block ${block} has a newer revision than block ${current.block0}, but no valid commit: ${report.stop.message}; the older block counts`,
  );
}

/**
 * Whether only the revision is new: a device whose erased blocks keep what they held shows, behind what the interrupted
 * compaction had got to write, the log that was there before.
 */
function isOlderLog(bytes: Uint8Array, current: Mdir): boolean {
  const before = bytes.slice();
  writeU32(before, 0, current.rev - 1);
  return inspectBlock(before).commits[0]?.valid === true;
}

/** Reports a commit that was whole once. Everything from it on is lost, though what follows is still valid. */
function reportLost(state: CheckState, report: BlockReport, block: number): boolean {
  const { commits, stop } = report;
  if (!commits.some((commit) => commit.valid && !commit.counts)) return false;
  const broken = commits.findIndex((commit) => !commit.valid);
  state.findings.add(
    'error',
    'crc-mismatch',
    { block, offset: stop.offset },
    `commit ${broken + 1} of the log was damaged: ${stop.message}; lost with what follows: ${count(commits.length - broken - 1, 'commit')}`,
  );
  return true;
}

/** Reports a pair without a log, with the reason for each block. */
export function reportUnreadable(state: CheckState, pair: Pair, path?: string): void {
  if (pair.reported) return;
  pair.reported = true;
  const { a, b } = pair;
  const reasons = [a, b].map((block) => examine(state, block, path));
  const message = `the metadata pair ${pairText(a, b)} has no valid commit: ${reasons.join('; ')}`;
  state.findings.add('error', 'pair-unreadable', { block: a, path }, message);
}

/** Why a block has no log; a fault in what looks like one is a finding of its own. */
function examine(state: CheckState, block: number, path: string | undefined): string {
  const reader = new BlockReader(state.disk, block);
  if (!reader.load(state.disk.blockSize)) return `block ${block} cannot be read`;
  const report = inspectBlock(reader.bytes);
  if (report.kind === 'erased') return `block ${block} is erased`;
  const { code, offset, message } = report.stop;
  const place: FindingPlace = { block, offset, path };
  const fault: FindingCode | undefined =
    code === 'crc-mismatch' || code === 'tag-overrun' || code === 'commit-cut'
      ? code
      : code === 'tag-invalid' && offset > 4
        ? code
        : undefined;
  if (fault === undefined) return `block ${block} holds no metadata`;
  state.findings.add('error', fault, place, `in block ${block}, ${message}`);
  return `in block ${block}, ${message}`;
}

/** Whether neither block of a pair looks as if it ever held metadata. */
export function looksBlank(state: CheckState, pair: Pair): boolean {
  return [pair.a, pair.b].every((block) => {
    const reader = new BlockReader(state.disk, block);
    if (!reader.load(state.disk.blockSize)) return false;
    const { kind, stop } = inspectBlock(reader.bytes);
    return kind !== 'metadata' && stop.code !== 'tag-overrun';
  });
}
