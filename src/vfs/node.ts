/**
 * A node: one file, directory, link or special file while it is known, whatever names it goes by.
 *
 * A node keeps its number and its identity for as long as the file system is mounted; what lies on the image under its
 * name is brought in step with it by `store.ts`:
 *
 *   on disk, clean      the image says the same
 *   on disk, dirty      attributes (`metaDirty`) or content (`file.dirtyFrom`) are ahead of the image
 *   not on disk         made here, and not written yet; for a directory all its children are known
 *   gone                no name any more, but the image does not know that yet (`gone` of its directory)
 *   unlinked            no name any more (`parent` is null): lives until the last descriptor is closed
 *
 * Its fields are those of `Stat`, so that it answers as one.
 *
 * @module
 */

import type { FileContent } from './file-content.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from './flags.ts';
import type { Links } from './links.ts';
import type { DirectoryEntry, Name, Stat } from './posix.ts';

let lastDevice = 0x1f5000;

/** A number for `st_dev`, a new one for each file system. */
export function newDevice(): number {
  return ++lastDevice;
}

export class Node implements Stat {
  readonly dev: number;
  readonly ino: number;
  mode: number;
  uid = 0;
  gid = 0;
  rdev = 0;
  size = 0;
  readonly blksize: number;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  birthtimeSec = 0;
  birthtimeNsec = 0;

  /** The directory it is in, and its name there; the root is its own parent. */
  parent: Node | null = null;
  name: Name = '';
  onDisk = false;
  /** Of what has, or had, more names than this one. */
  links: Links | null = null;
  metaDirty = false;
  /** Descriptors and others that hold it. */
  holders = 0;
  /** Space that writing it to the image may take: blocks for data, bytes of metadata. */
  reservedBlocks = 0;
  reservedBytes = 0;

  /** Of a directory: what is known of it. */
  children: Map<Name, Node> | null = null;
  /** Every child is in `children`. */
  complete = false;
  /** Names that the image still has and the directory has not: what they stood for, to be removed by the next flush. */
  gone: Map<Name, Node> | null = null;
  /** What a listing said last; `null` when it may be different now. */
  listing: readonly DirectoryEntry[] | null = null;
  /** Directories in it; -1 while nobody has counted. */
  subdirectories = -1;
  /** Of a directory: its path on the image as of `pathVersion`. */
  path = '';
  pathVersion = -1;

  /** Of a regular file. */
  file: FileContent | null = null;
  /** Of a symbolic link. */
  target: Name | null = null;

  constructor(dev: number, ino: number, mode: number, blksize: number) {
    this.dev = dev;
    this.ino = ino;
    this.mode = mode;
    this.blksize = blksize;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  get isFile(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  get isLink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }

  get nlink(): number {
    if (this.parent === null) return 0;
    if (this.isDirectory) return 2 + Math.max(0, this.subdirectories);
    return this.links === null ? 1 : 1 + this.links.others.length;
  }

  get blocks(): number {
    return this.isDirectory ? (2 * this.blksize) / 512 : Math.ceil(this.size / 512);
  }

  addChild(name: Name, child: Node): void {
    this.children!.set(name, child);
    this.listing = null;
    child.parent = this;
    child.name = name;
  }

  dropChild(child: Node): void {
    this.children!.delete(child.name);
    this.listing = null;
    child.parent = null;
  }
}
