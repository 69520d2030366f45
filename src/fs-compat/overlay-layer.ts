/**
 * One layer of an overlay: any module shaped like `node:fs`, asked by its synchronous calls.
 *
 * Paths are text, absolute and without links in them. Flags and times come as Linux and the POSIX layer have them and
 * go as the module wants them; its failures come out as `VfsError`.
 *
 * @module
 */

import { type ErrnoCode, errnos, VfsError } from '../vfs/errno.ts';
import * as linux from '../vfs/flags.ts';
import type { Stat, StatFs } from '../vfs/posix.ts';

/** What an overlay calls of a layer. The optional ones are done without where they are not there. */
export interface LayerFs
  extends Record<(typeof needed)[number], LayerCall>,
    Partial<Record<(typeof optional)[number], LayerCall>> {
  readonly constants?: Readonly<Record<string, unknown>>;
}

// biome-ignore lint/suspicious/noExplicitAny: modules declare their functions each in their own way
type LayerCall = (...args: any[]) => any;

const needed = [
  'openSync',
  'closeSync',
  'readSync',
  'writeSync',
  'fstatSync',
  'fsyncSync',
  'ftruncateSync',
  'lstatSync',
  'readdirSync',
  'readlinkSync',
  'accessSync',
  'mkdirSync',
  'rmdirSync',
  'unlinkSync',
  'renameSync',
  'symlinkSync',
  'chmodSync',
  'chownSync',
  'utimesSync',
] as const;

const optional = ['lchownSync', 'lutimesSync', 'linkSync', 'statfsSync'] as const;

/** Flags of `open`: Linux's numbers, and the names by which a module gives its own. */
const flagBits = {
  O_WRONLY: linux.O_WRONLY,
  O_RDWR: linux.O_RDWR,
  O_CREAT: linux.O_CREAT,
  O_EXCL: linux.O_EXCL,
  O_TRUNC: linux.O_TRUNC,
  O_APPEND: linux.O_APPEND,
  O_DIRECTORY: linux.O_DIRECTORY,
  O_NOFOLLOW: linux.O_NOFOLLOW,
  O_DSYNC: linux.O_DSYNC,
  O_SYNC: linux.O_SYNC,
};

const absent: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

interface BigStats {
  readonly [name: string]: bigint;
}

export class Layer {
  readonly #fs: LayerFs;
  /** What tells its inodes from those of the other layer: 0 or 1. */
  readonly #number: number;

  constructor(fs: LayerFs, number: number, title: string) {
    for (const name of needed) {
      if (typeof fs?.[name] !== 'function') throw new VfsError('EINVAL', `${title} is no fs: it has no ${name}`);
    }
    this.#fs = fs;
    this.#number = number;
  }

  /** `undefined` where there is nothing. */
  lstat(path: string): Stat | undefined {
    try {
      const stats = this.#fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? undefined : this.#stat(stats);
    } catch (error) {
      if (absent.has((error as NodeJS.ErrnoException).code)) return undefined;
      throw failure(error);
    }
  }

  fstat(fd: number): Stat {
    return this.#stat(this.call('fstatSync', fd, { bigint: true }) as BigStats);
  }

  open(path: string, flags: number, mode: number): number {
    const { constants } = this.#fs;
    let own = 0;
    for (const [name, bits] of Object.entries(flagBits)) {
      if ((flags & bits) === bits) own |= constants === undefined ? bits : Number(constants[name] ?? 0);
    }
    return this.call('openSync', path, own, mode) as number;
  }

  names(path: string): string[] {
    return this.call('readdirSync', path) as string[];
  }

  /** Owner, mode and times, as far as the module and the caller's rights allow. */
  dress(path: string, stat: Stat): void {
    const isLink = (stat.mode & linux.S_IFMT) === linux.S_IFLNK;
    const chown = isLink ? this.#fs.lchownSync : this.#fs.chownSync;
    try {
      chown?.(path, stat.uid, stat.gid);
    } catch {
      // As `cp -p` has it: who may not give files away keeps them.
    }
    if (!isLink) this.call('chmodSync', path, stat.mode & 0o7777);
    const utimes = isLink ? this.#fs.lutimesSync : this.#fs.utimesSync;
    utimes?.(path, stat.atimeSec + stat.atimeNsec / 1e9, stat.mtimeSec + stat.mtimeNsec / 1e9);
  }

  statfs(path: string): StatFs {
    return this.call('statfsSync', path) as StatFs;
  }

  /** Any of its calls, with failures as `VfsError`. */
  call(name: (typeof needed | typeof optional)[number], ...args: unknown[]): unknown {
    const fs = this.#fs;
    if (fs[name] === undefined) throw new VfsError('ENOTSUP', `the layer has no ${name}`);
    try {
      return fs[name](...args);
    } catch (error) {
      throw failure(error);
    }
  }

  #stat(from: BigStats): Stat {
    const at = (name: string) => Number(from[name] ?? 0n);
    const seconds = (name: string) => Number((from[`${name}Ns`] ?? 0n) / 1_000_000_000n);
    const rest = (name: string) => Number((from[`${name}Ns`] ?? 0n) % 1_000_000_000n);
    return {
      dev: 0,
      ino: at('ino') * 2 + this.#number,
      mode: at('mode'),
      nlink: at('nlink'),
      uid: at('uid'),
      gid: at('gid'),
      rdev: at('rdev'),
      size: at('size'),
      blksize: at('blksize'),
      blocks: at('blocks'),
      atimeSec: seconds('atime'),
      atimeNsec: rest('atime'),
      mtimeSec: seconds('mtime'),
      mtimeNsec: rest('mtime'),
      ctimeSec: seconds('ctime'),
      ctimeNsec: rest('ctime'),
      birthtimeSec: seconds('birthtime'),
      birthtimeNsec: rest('birthtime'),
    };
  }
}

function failure(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (error instanceof VfsError || typeof code !== 'string' || !(code in errnos)) return error;
  return new VfsError(code as ErrnoCode, undefined, error);
}
