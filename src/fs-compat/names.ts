/**
 * Paths as names (one character a byte), by which whole trees are walked: no name is lost that is not valid UTF-8.
 *
 * @module
 */

import { bytesOfName } from '../vfs/name.ts';
import type { Name, PathLike } from '../vfs/posix.ts';

/** A name in the form that the file system takes. Most are ASCII, which needs no other form. */
export function pathOfName(name: Name): PathLike {
  return /^[\0-\x7f]*$/.test(name) ? name : bytesOfName(name);
}

/** The path of an entry. The directory's is left as it is written. */
export function joinNames(directory: Name, entry: Name): Name {
  return directory.endsWith('/') ? directory + entry : `${directory}/${entry}`;
}

export function isDirectoryMode(mode: number): boolean {
  return (mode & 0o170000) === 0o040000;
}

export function isLinkMode(mode: number): boolean {
  return (mode & 0o170000) === 0o120000;
}
