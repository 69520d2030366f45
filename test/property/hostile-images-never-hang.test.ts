/**
 * Promise: whatever bytes are offered as an image, every call ends in an answer or an `LfsError`, after a number of
 * device calls that grows with the device and with nothing else, and nothing that an image says is believed so far
 * that it costs memory.
 *
 * The images are good ones, written by C, that somebody damaged: by accident (bits, runs of bytes, blocks swapped), or
 * on purpose (tags that littlefs would never write, in commits whose CRC holds).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import {
  type BlockDevice,
  check,
  type LfsConfig,
  LfsError,
  LittleFS,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { runs } from '../support/arbitraries.ts';
import { content } from '../support/content.ts';
import { configOf, goldenBytes, manifest } from '../support/golden.ts';
import { threadOf } from '../support/on-disk.ts';
import { type Pair, RawImage, type RawTag, type, words } from '../support/raw-log.ts';

// ---- damage

/** Places are fractions of what there is, so that a mutation means something on every image. */
type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'run'; readonly at: number; readonly bytes: readonly number[] }
  | { readonly kind: 'fill'; readonly at: number; readonly size: number; readonly value: number }
  | { readonly kind: 'swap' | 'copy'; readonly from: number; readonly to: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'noise'; readonly seed: number; readonly from: number }
  | { readonly kind: 'pointer'; readonly block: number; readonly index: number; readonly value: number }
  | { readonly kind: 'append'; readonly pair: number; readonly tags: readonly RawTag[] }
  | { readonly kind: 'knot'; readonly from: number; readonly to: number; readonly how: 'soft' | 'hard' | 'dir' }
  | { readonly kind: 'retag'; readonly pair: number; readonly tag: number; readonly change: Retag };

/** What becomes of one tag of a log. */
interface Retag {
  readonly type?: number | undefined;
  readonly id?: number | undefined;
  readonly word?: number | undefined;
  readonly at: number;
  readonly data?: Uint8Array | undefined;
}

/** Number 4000000000 is as much a block number to an image as 3 is. */
const blockNumbers = fc.oneof(
  { weight: 6, arbitrary: fc.nat(80) },
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 900, 5000, 100_000, 0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000) },
  { weight: 1, arbitrary: fc.nat(0xffffffff) },
);
const tagTypes = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      type.REG,
      type.DIR,
      type.CREATE,
      type.CREATE,
      type.DELETE,
      type.DIRSTRUCT,
      type.INLINESTRUCT,
      type.CTZSTRUCT,
      type.CTZSTRUCT,
      type.MOVESTATE,
      type.USERATTR,
      type.USERATTR + 255,
      type.FCRC,
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(type.SUPERBLOCK, type.SOFTTAIL, type.HARDTAIL) },
  { weight: 1, arbitrary: fc.nat(0x7ff) },
);
const tagData = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(blockNumbers, blockNumbers).map((pair) => words(...pair)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0x80000000, 0x4ff00000, 0x4ff00400, 0xcff00801), blockNumbers, blockNumbers)
      .map((state) => words(...state)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('a', 'b', 'docs', 'littlefs', '', '/', '..', 'a/b', '\0')
      .map((text) => new TextEncoder().encode(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
);
const ids = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.nat(1023) },
);
const rawTags: fc.Arbitrary<RawTag> = fc.record({
  type: tagTypes,
  id: fc.oneof({ weight: 4, arbitrary: ids }, { weight: 1, arbitrary: fc.constant(1023) }),
  data: tagData,
  deleted: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const places = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: places, bit: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      at: places,
      bytes: fc.array(fc.nat(255), { minLength: 1, maxLength: 24 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      at: places,
      size: fc.nat(600),
      value: fc.constantFrom(0, 0xff, 0x55),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('swap' as const, 'copy' as const), from: places, to: places }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: places }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('noise' as const), seed: fc.nat(), from: places }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pointer' as const),
      block: places,
      index: fc.nat(4),
      value: blockNumbers,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      pair: places,
      tags: fc.array(rawTags, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('knot' as const),
      from: places,
      to: places,
      how: fc.constantFrom('soft' as const, 'hard' as const, 'dir' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('retag' as const),
      pair: places,
      tag: places,
      change: fc.record({
        // Mostly one change to a tag at a time: too many at once and nothing mounts.
        type: fc.option(tagTypes, { nil: undefined, freq: 1 }),
        id: fc.option(ids, { nil: undefined, freq: 1 }),
        word: fc.option(blockNumbers, { nil: undefined, freq: 2 }),
        at: fc.oneof({ weight: 4, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(5) }),
        data: fc.option(tagData, { nil: undefined, freq: 1 }),
      }),
    }),
  },
);

function mutate(image: RawImage, mutation: Mutation): void {
  const { bytes, blockSize } = image;
  const blocks = Math.floor(bytes.length / blockSize);
  const byteAt = (place: number): number => Math.floor(place * bytes.length);
  const blockAt = (place: number): number => Math.floor(place * blocks);
  switch (mutation.kind) {
    case 'flip':
      bytes[byteAt(mutation.at)]! ^= 1 << mutation.bit;
      return;
    case 'run':
      bytes.set(mutation.bytes.slice(0, bytes.length - byteAt(mutation.at)), byteAt(mutation.at));
      return;
    case 'fill':
      bytes.fill(mutation.value, byteAt(mutation.at), byteAt(mutation.at) + mutation.size);
      return;
    case 'swap': {
      const from = image.block(blockAt(mutation.from));
      const to = image.block(blockAt(mutation.to));
      const kept = from.slice();
      from.set(to);
      to.set(kept);
      return;
    }
    case 'copy':
      image.block(blockAt(mutation.to)).set(image.block(blockAt(mutation.from)));
      return;
    case 'cut':
      bytes.fill(0xff, byteAt(mutation.at));
      return;
    case 'noise':
      bytes.set(content(bytes.length - byteAt(mutation.from), mutation.seed), byteAt(mutation.from));
      return;
    case 'pointer':
      image.block(blockAt(mutation.block)).set(words(mutation.value), 4 * mutation.index);
      return;
    case 'append':
      image.append(pairAt(image, mutation.pair), mutation.tags);
      return;
    case 'knot': {
      // The thread leads back into itself, or a second way into a directory.
      const data = words(...pairAt(image, mutation.to));
      const pair = pairAt(image, mutation.from);
      if (mutation.how !== 'dir')
        image.append(pair, [{ type: mutation.how === 'soft' ? type.SOFTTAIL : type.HARDTAIL, data }]);
      else {
        const name = new TextEncoder().encode('zz-knot');
        const id = image.read(pair).entries.length;
        image.append(pair, [
          { type: type.CREATE, id },
          { type: type.DIR, id, data: name },
          { type: type.DIRSTRUCT, id, data },
        ]);
      }
      return;
    }
    case 'retag': {
      const log = image.log(pairAt(image, mutation.pair));
      const { change } = mutation;
      const tags: RawTag[] = [...log.tags];
      const at = Math.floor(mutation.tag * tags.length);
      const old = tags[at]!;
      const data = (change.data ?? old.data ?? new Uint8Array(0)).slice();
      if (change.word !== undefined && data.length >= 4 * (change.at + 1)) data.set(words(change.word), 4 * change.at);
      tags[at] = { ...old, data, type: change.type ?? old.type, ...(change.id === undefined ? {} : { id: change.id }) };
      image.replace(log.block, log.revision, tags);
      return;
    }
  }
}

function pairAt(image: RawImage, place: number): Pair {
  const pairs = threadOf(image);
  return pairs[Math.floor(place * pairs.length)]!;
}

/** Mutations that an image broken by earlier ones has no place for are left out. */
function damaged(bytes: Uint8Array, geometry: Sized, all: readonly Mutation[]): Uint8Array {
  const image = new RawImage(bytes.slice(), geometry);
  for (const mutation of all) {
    const before = image.bytes.slice();
    try {
      mutate(image, mutation);
    } catch {
      image.bytes.set(before);
    }
  }
  return image.bytes;
}

// ---- a device that loses its patience

interface Sized {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
}

/** Counts what is asked of it; more than `limit` since the last `expectCall` is an error that is none of the engine's. */
class ImpatientDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly view?: (block: number) => Uint8Array | undefined;
  readonly #device: RamDevice;
  readonly #limit: number;
  #count = 0;
  #what = 'nothing';
  /** The most that one call asked, of what is allowed. */
  static worst = { share: 0, what: '' };

  constructor(device: RamDevice, limit: number, withViews: boolean) {
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.readSize = device.readSize;
    this.progSize = device.progSize;
    this.#device = device;
    this.#limit = limit;
    if (withViews) {
      this.view = (block) => {
        this.#tick();
        return device.view(block);
      };
    }
  }

  /** Another call begins. */
  expectCall(what: string): void {
    this.#what = what;
    this.#count = 0;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#tick();
    this.#device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#tick();
    this.#device.prog(block, offset, source);
  }

  erase(block: number): void {
    this.#tick();
    this.#device.erase(block);
  }

  sync(): void {
    this.#tick();
  }

  #tick(): void {
    this.#count++;
    const share = this.#count / this.#limit;
    if (share > ImpatientDevice.worst.share) ImpatientDevice.worst = { share, what: this.#what };
    if (this.#count > this.#limit) throw new Error(`${this.#what}: more than ${this.#limit} calls of the device`);
  }
}

// ---- everything that can be asked

class Asker {
  readonly device: ImpatientDevice;
  readonly #bytesMax: number;
  readonly #entriesMax: number;

  constructor(device: ImpatientDevice) {
    this.device = device;
    this.#bytesMax = device.blockSize * device.blockCount;
    // An entry takes a name tag, which is four bytes at least.
    this.#entriesMax = this.#bytesMax / 4;
  }

  /** An answer, or `undefined` for an `LfsError`; anything else is what this test looks for. */
  ask<T>(what: string, call: () => T): T | undefined {
    this.device.expectCall(what);
    try {
      return call();
    } catch (error) {
      if (error instanceof LfsError) return undefined;
      throw new Error(`${what}: ${String(error)}`, { cause: error });
    }
  }

  all(config: LfsConfig): void {
    this.ask('check', () => check(this.device, config));
    for (const round of ['first', 'second']) {
      const lfs = this.ask(`${round} mount`, () => LittleFS.mount(this.device, config));
      if (lfs === undefined) return;
      this.#questions(lfs, round);
      this.#writes(lfs);
      this.#questions(lfs, `after the writes of the ${round}`);
      this.ask('unmount', () => lfs.unmount());
    }
  }

  #questions(lfs: LittleFS, round: string): void {
    const entries = this.#walk(lfs, round);
    this.ask('fsStat', () => lfs.fsStat());
    this.ask('fsSize', () => lfs.fsSize());
    this.ask('traverse', () => lfs.traverse(() => {}));
    for (const path of entries.slice(0, 40)) {
      this.ask(`stat ${path}`, () => lfs.stat(path));
      for (const attr of this.ask(`listAttrs ${path}`, () => lfs.listAttrs(path)) ?? []) {
        this.ask(`getAttr ${path} ${attr.type}`, () => lfs.getAttr(path, attr.type));
      }
    }
  }

  /** Lists every directory and reads every file; the paths found. */
  #walk(lfs: LittleFS, round: string): Uint8Array[][] {
    const found: Uint8Array[][] = [];
    const todo: Uint8Array[][] = [[]];
    for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
      const here = path;
      // A directory has a pair of its own: a way down through more of them runs in a circle.
      if (here.length > this.device.blockCount)
        throw new Error(`${round}: ${shown(here)} is deeper than there are blocks`);
      this.ask(`list ${shown(here)}`, () => {
        for (const { name, nameBytes, type: kind, size } of lfs.openDir(here)) {
          if (name === '.' || name === '..') continue;
          const child = [...here, nameBytes];
          found.push(child);
          if (found.length > this.#entriesMax) throw new Error(`${round}: the listing of ${shown(here)} does not end`);
          if (size > this.#bytesMax)
            throw new Error(`${shown(child)} has ${size} bytes on a device of ${this.#bytesMax}`);
          if (kind === 'dir') todo.push(child);
        }
      });
    }
    for (const path of found) {
      const file = this.ask(`open ${shown(path)}`, () => lfs.open(path, O_RDONLY));
      if (file === undefined) continue;
      const size = file.size();
      if (size > this.#bytesMax)
        throw new Error(`${shown(path)} opens with ${size} bytes on a device of ${this.#bytesMax}`);
      const bytes = new Uint8Array(size);
      this.ask(`read ${shown(path)}`, () => file.read(bytes));
      this.ask(`read the middle of ${shown(path)}`, () => {
        file.seek(size >> 1);
        file.read(bytes, 0, size - (size >> 1));
      });
      this.ask(`close ${shown(path)}`, () => file.close());
    }
    return found;
  }

  #writes(lfs: LittleFS): void {
    const { ask } = this;
    const say = <T>(what: string, call: () => T): T | undefined => ask.call(this, what, call) as T | undefined;
    const root = this.ask('list /', () => [...lfs.openDir('/')].slice(2)) ?? [];
    say('makeConsistent', () => lfs.makeConsistent());
    say('gc', () => lfs.gc());
    say('mkdir', () => lfs.mkdir('new-dir'));
    say('mkdir in it', () => lfs.mkdir('new-dir/deep'));
    const file = say('create', () => lfs.open('new-dir/file', O_RDWR | O_CREAT));
    if (file !== undefined) {
      say('write', () => file.write(content(3 * this.device.blockSize, 7)));
      say('truncate', () => file.truncate(this.device.blockSize + 3));
      say('sync', () => file.sync());
      say('close', () => file.close());
    }
    for (const { nameBytes } of root.slice(0, 6)) {
      const path = [nameBytes];
      const appended = say(`open ${shown(path)} to append`, () => lfs.open(path, O_WRONLY | O_APPEND));
      if (appended !== undefined) {
        say(`append to ${shown(path)}`, () => appended.write(content(40, 3)));
        say(`close ${shown(path)}`, () => appended.close());
      }
      say(`setAttr ${shown(path)}`, () => lfs.setAttr(path, 9, content(12, 5)));
      say(`rename ${shown(path)}`, () => lfs.rename(path, ['new-dir', nameBytes]));
      say(`rename ${shown(path)} back`, () => lfs.rename(['new-dir', nameBytes], path));
      say(`remove ${shown(path)}`, () => lfs.remove(path));
    }
    say('rename', () => lfs.rename('new-dir/file', 'new-file'));
    say('remove', () => lfs.remove('new-file'));
    say('remove', () => lfs.remove('new-dir'));
    say('grow', () => lfs.grow(this.device.blockCount));
    say('gc again', () => lfs.gc());
  }
}

function shown(path: readonly Uint8Array[]): string {
  return `/${path.map((name) => Buffer.from(name).toString('latin1').slice(0, 20)).join('/')}`;
}

const small = manifest.images.filter(({ image_size }) => image_size <= 65536);
const cached = new Map<string, Uint8Array>();

function imageBytes(file: string): Uint8Array {
  const bytes = cached.get(file) ?? goldenBytes(file);
  cached.set(file, bytes);
  return bytes;
}

/** A root directory that goes on in the pairs of one of its own directories. */
const found: [string, Mutation[], boolean, boolean][] = [
  [
    'many_removed_bs512',
    [
      { kind: 'append', pair: 0, tags: [{ type: type.HARDTAIL, id: 1023, data: words(23, 0), deleted: false }] },
      { kind: 'append', pair: 0, tags: [{ type: 255, id: 1023, data: Uint8Array.of(97), deleted: false }] },
    ],
    false,
    false,
  ],
];

describe('hostile images never hang', () => {
  it('any mutation of a good image ends in answers and LfsErrors, in bounded work', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...small.map(({ name }) => name)),
        fc.array(mutations, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.boolean(),
        (name, all, withCount, withViews) => {
          const golden = small.find((image) => image.name === name)!;
          const { blockCount: _, ...config } = configOf(golden.config);
          const geometry = {
            blockSize: golden.config.block_size,
            blockCount: golden.device_blocks,
            readSize: golden.config.read_size,
            progSize: golden.config.prog_size,
          };
          const device = new RamDevice({ ...geometry, image: damaged(imageBytes(golden.file), geometry, all) });
          const pieces = Math.ceil(geometry.blockSize / golden.config.cache_size);
          // Every piece of every block, three times over.
          const limit = 100 + 3 * geometry.blockCount * pieces;
          const asker = new Asker(new ImpatientDevice(device, limit, withViews));
          asker.all(withCount ? { ...config, blockCount: golden.config.block_count } : config);
        },
      ),
      { ...runs(150), examples: found },
    );
    expect(ImpatientDevice.worst.share).toBeLessThanOrEqual(1);
  });
});
