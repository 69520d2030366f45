/**
 * The callback face of the module: arguments are checked at once, calls made in a turn of their own.
 *
 * @module
 */

import { promisify } from 'node:util';
import type { PosixFs } from '../vfs/posix.ts';
import { noOptions, type Options, toCallback, toMode, toValidPath, validateFunction, validateInteger } from './args.ts';
import { type Callback, later } from './call.ts';
import { constants } from './constants.ts';
import { abortError, aggregateTwoErrors } from './errors.ts';
import { laterLstatOptions, laterStatOptions, truncatesDescriptors, warnOfDescriptor } from './legacy.ts';
import { readdirCall } from './listing.ts';
import type { Ops } from './ops.ts';
import { realpathCall } from './realpath.ts';
import type { Members } from './sync.ts';
import type { NodeFs } from './types.ts';

// biome-ignore lint/suspicious/noExplicitAny: what callers pass is checked, not believed; the types are `NodeFs`'s
type Any = any;

function throwIfAny(error: unknown): void {
  if (error !== null && error !== undefined) throw error;
}

export function createCallbacks(vfs: PosixFs, ops: Ops, fs: NodeFs): Members {
  const realpath = (path: Any, options: Any, callback?: Any): void => {
    const done = toCallback(typeof options === 'function' ? options : callback);
    later(realpathCall(vfs, path, options), done);
  };
  realpath.native = (path: Any, options: Any, callback?: Any): void => {
    const done = toCallback(callback || options);
    later(ops.realpath(path, options), done);
  };
  /** With what `stat` and the like give when there is nothing and that is no failure. */
  const answered = (callback: Callback): Callback => {
    return (error, result) => (error ? callback(error) : callback(null, result));
  };
  const exists = (path: Any, callback?: Any): void => {
    const done = toCallback(callback);
    try {
      fs.access(path, constants.F_OK, (error) => done(!error));
    } catch {
      done(false);
    }
  };
  Object.defineProperty(exists, promisify.custom, {
    value: function exists(path: Any): Promise<boolean> {
      return new Promise((resolve) => fs.exists(path, resolve));
    },
  });

  return {
    access(path, mode, callback) {
      const bare = typeof mode === 'function';
      const checked = toValidPath(path);
      const done = toCallback(bare ? mode : callback);
      later(ops.access(checked, bare ? undefined : mode), done);
    },
    chmod(path, mode, callback) {
      const call = ops.chmod(path, mode);
      later(call, toCallback(callback));
    },
    chown(path, uid, gid, callback) {
      const done = toCallback(callback);
      later(ops.chown(path, uid, gid), done);
    },
    close(fd, callback = throwIfAny) {
      validateFunction(callback, 'cb');
      later(ops.close(fd), callback as Callback);
    },
    copyFile(from, to, mode, callback) {
      const bare = typeof mode === 'function';
      const source = toValidPath(from, 'src');
      const target = toValidPath(to, 'dest');
      const done = toCallback(bare ? mode : callback);
      later(ops.copyFile(source, target, bare ? 0 : mode), done);
    },
    exists,
    fchmod(fd, mode, callback) {
      const call = ops.fchmod(fd, mode);
      later(call, toCallback(callback));
    },
    fchown(fd, uid, gid, callback) {
      const call = ops.fchown(fd, uid, gid);
      later(call, toCallback(callback));
    },
    fdatasync(fd, callback) {
      const done = toCallback(callback);
      later(ops.fdatasync(fd), done);
    },
    fstat(fd, options: Any = noOptions, callback?: Any) {
      const bare = typeof options === 'function';
      const done = toCallback(bare ? options : callback);
      later(ops.fstat(fd, bare ? noOptions : options), answered(done));
    },
    fsync(fd, callback) {
      const done = toCallback(callback);
      later(ops.fsync(fd), done);
    },
    ftruncate(fd, size: Any = 0, callback?: Any) {
      const bare = typeof size === 'function';
      validateInteger(bare ? 0 : size, 'len');
      const done = toCallback(bare ? size : callback);
      later(ops.ftruncate(fd, bare ? 0 : size), done);
    },
    futimes(fd, atime, mtime, callback) {
      const call = ops.futimes(fd, atime, mtime);
      later(call, toCallback(callback));
    },
    lchown(path, uid, gid, callback) {
      const done = toCallback(callback);
      later(ops.lchown(path, uid, gid), done);
    },
    link(existing, path, callback) {
      const done = toCallback(callback);
      later(ops.link(existing, path), done);
    },
    lstat(path, options: Any = noOptions, callback?: Any) {
      const bare = typeof options === 'function';
      const done = toCallback(bare ? options : callback);
      later(ops.lstat(path, bare ? noOptions : laterLstatOptions(options)), answered(done));
    },
    lutimes(path, atime, mtime, callback) {
      const done = toCallback(callback);
      later(ops.lutimes(path, atime, mtime), done);
    },
    mkdir(path, options, callback?: Any) {
      const bare = typeof options === 'function';
      const call = ops.mkdir(path, bare ? undefined : options);
      const recursive = !bare && (options as Options | null | undefined)?.recursive === true;
      const done = toCallback(bare ? options : callback);
      later(call, recursive ? answered(done) : done);
    },
    mkdtemp(prefix, options, callback?: Any) {
      const done = toCallback(typeof options === 'function' ? options : callback);
      later(ops.mkdtemp(prefix, options), done);
    },
    open(path, flags, mode, callback?: Any) {
      const checked = toValidPath(path);
      // biome-ignore lint/complexity/noArguments: which form it is shows only in how many there are
      if (arguments.length < 3) {
        const done = toCallback(flags);
        later(ops.open(checked), done);
        return;
      }
      const bare = typeof mode === 'function';
      // Here Node looks at the mode before the flags.
      const call = ops.open(checked, flags, bare ? undefined : toMode(mode, 'mode', 0o666));
      later(call, toCallback(bare ? mode : callback));
    },
    readdir(path, options, callback?: Any) {
      const done = toCallback(typeof options === 'function' ? options : callback);
      later(readdirCall(vfs, path, options), done);
    },
    readlink(path, options, callback?: Any) {
      const done = toCallback(typeof options === 'function' ? options : callback);
      later(ops.readlink(path, options), done);
    },
    realpath,
    rename(from, to, callback) {
      const done = toCallback(callback);
      later(ops.rename(from, to), done);
    },
    stat(path, options: Any = noOptions, callback?: Any) {
      const bare = typeof options === 'function';
      const asked: Options = bare || options === null || typeof options !== 'object' ? noOptions : options;
      const done = toCallback(bare ? options : callback);
      const call = ops.stat(path, laterStatOptions(asked));
      const signal = asked.signal as AbortSignal | undefined;
      if (signal?.aborted) done(abortError(signal));
      else later(call, answered(done));
    },
    statfs(path, options: Any = noOptions, callback?: Any) {
      const bare = typeof options === 'function';
      const done = toCallback(bare ? options : callback);
      later(ops.statfs(path, bare ? noOptions : options), done);
    },
    symlink(target, path, type, callback) {
      const bare = callback === undefined;
      const done = toCallback(bare ? type : callback);
      later(ops.symlink(target, path, bare ? undefined : type), done);
    },
    truncate(path, size, callback) {
      if (truncatesDescriptors && typeof path === 'number') {
        warnOfDescriptor();
        fs.ftruncate(path, size, callback);
        return;
      }
      const bare = typeof size === 'function';
      const length = bare || size === undefined ? 0 : size;
      validateInteger(length, 'len');
      const done = toCallback(bare ? size : callback);
      fs.open(path, 'r+', (error, fd) => {
        if (error) done(error);
        else {
          later(ops.ftruncate(fd, length), (failure) => {
            fs.close(fd, (closing) => done(aggregateTwoErrors(closing, failure) ?? null));
          });
        }
      });
    },
    unlink(path, callback) {
      const done = toCallback(callback);
      later(ops.unlink(path), done);
    },
    utimes(path, atime, mtime, callback) {
      const done = toCallback(callback);
      later(ops.utimes(path, atime, mtime), done);
    },
  };
}
