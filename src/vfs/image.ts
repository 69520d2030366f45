/**
 * Nodes and the image: finding and listing what is there, and the names by which the engine knows it.
 *
 * Nothing is read before somebody asks for it, and a directory is never read as a whole to find one name.
 *
 * @module
 */

import { byteString, bytesOf } from '../lfs/bytes.ts';
import type { LfsEntry } from '../lfs/entries.ts';
import type { LfsPath } from '../lfs/path.ts';
import { translated, VfsError } from './errno.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from './flags.ts';
import type { Node } from './node.ts';
import type { DirectoryEntry, Name } from './posix.ts';
import { readMeta, typeOf } from './profiles.ts';
import type { VfsState } from './state.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: all that is ASCII
const notAscii = /[^\x00-\x7f]/;

/** The absolute path of a node that has a name. */
export function pathOf(state: VfsState, node: Node): Name {
  if (node.isDirectory) {
    if (node.pathVersion === state.pathVersion) return node.path;
    const parent = node.parent;
    if (parent === null) throw new VfsError('ENOENT');
    const path = parent === node ? '/' : `${parent.parent === parent ? '' : pathOf(state, parent)}/${node.name}`;
    node.path = path;
    node.pathVersion = state.pathVersion;
    return path;
  }
  return childPath(state, node.parent!, node.name);
}

export function childPath(state: VfsState, dir: Node, name: Name): Name {
  return dir === state.root ? `/${name}` : `${pathOf(state, dir)}/${name}`;
}

/** A path as the engine takes it: text would be encoded once more. */
export function lfsPath(path: Name): LfsPath {
  return notAscii.test(path) ? bytesOf(path) : path;
}

/** The node of a name in a directory; `null` where there is none. */
export function lookup(state: VfsState, dir: Node, name: Name): Node | null {
  const known = dir.children!.get(name);
  if (known !== undefined) return known;
  if (dir.complete || !dir.onDisk || dir.gone?.has(name) === true) return null;
  try {
    const entry = state.lfs.find(lfsPath(childPath(state, dir, name)));
    return entry === undefined ? null : adopt(state, dir, name, entry);
  } catch (error) {
    throw translated(error);
  }
}

function adopt(state: VfsState, dir: Node, name: Name, entry: LfsEntry): Node {
  const node = state.newNode(entry.type === 'dir' ? S_IFDIR | 0o755 : S_IFREG | 0o644);
  node.onDisk = true;
  node.size = entry.size;
  readMeta(node, entry);
  node.parent = dir;
  node.name = name;
  dir.children!.set(name, node);
  return node;
}

/** Takes what the image says of the root. */
export function readRoot(state: VfsState): void {
  const entry = state.lfs.find('/');
  if (entry !== undefined) readMeta(state.root, entry);
}

const nameOrder = (a: DirectoryEntry, b: DirectoryEntry): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** The entries of a directory in the order of their bytes. The array is shared: not to be changed. */
export function list(state: VfsState, dir: Node): readonly DirectoryEntry[] {
  if (dir.listing !== null) return dir.listing;
  const entries: DirectoryEntry[] = [];
  const { children } = dir;
  let known = 0;
  let sorted = true;
  if (dir.onDisk && !dir.complete) {
    try {
      for (const entry of state.lfs.list(lfsPath(pathOf(state, dir)))) {
        const name = entry.byteName;
        // No path leads to such a name.
        if (name === '.' || name === '..' || name === '' || name.includes('/') || name.includes('\0')) continue;
        const child = children!.get(name);
        if (child !== undefined) {
          known++;
          entries.push({ name, type: child.mode & S_IFMT, ino: child.ino });
        } else if (dir.gone?.has(name) === true) continue;
        else if (entry.type === 'dir') entries.push({ name, type: S_IFDIR, ino: 0 });
        else entries.push({ name, type: typeOf(entry) || S_IFREG, ino: 0 });
      }
    } catch (error) {
      throw translated(error);
    }
    // The engine's order differs only where one name begins with another.
    sorted = false;
  }
  if (known < children!.size) {
    const listed = known === 0 ? null : new Set(entries.map(({ name }) => name));
    for (const [name, child] of children!) {
      if (listed === null || !listed.has(name)) entries.push({ name, type: child.mode & S_IFMT, ino: child.ino });
    }
    sorted = false;
  }
  if (!sorted) entries.sort(nameOrder);
  dir.listing = entries;
  return entries;
}

export function isEmpty(state: VfsState, dir: Node): boolean {
  return dir.children!.size === 0 && (dir.complete || !dir.onDisk || list(state, dir).length === 0);
}

/** Directories in a directory, for the link count. */
export function countSubdirectories(state: VfsState, dir: Node): void {
  if (dir.subdirectories >= 0 || dir.parent === null) return;
  let count = 0;
  for (const { type } of list(state, dir)) if (type === S_IFDIR) count++;
  dir.subdirectories = count;
}

/** Where a link leads to. */
export function targetOf(state: VfsState, link: Node): Name {
  if (link.target === null) {
    try {
      link.target = byteString(state.lfs.readFile(lfsPath(pathOf(state, link))));
    } catch (error) {
      throw translated(error);
    }
  }
  return link.target;
}

/**
 * Somebody else has written through the engine: what is only remembered is forgotten. Nodes that are held, or ahead of
 * the image, stay as they are.
 */
export function forgetClean(state: VfsState): void {
  state.seenCommits = state.lfs.commitCount;
  state.prefixes.clear();
  state.freeFloor = -1;
  prune(state, state.root);
  if (!state.root.metaDirty) readRoot(state);
}

function prune(state: VfsState, dir: Node): boolean {
  dir.listing = null;
  dir.subdirectories = -1;
  if (dir.onDisk) dir.complete = false;
  for (const [name, child] of dir.children!) {
    const keeps = child.isDirectory ? prune(state, child) : false;
    if (keeps || child.holders > 0 || !child.onDisk || state.dirty.has(child) || state.removals.has(child)) continue;
    child.parent = null;
    state.cached.delete(child);
    dir.children!.delete(name);
  }
  return dir.children!.size > 0;
}
