/**
 * Bringing the image in step with the nodes: which are ahead of it, and the commit that each of them takes.
 *
 * With `durability: 'close'` that is when a change is complete: a directory made, an attribute set, a file closed. With
 * `'fsync'` it is at fsync, sync, or a moment later. In both, content and attributes of a file come in one commit.
 *
 * @module
 */

import { bytesOf } from '../lfs/bytes.ts';
import { translated, VfsError } from './errno.ts';
import { dropHandle, keepClean, patch, settle } from './file-content.ts';
import { childPath, lfsPath, pathOf } from './image.ts';
import type { Node } from './node.ts';
import type { Name } from './posix.ts';
import { metaAttrs } from './profiles.ts';
import { giveBack, spend } from './space.ts';
import type { VfsState } from './state.ts';

const LFS_O_RDWR = 3;
const noBytes: Uint8Array = new Uint8Array(0);

export function markDirty(state: VfsState, node: Node): void {
  if (state.dirty.has(node)) return;
  state.dirty.add(node);
  flushSoon(state);
}

function flushSoon(state: VfsState): void {
  if (state.unschedule === null && state.durability === 'fsync') {
    state.unschedule = state.schedule(() => {
      state.unschedule = null;
      try {
        flushAll(state);
      } catch {
        // What could not be written stays ahead; the next fsync or sync says why.
      }
    });
  }
}

/** Metadata of a node changed. With 'close' it is on the image when this returns, if the node's name is. */
export function metaChanged(state: VfsState, node: Node): void {
  node.metaDirty = true;
  if (node.parent === null) return;
  markDirty(state, node);
  if (state.durability === 'close' && node.onDisk && node.file?.isDirty !== true) flushNode(state, node);
}

/** A new node is complete. */
export function madeNew(state: VfsState, node: Node): void {
  node.metaDirty = true;
  markDirty(state, node);
  if (state.durability === 'close') flushNode(state, node);
}

/** A directory's times changed with its entries: not worth a commit of its own. */
export function touchLazily(state: VfsState, dir: Node): void {
  dir.metaDirty = true;
  markDirty(state, dir);
}

/** Everything, oldest first. All that can be written is; the first failure is thrown. */
export function flushAll(state: VfsState, except: Node | null = null): void {
  let failure: unknown;
  let failed = false;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!failed) failure = error;
      failed = true;
    }
  };
  // What goes makes room for what comes.
  for (const dir of [...state.removals]) attempt(() => flushRemovals(state, dir));
  for (const node of [...state.dirty]) if (node !== except) attempt(() => flushNode(state, node));
  if (failed) throw failure;
  if (state.dirty.size === 0 && state.unschedule !== null) {
    state.unschedule();
    state.unschedule = null;
  }
}

/** What a node has ahead of the image, and the directories on the way to it. */
export function flushNode(state: VfsState, node: Node): void {
  if (node.parent === null) {
    forget(state, node);
    return;
  }
  if (!state.dirty.has(node) && node.onDisk) return;
  if (node.parent !== node && !node.parent.onDisk) flushNode(state, node.parent);
  if (!node.onDisk && node.parent.gone?.has(node.name) === true) flushRemoval(state, node.parent, node.name);
  try {
    if (node.isDirectory) flushDirectory(state, node);
    else if (node.isFile) flushFile(state, node);
    else flushOther(state, node);
  } catch (error) {
    throw translated(error);
  } finally {
    state.seenCommits = state.lfs.commitCount;
  }
  node.onDisk = true;
  node.metaDirty = false;
  state.dirty.delete(node);
  spend(state, node);
}

/** A name goes from the image with the next flush. */
export function removeLater(state: VfsState, dir: Node, name: Name, node: Node): void {
  dir.gone ??= new Map();
  dir.gone.set(name, node);
  state.removals.add(dir);
  // Its own are removed with it.
  state.removals.delete(node);
  flushSoon(state);
}

/** Removes from the image what has gone from a directory. */
export function flushRemovals(state: VfsState, dir: Node): void {
  if (dir.gone !== null) for (const name of [...dir.gone.keys()]) flushRemoval(state, dir, name);
}

export function flushRemoval(state: VfsState, dir: Node, name: Name): void {
  const node = dir.gone?.get(name);
  if (node === undefined) return;
  removeFromImage(state, childPath(state, dir, name), node);
  keepAfterAll(state, dir, name);
}

/** There is nothing to remove under a name any more. */
export function keepAfterAll(state: VfsState, dir: Node, name: Name): void {
  dir.gone?.delete(name);
  if (dir.gone === null || dir.gone.size > 0) return;
  dir.gone = null;
  state.removals.delete(dir);
}

/** A name of the image, and before it what has gone from that directory. */
function removeFromImage(state: VfsState, path: Name, node: Node): void {
  if (node.gone !== null) {
    for (const [name, each] of node.gone) {
      removeFromImage(state, `${path}/${name}`, each);
      node.gone.delete(name);
    }
    node.gone = null;
  }
  try {
    state.lfs.remove(lfsPath(path));
  } catch (error) {
    throw translated(error);
  } finally {
    state.seenCommits = state.lfs.commitCount;
  }
}

function flushDirectory(state: VfsState, node: Node): void {
  const path = lfsPath(pathOf(state, node));
  const attrs = metaAttrs(state.profile, node);
  if (!node.onDisk) state.lfs.mkdir(path, { attrs: attrs.filter(({ buffer }) => buffer !== null) });
  else if (node.metaDirty && attrs.length > 0) state.lfs.setAttrs(path, attrs);
}

/** Links and special files are files to the engine, told apart by their mode. */
function flushOther(state: VfsState, node: Node): void {
  const path = lfsPath(pathOf(state, node));
  const attrs = metaAttrs(state.profile, node);
  if (!node.onDisk) state.lfs.writeFile(path, node.target === null ? noBytes : bytesOf(node.target), { attrs });
  else if (node.metaDirty && attrs.length > 0) state.lfs.setAttrs(path, attrs);
}

function flushFile(state: VfsState, node: Node): void {
  const { file } = node;
  const path = lfsPath(pathOf(state, node));
  const attrs = metaAttrs(state.profile, node);
  if (file === null || !file.isDirty) {
    if (!node.onDisk) state.lfs.writeFile(path, noBytes, { attrs });
    else if (node.metaDirty && attrs.length > 0) state.lfs.setAttrs(path, attrs);
    return;
  }
  if (file.uncommitted) {
    const handle = file.handle!;
    handle.setAttrs(attrs);
    handle.sync();
    dropHandle(file);
    return;
  }
  const { bytes, dirtyFrom } = file;
  if (node.onDisk && (file.base > 0 || (dirtyFrom >= state.blockSize && node.size > state.inlineMax))) {
    dropHandle(file);
    const handle = state.lfs.open(path, LFS_O_RDWR);
    try {
      patch(node, file, handle);
      handle.setAttrs(attrs);
      handle.sync();
    } finally {
      handle.abandon();
    }
  } else {
    dropHandle(file);
    const all = bytes!;
    state.lfs.writeFile(path, node.size === all.length ? all : all.subarray(0, node.size), { attrs });
  }
  settle(state, file);
  keepClean(state, node);
}

/** A node without a name will never be written. */
export function forget(state: VfsState, node: Node): void {
  state.dirty.delete(node);
  if (node.file !== null) settle(state, node.file);
  giveBack(state, node);
}

export function mustWrite(state: VfsState): void {
  if (state.readOnly) throw new VfsError('EROFS');
}
