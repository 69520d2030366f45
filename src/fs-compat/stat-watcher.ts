/**
 * `watchFile` and `unwatchFile`: what `stat` says of a path, looked at in intervals.
 *
 * A path that is not there has a `Stats` of zeros, and that it is not is told once at the beginning.
 *
 * @module
 */

import { EventEmitter } from 'node:events';
import { posix } from 'node:path';
import type { PosixFs, Stat } from '../vfs/posix.ts';
import { toValidPath, validateFunction, validateUint32 } from './args.ts';
import { toStats } from './stats.ts';

type Listener = (current: unknown, previous: unknown) => void;

interface WatchFileOptions {
  readonly interval: number;
  readonly persistent: boolean;
  readonly bigint?: boolean;
}

/** What `createWatchFile` makes. */
export interface WatchFile {
  watchFile(path: unknown, options?: unknown, listener?: unknown): StatWatcher;
  unwatchFile(path: unknown, listener?: unknown): void;
}

export function createWatchFile(vfs: PosixFs): WatchFile {
  const watchers = new Map<string, StatWatcher>();

  function keyOf(path: unknown): string {
    const target = toValidPath(path);
    // `path.resolve` is what complains of paths that are no text.
    return typeof target === 'string' ? posix.resolve(vfs.cwd(), target) : posix.resolve(target as unknown as string);
  }

  return {
    watchFile(path, givenOptions, givenListener) {
      const key = keyOf(path);
      const hasOptions = typeof givenOptions === 'object' && givenOptions !== null;
      const listener = hasOptions ? givenListener : givenOptions;
      const options: WatchFileOptions = { interval: 5007, persistent: true, ...(hasOptions ? givenOptions : {}) };
      validateFunction(listener, 'listener');
      let watcher = watchers.get(key);
      if (watcher === undefined) {
        watcher = new StatWatcher(vfs, key, options);
        watchers.set(key, watcher);
      } else watcher.addUser();
      watcher.addListener('change', listener as Listener);
      return watcher;
    },

    unwatchFile(path, listener) {
      const key = keyOf(path);
      const watcher = watchers.get(key);
      if (watcher === undefined) return;
      if (typeof listener === 'function') {
        const before = watcher.listenerCount('change');
        watcher.removeListener('change', listener as Listener);
        if (watcher.listenerCount('change') < before) watcher.dropUser();
      } else {
        watcher.removeAllListeners('change');
      }
      if (watcher.listenerCount('change') === 0) {
        watcher.stop();
        watchers.delete(key);
      }
    },
  };
}

const nothing: Stat = {
  dev: 0,
  ino: 0,
  mode: 0,
  nlink: 0,
  uid: 0,
  gid: 0,
  rdev: 0,
  size: 0,
  blksize: 0,
  blocks: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  ctimeSec: 0,
  ctimeNsec: 0,
  birthtimeSec: 0,
  birthtimeNsec: 0,
};

/** One watched path, whoever listens. Each listener is a user that `unref` can count out and `ref` count in again. */
export class StatWatcher extends EventEmitter {
  readonly #vfs: PosixFs;
  readonly #path: string;
  readonly #bigint: boolean;
  #timer: NodeJS.Timeout | undefined;
  #first: NodeJS.Immediate | undefined;
  #users = 1;
  #usersInAll = 1;
  /** What was there when last something was. */
  #last: Stat = nothing;
  #isThere: boolean;

  constructor(vfs: PosixFs, path: string, options: WatchFileOptions) {
    super();
    this.#vfs = vfs;
    this.#path = path;
    this.#bigint = Boolean(options.bigint);
    validateUint32(options.interval, 'interval');
    const found = this.#probe();
    this.#isThere = typeof found !== 'string';
    if (typeof found !== 'string') this.#last = found;
    else this.#first = setImmediate(() => this.#tell(nothing, nothing));
    // The interval begins anew after each look, as in Node; a listener may take its time.
    const look = (): void => {
      this.#timer?.refresh();
      this.#look();
    };
    this.#timer = setTimeout(look, options.interval);
    if (!options.persistent) this.unref();
  }

  /** A copy: what the file system hands out may go on changing. */
  #probe(): Stat | string {
    const found = this.#vfs.probe(this.#path, true);
    if (typeof found === 'string') return found;
    const copy = { ...nothing };
    for (const key of Object.keys(nothing) as (keyof Stat)[]) (copy as Record<keyof Stat, number>)[key] = found[key];
    return copy;
  }

  #look(): void {
    const found = this.#probe();
    const before = this.#last;
    if (typeof found === 'string') {
      if (!this.#isThere) return;
      this.#isThere = false;
      this.#tell(nothing, before);
    } else {
      const wasThere = this.#isThere;
      this.#isThere = true;
      this.#last = found;
      if (!wasThere || differ(before, found)) this.#tell(found, before);
    }
  }

  #tell(current: Stat, previous: Stat): void {
    this.emit('change', toStats(current, this.#bigint), toStats(previous, this.#bigint));
  }

  /** Ends it, whoever listens. */
  stop(): void {
    if (this.#timer === undefined) return;
    process.nextTick(() => this.emit('stop'));
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#first !== undefined) clearImmediate(this.#first);
  }

  addUser(): void {
    this.#users++;
    this.#usersInAll++;
  }

  dropUser(): void {
    this.#usersInAll--;
    this.unref();
  }

  ref(): this {
    if (this.#users === this.#usersInAll || this.#timer === undefined) return this;
    if (this.#users++ === 0) {
      this.#timer.ref();
      this.#first?.ref();
    }
    return this;
  }

  unref(): this {
    if (this.#users === 0 || this.#timer === undefined) return this;
    if (--this.#users === 0) {
      this.#timer.unref();
      this.#first?.unref();
    }
    return this;
  }

  /** Does nothing; here for those who call it, as in Node. */
  start(): void {}
}

/** Whether anything changed but the time of the last access. */
function differ(a: Stat, b: Stat): boolean {
  return (
    a.mtimeNsec !== b.mtimeNsec ||
    a.mtimeSec !== b.mtimeSec ||
    a.ctimeNsec !== b.ctimeNsec ||
    a.ctimeSec !== b.ctimeSec ||
    a.birthtimeNsec !== b.birthtimeNsec ||
    a.birthtimeSec !== b.birthtimeSec ||
    a.size !== b.size ||
    a.mode !== b.mode ||
    a.uid !== b.uid ||
    a.gid !== b.gid ||
    a.ino !== b.ino ||
    a.dev !== b.dev
  );
}
