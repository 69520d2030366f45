/**
 * What a single tag says, in words, and which tags of a log still count: the vocabulary of `inspect`.
 *
 * @module
 */

import { byteString, readU32, utf8Decode } from './bytes.ts';
import { decodeSuperblock, versionText } from './layout.ts';
import { NO_ID, tagFamily, tagId, tagSplice, type } from './tag.ts';

const names: ReadonlyMap<number, string> = new Map<number, string>([
  [type.REG, 'REG'],
  [type.DIR, 'DIR'],
  [type.SUPERBLOCK, 'SUPERBLOCK'],
  [type.DIRSTRUCT, 'DIRSTRUCT'],
  [type.INLINESTRUCT, 'INLINESTRUCT'],
  [type.CTZSTRUCT, 'CTZSTRUCT'],
  [type.CREATE, 'CREATE'],
  [type.DELETE, 'DELETE'],
  [type.FCRC, 'FCRC'],
  [type.SOFTTAIL, 'SOFTTAIL'],
  [type.HARDTAIL, 'HARDTAIL'],
  [type.MOVESTATE, 'MOVESTATE'],
]);

/** littlefs's word for a type. */
export function typeName(tagType: number): string {
  const name = names.get(tagType);
  if (name !== undefined) return name;
  if ((tagType & 0x780) === type.CCRC) return 'CCRC';
  if ((tagType & 0x700) === type.USERATTR) return `USERATTR 0x${(tagType & 0xff).toString(16).padStart(2, '0')}`;
  return `unknown 0x${tagType.toString(16).padStart(3, '0')}`;
}

/** What of a tag this file needs to know. */
interface Tag {
  readonly tag: number;
  readonly type: number;
  readonly id: number | undefined;
  readonly size: number;
  readonly deleted: boolean;
  readonly data: Uint8Array;
  live: boolean;
}

/** A slot per thing that a log can say about an id: its name, its struct, each attribute. */
type Slots = Map<number, Tag>;

const idsMax = NO_ID;

/**
 * Follows a log and keeps `live` of its tags right. The tags of a commit that turns out not to count are never live;
 * nothing that comes after it counts either.
 */
export class LiveTags {
  private readonly ids: Slots[] = [];
  private readonly global: Slots = new Map();
  private readonly pending: Tag[] = [];
  private readonly replaced: Tag[] = [];

  /** Takes in one tag. Says whether it is about the superblock entry. */
  apply(tag: Tag): boolean {
    const { ids } = this;
    const family = tagFamily(tag.tag);
    const id = tagId(tag.tag);
    if (family === type.SPLICE) {
      const splice = tagSplice(tag.tag);
      if (id === NO_ID) return false;
      if (splice > 0) {
        const count = Math.min(splice, Math.max(0, idsMax - Math.max(ids.length, id)));
        while (ids.length < id) ids.push(new Map());
        for (let i = 0; i < count; i++) ids.splice(id, 0, new Map());
      } else for (const gone of ids.splice(id, -splice)) this.replaced.push(...gone.values());
      return false;
    }
    if (family === type.CRC) return false;
    let slots = this.global;
    if (id !== NO_ID) {
      while (ids.length <= id) ids.push(new Map());
      slots = ids[id]!;
    }
    // One name, one struct, one tail; attributes, global states and what is not known by their type.
    const slot = family === type.NAME || family === type.STRUCT || family === type.TAIL ? family : tag.type;
    const old = slots.get(slot);
    if (old !== undefined) this.replaced.push(old);
    if (tag.deleted) slots.delete(slot);
    else {
      slots.set(slot, tag);
      this.pending.push(tag);
    }
    return slots.get(type.NAME)?.type === type.SUPERBLOCK;
  }

  commit(): void {
    for (const tag of this.pending) tag.live = true;
    for (const tag of this.replaced) tag.live = false;
    this.discard();
  }

  discard(): void {
    this.pending.length = 0;
    this.replaced.length = 0;
  }
}

/** One line on what a tag says. */
export function tagMeaning(tag: Tag, ofSuperblock: boolean): string {
  const { data, id, size } = tag;
  const short = (least: number) => `too short: ${size} bytes where ${least} are expected`;
  switch (tagFamily(tag.tag)) {
    case type.NAME:
      if (tag.deleted) return 'name removed';
      if (tag.type === type.REG) return `file ${quoted(data)}`;
      if (tag.type === type.DIR) return `directory ${quoted(data)}`;
      if (tag.type === type.SUPERBLOCK) return `magic ${quoted(data)}`;
      return `name of unknown type 0x${tag.type.toString(16).padStart(2, '0')} ${quoted(data)}`;
    case type.STRUCT:
      if (tag.deleted) return 'struct removed';
      if (tag.type === type.INLINESTRUCT) {
        if (ofSuperblock) return size < 24 ? short(24) : superblockMeaning(data);
        return size === 0 ? 'file is empty' : `file of ${count(size, 'byte')}${textOf(data)}`;
      }
      if (tag.type !== type.CTZSTRUCT && tag.type !== type.DIRSTRUCT) return `struct of ${count(size, 'byte')}`;
      if (size < 8) return short(8);
      if (tag.type === type.DIRSTRUCT) return `directory in ${pairText(data, 0)}`;
      return `file of ${count(readU32(data, 4), 'byte')}, head in block ${readU32(data, 0)}`;
    case type.USERATTR:
      return tag.deleted ? 'attribute removed' : `attribute of ${count(size, 'byte')}${textOf(data)}`;
    case type.SPLICE: {
      const splice = tagSplice(tag.tag);
      if (id === undefined) return 'splice without an id';
      if (splice === 1) return `entry ${id} is inserted`;
      if (splice === -1) return `entry ${id} is taken out`;
      return `${Math.abs(splice)} entries are ${splice > 0 ? 'inserted' : 'taken out'} at ${id}`;
    }
    case type.TAIL:
      if (tag.deleted) return 'tail removed';
      if (size < 8) return short(8);
      if (readU32(data, 0) === 0xffffffff || readU32(data, 4) === 0xffffffff) return 'the thread ends here';
      return `${(tag.type & 1) !== 0 ? 'the directory goes on' : 'the thread goes on'} in ${pairText(data, 0)}`;
    case type.CRC:
      if (tag.type !== type.FCRC) return 'CRC';
      if (size < 8) return short(8);
      return `the ${count(readU32(data, 0), 'byte')} behind this commit have CRC 0x${hex8(readU32(data, 4))}`;
    case type.GSTATE:
      if (tag.type !== type.MOVESTATE) return `global state of ${count(size, 'byte')}`;
      if (tag.deleted) return 'delta removed';
      return size < 12 ? short(12) : movestateMeaning(data);
    default:
      return `${count(size, 'byte')} that littlefs does not know`;
  }
}

function superblockMeaning(data: Uint8Array): string {
  const s = decodeSuperblock(data, 0, data.length);
  return (
    `version ${versionText(s.version)}, ${s.blockCount} blocks of ${s.blockSize} bytes; ` +
    `name max ${s.nameMax}, file max ${s.fileMax}, attr max ${s.attrMax}`
  );
}

/** A delta: only the XOR over all pairs says what is pending. */
function movestateMeaning(data: Uint8Array): string {
  const word = readU32(data, 0);
  const parts: string[] = [];
  if (word >>> 31 !== 0) parts.push('orphans');
  if ((word & 0x7ffffc00) !== 0) parts.push(`move of entry ${tagId(word)} in ${pairText(data, 4)}`);
  else if (readU32(data, 4) !== 0 || readU32(data, 8) !== 0) parts.push(`pair ${pairText(data, 4)}`);
  return parts.length === 0 ? 'delta: nothing' : `delta: ${parts.join(', ')}`;
}

function pairText(data: Uint8Array, at: number): string {
  return `{${readU32(data, at)}, ${readU32(data, at + 4)}}`;
}

const textBytesMax = 40;

/** A name: as text in quotes, or as hex where it is none. */
function quoted(data: Uint8Array): string {
  return readable(data) ?? `${hexBytes(data.subarray(0, textBytesMax))}${data.length > textBytesMax ? ' ...' : ''}`;
}

/** Data, where it is text; the bytes themselves stand beside the meaning anyway. */
function textOf(data: Uint8Array): string {
  const text = data.length === 0 ? undefined : readable(data);
  return text === undefined ? '' : ` ${text}`;
}

/** Text in quotes, escaped; `undefined` for what is hardly text. */
function readable(data: Uint8Array): string | undefined {
  const isCut = data.length > textBytesMax;
  let text = utf8Decode(byteString(data, 0, Math.min(data.length, textBytesMax)));
  // A character cut in half must not turn a text into hex.
  if (isCut) text = text.replace(/\ufffd{1,3}$/, '');
  let escaped = 0;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (code === 0xfffd) return undefined;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      escaped++;
      out += `\\x${code.toString(16).padStart(2, '0')}`;
    } else out += char === '"' || char === '\\' ? `\\${char}` : char;
  }
  return escaped * 4 > text.length ? undefined : `"${out}"${isCut ? '...' : ''}`;
}

export function hexBytes(data: Uint8Array): string {
  let out = '';
  for (let i = 0; i < data.length; i++) out += (i === 0 ? '' : ' ') + data[i]!.toString(16).padStart(2, '0');
  return out;
}

export function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

export function count(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? '' : 's'}`;
}
