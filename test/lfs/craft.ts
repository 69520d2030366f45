/**
 * Images made by hand: metadata blocks with any tags, and CRCs that hold. What littlefs would never write, but an image
 * can say.
 */
import { RamDevice } from '../../src/device/index.ts';
import { writeU32, writeU32BE } from '../../src/lfs/bytes.ts';
import { crc32 } from '../../src/lfs/crc32.ts';
import { encodePair, encodeSuperblock, type Superblock } from '../../src/lfs/layout.ts';
import { DELETED, makeTag, NO_ID, type } from '../../src/lfs/tag.ts';

export const blockSize = 512;
export const blockCount = 64;
const progSize = 16;

/** Type, id, data; `null`: the tag says that something is deleted. */
export type CraftTag = readonly [type: number, id: number, data?: Uint8Array | null];

export function text(value: string): Uint8Array {
  return Uint8Array.from(value, (char) => char.charCodeAt(0));
}

export function words(...values: number[]): Uint8Array {
  const out = new Uint8Array(4 * values.length);
  for (const [i, value] of values.entries()) writeU32(out, 4 * i, value);
  return out;
}

/** A metadata block with these commits. */
export function craftBlock(rev: number, commits: readonly (readonly CraftTag[])[], size = blockSize): Uint8Array {
  const out = new Uint8Array(size).fill(0xff);
  writeU32(out, 0, rev);
  let at = 4;
  let start = 0;
  let previous = -1;
  const put = (tag: number) => {
    writeU32BE(out, at, tag ^ previous);
    previous = tag;
    at += 4;
  };
  for (const tags of commits) {
    for (const [kind, id, data = new Uint8Array(0)] of tags) {
      put(makeTag(kind, id, data === null ? DELETED : data.length));
      if (data !== null) out.set(data, at);
      at += data?.length ?? 0;
    }
    const end = Math.ceil((at + 8) / progSize) * progSize;
    put(makeTag(type.CCRC, NO_ID, end - at - 4));
    writeU32(out, at, crc32(0xffffffff, out, start, at));
    at = end;
    start = end;
  }
  return out;
}

export function superblock(changes: Partial<Superblock> = {}): readonly CraftTag[] {
  const standard = { version: 0x00020001, blockSize, blockCount, nameMax: 255, fileMax: 0x7fffffff, attrMax: 1022 };
  return [
    [type.CREATE, 0],
    [type.SUPERBLOCK, 0, text('littlefs')],
    [type.INLINESTRUCT, 0, encodeSuperblock({ ...standard, ...changes })],
  ];
}

export const superblockTags: readonly CraftTag[] = superblock();

export function file(id: number, name: string, data = 'hi'): readonly CraftTag[] {
  return [
    [type.CREATE, id],
    [type.REG, id, text(name)],
    [type.INLINESTRUCT, id, text(data)],
  ];
}

export function listFile(id: number, name: string, head: number, size: number): readonly CraftTag[] {
  return [
    [type.CREATE, id],
    [type.REG, id, text(name)],
    [type.CTZSTRUCT, id, words(head, size)],
  ];
}

export function directory(id: number, name: string, a: number, b: number): readonly CraftTag[] {
  return [
    [type.CREATE, id],
    [type.DIR, id, text(name)],
    [type.DIRSTRUCT, id, encodePair(a, b)],
  ];
}

export function tail(a: number, b: number, isHard = false): CraftTag {
  return [isHard ? type.HARDTAIL : type.SOFTTAIL, NO_ID, encodePair(a, b)];
}

/** A device with these blocks; the rest is erased. */
export function craftDevice(blocks: Readonly<Record<number, Uint8Array>>): RamDevice {
  const image = new Uint8Array(blockSize * blockCount).fill(0xff);
  for (const [block, bytes] of Object.entries(blocks)) image.set(bytes, Number(block) * blockSize);
  return new RamDevice({ blockSize, blockCount, readSize: 1, progSize, image });
}

/** A device whose root directory has these entries and tags. */
export function craftRoot(tags: readonly CraftTag[], blocks: Readonly<Record<number, Uint8Array>> = {}): RamDevice {
  return craftDevice({ 0: craftBlock(1, [[...superblockTags, ...tags]]), ...blocks });
}
