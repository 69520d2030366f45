/**
 * `ReadStream` and `WriteStream` of one `fs` module.
 *
 * They are functions, not classes: callable without `new`, and heirs may call them on an object of their own, as
 * graceful-fs does. All work goes through the `fs` object as it is at that moment (or through `options.fs`, or the
 * FileHandle given as `options.fd`), so whoever replaces `fs.read` is asked.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { finished, Readable, Writable } from 'node:stream';
import { deprecate } from 'node:util';
import type { PosixFs } from '../vfs/posix.ts';
import {
  getOptions,
  toPath,
  validateBoolean,
  validateFd,
  validateFunction,
  validateInteger,
  validatePath,
} from './args.ts';
import { codedError, invalidArgType, outOfRange } from './errors.ts';
import { type Done, type Failure, handleFs, refHandle, type StreamFs, type StreamHandle } from './stream-calls.ts';
import { Direct } from './stream-direct.ts';
import type { NodeFs } from './types.ts';

export { refHandle, unrefHandle } from './stream-calls.ts';

const streamFs: unique symbol = Symbol('fs');
const direct: unique symbol = Symbol('direct');
const busy: unique symbol = Symbol('busy');
const idle: unique symbol = Symbol('idle');

/** What both kinds have. */
type FileStream = Omit<Readable & Writable, keyof FileStreamMembers> & FileStreamMembers;

interface FileStreamMembers {
  [streamFs]: StreamFs;
  [direct]: Direct;
  [busy]: boolean;
  fd: number | null;
  path?: unknown;
  flags?: unknown;
  mode?: unknown;
  start: number | undefined;
  end: number & Writable['end'];
  pos: number | undefined;
  flush?: boolean;
  bytesRead: number;
  bytesWritten: number;
  autoClose: boolean;
  open?: () => void;
  close: (done?: Done) => void;
  _write: Writable['_write'];
  _writev: NonNullable<Writable['_writev']>;
  _readableState: { autoDestroy: boolean; errored: unknown };
  _writableState: { autoDestroy: boolean };
}

// biome-ignore lint/suspicious/noExplicitAny: options are whatever callers pass; they are checked one by one
type Options = Record<string, any>;

/** The function that is called as `new Class(...)`, on heirs, and without `new`. */
// biome-ignore lint/suspicious/noExplicitAny: what `this` is depends on the caller
type OldClass = ((this: any, path: unknown, options?: unknown) => any) & { prototype: any };

/** What `createStreams` makes. */
export interface Streams {
  readonly ReadStream: NodeFs['ReadStream'];
  readonly WriteStream: NodeFs['WriteStream'];
  readonly createReadStream: NodeFs['createReadStream'];
  readonly createWriteStream: NodeFs['createWriteStream'];
}

/** The stream classes that work on `fs`; `isHandle` tells its own FileHandles. */
export function createStreams(fs: NodeFs, isHandle: (value: unknown) => boolean, vfs: PosixFs): Streams {
  /** What both constructors do with path, flags, mode and descriptor. */
  function begin(stream: FileStream, path: unknown, options: Options, flags: string): void {
    if (options.fd != null) {
      stream.fd = validateFd(takeFd(stream, options));
    } else {
      stream.fd = null;
      stream[streamFs] = options.fs || fs;
      validateFunction(stream[streamFs].open, 'options.fs.open');
      stream.path = toPath(path);
      stream.flags = options.flags === undefined ? flags : options.flags;
      stream.mode = options.mode === undefined ? 0o666 : options.mode;
      validatePath(stream.path);
    }
    stream[direct] = new Direct(fs, vfs);
    options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  }

  function takeFd(stream: FileStream, options: Options): number {
    const { fd } = options;
    if (typeof fd === 'number') {
      stream[streamFs] = options.fs || fs;
      return fd;
    }
    if (typeof fd !== 'object' || !isHandle(fd)) throw invalidArgType('options.fd', ['number', 'FileHandle'], fd);
    if (options.fs)
      throw codedError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The FileHandle with fs method is not implemented');
    const handle = fd as StreamHandle;
    stream[streamFs] = handleFs(handle);
    handle[refHandle]();
    handle.on('close', stream.close.bind(stream));
    return handle.fd;
  }

  /** Where to start; both kinds check it last. */
  function beginAt(stream: FileStream, start: unknown): void {
    stream.start = start as number | undefined;
    stream.pos = undefined;
    stream[busy] = false;
    if (start === undefined) return;
    validateInteger(start, 'start', 0);
    stream.pos = start as number;
  }

  const ReadStream: OldClass = function ReadStream(this: FileStream, path: unknown, givenOptions?: unknown): unknown {
    if (!(this instanceof (ReadStream as unknown as typeof Readable))) {
      return new (ReadStream as unknown as NewableStream)(path, givenOptions);
    }
    const options = copyOf(getOptions(givenOptions));
    if (options.highWaterMark === undefined) options.highWaterMark = 64 * 1024;
    begin(this, path, options, 'r');
    validateFunction(this[streamFs].read, 'options.fs.read');
    if (options.autoDestroy) validateFunction(this[streamFs].close, 'options.fs.close');

    const end = options.end;
    (this as { end: unknown }).end = end;
    this.bytesRead = 0;
    beginAt(this, options.start);
    if (end === undefined) {
      (this as { end: unknown }).end = Number.POSITIVE_INFINITY;
    } else if (end !== Number.POSITIVE_INFINITY) {
      validateInteger(end, 'end', 0);
      if (this.start !== undefined && this.start > end) {
        throw outOfRange('start', `<= "end" (here: ${end})`, this.start);
      }
    }
    (Readable as unknown as OldClass).call(this, options);
    return undefined;
  };
  inherit(ReadStream, Readable);
  Object.assign(ReadStream.prototype, readMethods);
  defineCommon(ReadStream.prototype, 'ReadStream', '_readableState');

  const WriteStream: OldClass = function WriteStream(this: FileStream, path: unknown, givenOptions?: unknown): unknown {
    if (!(this instanceof (WriteStream as unknown as typeof Writable))) {
      return new (WriteStream as unknown as NewableStream)(path, givenOptions);
    }
    const options = copyOf(getOptions(givenOptions));
    options.decodeStrings = true;
    begin(this, path, options, 'w');

    const calls = this[streamFs];
    if (!calls.write && !calls.writev) throw invalidArgType('options.fs.write', 'function', calls.write);
    if (calls.write) validateFunction(calls.write, 'options.fs.write');
    if (calls.writev) validateFunction(calls.writev, 'options.fs.writev');
    if (options.autoDestroy) validateFunction(calls.close, 'options.fs.close');
    this.flush = options.flush ?? false;
    if (options.flush != null) {
      validateBoolean(this.flush, 'options.flush');
      validateFunction(calls.fsync, 'options.fs.fsync');
    }
    // One of the two is enough; Writable looks whether the method is there.
    if (!calls.write) (this as { _write: unknown })._write = null;
    if (!calls.writev) (this as { _writev: unknown })._writev = null;
    this.bytesWritten = 0;
    beginAt(this, options.start);
    (Writable as unknown as OldClass).call(this, options);
    if (options.encoding) this.setDefaultEncoding(options.encoding);
    return undefined;
  };
  inherit(WriteStream, Writable);
  Object.assign(WriteStream.prototype, writeMethods);
  WriteStream.prototype.destroySoon = WriteStream.prototype.end;
  defineCommon(WriteStream.prototype, 'WriteStream', '_writableState');

  return {
    ReadStream: ReadStream as unknown as NodeFs['ReadStream'],
    WriteStream: WriteStream as unknown as NodeFs['WriteStream'],
    // Through the object, so that a replaced class is used.
    createReadStream: function createReadStream(path: unknown, options?: unknown) {
      return new (fs.ReadStream as unknown as NewableStream)(path, options);
    } as unknown as NodeFs['createReadStream'],
    createWriteStream: function createWriteStream(path: unknown, options?: unknown) {
      return new (fs.WriteStream as unknown as NewableStream)(path, options);
    } as unknown as NodeFs['createWriteStream'],
  };
}

type NewableStream = new (path: unknown, options: unknown) => FileStream;

/** What options inherit counts as well. */
function copyOf(options: Readonly<Options>): Options {
  const copy: Options = {};
  for (const key in options) copy[key] = options[key];
  return copy;
}

function inherit(heir: OldClass, parent: typeof Readable | typeof Writable): void {
  Object.setPrototypeOf(heir.prototype, parent.prototype);
  Object.setPrototypeOf(heir, parent);
}

function defineCommon(prototype: object, name: string, state: '_readableState' | '_writableState'): void {
  const open = deprecate(() => {}, `${name}.prototype.open() is deprecated`, 'DEP0135');
  ownOpens.add(open);
  Object.assign(prototype, { open, _construct: construct, _destroy: destroyWhenIdle });
  const checked = (stream: FileStream): FileStream => {
    if (typeof stream !== 'object' || stream === null || !(streamFs in stream)) {
      throw codedError(TypeError, 'ERR_INVALID_THIS', `Value of "this" must be of type ${name}`);
    }
    return stream;
  };
  Object.defineProperty(prototype, 'autoClose', {
    get(this: FileStream) {
      return checked(this)[state].autoDestroy;
    },
    set(this: FileStream, value: boolean) {
      checked(this)[state].autoDestroy = value;
    },
  });
  Object.defineProperty(prototype, 'pending', {
    get(this: FileStream) {
      return this.fd === null;
    },
    configurable: true,
  });
}

/** The `open` methods that do nothing: whoever finds another one has one of his own. */
const ownOpens = new WeakSet<() => void>();

/** Opens the file. Data waits until `callback` was called. */
function construct(this: FileStream, callback: (error?: Failure) => void): void {
  if (typeof this.fd === 'number') {
    callback();
    return;
  }
  if (typeof this.open === 'function' && !ownOpens.has(this.open)) {
    constructByOpen(this, callback);
    return;
  }
  this[streamFs].open(this.path, this.flags, this.mode, (error, fd) => {
    if (error) {
      callback(error);
      return;
    }
    this.fd = fd;
    callback();
    this.emit('open', fd);
    this.emit('ready');
  });
}

/** Heirs from old times bring an `open` method, which tells by events how it went. */
function constructByOpen(stream: FileStream, callback: (error?: Failure) => void): void {
  const { emit } = stream;
  const open = stream.open!;
  stream.emit = function emitWhileOpening(this: FileStream, event: string | symbol, ...rest: unknown[]): boolean {
    if (event === 'open') {
      this.emit = emit;
      callback();
      return Reflect.apply(emit, this, [event, ...rest]);
    }
    if (event === 'error') {
      this.emit = emit;
      callback(rest[0] as Failure);
      return true;
    }
    return Reflect.apply(emit, this, [event, ...rest]);
  } as FileStream['emit'];
  open.call(stream);
}

/** A descriptor must not be closed under a read or write that is still on its way. */
function destroyWhenIdle(this: FileStream, error: Failure, callback: Done): void {
  if (this[busy]) this.once(idle, (failure: Failure) => closeFile(this, error || failure, callback));
  else closeFile(this, error, callback);
}

function closeFile(stream: FileStream, error: Failure, callback: Done): void {
  const { fd } = stream;
  if (!fd) {
    callback(error);
    return;
  }
  const close = (before: Failure): void => {
    stream[streamFs].close(fd, (failure) => callback(failure || before));
    stream.fd = null;
  };
  if (stream.flush) stream[streamFs].fsync(fd, (failure) => close(error || failure));
  else close(error);
}

const readMethods = {
  _read(this: FileStream, wanted: number): void {
    const from = this.pos === undefined ? this.bytesRead : this.pos;
    const length = Math.min(this.end - from + 1, wanted);
    if (length <= 0) {
      this.push(null);
      return;
    }
    const calls = this[direct].mayRead(this[streamFs], this.fd!, from + length) ? this[direct] : this[streamFs];
    this[busy] = true;
    calls.read(this.fd!, Buffer.allocUnsafeSlow(length), 0, length, this.pos, (error, count, buffer) => {
      this[busy] = false;
      if (this.destroyed) {
        this.emit(idle, error);
        return;
      }
      if (error) {
        failReading(this, error);
        return;
      }
      if (count <= 0) {
        this.push(null);
        return;
      }
      if (this.pos !== undefined) this.pos += count;
      this.bytesRead += count;
      // A short piece is copied: a slice would keep the whole of the memory alive.
      this.push(count === buffer.length ? buffer : copied(buffer, count));
    });
  },

  close(this: FileStream, callback?: unknown): void {
    if (typeof callback === 'function') finished(this, callback as Done);
    this.destroy();
  },
};

function copied(buffer: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  buffer.copy(copy, 0, 0, length);
  return copy;
}

/** As streams do it with an error of their own: destroyed by it, or only told of it when not to be closed. */
function failReading(stream: FileStream, error: Error): void {
  if (stream._readableState.autoDestroy) {
    stream.destroy(error);
    return;
  }
  stream._readableState.errored ??= error;
  process.nextTick(() => stream.emit('error', error));
}

const writeMethods = {
  _write(this: FileStream, data: Buffer, _encoding: string, callback: Done): void {
    const position = this.pos;
    this[busy] = true;
    if (position !== undefined) this.pos = position + data.length;
    writePieces(this, [data], data.length, position, 0, (error) => wrote(this, error, callback));
  },

  _writev(this: FileStream, data: { chunk: Buffer }[], callback: Done): void {
    const buffers = data.map(({ chunk }) => chunk);
    const size = buffers.reduce((sum, { length }) => sum + length, 0);
    const position = this.pos;
    this[busy] = true;
    if (position !== undefined) this.pos = position + size;
    writePieces(this, buffers, size, position, 0, (error) => wrote(this, error, callback), true);
  },

  close(this: FileStream, callback?: Done): void {
    if (callback) {
      if (this.closed) {
        process.nextTick(callback);
        return;
      }
      this.on('close', callback);
    }
    if (!this.autoClose) this.on('finish', this.destroy);
    // What was written before must still go out, which `destroy` would drop.
    (this as Writable).end();
  },
};

function wrote(stream: FileStream, error: Failure, callback: Done): void {
  stream[busy] = false;
  callback(error);
  if (stream.destroyed) stream.emit(idle, error);
}

const mostEmptyWrites = 5;

/** Writes until all is written. A call may take less than it was given, and nothing at all a few times. */
function writePieces(
  stream: FileStream,
  buffers: Buffer[],
  size: number,
  position: number | undefined,
  emptyWrites: number,
  callback: Done,
  together = false,
): void {
  const syscall = together ? 'writev' : 'write';
  const after = (error: Failure, count: number): void => {
    const failure = error?.code === 'EAGAIN' ? null : error;
    const written = error?.code === 'EAGAIN' ? 0 : count;
    if (stream.destroyed || failure) {
      callback(
        failure || codedError(Error, 'ERR_STREAM_DESTROYED', `Cannot call ${syscall} after a stream was destroyed`),
      );
      return;
    }
    stream.bytesWritten += written;
    const left = size - written;
    const tries = written ? 0 : emptyWrites + 1;
    if (tries > mostEmptyWrites) {
      callback(codedError(Error, 'ERR_SYSTEM_ERROR', `A system error occurred: ${syscall} failed`));
    } else if (left > 0) {
      const rest = (buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers)).subarray(written);
      writePieces(
        stream,
        [rest],
        left,
        position === undefined ? position : position + written,
        tries,
        callback,
        together,
      );
    } else {
      callback();
    }
  };
  const calls = stream[direct].mayWrite(stream[streamFs]) ? stream[direct] : stream[streamFs];
  if (together) calls.writev(stream.fd!, buffers, position, after);
  else calls.write(stream.fd!, buffers[0]!, 0, size, position, after);
}
