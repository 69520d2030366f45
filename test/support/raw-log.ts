/**
 * Metadata made by hand: reads the log of a pair in an image, and appends commits that littlefs itself would never
 * write, with CRCs that hold. Independent of the engine's own log code; only tags and the CRC are shared.
 *
 *   const image = new RawImage(device.toImage(), geometry);
 *   const { pair, id } = image.locate('dir');
 *   image.append(pair, [{ type: type.DIRSTRUCT, id, data: words(7, 8) }]);
 *   device.load(image.bytes);
 */
import { crc32 } from '../../src/lfs/crc32.ts';
import { DELETED, makeTag, NO_ID, tagId, tagSize, tagType, type } from '../../src/lfs/tag.ts';

export { type } from '../../src/lfs/tag.ts';

export type Pair = readonly [number, number];

export interface RawTag {
  readonly type: number;
  /** Default: belongs to no entry. */
  readonly id?: number;
  /** Default: none, size 0. */
  readonly data?: Uint8Array;
  /** A tag that says that the thing is gone, and has no data. */
  readonly deleted?: boolean;
}

/** What a tag says of an entry: its type and its data. */
export interface RawField {
  readonly type: number;
  readonly data: Uint8Array;
}

/** What the tags of one id add up to: the latest of every type. */
export interface RawEntry {
  name?: RawField;
  struct?: RawField;
  attrs: Map<number, Uint8Array>;
}

/** All that the log of a pair says. */
export interface RawPair {
  readonly entries: RawEntry[];
  tail?: RawField;
  /** Its share of the global state. */
  move?: RawField;
}

export interface CommitOptions {
  /** Say what the bytes behind the commit look like, as version 2.1 does (default true). */
  readonly fcrc?: boolean | undefined;
  /** Make the CRC a wrong one. */
  readonly broken?: boolean | undefined;
}

/** The valid part of the log of one block. */
export interface RawLog {
  readonly block: number;
  readonly revision: number;
  /** Tags of all valid commits in order, CRC tags left out. */
  readonly tags: readonly Required<RawTag>[];
  /** Behind the last valid commit. */
  readonly end: number;
  /** What the tag at `end` is XORed with. */
  readonly previous: number;
}

const decoder = new TextDecoder();

const CRC_START = 0xffffffff;
/** A forward CRC, a CRC tag and its CRC. */
const CLOSING = 20;
/** The longest data of a CRC tag: its CRC and the padding behind it. */
const PADDING_MAX = 0x3fe;

/** Little-endian words. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}

/** The `index`-th little-endian word. */
export function wordAt(bytes: Uint8Array, index: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * index, true);
}

export function pairOf(data: Uint8Array): Pair {
  return [wordAt(data, 0), wordAt(data, 1)];
}

function spanOf(tags: readonly RawTag[]): number {
  return tags.reduce((sum, { data }) => sum + 4 + (data?.length ?? 0), 0);
}

/** The tags that say the same in one commit. */
function compacted({ entries, tail, move }: RawPair): RawTag[] {
  const tags: RawTag[] = [];
  for (const [id, { name, struct, attrs }] of entries.entries()) {
    if (name !== undefined) tags.push({ ...name, id });
    if (struct !== undefined) tags.push({ ...struct, id });
    for (const [attr, data] of attrs) tags.push({ type: type.USERATTR + attr, id, data });
  }
  return [...tags, ...(tail === undefined ? [] : [tail]), ...(move === undefined ? [] : [move])];
}

export class RawImage {
  readonly bytes: Uint8Array;
  readonly blockSize: number;
  readonly progSize: number;

  constructor(bytes: Uint8Array, geometry: { readonly blockSize: number; readonly progSize: number }) {
    this.bytes = bytes;
    this.blockSize = geometry.blockSize;
    this.progSize = geometry.progSize;
  }

  /** The bytes of a block, to be read and changed. */
  block(block: number): Uint8Array {
    return this.bytes.subarray(block * this.blockSize, (block + 1) * this.blockSize);
  }

  /** The log of one block; undefined where it has no valid commit. */
  logOf(block: number): RawLog | undefined {
    const bytes = this.block(block);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const tags: Required<RawTag>[] = [];
    let log: RawLog | undefined;
    let previous = CRC_START | 0;
    let start = 0;
    for (let at = 4; at + 4 <= bytes.length; ) {
      const tag = view.getInt32(at) ^ previous;
      const size = tagSize(tag) === DELETED ? 0 : tagSize(tag);
      if (tag < 0 || at + 4 + size > bytes.length) break;
      previous = tag;
      if ((tagType(tag) & 0x780) === type.CCRC) {
        if (crc32(CRC_START, bytes, start, at + 4) !== view.getUint32(at + 4, true)) break;
        previous ^= (tagType(tag) & 1) << 31;
        start = at + 4 + size;
        log = { block, revision: view.getUint32(0, true), tags: [...tags], end: start, previous };
      } else {
        const data = bytes.slice(at + 4, at + 4 + size);
        tags.push({ type: tagType(tag), id: tagId(tag), data, deleted: tagSize(tag) === DELETED });
      }
      at += 4 + size;
    }
    return log;
  }

  /** The log of the newer block of a pair. */
  log(pair: Pair): RawLog {
    const a = this.logOf(pair[0]);
    const b = this.logOf(pair[1]);
    if (a === undefined && b === undefined) throw new Error(`neither block of pair {${pair}} has a valid commit`);
    if (a === undefined || b === undefined) return (a ?? b)!;
    return ((a.revision - b.revision) | 0) >= 0 ? a : b;
  }

  /** What the log of a pair adds up to. */
  read(pair: Pair): RawPair {
    const state: RawPair = { entries: [] };
    const { entries } = state;
    // A compacted log names its entries without creating them.
    const entryAt = (id: number): RawEntry => {
      while (entries.length <= id) entries.push({ attrs: new Map() });
      return entries[id]!;
    };
    for (const { type: kind, id, data, deleted } of this.log(pair).tags) {
      const field = { type: kind, data };
      const family = kind & 0x700;
      if (kind === type.CREATE) entries.splice(id, 0, { attrs: new Map() });
      else if (kind === type.DELETE) entries.splice(id, 1);
      else if (family === type.TAIL) state.tail = field;
      else if (kind === type.MOVESTATE) state.move = field;
      else if (family === type.NAME) entryAt(id).name = field;
      else if (family === type.STRUCT) entryAt(id).struct = field;
      else if (family === type.USERATTR && deleted) entryAt(id).attrs.delete(kind & 0xff);
      else if (family === type.USERATTR) entryAt(id).attrs.set(kind & 0xff, data);
    }
    return state;
  }

  /** Where the entry of this name is, in the directory that begins with `head` (default: the root). */
  locate(name: string, head: Pair = [0, 1]): { pair: Pair; id: number; struct: RawField } {
    let pair = head;
    for (;;) {
      const { entries, tail } = this.read(pair);
      const id = entries.findIndex((entry) => entry.name !== undefined && decoder.decode(entry.name.data) === name);
      if (id >= 0) return { pair, id, struct: entries[id]!.struct! };
      if (tail?.type !== type.HARDTAIL) throw new Error(`there is no '${name}' in the directory at pair {${head}}`);
      pair = pairOf(tail.data);
    }
  }

  /** The first pair of a directory in the root. */
  directory(name: string): Pair {
    const { struct } = this.locate(name);
    if (struct.type !== type.DIRSTRUCT) throw new Error(`'${name}' is no directory`);
    return pairOf(struct.data);
  }

  /** Appends a commit to the newer block of a pair; where it has no room, to a compacted copy in the other block. */
  append(pair: Pair, tags: readonly RawTag[], options: CommitOptions = {}): void {
    const { block, end, previous, revision } = this.log(pair);
    if (end + spanOf(tags) + CLOSING <= this.blockSize) return this.#write(block, end, end, previous, tags, options);
    const other = pair[0] === block ? pair[1] : pair[0];
    this.replace(other, revision + 1, [...compacted(this.read(pair)), ...tags], options);
  }

  /** Makes a block hold one commit and nothing else. */
  replace(block: number, revision: number, tags: readonly RawTag[], options: CommitOptions = {}): void {
    const bytes = this.block(block);
    bytes.fill(0xff);
    bytes.set(words(revision), 0);
    this.#write(block, 0, 4, CRC_START | 0, tags, options);
  }

  /** Writes tags from `from` on; the CRC covers what begins at `start`. */
  #write(
    block: number,
    start: number,
    from: number,
    before: number,
    tags: readonly RawTag[],
    { fcrc = true, broken = false }: CommitOptions,
  ): void {
    const bytes = this.block(block);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let covered = start;
    let at = from;
    let previous = before;
    const put = (tag: number, data: Uint8Array): void => {
      if (at + 4 + data.length > bytes.length) throw new Error(`block ${block} has no room for the commit`);
      view.setInt32(at, tag ^ previous);
      bytes.set(data, at + 4);
      previous = tag;
      at += 4 + data.length;
    };
    for (const { type: kind, id = NO_ID, data = new Uint8Array(0), deleted = false } of tags) {
      put(makeTag(kind, id, deleted ? DELETED : data.length), deleted ? new Uint8Array(0) : data);
    }

    const end = Math.min(Math.ceil((at + CLOSING) / this.progSize) * this.progSize, bytes.length);
    const ahead = bytes.subarray(end, end + this.progSize);
    // The padding of a large program is too long for one CRC tag: several follow each other.
    while (at < end) {
      const isLast = end - at <= 4 + PADDING_MAX;
      if (isLast && fcrc && ahead.length > 0) {
        put(makeTag(type.FCRC, NO_ID, 8), words(this.progSize, crc32(CRC_START, ahead)));
      }
      const next = isLast ? end : Math.min(at + 4 + PADDING_MAX, end - CLOSING);
      const flip = isLast && ahead.length > 0 && ahead[0]! < 0x80 ? 1 : 0;
      const tag = makeTag(type.CCRC + flip, NO_ID, next - at - 4);
      view.setInt32(at, tag ^ previous);
      const crc = crc32(CRC_START, bytes, covered, at + 4);
      view.setUint32(at + 4, broken ? crc ^ 1 : crc, true);
      bytes.fill(0xff, at + 8, next);
      previous = tag ^ (flip << 31);
      covered = next;
      at = next;
    }
  }
}
