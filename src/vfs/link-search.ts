/**
 * Finding on the image which names are one file's: a walk over all of its tree, once, when the first of them is looked
 * up. What the names themselves say of their number may be out of date after a power cut; what is there is not.
 *
 * @module
 */

import { LfsError } from '../lfs/errors.ts';
import { isNewer, linkAttrOf } from './links.ts';
import { lfsPath } from './name.ts';
import type { Node } from './node.ts';
import type { Name } from './posix.ts';
import type { VfsState } from './state.ts';

const PIECE = 64 * 1024;
const LFS_O_RDONLY = 1;

export interface FoundName {
  /** Of the directory, from the root. */
  readonly dirs: readonly Name[];
  readonly name: Name;
  readonly generation: number;
}

/** All names of files that say that they have others, by id, the newest first. */
export function findLinkedNames(state: VfsState): Map<number, FoundName[]> {
  const found = new Map<number, FoundName[]>();
  const open: { dirs: Name[]; node: Node | null }[] = [{ dirs: [], node: state.root }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { dirs, node } = next;
    for (const entry of entriesOf(state, `/${dirs.join('/')}`)) {
      const name = entry.byteName;
      if (name === '.' || name === '..' || name === '' || name.includes('/') || name.includes('\0')) continue;
      if (node?.gone?.has(name) === true) continue;
      if (entry.type === 'dir') {
        const child = node?.children?.get(name) ?? null;
        if (child === null || (child.isDirectory && child.onDisk)) open.push({ dirs: [...dirs, name], node: child });
        continue;
      }
      const attr = linkAttrOf(entry);
      if (attr === null) continue;
      state.lastLinkId = Math.max(state.lastLinkId, attr.id);
      const names = found.get(attr.id);
      const each: FoundName = { dirs, name, generation: attr.generation };
      if (names === undefined) found.set(attr.id, [each]);
      else if (isNewer(attr.generation, names[0]!.generation)) names.unshift(each);
      else names.push(each);
    }
  }
  return found;
}

/** A directory that cannot be read hides its names from us as from everybody. */
function entriesOf(state: VfsState, path: Name): ReturnType<VfsState['lfs']['list']> {
  try {
    return state.lfs.list(lfsPath(path));
  } catch (error) {
    if (error instanceof LfsError) return [];
    throw error;
  }
}

/** Whether the image has the same bytes under two paths: other drivers write to one name and know nothing of others. */
export function sameContent(state: VfsState, one: Name, two: Name): boolean {
  const { lfs } = state;
  const files = [one, two].map((path) => lfs.open(lfsPath(path), LFS_O_RDONLY));
  const [a, b] = files as [(typeof files)[0], (typeof files)[0]];
  try {
    const size = a.size();
    if (b.size() !== size) return false;
    const length = Math.min(PIECE, size);
    const left = new Uint8Array(length);
    const right = new Uint8Array(length);
    for (let at = 0; at < size; at += length) {
      const count = a.read(left);
      b.read(right);
      for (let i = 0; i < count; i++) if (left[i] !== right[i]) return false;
    }
    return true;
  } finally {
    for (const file of files) file.abandon();
  }
}
