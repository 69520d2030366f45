/**
 * One block, decoded for a person: every tag of every commit with what it means, the superseded ones too, and why the
 * log ends where it ends. For blocks that hold no log, what the start would mean as the pointers of a file.
 *
 * Works on bytes alone, whatever they are: no mount, no `log.ts`. What this file says about a block is a second opinion
 * on what the engine makes of it (SPEC.md, "Metadata pairs"; C: none). The work is linear in the size of the block.
 *
 *   | rev | tag data | tag data | ... | CRC tag, crc, padding | tag data | ... | erased
 *   '-- LE  '------- first commit -----------------------------' '-- second commit ...
 *
 * @module
 */

import { byteString, readU32, readU32BE } from './bytes.ts';
import { isBadBlock } from './cache.ts';
import { describe, whole } from './config.ts';
import { crc32 } from './crc32.ts';
import type { BlockDevice } from './device.ts';
import { invalid, LfsError } from './errors.ts';
import { hex8, LiveTags, tagMeaning, typeName } from './inspect-tags.ts';
import { MAGIC } from './layout.ts';
import { DELETED, NO_ID, tagId, tagSize, tagSpan, tagType, type } from './tag.ts';

/** One tag as it stands in the log. */
export interface TagReport {
  readonly offset: number;
  /** The word as stored, XORed with the tag before it. */
  readonly raw: number;
  /** The decoded tag, without the valid bit. */
  readonly tag: number;
  readonly type: number;
  /** littlefs's word for the type: `'REG'`, `'CTZSTRUCT'`, `'USERATTR 0x74'`, `'unknown 0x123'`. */
  readonly typeName: string;
  /** `undefined`: belongs to no entry. */
  readonly id: number | undefined;
  /** Bytes of data; 0 for a tag that says that something is deleted. */
  readonly size: number;
  readonly deleted: boolean;
  /** A window on the bytes inspected. */
  readonly data: Uint8Array;
  readonly meaning: string;
  /** Nothing behind it in the log replaces or deletes it. False also where the tag does not count. */
  readonly live: boolean;
}

export interface CommitReport {
  readonly start: number;
  /** Behind the padding; for a commit without an end, where reading it stopped. */
  readonly end: number;
  /** The CRC holds. */
  readonly valid: boolean;
  /** It is valid and so is every commit before it: a mount sees it. */
  readonly counts: boolean;
  /** `undefined`: the commit has no CRC tag. */
  readonly crc: { readonly offset: number; readonly stored: number; readonly computed: number } | undefined;
  readonly padding: number;
  readonly tags: readonly TagReport[];
}

/** Why a log ends. */
export type StopCode = 'end-of-log' | 'block-full' | 'crc-mismatch' | 'tag-invalid' | 'tag-overrun' | 'commit-cut';

export interface BlockReport {
  readonly block: number | undefined;
  readonly size: number;
  /** A guess. `'data'`: it begins with what could be pointers of a file; `'unknown'`: file data, or anything. */
  readonly kind: 'metadata' | 'erased' | 'data' | 'unknown';
  /** The first word: the revision of a metadata block. */
  readonly rev: number;
  readonly commits: readonly CommitReport[];
  /** Behind the last commit that counts; 0 where there is none. */
  readonly end: number;
  /** Where and why reading the block as a log ended, also where it is none. */
  readonly stop: { readonly code: StopCode; readonly offset: number; readonly message: string };
  /** The forward CRC that the log ends with, and what stands there now. */
  readonly fcrc:
    | { readonly offset: number; readonly size: number; readonly stored: number; readonly computed: number | undefined }
    | undefined;
  /** All bytes behind the log have this one value. */
  readonly fillAfter: number | undefined;
  /** Another commit could be appended: what follows is as erased as it was. */
  readonly erasedAfter: boolean;
  /** Leading words that could be block numbers: the pointers, were this a block of a file. */
  readonly pointers: readonly number[];
  /** The first bytes. */
  readonly head: Uint8Array;
}

export interface InspectOptions {
  /** The number of the block, for the report. */
  readonly block?: number | undefined;
  /** Blocks of the device: tells pointers from data. 2^20 unless said. */
  readonly blockCount?: number | undefined;
  /** Unit of a program: where commits may end. 1 unless said. */
  readonly progSize?: number | undefined;
  /** `'2.0'`: a log without a forward CRC may go on. `'2.1'` unless said. */
  readonly diskVersion?: '2.0' | '2.1' | number | undefined;
}

/** Decodes one block of a device. A block that cannot be read is an `LfsError` with code `LFS_ERR_CORRUPT`. */
export function inspect(device: BlockDevice, block: number, options: InspectOptions = {}): BlockReport {
  if (typeof device !== 'object' || device === null || typeof device.read !== 'function')
    throw invalid(`device must be a block device with read, prog, erase and sync, got ${describe(device)}`);
  whole('block', block, 0, device.blockCount - 1);
  const bytes = new Uint8Array(device.blockSize);
  try {
    device.read(block, 0, bytes);
  } catch (error) {
    if (!isBadBlock(error)) throw error;
    throw new LfsError('LFS_ERR_CORRUPT', `block ${block} cannot be read`, { block, cause: error });
  }
  return inspectBlock(bytes, {
    block,
    blockCount: device.blockCount,
    progSize: options.progSize ?? device.progSize,
    diskVersion: options.diskVersion,
  });
}

/** Decodes the bytes of one block. */
export function inspectBlock(bytes: Uint8Array, options: InspectOptions = {}): BlockReport {
  if (!(bytes instanceof Uint8Array) || bytes.length < 4)
    throw invalid(
      `bytes is ${bytes instanceof Uint8Array ? `${bytes.length} bytes long` : describe(bytes)}; allowed: a Uint8Array of at least 4 bytes`,
    );
  const size = bytes.length;
  const progSize = whole('progSize', options.progSize ?? 1, 1, 0x7fffffff);
  const { block, diskVersion } = options;
  const blockCount = options.blockCount ?? 0x100000;
  const walk = walkLog(bytes);
  const { commits, end, stop } = walk;

  const fill = filledWith(bytes, 0);
  const erased = fill === 0xff || fill === 0;
  const pointers = leadingPointers(bytes, blockCount, block);
  const kind: BlockReport['kind'] =
    end > 0 || (!erased && looksLikeLog(bytes, commits))
      ? 'metadata'
      : erased
        ? 'erased'
        : pointers.length > 0
          ? 'data'
          : 'unknown';
  const isLog = kind === 'metadata';
  const fcrc = isLog ? forwardCrc(bytes, commits) : undefined;
  const withFcrc = diskVersion === undefined || (diskVersion !== '2.0' && diskVersion !== 0x00020000);
  const holds = fcrc === undefined ? !withFcrc : fcrc.stored === fcrc.computed;
  return {
    block,
    size,
    kind,
    rev: readU32(bytes, 0),
    commits: isLog ? commits : [],
    end,
    stop,
    fcrc,
    fillAfter: filledWith(bytes, end),
    erasedAfter: stop.code === 'end-of-log' && end % progSize === 0 && holds,
    pointers: isLog || erased ? [] : pointers,
    head: bytes.subarray(0, 64),
  };
}

interface Walk {
  readonly commits: CommitReport[];
  readonly end: number;
  readonly stop: BlockReport['stop'];
}

/** Walks the tags to the end of the log, and on behind a wrong CRC as long as there are tags. */
function walkLog(bytes: Uint8Array): Walk {
  const size = bytes.length;
  const commits: CommitReport[] = [];
  const live = new LiveTags();
  let tags: { -readonly [K in keyof TagReport]: TagReport[K] }[] = [];
  let stop: BlockReport['stop'] | undefined;
  let end = 0;
  let start = 0;
  let at = 4;
  let previous = 0xffffffff;

  for (;;) {
    const atStart = at === (start || 4);
    if (at + 4 > size) {
      if (atStart && start > 0) stop ??= { code: 'block-full', offset: at, message: 'the block is full' };
      else stop ??= { code: 'commit-cut', offset: at, message: 'the block ends inside a commit' };
      break;
    }
    const raw = readU32BE(bytes, at);
    const tag = (raw ^ previous) >>> 0;
    if (tag >= 0x80000000) {
      if (atStart && start > 0)
        stop ??= { code: 'end-of-log', offset: at, message: 'no valid bit: nothing was committed behind' };
      else stop ??= { code: 'tag-invalid', offset: at, message: `a tag without its valid bit (0x${hex8(raw)} read)` };
      break;
    }
    const span = tagSpan(tag);
    if (at + span > size) {
      stop ??= {
        code: 'tag-overrun',
        offset: at,
        message: `a tag (${typeName(tagType(tag))}) of ${span} bytes runs over the end of the block`,
      };
      break;
    }
    const isCrc = (tagType(tag) & 0x780) === type.CCRC;
    if (isCrc && at + 8 > size) {
      stop ??= { code: 'commit-cut', offset: at, message: 'the block ends inside a CRC' };
      break;
    }
    const deleted = tagSize(tag) === DELETED;
    const data = bytes.subarray(at + 4, at + span);
    const report: (typeof tags)[number] = {
      offset: at,
      raw,
      tag,
      type: tagType(tag),
      typeName: typeName(tagType(tag)),
      id: tagId(tag) === NO_ID ? undefined : tagId(tag),
      size: deleted ? 0 : tagSize(tag),
      deleted,
      data,
      meaning: '',
      live: false,
    };
    tags.push(report);
    previous = tag;
    if (!isCrc) {
      report.meaning = tagMeaning(report, live.apply(report));
      at += span;
      continue;
    }

    const stored = readU32(bytes, at + 4);
    const computed = crc32(0xffffffff, bytes, start, at + 4);
    const valid = stored === computed;
    const flips = (tagType(tag) & 1) !== 0;
    report.meaning = `${valid ? 'CRC holds' : `wrong CRC: 0x${hex8(stored)} stored, 0x${hex8(computed)} computed`}${
      flips ? '; the next tag has its valid bit inverted' : ''
    }`;
    if (!valid) {
      const message = `a commit with a wrong CRC: 0x${hex8(stored)} stored, 0x${hex8(computed)} computed`;
      stop ??= { code: 'crc-mismatch', offset: at, message };
    }
    const counts = stop === undefined;
    // Padding needs the room of the CRC at least; a tag that claims less is passed over as what it says it is.
    const padding = Math.max(0, span - 8);
    commits.push({ start, end: at + span, valid, counts, crc: { offset: at + 4, stored, computed }, padding, tags });
    if (counts) {
      end = at + span;
      live.commit();
    } else live.discard();
    tags = [];
    at += span;
    start = at;
    if (flips) previous = (previous ^ 0x80000000) >>> 0;
  }
  if (tags.length > 0) commits.push({ start, end: at, valid: false, counts: false, crc: undefined, padding: 0, tags });
  return { commits, end, stop };
}

/** Whether commits without a single valid CRC still look like what littlefs writes. */
function looksLikeLog(bytes: Uint8Array, commits: readonly CommitReport[]): boolean {
  if (byteString(bytes, 8, Math.min(bytes.length, 8 + MAGIC.length)) === MAGIC) return true;
  const first = commits[0];
  if (first === undefined) return false;
  const known = first.tags.filter((tag) => !tag.typeName.startsWith('unknown')).length;
  return known === first.tags.length && known >= (first.crc === undefined ? 3 : 2);
}

function forwardCrc(bytes: Uint8Array, commits: readonly CommitReport[]): BlockReport['fcrc'] {
  let last: CommitReport | undefined;
  for (const commit of commits) if (commit.counts) last = commit;
  const tag = last?.tags.findLast((candidate) => candidate.type === type.FCRC && candidate.size >= 8);
  if (last === undefined || tag === undefined) return undefined;
  const size = readU32(tag.data, 0);
  const inside = last.end + size <= bytes.length;
  return {
    offset: last.end,
    size,
    stored: readU32(tag.data, 4),
    computed: inside ? crc32(0xffffffff, bytes, last.end, last.end + size) : undefined,
  };
}

/** The one value that all bytes from `from` on have; `undefined` where they differ or there are none. */
function filledWith(bytes: Uint8Array, from: number): number | undefined {
  const value = bytes[from];
  for (let i = from + 1; i < bytes.length; i++) if (bytes[i] !== value) return undefined;
  return value;
}

/** Pointers of a file lead to other blocks, each to another. */
function leadingPointers(bytes: Uint8Array, blockCount: number, block: number | undefined): number[] {
  const pointers: number[] = [];
  for (let at = 0; at + 4 <= bytes.length && pointers.length < 32; at += 4) {
    const word = readU32(bytes, at);
    if (word >= blockCount || word === block || pointers.includes(word)) break;
    pointers.push(word);
  }
  return pointers;
}
