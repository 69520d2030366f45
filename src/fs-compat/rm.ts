/**
 * `rm`: files, and directories with all that is in them.
 *
 * @module
 */

import { decodeName, nameOfPath } from '../vfs/name.ts';
import type { Name, PathLike, PosixFs } from '../vfs/posix.ts';
import { checkRmOptions, type RmOptions, toCallback, toValidPath } from './args.ts';
import { posixError, shownPath, systemError, translated } from './errors.ts';
import { isDirectoryMode, isLinkMode, joinNames, pathOfName } from './names.ts';
import { nodeMajor } from './node-version.ts';
import { doInTurns, doNow, promiseInTurns, type Work } from './turns.ts';

type Callback = (error: unknown) => void;

/** What `createRm` makes. */
export interface Rm {
  rm(path: unknown, options?: unknown, callback?: unknown): void;
  rmSync(path: unknown, options?: unknown): void;
  readonly promises: { rm(path: unknown, options?: unknown): Promise<void> };
  /** Removes what is there, with all that is in it; fails when nothing is there. */
  removeTree(path: PathLike): Work<void>;
}

/** Which call is under way, for the message should it fail. */
interface Doing {
  syscall: string;
  name: Name;
}

function begin(doing: Doing, syscall: string, name: Name): void {
  doing.syscall = syscall;
  doing.name = name;
}

export function createRm(vfs: PosixFs): Rm {
  function* removeTree(path: PathLike): Work<void> {
    const doing: Doing = { syscall: 'rm', name: '' };
    try {
      yield* remove(nameOfPath(path), doing);
    } catch (error) {
      throw translated(error, doing.syscall, decodeName(doing.name));
    }
  }

  /** Depth first, without recursion: a tree may be deeper than a stack. */
  function* remove(top: Name, doing: Doing): Work<void> {
    const isDirectory = isDirectoryMode(lstat(top, doing).mode);
    if (!isDirectory) {
      unlink(top, doing);
      return;
    }
    // What cannot be removed itself must be known before its content is gone: `.`, and a link with a slash behind it.
    if (/(^|\/)\.\/*$/.test(top) || isSlashedLink(top)) rmdir(top, doing);
    if (removeAtOnce(top)) return;
    const open = [{ name: top, below: entries(top, doing) }];
    while (open.length > 0) {
      const { name, below } = open.at(-1)!;
      const entry = below.pop();
      if (entry === undefined) {
        rmdir(name, doing);
        open.pop();
      } else {
        const child = joinNames(name, entry.name);
        if (isDirectoryMode(entry.type)) open.push({ name: child, below: entries(child, doing) });
        else unlink(child, doing);
      }
      yield;
    }
  }

  function isSlashedLink(name: Name): boolean {
    if (!name.endsWith('/')) return false;
    const found = vfs.probe(pathOfName(name.replace(/\/+$/, '') || '/'), false);
    return typeof found !== 'string' && isLinkMode(found.mode);
  }

  /** False: not offered, or there is something in the way, which going step by step shows. */
  function removeAtOnce(name: Name): boolean {
    if (vfs.removeTree === undefined) return false;
    try {
      vfs.removeTree(pathOfName(name));
      return true;
    } catch {
      return false;
    }
  }

  function lstat(name: Name, doing: Doing): { mode: number } {
    begin(doing, 'lstat', name);
    return vfs.lstat(pathOfName(name));
  }

  function entries(name: Name, doing: Doing): ReturnType<PosixFs['readdir']> {
    begin(doing, 'scandir', name);
    // Taken from the end, so the first is turned to the end.
    return vfs.readdir(pathOfName(name)).toReversed();
  }

  function unlink(name: Name, doing: Doing): void {
    begin(doing, 'unlink', name);
    vfs.unlink(pathOfName(name));
  }

  function rmdir(name: Name, doing: Doing): void {
    begin(doing, 'rmdir', name);
    vfs.rmdir(pathOfName(name));
  }

  function* rmWork(path: PathLike, options: RmOptions, isSync = false): Work<void> {
    // Node's synchronous function does not look then at what is there before it removes it.
    const looks = !(isSync && options.force && options.recursive);
    const found = vfs.probe(path, false);
    if (typeof found === 'string') {
      if (found === 'ENOENT' && options.force) return;
      // Newer Nodes: what cannot be there is gone.
      if (!looks && nodeMajor >= 24 && found === 'ENOTDIR') return;
      throw posixError(found, looks ? 'lstat' : nodeMajor >= 24 ? 'rm' : 'unlink', path);
    }
    if (isDirectoryMode(found.mode) && !options.recursive) {
      throw systemError('ERR_FS_EISDIR', 'Path is a directory', {
        code: 'EISDIR',
        message: 'is a directory',
        path: shownPath(path),
        syscall: 'rm',
        errno: 21,
      });
    }
    // What `rmdir` says then is lost on its way through Node's other functions.
    if (!isSync && isSlashedLink(nameOfPath(path))) return;
    yield* removeTree(path);
  }

  return {
    rm(path, options, callback) {
      const done = typeof options === 'function' ? options : callback;
      const target = toValidPath(path);
      const checked = checkRmOptions(typeof options === 'function' ? undefined : options);
      doInTurns(rmWork(target, checked), toCallback(done) as Callback);
    },
    rmSync(path, options) {
      // Newer Nodes look at the options first.
      if (nodeMajor < 24) toValidPath(path);
      const checked = checkRmOptions(options);
      doNow(rmWork(toValidPath(path), checked, true));
    },
    promises: {
      async rm(path, options) {
        const target = toValidPath(path);
        await promiseInTurns(rmWork(target, checkRmOptions(options)));
      },
    },
    removeTree,
  };
}
