/**
 * What the property tests draw at random: geometries, devices, power cuts, and work to be done.
 *
 * Names come from a small pool and sizes from around where something changes, so that steps meet: a rename finds a
 * file in its way, a handle the file that somebody else removes.
 *
 * @module
 */
import fc from 'fast-check';
import { type CutMode, FlashDevice, type PowerCut } from '../../src/device/index.ts';
import {
  type LfsConfig,
  LfsError,
  LittleFS,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import type { Step } from './commands.ts';

/** The length of a quick run, unless `npm run fuzz` asked for another: the one place that knows both. */
export function runs(quick: number): { numRuns: number } {
  return { numRuns: fc.readConfigureGlobal().numRuns ?? quick };
}

// ---- geometries

export interface Geometry {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly config: LfsConfig;
}

export interface GeometryRange {
  readonly blockSizes?: readonly number[];
  readonly blockCounts?: readonly [number, number];
  /** Limits of names, files and attributes besides the defaults (default true). */
  readonly limits?: boolean;
}

function divisorsOf(size: number, from: number): number[] {
  const all = Array.from({ length: size }, (_, i) => i + 1);
  return all.filter((n) => n >= from && size % n === 0);
}

/** A geometry with a configuration that fits it. */
export function geometries(range: GeometryRange = {}): fc.Arbitrary<Geometry> {
  const { blockSizes = [128, 256, 384, 512, 1024, 4096], blockCounts = [24, 96], limits = true } = range;
  const policies = fc.record({
    lookaheadSize: fc.constantFrom(1, 2, 8, 64),
    blockCycles: fc.constantFrom(-1, 1, 2, 3, 5, 100),
    compactThresh: fc.constantFrom(0, -1),
    inlineMax: fc.constantFrom(0, 0, -1),
    diskVersion: fc.constantFrom('2.1' as const, '2.1' as const, '2.0' as const),
    halfMetadata: fc.constantFrom(false, false, true),
    attrMax: limits ? fc.constantFrom(0, 0, 8, 60) : fc.constant(0),
    nameMax: limits ? fc.constantFrom(0, 0, 12) : fc.constant(0),
    fileMax: limits ? fc.constantFrom(0, 0, 3000) : fc.constant(0),
  });
  return fc
    .record({
      blockSize: fc.constantFrom(...blockSizes),
      blockCount: fc.integer({ min: blockCounts[0], max: blockCounts[1] }),
    })
    .chain(({ blockSize, blockCount }) =>
      fc.constantFrom(...divisorsOf(blockSize, 16)).chain((cacheSize) => {
        const unit = fc.constantFrom(...divisorsOf(cacheSize, 1));
        return fc
          .record({ readSize: unit, progSize: unit, policies })
          .map(({ readSize, progSize, policies: chosen }) => {
            const { halfMetadata, ...config } = chosen;
            const half = blockSize / 2;
            const fits = halfMetadata && half >= 256 && half % readSize === 0 && half % progSize === 0;
            return {
              blockSize,
              blockCount,
              readSize,
              progSize,
              config: { ...config, cacheSize, readSize, progSize, metadataMax: fits ? half : 0 },
            };
          });
      }),
    );
}

/** With plenty of room for everything that `steps` does. */
export const roomyGeometries: fc.Arbitrary<Geometry> = geometries({
  blockSizes: [512, 1024, 4096],
  blockCounts: [300, 700],
}).filter(({ config, blockSize }) => (config.progSize ?? 1) <= 64 && (config.metadataMax || blockSize) >= 512);

// ---- devices

/** How a simulated chip treats its cells; `reorder`: it may lose some of what was not synced. */
export interface ChipKind {
  readonly nor: 'strict' | 'and' | false;
  readonly eraseValue: number | 'keep';
  readonly reorder: boolean;
}

export const chipKinds: fc.Arbitrary<ChipKind> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ nor: 'strict', eraseValue: 0xff, reorder: false } as const) },
  { weight: 1, arbitrary: fc.constant({ nor: 'strict', eraseValue: 0x00, reorder: false } as const) },
  { weight: 2, arbitrary: fc.constant({ nor: 'and', eraseValue: 0xff, reorder: false } as const) },
  { weight: 2, arbitrary: fc.constant({ nor: 'and', eraseValue: 0xff, reorder: true } as const) },
  { weight: 2, arbitrary: fc.constant({ nor: false, eraseValue: 'keep', reorder: true } as const) },
);

export function flashOf(geometry: Geometry, kind: Partial<ChipKind> = {}): FlashDevice {
  const { blockSize, blockCount, readSize, progSize } = geometry;
  const { nor = 'strict', eraseValue = 0xff, reorder = false } = kind;
  return new FlashDevice({ blockSize, blockCount, readSize, progSize, nor, eraseValue, reorder });
}

/** Formats. A block too small for the superblock's commit is no case: fast-check draws another. */
export function formatted<Device extends FlashDevice>(device: Device, config: LfsConfig): Device {
  try {
    LittleFS.format(device, config);
  } catch (error) {
    if (!(error instanceof LfsError) || error.code !== 'LFS_ERR_NOSPC') throw error;
    fc.pre(false);
  }
  return device;
}

/** A loss of power some writes ahead. */
export interface Cut {
  readonly after: number;
  readonly mode: 'done' | 'noop' | 'flip' | { readonly from: number; readonly to: number } | { readonly odd: number };
  /** Bits that say which of the unsynced writes are lost, on a chip that reorders. */
  readonly lost: number;
}

/**
 * `far`: at most so many writes ahead. A tear anywhere inside a program is `from`, `to` and `odd` (bytes at random).
 */
export function cuts(far: number): fc.Arbitrary<Cut> {
  const place = fc.oneof(fc.nat(24), fc.nat(600));
  return fc.record({
    after: fc.integer({ min: 1, max: far }),
    mode: fc.oneof(
      fc.constantFrom('done' as const, 'noop' as const, 'flip' as const),
      place.map((to) => ({ from: 0, to })),
      fc.record({ from: place, to: place.map((n) => n + 8) }),
      fc.record({ odd: fc.nat(0xffff) }),
    ),
    lost: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
  });
}

/** The device's words for a cut. A strict chip is torn from the front only: what it programs, it programs in order. */
export function powerCutOf(cut: Cut, kind: ChipKind): PowerCut {
  const { after, lost } = cut;
  const mode = cutModeOf(cut.mode, kind);
  return kind.reorder ? { after, mode, unsynced: (_, index) => ((lost >>> (index % 32)) & 1) === 0 } : { after, mode };
}

function cutModeOf(mode: Cut['mode'], { nor }: ChipKind): CutMode {
  if (typeof mode === 'string') return mode;
  if ('odd' in mode) {
    const { odd } = mode;
    if (nor === 'strict') return { to: odd % 64 };
    return { only: (index) => (((odd >>> (index % 16)) ^ (index * 7)) & 1) === 0 };
  }
  return nor === 'strict' ? { to: mode.to } : mode;
}

// ---- work

export interface WorkRange {
  /** Bytes of the largest file. */
  readonly sizeMax: number;
  /** Groups of steps. */
  readonly lengthMax: number;
  /** Paths with dots, doubled slashes and the like (default false). */
  readonly oddPaths?: boolean;
}

const shortNames = ['a', 'b', 'ab', 'd', 'é'];
const manyNames = Array.from({ length: 6 }, (_, i) => `entry-${i}`);
const names = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...shortNames) },
  { weight: 4, arbitrary: fc.constantFrom(...manyNames) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(20), 'x'.repeat(60)) },
);
const directories = ['/a', '/b', '/d', '/a/b', '/d/d'];
/** Where something may come to be, and what probably is there already (`commands.ts` says how it is named). */
const newPaths = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.nat(9), names).map(([n, name]) => `@${n}/${name}`) },
  { weight: 2, arbitrary: names.map((name) => `/${name}`) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...directories), names).map(([directory, name]) => `${directory}/${name}`),
  },
);
const known = fc.nat(40).map((n) => `#${n}`);
const paths = fc.oneof({ weight: 3, arbitrary: known }, { weight: 1, arbitrary: newPaths });
const oddPaths = fc
  .array(fc.oneof({ weight: 4, arbitrary: names }, { weight: 2, arbitrary: fc.constantFrom('.', '..', '', '/') }), {
    maxLength: 5,
  })
  .map((parts) => parts.join('/'));

const seeds = fc.integer({ min: 1, max: 999 });
const attrTypes = fc.constantFrom(0, 1, 0x74, 255);
const slots = fc.nat(2);

/** Work in groups that make sense, mixed with single steps that need not. */
export function work({ sizeMax, lengthMax, oddPaths: odd = false }: WorkRange): fc.Arbitrary<Step[]> {
  const maybeOdd = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    odd ? fc.oneof({ weight: 7, arbitrary }, { weight: 1, arbitrary: oddPaths }) : arbitrary;
  const path = maybeOdd(paths);
  const newPath = maybeOdd(newPaths);
  const eitherPath = fc.oneof(path, newPath);
  const edge = fc.constantFrom(16, 32, 64, 120, 128, 248, 256, 504, 512, 1024, 4096);
  const size = fc.oneof(
    fc.nat(70),
    fc.nat(sizeMax),
    fc.tuple(edge, fc.integer({ min: -9, max: 9 })).map(([n, d]) => Math.min(sizeMax, n + d)),
  );
  const attrSize = fc.oneof({ weight: 3, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(70) });
  const attr = fc.record({ type: attrTypes, size: attrSize, seed: seeds });
  const attrs = fc.uniqueArray(attr, { selector: ({ type }) => type, maxLength: 3 });
  const maybeAttrs = fc.option(attrs, { nil: undefined });
  const one = (arbitrary: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> => arbitrary.map((step) => [step]);

  const writeFile = fc
    .record({
      path: eitherPath,
      flags: fc.constantFrom(O_TRUNC, O_TRUNC, 0, O_APPEND, O_EXCL),
      size,
      seed: seeds,
      offset: fc.oneof(fc.constant(0), size),
      attrs: maybeAttrs,
    })
    .map(({ path: to, flags, size: bytes, seed, offset, attrs: given }): Step[] => [
      { op: 'open', slot: 9, path: to, flags: O_WRONLY | O_CREAT | flags, ...(given ? { attrs: given } : {}) },
      ...(offset > 0 && flags === 0 ? [{ op: 'seek', slot: 9, offset, whence: 0 } as const] : []),
      { op: 'write', slot: 9, size: bytes, seed },
      { op: 'close', slot: 9 },
    ]);
  const readFile = fc.record({ path, size }).map(({ path: from, size: bytes }): Step[] => [
    { op: 'open', slot: 8, path: from, flags: O_RDONLY, attrs: [{ type: 1, size: 9, seed: 1 }] },
    { op: 'read', slot: 8, size: bytes },
    { op: 'close', slot: 8 },
  ]);
  const truncate = fc.record({ path, size }).map(({ path: to, size: bytes }): Step[] => [
    { op: 'open', slot: 9, path: to, flags: O_RDWR },
    { op: 'truncate', slot: 9, size: bytes },
    { op: 'close', slot: 9 },
  ]);
  const open = fc.record({
    op: fc.constant('open' as const),
    path: eitherPath,
    flags: fc.constantFrom(
      O_RDONLY,
      O_WRONLY | O_CREAT,
      O_RDWR,
      O_RDWR | O_CREAT,
      O_RDWR | O_CREAT | O_TRUNC,
      O_RDWR | O_CREAT | O_APPEND,
      O_RDONLY | O_CREAT,
    ),
    attrs,
  });
  const onFile = fc.oneof(
    fc.record({ op: fc.constant('write' as const), size, seed: seeds }),
    fc.record({ op: fc.constant('write' as const), size, seed: seeds }),
    fc.record({ op: fc.constantFrom('read' as const, 'truncate' as const), size }),
    fc.record({
      op: fc.constant('seek' as const),
      offset: fc.oneof(
        size,
        size.map((n) => -n),
      ),
      whence: fc.nat(2),
    }),
    fc.record({ op: fc.constantFrom('tell' as const, 'size' as const, 'sync' as const, 'sync' as const) }),
    fc.record({ op: fc.constant('fillattr' as const), index: fc.nat(2), seed: seeds }),
  );
  // A handle is used some times, and stays open beyond that until somebody closes it.
  const session = fc
    .record({
      slot: slots,
      open: fc.option(open, { nil: undefined }),
      uses: fc.array(onFile, { maxLength: 5, size: 'max' }),
      close: fc.boolean(),
    })
    .map(({ slot, open: first, uses, close }): Step[] => [
      ...(first ? [{ ...first, slot }] : []),
      ...uses.map((use): Step => ({ ...use, slot })),
      ...(close ? [{ op: 'close', slot } as const] : []),
    ]);
  const rename = fc.record({ op: fc.constant('rename' as const), path, to: eitherPath });
  const mkdir = fc.record({ op: fc.constant('mkdir' as const), path: eitherPath });
  const remove = fc.record({ op: fc.constant('remove' as const), path });
  const setattr = fc.record({
    op: fc.constant('setattr' as const),
    path: fc.oneof({ weight: 5, arbitrary: path }, { weight: 1, arbitrary: fc.constant('/') }),
    type: attrTypes,
    size: attrSize,
    seed: seeds,
  });
  const ask = fc.oneof(
    fc.record({ op: fc.constantFrom('stat' as const, 'list' as const, 'listattrs' as const), path }),
    fc.record({ op: fc.constantFrom('getattr' as const, 'removeattr' as const), path, type: attrTypes }),
  );
  const whole = fc.record({ op: fc.constantFrom('remount' as const, 'consistent' as const, 'gc' as const) });
  const group = fc.oneof(
    { weight: 8, arbitrary: writeFile },
    { weight: 1, arbitrary: readFile },
    { weight: 2, arbitrary: truncate },
    { weight: 4, arbitrary: one(mkdir) },
    { weight: 5, arbitrary: one(rename) },
    { weight: 3, arbitrary: one(remove) },
    { weight: 2, arbitrary: one(setattr) },
    { weight: 2, arbitrary: one(ask) },
    { weight: 5, arbitrary: session },
    { weight: 1, arbitrary: one(whole) },
  );
  // Nothing to find where nothing was made: most work begins with some directories and files.
  const made = fc.subarray(directories).map((all) => all.map((name): Step => ({ op: 'mkdir', path: name })));
  const files = fc.array(writeFile, { maxLength: lengthMax >> 3, size: 'max' });
  const rest = fc.array(group, { maxLength: lengthMax, size: 'max' });
  return fc.tuple(made, files, rest).map((parts) => parts.flat(2));
}
