/**
 * `glob`: the paths that match patterns, found by walking no further than the patterns reach.
 *
 * In a directory the walk knows at which segments each pattern stands there. An entry moves it on: past a segment that
 * the entry's name matches, or nowhere from `**`, which goes along into every directory that is neither hidden nor
 * a link.
 *
 * @module
 */

import { posix } from 'node:path';
import { decodeName, encodeName } from '../vfs/name.ts';
import type { PosixFs } from '../vfs/posix.ts';
import { toCallback, toPath, validateBoolean, validateObject, validateString } from './args.ts';
import { type Dirent, toDirent } from './dirent.ts';
import { invalidArgType } from './errors.ts';
import { type GlobPattern, globstar, matchesGlob, parseGlob } from './glob-pattern.ts';
import { isDirectoryMode, isLinkMode } from './names.ts';
import { doInTurns, doNow, type Work } from './turns.ts';

type Callback = (error: unknown, found?: unknown) => void;
type Found = string | Dirent;

/** What `createGlob` makes. */
export interface GlobFace {
  glob(pattern: unknown, options?: unknown, callback?: unknown): void;
  globSync(pattern: unknown, options?: unknown): Found[];
  readonly promises: { glob(pattern: unknown, options?: unknown): AsyncGenerator<Found, void, void> };
}

export function createGlob(vfs: PosixFs): GlobFace {
  return {
    glob(pattern, givenOptions, givenCallback) {
      const plain = typeof givenOptions === 'function';
      const done = toCallback(plain ? givenOptions : givenCallback) as Callback;
      const walk = new GlobWalk(vfs, pattern, plain ? undefined : givenOptions);
      doInTurns(walk.all(), done);
    },
    globSync(pattern, options) {
      return doNow(new GlobWalk(vfs, pattern, options, true).all());
    },
    promises: {
      async *glob(pattern, options) {
        const found: Found[] = [];
        const work = new GlobWalk(vfs, pattern, options).walk(found);
        for (let more = true; more; ) {
          await new Promise((resolve) => setImmediate(resolve));
          for (let steps = 0; more && steps < directoriesPerTurn; steps++) more = !work.next().done;
          yield* found.splice(0);
        }
      },
    },
  };
}

const directoriesPerTurn = 64;

/** A pattern, and the segments at which it stands in some directory. */
interface Standing {
  readonly pattern: GlobPattern;
  readonly at: ReadonlySet<number>;
  /** Those of `at` whose `**` has just gone through a link, which it does for one step only. */
  readonly throughLink: ReadonlySet<number>;
}

interface Entry {
  readonly name: string;
  /** The type bits of its mode. */
  readonly type: number;
}

interface Options {
  readonly cwd?: unknown;
  readonly exclude?: unknown;
  readonly withFileTypes?: unknown;
  readonly followSymlinks?: unknown;
}

class GlobWalk {
  readonly #vfs: PosixFs;
  readonly #root: string;
  readonly #shownRoot: string | undefined;
  readonly #withFileTypes: boolean;
  readonly #followSymlinks: boolean;
  readonly #patterns: readonly GlobPattern[];
  readonly #excluded: readonly GlobPattern[] | undefined;
  readonly #exclude: ((entry: Found) => unknown) | undefined;
  readonly #seen = new Map<string, Set<string>>();
  readonly #found = new Set<string>();
  #results: Found[] = [];
  /** What stands in directories that are still to be looked at. */
  #next = new Map<string, Standing[]>();

  constructor(vfs: PosixFs, pattern: unknown, givenOptions: unknown = {}, showsRoot = false) {
    validateObject(givenOptions, 'options');
    const { cwd, exclude, withFileTypes, followSymlinks } = givenOptions as Options;
    this.#vfs = vfs;
    const root = cwd == null ? '.' : toPath(cwd);
    if (followSymlinks != null) validateBoolean(followSymlinks, 'options.followSymlinks');
    this.#followSymlinks = Boolean(followSymlinks);
    this.#withFileTypes = Boolean(withFileTypes);
    if (Array.isArray(exclude)) validateStrings(exclude, 'options.exclude');
    else if (exclude != null && typeof exclude !== 'function') {
      throw invalidArgType('options.exclude', ['string[]', 'function'], exclude);
    }
    // `path.resolve` is what complains of roots that are no text.
    this.#root = typeof root === 'string' ? posix.resolve(vfs.cwd(), root) : posix.resolve(root as unknown as string);
    if (showsRoot) this.#shownRoot = root as string;
    if (typeof exclude === 'function') this.#exclude = exclude as (entry: Found) => unknown;
    else if (exclude != null) {
      this.#excluded = (exclude as string[]).flatMap((each) => parseGlob(posix.resolve(this.#root, each)));
    }
    if (Array.isArray(pattern)) validateStrings(pattern, 'patterns');
    else if (typeof pattern === 'object') throw invalidArgType('patterns', 'Array', pattern);
    else validateString(pattern, 'patterns');
    this.#patterns = (Array.isArray(pattern) ? pattern : [pattern]).flatMap((each: string) => parseGlob(each));
  }

  *all(): Work<Found[]> {
    const found: Found[] = [];
    yield* this.walk(found);
    return found;
  }

  /** Puts what it finds into `found`; pauses after each directory. */
  *walk(found: Found[]): Work<void> {
    this.#results = found;
    const start = new Set([0]);
    const stack = [{ path: '.', standings: this.#patterns.map((pattern) => standing(pattern, start)) }];
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      for (const each of item.standings) this.#visit(item.path, each);
      for (const [path, standings] of this.#next) stack.push({ path, standings });
      this.#next.clear();
      yield;
    }
  }

  #visit(path: string, here: Standing): void {
    if (!this.#enter(path, here)) return;
    const { pattern, at } = here;
    const { segments } = pattern;
    const full = posix.resolve(this.#root, path);
    if (this.#isExcluded(full)) return;

    // The first segment may say where to begin.
    const first = at.has(0) ? segments[0] : undefined;
    if (first === '' || first === '..' || first === '.') {
      this.#goOn(first === '' ? '/' : first === '..' ? '../' : '.', standing(pattern, new Set([1])));
      return;
    }

    const type = this.#typeOf(full);
    const isDirectory = this.#canEnter(full, type, here);
    const last = segments.length - 1;
    const lastSegment = segments[last];
    const endsHere =
      at.has(last) || (lastSegment === '' && isDirectory && at.has(last - 1) && segments[last - 1] === globstar);
    if (endsHere && typeof lastSegment === 'string') {
      if ((lastSegment !== '' || isDirectory) && this.#typeOf(posix.join(full, lastSegment)) !== undefined) {
        this.#add(posix.join(path, lastSegment));
      }
      if (at.size === 1 && at.has(last)) return;
    } else if (endsHere && lastSegment === globstar) {
      // The start itself only if it is asked for: by `.`, or by `**` alone.
      if (path !== '.' || segments[0] === '.' || (last === 0 && type !== undefined)) this.#add(path);
    }
    if (!isDirectory) return;
    for (const entry of this.#entries(full, here)) this.#meet(path, full, entry, here, endsHere);
  }

  /** Whether there is anything new in it to stand there. */
  #enter(path: string, { pattern, at, throughLink }: Standing): boolean {
    const seen = this.#seen.get(path) ?? new Set();
    this.#seen.set(path, seen);
    const before = seen.size;
    for (const index of at) seen.add(restOf(pattern, index) + (throughLink.has(index) ? '\0' : ''));
    return seen.size > before;
  }

  #hasSeen(path: string, pattern: GlobPattern, index: number): boolean {
    return this.#seen.get(path)?.has(restOf(pattern, index)) ?? false;
  }

  /** A link counts as a directory when a segment that is no `**` led to it. */
  #canEnter(full: string, type: number | undefined, { at, throughLink }: Standing): boolean {
    if (type === undefined) return false;
    if (isDirectoryMode(type)) return true;
    if (!isLinkMode(type)) return false;
    if (this.#followSymlinks) return this.#leadsToDirectory(full);
    for (const index of at) if (!throughLink.has(index)) return true;
    return false;
  }

  #leadsToDirectory(full: string): boolean {
    const found = this.#vfs.probe(full, true);
    return typeof found !== 'string' && isDirectoryMode(found.mode);
  }

  #entries(full: string, { pattern, at }: Standing): Entry[] {
    const only = at.size === 1 ? pattern.segments[at.values().next().value!] : undefined;
    if (typeof only === 'string') {
      const type = this.#typeOf(posix.join(full, only));
      return type === undefined ? [] : [{ name: only, type }];
    }
    try {
      return this.#vfs.readdir(full).map(({ name, type }) => ({ name: decodeName(name), type }));
    } catch {
      // Not to be read, or gone: as if it were empty.
      return [];
    }
  }

  /** What an entry brings: results, and where to go on. */
  #meet(path: string, full: string, entry: Entry, here: Standing, endsHere: boolean): void {
    const { pattern } = here;
    const { segments } = pattern;
    const last = segments.length - 1;
    const { name } = entry;
    const entryPath = posix.join(path, name);
    const isLink = isLinkMode(entry.type);
    const isDirectory =
      isDirectoryMode(entry.type) || (this.#followSymlinks && isLink && this.#isNewDirectory(posix.join(full, name)));
    const onwards = new Set<number>();
    const throughLink = new Set<number>();
    for (const index of here.at) {
      const segment = segments[index];
      const next = index + 1;
      if (segment === globstar) {
        const matchesNext = matches(segments[next], name);
        if (name.startsWith('.') && !matches(segments[firstNot(globstar, segments, next)], name)) continue;
        if (this.#exclude?.(this.#withFileTypes ? this.#dirent(full, entry) : name)) continue;
        const goesAlong = this.#followSymlinks || !here.throughLink.has(index);
        if (isDirectory && goesAlong) onwards.add(index);
        else if (goesAlong && index === last) this.#add(entryPath);
        if (matchesNext && next === last && !endsHere) this.#add(entryPath);
        else if (matchesNext && isDirectory) onwards.add(index + 2);
        if ((matchesNext || segments[0] === '.') && (isDirectory || isLink) && goesAlong) onwards.add(next);
        if (isLink && !this.#followSymlinks) throughLink.add(index);
        if (segments[next] === '..' && isDirectory) this.#stepBack(path, pattern, next);
      } else if (typeof segment === 'string') {
        if (segment === name && index !== last) onwards.add(next);
        else if (segment === '.' && matches(segments[next], name)) {
          if (next === last) this.#add(entryPath);
          else onwards.add(next + 1);
        }
      } else if (segment?.test(name)) {
        if (index === last) this.#add(entryPath);
        else if (isDirectory) onwards.add(next);
      }
    }
    if (onwards.size > 0) this.#goOn(entryPath, { pattern, at: onwards, throughLink });
  }

  /** With links followed, each directory once: a link may lead back up. */
  #isNewDirectory(full: string): boolean {
    if (!this.#leadsToDirectory(full)) return false;
    const real = decodeName(this.#vfs.realpath(full));
    return !`${full}/`.startsWith(`${real}/`);
  }

  /** `**` + `..`: this directory and the one above, once each. */
  #stepBack(path: string, pattern: GlobPattern, index: number): void {
    const parent = posix.join(path, '..');
    if (index < pattern.segments.length - 1) {
      for (const each of [path, parent]) {
        if (!this.#next.has(each) && !this.#hasSeen(each, pattern, index + 1)) {
          this.#next.set(each, [standing(pattern, new Set([index + 1]))]);
        }
      }
      return;
    }
    for (const each of [path, parent]) {
      if (this.#enter(each, standing(pattern, new Set([index])))) this.#add(each);
    }
  }

  #goOn(path: string, to: Standing): void {
    if (this.#isExcluded(path)) return;
    const full = posix.resolve(this.#root, path);
    if (this.#isExcluded(`${full}/`) && isDirectoryMode(this.#typeOf(full) ?? 0)) return;
    if (this.#exclude !== undefined) {
      const type = this.#withFileTypes ? this.#typeOf(full) : undefined;
      if (!this.#withFileTypes) {
        if (this.#exclude(path)) return;
      } else if (type !== undefined && this.#exclude(this.#direntOf(full, type))) return;
    }
    const standings = this.#next.get(path);
    if (standings === undefined) this.#next.set(path, [to]);
    else standings.push(to);
  }

  #isExcluded(path: string): boolean {
    return this.#excluded !== undefined && matchesGlob(path, this.#excluded);
  }

  #add(path: string): void {
    if (this.#found.has(path)) return;
    const full = posix.resolve(this.#root, path);
    if (this.#isExcluded(full)) return;
    this.#found.add(path);
    if (!this.#withFileTypes) this.#results.push(path);
    else {
      // `globSync` tells of parents as `cwd` was written, the others absolutely; so does Node.
      const shown = this.#shownRoot === undefined || posix.isAbsolute(path) ? full : posix.join(this.#shownRoot, path);
      this.#results.push(this.#direntOf(shown, this.#typeOf(full) ?? 0));
    }
  }

  #typeOf(full: string): number | undefined {
    const found = this.#vfs.probe(full, false);
    return typeof found === 'string' ? undefined : found.mode & 0o170000;
  }

  #direntOf(full: string, type: number): Dirent {
    return this.#dirent(posix.dirname(full), { name: posix.basename(full), type });
  }

  #dirent(directory: string, { name, type }: Entry): Dirent {
    return toDirent({ name: encodeName(name), type, ino: 0 }, directory, 'utf8');
  }
}

function validateStrings(values: readonly unknown[], name: string): void {
  values.forEach((value, index) => {
    validateString(value, `${name}[${index}]`);
  });
}

function standing(pattern: GlobPattern, at: ReadonlySet<number>): Standing {
  return { pattern, at, throughLink: new Set() };
}

function restOf(pattern: GlobPattern, index: number): string {
  return pattern.texts.slice(index).join('/');
}

function matches(segment: GlobPattern['segments'][number] | undefined, name: string): boolean {
  if (segment === undefined) return false;
  if (segment === globstar) return true;
  return typeof segment === 'string' ? segment === name : segment.test(name);
}

function firstNot(skip: typeof globstar, segments: GlobPattern['segments'], from: number): number {
  let index = from;
  while (segments[index] === skip) index++;
  return index;
}
