/**
 * `Dir`: an open directory, read entry by entry.
 *
 * What there is is taken down at once, when it is opened: entries that come and go meanwhile are not seen.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type { DirectoryEntry, PathLike, PosixFs } from '../vfs/posix.ts';
import { getOptions, type Options, toCallback, toValidPath, validateFunction, validateUint32 } from './args.ts';
import { Call, type Callback, later, now, settled } from './call.ts';
import { type Dirent, toDirent } from './dirent.ts';
import { codedError } from './errors.ts';

const dirDefaults: Options = Object.freeze({ encoding: 'utf8' });

interface Level {
  readonly path: PathLike;
  readonly entries: DirectoryEntry[];
  next: number;
}

function closedError(): Error {
  return codedError(Error, 'ERR_DIR_CLOSED', 'Directory handle was closed');
}

export class Dir {
  readonly #vfs: PosixFs;
  readonly #path: PathLike;
  readonly #options: Options;
  #levels: Level[];
  #closed = false;
  /** What waits for a pending read or close; undefined when nothing is pending. */
  #waiting: (() => void)[] | undefined;

  constructor(vfs: PosixFs, path: PathLike, options: Options, entries: DirectoryEntry[]) {
    if (vfs === undefined || vfs === null) {
      throw codedError(TypeError, 'ERR_MISSING_ARGS', 'The "handle" argument must be specified');
    }
    const all = { bufferSize: 32, ...getOptions(options, dirDefaults) };
    validateUint32(all.bufferSize, 'options.bufferSize', 1);
    this.#vfs = vfs;
    this.#path = path;
    this.#options = all;
    this.#levels = [{ path, entries, next: 0 }];
  }

  get path(): string | Buffer {
    if (!(#path in this)) throw codedError(TypeError, 'ERR_INVALID_THIS', 'Value of "this" must be of type Dir');
    return this.#path as string | Buffer;
  }

  /** The next entry, or null. */
  #take(): Dirent | null {
    for (;;) {
      const level = this.#levels[0];
      if (level === undefined) return null;
      const entry = level.entries[level.next++];
      if (entry === undefined) {
        if (this.#levels.length === 1) {
          level.next--;
          return null;
        }
        this.#levels.shift();
        continue;
      }
      const dirent = toDirent(entry, parentPath(level.path), this.#options.encoding);
      if (this.#options.recursive && dirent.isDirectory()) {
        const path = posix.join(String(dirent.parentPath), String(dirent.name));
        const entries = now(new Call('opendir', () => this.#vfs.readdir(path), path));
        this.#levels.push({ path, entries, next: 0 });
      }
      return dirent;
    }
  }

  read(): Promise<Dirent | null>;
  read(callback: (error: NodeJS.ErrnoException | null, dirent: Dirent | null) => void): void;
  read(callback?: Callback): Promise<Dirent | null> | undefined {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        this.#read((error, dirent) => (error ? reject(error) : resolve(dirent)));
      });
    }
    this.#read(callback);
    return undefined;
  }

  #read(callback: Callback): void {
    if (this.#closed) throw closedError();
    validateFunction(callback, 'callback');
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.#read(callback));
      return;
    }
    this.#waiting = [];
    later(new Call('scandir', () => this.#take()), (error, dirent) => {
      this.#goOn();
      if (error) callback(error);
      else callback(null, dirent);
    });
  }

  #goOn(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined && waiting.length > 0) {
      process.nextTick(() => {
        for (const operation of waiting) operation();
      });
    }
  }

  readSync(): Dirent | null {
    if (this.#closed) throw closedError();
    this.#refuseWhilePending();
    return this.#take();
  }

  close(): Promise<void>;
  close(callback: (error: NodeJS.ErrnoException | null) => void): void;
  close(callback?: Callback): Promise<void> | undefined {
    if (callback === undefined) {
      if (this.#closed) return Promise.reject(closedError());
      return new Promise((resolve, reject) => {
        this.close((error) => (error ? reject(error) : resolve()));
      });
    }
    validateFunction(callback, 'callback');
    if (this.#closed) {
      process.nextTick(callback, closedError());
      return undefined;
    }
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.close(callback));
      return undefined;
    }
    this.#end();
    later(new Call('closedir', () => undefined), callback);
    return undefined;
  }

  closeSync(): void {
    if (this.#closed) throw closedError();
    this.#refuseWhilePending();
    this.#end();
  }

  #end(): void {
    this.#closed = true;
    this.#levels = [];
  }

  #refuseWhilePending(): void {
    if (this.#waiting === undefined) return;
    throw codedError(
      Error,
      'ERR_DIR_CONCURRENT_OPERATION',
      'Cannot do synchronous work on directory handle with concurrent asynchronous operations',
    );
  }

  async *entries(): AsyncGenerator<Dirent, void, void> {
    try {
      for (;;) {
        const entry = await this.read();
        if (entry === null) break;
        yield entry;
      }
    } finally {
      await this.close();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Dirent, void, void> {
    return this.entries();
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.close();
  }
}
Object.defineProperty(Dir.prototype, Symbol.asyncIterator, {
  value: Dir.prototype.entries,
  enumerable: false,
  writable: true,
  configurable: true,
});

function parentPath(path: PathLike): string | Buffer {
  return typeof path === 'string' || Buffer.isBuffer(path) ? path : Buffer.from(path);
}

/** What `createOpendir` makes: members of the module and of `promises`. */
export interface Opendir {
  opendir(path: unknown, options: unknown, callback?: unknown): void;
  opendirSync(path: unknown, options?: unknown): Dir;
  readonly promises: { opendir(path: unknown, options?: unknown): Promise<Dir> };
}

export function createOpendir(vfs: PosixFs): Opendir {
  const opendirCall = (path: unknown, given: unknown): Call<Dir> => {
    const checked = toValidPath(path);
    const options = getOptions(given, dirDefaults);
    return new Call('opendir', () => new Dir(vfs, checked, options, vfs.readdir(checked)), checked);
  };
  return {
    opendir(path, options, callback) {
      const done = toCallback(typeof options === 'function' ? options : callback, 'callback');
      later(opendirCall(path, options), done);
    },
    opendirSync(path, options) {
      // Node's error does not say where: only here.
      const { syscall, run } = opendirCall(path, options);
      return now(new Call(syscall, run));
    },
    promises: {
      opendir: async (path, options) => await settled(opendirCall(path, options)),
    },
  };
}
