/**
 * `Stats`, `BigIntStats` and `StatFs`: what the POSIX layer answers, in Node's shape.
 *
 * Functions, not classes, since Node's can be called without `new`. Dates are made when they are asked for: most
 * callers never do, and four of them cost more than the rest of a `stat`.
 *
 * @module
 */

import type { StatFs as PosixStatFs, Stat } from '../vfs/posix.ts';
import { constants } from './constants.ts';
import { nodeMajor } from './node-version.ts';

const { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } = constants;

type Numeric = number | bigint;

interface StatsBase {
  mode: Numeric;
  atimeMs: Numeric;
  mtimeMs: Numeric;
  ctimeMs: Numeric;
  birthtimeMs: Numeric;
  _checkModeProperty(type: number): boolean;
}

/** What both kinds have. */
function StatsBase(): void {}

const typeTests = {
  isDirectory: S_IFDIR,
  isFile: S_IFREG,
  isBlockDevice: S_IFBLK,
  isCharacterDevice: S_IFCHR,
  isSymbolicLink: S_IFLNK,
  isFIFO: S_IFIFO,
  isSocket: S_IFSOCK,
} as const;

for (const [name, type] of Object.entries(typeTests)) {
  StatsBase.prototype[name] = function (this: StatsBase): boolean {
    return this._checkModeProperty(type);
  };
}

type TimeName = 'atime' | 'mtime' | 'ctime' | 'birthtime';

/** The dates of a prototype: each becomes a property of the object's own when it is first read, or set. */
function addDates(prototype: object): void {
  for (const name of ['atime', 'mtime', 'ctime', 'birthtime'] as const satisfies readonly TimeName[]) {
    const keep = (target: object, value: unknown): unknown => {
      Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
      return value;
    };
    Object.defineProperty(prototype, name, {
      get(this: StatsBase): unknown {
        return keep(this, new Date(Math.round(Number(this[`${name}Ms`]))));
      },
      set(this: object, value: unknown) {
        keep(this, value);
      },
      enumerable: true,
      configurable: true,
    });
  }
}

/** Before Node 22 an object of statistics has its dates from the beginning. */
const hasDates = nodeMajor < 22;

function makeDates(stats: Record<string, unknown>): void {
  stats.atime = new Date(Math.round(Number(stats.atimeMs)));
  stats.mtime = new Date(Math.round(Number(stats.mtimeMs)));
  stats.ctime = new Date(Math.round(Number(stats.ctimeMs)));
  stats.birthtime = new Date(Math.round(Number(stats.birthtimeMs)));
}

/** As Node's: ten numbers and four times in milliseconds. */
// biome-ignore lint/suspicious/noExplicitAny: a function that is also a constructor
export const Stats: any = function Stats(
  this: Record<string, unknown>,
  dev: number,
  mode: number,
  nlink: number,
  uid: number,
  gid: number,
  rdev: number,
  blksize: number,
  ino: number,
  size: number,
  blocks: number,
  atimeMs: number,
  mtimeMs: number,
  ctimeMs: number,
  birthtimeMs: number,
): void {
  this.dev = dev;
  this.mode = mode;
  this.nlink = nlink;
  this.uid = uid;
  this.gid = gid;
  this.rdev = rdev;
  this.blksize = blksize;
  this.ino = ino;
  this.size = size;
  this.blocks = blocks;
  this.atimeMs = atimeMs;
  this.mtimeMs = mtimeMs;
  this.ctimeMs = ctimeMs;
  this.birthtimeMs = birthtimeMs;
  if (hasDates) makeDates(this);
};
Object.setPrototypeOf(Stats.prototype, StatsBase.prototype);
Object.setPrototypeOf(Stats, StatsBase);
if (!hasDates) addDates(Stats.prototype);
Stats.prototype._checkModeProperty = function (this: { mode: number }, type: number): boolean {
  return (this.mode & S_IFMT) === type;
};

/** As Node's: the same in bigints, and four times in nanoseconds. */
// biome-ignore lint/suspicious/noExplicitAny: a function that is also a constructor
export const BigIntStats: any = function BigIntStats(this: Record<string, unknown>, from: Stat): void {
  this.dev = BigInt(from.dev);
  this.mode = BigInt(from.mode);
  this.nlink = BigInt(from.nlink);
  this.uid = BigInt(from.uid);
  this.gid = BigInt(from.gid);
  this.rdev = BigInt(from.rdev);
  this.blksize = BigInt(from.blksize);
  this.ino = BigInt(from.ino);
  this.size = BigInt(from.size);
  this.blocks = BigInt(from.blocks);
  const atimeNs = nanoseconds(from.atimeSec, from.atimeNsec);
  const mtimeNs = nanoseconds(from.mtimeSec, from.mtimeNsec);
  const ctimeNs = nanoseconds(from.ctimeSec, from.ctimeNsec);
  const birthtimeNs = nanoseconds(from.birthtimeSec, from.birthtimeNsec);
  this.atimeMs = atimeNs / 1_000_000n;
  this.mtimeMs = mtimeNs / 1_000_000n;
  this.ctimeMs = ctimeNs / 1_000_000n;
  this.birthtimeMs = birthtimeNs / 1_000_000n;
  this.atimeNs = atimeNs;
  this.mtimeNs = mtimeNs;
  this.ctimeNs = ctimeNs;
  this.birthtimeNs = birthtimeNs;
  if (hasDates) makeDates(this);
};
Object.setPrototypeOf(BigIntStats.prototype, StatsBase.prototype);
Object.setPrototypeOf(BigIntStats, StatsBase);
if (!hasDates) addDates(BigIntStats.prototype);
BigIntStats.prototype._checkModeProperty = function (this: { mode: bigint }, type: number): boolean {
  return (Number(this.mode) & S_IFMT) === type;
};

function nanoseconds(sec: number, nsec: number): bigint {
  return BigInt(sec) * 1_000_000_000n + BigInt(nsec);
}

/** The object that a `stat` call gives. */
export function toStats(from: Stat, bigint?: boolean): object {
  if (bigint === true) return new BigIntStats(from);
  return new Stats(
    from.dev,
    from.mode,
    from.nlink,
    from.uid,
    from.gid,
    from.rdev,
    from.blksize,
    from.ino,
    from.size,
    from.blocks,
    from.atimeSec * 1000 + from.atimeNsec / 1e6,
    from.mtimeSec * 1000 + from.mtimeNsec / 1e6,
    from.ctimeSec * 1000 + from.ctimeNsec / 1e6,
    from.birthtimeSec * 1000 + from.birthtimeNsec / 1e6,
  );
}

class StatFs {
  type: Numeric;
  bsize: Numeric;
  frsize: Numeric;
  blocks: Numeric;
  bfree: Numeric;
  bavail: Numeric;
  files: Numeric;
  ffree: Numeric;

  constructor(from: PosixStatFs, as: (value: number) => Numeric) {
    this.type = as(from.type);
    this.bsize = as(from.bsize);
    this.frsize = as(from.bsize);
    this.blocks = as(from.blocks);
    this.bfree = as(from.bfree);
    this.bavail = as(from.bavail);
    this.files = as(from.files);
    this.ffree = as(from.ffree);
  }
}

/** The object that `statfs` gives. */
export function toStatFs(from: PosixStatFs, bigint?: boolean): object {
  return new StatFs(from, bigint === true ? BigInt : Number);
}
