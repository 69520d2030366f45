/**
 * A file of the host, or a part of one, as a device.
 *
 * Calls go straight to the file: the host's page cache is the cache, so what is programmed is read back at once, here
 * and by other programs, and nothing is lost with this process. `sync` makes it survive the host as well.
 *
 * A file shorter than the device reads as erased behind its end. It grows when something is written there, and a gap
 * that this would leave is filled with the erased value first, since a hole in a file reads as zeros.
 *
 * @module
 */

import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { BlockDevice } from '../../lfs/device.ts';
import { invalid, LfsError } from '../../lfs/errors.ts';
import { checkGeometry, fits, type Geometry, misplaced, optionsOf, shown, wholeNumber } from '../geometry.ts';
import { type FileLock, lockFile } from './lock.ts';

export interface FileDeviceOptions {
  readonly blockSize: number;
  /** Default: as many as `length`, or the file from `offset` on, fills; the last one perhaps in part. */
  readonly blockCount?: number | undefined;
  readonly readSize?: number | undefined;
  readonly progSize?: number | undefined;
  /** Byte of the file at which the device begins (default 0). */
  readonly offset?: number | undefined;
  /** Bytes of the file that belong to the device: a multiple of `blockSize` when nothing else says `blockCount`. */
  readonly length?: number | undefined;
  /** Open for reading only: no lock, and writing is refused (default false). */
  readonly readOnly?: boolean | undefined;
  /** Make the file if there is none (default false). */
  readonly create?: boolean | undefined;
  /** Keep a second writer out with a file `<path>.lock` (default true). */
  readonly lock?: boolean | undefined;
  /**
   * Leave the gap between the end of a short file and what is written behind it as a hole, which reads as zeros and
   * takes no room, instead of filling it with 0xff (default false). For images much larger than what is in them.
   */
  readonly sparse?: boolean | undefined;
}

const erasedValue = 0xff;
const fillBytes = 1024 * 1024;

export class FileDevice implements BlockDevice {
  readonly path: string;
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly offset: number;
  readonly readOnly: boolean;
  /** A regular file gives back what was written to it. A device node may stand for anything. */
  readonly progVerified: boolean;

  #fd: number;
  #lock: FileLock | undefined;
  readonly #sparse: boolean;
  /** Where the file ends, in bytes. */
  #end: number;
  #erasedBlock: Uint8Array | undefined;
  /** The file is new: its name is not durable before its directory is. */
  #nameUnsynced = false;

  /** Opens a file of the host. What the host refuses is thrown as the host says it (`ENOENT`, `EACCES` ...). */
  static open(path: string, options: FileDeviceOptions): FileDevice {
    const checked = checkOptions(path, options);
    const { readOnly = false, create = false, lock = true } = options;
    const { fd, isNew } = openFile(path, readOnly, create);
    let held: FileLock | undefined;
    try {
      const stats = fstatSync(fd, { bigint: true });
      if (stats.isDirectory()) throw invalid(`path is ${shown(path)}, which is a directory: it must be a file`);
      if (!readOnly && lock) held = lockFile(realpathSync(path), stats);
      const device = new FileDevice(path, fd, held, stats, geometryOf(checked, Number(stats.size), path), options);
      device.#nameUnsynced = isNew;
      return device;
    } catch (error) {
      closeSync(fd);
      // Our new and empty file goes again, unless another writer was quicker to lock it: then it is theirs.
      if (isNew && (held !== undefined || !lock)) rmSync(path, { force: true });
      held?.release();
      throw error;
    }
  }

  private constructor(
    path: string,
    fd: number,
    lock: FileLock | undefined,
    stats: BigIntStats,
    geometry: Geometry,
    { offset = 0, readOnly = false, sparse = false }: FileDeviceOptions,
  ) {
    this.path = path;
    this.blockSize = geometry.blockSize;
    this.blockCount = geometry.blockCount;
    this.readSize = geometry.readSize;
    this.progSize = geometry.progSize;
    this.offset = offset;
    this.readOnly = readOnly;
    this.progVerified = stats.isFile();
    this.#fd = fd;
    this.#lock = lock;
    this.#sparse = sparse;
    // A device node has no size to speak of: the host decides there what can be read.
    this.#end = stats.isFile() ? Number(stats.size) : Number.MAX_SAFE_INTEGER;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    const size = target.length;
    if (!fits(block, offset, size, this.blockSize, this.blockCount, this.readSize)) {
      throw misplaced('read', this, block, offset, target);
    }
    this.#needOpen('read');
    const at = this.offset + block * this.blockSize + offset;
    let done = 0;
    try {
      while (done < size) {
        const got = readSync(this.#fd, target, done, size - done, at + done);
        if (got === 0) break;
        done += got;
      }
    } catch (cause) {
      throw this.#failed('read', block, offset, cause);
    }
    if (done < size) target.fill(erasedValue, done);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    if (!fits(block, offset, source.length, this.blockSize, this.blockCount, this.progSize)) {
      throw misplaced('prog', this, block, offset, source);
    }
    this.#write('prog', block, offset, source);
  }

  erase(block: number): void {
    if (!fits(block, 0, 0, this.blockSize, this.blockCount, 1)) throw misplaced('erase', this, block);
    this.#erasedBlock ??= new Uint8Array(this.blockSize).fill(erasedValue);
    this.#write('erase', block, 0, this.#erasedBlock);
  }

  sync(): void {
    this.#needOpen('sync');
    if (this.readOnly) return;
    try {
      fdatasyncSync(this.#fd);
      if (this.#nameUnsynced && process.platform !== 'win32') syncFolder(dirname(this.path));
      this.#nameUnsynced = false;
    } catch (cause) {
      throw this.#failed('sync', undefined, undefined, cause);
    }
  }

  /** Lets the file and its lock go. What was written is in the file; `sync` first for it to be on the disk. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    try {
      closeSync(fd);
    } finally {
      this.#lock?.release();
      this.#lock = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #write(call: 'prog' | 'erase', block: number, offset: number, bytes: Uint8Array): void {
    this.#needOpen(call);
    if (this.readOnly) {
      const message = `${call} of block ${block}: ${this.path} was opened read-only`;
      throw new LfsError('LFS_ERR_INVAL', message, { block, offset });
    }
    const at = this.offset + block * this.blockSize + offset;
    try {
      if (at > this.#end && !this.#sparse) this.#fillTo(at);
      this.#writeAll(bytes, at);
    } catch (cause) {
      throw this.#failed(call, block, offset, cause);
    }
  }

  #writeAll(bytes: Uint8Array, at: number): void {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done);
      if (at + done > this.#end) this.#end = at + done;
    }
  }

  #fillTo(at: number): void {
    const filler = new Uint8Array(Math.min(fillBytes, at - this.#end)).fill(erasedValue);
    while (this.#end < at) this.#writeAll(filler.subarray(0, Math.min(filler.length, at - this.#end)), this.#end);
  }

  #needOpen(call: string): void {
    if (this.#fd < 0) throw new LfsError('LFS_ERR_IO', `${call}: ${this.path} is closed`);
  }

  #failed(call: string, block: number | undefined, offset: number | undefined, cause: unknown): LfsError {
    const place = block === undefined ? '' : ` block ${block}, offset ${offset}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new LfsError('LFS_ERR_IO', `${call}${place} of ${this.path} failed: ${why}`, {
      ...(block === undefined ? {} : { block }),
      ...(offset === undefined ? {} : { offset }),
      cause,
    });
  }
}

function openFile(path: string, readOnly: boolean, create: boolean): { fd: number; isNew: boolean } {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
  if (create) {
    try {
      return { fd: openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o666), isNew: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return { fd: openSync(path, readOnly ? O_RDONLY : O_RDWR), isNew: false };
}

function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Everything that can be wrong without looking at the file. */
function checkOptions(path: string, options: FileDeviceOptions): FileDeviceOptions {
  if (typeof path !== 'string' || path === '') throw invalid(`path is ${shown(path)}: it must be the name of a file`);
  const { blockSize, blockCount, offset, length, readOnly, create } = optionsOf('FileDevice.open', options);
  checkGeometry({ ...options, blockCount: blockCount ?? 1 });
  wholeNumber('offset', offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  if (length !== undefined) {
    wholeNumber('length', length, 1, Number.MAX_SAFE_INTEGER);
    if (blockCount === undefined && length % blockSize !== 0) {
      throw invalid(`length is ${length}: it must be a multiple of blockSize, which is ${blockSize}`);
    }
    if (blockCount !== undefined && blockCount * blockSize > length) {
      throw invalid(
        `blockCount is ${blockCount}: length ${length} has room for ${Math.floor(length / blockSize)} blocks`,
      );
    }
  }
  if (readOnly === true && create === true)
    throw invalid('create and readOnly are both true: a new file has no content');
  return options;
}

function geometryOf(options: FileDeviceOptions, fileSize: number, path: string): Geometry {
  const { blockSize, offset = 0, length } = options;
  const blockCount = options.blockCount ?? Math.ceil((length ?? fileSize - offset) / blockSize);
  if (blockCount < 1) {
    throw invalid(
      `blockCount is missing: ${path} has ${fileSize} bytes, none from offset ${offset} on to count blocks from`,
    );
  }
  return checkGeometry({ ...options, blockCount });
}
