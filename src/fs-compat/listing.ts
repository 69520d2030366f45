/**
 * `readdir`: names or entries of a directory, with or without those below.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import type { PathLike, PosixFs } from '../vfs/posix.ts';
import { getOptions, type Options, toValidPath, validateBoolean } from './args.ts';
import { Call } from './call.ts';
import { constants } from './constants.ts';
import { type Dirent, toDirent, toEncoded } from './dirent.ts';
import { shownPath, translated } from './errors.ts';
import { nodeMajor } from './node-version.ts';

type Listing = (string | Buffer | Dirent)[];

/** The call for `readdir(path, options)`, arguments checked; for promises Node takes anything as `recursive`. */
export function readdirCall(vfs: PosixFs, path: unknown, given: unknown, lenient = false): Call<Listing> {
  const options = getOptions(given);
  const checked = toValidPath(path);
  const { recursive, encoding, withFileTypes } = options;
  if (!lenient && recursive !== undefined && recursive !== null) validateBoolean(recursive, 'options.recursive');
  if (recursive) {
    // Links to directories are followed, except, with types, by promises and older Nodes.
    const follows = !withFileTypes || (!lenient && nodeMajor >= 22);
    return new Call('scandir', () => listTree(vfs, checked, options, follows), checked);
  }
  return new Call(
    'scandir',
    () => {
      const entries = vfs.readdir(checked);
      if (!withFileTypes) return entries.map((entry) => toEncoded(entry.name, encoding));
      const parent = parentOf(checked);
      return entries.map((entry) => toDirent(entry, parent, encoding));
    },
    checked,
  );
}

function parentOf(path: PathLike): string | Buffer {
  return typeof path === 'string' || Buffer.isBuffer(path) ? path : Buffer.from(path);
}

/** Level by level, as Node has it. */
function listTree(vfs: PosixFs, path: PathLike, { encoding, withFileTypes }: Options, follows: boolean): Listing {
  const top = shownPath(path);
  const result: Listing = [];
  const queue = [top];
  for (const directory of queue) {
    let entries: ReturnType<PosixFs['readdir']>;
    try {
      entries = vfs.readdir(directory);
    } catch (error) {
      throw translated(error, 'scandir', directory);
    }
    for (const entry of entries) {
      const below = posix.join(directory, String(toEncoded(entry.name, 'utf8')));
      if (withFileTypes) result.push(toDirent(entry, directory, encoding));
      else {
        const relative = posix.relative(top, below);
        const asBytes = encoding && encoding !== 'utf8' && encoding !== 'utf-8';
        result.push(asBytes ? toEncoded(Buffer.from(relative).toString('latin1'), encoding) : relative);
      }
      if (
        entry.type === constants.S_IFDIR ||
        (follows && entry.type === constants.S_IFLNK && leadsToDirectory(vfs, below))
      ) {
        queue.push(below);
      }
    }
  }
  return result;
}

function leadsToDirectory(vfs: PosixFs, path: string): boolean {
  const found = vfs.probe(path, true);
  return typeof found !== 'string' && (found.mode & constants.S_IFMT) === constants.S_IFDIR;
}
