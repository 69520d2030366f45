/**
 * Walking paths: from text or bytes to a node, or to the place where one would be.
 *
 * A walk starts at the root, or at the working directory; `.`, `..` and links are resolved on the way, forty links at
 * most. Where it ends in nothing the code says why; absence of the last name alone is an answer, not an error.
 *
 * Directories that a plain path has led to are remembered by its text, so that the next name in one costs one step.
 *
 * @module
 */

import { byteString, utf8Encode } from '../lfs/bytes.ts';
import { type ErrnoCode, VfsError } from './errno.ts';
import { X_OK } from './flags.ts';
import { forgetClean, lookup, targetOf } from './image.ts';
import type { Node } from './node.ts';
import { mayAccess } from './permissions.ts';
import type { Name, PathLike } from './posix.ts';
import type { Credentials, VfsState } from './state.ts';

const LINKS_MAX = 40;
const PATH_MAX = 4096;
const PREFIXES_MAX = 1024;

/** What a walk came to. */
export interface Found {
  /** Why there is nothing; `null` where there is a node, or only the last name is missing. */
  error: ErrnoCode | null;
  node: Node | null;
  /** The directory and the last name in it; `.` and `..` stand for themselves. */
  dir: Node;
  name: Name;
  /** All before the last name is there; an error is the last name's own. */
  atLast: boolean;
  /** The path ends in a slash: it can only mean a directory. */
  slashed: boolean;
}

export function walk(
  state: VfsState,
  who: Credentials,
  path: PathLike,
  followLast: boolean,
  cwd: () => string,
  start: Node | null = null,
): Found {
  if (state.lfs.commitCount !== state.seenCommits) forgetClean(state);
  let text = typeof path === 'string' ? utf8Encode(path) : byteString(path);
  if (text.charCodeAt(0) !== SLASH && start === null && text !== '') {
    if (text.length >= PATH_MAX) return failed(nowhere(state), 'ENAMETOOLONG');
    text = `${rootedAt(cwd())}/${text}`;
  }
  if (text.charCodeAt(0) === SLASH && who.uid === 0) {
    const cut = text.lastIndexOf('/');
    const dir = cut <= 0 ? state.root : state.prefixes.get(text.slice(0, cut));
    if (
      dir !== undefined &&
      text.length - cut > 1 &&
      text.length - cut - 1 <= state.nameMax &&
      text.length < PATH_MAX
    ) {
      const name = text.slice(cut + 1);
      if (name !== '.' && name !== '..') {
        const node = lookup(state, dir, name);
        if (node === null || !followLast || !node.isLink)
          return { error: null, node, dir, name, atLast: true, slashed: false };
      }
    }
  }
  return walkSlowly(state, who, text, followLast, start ?? state.root);
}

const SLASH = 0x2f;

function walkSlowly(state: VfsState, who: Credentials, path: Name, followLast: boolean, start: Node): Found {
  const found = nowhere(state);
  if (path === '') return failed(found, 'ENOENT');
  if (path.length >= PATH_MAX) return failed(found, 'ENAMETOOLONG');
  if (path.includes('\0')) return failed(found, 'EINVAL');
  let text = path;
  let links = 0;
  let plain = text.charCodeAt(0) === SLASH;
  let dir = plain ? state.root : start;
  if (dir.parent === null) return failed(found, 'ENOENT');
  let node: Node | null = dir;
  let at = 0;
  for (;;) {
    while (text.charCodeAt(at) === SLASH) at++;
    if (at >= text.length) {
      // Only slashes are left.
      found.node = node;
      if (found.name === '') {
        found.dir = dir;
        found.name = '.';
      }
      found.atLast = true;
      found.slashed = true;
      return found;
    }
    if (node === null) return failed(found, 'ENOENT');
    if (!node.isDirectory) return failed(found, 'ENOTDIR');
    dir = node;
    const end = nameEnd(text, at);
    const name = text.slice(at, end);
    const isLast = end >= text.length;
    found.atLast = isLast;
    if (!mayAccess(dir, who, X_OK)) {
      found.atLast = false;
      return failed(found, 'EACCES');
    }
    if (name.length > state.nameMax) return failed(found, 'ENAMETOOLONG');
    found.dir = dir;
    found.name = name;
    if (name === '.') {
      plain = false;
      node = dir;
    } else if (name === '..') {
      plain = false;
      node = dir.parent;
    } else {
      if (plain && isLast && at > 1 && links === 0) remember(state, text, at, dir);
      node = lookup(state, dir, name);
    }
    at = end;
    if (node?.isLink === true && (!isLast || followLast)) {
      if (++links > LINKS_MAX) return failed(found, 'ELOOP');
      const target = targetOf(state, node);
      const rest = text.slice(at);
      if (target.length + rest.length >= PATH_MAX) return failed(found, 'ENAMETOOLONG');
      text = target + rest;
      at = 0;
      plain = false;
      node = target.charCodeAt(0) === SLASH ? state.root : dir;
      found.name = '';
      continue;
    }
    if (isLast) {
      found.node = node;
      found.slashed = false;
      return found;
    }
  }
}

function nameEnd(text: Name, from: number): number {
  const end = text.indexOf('/', from);
  return end < 0 ? text.length : end;
}

/** `text[0, at)` is a path to `dir`, slashes behind it included. */
function remember(state: VfsState, text: Name, at: number, dir: Node): void {
  if (text.charCodeAt(at - 2) === SLASH || text.includes('//')) return;
  if (state.prefixes.size >= PREFIXES_MAX) state.prefixes.clear();
  state.prefixes.set(text.slice(0, at - 1), dir);
}

function failed(found: Found, code: ErrnoCode): Found {
  found.error = code;
  found.node = null;
  return found;
}

function nowhere(state: VfsState): Found {
  return { error: null, node: null, dir: state.root, name: '', atLast: false, slashed: false };
}

/** Working directories of other systems mean nothing here. */
function rootedAt(cwd: string): Name {
  return cwd.startsWith('/') ? utf8Encode(cwd) : '/';
}

/** The node that a path leads to, whatever it is. */
export function nodeOf(found: Found): Node {
  if (found.error !== null) throw new VfsError(found.error);
  if (found.node === null) throw new VfsError('ENOENT');
  if (found.slashed && !found.node.isDirectory) throw new VfsError('ENOTDIR');
  return found.node;
}

/** The place of a name that is not there yet. */
export function placeOf(found: Found): void {
  if (found.error !== null) throw new VfsError(found.error);
  if (found.node !== null) throw new VfsError('EEXIST');
}
