/**
 * `fs.promises`: arguments are checked at once, calls made in a later turn; everything comes as a promise.
 *
 * @module
 */

import { noOptions, toMode, toValidPath, validateAbortSignal, validateBoolean } from './args.ts';
import { settled } from './call.ts';
import { absolutePath } from './disposable.ts';
import { abortError, aggregateTwoErrors, codedError } from './errors.ts';
import { FileHandle, type HandleHost } from './file-handle.ts';
import { laterLstatOptions, laterStatOptions } from './legacy.ts';
import { readdirCall } from './listing.ts';
import type { Rm } from './rm.ts';
import { promiseInTurns } from './turns.ts';
import { appendOptions, readOptions, toBytes, writeOptions } from './whole-file.ts';
import { isPieces } from './write-from.ts';

// biome-ignore lint/suspicious/noExplicitAny: what callers pass is checked, not believed; the types are `NodeFs`'s
type Any = any;

/** Members of `promises`, by name. */
export type PromiseMembers = Record<string, (...args: Any[]) => Promise<Any>>;

export function createPromises(host: HandleHost, rm: Rm): PromiseMembers {
  const { vfs, ops, whole } = host;
  const open = async (path: unknown, flags?: unknown, mode?: unknown): Promise<FileHandle> =>
    new FileHandle(host, await settled(ops.open(path, flags, mode)));

  const writeFile = async (path: unknown, data: unknown, given?: unknown): Promise<void> => {
    const options = writeOptions(given);
    if (FileHandle.isFileHandle(path)) return path.writeFile(data, options);
    const pieces = isPieces(data);
    const bytes = pieces ? undefined : toBytes(data, options.encoding);
    const signal = options.signal;
    validateAbortSignal(signal, 'signal');
    if (signal?.aborted) throw abortError(signal);
    if (bytes !== undefined) return settled(whole.writeCallOf(path, bytes, options));
    const handle = await open(path, options.flag || 'w', options.mode);
    return closing(handle, async () => {
      await handle.writeFile(data, options);
      if (options.flush) await handle.sync();
    });
  };

  return {
    access: async (path, mode) => settled(ops.access(path, mode)),
    appendFile: async (path, data, options) => {
      const asked: Record<string, unknown> = { ...appendOptions(options) };
      asked.flag ||= 'a';
      return writeFile(path, data, asked);
    },
    chmod: async (path, mode) => settled(ops.chmod(path, mode)),
    chown: async (path, uid, gid) => settled(ops.chown(path, uid, gid)),
    copyFile: async (from, to, mode) => settled(ops.copyFile(from, to, mode)),
    lchmod: async () => {
      throw codedError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The lchmod() method is not implemented');
    },
    lchown: async (path, uid, gid) => settled(ops.lchown(path, uid, gid)),
    link: async (existing, path) => settled(ops.link(existing, path)),
    lstat: async (path, options = noOptions) => settled(ops.lstat(path, laterLstatOptions(options))),
    lutimes: async (path, atime, mtime) => settled(ops.lutimes(path, atime, mtime)),
    mkdir: async (path, options) => {
      const asked =
        typeof options === 'number' || typeof options === 'string' ? { mode: options } : options || noOptions;
      const { recursive = false, mode = 0o777 } = asked;
      const checked = toValidPath(path);
      validateBoolean(recursive, 'options.recursive');
      return settled(ops.mkdir(checked, { recursive, mode: toMode(mode, 'mode', 0o777) }));
    },
    mkdtemp: async (prefix, options) => settled(ops.mkdtemp(prefix, options)),
    mkdtempDisposable: async (prefix, options) => {
      const path = await settled(ops.mkdtemp(prefix, options));
      const absolute = absolutePath(vfs, path);
      const remove = async (): Promise<void> => {
        if (typeof vfs.probe(absolute, false) !== 'string') await promiseInTurns(rm.removeTree(absolute));
      };
      return Object.assign(Object.create(null), { path, remove, [Symbol.asyncDispose]: remove });
    },
    open,
    readFile: async (path, given) => {
      const options = readOptions(given);
      if (FileHandle.isFileHandle(path)) return path.readFile(options);
      const signal = options.signal as AbortSignal | undefined;
      if (signal?.aborted) throw abortError(signal);
      return settled(whole.readCallOf(path, options));
    },
    readdir: async (path, options) => settled(readdirCall(vfs, path, options, true)),
    readlink: async (path, options) => settled(ops.readlink(path, options)),
    realpath: async (path, options) => settled(ops.realpath(path, options)),
    rename: async (from, to) => settled(ops.rename(from, to)),
    stat: async (path, options = noOptions) => settled(ops.stat(path, laterStatOptions(options))),
    statfs: async (path, options = noOptions) => settled(ops.statfs(path, options)),
    symlink: async (target, path, type) => settled(ops.symlink(target, path, type)),
    truncate: async (path, size = 0) => {
      const handle = await open(path, 'r+');
      return closing(handle, () => handle.truncate(size));
    },
    unlink: async (path) => settled(ops.unlink(path)),
    utimes: async (path, atime, mtime) => settled(ops.utimes(path, atime, mtime)),
    writeFile,
  };
}

/** Does it, and closes the handle whatever comes of it. */
async function closing(handle: FileHandle, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await handle.close().catch((failure) => {
      throw aggregateTwoErrors(failure, error);
    });
    throw error;
  }
  await handle.close();
}
