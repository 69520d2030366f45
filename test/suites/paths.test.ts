/**
 * Paths: every way to write one means the same entry for every call, and the wrong ones fail in C's way.
 *
 * Names are bytes. `/` parts them, `.` is the place itself, and `..` takes away the name before it, whether that is
 * there or not (POSIX would look); what stands behind a file's name, or above the root, is refused. The whole table
 * of calls and spellings, with C's outcomes, is in `support/path-table.ts`.
 */
import { describe, expect, it } from 'vitest';
import type { RamDevice } from '../../src/device/index.ts';
import { LittleFS, type LittleFS as Mounted, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } from '../../src/lfs/index.ts';
import { writeFile } from '../support/calls.ts';
import { atMostBlocks, configOf, geometries, geometryOf, type TestGeometry } from '../support/geometries.ts';
import { openRamFs, openTestFs, treeOf } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { badSources, type Call, calls, dirSources, fileSources, rows, targets } from '../support/path-table.ts';

const create = O_WRONLY | O_CREAT | O_EXCL;

type Path = string | Uint8Array;

/** The world of the path table. */
function settle(lfs: Mounted): void {
  for (const path of ['yard', 'yard/well', 'yard/barn', 'store']) lfs.mkdir(path);
  writeFile(lfs, 'yard/gate', 'oak');
  writeFile(lfs, 'yard/barn/hay', 'bales');
  writeFile(lfs, 'spare', 'part');
  writeFile(lfs, 'store/in', 'stock');
}

function runCall(lfs: Mounted, call: Call, path: string): void {
  if (call === 'stat') lfs.stat(path);
  if (call === 'read') lfs.open(path, O_RDONLY).close();
  if (call === 'write') lfs.open(path, O_WRONLY | O_CREAT).close();
  if (call === 'create') lfs.open(path, create).close();
  if (call === 'list') lfs.openDir(path).close();
  if (call === 'mkdir') lfs.mkdir(path);
  if (call === 'remove') lfs.remove(path);
  if (call === 'away') lfs.rename(path, 'free');
  if (call === 'self') lfs.rename(path, path);
  if (call === 'file') lfs.rename('spare', path);
  if (call === 'dir') lfs.rename('store', path);
}

/** The plain path that a path means: what the table's outcomes `ok` are held against. */
function plain(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

type Tree = Map<string, string>;

const at = (tree: Tree, path: string) => tree.get(path) ?? tree.get(`${path === '/' ? '' : path}/`);

function without(tree: Tree, path: string): Tree {
  return new Map([...tree].filter(([key]) => key !== path && !key.startsWith(`${path}/`)));
}

function moved(tree: Tree, from: string, to: string): Tree {
  const rest = without(without(tree, from), to);
  for (const [key, value] of tree) {
    if (key === from || key.startsWith(`${from}/`)) rest.set(to + key.slice(from.length), value);
  }
  return rest;
}

const sorted = (tree: Tree) => [...tree].sort(([a], [b]) => (a < b ? -1 : 1));

/** What a call that succeeded makes of the tree. */
function after(tree: Tree, call: Call, path: string): Tree {
  const target = plain(path);
  if (call === 'mkdir') return new Map([...tree, [`${target}/`, 'dir']]);
  if (call === 'remove') return without(tree, target);
  if (call === 'away') return moved(tree, target, '/free');
  if (call === 'file') return moved(tree, '/spare', target);
  if (call === 'dir') return moved(tree, '/store', target);
  if ((call === 'write' || call === 'create') && at(tree, target) === undefined) {
    return new Map([...tree, [target, `file 0 ${emptySha256}`]]);
  }
  return tree;
}

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe.each([geometryOf.default, geometryOf.nor, geometryOf.emmc])('on $name', (geometry) => {
  const world = openWorld(geometry);

  describe.each(rows)('$what', ({ paths, expected }) => {
    it.each(calls)('%s', (call) => {
      for (const path of paths) {
        const { lfs, before } = world();
        expect(`${path} ${outcome(() => runCall(lfs, call, path))}`).toBe(`${path} ${expected[call]}`);
        const wanted = expected[call] === 'ok' ? after(before, call, path) : before;
        expect(sorted(treeOf(lfs)), `the tree after ${call} of '${path}'`).toEqual(sorted(wanted));
      }
    });
  });

  it.each(targets)('renaming to "%s" comes to %s for a file, %s for a directory', (to, file, dir) => {
    const sources = [
      ...badSources,
      ...fileSources.map((from) => [from, file] as const),
      ...dirSources.map((from) => [from, dir] as const),
    ];
    for (const [from, expected] of sources) {
      const { lfs, before } = world();
      expect(`${from} ${outcome(() => lfs.rename(from, to))}`).toBe(`${from} ${expected}`);
      const wanted = expected === 'ok' ? moved(before, plain(from), plain(to)) : before;
      expect(sorted(treeOf(lfs)), `the tree after renaming '${from}' to '${to}'`).toEqual(sorted(wanted));
    }
  });
});

/** A maker of worlds: copies of one device. */
function openWorld(geometry: TestGeometry): () => { lfs: Mounted; before: Tree } {
  let made: { device: RamDevice; before: Tree } | undefined;
  return () => {
    if (made === undefined) {
      const fs = openRamFs(atMostBlocks(geometry, 128));
      settle(fs.lfs);
      made = { device: fs.device, before: treeOf(fs.lfs) };
    }
    const config = configOf(atMostBlocks(geometry, 128));
    return { lfs: LittleFS.mount(made.device.fork(), config), before: made.before };
  };
}

interface Names {
  readonly what: string;
  /** Two directories, and in the second one new names for what was in the first. */
  readonly from: string;
  readonly to: string;
  readonly entries: readonly string[];
  readonly renamed: readonly string[];
  /** The bytes of a name; UTF-8 unless said. */
  readonly encode?: (text: string) => Uint8Array;
  /** How to write the `i`th path, or the same path once more. */
  readonly spell?: (dir: string, name: string, i: number) => string;
}

const utf8 = (name: string): Uint8Array => new TextEncoder().encode(name);
/** One byte for a character. */
const raw = (name: string): Uint8Array => Uint8Array.from(name, (c) => c.charCodeAt(0));
const lengths = (unit: string, from: number) => [0, 1, 2, 3, 4, 5].map((i) => unit.repeat(from + i));
const longest = (letters: string) => [...letters].map((letter) => letter.repeat(255));
const words = (text: string) => text.split(' ');

const trees: Pick<Names, 'from' | 'to' | 'entries' | 'renamed'> = {
  from: 'orchard',
  to: 'cellar',
  entries: words('quince medlar plum sloe pear apple'),
  renamed: words('jelly cheese jam gin perry cider'),
};

/** Ways around that lead back to the root. */
const detours = ['', 'x/../', 'x/y/../../', 'x/../x/y/../../', 'x/y/../y/../../', 'x/../x/../x/../'];
const dottedDetours = detours.map((detour) => detour.replaceAll('/', '/./'));

const lifetimes: readonly Names[] = [
  { what: 'plain names', ...trees },
  { what: 'a slash before', ...trees, spell: (dir, name, i) => `${i % 2 ? '/' : ''}${dir}/${name}` },
  {
    what: 'more slashes than needed',
    ...trees,
    spell: (dir, name, i) => `${'/'.repeat(i + 1)}${dir}${'/'.repeat(i + 1)}${name}`,
  },
  { what: 'dots', ...trees, spell: (dir, name, i) => `/${'./'.repeat(i)}${dir}/${'./'.repeat(i)}${name}` },
  { what: 'detours', ...trees, spell: (dir, name, i) => `/${detours[i]}${dir}/${detours[5 - i]}${name}` },
  {
    what: 'detours with dots',
    ...trees,
    spell: (dir, name, i) => `/${dottedDetours[i]}${dir}/${dottedDetours[5 - i]}${name}`,
  },
  { what: 'a directory named with three dots', ...trees, from: '...', to: '....' },
  {
    what: 'names that begin with dots',
    ...trees,
    entries: trees.entries.map((name, i) => '.'.repeat(i + 1) + name),
    renamed: trees.renamed.map((name, i) => '.'.repeat(i + 1) + name),
  },
  {
    what: 'the name of the superblock entry',
    ...trees,
    from: 'littlefs',
    entries: ['littlefs'],
    renamed: ['littlefs'],
  },
  {
    what: 'the longest names',
    from: 'F'.repeat(255),
    to: 'T'.repeat(255),
    entries: longest('abcdef'),
    renamed: longest('uvwxyz'),
  },
  {
    what: 'words from all over',
    from: 'сад',
    to: 'погріб',
    entries: words('айва גודגדן ἀμυγδαλῆ マルメロ 木瓜 სკ🍐'),
    renamed: words('ჯემი ריבה μαρμελάδα ジャム 果酱 🍐🥧'),
  },
  {
    what: 'marks that combine',
    from: 'ɔː͡tʃ̩d',
    to: 'sɛ̝lə˞ː',
    entries: words('kwɪ̃ns˥˩ mɛ̆dlə̯ plʌ̃m˧ sləʊ̯ pɛ̞ə̯ a̠pl̩'),
    renamed: words('dʒɛ̈li tʃ͡iːz dʒæ̃m dʒɪ̈n pɛ̝ɹi saɪ̯də'),
  },
  {
    what: 'blanks between',
    from: 'o r chard',
    to: ' cellar ',
    entries: trees.entries.map((name) => [...name].join(' ')),
    renamed: trees.renamed.map((name) => ` ${name} `),
  },
  { what: 'nothing but blanks', from: ' ', to: '  ', entries: lengths(' ', 1), renamed: lengths(' ', 7) },
  {
    what: 'control characters',
    from: '\x0b',
    to: '\x10',
    entries: [...'\x01\x02\x07\x08\x0a\x0d'],
    renamed: [...'\x11\x12\x17\x18\x1a\x1f'],
  },
  { what: 'nothing but DEL', from: '\x7f', to: '\x7f\x7f', entries: lengths('\x7f', 1), renamed: lengths('\x7f', 7) },
  {
    what: 'bytes that are not UTF-8',
    encode: raw,
    from: '\xc3',
    to: '\xf8',
    entries: [...'\x80\x9f\xbf\xc1\xed\xf5'],
    renamed: ['\xe2\x28', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90', '\xfe', '\xff'],
  },
  {
    what: 'nothing but 0xff',
    encode: raw,
    from: '\xff',
    to: '\xff\xff',
    entries: lengths('\xff', 1),
    renamed: lengths('\xff', 7),
  },
];

describe.each(geometries)('a life on $name', (geometry) => {
  // Names of 255 bytes want blocks of at least 512.
  const fitting = lifetimes.filter(({ from }) => from.length < geometry.blockSize / 2);
  describe.each(['file', 'dir'] as const)('as a %s', (kind) => {
    it.each(fitting)('with $what', (names) => live(geometry, kind, names));
  });
});

/** Creates entries, asks all calls about them, moves, and removes them, never twice by the same spelling. */
function live(geometry: TestGeometry, kind: 'file' | 'dir', names: Names): void {
  const { from, to, entries, renamed, encode = utf8, spell = (dir, name) => `${dir}/${name}` } = names;
  const fs = openTestFs(atMostBlocks(geometry, 256));
  const { lfs } = fs;
  const last = entries.length - 1;
  const old = (i: number): Path => encode(spell(from, entries[i]!, i));
  const oldAgain = (i: number): Path => encode(spell(from, entries[i]!, last - i));
  const fresh = (i: number): Path => encode(spell(to, renamed[i]!, i));
  const freshAgain = (i: number): Path => encode(spell(to, renamed[i]!, last - i));
  const each = (work: (i: number) => void): void => {
    for (const i of entries.keys()) work(i);
  };

  // The places of the detours are not there: '..' does not ask.
  lfs.mkdir(encode(from));
  lfs.mkdir(encode(to));
  each((i) => (kind === 'dir' ? lfs.mkdir(old(i)) : lfs.open(old(i), create).close()));

  const isDir = kind === 'dir';
  each((i) => {
    expect(lfs.stat(oldAgain(i))).toMatchObject({ type: kind, size: 0, nameBytes: encode(entries[i]!) });
    expect({
      read: outcome(() => lfs.open(old(i), O_RDONLY).close()),
      write: outcome(() => lfs.open(oldAgain(i), O_WRONLY | O_CREAT).close()),
      create: outcome(() => lfs.open(old(i), create).close()),
      list: outcome(() => lfs.openDir(oldAgain(i)).close()),
      mkdir: outcome(() => lfs.mkdir(old(i))),
    }).toEqual({
      read: isDir ? 'ISDIR' : 'ok',
      write: isDir ? 'ISDIR' : 'ok',
      create: 'EXIST',
      list: isDir ? 'ok' : 'NOTDIR',
      mkdir: 'EXIST',
    });
  });
  expectListing(lfs, encode(from), entries.map(encode));

  each((i) => lfs.rename(oldAgain(i), fresh(i)));
  for (const mounted of fs.nowAndRemounted()) {
    each((i) => {
      expect(mounted.stat(freshAgain(i))).toMatchObject({ type: kind, nameBytes: encode(renamed[i]!) });
      expect(outcome(() => mounted.stat(old(i)))).toBe('NOENT');
    });
    expectListing(mounted, encode(from), []);
    expectListing(mounted, encode(to), renamed.map(encode));
  }

  each((i) => fs.lfs.remove(fresh(i)));
  each((i) => expect(outcome(() => fs.lfs.stat(freshAgain(i)))).toBe('NOENT'));
  for (const mounted of fs.nowAndRemounted()) expectListing(mounted, encode(to), []);
  fs.lfs.remove(encode(from));
  fs.lfs.remove(encode(to));
  for (const mounted of fs.nowAndRemounted()) expectListing(mounted, '/', []);
}

/** A directory lists these names, sorted by their bytes; of two that begin alike the longer comes first. */
function expectListing(lfs: Mounted, dir: Path, names: readonly Uint8Array[]): void {
  const handle = lfs.openDir(dir);
  const listed = [...handle].slice(2).map(({ nameBytes }) => Buffer.from(nameBytes).toString('hex'));
  handle.close();
  const behindHex = 'z';
  const wanted = names.map((name) => Buffer.from(name).toString('hex') + behindHex).sort();
  expect(listed).toEqual(wanted.map((hex) => hex.slice(0, -behindHex.length)));
}
