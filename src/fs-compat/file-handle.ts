/**
 * `FileHandle`: an open file, as `promises.open` gives it.
 *
 * It closes when nothing uses it any more: calls under way and streams on it are counted.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { type ReadableByteStreamController, ReadableStream } from 'node:stream/web';
import type { PosixFs } from '../vfs/posix.ts';
import {
  noOptions,
  type Options,
  toMode,
  toTime,
  validateBoolean,
  validateBuffer,
  validateBufferArray,
  validateInteger,
  validateObject,
  validateOwner,
  validatePosition,
  validateReadRange,
  validateText,
} from './args.ts';
import { Call, settled } from './call.ts';
import { codedError, invalidArgValue } from './errors.ts';
import type { Ops } from './ops.ts';
import { readCall, readvCall, toTextTransfer, toWriteTransfer, writeCall, writevCall } from './read-write.ts';
import { refHandle, unrefHandle } from './streams.ts';
import type { NodeFs } from './types.ts';
import { readOptions, type WholeFile, writeOptions } from './whole-file.ts';
import { writeFrom } from './write-from.ts';

type View = ArrayBufferView;

/** What handles of one module share. */
export interface HandleHost {
  readonly vfs: PosixFs;
  readonly fs: NodeFs;
  readonly ops: Ops;
  readonly whole: WholeFile;
}

let lastAsyncId = 0;
let forgottenWarned = false;

/** Handles that nobody closed, and nobody can any more. */
const forgotten = new FinalizationRegistry<{ host: HandleHost; fd: number }>(({ host, fd }) => {
  try {
    host.vfs.close(fd);
  } catch {
    // The volume is closed, or so is the descriptor, by `fs.close`.
    return;
  }
  process.emitWarning(`Closing file descriptor ${fd} on garbage collection`);
  if (forgottenWarned) return;
  forgottenWarned = true;
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. Please close FileHandle objects explicitly ' +
      'using FileHandle.prototype.close(). In the future, an error will be thrown if a file descriptor is closed ' +
      'during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  );
});

export class FileHandle extends EventEmitter {
  readonly #host: HandleHost;
  readonly #asyncId: number = ++lastAsyncId;
  #fd: number;
  #refs = 1;
  #locked = false;
  #closing: Promise<void> | undefined;
  #closed: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  /** A property of its own, as it is often passed on without its handle. */
  readonly close: () => Promise<void>;

  static isFileHandle(value: unknown): value is FileHandle {
    return value !== null && typeof value === 'object' && #host in value;
  }

  constructor(host: HandleHost, fd: number) {
    super();
    this.#host = host;
    this.#fd = fd;
    forgotten.register(this, { host, fd }, this);
    this.close = () => this.#close();
  }

  get fd(): number {
    return this.#fd;
  }

  getAsyncId(): number {
    return this.#asyncId;
  }

  #close(): Promise<void> {
    if (this.#fd === -1) return Promise.resolve();
    if (this.#closing !== undefined) return this.#closing;
    const closed = new Promise<void>((resolve, reject) => {
      this.#closed = { resolve, reject };
    });
    this.#closing = closed.finally(() => {
      this.#closing = undefined;
    });
    this.#unref();
    this.emit('close');
    return this.#closing;
  }

  static {
    // Streams hold the handle by these. (A computed method's name is no declaration that stands on its own.)
    Object.defineProperties(FileHandle.prototype, {
      [refHandle]: {
        value(this: FileHandle): void {
          this.#refs++;
        },
      },
      [unrefHandle]: {
        value(this: FileHandle): void {
          this.#unref();
        },
      },
    });
  }

  #unref(): void {
    if (--this.#refs > 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    forgotten.unregister(this);
    settled(this.#host.ops.close(fd)).then(this.#closed?.resolve, this.#closed?.reject);
  }

  /** One call on the open file; the handle stays open until it is over. */
  async #call<Result>(name: string, work: (fd: number) => Call<Result> | Promise<Result>): Promise<Result> {
    if (this.#fd === -1) {
      const error: NodeJS.ErrnoException = new Error('file closed');
      error.code = 'EBADF';
      error.syscall = name;
      throw error;
    }
    this.#refs++;
    try {
      const call = work(this.#fd);
      return await (call instanceof Call ? settled(call) : call);
    } finally {
      this.#unref();
    }
  }

  /** As a method, also of an object that is no handle. */
  static #on<Result>(
    handle: FileHandle,
    name: string,
    work: (fd: number) => Call<Result> | Promise<Result>,
  ): Promise<Result> {
    if (!FileHandle.isFileHandle(handle)) {
      const message =
        'handle must be an instance of FileHandle\n' +
        'This is caused by either a bug in Node.js or incorrect usage of Node.js internals.\n' +
        'Please open an issue with this stack trace at https://github.com/nodejs/node/issues\n';
      return Promise.reject(codedError(Error, 'ERR_INTERNAL_ASSERTION', message));
    }
    return handle.#call(name, work);
  }

  appendFile(data: unknown, options?: unknown): Promise<void> {
    return FileHandle.#on(this, 'writeFile', () => this.#write(data, writeOptions(options)));
  }

  chmod(mode: unknown): Promise<void> {
    return FileHandle.#on(this, 'fchmod', (fd) => {
      const bits = toMode(mode, 'mode');
      return this.#host.ops.fchmod(fd, bits);
    });
  }

  chown(uid: unknown, gid: unknown): Promise<void> {
    return FileHandle.#on(this, 'fchown', (fd) => {
      validateOwner(uid, gid);
      return this.#host.ops.fchown(fd, uid, gid);
    });
  }

  datasync(): Promise<void> {
    return FileHandle.#on(this, 'fdatasync', (fd) => this.#host.ops.fdatasync(fd));
  }

  sync(): Promise<void> {
    return FileHandle.#on(this, 'fsync', (fd) => this.#host.ops.fsync(fd));
  }

  read(
    buffer?: unknown,
    offset?: unknown,
    length?: unknown,
    position?: unknown,
  ): Promise<{ bytesRead: number; buffer: View }> {
    return FileHandle.#on(this, 'read', (fd) => this.#read(fd, buffer, offset, length, position));
  }

  async #read(
    fd: number,
    bufferOrOptions: unknown,
    offsetOrOptions: unknown,
    givenLength: unknown,
    givenPosition: unknown,
  ): Promise<{ bytesRead: number; buffer: View }> {
    let buffer = bufferOrOptions;
    let offset = offsetOrOptions;
    let length = givenLength;
    let position = givenPosition;
    const sizeOf = (view: unknown): number => (view as View).byteLength;
    if (!ArrayBuffer.isView(buffer)) {
      if (buffer !== undefined) validateObject(buffer, 'options', true);
      const options = (buffer ?? noOptions) as Options;
      ({ buffer = Buffer.alloc(16384), offset = 0, position = null } = options);
      length = options.length === undefined ? sizeOf(buffer) - (offset as number) : options.length;
      validateBuffer(buffer);
    }
    if (offset !== null && typeof offset === 'object') {
      const options = offset as Options;
      ({ offset = 0, position = null } = options);
      length = options.length === undefined ? sizeOf(buffer) - (offset as number) : options.length;
    }
    if (offset === undefined || offset === null) offset = 0;
    else validateInteger(offset, 'offset', 0);
    length ??= sizeOf(buffer) - (offset as number);
    if (position === undefined || position === null) position = -1;
    else validatePosition(position, 'position', length as number);
    const view = buffer as View;
    if (length === 0) return pair({ bytesRead: 0, buffer: view });
    if (view.byteLength === 0) throw invalidArgValue('buffer', view, 'is empty and cannot be written');
    validateReadRange(offset as number, length as number, view.byteLength);
    const what = { view, offset: offset as number, length: length as number, position: Number(position) };
    return pair({ bytesRead: await settled(readCall(this.#host.vfs, fd, what)), buffer: view });
  }

  readv(buffers: unknown, position?: unknown): Promise<{ bytesRead: number; buffers: View[] }> {
    return FileHandle.#on(this, 'readv', async (fd) => {
      validateBufferArray(buffers);
      return pair({ bytesRead: await settled(readvCall(this.#host.vfs, fd, buffers, position)), buffers });
    });
  }

  readFile(options?: unknown): Promise<string | Buffer> {
    return FileHandle.#on(this, 'readFile', (fd) => this.#host.whole.readRestCallOf(fd, readOptions(options)));
  }

  readLines(options?: object): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Number.POSITIVE_INFINITY });
  }

  stat(options: unknown = noOptions): Promise<object> {
    return FileHandle.#on(this, 'fstat', (fd) => this.#host.ops.fstat(fd, options));
  }

  truncate(size: unknown = 0): Promise<void> {
    return FileHandle.#on(this, 'ftruncate', (fd) => this.#host.ops.ftruncate(fd, size));
  }

  utimes(atime: unknown, mtime: unknown): Promise<void> {
    return FileHandle.#on(this, 'futimes', (fd) => {
      const accessed = toTime(atime, 'atime');
      const modified = toTime(mtime, 'mtime');
      return new Call('futime', () => this.#host.vfs.futimes(fd, accessed, modified));
    });
  }

  write(
    buffer: unknown,
    offsetOrPosition?: unknown,
    lengthOrEncoding?: unknown,
    position?: unknown,
  ): Promise<{ bytesWritten: number; buffer: unknown }> {
    return FileHandle.#on(this, 'write', async (fd) => {
      if ((buffer as View | undefined)?.byteLength === 0) return pair({ bytesWritten: 0, buffer });
      let what: ReturnType<typeof toWriteTransfer>;
      if (ArrayBuffer.isView(buffer)) what = toWriteTransfer(buffer, offsetOrPosition, lengthOrEncoding, position);
      else {
        validateText(buffer, 'buffer');
        what = toTextTransfer(buffer, offsetOrPosition, lengthOrEncoding);
      }
      return pair({ bytesWritten: await settled(writeCall(this.#host.vfs, fd, what)), buffer });
    });
  }

  writev(buffers: unknown, position?: unknown): Promise<{ bytesWritten: number; buffers: View[] }> {
    return FileHandle.#on(this, 'writev', async (fd) => {
      validateBufferArray(buffers);
      if (buffers.length === 0) return pair({ bytesWritten: 0, buffers });
      return pair({ bytesWritten: await settled(writevCall(this.#host.vfs, fd, buffers, position)), buffers });
    });
  }

  writeFile(data: unknown, options?: unknown): Promise<void> {
    return FileHandle.#on(this, 'writeFile', () => this.#write(data, writeOptions(options)));
  }

  #write(data: unknown, options: Options): Promise<void> {
    return writeFrom(data, options, (view, offset, length) =>
      settled(writeCall(this.#host.vfs, this.#fd, { view, offset, length, position: -1 })),
    );
  }

  createReadStream(options?: object): NodeJS.ReadableStream & { fd: unknown } {
    const { ReadStream } = this.#host.fs as unknown as { ReadStream: new (...args: unknown[]) => never };
    return new ReadStream(undefined, { ...options, fd: this });
  }

  createWriteStream(options?: object): NodeJS.WritableStream & { fd: unknown } {
    const { WriteStream } = this.#host.fs as unknown as { WriteStream: new (...args: unknown[]) => never };
    return new WriteStream(undefined, { ...options, fd: this });
  }

  readableWebStream(options: unknown = noOptions): ReadableStream {
    if (this.#fd === -1) throw stateError('The FileHandle is closed');
    if (this.#closing !== undefined) throw stateError('The FileHandle is closing');
    if (this.#locked) throw stateError('The FileHandle is locked');
    this.#locked = true;
    validateObject(options, 'options');
    const { type = 'bytes', autoClose = false } = options;
    validateBoolean(autoClose, 'options.autoClose');
    if (type !== 'bytes') {
      process.emitWarning(
        'A non-"bytes" options.type has no effect. A byte-oriented steam is always created.',
        'ExperimentalWarning',
      );
    }
    const ended = async (): Promise<void> => {
      this.#unref();
      if (autoClose) await this.close();
    };
    let controller: ReadableByteStreamController | undefined;
    const stream = new ReadableStream({
      type: 'bytes',
      autoAllocateChunkSize: 16384,
      start(given) {
        controller = given;
      },
      pull: async () => {
        const request = controller!.byobRequest!;
        const view = request.view as unknown as Uint8Array;
        const { bytesRead } = await this.read(view, view.byteOffset, view.byteLength);
        if (bytesRead === 0) {
          controller!.close();
          await ended();
        }
        request.respond(bytesRead);
      },
      cancel: ended,
    });
    this.#refs++;
    this.once('close', () => {
      // `cancel` would do, were it not refused while somebody reads.
      try {
        controller!.close();
        controller!.byobRequest?.respond(0);
      } catch {
        return;
      }
      void ended();
    });
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function stateError(message: string): Error {
  return codedError(Error, 'ERR_INVALID_STATE', `Invalid state: ${message}`);
}

/** Results are objects without a prototype. */
function pair<Result extends object>(result: Result): Result {
  return Object.setPrototypeOf(result, null);
}
