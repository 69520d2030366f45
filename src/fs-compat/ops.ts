/**
 * The calls that are one call of the POSIX layer: arguments checked in Node's order, and the call to make.
 *
 * Each is here once; the synchronous, callback and promise faces are made of these.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { VfsError } from '../vfs/errno.ts';
import type { PathLike, PosixFs, Stat } from '../vfs/posix.ts';
import {
  getOptions,
  noOptions,
  type Options,
  toFd,
  toFlags,
  toHow,
  toMode,
  toTime,
  toValidPath,
  validateBoolean,
  validateInteger,
  validateOneOf,
  validateOwner,
} from './args.ts';
import { Call } from './call.ts';
import { constants } from './constants.ts';
import { toEncoded } from './dirent.ts';
import { codedError, posixError } from './errors.ts';
import { nodeMajor } from './node-version.ts';
import { toStatFs, toStats } from './stats.ts';

type Text = string | Buffer;

/** What `createOps` makes. */
export interface Ops {
  access(path: unknown, mode?: unknown): Call<void>;
  chmod(path: unknown, mode: unknown): Call<void>;
  chown(path: unknown, uid: unknown, gid: unknown): Call<void>;
  close(fd: unknown): Call<void>;
  copyFile(from: unknown, to: unknown, mode?: unknown): Call<void>;
  fchmod(fd: unknown, mode: unknown): Call<void>;
  fchown(fd: unknown, uid: unknown, gid: unknown): Call<void>;
  fdatasync(fd: unknown): Call<void>;
  fstat(fd: unknown, options?: unknown): Call<object>;
  fsync(fd: unknown): Call<void>;
  ftruncate(fd: unknown, size?: unknown): Call<void>;
  futimes(fd: unknown, atime: unknown, mtime: unknown): Call<void>;
  lchown(path: unknown, uid: unknown, gid: unknown): Call<void>;
  link(existing: unknown, path: unknown): Call<void>;
  lstat(path: unknown, options?: unknown): Call<object | undefined>;
  lutimes(path: unknown, atime: unknown, mtime: unknown): Call<void>;
  mkdir(path: unknown, options?: unknown): Call<string | undefined>;
  mkdtemp(prefix: unknown, options?: unknown): Call<Text>;
  open(path: unknown, flags?: unknown, mode?: unknown): Call<number>;
  readlink(path: unknown, options?: unknown): Call<Text>;
  realpath(path: unknown, options?: unknown): Call<Text>;
  rename(from: unknown, to: unknown): Call<void>;
  rmdir(path: unknown): Call<void>;
  stat(path: unknown, options?: unknown): Call<object | undefined>;
  statfs(path: unknown, options?: unknown): Call<object>;
  symlink(target: unknown, path: unknown, type?: unknown): Call<void>;
  unlink(path: unknown): Call<void>;
  utimes(path: unknown, atime: unknown, mtime: unknown): Call<void>;
}

/** Windows has these; here they are all the same. */
const linkTypes: readonly unknown[] = ['dir', 'file', 'junction', null, undefined];
const absent: ReadonlySet<string> = new Set(nodeMajor < 22 ? ['ENOENT'] : ['ENOENT', 'ENOTDIR']);

export function createOps(vfs: PosixFs): Ops {
  const statCall = (path: unknown, given: unknown, follow: boolean): Call<object | undefined> => {
    const checked = toValidPath(path);
    // As in Node: options are asked, not checked. `null` has none to ask.
    const bigint = (given as Options).bigint;
    const throwIfNoEntry = (given as Options).throwIfNoEntry;
    return new Call(
      follow ? 'stat' : 'lstat',
      () => {
        const found = vfs.probe(checked, follow);
        if (typeof found !== 'string') return toStats(found, bigint as boolean);
        if (throwIfNoEntry === false && absent.has(found)) return undefined;
        throw posixError(found, follow ? 'stat' : 'lstat', checked);
      },
      checked,
    );
  };
  const copyFrom = (from: PathLike, to: PathLike, how: number): void => {
    if (how & constants.COPYFILE_FICLONE_FORCE) throw new VfsError('ENOTSUP');
    vfs.copyFile(from, to, (how & constants.COPYFILE_EXCL) !== 0);
  };

  return {
    access(path, mode) {
      const checked = toValidPath(path);
      const how = toHow(mode);
      return new Call('access', () => vfs.access(checked, how), checked);
    },
    chmod(path, mode) {
      const checked = toValidPath(path);
      const bits = toMode(mode, 'mode');
      return new Call('chmod', () => vfs.chmod(checked, bits), checked);
    },
    chown(path, uid, gid) {
      const checked = toValidPath(path);
      validateOwner(uid, gid);
      return new Call('chown', () => vfs.chown(checked, uid as number, gid as number), checked);
    },
    close(fd) {
      const checked = toFd(fd);
      return new Call('close', () => vfs.close(checked));
    },
    copyFile(from, to, mode) {
      const source = toValidPath(from, 'src');
      const target = toValidPath(to, 'dest');
      const how = toHow(mode);
      return new Call('copyfile', () => copyFrom(source, target, how), source, target);
    },
    fchmod(fd, mode) {
      const bits = toMode(mode, 'mode');
      const checked = toFd(fd);
      return new Call('fchmod', () => vfs.fchmod(checked, bits));
    },
    fchown(fd, uid, gid) {
      validateOwner(uid, gid);
      const checked = toFd(fd);
      return new Call('fchown', () => vfs.fchown(checked, uid as number, gid as number));
    },
    fdatasync(fd) {
      const checked = toFd(fd);
      return new Call('fdatasync', () => vfs.fdatasync(checked));
    },
    fstat(fd, options) {
      const bigint = (options as Options).bigint;
      const checked = toFd(fd);
      return new Call('fstat', () =>
        toStats(checked < 3 ? standardStream(checked) : vfs.fstat(checked), bigint as boolean),
      );
    },
    fsync(fd) {
      const checked = toFd(fd);
      return new Call('fsync', () => vfs.fsync(checked));
    },
    ftruncate(fd, size = 0) {
      validateInteger(size, 'len');
      const checked = toFd(fd);
      return new Call('ftruncate', () => vfs.ftruncate(checked, size < 0 ? 0 : size));
    },
    futimes(fd, atime, mtime) {
      const accessed = toTime(atime, 'atime');
      const modified = toTime(mtime, 'mtime');
      const checked = toFd(fd);
      return new Call('futime', () => vfs.futimes(checked, accessed, modified));
    },
    lchown(path, uid, gid) {
      const checked = toValidPath(path);
      validateOwner(uid, gid);
      return new Call('lchown', () => vfs.lchown(checked, uid as number, gid as number), checked);
    },
    link(existing, path) {
      const source = toValidPath(existing, 'existingPath');
      const target = toValidPath(path, 'newPath');
      return new Call('link', () => vfs.link(source, target), source, target);
    },
    lstat(path, options) {
      return statCall(path, options, false);
    },
    lutimes(path, atime, mtime) {
      const checked = toValidPath(path);
      const accessed = toTime(atime);
      const modified = toTime(mtime);
      return new Call('lutime', () => vfs.lutimes(checked, accessed, modified), checked);
    },
    mkdir(path, options) {
      // Newer Nodes look at the options first.
      if (nodeMajor < 22) toValidPath(path);
      const { mode, recursive } = toMkdirOptions(options);
      const checked = toValidPath(path);
      return new Call(
        'mkdir',
        () => (recursive ? makeTree(vfs, checked, mode) : (vfs.mkdir(checked, mode) as undefined)),
        checked,
      );
    },
    mkdtemp(prefix, options) {
      const { encoding } = getOptions(options);
      const checked = toValidPath(prefix, 'prefix');
      warnOfTemplate(checked);
      const start = typeof checked === 'string' ? checked : Buffer.from(checked);
      const shown = typeof start === 'string' ? `${start}XXXXXX` : Buffer.concat([start, Buffer.from('XXXXXX')]);
      return new Call('mkdtemp', () => makeTemporary(vfs, start, encoding), shown);
    },
    open(path, flags, mode) {
      const checked = toValidPath(path);
      const how = toFlags(flags);
      const bits = toMode(mode, 'mode', 0o666);
      return new Call('open', () => vfs.open(checked, how, bits), checked);
    },
    readlink(path, options) {
      const { encoding } = getOptions(options);
      const checked = toValidPath(path);
      return new Call('readlink', () => toEncoded(vfs.readlink(checked), encoding), checked);
    },
    realpath(path, options) {
      const { encoding } = getOptions(options);
      const checked = toValidPath(path);
      return new Call('realpath', () => toEncoded(vfs.realpath(checked), encoding), checked);
    },
    rename(from, to) {
      const source = toValidPath(from, 'oldPath');
      const target = toValidPath(to, 'newPath');
      return new Call('rename', () => vfs.rename(source, target), source, target);
    },
    rmdir(path) {
      const checked = toValidPath(path);
      return new Call('rmdir', () => vfs.rmdir(checked), checked);
    },
    stat(path, options) {
      return statCall(path, options, true);
    },
    statfs(path, options) {
      const checked = toValidPath(path);
      const bigint = (options as Options).bigint;
      return new Call('statfs', () => toStatFs(vfs.statfs(checked), bigint as boolean), checked);
    },
    symlink(target, path, type) {
      if (nodeMajor >= 24) validateOneOf(type, 'type', linkTypes);
      const source = toValidPath(target, 'target');
      const checked = toValidPath(path);
      if (nodeMajor < 24 && typeof type === 'string' && !linkTypes.includes(type)) {
        const message = `Symlink type must be one of "dir", "file", or "junction". Received "${type}"`;
        throw codedError(Error, 'ERR_FS_INVALID_SYMLINK_TYPE', message);
      }
      return new Call('symlink', () => vfs.symlink(source, checked), source, checked);
    },
    unlink(path) {
      const checked = toValidPath(path);
      return new Call('unlink', () => vfs.unlink(checked), checked);
    },
    utimes(path, atime, mtime) {
      const checked = toValidPath(path);
      const accessed = toTime(atime);
      const modified = toTime(mtime);
      return new Call('utime', () => vfs.utimes(checked, accessed, modified), checked);
    },
  };
}

function toMkdirOptions(options: unknown): { mode: number; recursive: boolean } {
  if (typeof options === 'number' || typeof options === 'string') {
    return { mode: toMode(options, 'mode'), recursive: false };
  }
  const given = (options || noOptions) as Options;
  const { recursive = false } = given;
  validateBoolean(recursive, 'options.recursive');
  const name = nodeMajor < 22 ? 'mode' : 'options.mode';
  return { mode: given.mode === undefined ? 0o777 : toMode(given.mode, name), recursive };
}

/** 0, 1 and 2 are the process's own, here as everywhere: they are there, though nothing of the file system's. */
function standardStream(fd: number): Stat {
  const times = { atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0 };
  const mode = constants.S_IFCHR | 0o620;
  const rest = { dev: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blksize: 1024, blocks: 0 };
  return { ino: fd + 1, mode, ...rest, ...times, birthtimeSec: 0, birthtimeNsec: 0 };
}

/** Failures of `mkdir` after which Node looks no further. */
const saysAll: ReadonlySet<string> = new Set(['EACCES', 'ENOSPC', 'ENOTDIR', 'EPERM']);

/** Of two failures, to make a directory and to look at it, the one that Node tells. */
function worse(error: unknown, found: string): unknown {
  return saysAll.has((error as VfsError).code) ? error : new VfsError(found as VfsError['code']);
}

/** Makes a directory and those above it. The first one made, if any, as a path like the one given. */
export function makeTree(vfs: PosixFs, path: PathLike, mode: number): string | undefined {
  // One character a byte, so that cutting does no harm to other names.
  const whole = typeof path === 'string' ? path : Buffer.from(path).toString('latin1');
  const given = (part: string): PathLike => (typeof path === 'string' ? part : Buffer.from(part, 'latin1'));
  const missing: string[] = [];
  let part = whole;
  for (;;) {
    try {
      vfs.mkdir(given(part), mode);
      break;
    } catch (error) {
      const { code } = error as VfsError;
      if (code === 'ENOENT' && part !== '') {
        const shorter = parentOf(part);
        if (shorter === part || shorter === '') throw error;
        missing.push(part);
        part = shorter;
        continue;
      }
      const found = vfs.probe(given(part), true);
      if (typeof found === 'string') throw worse(error, found);
      if (!isDirectory(found)) throw code === 'EEXIST' && missing.length > 0 ? new VfsError('ENOTDIR') : error;
      // It is there already, whatever the reason that it could not be made (on a read-only file system, say).
      if (missing.length === 0) return undefined;
      part = '';
      break;
    }
  }
  const first = part === '' ? missing.at(-1)! : part;
  for (const next of missing.reverse()) {
    try {
      vfs.mkdir(given(next), mode);
    } catch (error) {
      // `a/../b`: what comes after the dots may be there.
      const found = vfs.probe(given(next), true);
      if (typeof found === 'string') throw worse(error, found);
      if (!isDirectory(found)) throw error;
    }
  }
  return typeof path === 'string' ? first : Buffer.from(first, 'latin1').toString();
}

/** `a/b` of `a/b/c/`; `''` when nothing is left. */
function parentOf(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  const slash = path.lastIndexOf('/', end - 1);
  if (slash === 0) return end === 1 ? path : '/';
  return slash === -1 ? '' : path.slice(0, slash);
}

function isDirectory(stat: Stat): boolean {
  return (stat.mode & constants.S_IFMT) === constants.S_IFDIR;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function makeTemporary(vfs: PosixFs, start: Text, encoding: unknown): Text {
  for (let attempt = 0; ; attempt++) {
    let end = '';
    while (end.length < 6) end += letters[Math.floor(Math.random() * letters.length)];
    const path = typeof start === 'string' ? start + end : Buffer.concat([start, Buffer.from(end)]);
    try {
      vfs.mkdir(path, 0o700);
    } catch (error) {
      if ((error as VfsError).code === 'EEXIST' && attempt < 100) continue;
      throw error;
    }
    return toEncoded(Buffer.from(path as string).toString('latin1'), encoding);
  }
}

let templateWarned = false;

function warnOfTemplate(prefix: PathLike): void {
  const last = typeof prefix === 'string' ? prefix.at(-1) : String.fromCharCode(prefix.at(-1) ?? 0);
  if (templateWarned || last !== 'X') return;
  templateWarned = true;
  process.emitWarning(
    'mkdtemp() templates ending with X are not portable. For details see: https://nodejs.org/api/fs.html',
  );
}
