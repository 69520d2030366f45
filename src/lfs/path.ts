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
import { childDirectory, type Directory, findName, hasFileName, Place, rootDirectoryOf } from './directory.ts';
import { invalid, LfsError } from './errors.ts';
import { movingFrom } from './gstate.ts';
import type { Lfs } from './lfs.ts';
import type { Entry } from './mdir.ts';
import { type } from './tag.ts';

/** Text (UTF-8 on disk), raw bytes, or the names one by one. */
export type LfsPath = string | Uint8Array | readonly (string | Uint8Array)[];

/** What a walk along a path came to. */
export interface Walk {
  /** The entry; `null` for the root, or where nothing was found. */
  entry: Entry | null;
  isRoot: boolean;
  /** The directory that holds the entry, or would. */
  directory: Directory | null;
  /** The last name, as a byte string. */
  name: string;
  /** Nothing was found, but all before the last name was: it can be created here. */
  creatable: boolean;
  /** The path says that it is a directory: it ends in a slash. */
  slashed: boolean;
  readonly place: Place;
}

interface SplitPath {
  readonly names: string[];
  /** Where each name starts in `text`. */
  readonly starts: number[];
  readonly text: string;
  readonly slashed: boolean;
  /** `.` and `..` have no meaning. */
  readonly literal: boolean;
}

export function nameBytes(name: string | Uint8Array, what: string): string {
  if (typeof name === 'string') return utf8Encode(name);
  if (name instanceof Uint8Array) return byteString(name);
  throw invalid(`${what} is ${describe(name)}; allowed: a string or a Uint8Array`);
}

function splitPath(path: LfsPath): SplitPath {
  if (Array.isArray(path)) {
    const names = path.map((name: string | Uint8Array) => nameBytes(name, 'a name of path'));
    return { names, starts: [], text: '', slashed: false, literal: true };
  }
  if (typeof path !== 'string' && !(path instanceof Uint8Array))
    throw invalid(`path is ${describe(path)}; allowed: a string, a Uint8Array or an array of names`);
  const text = nameBytes(path, 'path');
  if (text === '') throw invalid("path is ''; the root is '/'");
  const names: string[] = [];
  const starts: number[] = [];
  for (let at = 0; at < text.length; ) {
    const slash = text.indexOf('/', at);
    const to = slash < 0 ? text.length : slash;
    if (to > at) {
      names.push(at === 0 && to === text.length ? text : text.slice(at, to));
      starts.push(at);
    }
    at = to + 1;
  }
  return { names, starts, text, slashed: text.endsWith('/'), literal: false };
}

/** Walks a path. Throws NOTDIR, INVAL, CORRUPT; that nothing is there is an answer. */
export function walk(lfs: Lfs, path: LfsPath): Walk {
  const split = splitPath(path);
  const { names, starts, text, slashed, literal } = split;
  const place = new Place();
  const found: Walk = { entry: null, isRoot: true, directory: null, name: '', creatable: false, slashed, place };
  let at = 0;
  for (;;) {
    const entry = found.entry;
    const isDirectory = entry === null || entry.nameType === type.DIR;
    if (!isDirectory) {
      if (at < names.length || slashed) throw new LfsError('LFS_ERR_NOTDIR', `'${shown(path)}': '${found.name}' is not a directory`);
      return found;
    }
    if (!literal) {
      at = skipDots(names, at, path);
    }
    if (at >= names.length) return found;

    const directory = entry === null ? rootDirectoryOf(lfs) : childDirectory(lfs, entry);
    const name = names[at]!;
    found.directory = directory;
    found.name = name;
    found.isRoot = false;
    let ok = findName(directory, name, place) && !isMoving(lfs, place);
    at++;
    if (!ok && directory.hasSlashNames && !literal) {
      const rest = text.slice(starts[at - 1]!);
      const odd = findSlashName(lfs, directory, rest, place);
      if (odd !== null) {
        ok = true;
        found.name = odd;
        const end = starts[at - 1]! + odd.length;
        while (at < names.length && starts[at]! < end) at++;
        if (rest === odd) found.slashed = false;
      } else findName(directory, name, place);
    }
    if (!ok) {
      found.entry = null;
      found.creatable = at >= names.length;
      return found;
    }
    found.entry = place.entry;
  }
}

/** Passes over `.` and over each name that a later `..` takes away. */
function skipDots(names: readonly string[], from: number, path: LfsPath): number {
  let at = from;
  next: while (at < names.length) {
    const name = names[at]!;
    if (name === '.') {
      at++;
      continue;
    }
    if (name === '..') throw invalid(`'${shown(path)}' goes above the root`);
    let depth = 1;
    for (let ahead = at + 1; ahead < names.length; ahead++) {
      if (names[ahead] === '.') continue;
      depth += names[ahead] === '..' ? -1 : 1;
      if (depth === 0) {
        at = ahead + 1;
        continue next;
      }
    }
    break;
  }
  return at;
}

/** A pending move on disk: the entry is gone from here although it is still written here. */
export function isMoving(lfs: Lfs, place: Place): boolean {
  if ((lfs.gdisk.tag & 0x70000000) === 0) return false;
  return movingFrom(lfs.gdisk, place.mdir!.block0, place.mdir!.block1) === place.id;
}

function findSlashName(lfs: Lfs, directory: Directory, rest: string, place: Place): string | null {
  let best: string | null = null;
  for (const mdir of directory.chain) {
    for (const [id, entry] of mdir.entries.entries()) {
      const name = entry.name;
      if (name === null || !hasFileName(entry) || !name.includes('/')) continue;
      if (rest !== name && !rest.startsWith(`${name}/`)) continue;
      if (best !== null && best.length >= name.length) continue;
      if (movingFrom(lfs.gdisk, mdir.block0, mdir.block1) === id) continue;
      best = name;
      place.entry = entry;
      place.mdir = mdir;
      place.id = id;
    }
  }
  return best;
}

/** A path for an error message. */
export function shown(path: LfsPath): string {
  const text = typeof path === 'string' ? path : path instanceof Uint8Array ? byteString(path) : `/${path.map((n) => (typeof n === 'string' ? n : byteString(n))).join('/')}`;
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

export function noEntry(path: LfsPath): LfsError {
  return new LfsError('LFS_ERR_NOENT', `'${shown(path)}': no such file or directory`);
}
