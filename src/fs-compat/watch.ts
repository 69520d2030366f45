/**
 * `watch` and `promises.watch`: told by the file system itself what changed, so nothing is polled and nothing missed.
 *
 * Watched is a path, with its links resolved once. Events are told later, in order; of equal events in a row one is
 * told, as Linux does it.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { decodeName } from '../vfs/name.ts';
import type { ChangeEvent, Name, PathLike, PosixFs } from '../vfs/posix.ts';
import {
  getOptions,
  toValidPath,
  validateAbortSignal,
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
} from './args.ts';
import { toEncoded } from './dirent.ts';
import { abortError, codedError, invalidArgType, invalidArgValue, posixError, shownPath } from './errors.ts';
import { matchesGlobOrName, parseGlob } from './glob-pattern.ts';
import { isDirectoryMode } from './names.ts';

/** What `watch` can be told. */
interface WatchOptions {
  readonly persistent?: unknown;
  readonly recursive?: unknown;
  readonly encoding?: unknown;
  readonly signal?: AbortSignal;
  readonly ignore?: unknown;
  readonly throwIfNoEntry?: unknown;
  readonly maxQueue?: unknown;
  readonly overflow?: unknown;
}

type FileName = string | Buffer;
type Listener = (eventType: string, fileName: FileName) => void;

/** What `createWatch` makes. */
export interface Watch {
  watch(path: unknown, options?: unknown, listener?: unknown): FSWatcher;
  readonly promises: {
    watch(path: unknown, options?: unknown): AsyncGenerator<{ eventType: string; filename: FileName }, void, void>;
  };
}

export function createWatch(vfs: PosixFs): Watch {
  return {
    watch(path, givenOptions, givenListener) {
      const listener = typeof givenOptions === 'function' ? givenOptions : givenListener;
      const options: WatchOptions = { ...getOptions(givenOptions) };
      const target = toValidPath(path);
      // What is not recursive takes more, in Node.
      if (options.recursive) checkOptions(options);
      else checkIgnores(options.ignore);
      const watcher = new FSWatcher(vfs, target, options);
      if (listener) watcher.addListener('change', listener as Listener);
      if (options.signal) closeOnAbort(watcher, options.signal);
      return watcher;
    },
    promises: {
      async *watch(path, givenOptions = {}) {
        validateObject(givenOptions, 'options');
        const options = givenOptions as WatchOptions;
        const { maxQueue = 2048, overflow = 'ignore', signal, encoding = 'utf8' } = options;
        const target = toValidPath(path);
        checkOptions(options);
        validateInteger(maxQueue, 'options.maxQueue');
        validateOneOf(overflow, 'options.overflow', ['ignore', 'error']);
        if (encoding && !Buffer.isEncoding(encoding as string) && encoding !== 'buffer') {
          throw invalidArgValue('encoding', encoding, 'is invalid encoding');
        }
        if (signal?.aborted) throw abortError(signal);
        yield* iterate(vfs, target, options, maxQueue as number, overflow === 'error');
      },
    },
  };
}

/** The watcher that `watch` returns: `change` with type and name, `close`, `error`. */
export class FSWatcher extends EventEmitter {
  readonly #source: Source | undefined;
  #closed = false;

  constructor(vfs: PosixFs, path: PathLike, options: WatchOptions) {
    super();
    this.#source = Source.open(vfs, path, options, (type, name) => this.emit('change', type, name));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source?.close();
    process.nextTick(() => this.emit('close'));
  }

  ref(): this {
    this.#source?.ref();
    return this;
  }

  unref(): this {
    this.#source?.unref();
    return this;
  }

  /** Does nothing; here for those who call it, as in Node. */
  start(): void {}
}

function closeOnAbort(watcher: FSWatcher, signal: AbortSignal): void {
  if (signal.aborted) {
    process.nextTick(() => watcher.close());
    return;
  }
  const close = (): void => watcher.close();
  signal.addEventListener('abort', close);
  watcher.once('close', () => signal.removeEventListener('abort', close));
}

async function* iterate(
  vfs: PosixFs,
  path: PathLike,
  options: WatchOptions,
  maxQueue: number,
  failsOnOverflow: boolean,
): AsyncGenerator<{ eventType: string; filename: FileName }, void, void> {
  const { signal } = options;
  let queue: { eventType: string; filename: FileName }[] = [];
  let failure: Error | undefined;
  let wake = (): void => {};
  const source = Source.open(vfs, path, options, (eventType, filename) => {
    if (queue.length < maxQueue) queue.push({ eventType, filename });
    else if (failsOnOverflow) {
      queue = [];
      failure = codedError(Error, 'ERR_FS_WATCH_QUEUE_OVERFLOW', `fs.watch() queued more than ${maxQueue} events`);
    } else process.emitWarning('fs.watch maxQueue exceeded');
    wake();
  });
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      const event = queue.shift();
      if (event !== undefined) yield event;
      else if (signal?.aborted) throw abortError(signal);
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    source?.close();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The changes of one path, told later and with the names that watchers get. */
class Source {
  readonly #tell: (type: string, name: FileName) => void;
  readonly #encoding: unknown;
  readonly #ignored: ((name: string) => unknown) | undefined;
  readonly #stop: () => void;
  /** Keeps the process alive, as a system's watcher would. */
  readonly #alive: NodeJS.Timeout;
  #persistent = true;
  #closed = false;
  #waiting: { type: string; name: Name }[] = [];
  #turn: NodeJS.Immediate | undefined;

  /** Undefined when there is nothing, and that is to be no error. */
  static open(
    vfs: PosixFs,
    path: PathLike,
    options: WatchOptions,
    tell: (type: string, name: FileName) => void,
  ): Source | undefined {
    const found = vfs.probe(path, true);
    if (typeof found !== 'string') {
      return new Source(vfs, vfs.realpath(path), isDirectoryMode(found.mode), options, tell);
    }
    if (found === 'ENOENT' && options.throwIfNoEntry === false) return undefined;
    const error = posixError(found, 'watch', path) as NodeJS.ErrnoException & { filename?: string };
    error.filename = shownPath(path);
    throw error;
  }

  private constructor(
    vfs: PosixFs,
    root: Name,
    isDirectory: boolean,
    options: WatchOptions,
    tell: (type: string, name: FileName) => void,
  ) {
    this.#tell = tell;
    this.#encoding = options.encoding;
    this.#ignored = ignoring(options.ignore);
    const own = root.slice(root.lastIndexOf('/') + 1);
    const inside = root.endsWith('/') ? root : `${root}/`;
    const recursive = Boolean(options.recursive);
    this.#stop = vfs.watch(({ type, path }: ChangeEvent) => {
      if (path === root) this.#take(type, own);
      else if (isDirectory && path.startsWith(inside)) {
        const name = path.slice(inside.length);
        if (recursive || !name.includes('/')) this.#take(type, name);
      }
    });
    this.#alive = setInterval(() => {}, 0x7fffffff);
    if (options.persistent === false) this.unref();
  }

  #take(type: string, name: Name): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.type === type && last.name === name) return;
    this.#waiting.push({ type, name });
    if (this.#turn !== undefined) return;
    this.#turn = setImmediate(() => this.#tellWaiting());
    if (!this.#persistent) this.#turn.unref();
  }

  #tellWaiting(): void {
    this.#turn = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < waiting.length && !this.#closed; i++) {
      const { type, name } = waiting[i]!;
      if (this.#ignored?.(decodeName(name))) continue;
      try {
        this.#tell(type, toEncoded(name, this.#encoding));
      } catch (error) {
        // The others are told all the same, should anybody survive this.
        this.#waiting.unshift(...waiting.slice(i + 1));
        if (this.#waiting.length > 0) this.#turn ??= setImmediate(() => this.#tellWaiting());
        throw error;
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    clearInterval(this.#alive);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }

  ref(): void {
    this.#persistent = true;
    this.#alive.ref();
  }

  unref(): void {
    this.#persistent = false;
    this.#alive.unref();
  }
}

function checkOptions({ persistent, recursive, signal, encoding, ignore, throwIfNoEntry }: WatchOptions): void {
  if (recursive != null) validateBoolean(recursive, 'options.recursive');
  if (persistent != null) validateBoolean(persistent, 'options.persistent');
  if (signal != null) validateAbortSignal(signal, 'options.signal');
  if (throwIfNoEntry != null) validateBoolean(throwIfNoEntry, 'options.throwIfNoEntry');
  if (encoding != null && typeof encoding !== 'string') throw invalidArgValue('options.encoding', encoding);
  checkIgnores(ignore);
}

function checkIgnores(ignore: unknown): void {
  if (ignore == null) return;
  if (Array.isArray(ignore)) {
    for (const [index, each] of ignore.entries()) checkIgnore(each, `options.ignore[${index}]`);
  } else checkIgnore(ignore, 'options.ignore');
}

function checkIgnore(value: unknown, name: string): void {
  if (typeof value === 'string') {
    if (value === '') throw invalidArgValue(name, value, 'must be a non-empty string');
  } else if (typeof value !== 'function' && !(value instanceof RegExp)) {
    throw invalidArgType(name, ['string', 'RegExp', 'Function'], value);
  }
}

/** Whether a name is of no interest, by patterns, regular expressions and functions. */
function ignoring(ignore: unknown): ((name: string) => unknown) | undefined {
  if (ignore == null) return undefined;
  const tests = (Array.isArray(ignore) ? ignore : [ignore]).map((each): ((name: string) => unknown) => {
    if (typeof each === 'function') return each as (name: string) => unknown;
    if (each instanceof RegExp) return (name) => name.search(each) !== -1;
    const patterns = parseGlob(each as string);
    return (name) => matchesGlobOrName(name, patterns);
  });
  return (name) => tests.some((test) => test(name));
}
