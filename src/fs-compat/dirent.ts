/**
 * `Dirent`, and names of entries in the encoding asked for.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { decodeName } from '../vfs/name.ts';
import type { DirectoryEntry, Name } from '../vfs/posix.ts';
import { constants } from './constants.ts';

const {
  UV_DIRENT_BLOCK,
  UV_DIRENT_CHAR,
  UV_DIRENT_DIR,
  UV_DIRENT_FIFO,
  UV_DIRENT_FILE,
  UV_DIRENT_LINK,
  UV_DIRENT_SOCKET,
  UV_DIRENT_UNKNOWN,
} = constants;

/** An entry of a directory. */
export class Dirent {
  name: string | Buffer;
  parentPath: string | Buffer;
  readonly #type: number;

  constructor(name: string | Buffer, type: number, path: string | Buffer) {
    this.name = name;
    this.parentPath = path;
    this.#type = type;
  }

  /** What `parentPath` was called before. */
  get path(): string | Buffer {
    return this.parentPath;
  }

  set path(value: string | Buffer) {
    Object.defineProperty(this, 'path', { value, enumerable: true, writable: true, configurable: true });
  }

  isDirectory(): boolean {
    return this.#type === UV_DIRENT_DIR;
  }

  isFile(): boolean {
    return this.#type === UV_DIRENT_FILE;
  }

  isBlockDevice(): boolean {
    return this.#type === UV_DIRENT_BLOCK;
  }

  isCharacterDevice(): boolean {
    return this.#type === UV_DIRENT_CHAR;
  }

  isSymbolicLink(): boolean {
    return this.#type === UV_DIRENT_LINK;
  }

  isFIFO(): boolean {
    return this.#type === UV_DIRENT_FIFO;
  }

  isSocket(): boolean {
    return this.#type === UV_DIRENT_SOCKET;
  }
}

const direntTypes: ReadonlyMap<number, number> = new Map([
  [constants.S_IFREG, UV_DIRENT_FILE],
  [constants.S_IFDIR, UV_DIRENT_DIR],
  [constants.S_IFLNK, UV_DIRENT_LINK],
  [constants.S_IFIFO, UV_DIRENT_FIFO],
  [constants.S_IFSOCK, UV_DIRENT_SOCKET],
  [constants.S_IFCHR, UV_DIRENT_CHAR],
  [constants.S_IFBLK, UV_DIRENT_BLOCK],
]);

export function toDirent(entry: DirectoryEntry, parent: string | Buffer, encoding: unknown): Dirent {
  return new Dirent(toEncoded(entry.name, encoding), direntTypes.get(entry.type) ?? UV_DIRENT_UNKNOWN, parent);
}

/** A name as callers want it: text, bytes for `'buffer'`, or its bytes in another encoding. */
export function toEncoded(name: Name, encoding: unknown): string | Buffer {
  if (!encoding || encoding === 'utf8' || encoding === 'utf-8') return decodeName(name);
  const bytes = Buffer.from(name, 'latin1');
  return encoding === 'buffer' ? bytes : bytes.toString(encoding as BufferEncoding);
}
