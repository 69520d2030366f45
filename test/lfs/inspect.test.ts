import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { BlockReader } from '../../src/lfs/cache.ts';
import type { BlockDevice } from '../../src/lfs/device.ts';
import { BadBlock } from '../../src/lfs/errors.ts';
import { type BlockReport, inspect, inspectBlock } from '../../src/lfs/inspect.ts';
import { formatBlock } from '../../src/lfs/inspect-text.ts';
import { foldLog, LogScan, scanLog } from '../../src/lfs/log.ts';
import { Mdir } from '../../src/lfs/mdir.ts';
import { makeTag, NO_ID, type } from '../../src/lfs/tag.ts';
import { goldenBytes, manifest } from '../support/golden.ts';
import { craftBlock, craftDevice, directory, file, listFile, superblockTags, tail, text, words } from './craft.ts';

function readerOf(bytes: Uint8Array): BlockReader {
  const device = new RamDevice({ blockSize: bytes.length, blockCount: 1, image: bytes });
  const size = bytes.length;
  return new BlockReader({ device, blockSize: size, readSize: 1, progSize: 1, cacheSize: size, blockCount: 1 }, 0);
}

/** What both the engine and `inspect` know about a log. */
function enginesView(bytes: Uint8Array): object {
  const scan = new LogScan();
  scanLog(readerOf(bytes), bytes.length, scan);
  return { end: scan.end, commits: scan.commits, tags: scan.tags.slice(0, scan.length).map((tag) => tag >>> 0) };
}

function inspectsView(report: BlockReport): object {
  const counting = report.commits.filter((commit) => commit.counts);
  const tags = counting.flatMap((commit) => commit.tags).filter((tag) => tag.typeName !== 'CCRC');
  return { end: report.end, commits: counting.length, tags: tags.map((tag) => tag.tag) };
}

describe('inspectBlock', () => {
  const blocks = [...manifest.images, ...manifest.hostile].flatMap((image) => {
    const { block_size: size } = 'config' in image ? image.config : image.mounts[0]!.config;
    const bytes = goldenBytes(image.file);
    return Array.from({ length: Math.floor(bytes.length / size) }, (_, block) => ({
      name: `${image.name} block ${block}`,
      bytes: bytes.subarray(block * size, (block + 1) * size),
    }));
  });

  it('sees the same log as the engine in every block that C wrote', () => {
    for (const { name, bytes } of blocks) {
      expect(inspectsView(inspectBlock(bytes)), name).toEqual(enginesView(bytes));
    }
  });

  it('finds the same tags live as the engine', () => {
    const scan = new LogScan();
    for (const { name, bytes } of blocks) {
      const reader = readerOf(bytes);
      if (!scanLog(reader, bytes.length, scan)) continue;
      const mdir = new Mdir(0, 1);
      foldLog(scan, reader.bytes, mdir);
      const expected = mdir.entries.flatMap((entry) => [
        ...(entry.nameType >= 0 ? [entry.nameAt] : []),
        ...(entry.structType >= 0 ? [entry.structAt] : []),
        ...(entry.attrs ?? []).map((attr) => attr.at),
      ]);
      const live = inspectBlock(bytes)
        .commits.flatMap((commit) => commit.tags)
        .filter((tag) => tag.live && tag.id !== undefined);
      expect(live.map((tag) => tag.offset + 4).sort(), name).toEqual(expected.sort());
    }
  });

  it('agrees with the engine on any bytes', () => {
    const small = blocks.filter(({ bytes }) => bytes.length <= 512 && inspectBlock(bytes).end > 0);
    fc.assert(
      fc.property(
        fc.nat(small.length - 1),
        fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 6 }),
        (index, changes) => {
          const bytes = small[index]!.bytes.slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const report = inspectBlock(bytes);
          expect(inspectsView(report)).toEqual(enginesView(bytes));
          expect(formatBlock(report)).toBeTypeOf('string');
        },
      ),
    );
  });

  it('has an answer for any block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 300 }), (bytes) => {
        const report = inspectBlock(bytes);
        expect(report.size).toBe(bytes.length);
        expect(report.end).toBeLessThanOrEqual(bytes.length);
        expect(formatBlock(report)).toContain('block');
      }),
    );
  });

  it('does not lose itself in a log that inserts ids by the hundred', () => {
    const size = 65536;
    const splices = Array.from({ length: size / 4 - 8 }, () => [type.SPLICE + 0x7f, 0] as const);
    const report = inspectBlock(craftBlock(1, [splices], size));
    expect(report.commits).toHaveLength(1);
    expect(report.commits[0]!.tags[0]!.meaning).toBe('127 entries are inserted at 0');
  });

  it('tells metadata, erased blocks and data apart', () => {
    const kindOf = (bytes: Uint8Array, blockCount?: number) => inspectBlock(bytes, { blockCount }).kind;
    expect(kindOf(craftBlock(1, [superblockTags]))).toBe('metadata');
    expect(kindOf(new Uint8Array(64).fill(0xff))).toBe('erased');
    expect(kindOf(new Uint8Array(64))).toBe('erased');
    expect(kindOf(Uint8Array.of(...words(7, 5), ...text('some more data')), 64)).toBe('data');
    expect(kindOf(text('just a text, and a longer one'), 64)).toBe('unknown');
    const torn = craftBlock(1, [superblockTags]);
    torn.fill(0xff, 48);
    expect(kindOf(torn)).toBe('metadata');
    expect(inspectBlock(torn)).toMatchObject({ end: 0, stop: { code: 'tag-invalid', offset: 48 } });
  });

  it('says why a log stops', () => {
    const stopOf = (bytes: Uint8Array) => inspectBlock(bytes).stop;
    const whole = craftBlock(1, [superblockTags, file(1, 'a')]);
    expect(stopOf(whole)).toMatchObject({ code: 'end-of-log', offset: 96 });
    expect(stopOf(whole.subarray(0, 96))).toMatchObject({ code: 'block-full', offset: 96 });
    expect(stopOf(whole.subarray(0, 82))).toMatchObject({ code: 'commit-cut' });
    const data = whole.slice();
    data[78]! ^= 0x20;
    expect(stopOf(data)).toMatchObject({ code: 'crc-mismatch' });
    expect(stopOf(craftBlock(1, [[[type.REG, 0, text('a'.repeat(400))]]]).subarray(0, 128))).toMatchObject({
      code: 'tag-overrun',
      offset: 4,
    });
  });

  it('shows commits that are lost behind a damaged one', () => {
    const bytes = craftBlock(1, [superblockTags, file(1, 'a', 'first'), file(2, 'b', 'second')]);
    const at = bytes.findIndex((_, i) => bytes[i] === 0x66 && bytes[i + 1] === 0x69 && bytes[i + 2] === 0x72);
    bytes[at]! ^= 0x01;
    const report = inspectBlock(bytes);
    expect(report.commits.map(({ valid, counts }) => [valid, counts])).toEqual([
      [true, true],
      [false, false],
      [true, false],
    ]);
    expect(report.stop.code).toBe('crc-mismatch');
    expect(report.commits.flatMap((commit) => commit.tags).filter((tag) => tag.live)).toHaveLength(2);
    expect(formatBlock(report)).toContain('LOST');
  });

  it('keeps what was superseded, and names what it does not know', () => {
    const bytes = craftBlock(3, [
      [...superblockTags, ...file(1, 'a', 'old')],
      [
        [type.INLINESTRUCT, 1, text('new')],
        [type.USERATTR + 0x74, 1, words(1)],
        [type.USERATTR + 0x75, 1, words(2)],
        [0x123, 1, words(3)],
      ],
      [[type.USERATTR + 0x74, 1, null]],
    ]);
    const tags = inspectBlock(bytes).commits.flatMap((commit) => commit.tags);
    expect(tags.filter((tag) => tag.id === 1).map((tag) => [tag.typeName, tag.meaning, tag.live])).toEqual([
      ['CREATE', 'entry 1 is inserted', false],
      ['REG', 'file "a"', true],
      ['INLINESTRUCT', 'file of 3 bytes "old"', false],
      ['INLINESTRUCT', 'file of 3 bytes "new"', true],
      ['USERATTR 0x74', 'attribute of 4 bytes', false],
      ['USERATTR 0x75', 'attribute of 4 bytes', true],
      ['unknown 0x123', '4 bytes that littlefs does not know', true],
      ['USERATTR 0x74', 'attribute removed', false],
    ]);
  });

  it('refuses what is no block', () => {
    expect(() => inspectBlock(new Uint8Array(3))).toThrow(/LFS_ERR_INVAL: bytes is 3 bytes long/);
    expect(() => inspectBlock('block' as never)).toThrow(/LFS_ERR_INVAL/);
    expect(() => inspectBlock(new Uint8Array(8), { progSize: 0 })).toThrow(/progSize/);
  });
});

describe('inspect', () => {
  it('reads a block of a device', () => {
    const device = craftDevice({ 1: craftBlock(5, [superblockTags]) });
    expect(inspect(device, 1)).toMatchObject({ block: 1, kind: 'metadata', rev: 5 });
    expect(inspect(device, 2)).toMatchObject({ block: 2, kind: 'erased' });
    expect(() => inspect(device, 64)).toThrow(/LFS_ERR_INVAL: block is 64; allowed: whole numbers from 0 to 63/);
    expect(() => inspect(null as never, 0)).toThrow(/LFS_ERR_INVAL: device must be/);
  });

  it('says that a block cannot be read', () => {
    const device: BlockDevice = {
      ...{ blockSize: 128, blockCount: 4, prog: () => {}, erase: () => {}, sync: () => {} },
      read: (block) => {
        throw new BadBlock(block);
      },
    };
    expect(() => inspect(device, 2)).toThrow(/LFS_ERR_CORRUPT: block 2 cannot be read/);
  });
});

describe('formatBlock', () => {
  it('draws a metadata block', () => {
    const bytes = craftBlock(2, [
      [...superblockTags, ...directory(1, 'lib', 4, 5), tail(4, 5)],
      [...listFile(2, 'main.py', 9, 1200), [type.USERATTR + 0x74, 2, words(1, 2)]],
      [
        [type.DELETE, 1],
        [type.MOVESTATE, NO_ID, words(0x4ff00000, 4, 5)],
        [type.FCRC, NO_ID, words(16, 0xc04c39e5)],
      ],
    ]);
    expect(`\n${formatBlock(inspectBlock(bytes, { block: 1, progSize: 16 }))}\n`).toMatchInlineSnapshot(`
      "
      block 1: metadata, 512 bytes, revision 2 (0x00000002), 3 valid commits

      commit 1  0x000..0x060  CRC 0xdead1f6b holds, 5 bytes of padding
        0x004  CREATE         id 0   0  entry 0 is inserted
      * 0x008  SUPERBLOCK     id 0   8  magic "littlefs"                                                  | 6c 69 74 74 6c 65 66 73
      * 0x014  INLINESTRUCT   id 0  24  version 2.1, 64 blocks of 512 bytes; name max 255, file max 2147483647, attr max 1022  | 01 00 02 00 00 02 00 00 40 00 00 00 ..
        0x030  CREATE         id 1   0  entry 1 is inserted
        0x034  DIR            id 1   3  directory "lib"                                                   | 6c 69 62
        0x03b  DIRSTRUCT      id 1   8  directory in {4, 5}                                               | 04 00 00 00 05 00 00 00
      * 0x047  SOFTTAIL       id -   8  the thread goes on in {4, 5}                                      | 04 00 00 00 05 00 00 00
        0x053  CCRC           id -   9  CRC holds                                                         | 6b 1f ad de ff ff ff ff ff

      commit 2  0x060..0x090  CRC 0xa1e80ca3 holds, 1 byte of padding
        0x060  CREATE         id 2   0  entry 2 is inserted
      * 0x064  REG            id 2   7  file "main.py"                                                    | 6d 61 69 6e 2e 70 79
      * 0x06f  CTZSTRUCT      id 2   8  file of 1200 bytes, head in block 9                               | 09 00 00 00 b0 04 00 00
      * 0x07b  USERATTR 0x74  id 2   8  attribute of 8 bytes                                              | 01 00 00 00 02 00 00 00
        0x087  CCRC           id -   5  CRC holds                                                         | a3 0c e8 a1 ff

      commit 3  0x090..0x0c0  CRC 0x54f89dfa holds, 8 bytes of padding
        0x090  DELETE         id 1   0  entry 1 is taken out
      * 0x094  MOVESTATE      id -  12  delta: move of entry 0 in {4, 5}                                  | 00 00 f0 4f 04 00 00 00 05 00 00 00
        0x0a4  FCRC           id -   8  the 16 bytes behind this commit have CRC 0xc04c39e5               | 10 00 00 00 e5 39 4c c0
        0x0b0  CCRC           id -  12  CRC holds                                                         | fa 9d f8 54 ff ff ff ff ff ff ff ff

      end: the log ends at 0x0c0, 320 bytes left; at 0x0c0 no valid bit: nothing was committed behind
           all 0xff behind it; the forward CRC holds: a commit can follow
      "
    `);
  });

  it('draws blocks without metadata', () => {
    const data = new Uint8Array(48).fill(0x2a);
    data.set(words(12, 10));
    expect(`\n${formatBlock(inspectBlock(data, { block: 13, blockCount: 64 }))}\n`).toMatchInlineSnapshot(`
      "
      block 13: perhaps file data, 48 bytes
        read as metadata: at 0x004 a tag without its valid bit (0x0a000000 read)
        as the block of a file with index 1, 3, 5 ...: 1 pointer, to block 12
        as the block of a file with index 2, 6, 10 ...: 2 pointers, to blocks 12, 10
        0x000  0c 00 00 00 0a 00 00 00 2a 2a 2a 2a 2a 2a 2a 2a  ........********
        0x010  2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a  ****************
        0x020  2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a 2a  ****************
      "
    `);
    expect(formatBlock(inspectBlock(new Uint8Array(128).fill(0xff), { block: 7 }))).toBe(
      'block 7: erased, 128 bytes of 0xff',
    );
    expect(formatBlock(inspectBlock(text('a text file, its first block')))).toContain('no pointers');
  });

  it('shows raw words that XOR to the tags', () => {
    const { commits } = inspectBlock(craftBlock(1, [superblockTags, file(1, 'a')]));
    let previous = 0xffffffff;
    for (const tag of commits.flatMap((commit) => commit.tags)) {
      expect((tag.raw ^ previous) >>> 0).toBe(tag.tag);
      previous = tag.tag;
    }
    expect(commits[0]!.tags[0]!.tag).toBe(makeTag(type.CREATE, 0, 0));
  });
});
