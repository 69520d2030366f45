/**
 * `rmdir`, which until Node 26 takes `recursive` (deprecated) and then is `rm` for directories.
 *
 * @module
 */

import { nameOfPath } from '../vfs/name.ts';
import type { DirectoryEntry, PathLike, PosixFs } from '../vfs/posix.ts';
import { checkRmdirOptions, checkRmOptions, type Options, toCallback, toValidPath } from './args.ts';
import { Call, later, now, settled } from './call.ts';
import { posixError } from './errors.ts';
import { isDirectoryMode, joinNames, pathOfName } from './names.ts';
import type { Ops } from './ops.ts';
import type { Rm } from './rm.ts';
import { doInTurns, doNow, promiseInTurns, type Work } from './turns.ts';
import type { NodeFs } from './types.ts';

/** What `createRmdir` makes. */
export interface Rmdir {
  rmdir(path: unknown, options: unknown, callback?: unknown): void;
  rmdirSync(path: unknown, options?: unknown): void;
  readonly promises: { rmdir(path: unknown, options?: unknown): Promise<void> };
}

let warned = false;

/** Whether the whole tree is meant; whatever else the options say is checked. */
function meansTree(options: unknown): boolean {
  if (!(options as Options | null | undefined)?.recursive) {
    checkRmdirOptions(options);
    return false;
  }
  if (!warned && !process.noDeprecation) {
    warned = true;
    process.emitWarning(
      'In future versions of Node.js, fs.rmdir(path, { recursive: true }) will be removed. ' +
        'Use fs.rm(path, { recursive: true }) instead',
      'DeprecationWarning',
      'DEP0147',
    );
  }
  checkRmOptions({ ...(options as object), force: false });
  return true;
}

export function createRmdir(vfs: PosixFs, fs: NodeFs, ops: Ops, rm: Rm): Rmdir {
  function* removeTree(path: PathLike, syscall: string): Work<void> {
    const found = vfs.probe(path, syscall === 'stat');
    if (typeof found === 'string') throw posixError(found, syscall, path);
    if (isDirectoryMode(found.mode)) yield* rm.removeTree(path);
    else now(ops.rmdir(path));
  }
  const readdir = (path: PathLike): Call<DirectoryEntry[]> =>
    new Call('scandir', () => vfs.readdir(path).slice(), path);

  return {
    rmdir(path, options, callback) {
      const bare = typeof options === 'function';
      const done = toCallback(bare ? options : callback);
      const checked = toValidPath(path);
      if (meansTree(bare ? undefined : options)) doInTurns(removeTree(checked, 'lstat'), done);
      else later(ops.rmdir(checked), done);
    },
    rmdirSync(path, options) {
      const checked = toValidPath(path);
      if (!meansTree(options)) {
        now(ops.rmdir(checked));
        return;
      }
      const found = vfs.probe(checked, false);
      if (typeof found === 'string') throw posixError(found, 'lstat', checked);
      // The directory itself goes as it would by hand: whoever replaced the function is asked.
      if (isDirectoryMode(found.mode)) {
        for (const { name } of now(readdir(checked))) {
          doNow(rm.removeTree(pathOfName(joinNames(nameOfPath(checked), name))));
        }
      }
      fs.rmdirSync(checked as string);
    },
    promises: {
      async rmdir(path, options) {
        const checked = toValidPath(path);
        if (meansTree(options)) return promiseInTurns(removeTree(checked, 'stat'));
        return await settled(ops.rmdir(checked));
      },
    },
  };
}
