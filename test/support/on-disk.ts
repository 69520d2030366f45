/**
 * What stands on a device, read and changed from outside: which pair a directory has, what the global state is, a log
 * with one more commit, a commit that has gone bad.
 *
 * For tests of states that the engine itself leaves only when something goes wrong. Logs are read by `inspect`, not by
 * the code that mounts. Changes are made to the image: no program or erase is counted.
 */
import { crc32 } from 'node:zlib';
import type { FlashDevice } from '../../src/device/index.ts';
import { type BlockReport, inspectBlock, type TagReport } from '../../src/lfs/inspect.ts';

/** The tag types of the format that tests write or look for. */
export const tagType = {
  reg: 0x001,
  dir: 0x002,
  superblock: 0x0ff,
  dirStruct: 0x200,
  inlineStruct: 0x201,
  ctzStruct: 0x202,
  create: 0x401,
  delete: 0x4ff,
  crc: 0x500,
  fcrc: 0x5ff,
  softTail: 0x600,
  hardTail: 0x601,
  moveState: 0x7ff,
} as const;

export const noId = 0x3ff;

/** A metadata pair: the block that counts, the other one, and the revision of the first. */
export interface DiskPair {
  readonly newest: number;
  readonly other: number;
  readonly rev: number;
  /** The entries by id: their name and their struct. */
  readonly entries: readonly DiskEntry[];
  readonly tail: { readonly pair: readonly [number, number]; readonly hard: boolean } | undefined;
  /** The three words of the pair's share of the global state. */
  readonly delta: readonly [number, number, number];
}

export interface DiskEntry {
  readonly type: number;
  readonly name: string;
  readonly struct: TagReport | undefined;
}

export interface DiskState {
  /** There may be directories without a parent. */
  readonly orphans: boolean;
  /** An entry that is to be deleted here, since it has arrived elsewhere. */
  readonly move: { readonly id: number; readonly pair: readonly [number, number] } | undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

export function blockOf(device: FlashDevice, block: number): Uint8Array {
  return device.toImage().slice(block * device.blockSize, (block + 1) * device.blockSize);
}

/** Exchanges the bytes of a block. */
export function putBlock(device: FlashDevice, block: number, bytes: Uint8Array): void {
  const image = device.toImage();
  image.set(bytes, block * device.blockSize);
  device.load(image);
}

function report(device: FlashDevice, block: number): BlockReport {
  return inspectBlock(blockOf(device, block), { progSize: device.progSize });
}

/** All tags of a block that count, in the order of the log. */
function tagsOf(log: BlockReport): TagReport[] {
  return log.commits.filter(({ counts }) => counts).flatMap(({ tags }) => tags);
}

export function readPair(device: FlashDevice, first: number, second: number): DiskPair {
  const [a, b] = [report(device, first), report(device, second)];
  if (a.end === 0 && b.end === 0) throw new Error(`no log in pair {${first}, ${second}}`);
  const secondWins = a.end === 0 || (b.end > 0 && ((b.rev - a.rev) | 0) > 0);
  const log = secondWins ? b : a;
  const entries: { name?: TagReport; struct?: TagReport }[] = [];
  let tail: DiskPair['tail'];
  let delta: [number, number, number] = [0, 0, 0];
  for (const tag of tagsOf(log)) {
    const { type, id, data } = tag;
    if (type === tagType.softTail || type === tagType.hardTail) {
      const pair = [word(data, 0), word(data, 4)] as const;
      tail = pair[0] === 0xffffffff ? undefined : { pair, hard: type === tagType.hardTail };
    } else if (type === tagType.moveState) delta = [word(data, 0), word(data, 4), word(data, 8)];
    else if (id === undefined) continue;
    else if (type === tagType.create) entries.splice(id, 0, {});
    else if (type === tagType.delete) entries.splice(id, 1);
    else if (type < 0x100) (entries[id] ??= {}).name = tag;
    else if (type >= 0x200 && type < 0x300) (entries[id] ??= {}).struct = tag;
  }
  return {
    newest: secondWins ? second : first,
    other: secondWins ? first : second,
    rev: log.rev,
    entries: entries.map(({ name, struct }) => ({
      type: name?.type ?? -1,
      name: Buffer.from(name?.data ?? []).toString('utf8'),
      struct,
    })),
    tail,
    delta,
  };
}

/** All pairs, in the order of the thread. */
export function thread(device: FlashDevice): DiskPair[] {
  const pairs = [readPair(device, 0, 1)];
  for (let tail = pairs[0]!.tail; tail !== undefined; ) {
    if (pairs.length > device.blockCount) throw new Error('the thread of pairs does not end');
    const next = readPair(device, ...tail.pair);
    pairs.push(next);
    tail = next.tail;
  }
  return pairs;
}

/** The first pair of a directory, that of the root where the superblock has expanded included. */
export function pairOf(device: FlashDevice, path: string): DiskPair {
  let pair = thread(device).findLast(({ entries }) => entries[0]?.type === tagType.superblock)!;
  for (const name of path.split('/').filter((part) => part !== '')) {
    let found: DiskEntry | undefined;
    for (let at: DiskPair | undefined = pair; at !== undefined && found === undefined; ) {
      found = at.entries.find((entry) => entry.name === name && entry.type === tagType.dir);
      at = at.tail?.hard === true ? readPair(device, ...at.tail.pair) : undefined;
    }
    if (found?.struct === undefined) throw new Error(`no directory '${name}' of '${path}' on disk`);
    pair = readPair(device, word(found.struct.data, 0), word(found.struct.data, 4));
  }
  return pair;
}

/** The global state as a mount adds it up. */
export function globalState(device: FlashDevice): DiskState {
  const sum = [0, 0, 0];
  for (const { delta } of thread(device)) for (const i of [0, 1, 2]) sum[i]! ^= delta[i]!;
  const [tag, pair0, pair1] = sum.map((value) => value >>> 0) as [number, number, number];
  const moving = ((tag >>> 20) & 0x700) !== 0;
  return { orphans: tag >= 0x80000000, move: moving ? { id: (tag >>> 10) & 0x3ff, pair: [pair0, pair1] } : undefined };
}

/** Bytes behind the last commit that counts. */
export function logEnd(device: FlashDevice, block: number): number {
  return report(device, block).end;
}

/** Spoils the CRC of the last commit of a pair's newest block: as if it had never been finished. */
export function spoilLastCommit(device: FlashDevice, pair: DiskPair): void {
  const last = report(device, pair.newest).commits.findLast(({ counts }) => counts);
  const bytes = blockOf(device, pair.newest);
  for (let i = 0; i < 3; i++) bytes[last!.crc!.offset + i]! ^= 0x55;
  putBlock(device, pair.newest, bytes);
}

export interface NewTag {
  readonly type: number;
  /** Default: none. */
  readonly id?: number;
  readonly data?: Uint8Array;
}

/** Appends a commit to the newest block of a pair, as version 2.1 writes it. */
export function appendCommit(device: FlashDevice, pair: DiskPair, tags: readonly NewTag[]): void {
  const { blockSize, progSize } = device;
  const bytes = blockOf(device, pair.newest);
  const log = report(device, pair.newest);
  const lastTag = log.commits.findLast(({ counts }) => counts)!.tags.at(-1)!;
  let previous = (lastTag.tag ^ ((lastTag.type & 1) << 31)) >>> 0;
  let at = log.end;
  const put = ({ type, id = noId, data = new Uint8Array(0) }: NewTag, claimed = data.length): void => {
    const tag = ((type << 20) | (id << 10) | claimed) >>> 0;
    if (at + 4 + data.length > blockSize) throw new Error(`no room for a commit in block ${pair.newest}`);
    new DataView(bytes.buffer).setUint32(at, (tag ^ previous) >>> 0, false);
    bytes.set(data, at + 4);
    previous = tag;
    at += 4 + data.length;
  };
  for (const tag of tags) put(tag);
  // The forward CRC says what follows the commit while nothing has been programmed there.
  const units = (size: number) => Math.ceil(size / progSize) * progSize;
  const forward = units(at + 12 + 8) < blockSize;
  const end = units(at + (forward ? 12 : 0) + 8);
  if (forward) put({ type: tagType.fcrc, data: words(progSize, checksum(bytes.subarray(end, end + progSize))) });
  const nextIsErased = end >= blockSize || bytes[end]! >= 0x80;
  const crcAt = at;
  put({ type: tagType.crc + (nextIsErased ? 0 : 1) }, end - crcAt - 4);
  bytes.set(words(checksum(bytes.subarray(log.end, crcAt + 4))), crcAt + 4);
  putBlock(device, pair.newest, bytes);
}

/** Little-endian words, as the data of a tag. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  for (const [i, value] of values.entries()) new DataView(bytes.buffer).setUint32(4 * i, value >>> 0, true);
  return bytes;
}

/** The format's CRC: like zlib's, but not inverted at the end. */
export function checksum(bytes: Uint8Array): number {
  return ~crc32(bytes) >>> 0;
}
