/**
 * What is known of a regular file's content; `content.ts` has the states it goes through.
 *
 * @module
 */

import type { LfsFile } from '../lfs/files.ts';
import type { Node } from './node.ts';
import type { VfsState } from './state.ts';

/** Clean content kept in memory: of one file, and in all. Where the image is in memory too there is no need to be mean. */
const kept = {
  close: { eachMax: 64 * 1024, max: 16 * 1024 * 1024 },
  fsync: { eachMax: 32 * 1024 * 1024, max: 64 * 1024 * 1024 },
} as const;

export class FileContent {
  /** The file from `base` on, as far as the node's size; `null` while only the image has it. */
  bytes: Uint8Array | null = null;
  /** 0, or, for a large file that is only added to, where in it `bytes` begins. */
  base = 0;
  /** From here on the image has something else. */
  dirtyFrom: number = Number.POSITIVE_INFINITY;
  handle: LfsFile | null = null;
  /** The handle has what no commit has. */
  uncommitted = false;

  /** What of it counts as memory that is ahead of the image. */
  counted = 0;

  get isDirty(): boolean {
    return this.uncommitted || this.dirtyFrom !== Number.POSITIVE_INFINITY;
  }
}

export function contentOf(node: Node): FileContent {
  node.file ??= new FileContent();
  return node.file;
}

/** Writes what is ahead of the image to an engine's handle. */
export function patch(node: Node, file: FileContent, handle: LfsFile): void {
  const { dirtyFrom } = file;
  if (dirtyFrom === Number.POSITIVE_INFINITY) return;
  if (handle.size() > dirtyFrom) handle.truncate(dirtyFrom);
  handle.seek(dirtyFrom);
  if (node.size > dirtyFrom) handle.write(file.bytes!, dirtyFrom - file.base, node.size - dirtyFrom);
}

export function dropHandle(file: FileContent): void {
  file.handle?.abandon();
  file.handle = null;
  file.uncommitted = false;
}

/** Its bytes do not count as kept any more. */
export function uncache(state: VfsState, node: Node): void {
  const size = state.cached.get(node);
  if (size === undefined) return;
  state.cached.delete(node);
  state.cachedBytes -= size;
}

export function dropBytes(state: VfsState, node: Node, file: FileContent): void {
  file.bytes = null;
  file.base = 0;
  uncache(state, node);
}

/** The image has everything. */
export function settle(state: VfsState, file: FileContent): void {
  file.dirtyFrom = Number.POSITIVE_INFINITY;
  state.dirtyBytes -= file.counted;
  file.counted = 0;
}

/** A clean file's bytes stay in memory as long as there are not too many of them. */
export function keepClean(state: VfsState, node: Node): void {
  const file = node.file!;
  const { eachMax, max } = kept[state.durability];
  if (file.base > 0 || (node.size > eachMax && node.holders === 0)) {
    dropBytes(state, node, file);
    return;
  }
  uncache(state, node);
  state.cached.set(node, node.size);
  state.cachedBytes += node.size;
  if (state.cachedBytes <= max) return;
  for (const each of state.cached.keys()) {
    if (state.cachedBytes <= max || each === node) return;
    uncache(state, each);
    const other = each.file;
    if (other !== null && !other.isDirty && each.parent !== null && each.onDisk) other.bytes = null;
  }
}
