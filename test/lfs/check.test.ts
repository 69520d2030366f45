import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlashDevice, PowerLoss, RamDevice } from '../../src/device/index.ts';
import { type CheckOptions, type CheckReport, check } from '../../src/lfs/check.ts';
import { crc32 } from '../../src/lfs/crc32.ts';
import type { BlockDevice } from '../../src/lfs/device.ts';
import { BadBlock, LfsError } from '../../src/lfs/errors.ts';
import { inspectBlock } from '../../src/lfs/inspect.ts';
import { LittleFS } from '../../src/lfs/littlefs.ts';
import { NO_ID, type } from '../../src/lfs/tag.ts';
import { type CConfig, type GoldenImage, goldenBytes, type HostileImage, manifest } from '../support/golden.ts';
import {
  blockCount,
  blockSize,
  type CraftTag,
  craftBlock,
  craftDevice,
  craftRoot,
  directory,
  file,
  listFile,
  superblock,
  superblockTags,
  tail,
  text,
  words,
} from './craft.ts';

function configOfImage(image: GoldenImage | HostileImage): CConfig {
  return 'config' in image ? image.config : image.mounts[0]!.config;
}

function deviceOf(image: GoldenImage | HostileImage, bytes = goldenBytes(image.file)): RamDevice {
  const config = configOfImage(image);
  return new RamDevice({
    blockSize: config.block_size,
    blockCount: image.device_blocks,
    readSize: config.read_size,
    progSize: config.prog_size,
    image: bytes,
  });
}

/** A device with only the four calls, that counts reads. */
function counting(inner: RamDevice, bad: readonly number[] = []): BlockDevice & { reads: number } {
  const { blockSize, blockCount, readSize, progSize } = inner;
  const refuse = () => {
    throw new Error('check wrote to the device');
  };
  return {
    ...{ blockSize, blockCount, readSize, progSize, prog: refuse, erase: refuse, sync: refuse, reads: 0 },
    read(block, offset, target) {
      this.reads++;
      if (bad.includes(block)) throw new BadBlock(block);
      inner.read(block, offset, target);
    },
  };
}

/** Severity and code of each finding. */
function codes(report: CheckReport): string[] {
  return report.findings.map(({ severity, code }) => `${severity} ${code}`);
}

/** What findings are expected in the images of C that have any. */
const notes: Readonly<Record<string, readonly string[]>> = {
  unicode: ['note name-not-utf8', 'note name-not-utf8'],
  // A directory that did not fit any more was begun in a fresh block.
  full_inline: ['note interrupted-compaction'],
  pending_move_file: ['note pending-move'],
  pending_move_dir: ['note pending-move'],
  pending_move_over: ['note pending-move'],
  move_relocate: ['note pending-move'],
  orphan_over_dir: ['note orphan', 'note pending-orphans'],
  orphan_mkdir: ['note orphan', 'note pending-orphans'],
  orphan_relocate: ['note half-orphan', 'note pending-orphans'],
  orphan_relocate_torn: ['note interrupted-commit', 'note half-orphan', 'note pending-orphans'],
  torn_commit: ['note interrupted-commit'],
  torn_commit_flip: ['note interrupted-commit'],
  // The cut hit the commit after the compaction.
  torn_compact: ['note interrupted-commit'],
};

describe('check of images that C wrote', () => {
  for (const image of manifest.images) {
    it(`finds ${notes[image.name] === undefined ? 'nothing' : 'only notes'} in ${image.name}`, () => {
      const report = check(deviceOf(image));
      expect(codes(report)).toEqual(notes[image.name] ?? []);
      expect(report).toMatchObject({ ok: true, complete: true, dropped: 0 });

      const files = image.tree.filter((node) => node.type === 'file');
      expect(report.files).toBe(files.length);
      expect(report.directories).toBe(image.tree.length - files.length - 1);
      expect(report.bytes).toBe(files.reduce((sum, node) => sum + node.size!, 0));
      const { total, used, free, metadata, data } = report.blocks;
      // C does not count the block that a half-orphan has moved to.
      expect(used).toBe(image.fs_size_blocks + (notes[image.name]?.includes('note half-orphan') ? 1 : 0));
      expect(metadata + data).toBe(used);
      expect(used + free).toBe(total);
      expect(total).toBe(image.fsinfo.block_count);
      expect(report.superblock).toMatchObject({
        blockSize: configOfImage(image).block_size,
        blockCount: image.fsinfo.block_count,
      });
    });
  }

  it('says the same without views, with few reads, also where only pointers are read', () => {
    for (const image of [...manifest.images, ...manifest.hostile]) {
      const ram = deviceOf(image);
      const device = counting(ram);
      const report = check(ram);
      expect(check(device), image.name).toEqual(report);
      // Two blocks of a pair are looked at; of one that cannot be read a second time, to say why.
      expect(device.reads, image.name).toBeLessThanOrEqual(report.blocks.used + 8);
      expect(check(device, { readFiles: false }), image.name).toEqual(report);
      expect(check(ram, { readFiles: false }), image.name).toEqual(report);
    }
  });

  it('names path and place of an interrupted move', () => {
    const image = manifest.images.find(({ name }) => name === 'pending_move_dir')!;
    expect(check(deviceOf(image)).findings).toMatchObject([{ code: 'pending-move', path: '/a/sub', block: 2 }]);
  });
});

/** What findings each hostile image has to give; what its description says is among them. */
const hostile: Readonly<Record<string, readonly string[]>> = {
  ctl_handmade: [],
  crc_both_root: ['error crc-mismatch', 'error crc-mismatch', 'error pair-unreadable'],
  blank_00: ['error superblock-missing'],
  wrong_magic: ['error superblock-bad-magic'],
  short_superblock: ['error superblock-short'],
  version_2_2: ['error version-unsupported'],
  version_1_7: ['error version-unsupported'],
  block_size_zero: ['error block-size-mismatch'],
  block_count_zero: ['error block-count-mismatch'],
  block_count_bigger: ['error block-count-mismatch', 'error ctz-pointer-out-of-range'],
  name_max_big: ['warning limit-too-big'],
  file_max_big: ['error limit-too-big'],
  attr_max_big: ['error limit-too-big'],
  limits_zero: [],
  hardtail_cycle: ['error thread-cycle'],
  tail_out_of_range: ['error tail-out-of-range'],
  tail_half_null: ['warning tail-half-null'],
  dir_loop: ['error directory-loop'],
  dir_pair_erased: ['error pair-unreadable'],
  dir_with_ctz: ['error struct-mismatch'],
  file_no_struct: ['error missing-struct'],
  ctz_ptr_range: ['error ctz-pointer-out-of-range'],
  ctz_self: ['error ctz-loop'],
  ctz_size_over_2g: ['error file-too-large'],
  ctz_head_meta: ['error block-doubly-used'],
  // Of the two blocks one ends in erased bytes: what it has of tags says nothing of a CRC.
  tag_overrun: ['error tag-invalid', 'error tag-overrun', 'error pair-unreadable'],
  name_slash: ['error name-illegal'],
  name_empty: ['error name-illegal'],
  name_too_long: ['error name-too-long'],
  unknown_type: ['warning unknown-type'],
  gstate_move_bad: ['error pending-move-invalid'],
  gstate_move_root_bad_id: ['error pending-move-invalid'],
  truncated_file: ['error pair-unreadable'],
};

describe('check of hostile images', () => {
  for (const image of manifest.hostile) {
    it(`${image.name}: ${image.description}`, () => {
      const report = check(deviceOf(image));
      const expected = hostile[image.name.replace(/^hostile_/, '')];
      expect(codes(report)).toEqual(expected);
      expect(report.ok).toBe(!expected!.some((finding) => finding.startsWith('error')));
    });
  }
});

describe('check of images made by hand', () => {
  const cases: readonly [name: string, device: () => RamDevice, expected: readonly string[], path?: string][] = [
    ['a root directory', () => craftRoot([...file(1, 'a'), ...file(2, 'b')]), []],
    [
      'a struct without a name',
      () =>
        craftRoot([
          [type.CREATE, 1],
          [type.INLINESTRUCT, 1],
        ]),
      ['error dangling-struct'],
    ],
    ['a struct beyond all entries', () => craftRoot([[type.INLINESTRUCT, 7, text('x')]]), ['error dangling-struct']],
    ['an entry with nothing', () => craftRoot([[type.CREATE, 1]]), ['warning empty-entry']],
    ['a file without data', () => craftRoot([[type.REG, 1, text('f')]]), ['error missing-struct'], '/f'],
    [
      'a file with a pair',
      () =>
        craftRoot([
          [type.REG, 1, text('f')],
          [type.DIRSTRUCT, 1, words(4, 5)],
        ]),
      ['error struct-mismatch'],
    ],
    [
      'an id taken out that there is not',
      () => craftRoot([...file(1, 'a'), [type.DELETE, 3]]),
      ['error id-out-of-range'],
    ],
    [
      'an id inserted behind a gap',
      () => craftRoot([[type.CREATE, 3]]),
      ['error id-out-of-range', 'warning empty-entry'],
    ],
    ['names out of order', () => craftRoot([...file(1, 'b'), ...file(2, 'a')]), ['error names-unsorted'], '/a'],
    ['a name before its prefix', () => craftRoot([...file(1, 'aa'), ...file(2, 'a')]), []],
    ['a name behind its prefix', () => craftRoot([...file(1, 'a'), ...file(2, 'aa')]), ['error names-unsorted'], '/aa'],
    ['a name twice', () => craftRoot([...file(1, 'a'), ...file(2, 'a')]), ['error name-duplicate'], '/a'],
    ["a file named '.'", () => craftRoot(file(1, '.')), ['error name-illegal'], '/.'],
    ["a file named '..'", () => craftRoot(file(1, '..')), ['error name-illegal'], '/..'],
    ['a NUL in a name', () => craftRoot(file(1, 'a\0b')), ['error name-illegal'], '/a\0b'],
    ['a name that is no UTF-8', () => craftRoot(file(1, 'a\xff')), ['note name-not-utf8'], '/a\ufffd'],
    [
      'a second superblock entry',
      () => craftRoot([[type.SUPERBLOCK, 1, text('littlefs')]]),
      ['error superblock-misplaced'],
    ],
    ['half a pair in the tail', () => craftRoot([tail(-1, 9)]), ['warning tail-half-null']],
    ['a hard tail to nowhere', () => craftRoot([tail(-1, -1, true)]), ['error tail-missing']],
    [
      'a tail to one block twice',
      () => craftRoot([tail(4, 4)], { 4: craftBlock(1, [[]]) }),
      ['error pair-malformed', 'warning orphan'],
    ],
    ['a tail to half of itself', () => craftRoot([tail(1, 4)]), ['error pair-doubly-used']],
    ['an unannounced orphan', () => craftRoot([tail(4, 5)], { 4: craftBlock(1, [[]]) }), ['warning orphan']],
    [
      'a directory outside the device',
      () => craftRoot(directory(1, 'd', 4, 64)),
      ['error directory-pair-out-of-range'],
      '/d',
    ],
    [
      'a directory outside the thread',
      () => craftRoot(directory(1, 'd', 4, 5), { 5: craftBlock(1, [file(0, 'x')]) }),
      ['error directory-pair-not-in-thread'],
      '/d',
    ],
    [
      'a directory in two places',
      () => craftRoot([...directory(1, 'd', 4, 5), ...directory(2, 'e', 5, 4), tail(4, 5)], { 4: craftBlock(1, [[]]) }),
      ['error pair-doubly-used'],
      '/e',
    ],
    [
      'a directory in itself',
      () => craftRoot([...directory(1, 'd', 4, 5), tail(4, 5)], { 4: craftBlock(1, [directory(0, 'e', 4, 5)]) }),
      ['error directory-loop'],
      '/d/e',
    ],
    [
      'a directory that has moved, unannounced',
      () => craftRoot([...directory(1, 'd', 6, 4), tail(4, 5)], { 4: craftBlock(1, [[]]), 6: craftBlock(2, [[]]) }),
      ['warning half-orphan'],
      '/d',
    ],
    [
      'a directory that has moved and leads to a new one',
      () =>
        craftRoot([...directory(1, 'd', 6, 4), tail(4, 5), [type.MOVESTATE, NO_ID, words(0x80000000, 0, 0)]], {
          4: craftBlock(1, [[]]),
          6: craftBlock(2, [[...directory(0, 'new', 8, 9), tail(8, 9)]]),
          8: craftBlock(1, [[]]),
        }),
      ['note half-orphan', 'note pending-orphans'],
      '/d',
    ],
    [
      'half a pair in two directories',
      () => craftRoot([...directory(1, 'd', 4, 5), ...directory(2, 'e', 4, 6), tail(4, 5)], { 4: craftBlock(1, [[]]) }),
      ['error pair-doubly-used'],
      '/e',
    ],
    [
      'a pair left in the global state',
      () => craftRoot([[type.MOVESTATE, NO_ID, words(0, 4, 5)]]),
      ['warning gstate-invalid'],
    ],
    ['an unknown move', () => craftRoot([[type.MOVESTATE, NO_ID, words(0x12300000, 4, 5)]]), ['error gstate-invalid']],
    [
      'a move of the superblock',
      () => craftRoot([[type.MOVESTATE, NO_ID, words(0x4ff00000, 0, 1)]]),
      ['error pending-move-invalid'],
    ],
    [
      'a move within the root',
      () => craftRoot([...file(1, 'a'), ...file(2, 'b'), [type.MOVESTATE, NO_ID, words(0x4ff00400, 0, 1)]]),
      ['note pending-move'],
      '/a',
    ],
    [
      'an attribute too large',
      () =>
        craftDevice({
          0: craftBlock(1, [
            [...superblock({ attrMax: 64 }), ...file(1, 'a'), [type.USERATTR + 7, 1, new Uint8Array(65)]],
          ]),
        }),
      ['warning attr-too-large'],
      '/a',
    ],
    [
      'two files with one block',
      () => craftRoot([...listFile(1, 'a', 9, 300), ...listFile(2, 'b', 9, 300)]),
      ['error block-doubly-used'],
      '/b',
    ],
    ['a file with a block of a pair', () => craftRoot(listFile(1, 'a', 1, 300)), ['error block-doubly-used'], '/a'],
    [
      'a file of more blocks than there are',
      () => craftRoot(listFile(1, 'a', 9, 70 * 512)),
      ['error file-too-large'],
      '/a',
    ],
    [
      'a list in a circle',
      () => craftRoot(listFile(1, 'a', 9, 1500), { 9: words(10, 9), 10: words(9) }),
      ['error ctz-loop'],
      '/a',
    ],
    [
      'a skip pointer that does not lead where the list does',
      () => craftRoot(listFile(1, 'a', 9, 1500), { 9: words(10, 12), 10: words(11) }),
      ['error ctz-pointers-inconsistent'],
      '/a',
    ],
    ['a good list', () => craftRoot(listFile(1, 'a', 9, 1500), { 9: words(10, 11), 10: words(11) }), []],
    ['an empty list', () => craftRoot(listFile(1, 'a', -1, 0)), []],
  ];

  for (const [name, device, expected, path] of cases) {
    it(name, () => {
      const report = check(device());
      expect(codes(report)).toEqual(expected);
      if (path !== undefined) expect(report.findings[0]!.path).toBe(path);
      for (const { block, message } of report.findings) {
        expect(block ?? 0).toBeLessThan(blockCount);
        expect(message).toMatch(/^[^A-Z].*[^.]$/);
      }
    });
  }

  it('takes a damaged commit with valid ones behind it for what it is', () => {
    const damaged = craftBlock(1, [superblockTags, file(1, 'a', 'first'), file(2, 'b', 'second')]);
    damaged[damaged.indexOf(0x66, 70)]! ^= 1;
    const report = check(craftDevice({ 0: damaged }));
    expect(codes(report)).toEqual(['error crc-mismatch']);
    expect(report).toMatchObject({ files: 0, findings: [{ block: 0, offset: 82 }] });
    expect(report.findings[0]!.message).toContain('lost with what follows: 1 commit');
  });

  it('tells a damaged block from an interrupted compaction', () => {
    const older = craftBlock(1, [superblockTags]);
    const newer = craftBlock(2, [superblockTags, file(1, 'a')]);
    const torn = newer.slice().fill(0xff, 40);
    expect(codes(check(craftDevice({ 0: older, 1: newer })))).toEqual([]);
    expect(codes(check(craftDevice({ 0: older, 1: torn })))).toEqual(['note interrupted-compaction']);
    newer[30]! ^= 1;
    expect(codes(check(craftDevice({ 0: older, 1: newer })))).toEqual(['error crc-mismatch']);
    // Whatever else stands in the block that does not count is no matter.
    expect(codes(check(craftDevice({ 0: older, 1: new Uint8Array(512).fill(0x5a) })))).toEqual([]);
  });

  it('does not add up a log that inserts ids without end', () => {
    const bomb: CraftTag[] = Array.from({ length: 100 }, () => [type.SPLICE + 0x7f, 0]);
    const report = check(craftRoot([], { 0: craftBlock(1, [[...superblockTags, ...bomb]]) }));
    expect(new Set(codes(report))).toEqual(new Set(['error id-out-of-range', 'error superblock-missing']));
  });

  it('reports blocks that cannot be read', () => {
    const ram = craftRoot([...listFile(1, 'a', 9, 1500), ...directory(2, 'd', 4, 5), tail(4, 5)], {
      4: craftBlock(1, [file(0, 'x')]),
      9: words(10, 11),
      10: words(11),
    });
    expect(codes(check(counting(ram)))).toEqual([]);
    const data = check(counting(ram, [11]));
    expect(data.findings).toMatchObject([{ severity: 'error', code: 'file-block-unreadable', block: 11, path: '/a' }]);
    // The first block of a file has no pointers: nothing is read there.
    expect(codes(check(counting(ram, [11]), { readFiles: false }))).toEqual([]);
    expect(codes(check(counting(ram, [5])))).toEqual(['warning block-unreadable']);
    expect(codes(check(counting(ram, [4])))).toEqual(['warning block-unreadable', 'error pair-unreadable']);
    expect(codes(check(counting(ram, [0, 1])))).toContain('error pair-unreadable');
  });

  it('keeps only so many findings, and counts the rest', () => {
    const image = craftRoot([...file(1, 'a'), ...file(2, 'a'), ...file(3, 'a'), ...file(4, 'a')]);
    const report = check(image, { findingsMax: 2 });
    expect(report).toMatchObject({ ok: false, dropped: 1 });
    expect(report.findings).toHaveLength(2);
  });

  it('takes the depth of a tree for granted', () => {
    const depth = 1000;
    const size = 128;
    const image = new Uint8Array(size * (2 * depth + 2)).fill(0xff);
    for (let i = 0; i <= depth; i++) {
      const next = 2 * i + 2;
      const tags = i < depth ? [...directory(i === 0 ? 1 : 0, 'd', next, next + 1), tail(next, next + 1)] : [];
      const root = superblock({ blockSize: size, blockCount: 2 * depth + 2 });
      image.set(craftBlock(1, [i === 0 ? [...root, ...tags] : tags], size), 2 * i * size);
    }
    const report = check(new RamDevice({ blockSize: size, blockCount: 2 * depth + 2, image }));
    expect(report).toMatchObject({ ok: true, directories: depth, findings: [] });
  });
});

describe('check under mutation', () => {
  const images = manifest.images
    .filter((image) => image.image_size <= 65536)
    .map((image) => ({ image, bytes: goldenBytes(image.file) }));

  /** No answer is wrong here, as long as there is one, from few reads, with no other way through the API. */
  function answers(image: GoldenImage, bytes: Uint8Array): void {
    const device = counting(deviceOf(image, bytes));
    const report = check(device);
    expect(device.reads).toBeLessThanOrEqual(4 * device.blockCount + 16);
    expect(report.ok).toBe(!report.findings.some(({ severity }) => severity === 'error'));
    const { used, free, total } = report.blocks;
    expect(used).toBeLessThanOrEqual(total);
    expect(free).toBeGreaterThanOrEqual(0);
    // What checks out, mounts.
    if (report.ok && report.complete) LittleFS.mount(deviceOf(image, bytes), { nameMax: 1022 }).fsSize();
  }

  it('survives any change of bytes', () => {
    fc.assert(
      fc.property(
        fc.nat(images.length - 1),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        (index, changes) => {
          const { image, bytes } = images[index]!;
          const mutant = bytes.slice();
          for (const [at, value] of changes) mutant[at % mutant.length] = value;
          answers(image, mutant);
        },
      ),
    );
  });

  it('survives blocks in the wrong places', () => {
    fc.assert(
      fc.property(
        fc.nat(images.length - 1),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 }),
        (index, moves) => {
          const { image, bytes } = images[index]!;
          const size = configOfImage(image).block_size;
          const count = Math.floor(bytes.length / size);
          const mutant = bytes.slice();
          for (const [from, to] of moves) {
            mutant.copyWithin((to % count) * size, (from % count) * size, ((from % count) + 1) * size);
          }
          answers(image, mutant);
        },
      ),
    );
  });

  it('survives what is wrong under a CRC that holds', () => {
    fc.assert(
      fc.property(
        fc.nat(images.length - 1),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (index, changes) => {
          const { image, bytes } = images[index]!;
          const size = configOfImage(image).block_size;
          const count = Math.floor(bytes.length / size);
          const mutant = bytes.slice();
          const logs = Array.from({ length: count }, (_, block) => mutant.subarray(block * size, (block + 1) * size))
            .map((block) => ({ block, commits: inspectBlock(block).commits.filter((commit) => commit.counts) }))
            .filter(({ commits }) => commits.length > 0);
          for (const [which, commit, at, value] of changes) {
            const { block, commits } = logs[which % logs.length]!;
            const { start, crc } = commits[commit % commits.length]!;
            block[start + (at % (crc!.offset - start - 4))] = value;
            const sum = crc32(0xffffffff, block, start, crc!.offset);
            new DataView(block.buffer, block.byteOffset).setUint32(crc!.offset, sum, true);
          }
          answers(image, mutant);
        },
      ),
    );
  });
});

describe('check after a power cut', () => {
  const config = { blockSize: 512, blockCount: 96, readSize: 16, progSize: 16, blockCycles: 7 } as const;

  function work(device: BlockDevice): void {
    const fs = LittleFS.mount(device, config);
    const put = (path: string, size: number, byte: number) => {
      const handle = fs.open(path, 0x502 | 1);
      handle.write(new Uint8Array(size).fill(byte));
      handle.close();
    };
    for (const path of ['/a', '/b', '/a/sub', '/b/other']) fs.mkdir(path);
    for (let i = 0; i < 8; i++) {
      put(`/a/file${i}`, 40 + 230 * i, i);
      fs.rename(`/a/file${i}`, i % 2 === 0 ? `/b/moved${i}` : `/a/sub/moved${i}`);
    }
    fs.rename('/a/sub', '/b/sub');
    for (let i = 0; i < 8; i += 2) fs.remove(`/b/moved${i}`);
    fs.rename('/b/sub', '/a/sub');
    fs.unmount();
  }

  it('finds notes and nothing worse, and nothing to repair once it is repaired', () => {
    const make = () => {
      const device = new FlashDevice({ ...config, nor: false });
      LittleFS.format(device, config);
      return device;
    };
    const whole = make();
    const before = whole.writes;
    work(whole);
    expect(codes(check(whole))).toEqual([]);
    const seen = new Set<string>();
    for (let after = 1; after < whole.writes - before; after++) {
      const device = make();
      device.cutPower({ after, mode: (['noop', 'torn', 'flip'] as const)[after % 3]! });
      expect(() => work(device)).toThrow(PowerLoss);
      device.restart();
      const report = check(device);
      for (const finding of report.findings) {
        expect(finding, `cut ${after}`).toMatchObject({ severity: 'note' });
        seen.add(finding.code);
      }
      const fs = LittleFS.mount(device, config);
      fs.makeConsistent();
      fs.unmount();
      const left = check(device).findings.map(({ code }) => code);
      expect(left.filter((code) => !code.startsWith('interrupted-'))).toEqual([]);
    }
    expect(seen).toContain('pending-move');
    expect(seen).toContain('interrupted-commit');
  });
});

describe('check with wrong arguments', () => {
  const device = craftRoot([]);
  const wrong: readonly [unknown, unknown, RegExp][] = [
    [null, {}, /device must be a block device/],
    [device, null, /options is null/],
    [device, { readFiles: 1 }, /readFiles is 1/],
    [device, { findingsMax: 0 }, /findingsMax is 0/],
    [device, { blockSize: 1024 }, /blockSize is 1024/],
    [device, { blockCount: 65 }, /blockCount is 65/],
  ];
  for (const [target, options, message] of wrong) {
    it(`throws: ${message.source}`, () => {
      expect(() => check(target as BlockDevice, options as CheckOptions)).toThrow(message);
      expect(() => check(target as BlockDevice, options as CheckOptions)).toThrow(LfsError);
    });
  }

  it('compares the block count with the one given', () => {
    expect(codes(check(device, { blockCount: 32 }))).toEqual(['error block-count-mismatch']);
    expect(check(device, { blockCount: blockCount, blockSize }).ok).toBe(true);
  });
});
