/**
 * What changes the tree: making, removing, moving and describing nodes, as POSIX has it.
 *
 * Works on nodes, not on paths: `walk.ts` finds them. Each call happens as a whole or throws and leaves things as they
 * were. Names come in as bytes in text form, checked by the walk.
 *
 * @module
 */

import { setTimes, touchContent, touchNew, touchStatus } from './clock.ts';
import { keepWithoutName } from './content.ts';
import { translated, VfsError } from './errno.ts';
import { dropHandle } from './file-content.ts';
import { R_OK, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, W_OK } from './flags.ts';
import { childPath, countSubdirectories, forgetLinks, isEmpty, knowLinks, list, lookup } from './image.ts';
import {
  addName,
  dropName,
  hasOtherNames,
  isCurrent,
  isNameOnDisk,
  isOwnName,
  Links,
  moveName,
  NAMES_MAX,
} from './links.ts';
import { lfsPath } from './name.ts';
import type { Node } from './node.ts';
import { inGroup, mayAccess, needEntry, needOwner, needRemoval, withoutPrivileges } from './permissions.ts';
import type { Name, TimeToSet } from './posix.ts';
import { keepsTypes } from './profiles.ts';
import { contentBlocks, countFree, noSpace, reserve } from './space.ts';
import type { Credentials, VfsState } from './state.ts';
import {
  flushAll,
  flushNode,
  flushRemoval,
  forget,
  keepAfterAll,
  madeNew,
  markDirty,
  metaChanged,
  mustWrite,
  removeLater,
  touchLazily,
} from './write-back.ts';

export function emit(state: VfsState, type: 'rename' | 'change', dir: Node, name: Name): void {
  if (state.listeners.size === 0) return;
  const event = { type, path: childPath(state, dir, name) };
  for (const listener of [...state.listeners]) listener(event);
}

export function emitChange(state: VfsState, node: Node): void {
  if (state.listeners.size === 0 || node.parent === null || node.parent === node) return;
  emit(state, 'change', node.parent, node.name);
  if (node.links !== null) for (const { dir, name } of node.links.others) emit(state, 'change', dir, name);
}

function touchDirectory(state: VfsState, dir: Node): void {
  touchContent(dir, state.clock);
  touchLazily(state, dir);
}

/** A new node in a directory where there is none of this name. A regular file is not complete before it is closed. */
export function makeNode(
  state: VfsState,
  who: Credentials,
  dir: Node,
  name: Name,
  mode: number,
  { rdev = 0, target = null }: { rdev?: number; target?: Name | null } = {},
): Node {
  mustWrite(state);
  if (dir.parent === null) throw new VfsError('ENOENT');
  needEntry(dir, who);
  const kind = mode & S_IFMT;
  if (kind !== S_IFREG && kind !== S_IFDIR && !keepsTypes(state.profile))
    throw new VfsError('EPERM', `metadata: '${state.profile}' keeps files and directories only`);

  const node = state.newNode(mode);
  node.uid = who.uid;
  node.gid = who.gid;
  if ((dir.mode & S_ISGID) !== 0) {
    node.gid = dir.gid;
    if (kind === S_IFDIR) node.mode |= S_ISGID;
  }
  node.rdev = rdev;
  node.target = target;
  if (target !== null) node.size = target.length;
  if (kind === S_IFDIR) {
    node.complete = true;
    node.subdirectories = 0;
  }
  touchNew(node, state.clock);
  node.name = name;
  const fits = makeRoom(state, node);
  dir.addChild(name, node);
  try {
    if (fits && kind === S_IFREG) {
      node.metaDirty = true;
      markDirty(state, node);
    } else if (fits) madeNew(state, node);
    else flushNode(state, node);
  } catch (error) {
    dir.dropChild(node);
    forget(state, node);
    throw error;
  }
  if (kind === S_IFDIR && dir.subdirectories >= 0) dir.subdirectories++;
  touchDirectory(state, dir);
  emit(state, 'rename', dir, name);
  return node;
}

function makeRoom(state: VfsState, node: Node): boolean {
  const blocks = node.isDirectory ? 2 : 0;
  const bytes = node.target?.length ?? 0;
  if (reserve(state, node, blocks, bytes)) return true;
  countFree(state);
  if (reserve(state, node, blocks, bytes)) return true;
  flushAll(state);
  countFree(state);
  return reserve(state, node, blocks, bytes);
}

/** A node loses its name; who holds it goes on with it. */
function detach(state: VfsState, node: Node): void {
  const dir = node.parent!;
  dir.dropChild(node);
  if (node.isDirectory) {
    if (dir.subdirectories >= 0) dir.subdirectories--;
    state.forgetPaths();
  } else if (node.isLink) state.prefixes.clear();
  forget(state, node);
  touchStatus(node, state.clock);
  if (node.holders === 0 && node.file !== null) dropHandle(node.file);
}

export function unlinkNode(state: VfsState, who: Credentials, dir: Node, name: Name, node: Node): void {
  mustWrite(state);
  needRemoval(dir, node, who);
  if (node.isDirectory) throw new VfsError('EISDIR');
  if (hasOtherNames(node)) {
    if (isNameOnDisk(node, dir, name)) {
      beforeNameGoes(state, node, dir, name);
      dropNameFromImage(state, node, dir, name, false);
      node.links!.leaving.push({ dir, name });
    }
    loseName(state, node, dir, name);
  } else {
    dropFromImage(state, node);
    detach(state, node);
  }
  touchDirectory(state, dir);
  emit(state, 'rename', dir, name);
}

export function removeDirectory(state: VfsState, who: Credentials, node: Node): void {
  mustWrite(state);
  const dir = node.parent!;
  if (dir === node) throw new VfsError('EBUSY');
  needRemoval(dir, node, who);
  if (!node.isDirectory) throw new VfsError('ENOTDIR');
  if (!isEmpty(state, node)) throw new VfsError('ENOTEMPTY');
  dropFromImage(state, node);
  const { name } = node;
  detach(state, node);
  touchDirectory(state, dir);
  emit(state, 'rename', dir, name);
}

/** A directory with all that is in it. When it fails, some of that may be gone. */
export function removeTree(state: VfsState, who: Credentials, top: Node): void {
  mustWrite(state);
  if (who.uid === 0 && state.listeners.size === 0 && !top.onDisk) {
    // Nobody is asked and nobody is told, and the image knows none of it.
    const dir = top.parent!;
    forgetBelow(state, top);
    detach(state, top);
    touchDirectory(state, dir);
    return;
  }
  const open = [{ dir: top, isEmpty: false }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { dir } = next;
    if (next.isEmpty) {
      removeDirectory(state, who, dir);
      continue;
    }
    open.push({ dir, isEmpty: true });
    for (const { name } of list(state, dir)) {
      const child = lookup(state, dir, name);
      if (child?.isDirectory === true) open.push({ dir: child, isEmpty: false });
      else if (child !== null) unlinkNode(state, who, dir, name, child);
    }
  }
}

function forgetBelow(state: VfsState, top: Node): void {
  const open = [top];
  for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
    for (const [name, child] of dir.children!) {
      if (hasOtherNames(child)) {
        loseName(state, child, dir, name);
        continue;
      }
      child.parent = null;
      forget(state, child);
      if (child.isDirectory) open.push(child);
      else if (child.holders === 0 && child.file !== null) dropHandle(child.file);
    }
    dir.children!.clear();
    dir.listing = null;
  }
}

/** Before a node loses its name: so does the image, now or with the next flush. */
function dropFromImage(state: VfsState, node: Node): void {
  if (!node.onDisk) return;
  const dir = node.parent!;
  // Who holds it goes on with what the image has.
  const isHeld = node.isFile && node.holders > 0;
  if (isHeld) keepWithoutName(state, node);
  else if (node.file !== null) dropHandle(node.file);
  dropNameFromImage(state, node, dir, node.name, isHeld);
  node.onDisk = false;
}

function dropNameFromImage(state: VfsState, node: Node, dir: Node, name: Name, atOnce: boolean): void {
  removeLater(state, dir, name, node);
  if (!atOnce && state.durability !== 'close') return;
  try {
    flushRemoval(state, dir, name);
  } catch (error) {
    keepAfterAll(state, dir, name);
    throw error;
  }
}

/** Before the image loses one of several names: another has all that it had. */
function beforeNameGoes(state: VfsState, node: Node, dir: Node, name: Name): void {
  const links = node.links!;
  const { file } = node;
  if (!isOwnName(node, dir, name)) return;
  if (file?.uncommitted === true || !links.others.some((place) => isCurrent(links, place))) {
    node.metaDirty = true;
    markDirty(state, node);
    flushNode(state, node);
  }
  if (file !== null) dropHandle(file);
}

function loseName(state: VfsState, node: Node, dir: Node, name: Name): void {
  dropName(node, dir, name);
  if (node.isLink) state.prefixes.clear();
  touchStatus(node, state.clock);
  touchLazily(state, node);
}

/** One more name for a node. */
export function linkNode(state: VfsState, who: Credentials, node: Node, dir: Node, name: Name): void {
  mustWrite(state);
  if (dir.parent === null) throw new VfsError('ENOENT');
  if (!mayLink(node, who)) throw new VfsError('EPERM');
  needEntry(dir, who);
  if (node.isDirectory) throw new VfsError('EPERM', 'a directory has one name');
  knowLinks(state);
  if (node.links === null) {
    node.links = new Links(++state.lastLinkId, 0);
    state.linked.set(node.links.id, node);
  }
  if (node.nlink >= NAMES_MAX) throw new VfsError('EMLINK');
  const isNew = node.links.others.length === 0;
  addName(node, dir, name);
  try {
    const inlineBytes = node.size <= state.inlineMax ? node.size : 0;
    const blocks = contentBlocks(state, node, node.size, node.file?.dirtyFrom ?? Number.POSITIVE_INFINITY);
    if (!reserve(state, node, blocks, inlineBytes)) {
      flushAll(state, node);
      countFree(state);
      if (!reserve(state, node, blocks, inlineBytes)) throw noSpace();
    }
    touchStatus(node, state.clock);
    madeNew(state, node);
  } catch (error) {
    dropName(node, dir, name);
    // The image may say already that there are two names: the next flush takes that back.
    if (isNew && !state.dirty.has(node)) {
      forgetLinks(state, node);
      node.links = null;
    }
    throw error;
  }
  touchDirectory(state, dir);
  emit(state, 'rename', dir, name);
}

/** As Linux has it unless told otherwise: nobody keeps alive a file of others that he could not write. */
function mayLink(node: Node, who: Credentials): boolean {
  if (who.uid === 0 || who.uid === node.uid) return true;
  const { mode } = node;
  if (!node.isFile || (mode & S_ISUID) !== 0 || (mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010)) return false;
  return mayAccess(node, who, R_OK | W_OK);
}

/** Moves a node to another name, in place of what has that name. */
export function renameNode(
  state: VfsState,
  who: Credentials,
  node: Node,
  oldDir: Node,
  oldName: Name,
  dir: Node,
  name: Name,
  target: Node | null,
): void {
  mustWrite(state);
  if (node === target) return;
  if (node === state.root) throw new VfsError('EBUSY');
  if (dir.parent === null) throw new VfsError('ENOENT');
  if (node.isDirectory && isWithin(dir, node)) throw new VfsError('EINVAL', 'a directory cannot be moved into itself');
  if (target?.isDirectory === true && isWithin(oldDir, target)) throw new VfsError('ENOTEMPTY');
  needRemoval(oldDir, node, who);
  needEntry(dir, who);
  // `..` of a directory that moves is written.
  if (node.isDirectory && dir !== oldDir && who.uid !== 0 && !mayAccess(node, who, W_OK)) throw new VfsError('EACCES');
  if (target !== null) {
    needRemoval(dir, target, who);
    if (target === state.root) throw new VfsError('EBUSY');
    if (target.isDirectory && !node.isDirectory) throw new VfsError('EISDIR');
    if (!target.isDirectory && node.isDirectory) throw new VfsError('ENOTDIR');
    if (target.isDirectory && !isEmpty(state, target)) throw new VfsError('ENOTEMPTY');
  }
  if (node.onDisk || target?.onDisk === true || state.durability === 'close')
    moveOnImage(state, node, oldDir, oldName, dir, name, target);
  if (target !== null && hasOtherNames(target)) loseName(state, target, dir, name);
  else if (target !== null) {
    target.onDisk = false;
    detach(state, target);
  }
  moveName(node, oldDir, oldName, dir, name);
  if (node.isDirectory) {
    if (oldDir.subdirectories >= 0) oldDir.subdirectories--;
    if (dir.subdirectories >= 0) dir.subdirectories++;
    state.forgetPaths();
  } else if (node.isLink) state.prefixes.clear();
  touchStatus(node, state.clock);
  touchLazily(state, node);
  touchDirectory(state, oldDir);
  if (dir !== oldDir) touchDirectory(state, dir);
  emit(state, 'rename', oldDir, oldName);
  emit(state, 'rename', dir, name);
}

/** Whether a directory is another, or lies in it. */
function isWithin(dir: Node, outer: Node): boolean {
  for (let at = dir; ; at = at.parent!) {
    if (at === outer) return true;
    if (at.parent === at) return false;
  }
}

/** What the name will publish is on the image before it is. */
function moveOnImage(
  state: VfsState,
  node: Node,
  oldDir: Node,
  oldName: Name,
  dir: Node,
  name: Name,
  target: Node | null,
): void {
  flushNode(state, node);
  if (!dir.onDisk) flushNode(state, dir);
  flushRemoval(state, dir, name);
  if (target !== null && hasOtherNames(target)) {
    if (isNameOnDisk(target, dir, name)) beforeNameGoes(state, target, dir, name);
  } else if (target?.onDisk === true && target.isFile && target.holders > 0) keepWithoutName(state, target);
  try {
    state.lfs.rename(lfsPath(childPath(state, oldDir, oldName)), lfsPath(childPath(state, dir, name)));
  } catch (error) {
    throw translated(error);
  } finally {
    state.seenCommits = state.lfs.commitCount;
  }
}

export function setMode(state: VfsState, who: Credentials, node: Node, mode: number): void {
  mustWrite(state);
  needOwner(node, who);
  let bits = mode & 0o7777;
  if (who.uid !== 0 && !inGroup(who, node.gid)) bits &= ~S_ISGID;
  node.mode = (node.mode & S_IFMT) | bits;
  touchStatus(node, state.clock);
  metaChanged(state, node);
  emitChange(state, node);
}

/** -1 leaves an id as it is. */
export function setOwner(state: VfsState, who: Credentials, node: Node, uid: number, gid: number): void {
  mustWrite(state);
  const changesUser = uid !== -1 && uid !== 0xffffffff;
  const changesGroup = gid !== -1 && gid !== 0xffffffff;
  const mode = node.isDirectory ? node.mode : withoutPrivileges(node, who);
  if (who.uid !== 0) {
    if (mode !== node.mode && who.uid !== node.uid) throw new VfsError('EPERM');
    if (changesUser && uid !== node.uid) throw new VfsError('EPERM');
    if ((changesUser || changesGroup) && who.uid !== node.uid) throw new VfsError('EPERM');
    if (changesGroup && gid !== node.gid && !inGroup(who, gid)) throw new VfsError('EPERM');
  }
  if (changesUser) node.uid = uid >>> 0;
  if (changesGroup) node.gid = gid >>> 0;
  node.mode = mode;
  touchStatus(node, state.clock);
  metaChanged(state, node);
  emitChange(state, node);
}

export function setNodeTimes(state: VfsState, who: Credentials, node: Node, atime: TimeToSet, mtime: TimeToSet): void {
  mustWrite(state);
  if (who.uid !== 0 && who.uid !== node.uid) {
    const isNow = atime === 'now' && mtime === 'now';
    if (!isNow) throw new VfsError('EPERM');
    if (!mayAccess(node, who, W_OK)) throw new VfsError('EACCES');
  }
  setTimes(node, atime, mtime, state.clock);
  metaChanged(state, node);
  emitChange(state, node);
}

/** Before a node is shown as a `Stat`. */
export function completeStat(state: VfsState, node: Node): Node {
  if (node.isDirectory && node.subdirectories < 0) countSubdirectories(state, node);
  return node;
}

export function makeLink(state: VfsState, who: Credentials, dir: Node, name: Name, target: Name): Node {
  if (target.length === 0) throw new VfsError('ENOENT');
  if (target.length > 4095) throw new VfsError('ENAMETOOLONG');
  return makeNode(state, who, dir, name, S_IFLNK | 0o777, { target });
}
