/**
 * Whole files: `readFile`, `writeFile` and `appendFile`, in all three faces.
 *
 * Each is one call of the POSIX layer where that is the same. It is not when somebody has replaced `fs.open`, `fs.read`
 * and so on, which Node's own would call: then these are called, one after the other.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import type { VfsError } from '../vfs/errno.ts';
import type { PathLike, PosixFs } from '../vfs/posix.ts';
import {
  type AnyFunction,
  appendFlags,
  getOptions,
  isInt32,
  isUtf8,
  type Options,
  toCallback,
  toFd,
  toFlags,
  toMode,
  toValidPath,
  validateBoolean,
  validateBuffer,
  validateText,
  writeFlags,
} from './args.ts';
import { Call, type Callback, inTurn, later, now } from './call.ts';
import { constants } from './constants.ts';
import { abortError, aggregateTwoErrors, codedError, invalidArgType, invalidArgValue, translated } from './errors.ts';
import { nodeMajor } from './node-version.ts';
import { bytesOf } from './read-write.ts';
import type { NodeFs } from './types.ts';

type View = ArrayBufferView;
type Content = string | Buffer;

const readDefaults: Options = Object.freeze({ flag: 'r' });
const writeDefaults: Options = Object.freeze({ encoding: 'utf8', mode: 0o666, flag: 'w', flush: false });
const appendDefaults: Options = Object.freeze({ encoding: 'utf8', mode: 0o666, flag: 'a' });
const largest = 2 ** 31 - 1;
/** Whether there is an option `buffer`. */
const takesBuffers = nodeMajor >= 24;

/** What `createWholeFile` makes: members of the module, and calls for `promises`. */
export interface WholeFile {
  readonly members: WholeFileMembers;
  readCallOf(path: unknown, options: Options): Call<Content>;
  readRestCallOf(fd: number, options: Options): Call<Content>;
  writeCallOf(path: unknown, data: View, options: Options): Call<void>;
}

interface WholeFileMembers {
  readFile(path: unknown, options: unknown, callback?: unknown): void;
  readFileSync(path: unknown, options?: unknown): Content;
  writeFile(path: unknown, data: unknown, options: unknown, callback?: unknown): void;
  writeFileSync(path: unknown, data: unknown, options?: unknown): void;
  appendFile(path: unknown, data: unknown, options: unknown, callback?: unknown): void;
  appendFileSync(path: unknown, data: unknown, options?: unknown): void;
}

export function readOptions(given: unknown): Options {
  const options = getOptions(given, readDefaults);
  const { buffer } = options;
  if (takesBuffers && buffer !== undefined && typeof buffer !== 'function' && !ArrayBuffer.isView(buffer)) {
    throw invalidArgType('options.buffer', ['Buffer', 'TypedArray', 'DataView', 'Function'], buffer);
  }
  return options;
}

export function writeOptions(given: unknown): Options {
  const options = getOptions(given, writeDefaults);
  validateBoolean(options.flush ?? false, 'options.flush');
  return options;
}

export function appendOptions(given: unknown): Options {
  return getOptions(given, appendDefaults);
}

/** What to write, as bytes. */
export function toBytes(data: unknown, encoding: unknown): View {
  if (ArrayBuffer.isView(data)) return data;
  validateText(data, 'data');
  return Buffer.from(data, (encoding || 'utf8') as BufferEncoding);
}

/** Names of members whose replacements are called. */
const readMembers = ['openSync', 'readSync', 'closeSync'] as const;
const writeSyncMembers = ['openSync', 'writeSync', 'fsyncSync', 'closeSync'] as const;
const writeMembers = ['open', 'write', 'fsync', 'close'] as const;

export function createWholeFile(vfs: PosixFs, fs: NodeFs): WholeFile {
  // Looked up at first use: the module is complete by then.
  let own: Record<string, unknown> | undefined;
  const areOwn = (members: readonly (keyof NodeFs)[]): boolean => {
    own ??= { ...originals(fs) };
    for (const member of members) if (fs[member] !== own[member]) return false;
    return true;
  };

  const readBytes = (path: PathLike, flags: number): Uint8Array => {
    if (flags === constants.O_RDONLY) {
      let bytes: Uint8Array;
      try {
        bytes = vfs.readFile(path);
      } catch (error) {
        if ((error as VfsError).code === 'EFBIG') throw tooLarge(vfs.stat(path).size);
        // A directory can be opened, it is reading that fails.
        throw (error as VfsError).code === 'EISDIR' ? translated(error, 'read') : translated(error, 'open', path);
      }
      if (bytes.length > largest) throw tooLarge(bytes.length);
      return bytes;
    }
    const fd = now(new Call('open', () => vfs.open(path, flags, 0o666), path));
    try {
      return readRest(fd);
    } finally {
      vfs.close(fd);
    }
  };
  const readRest = (fd: number): Uint8Array => {
    const stat = now(new Call('fstat', () => vfs.fstat(fd)));
    if (stat.size > largest) throw tooLarge(stat.size);
    return now(new Call('read', () => vfs.readRest(fd)));
  };
  /** As callers want it: text in an encoding, in a buffer of theirs, or a Buffer. */
  const content = (bytes: Uint8Array, options: Options): Content => {
    let buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (takesBuffers && options.buffer !== undefined) buffer = intoOwn(bytes, options.buffer);
    return options.encoding ? buffer.toString(options.encoding as BufferEncoding) : buffer;
  };
  const notAborted = (options: Options): void => {
    const signal = options.signal as AbortSignal | undefined;
    if (signal?.aborted) throw abortError(signal);
  };

  /** `always`: writes nothing, too, as Node's callbacks do, which fails where nothing can be written. */
  const writeBytes = (
    path: PathLike,
    data: View,
    flags: number,
    mode: number,
    flush: boolean,
    always: boolean,
  ): void => {
    const plain = flags & ~(constants.O_EXCL | constants.O_SYNC);
    if (!flush && (plain === writeFlags || plain === appendFlags)) {
      try {
        vfs.writeFile(path, bytesOf(data), flags, mode);
      } catch (error) {
        throw isWritingError(error) ? translated(error, 'write') : translated(error, 'open', path);
      }
      return;
    }
    const fd = now(new Call('open', () => vfs.open(path, flags, mode), path));
    try {
      if (always && data.byteLength === 0) now(new Call('write', () => vfs.write(fd, bytesOf(data), 0, 0, -1)));
      writeToFd(fd, data, flush);
    } finally {
      now(new Call('close', () => vfs.close(fd)));
    }
  };
  const writeToFd = (fd: number, data: View, flush: boolean): void => {
    const bytes = bytesOf(data);
    for (let at = 0; at < bytes.length; ) {
      at += now(new Call('write', () => vfs.write(fd, bytes, at, bytes.length - at, -1)));
    }
    if (flush) now(new Call('fsync', () => vfs.fsync(fd)));
  };

  /** By the members of the module, as somebody has replaced one. */
  const readByMembers = (path: unknown, options: Options): Content => {
    const isOwn = !isInt32(path);
    const fd = isOwn ? fs.openSync(path as string, options.flag as string, 0o666) : path;
    const parts: Buffer[] = [];
    try {
      const { size } = now(new Call('fstat', () => vfs.fstat(fd)));
      for (let length = size || 8192; ; length = 8192) {
        const part = Buffer.allocUnsafe(length);
        const count = fs.readSync(fd, part, 0, length, null);
        if (count === 0) break;
        parts.push(part.subarray(0, count));
        if (count === size) break;
      }
    } finally {
      if (isOwn) fs.closeSync(fd);
    }
    return content(parts.length === 1 ? parts[0]! : Buffer.concat(parts), options);
  };
  const writeSyncByMembers = (path: unknown, data: View, options: Options): void => {
    const isOwn = !isInt32(path);
    const fd = isOwn ? fs.openSync(path as string, (options.flag || 'w') as string, options.mode as number) : path;
    try {
      for (let at = 0; at < data.byteLength; ) at += fs.writeSync(fd, bytesOf(data), at, data.byteLength - at);
      if (options.flush) fs.fsyncSync(fd);
    } finally {
      if (isOwn) fs.closeSync(fd);
    }
  };
  const writeByMembers = (path: unknown, data: View, options: Options, callback: Callback): void => {
    const isOwn = !isInt32(path);
    const end = (fd: number, error: unknown): void => {
      if (!isOwn) callback(error ?? null);
      else if (error) fs.close(fd, (closing) => callback(aggregateTwoErrors(closing, error)));
      else fs.close(fd, callback);
    };
    const write = (fd: number, at: number): void => {
      const signal = options.signal as AbortSignal | undefined;
      if (signal?.aborted) return end(fd, abortError(signal));
      const length = data.byteLength - at;
      fs.write(fd, data as Uint8Array, at, length, null, (error, written) => {
        if (error) end(fd, error);
        else if (written !== length) write(fd, at + written);
        else if (options.flush) fs.fsync(fd, (syncing) => end(fd, syncing));
        else end(fd, null);
      });
    };
    if (!isOwn) return write(path, 0);
    fs.open(path as string, (options.flag || 'w') as string, options.mode as number, (error, fd) => {
      if (error) callback(error);
      else write(fd, 0);
    });
  };

  const readCallOf = (path: unknown, options: Options): Call<Content> => {
    const checked = toValidPath(path);
    const flags = toFlags(options.flag || 'r');
    return new Call('open', () => {
      notAborted(options);
      return content(readBytes(checked, flags), options);
    });
  };
  const readRestCallOf = (fd: number, options: Options): Call<Content> =>
    new Call('read', () => {
      notAborted(options);
      return content(readRest(fd), options);
    });
  const writeCallOf = (path: unknown, data: View, options: Options, always = false): Call<void> => {
    const checked = toValidPath(path);
    const flags = toFlags(options.flag || 'w');
    const mode = toMode(options.mode, 'mode', 0o666);
    return new Call('open', () => {
      notAborted(options);
      writeBytes(checked, data, flags, mode, options.flush === true, always);
    });
  };

  const members: WholeFileMembers = {
    readFile(path, given, callback) {
      const done = toCallback(callback || given);
      const options = readOptions(given);
      if (isInt32(path)) {
        inTurn(() => later(readRestCallOf(path, options), done));
        return;
      }
      const signal = options.signal as AbortSignal | undefined;
      if (signal?.aborted) done(abortError(signal));
      else later(readCallOf(path, options), done);
    },

    readFileSync(path, given) {
      const options = given === undefined ? readDefaults : readOptions(given);
      if (!areOwn(readMembers)) return readByMembers(path, options);
      if (isInt32(path)) return now(readRestCallOf(isUtf8(options.encoding) ? path : toFd(path), options));
      const flag = options.flag;
      return content(readBytes(toValidPath(path), flag === 'r' ? constants.O_RDONLY : toFlags(flag)), options);
    },

    writeFile(path, data, given, callback) {
      const done = toCallback(callback || given);
      const options = writeOptions(given);
      const bytes = toBytes(data, options.encoding);
      if (isInt32(path) || !areOwn(writeMembers)) {
        const signal = options.signal as AbortSignal | undefined;
        if (signal?.aborted) done(abortError(signal));
        else writeByMembers(path, bytes, options, done);
        return;
      }
      const signal = options.signal as AbortSignal | undefined;
      if (signal?.aborted) done(abortError(signal));
      else later(writeCallOf(path, bytes, options, true), done);
    },

    writeFileSync(path, data, given) {
      const options = given === undefined ? writeDefaults : writeOptions(given);
      const bytes = toBytes(data, options.encoding);
      if (!areOwn(writeSyncMembers)) {
        writeSyncByMembers(path, bytes, options);
        return;
      }
      if (isInt32(path)) {
        writeToFd(path, bytes, options.flush === true);
        return;
      }
      const checked = toValidPath(path);
      const flag = options.flag || 'w';
      const flags = flag === 'w' ? writeFlags : toFlags(flag);
      const mode = options.mode === 0o666 ? 0o666 : toMode(options.mode, 'mode', 0o666);
      writeBytes(checked, bytes, flags, mode, options.flush === true, false);
    },

    appendFile(path, data, given, callback) {
      const done = toCallback(callback || given);
      const options: Record<string, unknown> = { ...appendOptions(given) };
      if (!options.flag || isInt32(path)) options.flag = 'a';
      (fs.writeFile as AnyFunction)(path, data, options, done);
    },

    appendFileSync(path, data, given) {
      if (given === undefined && typeof path === 'string') {
        fs.writeFileSync(path, data as string, appendDefaults as object);
        return;
      }
      const options: Record<string, unknown> = { ...appendOptions(given) };
      if (!options.flag || isInt32(path)) options.flag = 'a';
      fs.writeFileSync(path as string, data as string, options as object);
    },
  };
  return { members, readCallOf, readRestCallOf, writeCallOf };
}

/** The members as the module was made. */
const madeWith: WeakMap<NodeFs, NodeFs> = new WeakMap();

export function rememberOriginals(fs: NodeFs): void {
  madeWith.set(fs, { ...fs });
}

export function originals(fs: NodeFs): NodeFs {
  return madeWith.get(fs) ?? fs;
}

function tooLarge(size: number): Error {
  return codedError(RangeError, 'ERR_FS_FILE_TOO_LARGE', `File size (${size}) is greater than 2 GiB`);
}

/** Failures that come with the data, not with the name. */
function isWritingError(error: unknown): boolean {
  const { code } = error as VfsError;
  return code === 'ENOSPC' || code === 'EFBIG' || code === 'EIO';
}

/** A file's content in the buffer that the caller gave, or gives when told the size. */
function intoOwn(bytes: Uint8Array, given: unknown): Buffer<ArrayBuffer> {
  const fromFunction = typeof given === 'function';
  const view: unknown = fromFunction ? given(bytes.length) : given;
  if (fromFunction) validateBuffer(view, 'options.buffer()');
  const target = bytesOf(view as View);
  if (bytes.length > target.length) {
    throw invalidArgValue(
      fromFunction ? 'options.buffer().byteLength' : 'options.buffer.byteLength',
      target.length,
      `is smaller than the file size of ${bytes.length} bytes`,
    );
  }
  target.set(bytes);
  return Buffer.from(target.buffer as ArrayBuffer, target.byteOffset, bytes.length);
}
