/**
 * Bringing the image in step with the nodes: which are ahead of it, and the commit that each of them takes.
 *
 * With `durability: 'close'` that is when a change is complete: a directory made, an attribute set, a file closed. With
 * `'fsync'` it is at fsync, sync, or a moment later. In both, content and attributes of a file come in one commit.
 *
 * @module
 */

import { bytesOf } from '../lfs/bytes.ts';
import type { LfsPath } from '../lfs/path.ts';
import type { AttrValue } from '../lfs/user-attrs.ts';
import { translated, VfsError } from './errno.ts';
import { dropHandle, keepClean, patch, settle, uncache } from './file-content.ts';
import { childPath, forgetLinks, pathOf } from './image.ts';
import { attrsOf, type Links, nextGeneration } from './links.ts';
import { lfsPath } from './name.ts';
import type { Node } from './node.ts';
import type { Name } from './posix.ts';
import { metaAttrs } from './profiles.ts';
import { contentBlocks, giveBack, reserve, spend } from './space.ts';
import type { VfsState } from './state.ts';

const LFS_O_RDONLY = 1;
const LFS_O_RDWR = 3;
/** Large files are copied from name to name in pieces. */
const PIECE = 256 * 1024;
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

/** A new node, or a new name of one, is complete. */
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
  if (state.behind.size > 0 && !state.readOnly) mendNames(state);
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
  if (node.parent !== node) clearWay(state, node.parent, node.name, node.onDisk);
  if (node.links !== null) {
    clearLinks(state, node.links);
  }
  try {
    if (node.isDirectory) flushDirectory(state, node);
    else if (node.links !== null) flushNames(state, node);
    else flushFile(state, node);
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

/** The directory is there, and what had the name before is not. */
function clearWay(state: VfsState, dir: Node, name: Name, onDisk: boolean): void {
  if (!dir.onDisk) flushNode(state, dir);
  if (!onDisk && dir.gone?.has(name) === true) flushRemoval(state, dir, name);
}

/** Of what the image says of a node's names nothing but what is written now is left. */
function clearLinks(state: VfsState, { others, leaving, strangers }: Links): void {
  for (const { dir, name } of leaving.splice(0)) if (state.removals.has(dir)) flushRemoval(state, dir, name);
  for (const { dir, name, onDisk } of others) clearWay(state, dir, name, onDisk);
  for (const stranger of strangers.splice(0)) flushStranger(state, stranger);
}

/** What a loss of power left behind the other names of its file is written anew, if there is room. */
function mendNames(state: VfsState): void {
  for (const node of state.behind) {
    if (!state.dirty.has(node)) {
      const inlineBytes = node.size <= state.inlineMax ? node.size : 0;
      if (!reserve(state, node, contentBlocks(state, node, node.size, Number.POSITIVE_INFINITY), inlineBytes)) continue;
    }
    state.behind.delete(node);
    node.metaDirty = true;
    state.dirty.add(node);
  }
}

function flushStranger(state: VfsState, node: Node): void {
  if (node.parent === null || node.links === null) return;
  node.metaDirty = true;
  state.dirty.add(node);
  flushNode(state, node);
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

function flushFile(state: VfsState, node: Node): void {
  const isAhead = isContentAhead(node);
  writeName(state, node, lfsPath(pathOf(state, node)), node.onDisk, metaAttrs(state.profile, node));
  if (isAhead) settleContent(state, node);
}

/** Content in memory is ahead of the image. (What is in an engine's handle was settled when it got there.) */
function isContentAhead({ file }: Node): boolean {
  return file?.isDirty === true && !file.uncommitted;
}

function settleContent(state: VfsState, node: Node): void {
  settle(state, node.file!);
  keepClean(state, node);
}

/** All names of a file that has several, the own one first: `links.ts` says why. */
function flushNames(state: VfsState, node: Node): void {
  const links = node.links!;
  const before = links.generation;
  const generation = nextGeneration(node);
  const attrs = attrsOf(state, node, generation);
  const isAhead = isContentAhead(node);
  const isThrough = node.file?.uncommitted === true;
  node.metaDirty = true;
  writeName(state, node, lfsPath(pathOf(state, node)), node.onDisk, attrs);
  node.onDisk = true;
  links.generation = generation;
  for (const place of links.others) {
    const path = lfsPath(childPath(state, place.dir, place.name));
    if (place.onDisk && place.generation === before && !isThrough) writeName(state, node, path, true, attrs);
    else state.lfs.writeFile(path, contentNow(state, node), { attrs });
    place.onDisk = true;
    place.generation = generation;
  }
  if (isAhead) settleContent(state, node);
  state.behind.delete(node);
  if (links.others.length > 0) return;
  forgetLinks(state, node);
  node.links = null;
}

/** Content as the own name has it on the image by now. */
function contentNow(state: VfsState, node: Node): Uint8Array | Iterable<Uint8Array> {
  const { file, size, target } = node;
  if (target !== null) return bytesOf(target);
  if (!node.isFile && !node.isLink) return noBytes;
  if (file !== null && file.bytes !== null && file.base === 0) return file.bytes.subarray(0, size);
  return piecesOf(state, lfsPath(pathOf(state, node)));
}

function* piecesOf(state: VfsState, path: LfsPath): Generator<Uint8Array> {
  const file = state.lfs.open(path, LFS_O_RDONLY);
  try {
    const piece = new Uint8Array(Math.min(PIECE, file.size()));
    for (let size = file.read(piece); size > 0; size = file.read(piece)) yield piece.subarray(0, size);
  } finally {
    file.abandon();
  }
}

/** What a file has ahead of the image, to one of its names. `isThere`: that has what all had before. */
function writeName(state: VfsState, node: Node, path: LfsPath, isThere: boolean, attrs: readonly AttrValue[]): void {
  const { file } = node;
  if (file === null || !file.isDirty) {
    // Links and special files are files to the engine, told apart by their mode.
    if (!isThere) state.lfs.writeFile(path, node.target === null ? noBytes : bytesOf(node.target), { attrs });
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
  dropHandle(file);
  if (isThere && (file.base > 0 || (dirtyFrom >= state.blockSize && node.size > state.inlineMax))) {
    const handle = state.lfs.open(path, LFS_O_RDWR);
    try {
      patch(node, file, handle);
      handle.setAttrs(attrs);
      handle.sync();
    } finally {
      handle.abandon();
    }
  } else {
    const all = bytes!;
    state.lfs.writeFile(path, node.size === all.length ? all : all.subarray(0, node.size), { attrs });
  }
}

/** A node without a name will never be written. */
export function forget(state: VfsState, node: Node): void {
  state.dirty.delete(node);
  uncache(state, node);
  if (node.file !== null) settle(state, node.file);
  giveBack(state, node);
}

export function mustWrite(state: VfsState): void {
  if (state.readOnly) throw new VfsError('EROFS');
}
