/**
 * Paths: from what a caller gives to an entry, or to the place where one would be (C: lfs_dir_find).
 *
 * `..` is taken away textually together with the name before it, whether that exists or not; more `..` than names is
 * INVAL. A path ends in a name; what stands behind it tells whether it may only be a directory.
 *
 * A name on disk may hold any byte. One with a slash in it is found where splitting at slashes finds nothing; any name
 * at all is reached by a path given as an array of names.
 *
 * @module
 */

import { byteString, utf8Encode } from './bytes.ts';
import { describe } from './config.ts';
import {
  childDirectory,
  type Directory,
  findName,
  findPlace,
  hasFileName,
  Place,
  rootDirectoryOf,
} from './directory.ts';
import { invalid, LfsError } from './errors.ts';
import { hasMove, movingFrom } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Entry } from './mdir.ts';
import { type } from './tag.ts';

/** Text (UTF-8 on disk), raw bytes, or the names one by one. */
export type LfsPath = string | Uint8Array | readonly (string | Uint8Array)[];

/** What a walk along a path came to. */
export class Walk {
  /** The entry; `null` for the root, or where nothing was found. */
  entry: Entry | null = null;
  isRoot = true;
  /** The directory that holds the entry, or would. */
  directory: Directory | null = null;
  /** The last name, as a byte string. */
  name = '';
  /** Nothing was found, but all before the last name was: it can be created here. */
  creatable = false;
  /** The path says that it is a directory: it ends in a slash. */
  slashed = false;

  /** Where the name would be inserted. */
  place(): Place {
    const place = new Place();
    findPlace(this.directory!, this.name, place);
    return place;
  }
}

export function nameBytes(name: string | Uint8Array, what: string): string {
  checkName(name, what);
  return typeof name === 'string' ? utf8Encode(name) : byteString(name);
}

function checkName(name: string | Uint8Array, what: string): void {
  if (typeof name !== 'string' && !(name instanceof Uint8Array))
    throw invalid(`${what} is ${describe(name)}; allowed: a string or a Uint8Array`);
}

/** Walks a path. Throws NOTDIR, INVAL, CORRUPT; that nothing is there is an answer. */
export function walk(lfs: Lfs, path: LfsPath): Walk {
  if (Array.isArray(path)) return walkNames(lfs, path);
  if (typeof path !== 'string' && !(path instanceof Uint8Array))
    throw invalid(`path is ${describe(path)}; allowed: a string, a Uint8Array or an array of names`);
  const text = nameBytes(path as string | Uint8Array, 'path');
  if (text === '') throw invalid("path is ''; the root is '/'");

  const found = new Walk();
  const hasDots = text.charCodeAt(0) === dot || text.includes('/.');
  let at = 0;
  for (;;) {
    if (found.entry !== null && found.entry.nameType !== type.DIR) {
      if (at < text.length) throw notDirectory(path, found.name);
      return found;
    }
    at = skipSlashes(text, at);
    if (hasDots) at = skipDots(text, at, path);
    if (at >= text.length) {
      found.slashed = text.charCodeAt(text.length - 1) === slash;
      return found;
    }
    const end = nameEnd(text, at);
    const name = at === 0 && end === text.length ? text : text.slice(at, end);
    if (!enter(lfs, found, name)) {
      const odd = found.directory!.hasSlashNames ? findSlashName(lfs, found.directory!, text.slice(at)) : null;
      if (odd === null) {
        const rest = skipSlashes(text, end);
        found.creatable = rest >= text.length;
        found.slashed = end < text.length;
        return found;
      }
      found.entry = odd;
      found.name = odd.name!;
      at += odd.name!.length;
    } else at = end;
  }
}

/** A path given name by name: every name means itself. */
function walkNames(lfs: Lfs, names: readonly (string | Uint8Array)[]): Walk {
  // All of them, also those that the walk will not come to: an error message shows the whole path.
  for (const name of names) checkName(name, 'a name of path');
  const found = new Walk();
  for (let i = 0; i < names.length; i++) {
    if (found.entry !== null && found.entry.nameType !== type.DIR) throw notDirectory(names, found.name);
    if (!enter(lfs, found, nameBytes(names[i]!, 'a name of path'))) {
      found.creatable = i === names.length - 1;
      return found;
    }
  }
  return found;
}

/** One step: a name in the directory that the walk has come to. */
function enter(lfs: Lfs, found: Walk, name: string): boolean {
  const directory = found.entry === null ? rootDirectoryOf(lfs) : childDirectory(lfs, found.entry);
  found.directory = directory;
  found.name = name;
  found.isRoot = false;
  const entry = findName(directory, name);
  found.entry = entry === undefined || isMoving(lfs, entry) ? null : entry;
  return found.entry !== null;
}

function notDirectory(path: LfsPath, name: string): LfsError {
  return new LfsError('LFS_ERR_NOTDIR', `'${shown(path)}': '${name}' is not a directory`);
}

const slash = 0x2f;
const dot = 0x2e;

function skipSlashes(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === slash) at++;
  return at;
}

function nameEnd(text: string, from: number): number {
  const end = text.indexOf('/', from);
  return end < 0 ? text.length : end;
}

/** Passes over `.` and over each name that a later `..` takes away. */
function skipDots(text: string, from: number, path: LfsPath): number {
  let at = from;
  next: while (at < text.length) {
    const end = nameEnd(text, at);
    const name = text.slice(at, end);
    if (name === '..') throw invalid(`'${shown(path)}' goes above the root`);
    if (name !== '.') {
      let depth = 1;
      for (let ahead = skipSlashes(text, end); ahead < text.length; ) {
        const aheadEnd = nameEnd(text, ahead);
        const other = text.slice(ahead, aheadEnd);
        ahead = skipSlashes(text, aheadEnd);
        if (other === '.') continue;
        depth += other === '..' ? -1 : 1;
        if (depth === 0) {
          at = ahead;
          continue next;
        }
      }
      break;
    }
    at = skipSlashes(text, end);
  }
  return at;
}

/** A pending move on disk: the entry is gone from here although it is still written here. */
function isMoving(lfs: Lfs, entry: Entry): boolean {
  if (!hasMove(lfs.gdisk)) return false;
  const mdir = entry.mdir!;
  const id = movingFrom(lfs.gdisk, mdir.block0, mdir.block1);
  return id >= 0 && mdir.entries[id] === entry;
}

/** The entry with the longest name with a slash in it that `rest` begins with. */
function findSlashName(lfs: Lfs, directory: Directory, rest: string): Entry | null {
  let best: Entry | null = null;
  for (const mdir of directory.chain) {
    for (const entry of mdir.entries) {
      const name = entry.name;
      if (name === null || !hasFileName(entry) || !name.includes('/')) continue;
      if (rest !== name && !rest.startsWith(`${name}/`)) continue;
      if ((best !== null && best.name!.length >= name.length) || isMoving(lfs, entry)) continue;
      best = entry;
    }
  }
  return best;
}

/** A path for an error message. */
export function shown(path: LfsPath): string {
  const text =
    typeof path === 'string'
      ? path
      : path instanceof Uint8Array
        ? byteString(path)
        : `/${path.map((n) => (typeof n === 'string' ? n : byteString(n))).join('/')}`;
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

export function noEntry(path: LfsPath): LfsError {
  return new LfsError('LFS_ERR_NOENT', `'${shown(path)}': no such file or directory`);
}
