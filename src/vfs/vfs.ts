/**
 * The POSIX layer's face: calls by path and by descriptor.
 *
 * Every call runs to its end before it returns. What a call does to the tree is in `tree.ts`, to content in
 * `content.ts`; here paths become nodes, descriptors files, and flags what they mean.
 *
 * @module
 */

import type { LittleFS } from '../lfs/littlefs.ts';
import { type Clock, touchRead } from './clock.ts';
import { readAll, readContent, replaceContent, truncateContent, writeContent } from './content.ts';
import { VfsError } from './errno.ts';
import { dropHandle } from './file-content.ts';
import {
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  W_OK,
  X_OK,
} from './flags.ts';
import { childPath, list, pathOf, readRoot, targetOf } from './image.ts';
import { hasLinkedNames } from './links.ts';
import { bytesOfName, nameOfPath } from './name.ts';
import type { Node } from './node.ts';
import { mayAccess, need, needOwner, withoutPrivileges } from './permissions.ts';
import type { ChangeEvent, DirectoryEntry, Name, PathLike, PosixFs, Stat, StatFs, TimeToSet } from './posix.ts';
import { type MetadataProfile, metadataProfiles, profileOf } from './profiles.ts';
import { freeBlocks } from './space.ts';
import { type Credentials, type Durability, VfsState } from './state.ts';
import {
  completeStat,
  emitChange,
  linkNode,
  makeLink,
  makeNode,
  removeDirectory,
  removeTree,
  renameNode,
  setMode,
  setNodeTimes,
  setOwner,
  unlinkNode,
} from './tree.ts';
import { type Found, nodeOf, placeOf, walk } from './walk.ts';
import { flushAll, flushNode, mustWrite } from './write-back.ts';

export interface VfsOptions {
  /** How modes, owners and times are kept; left out: as the image shows, else `'none'`. */
  readonly metadata?: MetadataProfile | undefined;
  /** When what was written is on the image: `'close'` (default) or `'fsync'`. */
  readonly durability?: Durability | undefined;
  readonly readOnly?: boolean | undefined;
  /** Files may have several names, each a copy on the image; left out: where some have. */
  readonly hardLinks?: boolean | undefined;
  /** Who uses it; 0, who may do everything, unless said. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly groups?: readonly number[] | undefined;
  /** Permission bits that new entries do not get: 0o022 unless said; a function is asked each time. */
  readonly umask?: number | (() => number) | undefined;
  /** Where relative paths begin; `/` unless said. */
  readonly cwd?: (() => string) | undefined;
  /** Milliseconds since 1970; the system's clock unless said. */
  readonly clock?: Clock | undefined;
  /** With `'fsync'`, how long changes may wait (100 ms unless said). */
  readonly flushDelayMs?: number | undefined;
  /** Memory that need not be cleared, where there is something quicker than `new Uint8Array`. */
  readonly allocate?: ((size: number) => Uint8Array) | undefined;
}

/** A file that somebody has opened. */
interface Description {
  readonly node: Node;
  readonly flags: number;
  readonly reads: boolean;
  readonly writes: boolean;
  position: number;
}

const FIRST_FD = 3;
const OPEN_MAX = 65536;
/** What Linux reads in one call, too. */
const READ_MAX = 0x7fffffff;

function endsInSlash(path: PathLike): boolean {
  return (typeof path === 'string' ? path.charCodeAt(path.length - 1) : path[path.length - 1]) === 0x2f;
}

interface Timers {
  setTimeout(work: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

function scheduler(delayMs: number): (work: () => void) => () => void {
  const timers = globalThis as unknown as Partial<Timers>;
  return (work) => {
    if (timers.setTimeout === undefined) return () => {};
    const timer = timers.setTimeout(work, delayMs);
    // A process that has nothing else to do may end.
    (timer as { unref?: () => void } | null)?.unref?.();
    return () => timers.clearTimeout?.(timer);
  };
}

function oneOf<T extends string>(name: string, value: T | undefined, allowed: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise;
  if (!allowed.includes(value))
    throw new VfsError('EINVAL', `${name} is ${JSON.stringify(value)}; allowed: ${allowed.join(', ')}`);
  return value;
}

export class Vfs implements PosixFs {
  readonly state: VfsState;
  /** Whose permissions count. */
  readonly who: Credentials;
  /** Whether `link` makes names. */
  readonly hardLinks: boolean;
  #umask: () => number;
  cwd: () => string;
  readonly #files: (Description | undefined)[] = [];
  #lowestFree = FIRST_FD;
  #closed = false;

  constructor(lfs: LittleFS, options: VfsOptions = {}) {
    const { uid = 0, gid = 0, groups = [], umask = 0o022, cwd = () => '/' } = options;
    const census = lfs.attrCensus();
    const hasLinks = hasLinkedNames(census);
    this.state = new VfsState({
      lfs,
      profile: oneOf('metadata', options.metadata, metadataProfiles, profileOf(census)),
      durability: oneOf('durability', options.durability, ['close', 'fsync'], 'close'),
      readOnly: options.readOnly ?? false,
      hasLinks,
      clock: options.clock ?? Date.now,
      schedule: scheduler(options.flushDelayMs ?? 100),
      allocate: options.allocate ?? ((size) => new Uint8Array(size)),
    });
    this.who = { uid, gid, groups };
    this.hardLinks = options.hardLinks ?? hasLinks;
    this.#umask = typeof umask === 'number' ? () => umask : umask;
    this.cwd = cwd;
    readRoot(this.state);
  }

  get umask(): number {
    return this.#umask();
  }

  set umask(bits: number) {
    this.#umask = () => bits & 0o777;
  }

  /** How modes, owners and times are kept on the image. */
  get metadata(): MetadataProfile {
    return this.state.profile;
  }

  get durability(): Durability {
    return this.state.durability;
  }

  #walk(path: PathLike, follow: boolean): Found {
    if (this.#closed) throw new VfsError('EBADF', 'the volume is closed');
    return walk(this.state, this.who, path, follow, this.cwd);
  }

  /** For calls about a name rather than what it stands for: a link at the end is not followed, slash or not. */
  #walkToName(path: PathLike): Found {
    if (!endsInSlash(path)) return this.#walk(path, false);
    const found = this.#walk(bytesOfName(nameOfPath(path).replace(/\/+$/, '') || '/'), false);
    found.slashed = true;
    return found;
  }

  /** For a file that may be created: with a slash behind it that can never be. */
  #walkToCreate(path: PathLike, follow: boolean): Found {
    if (!endsInSlash(path)) return this.#walk(path, follow);
    const found = this.#walkToName(path);
    throw new VfsError(found.error ?? 'EISDIR');
  }

  #node(path: PathLike, follow = true): Node {
    return nodeOf(this.#walk(path, follow));
  }

  #file(fd: number): Description {
    const file = this.#files[fd];
    if (file === undefined) throw new VfsError('EBADF');
    return file;
  }

  // ---- descriptors

  open(path: PathLike, flags: number, mode = 0o666): number {
    if ((flags & O_CREAT) !== 0 && (flags & O_DIRECTORY) !== 0) throw new VfsError('EINVAL');
    const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
    const found = (flags & O_CREAT) === 0 ? this.#walk(path, follow) : this.#walkToCreate(path, follow);
    return this.#describe(this.#openNode(found, flags, mode), flags);
  }

  #openNode(found: Found, flags: number, mode: number): Node {
    const { state, who } = this;
    const writes = (flags & O_ACCMODE) !== O_RDONLY;
    let { node } = found;
    if (found.error !== null) throw new VfsError(found.error);
    // A link led here whose target ends in one.
    if (found.slashed && (flags & O_CREAT) !== 0) throw new VfsError('EISDIR');
    if (node === null) {
      if ((flags & O_CREAT) === 0) throw new VfsError('ENOENT');
      return makeNode(state, who, found.dir, found.name, S_IFREG | (mode & 0o7777 & ~this.umask));
    }
    node = nodeOf(found);
    if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) throw new VfsError('EEXIST');
    if (node.isLink) throw new VfsError('ELOOP');
    if (node.isDirectory) {
      if (writes || (flags & (O_CREAT | O_TRUNC)) !== 0) throw new VfsError('EISDIR');
    } else if ((flags & O_DIRECTORY) !== 0) throw new VfsError('ENOTDIR');
    if (writes || (flags & O_TRUNC) !== 0) mustWrite(state);
    if (who.uid !== 0) {
      const access = flags & O_ACCMODE;
      need(node, who, (access !== O_WRONLY ? R_OK : 0) | (writes || (flags & O_TRUNC) !== 0 ? W_OK : 0));
    }
    if (!node.isFile && !node.isDirectory)
      throw new VfsError('ENXIO', 'only the kernel opens fifos, sockets and devices');
    if ((flags & O_TRUNC) !== 0 && node.isFile) this.#truncate(node, 0);
    return node;
  }

  #describe(node: Node, flags: number): number {
    const access = flags & O_ACCMODE;
    const files = this.#files;
    let fd = this.#lowestFree;
    while (files[fd] !== undefined) fd++;
    if (fd >= OPEN_MAX) throw new VfsError('EMFILE');
    node.holders++;
    files[fd] = { node, flags, reads: access !== O_WRONLY, writes: access !== O_RDONLY, position: 0 };
    this.#lowestFree = fd + 1;
    return fd;
  }

  close(fd: number): void {
    const file = this.#file(fd);
    this.#files[fd] = undefined;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    this.#release(file.node, file.writes);
  }

  /** One holder fewer; what was written is on the image then, if it is to be. */
  #release(node: Node, wrote: boolean): void {
    const { state } = this;
    node.holders--;
    try {
      if (wrote && state.durability === 'close' && state.dirty.has(node)) flushNode(state, node);
    } finally {
      const { file } = node;
      if (node.holders === 0 && file !== null && !file.uncommitted) dropHandle(file);
    }
  }

  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    if (!file.reads) throw new VfsError('EBADF');
    const { node } = file;
    if (node.isDirectory) throw new VfsError('EISDIR');
    const at = position < 0 ? file.position : position;
    const size = readContent(this.state, node, target, offset, length, at);
    if (position < 0) file.position = at + size;
    if (size > 0) touchRead(node, this.state.clock);
    return size;
  }

  readRest(fd: number): Uint8Array {
    const file = this.#file(fd);
    if (!file.reads) throw new VfsError('EBADF');
    if (file.node.isDirectory) throw new VfsError('EISDIR');
    const bytes = readAll(this.state, file.node, file.position);
    file.position += bytes.length;
    if (bytes.length > 0) touchRead(file.node, this.state.clock);
    return bytes;
  }

  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    if (!file.writes) throw new VfsError('EBADF');
    const { node, flags } = file;
    const appends = (flags & O_APPEND) !== 0;
    const at = appends ? node.size : position < 0 ? file.position : position;
    if (length > 0) this.#write(node, source, offset, length, at);
    // As on Linux, a descriptor that appends does so wherever it is told to write.
    if (position < 0 && length > 0) file.position = at + length;
    if ((flags & O_DSYNC) !== 0) flushNode(this.state, node);
    return length;
  }

  #write(node: Node, source: Uint8Array, offset: number, length: number, at: number): void {
    const { state, who } = this;
    writeContent(state, node, source, offset, length, at);
    if (who.uid !== 0 && (node.mode & 0o6000) !== 0) node.mode = withoutPrivileges(node, who);
    emitChange(state, node);
  }

  ftruncate(fd: number, size: number): void {
    const { node, writes } = this.#file(fd);
    if (!writes || !node.isFile) throw new VfsError('EINVAL');
    this.#truncate(node, size);
  }

  #truncate(node: Node, size: number): void {
    if (size < 0) throw new VfsError('EINVAL');
    mustWrite(this.state);
    truncateContent(this.state, node, size);
    if (this.who.uid !== 0 && (node.mode & 0o6000) !== 0) node.mode = withoutPrivileges(node, this.who);
    emitChange(this.state, node);
  }

  fstat(fd: number): Stat {
    return completeStat(this.state, this.#file(fd).node);
  }

  fsync(fd: number): void {
    flushNode(this.state, this.#file(fd).node);
  }

  fdatasync(fd: number): void {
    flushNode(this.state, this.#file(fd).node);
  }

  fchmod(fd: number, mode: number): void {
    setMode(this.state, this.who, this.#file(fd).node, mode);
  }

  fchown(fd: number, uid: number, gid: number): void {
    setOwner(this.state, this.who, this.#file(fd).node, uid, gid);
  }

  futimes(fd: number, atime: TimeToSet, mtime: TimeToSet): void {
    setNodeTimes(this.state, this.who, this.#file(fd).node, atime, mtime);
  }

  // ---- by path

  stat(path: PathLike): Stat {
    return completeStat(this.state, this.#node(path));
  }

  lstat(path: PathLike): Stat {
    return completeStat(this.state, this.#node(path, false));
  }

  probe(path: PathLike, follow: boolean): Stat | string {
    const found = this.#walk(path, follow);
    const { node } = found;
    if (node === null) return found.error ?? 'ENOENT';
    if (found.slashed && !node.isDirectory) return 'ENOTDIR';
    return completeStat(this.state, node);
  }

  chmod(path: PathLike, mode: number): void {
    setMode(this.state, this.who, this.#node(path), mode);
  }

  chown(path: PathLike, uid: number, gid: number): void {
    setOwner(this.state, this.who, this.#node(path), uid, gid);
  }

  lchown(path: PathLike, uid: number, gid: number): void {
    setOwner(this.state, this.who, this.#node(path, false), uid, gid);
  }

  utimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void {
    setNodeTimes(this.state, this.who, this.#node(path), atime, mtime);
  }

  lutimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void {
    setNodeTimes(this.state, this.who, this.#node(path, false), atime, mtime);
  }

  access(path: PathLike, mode: number): void {
    const node = this.#node(path);
    if ((mode & W_OK) !== 0 && this.state.readOnly) throw new VfsError('EROFS');
    if (!mayAccess(node, this.who, mode & (R_OK | W_OK | X_OK))) throw new VfsError('EACCES');
  }

  truncate(path: PathLike, size: number): void {
    const node = this.#node(path);
    if (node.isDirectory) throw new VfsError('EISDIR');
    if (!node.isFile) throw new VfsError('EINVAL');
    if (this.who.uid !== 0) need(node, this.who, W_OK);
    this.#truncate(node, size);
    this.#unheld(node);
  }

  /** Written without a descriptor: complete, as if one had been closed. */
  #unheld(node: Node): void {
    const { state } = this;
    if (state.durability === 'close' && node.holders === 0 && state.dirty.has(node)) flushNode(state, node);
  }

  mkdir(path: PathLike, mode = 0o777): void {
    const found = this.#walkToName(path);
    placeOf(found);
    makeNode(this.state, this.who, found.dir, found.name, S_IFDIR | (mode & 0o1777 & ~this.umask));
  }

  rmdir(path: PathLike): void {
    const found = this.#walkToName(path);
    const node = nodeOf(found);
    if (found.name === '.') throw new VfsError(node === this.state.root ? 'EBUSY' : 'EINVAL');
    if (found.name === '..') throw new VfsError('ENOTEMPTY');
    removeDirectory(this.state, this.who, node);
  }

  unlink(path: PathLike): void {
    const found = this.#walkToName(path);
    const node = nodeOf(found);
    if (node === this.state.root || found.name === '.' || found.name === '..') throw new VfsError('EISDIR');
    unlinkNode(this.state, this.who, found.dir, found.name, node);
  }

  rename(from: PathLike, to: PathLike): void {
    const source = this.#walkToName(from);
    if (source.error !== null && !source.atLast) throw new VfsError(source.error);
    const target = this.#walkToName(to);
    if (target.error !== null && !target.atLast) throw new VfsError(target.error);
    for (const { name } of [source, target]) {
      if (name === '.' || name === '..') throw new VfsError('EBUSY');
    }
    if (source.error !== null) throw new VfsError(source.error);
    if (source.node === null) throw new VfsError('ENOENT');
    if (target.error !== null) throw new VfsError(target.error);
    const node = nodeOf(source);
    if (target.slashed && !node.isDirectory) throw new VfsError('ENOTDIR');
    renameNode(this.state, this.who, node, source.dir, source.name, target.dir, target.name, target.node);
  }

  removeTree(path: PathLike): void {
    const node = nodeOf(this.#walkToName(path));
    if (!node.isDirectory || node === this.state.root) throw new VfsError(node.isDirectory ? 'EBUSY' : 'ENOTDIR');
    removeTree(this.state, this.who, node);
  }

  link(existing: PathLike, path: PathLike): void {
    const node = this.#node(existing, false);
    const found = this.#walkToName(path);
    placeOf(found);
    mustWrite(this.state);
    if (!this.hardLinks) throw new VfsError('EPERM', "a file has one name unless 'hardLinks' is set");
    if (found.slashed) throw new VfsError('ENOENT');
    linkNode(this.state, this.who, node, found.dir, found.name);
  }

  symlink(target: PathLike, path: PathLike): void {
    if (target.length === 0) throw new VfsError('ENOENT');
    const found = this.#walkToName(path);
    placeOf(found);
    if (found.slashed) throw new VfsError('ENOENT');
    makeLink(this.state, this.who, found.dir, found.name, nameOfPath(target));
  }

  readlink(path: PathLike): Name {
    const node = this.#node(path, false);
    if (!node.isLink) throw new VfsError('EINVAL');
    return targetOf(this.state, node);
  }

  mknod(path: PathLike, mode: number, rdev = 0): void {
    const found = this.#walkToName(path);
    placeOf(found);
    if (found.slashed) throw new VfsError('ENOENT');
    const kind = (mode & S_IFMT) === 0 ? S_IFREG : mode & S_IFMT;
    if (kind === S_IFDIR) throw new VfsError('EPERM');
    if (this.who.uid !== 0 && kind !== S_IFREG && kind !== S_IFIFO) throw new VfsError('EPERM');
    const node = makeNode(this.state, this.who, found.dir, found.name, kind | (mode & 0o7777 & ~this.umask), { rdev });
    this.#unheld(node);
  }

  readdir(path: PathLike): DirectoryEntry[] {
    const node = this.#node(path);
    if (!node.isDirectory) throw new VfsError('ENOTDIR');
    if (this.who.uid !== 0) need(node, this.who, R_OK);
    return list(this.state, node) as DirectoryEntry[];
  }

  realpath(path: PathLike): Name {
    const found = this.#walk(path, true);
    const node = nodeOf(found);
    return node.isDirectory ? pathOf(this.state, node) : childPath(this.state, found.dir, found.name);
  }

  statfs(path: PathLike): StatFs {
    this.#node(path);
    const { state } = this;
    const free = freeBlocks(state);
    return {
      type: 0x6c667332,
      bsize: state.blockSize,
      blocks: state.blockCount,
      bfree: free,
      bavail: free,
      files: 0,
      ffree: 0,
    };
  }

  // ---- whole files

  readFile(path: PathLike): Uint8Array {
    const node = this.#node(path);
    if (node.size > READ_MAX && node.isFile)
      throw new VfsError('EFBIG', `${node.size} bytes are too many for one call`);
    return this.#readNode(node);
  }

  #readNode(node: Node): Uint8Array {
    if (!node.isFile) throw new VfsError(node.isDirectory ? 'EISDIR' : 'ENXIO');
    if (this.who.uid !== 0) need(node, this.who, R_OK);
    const bytes = readAll(this.state, node, 0);
    const { file } = node;
    if (file !== null && file.handle !== null && node.holders === 0 && !file.uncommitted) dropHandle(file);
    touchRead(node, this.state.clock);
    return bytes;
  }

  writeFile(path: PathLike, data: Uint8Array, flags: number, mode: number): void {
    const { state } = this;
    const exclusive = (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL);
    const follow = !exclusive && (flags & O_NOFOLLOW) === 0;
    const found = (flags & O_CREAT) === 0 ? this.#walk(path, follow) : this.#walkToCreate(path, follow);
    const truncates = (flags & O_TRUNC) !== 0 && (flags & O_APPEND) === 0;
    const node = this.#openNode(found, truncates ? flags & ~O_TRUNC : flags, mode);
    if ((flags & O_ACCMODE) === O_RDONLY) throw new VfsError('EBADF');
    if (truncates && data.length > 0) {
      replaceContent(state, node, data);
      if (this.who.uid !== 0 && (node.mode & 0o6000) !== 0) node.mode = withoutPrivileges(node, this.who);
      emitChange(state, node);
    } else if (truncates) this.#truncate(node, 0);
    else if (data.length > 0) this.#write(node, data, 0, data.length, (flags & O_APPEND) !== 0 ? node.size : 0);
    this.#unheld(node);
    if ((flags & O_DSYNC) !== 0) flushNode(state, node);
  }

  copyFile(from: PathLike, to: PathLike, exclusive: boolean): void {
    const source = this.#node(from);
    if (this.who.uid !== 0) need(source, this.who, R_OK);
    const found = this.#walkToCreate(to, !exclusive);
    if (found.error !== null) throw new VfsError(found.error);
    if (found.node !== null && exclusive) throw new VfsError('EEXIST');
    if (source.isDirectory || found.node?.isDirectory === true) throw new VfsError('EISDIR');
    if (found.node !== null && this.who.uid !== 0) need(found.node, this.who, W_OK);
    if (found.node === source) return;
    if (found.node !== null && found.node.mode !== source.mode) needOwner(found.node, this.who);
    const data = this.#readNode(source);
    const flags = O_WRONLY | O_CREAT | O_TRUNC | (exclusive ? O_EXCL : 0);
    this.writeFile(to, data, flags, source.mode & 0o7777);
    const made = this.#node(to);
    if (made.mode !== source.mode) this.chmod(to, source.mode & 0o7777);
  }

  // ---- the whole

  sync(): void {
    flushAll(this.state);
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    const { listeners } = this.state;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Flushes, and ends every descriptor. */
  shut(): void {
    if (this.#closed) return;
    try {
      flushAll(this.state);
    } finally {
      this.#closed = true;
      this.state.unschedule?.();
      this.state.unschedule = null;
      for (const file of this.#files) if (file?.node.file != null) dropHandle(file.node.file);
      this.#files.length = 0;
    }
  }
}
