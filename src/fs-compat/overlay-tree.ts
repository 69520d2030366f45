/**
 * Two layers seen as one tree: what is where, and how an entry of the lower layer gets into the upper one.
 *
 *   - a name is the upper layer's where it has it, else the lower layer's, unless that was removed;
 *   - a directory that is in both has the names of both;
 *   - nothing is ever changed in the lower layer: what is to be changed is raised, with the directories it is in.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { VfsError } from '../vfs/errno.ts';
import { O_CREAT, O_EXCL, O_WRONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../vfs/flags.ts';
import { decodeName, nameOfPath } from '../vfs/name.ts';
import type { PathLike, Stat } from '../vfs/posix.ts';
import type { Layer } from './overlay-layer.ts';

const LINKS_MAX = 40;
const PIECE_BYTES = 1 << 20;

/** A place in the tree: what the layers have there, as far as it is seen. */
export interface Spot {
  /** Absolute, without links. */
  readonly path: string;
  readonly parent: Spot | undefined;
  upper: Stat | undefined;
  readonly lower: Stat | undefined;
  /** The lower layer has something by this name, shown or covered: it must be noted when the name goes. */
  readonly covers: boolean;
}

export function statOf(spot: Spot): Stat | undefined {
  return spot.upper ?? spot.lower;
}

export function isDir(stat: Stat | undefined): boolean {
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFDIR;
}

export function isLink(stat: Stat | undefined): boolean {
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFLNK;
}

export class OverlayTree {
  readonly lower: Layer;
  readonly upper: Layer;
  readonly removed: Set<string>;
  cwd: () => string = () => '/';

  constructor(lower: Layer, upper: Layer, removed: Set<string>) {
    this.lower = lower;
    this.upper = upper;
    this.removed = removed;
  }

  /** Where a path leads. The last name may be missing; all before it must be directories. */
  find(path: PathLike, follow: boolean): Spot {
    const given = typeof path === 'string' ? path : decodeName(nameOfPath(path));
    if (given === '') throw new VfsError('ENOENT');
    const text = given.startsWith('/') ? given : `${this.cwd()}/${given}`;
    const mustBeDir = /\/\.{0,2}$/.test(text);
    const todo = text.split('/').reverse();
    let spot = this.#root();
    for (let links = 0; todo.length > 0; ) {
      const name = todo.pop()!;
      if (name === '' || name === '.') continue;
      const here = statOf(spot);
      if (here === undefined) throw new VfsError('ENOENT');
      if (!isDir(here)) throw new VfsError('ENOTDIR');
      if (name === '..') {
        spot = spot.parent ?? spot;
        continue;
      }
      const next = this.child(spot, name);
      const isLast = todo.every((rest) => rest === '');
      if (!isLink(statOf(next)) || (isLast && !follow && !mustBeDir)) {
        spot = next;
        continue;
      }
      if (++links > LINKS_MAX) throw new VfsError('ELOOP');
      const target = this.readlink(next);
      todo.push(...target.split('/').reverse());
      if (target.startsWith('/')) spot = this.#root();
    }
    if (mustBeDir && statOf(spot) !== undefined && !isDir(statOf(spot))) throw new VfsError('ENOTDIR');
    return spot;
  }

  /** As `find`, of what is there. */
  existing(path: PathLike, follow: boolean): Spot & { readonly stat: Stat } {
    const spot = this.find(path, follow);
    const stat = statOf(spot);
    if (stat === undefined) throw new VfsError('ENOENT');
    return Object.assign(spot, { stat });
  }

  child(parent: Spot, name: string): Spot {
    const path = parent.path === '/' ? `/${name}` : `${parent.path}/${name}`;
    const upper = isDir(parent.upper) ? this.upper.lstat(path) : undefined;
    const below = isDir(parent.lower) && !this.removed.has(path) ? this.lower.lstat(path) : undefined;
    const shown = upper === undefined || (isDir(upper) && isDir(below)) ? below : undefined;
    return { path, parent, upper, lower: shown, covers: below !== undefined };
  }

  /** The names in a directory, of both layers. */
  names(spot: Spot): string[] {
    const names = new Set(isDir(spot.upper) ? this.upper.names(spot.path) : []);
    if (isDir(spot.lower)) {
      const prefix = spot.path === '/' ? '/' : `${spot.path}/`;
      for (const name of this.lower.names(spot.path)) if (!this.removed.has(prefix + name)) names.add(name);
    }
    return [...names];
  }

  readlink(spot: Spot): string {
    return String((spot.upper === undefined ? this.lower : this.upper).call('readlinkSync', spot.path));
  }

  /** Puts into the upper layer what is only in the lower one; of a file, with `empty`, no content. */
  raise(spot: Spot, empty = false): void {
    const { path, parent, lower: from } = spot;
    if (spot.upper !== undefined || from === undefined) return;
    if (parent !== undefined) this.raise(parent);
    const { upper } = this;
    // Another spot of the same place may have been raised since.
    spot.upper = upper.lstat(path);
    if (spot.upper !== undefined) return;
    if (isDir(from)) upper.call('mkdirSync', path, { mode: from.mode & 0o7777 });
    else if (isLink(from)) upper.call('symlinkSync', this.readlink(spot), path);
    else if ((from.mode & S_IFMT) === S_IFREG) this.#raiseContent(path, empty);
    else throw new VfsError('EPERM', `${path} is neither file, directory nor link: it stays in the lower layer`);
    upper.dress(path, from);
    spot.upper = upper.lstat(path);
    // Nothing has come to the directory for whoever looks at both layers.
    if (parent?.upper !== undefined) upper.dress(parent.path, parent.upper);
  }

  /** As `raise`, with all that is in a directory. */
  raiseAll(spot: Spot): void {
    this.raise(spot);
    if (!isDir(spot.upper)) return;
    for (const name of this.names(spot)) this.raiseAll(this.child(spot, name));
    if (spot.lower !== undefined) this.upper.dress(spot.path, spot.upper!);
  }

  #raiseContent(path: string, empty: boolean): void {
    const { upper } = this;
    const to = upper.open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      if (!empty) this.#copy(path, to);
      upper.call('closeSync', to);
    } catch (error) {
      // Half a file must not cover the whole one.
      try {
        upper.call('closeSync', to);
      } finally {
        upper.call('unlinkSync', path);
      }
      throw error;
    }
  }

  #copy(path: string, to: number): void {
    const { lower, upper } = this;
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const from = lower.open(path, 0, 0);
    try {
      for (;;) {
        const count = lower.call('readSync', from, piece, 0, PIECE_BYTES, null) as number;
        if (count === 0) return;
        for (let at = 0; at < count; ) at += upper.call('writeSync', to, piece, at, count - at, null) as number;
      }
    } finally {
      lower.call('closeSync', from);
    }
  }

  #root(): Spot {
    const upper = this.upper.lstat('/');
    const lower = this.lower.lstat('/');
    return { path: '/', parent: undefined, upper, lower, covers: lower !== undefined };
  }
}
