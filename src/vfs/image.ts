/**
 * Nodes and the image: finding and listing what is there, and the names by which the engine knows it.
 *
 * Nothing is read before somebody asks for it, and a directory is never read as a whole to find one name.
 *
 * @module
 */

import { byteString } from '../lfs/bytes.ts';
import type { LfsEntry } from '../lfs/entries.ts';
import { translated, VfsError } from './errno.ts';
import { uncache } from './file-content.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from './flags.ts';
import { type FoundName, findLinkedNames, sameContent } from './link-search.ts';
import { addName, isCurrent, Links, linkAttrOf } from './links.ts';
import { lfsPath } from './name.ts';
import type { Node } from './node.ts';
import type { DirectoryEntry, Name } from './posix.ts';
import { readMeta, typeOf } from './profiles.ts';
import type { VfsState } from './state.ts';

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

/** The node of a name in a directory; `null` where there is none. */
export function lookup(state: VfsState, dir: Node, name: Name): Node | null {
  const known = dir.children!.get(name);
  if (known !== undefined) {
    if (known.links !== null && !known.links.isChecked) checkNames(state, known);
    return known.links === null ? known : dir.children!.get(name)!;
  }
  if (dir.complete || !dir.onDisk || dir.gone?.has(name) === true) return null;
  try {
    const entry = state.lfs.find(lfsPath(childPath(state, dir, name)));
    return entry === undefined ? null : adopt(state, dir, name, entry);
  } catch (error) {
    throw translated(error);
  }
}

function adopt(state: VfsState, dir: Node, name: Name, entry: LfsEntry): Node {
  if (state.hasLinks && entry.type === 'file') {
    const attr = linkAttrOf(entry);
    if (attr !== null && !state.linksFound) {
      adoptLinked(state);
      return lookup(state, dir, name)!;
    }
    const node = adoptAlone(state, dir, name, entry);
    // Its other names are gone; so does the attribute, with the next flush.
    if (attr !== null) node.links = new Links(attr.id, attr.generation);
    return node;
  }
  return adoptAlone(state, dir, name, entry);
}

function adoptAlone(state: VfsState, dir: Node, name: Name, entry: LfsEntry): Node {
  const node = state.newNode(entry.type === 'dir' ? S_IFDIR | 0o755 : S_IFREG | 0o644);
  node.onDisk = true;
  node.size = entry.size;
  readMeta(node, entry);
  node.parent = dir;
  node.name = name;
  dir.children!.set(name, node);
  return node;
}

/** Before new ones come: which there are. */
export function knowLinks(state: VfsState): void {
  if (state.hasLinks && !state.linksFound) adoptLinked(state);
  state.hasLinks = true;
  state.linksFound = true;
}

/** Makes one node of all the names of a file that has several, and so for all such files. */
function adoptLinked(state: VfsState): void {
  state.linksFound = true;
  for (const [id, names] of findLinkedNames(state)) {
    const known = state.linked.get(id);
    if (names.length === 1 && known === undefined) continue;
    let node = known;
    for (const { dirs, name, generation } of names) {
      const dir = directoryOf(state, dirs);
      if (dir === null || dir.children!.has(name)) continue;
      if (node === undefined) {
        const entry = state.lfs.find(lfsPath(childPath(state, dir, name)));
        if (entry === undefined) continue;
        node = adoptAlone(state, dir, name, entry);
        node.links = new Links(id, generation);
        state.linked.set(id, node);
      } else addName(node, dir, name, true, generation);
      node.links!.isChecked = false;
    }
  }
}

function directoryOf(state: VfsState, dirs: FoundName['dirs']): Node | null {
  let node: Node | null = state.root;
  for (const name of dirs) {
    node = lookup(state, node, name);
    if (node?.isDirectory !== true) return null;
  }
  return node;
}

/**
 * What is said to be one file is looked at before it is taken for one: other drivers that write to a name leave what it
 * says of itself as it was. Such a name goes its own way from then on.
 */
function checkNames(state: VfsState, node: Node): void {
  const links = node.links!;
  links.isChecked = true;
  if (!node.onDisk) return;
  try {
    const own = pathOf(state, node);
    for (const place of [...links.others]) {
      if (!place.onDisk) continue;
      const path = childPath(state, place.dir, place.name);
      if (!isCurrent(links, place)) {
        state.behind.add(node);
        continue;
      }
      if (sameContent(state, own, path)) continue;
      links.others.splice(links.others.indexOf(place), 1);
      const entry = state.lfs.find(lfsPath(path))!;
      const stranger = adoptAlone(state, place.dir, place.name, entry);
      stranger.links = new Links(links.id, links.generation);
      links.strangers.push(stranger);
    }
  } catch (error) {
    throw translated(error);
  }
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
  state.linksFound = false;
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
    uncache(state, child);
    if (child.links !== null) forgetLinks(state, child);
    dir.children!.delete(name);
  }
  return dir.children!.size > 0;
}

/** A node has no other names any more, or is no more. */
export function forgetLinks(state: VfsState, node: Node): void {
  const { id } = node.links!;
  if (state.linked.get(id) === node) state.linked.delete(id);
  state.behind.delete(node);
}
