/**
 * `cp`: files, links and whole trees, with Node's options and Node's refusals.
 *
 * One walk, done at once (`cpSync`) or in turns. Paths are names inside (one character a byte); filters and errors see
 * text.
 *
 * @module
 */

import { posix } from 'node:path';
import { decodeName, encodeName, nameOfPath } from '../vfs/name.ts';
import type { Name, PosixFs, Stat } from '../vfs/posix.ts';
import { toCallback, toValidPath, validateBoolean, validateFunction, validateInteger, validateObject } from './args.ts';
import { codedError, posixError, systemError, translated } from './errors.ts';
import { isDirectoryMode, isLinkMode, pathOfName } from './names.ts';
import { makeTree } from './ops.ts';
import { doInTurns, doNow, promiseInTurns, type Work } from './turns.ts';

type Callback = (error: unknown) => void;

/** What `createCp` makes. */
export interface Cp {
  cp(from: unknown, to: unknown, options?: unknown, callback?: unknown): void;
  cpSync(from: unknown, to: unknown, options?: unknown): void;
  readonly promises: { cp(from: unknown, to: unknown, options?: unknown): Promise<void> };
}

interface CpOptions {
  readonly dereference: boolean;
  readonly errorOnExist: boolean;
  readonly force: boolean;
  readonly preserveTimestamps: boolean;
  readonly recursive: boolean;
  readonly verbatimSymlinks: boolean;
  readonly mode: number;
  readonly filter?: ((source: string, target: string) => unknown) | undefined;
}

const defaults: CpOptions = {
  dereference: false,
  errorOnExist: false,
  force: true,
  preserveTimestamps: false,
  recursive: false,
  verbatimSymlinks: false,
  mode: 0,
};

function checkOptions(given: unknown): CpOptions {
  if (given === undefined) return defaults;
  validateObject(given, 'options');
  const options: CpOptions = { ...defaults, ...given };
  validateBoolean(options.dereference, 'options.dereference');
  validateBoolean(options.errorOnExist, 'options.errorOnExist');
  validateBoolean(options.force, 'options.force');
  validateBoolean(options.preserveTimestamps, 'options.preserveTimestamps');
  validateBoolean(options.recursive, 'options.recursive');
  validateBoolean(options.verbatimSymlinks, 'options.verbatimSymlinks');
  if (options.mode != null) validateInteger(options.mode, 'mode', 0, 7);
  if (options.dereference && options.verbatimSymlinks) {
    throw codedError(
      TypeError,
      'ERR_INCOMPATIBLE_OPTION_PAIR',
      'Option "dereference" cannot be used in combination with option "verbatimSymlinks"',
    );
  }
  if (options.filter !== undefined) validateFunction(options.filter, 'options.filter');
  return options;
}

export function createCp(vfs: PosixFs): Cp {
  function work(from: unknown, to: unknown, options: CpOptions, now: boolean): Work<void> {
    const source = nameOfPath(toValidPath(from, 'src'));
    const target = nameOfPath(toValidPath(to, 'dest'));
    return new Copy(vfs, options, now).all(source, target);
  }
  return {
    cp(from, to, givenOptions, givenCallback) {
      const plain = typeof givenOptions === 'function';
      const done = toCallback(plain ? givenOptions : givenCallback) as Callback;
      const options = checkOptions(plain ? undefined : givenOptions);
      doInTurns(work(from, to, options, false), done);
    },
    cpSync(from, to, options) {
      doNow(work(from, to, checkOptions(options), true));
    },
    promises: {
      async cp(from, to, options) {
        await promiseInTurns(work(from, to, checkOptions(options), false));
      },
    },
  };
}

/** A directory that is being copied. */
interface OpenDirectory {
  readonly source: Name;
  readonly target: Name;
  readonly stat: Stat;
  readonly isNew: boolean;
  readonly entries: ReturnType<PosixFs['readdir']>;
}

class Copy {
  readonly #vfs: PosixFs;
  readonly #options: CpOptions;
  readonly #now: boolean;
  /** The call under way, for the message should it fail. */
  #syscall = 'cp';
  #path: Name = '';
  #dest: Name | undefined;

  constructor(vfs: PosixFs, options: CpOptions, now: boolean) {
    this.#vfs = vfs;
    this.#options = options;
    this.#now = now;
  }

  *all(source: Name, target: Name): Work<void> {
    try {
      if (!(yield* this.#wanted(source, target))) return;
      const { sourceStat, targetStat } = this.#lookAt(source, target);
      this.#refuseAncestor(source, sourceStat, target);
      this.#makeParents(target);
      yield* this.#copy(source, target, sourceStat, targetStat);
    } catch (error) {
      throw translated(
        error,
        this.#syscall,
        decodeName(this.#path),
        this.#dest === undefined ? undefined : decodeName(this.#dest),
      );
    }
  }

  /** What the filter says. */
  *#wanted(source: Name, target: Name): Work<boolean> {
    const { filter } = this.#options;
    if (filter === undefined) return true;
    const answer = filter(decodeName(source), decodeName(target));
    if (typeof answer !== 'object' || answer === null) return Boolean(answer);
    if (this.#now) {
      if (!(answer instanceof Promise)) return true;
      throw codedError(
        TypeError,
        'ERR_INVALID_RETURN_VALUE',
        'Expected boolean to be returned from the "filter" function but got an instance of Promise.',
      );
    }
    return Boolean(yield answer);
  }

  /** Copies depth first, without recursion. */
  *#copy(source: Name, target: Name, sourceStat: Stat, targetStat: Stat | undefined): Work<void> {
    const open: OpenDirectory[] = [];
    const enter = (...entry: [Name, Name, Stat, Stat | undefined]): void => {
      const directory = this.#copyEntry(...entry);
      if (directory !== undefined) open.push(directory);
    };
    enter(source, target, sourceStat, targetStat);
    while (open.length > 0) {
      const directory = open.at(-1)!;
      const entry = directory.entries.pop();
      if (entry === undefined) {
        this.#finishDirectory(directory);
        open.pop();
      } else {
        const from = posix.join(directory.source, entry.name);
        const to = posix.join(directory.target, entry.name);
        if (yield* this.#wanted(from, to)) {
          const found = this.#lookAt(from, to, directory.isNew);
          enter(from, to, found.sourceStat, found.targetStat);
        }
      }
      yield;
    }
  }

  /** Both stats, and what must not be. `isNew`: nothing can be there yet. */
  #lookAt(source: Name, target: Name, isNew = false): { sourceStat: Stat; targetStat: Stat | undefined } {
    const sourceStat = this.#stat(source);
    const targetStat = isNew ? undefined : this.#statIfThere(target);
    const [from, to] = [decodeName(source), decodeName(target)];
    if (targetStat !== undefined) {
      if (areSame(sourceStat, targetStat)) throw invalid('src and dest cannot be the same', to);
      const [isDirectory, wasDirectory] = [isDirectoryMode(sourceStat.mode), isDirectoryMode(targetStat.mode)];
      if (isDirectory && !wasDirectory) {
        throw refusal('ERR_FS_CP_DIR_TO_NON_DIR', `cannot overwrite non-directory ${to} with directory ${from}`, to);
      }
      if (!isDirectory && wasDirectory) {
        throw refusal('ERR_FS_CP_NON_DIR_TO_DIR', `cannot overwrite directory ${to} with non-directory ${from}`, to);
      }
    }
    if (isDirectoryMode(sourceStat.mode) && this.#isWithin(target, source)) {
      throw invalid(`cannot copy ${from} to a subdirectory of self ${to}`, to);
    }
    return { sourceStat, targetStat };
  }

  #stat(path: Name): Stat {
    const found = this.#vfs.probe(pathOfName(path), this.#options.dereference);
    if (typeof found === 'string')
      throw posixError(found, this.#options.dereference ? 'stat' : 'lstat', decodeName(path));
    return found;
  }

  #statIfThere(path: Name): Stat | undefined {
    const found = this.#vfs.probe(pathOfName(path), this.#options.dereference);
    if (found === 'ENOENT') return undefined;
    if (typeof found === 'string')
      throw posixError(found, this.#options.dereference ? 'stat' : 'lstat', decodeName(path));
    return found;
  }

  #resolve(...paths: Name[]): Name {
    return posix.resolve(encodeName(this.#vfs.cwd()), ...paths);
  }

  /** By their text alone. */
  #isWithin(path: Name, directory: Name): boolean {
    const outer = this.#resolve(directory);
    const inner = this.#resolve(path);
    return inner === outer || inner.startsWith(outer === '/' ? outer : `${outer}/`);
  }

  /** A directory above the target may be the source, by way of a link. */
  #refuseAncestor(source: Name, sourceStat: Stat, target: Name): void {
    const sourceParent = this.#resolve(posix.dirname(source));
    let parent = this.#resolve(posix.dirname(target));
    while (parent !== sourceParent && parent !== '/') {
      const found = this.#vfs.probe(pathOfName(parent), true);
      if (found === 'ENOENT') return;
      if (typeof found === 'string') throw posixError(found, 'stat', decodeName(parent));
      if (areSame(sourceStat, found)) {
        const [from, to] = [decodeName(source), decodeName(target)];
        throw invalid(`cannot copy ${from} to a subdirectory of self ${to}`, to);
      }
      parent = posix.dirname(parent);
    }
  }

  #makeParents(target: Name): void {
    const parent = posix.dirname(target);
    if (typeof this.#vfs.probe(pathOfName(parent), true) !== 'string') return;
    this.#begin('mkdir', parent);
    makeTree(this.#vfs, pathOfName(parent), 0o777);
  }

  /** Copies what is not a directory; begins a directory, which is returned. */
  #copyEntry(source: Name, target: Name, stat: Stat, targetStat: Stat | undefined): OpenDirectory | undefined {
    switch (stat.mode & 0o170000) {
      case 0o040000:
        return this.#beginDirectory(source, target, stat, targetStat);
      case 0o100000:
      case 0o020000:
      case 0o060000:
        this.#copyFile(source, target, stat, targetStat);
        return undefined;
      case 0o120000:
        this.#copyLink(source, target, targetStat);
        return undefined;
      case 0o140000:
        throw refusal('ERR_FS_CP_SOCKET', `cannot copy a socket file: ${decodeName(target)}`, decodeName(target));
      case 0o010000:
        throw refusal('ERR_FS_CP_FIFO_PIPE', `cannot copy a FIFO pipe: ${decodeName(target)}`, decodeName(target));
      default:
        throw refusal(
          'ERR_FS_CP_UNKNOWN',
          `cannot copy an unknown file type: ${decodeName(target)}`,
          decodeName(target),
        );
    }
  }

  #beginDirectory(source: Name, target: Name, stat: Stat, targetStat: Stat | undefined): OpenDirectory {
    if (!this.#options.recursive) {
      const path = decodeName(source);
      throw refusal('ERR_FS_EISDIR', `${path} is a directory (not copied)`, path);
    }
    const isNew = targetStat === undefined;
    if (isNew) this.#mkdir(target);
    this.#begin('scandir', source);
    // Taken from the end, so the first is turned to the end.
    return { source, target, stat, isNew, entries: this.#vfs.readdir(pathOfName(source)).toReversed() };
  }

  /** Mode and times of a directory, once nothing more is put into it. */
  #finishDirectory({ source, target, stat, isNew }: OpenDirectory): void {
    if (this.#options.preserveTimestamps) this.#copyTimes(source, target);
    const mode = stat.mode & 0o7777;
    if (isNew && mode !== (0o777 & ~this.#vfs.umask)) {
      this.#begin('chmod', target);
      this.#vfs.chmod(pathOfName(target), mode);
    }
  }

  #copyFile(source: Name, target: Name, stat: Stat, targetStat: Stat | undefined): void {
    if (targetStat !== undefined) {
      if (!this.#options.force) {
        if (!this.#options.errorOnExist) return;
        const path = decodeName(target);
        throw refusal('ERR_FS_CP_EEXIST', `${path} already exists`, path);
      }
      this.#unlink(target);
    }
    this.#begin('copyfile', source, target);
    const { mode } = this.#options;
    // COPYFILE_FICLONE_FORCE: there are no copies that share blocks.
    if (mode & 4) throw posixError('ENOTSUP', 'copyfile', decodeName(source), decodeName(target));
    this.#vfs.copyFile(pathOfName(source), pathOfName(target), (mode & 1) !== 0);
    if (this.#options.preserveTimestamps) this.#copyTimes(source, target);
    const permissions = stat.mode & 0o7777;
    if ((stat.mode & 0o170000) !== 0o100000) {
      this.#begin('chmod', target);
      this.#vfs.chmod(pathOfName(target), permissions);
    }
  }

  #copyTimes(source: Name, target: Name): void {
    this.#begin('stat', source);
    const stat = this.#vfs.stat(pathOfName(source));
    this.#begin('utime', target);
    this.#vfs.utimes(
      pathOfName(target),
      { sec: stat.atimeSec, nsec: stat.atimeNsec },
      { sec: stat.mtimeSec, nsec: stat.mtimeNsec },
    );
  }

  #copyLink(source: Name, target: Name, targetStat: Stat | undefined): void {
    this.#begin('readlink', source);
    let points = this.#vfs.readlink(pathOfName(source));
    if (!this.#options.verbatimSymlinks && !posix.isAbsolute(points))
      points = this.#resolve(posix.dirname(source), points);
    if (targetStat !== undefined && isLinkMode(targetStat.mode)) {
      this.#begin('readlink', target);
      const pointed = this.#resolve(posix.dirname(target), this.#vfs.readlink(pathOfName(target)));
      const found = this.#vfs.probe(pathOfName(source), true);
      const isDirectory = typeof found !== 'string' && isDirectoryMode(found.mode);
      const [from, to, path] = [decodeName(points), decodeName(pointed), decodeName(target)];
      if (isDirectory && this.#isWithin(pointed, points)) {
        throw invalid(`cannot copy ${from} to a subdirectory of self ${to}`, path);
      }
      // Removing the link would leave one to what is no longer reached.
      if (isDirectory && this.#isWithin(points, pointed)) {
        throw refusal('ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY', `cannot overwrite ${to} with ${from}`, path);
      }
      this.#unlink(target);
    }
    this.#begin('symlink', points, target);
    this.#vfs.symlink(pathOfName(points), pathOfName(target));
  }

  #mkdir(path: Name): void {
    this.#begin('mkdir', path);
    this.#vfs.mkdir(pathOfName(path), 0o777);
  }

  #unlink(path: Name): void {
    this.#begin('unlink', path);
    this.#vfs.unlink(pathOfName(path));
  }

  #begin(syscall: string, path: Name, dest?: Name): void {
    this.#syscall = syscall;
    this.#path = path;
    this.#dest = dest;
  }
}

function areSame(a: Stat, b: Stat): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/** Node's words for each refusal, the code that a system call would have returned, and its number. */
const refusals = {
  ERR_FS_CP_EINVAL: ['Invalid src or dest', 'EINVAL', 22],
  ERR_FS_CP_DIR_TO_NON_DIR: ['Cannot overwrite non-directory with directory', 'EISDIR', 21],
  ERR_FS_CP_NON_DIR_TO_DIR: ['Cannot overwrite directory with non-directory', 'ENOTDIR', 20],
  ERR_FS_CP_EEXIST: ['Target already exists', 'EEXIST', 17],
  ERR_FS_CP_FIFO_PIPE: ['Cannot copy a FIFO pipe', 'EINVAL', 22],
  ERR_FS_CP_SOCKET: ['Cannot copy a socket file', 'EINVAL', 22],
  ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY: ['Cannot overwrite symlink in subdirectory of self', 'EINVAL', 22],
  ERR_FS_CP_UNKNOWN: ['Cannot copy an unknown file type', 'EINVAL', 22],
  ERR_FS_EISDIR: ['Path is a directory', 'EISDIR', 21],
} as const;

function refusal(code: keyof typeof refusals, message: string, path: string): Error {
  const [title, posixCode, errno] = refusals[code];
  return systemError(code, title, { message, path, syscall: 'cp', errno, code: posixCode });
}

function invalid(message: string, path: string): Error {
  return refusal('ERR_FS_CP_EINVAL', message, path);
}
