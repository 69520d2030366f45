/**
 * `Utf8Stream`: a writer for logs, which gathers small texts into large writes.
 *
 * Texts (or Buffers) wait in pieces of at most `maxWrite`; one piece at a time is being written. `len` counts what is
 * not yet written, in the unit of the content: characters of texts, bytes of Buffers.
 *
 * @module
 */

import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { validateFunction } from './args.ts';
import { codedError } from './errors.ts';
import type { NodeFs } from './types.ts';
import { BufferContent, type Content, charactersIn, type Data, TextContent } from './utf8-content.ts';
import { type Calls, readSettings, type Settings } from './utf8-settings.ts';

/** How long is waited before a write is tried again that found no room. */
const busyMs = 100;

type Failure = NodeJS.ErrnoException | null | undefined;
type FlushCallback = (error?: unknown) => void;

/** The class that writes by `fs`. */
export function createUtf8Stream(fs: NodeFs): new (options?: unknown) => BaseUtf8Stream {
  return class Utf8Stream extends BaseUtf8Stream {
    constructor(options: unknown = {}) {
      super(options, fs);
    }
  };
}

export class BaseUtf8Stream extends EventEmitter {
  readonly #settings: Settings;
  readonly #fs: Calls;
  readonly #content: Content;
  readonly #timer: NodeJS.Timeout | undefined;
  #fd = -1;
  #file: string | null = null;
  /** What is being written, or what is left of it. */
  #piece: Data;
  #len = 0;
  #writing = false;
  #opening = false;
  #reopening = false;
  #ending = false;
  #destroyed = false;
  #flushPending = false;
  #drainScheduled = false;

  constructor(options: unknown, fs: NodeFs) {
    const settings = readSettings(options, fs);
    super();
    this.#settings = settings;
    this.#fs = settings.calls;
    this.#content =
      settings.contentMode === 'buffer' ? new BufferContent(settings.maxWrite) : new TextContent(settings.maxWrite);
    this.#piece = this.#content.empty;
    if (typeof settings.target === 'string') this.#open(settings.target);
    else {
      this.#fd = settings.target;
      process.nextTick(() => this.emit('ready'));
    }
    // Who listens only now still wants to be told.
    this.on('newListener', (event) => {
      if (event === 'drain') this.#drainScheduled = false;
    });
    if (settings.periodicFlush !== 0) {
      this.#timer = setInterval(() => this.#flush(), settings.periodicFlush);
      this.#timer.unref();
    }
  }

  /** False when so much waits that one should wait for `drain`. */
  write(data: Data): boolean {
    this.#refuseIfDestroyed();
    this.#content.validate(data);
    const len = this.#len + data.length;
    if (this.#settings.maxLength && len > this.#settings.maxLength) {
      this.emit('drop', data);
      return this.#len < this.#settings.highWaterMark;
    }
    this.#content.add(data);
    this.#len = len;
    if (!this.#writing && len >= this.#settings.minLength) this.#writeNext();
    return this.#len < this.#settings.highWaterMark;
  }

  /** Writes what waits and calls back once it is on the disk. */
  flush(callback: FlushCallback = () => {}): void {
    validateFunction(callback, 'cb');
    if (this.#destroyed) callback(destroyed());
    else if (this.#settings.minLength <= 0) callback();
    else {
      this.#callAfterDrain(callback);
      this.#flush();
    }
  }

  #flush(): void {
    if (this.#destroyed || this.#settings.minLength <= 0 || this.#writing) return;
    this.#writeNext();
  }

  /** Writes what waits, now. */
  flushSync(): void {
    this.#refuseIfDestroyed();
    if (this.#fd < 0) throw codedError(Error, 'ERR_INVALID_STATE', 'Invalid state: Invalid file descriptor');
    // A piece on its way is being written by another call.
    let piece = this.#writing ? this.#content.empty : this.#piece;
    if (!this.#writing) this.#piece = this.#content.empty;
    while (piece.length > 0 || this.#content.waiting) {
      if (piece.length === 0) piece = this.#content.take();
      if (piece.length === 0) continue;
      try {
        piece = this.#count(piece, this.#writeSync(piece));
      } catch (error) {
        if (
          isBusy(error as Failure) &&
          this.#settings.mayRetry(error as Error, piece.length, this.#len - piece.length)
        ) {
          sleep(busyMs);
          continue;
        }
        this.#content.putBack(piece);
        throw error;
      }
    }
    try {
      this.#fs.fsyncSync(this.#fd);
    } catch {
      // Not everything that can be written to can be synced.
    }
  }

  /** Goes on in a new file, or in the same name's, which somebody may have moved away. */
  reopen(file?: string): void {
    this.#refuseIfDestroyed();
    if (this.#opening) {
      this.once('ready', () => this.reopen(file));
      return;
    }
    if (this.#ending) return;
    if (!this.#file) {
      throw codedError(
        Error,
        'ERR_OPERATION_FAILED',
        'Operation failed: Unable to reopen a file descriptor, you must pass a file to SonicBoom',
      );
    }
    if (file) this.#file = file;
    this.#reopening = true;
    if (this.#writing) return;
    const fd = this.#fd;
    this.once('ready', () => {
      if (fd === this.#fd) return;
      this.#fs.close(fd, (error: Failure) => {
        if (error) this.emit('error', error);
      });
    });
    this.#open(this.#file);
  }

  /** Writes what waits, and closes. */
  end(): void {
    this.#refuseIfDestroyed();
    if (this.#opening) {
      this.once('ready', () => this.end());
      return;
    }
    if (this.#ending) return;
    this.#ending = true;
    if (this.#writing) return;
    if (this.#len > 0 && this.#fd >= 0) this.#writeNext();
    else this.#close();
  }

  /** Closes; what waits is lost. */
  destroy(): void {
    if (!this.#destroyed) this.#close();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  get mode(): unknown {
    return this.#settings.mode;
  }
  get file(): string | null {
    return this.#file;
  }
  get fd(): number {
    return this.#fd;
  }
  get minLength(): number {
    return this.#settings.minLength;
  }
  get maxLength(): number {
    return this.#settings.maxLength;
  }
  get writing(): boolean {
    return this.#writing;
  }
  get sync(): boolean {
    return this.#settings.sync;
  }
  get fsync(): boolean {
    return this.#settings.fsync;
  }
  get append(): boolean {
    return this.#settings.append;
  }
  get periodicFlush(): number {
    return this.#settings.periodicFlush;
  }
  get contentMode(): string {
    return this.#content.mode;
  }
  get mkdir(): boolean {
    return this.#settings.mkdir;
  }

  #refuseIfDestroyed(): void {
    if (this.#destroyed) throw destroyed();
  }

  #open(file: string): void {
    this.#opening = true;
    this.#writing = true;
    this.#drainScheduled = false;
    const flags = this.#settings.append ? 'a' : 'w';
    if (this.#settings.sync) {
      let fd: number;
      try {
        if (this.#settings.mkdir) this.#fs.mkdirSync(dirname(file), { recursive: true });
        fd = this.#fs.openSync(file, flags, this.#settings.mode);
      } catch (error) {
        this.#failedToOpen(error as Error);
        throw error;
      }
      this.#opened(file, fd);
      return;
    }
    const open = (): void => {
      this.#fs.open(file, flags, this.#settings.mode, (error: Failure, fd: number) => {
        if (error) this.#failedToOpen(error);
        else this.#opened(file, fd);
      });
    };
    if (!this.#settings.mkdir) open();
    else {
      this.#fs.mkdir(dirname(file), { recursive: true }, (error: Failure) => {
        if (error) this.#failedToOpen(error);
        else open();
      });
    }
  }

  #failedToOpen(error: Error): void {
    this.#reopening = false;
    this.#writing = false;
    this.#opening = false;
    if (!this.#settings.sync) this.emit('error', error);
    else {
      // It is thrown as well, so nobody has to listen.
      process.nextTick(() => {
        if (this.listenerCount('error') > 0) this.emit('error', error);
      });
    }
  }

  #opened(file: string, fd: number): void {
    const wasReopening = this.#reopening;
    this.#fd = fd;
    this.#file = file;
    this.#reopening = false;
    this.#opening = false;
    this.#writing = false;
    if (this.#settings.sync) process.nextTick(() => this.emit('ready'));
    else this.emit('ready');
    if (this.#destroyed) return;
    if ((!this.#writing && this.#len > this.#settings.minLength) || this.#flushPending) this.#writeNext();
    else if (wasReopening) process.nextTick(() => this.emit('drain'));
  }

  #close(): void {
    if (this.#fd === -1) {
      this.once('ready', () => this.#close());
      return;
    }
    clearInterval(this.#timer);
    this.#destroyed = true;
    this.#content.clear();
    const done = (error?: Failure): void => {
      if (error) {
        this.emit('error', error);
        return;
      }
      if (this.#ending && !this.#writing) this.emit('finish');
      this.emit('close');
    };
    try {
      this.#fs.fsync(this.#fd, () => {
        // Standard output and errors are not this stream's to close.
        if (this.#fd === 1 || this.#fd === 2) done();
        else this.#fs.close(this.#fd, done);
      });
    } catch {
      // A descriptor that is none has nothing to close.
    }
  }

  #writeSync(piece: Data): number {
    return typeof piece === 'string'
      ? this.#fs.writeSync(this.#fd, piece, 'utf8')
      : this.#fs.writeSync(this.#fd, piece);
  }

  #writeLater(): void {
    const done = (error: Failure, count: number): void => this.#wrote(error, count);
    const { writeNow } = this.#settings;
    if (writeNow !== undefined) {
      let count: number;
      try {
        count = writeNow(this.#fd, this.#piece);
      } catch (error) {
        setImmediate(done, error as Error, 0);
        return;
      }
      setImmediate(done, null, count);
      return;
    }
    if (typeof this.#piece === 'string') this.#fs.write(this.#fd, this.#piece, 'utf8', done);
    else this.#fs.write(this.#fd, this.#piece, done);
  }

  /** Begins with the next piece, unless one is left. */
  #writeNext(): void {
    this.#writing = true;
    if (this.#piece.length === 0) this.#piece = this.#content.take();
    if (!this.#settings.sync) {
      this.#writeLater();
      return;
    }
    let count: number;
    try {
      count = this.#writeSync(this.#piece);
    } catch (error) {
      this.#wrote(error as Error, 0);
      return;
    }
    this.#wrote(null, count);
  }

  #wrote(failure: Failure, count: number): void {
    if (failure) {
      this.#failedToWrite(failure);
      return;
    }
    this.emit('write', count);
    this.#piece = this.#count(this.#piece, count);
    if (this.#piece.length > 0) {
      if (!this.#settings.sync) {
        this.#writeLater();
        return;
      }
      try {
        while (this.#piece.length > 0) this.#piece = this.#count(this.#piece, this.#writeSync(this.#piece));
      } catch (error) {
        this.#failedToWrite(error as Error);
        return;
      }
    }
    if (this.#settings.fsync) this.#fs.fsyncSync(this.#fd);
    this.#goOn();
  }

  #failedToWrite(error: NodeJS.ErrnoException): void {
    if (!isBusy(error) || !this.#settings.mayRetry(error, this.#piece.length, this.#len - this.#piece.length)) {
      this.#writing = false;
      this.emit('error', error);
    } else if (this.#settings.sync) {
      sleep(busyMs);
      this.#wrote(null, 0);
    } else {
      setTimeout(() => this.#writeLater(), busyMs);
    }
  }

  /** What comes after a piece is written. */
  #goOn(): void {
    if (this.#reopening) {
      this.#writing = false;
      this.#reopening = false;
      this.reopen();
    } else if (this.#len > this.#settings.minLength || ((this.#ending || this.#flushPending) && this.#len > 0)) {
      this.#writeNext();
    } else if (this.#ending) {
      this.#writing = false;
      this.#close();
    } else {
      this.#writing = false;
      if (!this.#settings.sync) this.emit('drain');
      else if (!this.#drainScheduled) {
        this.#drainScheduled = true;
        process.nextTick(() => {
          if (this.listenerCount('drain') === 0) return;
          this.#drainScheduled = false;
          this.emit('drain');
        });
      }
    }
  }

  /** What is left of a piece of which so many bytes were written. */
  #count(piece: Data, bytes: number): Data {
    const done = typeof piece === 'string' ? charactersIn(piece, bytes) : bytes;
    this.#len = Math.max(this.#len - done, 0);
    return typeof piece === 'string' ? piece.slice(done) : piece.subarray(done);
  }

  #callAfterDrain(callback: FlushCallback): void {
    this.#flushPending = true;
    const onDrain = (): void => {
      this.off('error', onError);
      if (this.#settings.fsync || this.#destroyed) {
        this.#flushPending = false;
        callback();
        return;
      }
      try {
        this.#fs.fsync(this.#fd, (error: Failure) => {
          this.#flushPending = false;
          // Closed in the meantime, which writes as well.
          if (error?.code === 'EBADF') callback();
          else callback(error);
        });
      } catch (error) {
        this.#flushPending = false;
        callback(error);
      }
    };
    const onError = (error: unknown): void => {
      this.off('drain', onDrain);
      this.#flushPending = false;
      callback(error);
    };
    this.once('drain', onDrain);
    this.once('error', onError);
  }
}

function destroyed(): Error {
  return codedError(Error, 'ERR_INVALID_STATE', 'Invalid state: Utf8Stream is destroyed');
}

function isBusy(error: Failure): boolean {
  return error?.code === 'EAGAIN' || error?.code === 'EBUSY';
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
