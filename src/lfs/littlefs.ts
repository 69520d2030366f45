/**
 * The engine's face: C's calls in camel case, on a mounted file system.
 *
 * Every call runs to its end before it returns, so there is nothing to lock.
 *
 * @module
 */

import { INLINE_BLOCK } from './cache.ts';
import type { LfsConfig } from './config.ts';
import { describe } from './config.ts';
import type { BlockDevice } from './device.ts';
import { type LfsDir, openDir } from './dir.ts';
import { attrCensus, findEntry, type LfsEntry, listEntries, metadataDigest, visitPairs } from './entries.ts';
import { invalid } from './errors.ts';
import { LfsFile, type OpenOptions, openFile } from './files.ts';
import { format } from './format.ts';
import type { Lfs } from './lfs.ts';
import { collectGarbage, fsSize, fsStat, grow, type LfsFsInfo } from './maintain.ts';
import { rememberAll } from './memo.ts';
import { mount } from './mount.ts';
import { type LfsInfo, makeDirectory, remove, rename, stat } from './names.ts';
import type { LfsPath } from './path.ts';
import { makeConsistent } from './repair.ts';
import { checkMounted, checkReadable, transact } from './transact.ts';
import { visitBlocks } from './traverse.ts';
import { type AttrValue, getAttr, type LfsAttr, listAttrs, removeAttr, setAttr, setAttrs } from './user-attrs.ts';
import { readWhole, writeWhole } from './whole-file.ts';

export class LittleFS {
  readonly #lfs: Lfs;

  private constructor(lfs: Lfs) {
    this.#lfs = lfs;
  }

  /** Makes a new, empty file system. What was on the device is gone. */
  static format(device: BlockDevice, config: LfsConfig = {}): void {
    format(device, config);
  }

  /** Mounts what is on the device. Writes nothing. */
  static mount(device: BlockDevice, config: LfsConfig = {}): LittleFS {
    return new LittleFS(mount(device, config));
  }

  /** Grows with every commit: whoever keeps what was read knows by it that it may be old. */
  get commitCount(): number {
    return this.#lfs.commits;
  }

  /** Files of up to so many bytes live in their directory and take no block of their own. */
  get inlineMax(): number {
    return this.#lfs.inlineMax;
  }

  get device(): BlockDevice {
    return this.#lfs.device;
  }

  /** Ends the mount. Files still open lose what was not synced. */
  unmount(): void {
    const lfs = this.#lfs;
    checkMounted(lfs);
    if (lfs.poison === null) rememberAll(lfs);
    lfs.mounted = false;
    if (lfs.files.length > 0) lfs.files.length = 0;
    if (lfs.dirs.length > 0) lfs.dirs.length = 0;
    lfs.release();
  }

  [Symbol.dispose](): void {
    if (this.#lfs.mounted) this.unmount();
  }

  stat(path: LfsPath): LfsInfo {
    checkReadable(this.#lfs);
    return stat(this.#lfs, path);
  }

  /** With `attrs`, they appear together with the directory. */
  mkdir(path: LfsPath, { attrs }: { readonly attrs?: readonly AttrValue[] | undefined } = {}): void {
    transact(this.#lfs, () => makeDirectory(this.#lfs, path, attrs));
  }

  /** Removes a file or an empty directory. */
  remove(path: LfsPath): void {
    transact(this.#lfs, () => remove(this.#lfs, path));
  }

  /** Moves; a file replaces a file, a directory an empty directory. All or nothing, also under a power cut. */
  rename(from: LfsPath, to: LfsPath): void {
    transact(this.#lfs, () => rename(this.#lfs, from, to));
  }

  /** A user attribute, or `undefined` where there is none. */
  getAttr(path: LfsPath, type: number): Uint8Array | undefined {
    checkReadable(this.#lfs);
    return getAttr(this.#lfs, path, type);
  }

  setAttr(path: LfsPath, type: number, bytes: Uint8Array): void {
    transact(this.#lfs, () => setAttr(this.#lfs, path, type, bytes));
  }

  removeAttr(path: LfsPath, type: number): void {
    transact(this.#lfs, () => removeAttr(this.#lfs, path, type));
  }

  listAttrs(path: LfsPath): LfsAttr[] {
    checkReadable(this.#lfs);
    return listAttrs(this.#lfs, path);
  }

  /** Sets several attributes, and takes away those whose value is `null`, in one commit. */
  setAttrs(path: LfsPath, attrs: readonly AttrValue[]): void {
    transact(this.#lfs, () => setAttrs(this.#lfs, path, attrs));
  }

  /** How many entries have an attribute of which type and size: `'116:4'` -> 12. */
  attrCensus(): Map<string, number> {
    checkReadable(this.#lfs);
    return attrCensus(this.#lfs);
  }

  /** An entry with its attributes, or `undefined`. Where a name on the way is no directory it throws, as `stat` does. */
  find(path: LfsPath): LfsEntry | undefined {
    checkReadable(this.#lfs);
    return findEntry(this.#lfs, path);
  }

  /** The entries of a directory, without `.` and `..`. */
  list(path: LfsPath): LfsEntry[] {
    checkReadable(this.#lfs);
    return listEntries(this.#lfs, path);
  }

  /** The same text for images whose metadata say the same to a mount, whatever bytes lie where nobody reads. */
  metadataDigest(): string {
    checkReadable(this.#lfs);
    return metadataDigest(this.#lfs);
  }

  readFile(path: LfsPath): Uint8Array {
    checkReadable(this.#lfs);
    return readWhole(this.#lfs, path);
  }

  /** Creates or replaces a file: entry, content (in pieces, if it is large) and attributes come in one commit, all or nothing. */
  writeFile(
    path: LfsPath,
    bytes: Uint8Array | Iterable<Uint8Array>,
    { attrs }: { readonly attrs?: readonly AttrValue[] | undefined } = {},
  ): void {
    transact(this.#lfs, () => writeWhole(this.#lfs, path, bytes, attrs));
  }

  open(path: LfsPath, flags: number, options?: OpenOptions): LfsFile {
    checkReadable(this.#lfs);
    return new LfsFile(this.#lfs, openFile(this.#lfs, path, flags, options), flags);
  }

  openDir(path: LfsPath): LfsDir {
    checkReadable(this.#lfs);
    return openDir(this.#lfs, path);
  }

  fsStat(): LfsFsInfo {
    checkReadable(this.#lfs);
    return fsStat(this.#lfs);
  }

  /** Blocks in use. */
  fsSize(): number {
    checkReadable(this.#lfs);
    return fsSize(this.#lfs);
  }

  /** Calls `visit` for every block in use; one may come more than once. */
  traverse(visit: (block: number) => void): void {
    checkReadable(this.#lfs);
    if (typeof visit !== 'function') throw invalid(`visit is ${describe(visit)}; allowed: a function`);
    visitBlocks(this.#lfs, (block) => block !== INLINE_BLOCK && visit(block >>> 0), true);
  }

  /** Calls `visit` for both blocks of every metadata pair of the tree. */
  traverseMetadata(visit: (block: number) => void): void {
    checkReadable(this.#lfs);
    if (typeof visit !== 'function') throw invalid(`visit is ${describe(visit)}; allowed: a function`);
    visitPairs(this.#lfs, visit);
  }

  /** Finishes what a power cut left unfinished. Any write does this first. */
  makeConsistent(): void {
    transact(this.#lfs, () => makeConsistent(this.#lfs));
  }

  /** Does now what later writes would have to do. */
  gc(): void {
    transact(this.#lfs, () => collectGarbage(this.#lfs));
  }

  /** Changes the number of blocks; fewer, where none of those that go is in use. */
  grow(blockCount: number): void {
    transact(this.#lfs, () => grow(this.#lfs, blockCount));
  }
}
