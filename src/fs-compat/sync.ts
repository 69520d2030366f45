/**
 * The synchronous face of the module: each call is made at once.
 *
 * @module
 */

import type { VfsError } from '../vfs/errno.ts';
import type { PosixFs } from '../vfs/posix.ts';
import { noOptions, type Options, toSeconds, toValidPath } from './args.ts';
import { now } from './call.ts';
import { absolutePath } from './disposable.ts';
import { posixError, translated } from './errors.ts';
import { truncatesDescriptors, warnOfDescriptor } from './legacy.ts';
import { readdirCall } from './listing.ts';
import type { Ops } from './ops.ts';
import { realpathCall } from './realpath.ts';
import { toStats } from './stats.ts';
import type { NodeFs } from './types.ts';

// biome-ignore lint/suspicious/noExplicitAny: what callers pass is checked, not believed; the types are `NodeFs`'s
type Any = any;

/** Members of the module, by name. */
export type Members = Record<string, (...args: Any[]) => Any>;

export function createSync(vfs: PosixFs, ops: Ops, fs: NodeFs): Members {
  const statSync = (path: Any, options: Options = noOptions): Any => {
    if (options !== noOptions) return now(ops.stat(path, options));
    const checked = toValidPath(path);
    const found = vfs.probe(checked, true);
    if (typeof found === 'string') throw posixError(found, 'stat', checked);
    return toStats(found);
  };
  const lstatSync = (path: Any, options: Options = noOptions): Any => {
    if (options !== noOptions) return now(ops.lstat(path, options));
    const checked = toValidPath(path);
    const found = vfs.probe(checked, false);
    if (typeof found === 'string') throw posixError(found, 'lstat', checked);
    return toStats(found);
  };
  const realpathSync = (path: Any, options?: Any): Any => now(realpathCall(vfs, path, options));
  realpathSync.native = (path: Any, options?: Any): Any => now(ops.realpath(path, options));
  let invalidWarned = false;

  return {
    accessSync: (path, mode) => now(ops.access(path, mode)),
    chmodSync: (path, mode) => now(ops.chmod(path, mode)),
    chownSync: (path, uid, gid) => now(ops.chown(path, uid, gid)),
    closeSync: (fd) => now(ops.close(fd)),
    copyFileSync: (from, to, mode) => now(ops.copyFile(from, to, mode)),
    existsSync(path) {
      let checked: ReturnType<typeof toValidPath>;
      try {
        checked = toValidPath(path);
      } catch (error) {
        if (!invalidWarned && (error as VfsError | NodeJS.ErrnoException).code === 'ERR_INVALID_ARG_TYPE') {
          invalidWarned = true;
          process.emitWarning(
            'Passing invalid argument types to fs.existsSync is deprecated',
            'DeprecationWarning',
            'DEP0187',
          );
        }
        return false;
      }
      return typeof vfs.probe(checked, true) !== 'string';
    },
    fchmodSync: (fd, mode) => now(ops.fchmod(fd, mode)),
    fchownSync: (fd, uid, gid) => now(ops.fchown(fd, uid, gid)),
    fdatasyncSync: (fd) => now(ops.fdatasync(fd)),
    fstatSync: (fd, options = noOptions) => now(ops.fstat(fd, options)),
    fsyncSync: (fd) => now(ops.fsync(fd)),
    ftruncateSync: (fd, size = 0) => now(ops.ftruncate(fd, size)),
    futimesSync: (fd, atime, mtime) => now(ops.futimes(fd, atime, mtime)),
    lchownSync: (path, uid, gid) => now(ops.lchown(path, uid, gid)),
    linkSync: (existing, path) => now(ops.link(existing, path)),
    lstatSync,
    lutimesSync: (path, atime, mtime) => now(ops.lutimes(path, atime, mtime)),
    mkdirSync: (path, options) => now(ops.mkdir(path, options)),
    mkdtempSync: (prefix, options) => now(ops.mkdtemp(prefix, options)),
    mkdtempDisposableSync(prefix, options) {
      const path = now(ops.mkdtemp(prefix, options));
      const absolute = absolutePath(vfs, path);
      const remove = (): void => {
        fs.rmSync(absolute, { recursive: true, force: true });
      };
      return { path, remove, [Symbol.dispose]: remove };
    },
    openSync: (path, flags, mode) => now(ops.open(path, flags, mode)),
    readdirSync: (path, options) => now(readdirCall(vfs, path, options)),
    readlinkSync: (path, options) => now(ops.readlink(path, options)),
    realpathSync,
    renameSync: (from, to) => now(ops.rename(from, to)),
    statSync,
    statfsSync: (path, options = noOptions) => now(ops.statfs(path, options)),
    symlinkSync: (target, path, type) => now(ops.symlink(target, path, type)),
    truncateSync(path, size = 0) {
      if (truncatesDescriptors && typeof path === 'number') {
        warnOfDescriptor();
        fs.ftruncateSync(path, size);
        return;
      }
      // Whatever is wrong with the size is said after the file has been opened, as in Node.
      const fd = fs.openSync(path, 'r+');
      try {
        fs.ftruncateSync(fd, size);
      } finally {
        fs.closeSync(fd);
      }
    },
    unlinkSync(path) {
      const checked = toValidPath(path);
      try {
        vfs.unlink(checked);
      } catch (error) {
        throw translated(error, 'unlink', checked);
      }
    },
    utimesSync: (path, atime, mtime) => now(ops.utimes(path, atime, mtime)),
    _toUnixTimestamp: toSeconds,
  };
}
