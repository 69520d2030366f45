/**
 * Opening files: flags, creation, and the handle that callers hold (C: lfs_file_opencfg and the calls on a file).
 *
 * @module
 */

import { describe, whole } from './config.ts';
import { invalid, LfsError } from './errors.ts';
import { FILE_MAX_DEFAULT } from './layout.ts';
import { fail, type Lfs } from './lfs.ts';
import { Entry } from './mdir.ts';
import { checkNameLength, nameChange } from './names.ts';
import { type FileAttr, OpenFile, readAttrsInto } from './open-file.ts';
import { type LfsPath, noEntry, shown, type Walk, walk } from './path.ts';
import { forceConsistency } from './repair.ts';
import { makeTag, type } from './tag.ts';
import { checkMounted, commitPair, transact } from './transact.ts';
import { type AttrValue, checkAttrType, checkAttrValues } from './user-attrs.ts';

export const O_RDONLY = 1;
export const O_WRONLY = 2;
export const O_RDWR = 3;
export const O_CREAT = 0x100;
export const O_EXCL = 0x200;
export const O_TRUNC = 0x400;
export const O_APPEND = 0x800;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;

export interface OpenOptions {
  /** Filled when the file is opened for reading, written with the data at every sync. */
  readonly attrs?: readonly FileAttr[] | undefined;
}

export function openFile(lfs: Lfs, path: LfsPath, flags: number, options: OpenOptions = {}): OpenFile {
  const known = O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND;
  if (typeof flags !== 'number' || (flags & known) !== flags || (flags & O_RDWR) === 0)
    throw invalid(
      `flags is ${describe(flags)}; allowed: O_RDONLY (1), O_WRONLY (2) or O_RDWR (3), with O_CREAT, O_EXCL, O_TRUNC, O_APPEND`,
    );
  if (typeof options !== 'object' || options === null)
    throw invalid(`options is ${describe(options)}; allowed: { attrs }`);
  const attrs = checkAttrs(lfs, options.attrs, (flags & O_WRONLY) !== 0);
  if ((flags & (O_WRONLY | O_CREAT)) === 0) return openEntry(lfs, path, flags, attrs);
  return transact(lfs, () => {
    forceConsistency(lfs);
    return openEntry(lfs, path, flags, attrs);
  });
}

function checkAttrs(
  lfs: Lfs,
  attrs: readonly FileAttr[] | undefined,
  writes: boolean,
): readonly FileAttr[] | undefined {
  if (attrs === undefined) return undefined;
  if (!Array.isArray(attrs)) throw invalid(`attrs is ${describe(attrs)}; allowed: an array of { type, buffer }`);
  const seen = new Set<number>();
  for (const attr of attrs) {
    checkAttrType(attr?.type);
    if (!(attr.buffer instanceof Uint8Array))
      throw invalid(`the buffer of attribute ${attr.type} is ${describe(attr.buffer)}; allowed: a Uint8Array`);
    if (seen.has(attr.type)) throw invalid(`attribute ${attr.type} is given twice`);
    seen.add(attr.type);
    if (writes && attr.buffer.length > lfs.attrMax)
      fail('LFS_ERR_NOSPC', `attribute ${attr.type} has ${attr.buffer.length} bytes; allowed: up to ${lfs.attrMax}`);
  }
  return attrs;
}

function openEntry(lfs: Lfs, path: LfsPath, flags: number, attrs: readonly FileAttr[] | undefined): OpenFile {
  const found = walk(lfs, path);
  const { entry } = found;
  if (found.isRoot) {
    if ((flags & O_EXCL) !== 0 && (flags & O_CREAT) !== 0) fail('LFS_ERR_EXIST', `'${shown(path)}' exists`);
    fail('LFS_ERR_ISDIR', `'${shown(path)}' is the root directory`);
  }
  if (entry !== null) checkExisting(entry, path, flags);

  const file = new OpenFile(lfs, entry ?? new Entry(null), (flags & O_APPEND) !== 0, attrs);
  lfs.files.push(file);
  try {
    if (entry === null) createEntry(lfs, found, path, flags, file.entry);
    else file.logErased = entry.mdir!.erased;
    if (entry !== null && (flags & O_TRUNC) !== 0) file.dirty = true;
    else file.load();
    if (attrs !== undefined) {
      if ((flags & O_RDONLY) !== 0) readAttrsInto(lfs, file.entry, attrs);
      if ((flags & O_WRONLY) !== 0 && attrs.length > 0) file.dirty = true;
    }
    return file;
  } catch (error) {
    file.release();
    throw error;
  }
}

export function checkExisting(entry: Entry, path: LfsPath, flags: number): void {
  if ((flags & O_EXCL) !== 0) fail('LFS_ERR_EXIST', `'${shown(path)}' exists`);
  if (entry.nameType === type.DIR) fail('LFS_ERR_ISDIR', `'${shown(path)}' is a directory`);
  if (entry.nameType !== type.REG)
    fail('LFS_ERR_ISDIR', `'${shown(path)}' is neither file nor directory (type ${entry.nameType})`);
}

function createEntry(lfs: Lfs, found: Walk, path: LfsPath, flags: number, entry: Entry): void {
  if (!found.creatable || (flags & O_CREAT) === 0) throw noEntry(path);
  if (found.slashed) fail('LFS_ERR_NOTDIR', `'${shown(path)}': a file cannot have a slash behind its name`);
  checkNameLength(lfs, found.name);
  const { id, mdir } = found.place();
  commitPair(lfs, mdir!, [
    { tag: makeTag(type.CREATE, id, 0), data: null, entry },
    nameChange(type.REG, id, found.name),
    { tag: makeTag(type.INLINESTRUCT, id, 0), data: null },
  ]);
}

/** An open file. */
export class LfsFile {
  readonly #lfs: Lfs;
  readonly #file: OpenFile;
  readonly #readable: boolean;
  readonly #writable: boolean;
  #closed = false;

  /** Made by `open`. */
  constructor(lfs: Lfs, file: OpenFile, flags: number) {
    this.#lfs = lfs;
    this.#file = file;
    this.#readable = (flags & O_RDONLY) !== 0;
    this.#writable = (flags & O_WRONLY) !== 0;
  }

  #check(): OpenFile {
    checkMounted(this.#lfs);
    if (this.#closed) throw new LfsError('LFS_ERR_BADF', 'the file is closed');
    return this.#file;
  }

  #checkWritable(): OpenFile {
    const file = this.#check();
    if (!this.#writable) throw new LfsError('LFS_ERR_BADF', 'the file is not open for writing');
    return file;
  }

  /** Reads at the position to `buffer[offset, offset + length)`; returns how many bytes there were. */
  read(buffer: Uint8Array, offset = 0, length: number = restOf(buffer, offset)): number {
    const file = this.#check();
    if (!this.#readable) throw new LfsError('LFS_ERR_BADF', 'the file is not open for reading');
    checkRange(buffer, offset, length);
    return file.read(buffer, offset, length);
  }

  /** Writes `buffer[offset, offset + length)` at the position. */
  write(buffer: Uint8Array, offset = 0, length: number = restOf(buffer, offset)): number {
    const file = this.#checkWritable();
    checkRange(buffer, offset, length);
    return transact(this.#lfs, () => file.write(buffer, offset, length));
  }

  /** Moves the position, also beyond the end; returns it. */
  seek(offset: number, whence: number = SEEK_SET): number {
    const file = this.#check();
    if (!Number.isInteger(offset)) throw invalid(`offset is ${describe(offset)}; allowed: whole numbers`);
    let base: number;
    if (whence === SEEK_SET) base = 0;
    else if (whence === SEEK_CUR) base = file.position;
    else if (whence === SEEK_END) base = file.currentSize;
    else throw invalid(`whence is ${describe(whence)}; allowed: SEEK_SET (0), SEEK_CUR (1), SEEK_END (2)`);
    const to = base + offset;
    if (to < 0 || to > this.#lfs.fileMax)
      throw invalid(`position ${to} is out of range; allowed: 0 to ${this.#lfs.fileMax}`);
    if (to !== file.position) file.seek(to);
    return to;
  }

  tell(): number {
    return this.#check().position;
  }

  rewind(): void {
    this.seek(0);
  }

  size(): number {
    return this.#check().currentSize;
  }

  /** Cuts the file, or fills it up with zeros. The position stays. */
  truncate(size: number): void {
    const file = this.#checkWritable();
    whole('size', size, 0, Math.max(FILE_MAX_DEFAULT, this.#lfs.fileMax));
    transact(this.#lfs, () => file.truncate(size));
  }

  /** Attributes to be written from now on, in place of those given to `open`. */
  setAttrs(attrs: readonly AttrValue[]): void {
    const file = this.#checkWritable();
    checkAttrValues(this.#lfs, attrs);
    file.attrs = attrs;
    if (attrs.length > 0) file.dirty = true;
  }

  /** Makes what was written, and the attributes, durable. */
  sync(): void {
    this.#sync(this.#check());
  }

  #sync(file: OpenFile): void {
    // A file that is only read has something to write when it was opened with O_TRUNC.
    if (this.#writable || file.wantsCommit) transact(this.#lfs, () => file.sync());
    else file.sync();
  }

  /** Syncs, unless a write failed since the last sync, and ends the handle. */
  close(): void {
    const file = this.#check();
    this.#closed = true;
    try {
      if (!file.isFailed) this.#sync(file);
    } finally {
      file.release();
    }
  }

  /** Ends the handle; what was not synced is lost. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.release();
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }
}

/** The default length; of wrong arguments anything, `checkRange` refuses them. */
function restOf(buffer: Uint8Array, offset: number): number {
  return buffer instanceof Uint8Array && typeof offset === 'number' ? buffer.length - offset : 0;
}

function checkRange(buffer: unknown, offset: number, length: number): void {
  if (!(buffer instanceof Uint8Array)) throw invalid(`buffer is ${describe(buffer)}; allowed: a Uint8Array`);
  whole('offset', offset, 0, buffer.length);
  whole('length', length, 0, buffer.length - offset);
}
