/**
 * An overlay's POSIX face: reading takes what the tree shows, changing raises it into the upper layer first.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { VfsError } from '../vfs/errno.ts';
import * as linux from '../vfs/flags.ts';
import { decodeName, encodeName, nameOfPath } from '../vfs/name.ts';
import type { ChangeEvent, DirectoryEntry, Name, PathLike, PosixFs, Stat, StatFs, TimeToSet } from '../vfs/posix.ts';
import type { Layer } from './overlay-layer.ts';
import { isDir, isLink, type OverlayTree, type Spot, statOf } from './overlay-tree.ts';

const { O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY, S_IFMT, S_IFDIR, W_OK } = linux;
const FIRST_FD = 3;
const REST_BYTES = 1 << 16;

interface OpenFile {
  readonly layer: Layer;
  readonly fd: number;
  readonly path: string;
}

export class OverlayPosix implements PosixFs {
  readonly #tree: OverlayTree;
  readonly #lower: Layer;
  readonly #upper: Layer;
  readonly #files: (OpenFile | undefined)[] = [];
  readonly #listeners = new Set<(event: ChangeEvent) => void>();
  umask: number = process.umask();

  constructor(tree: OverlayTree) {
    this.#tree = tree;
    this.#lower = tree.lower;
    this.#upper = tree.upper;
  }

  get cwd(): () => string {
    return this.#tree.cwd;
  }

  set cwd(cwd: () => string) {
    this.#tree.cwd = cwd;
  }

  open(path: PathLike, flags: number, mode = 0o666): number {
    const exclusive = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
    const writes = (flags & O_ACCMODE) !== 0 || (flags & O_TRUNC) !== 0;
    const spot = this.#tree.find(path, !exclusive && (flags & O_NOFOLLOW) === 0);
    const stat = statOf(spot);
    if (stat === undefined) {
      if ((flags & O_CREAT) === 0) throw new VfsError('ENOENT');
      if (/\/$/.test(decodeName(nameOfPath(path)))) throw new VfsError('EISDIR');
      this.#raiseParent(spot);
    } else {
      if (exclusive) throw new VfsError('EEXIST');
      if (isLink(stat)) throw new VfsError('ELOOP');
      if (isDir(stat) && (writes || (flags & O_CREAT) !== 0)) throw new VfsError('EISDIR');
      if (!isDir(stat) && (flags & O_DIRECTORY) !== 0) throw new VfsError('ENOTDIR');
      if (writes) this.#tree.raise(spot, (flags & O_TRUNC) !== 0);
    }
    const layer = stat === undefined || spot.upper !== undefined ? this.#upper : this.#lower;
    const own = layer.open(spot.path, stat === undefined ? flags : flags & ~O_CREAT, mode);
    if (stat === undefined) this.#tell('rename', spot.path);
    else if ((flags & O_TRUNC) !== 0) this.#tell('change', spot.path);
    let fd = FIRST_FD;
    while (this.#files[fd] !== undefined) fd++;
    this.#files[fd] = { layer, fd: own, path: spot.path };
    return fd;
  }

  close(fd: number): void {
    const file = this.#file(fd);
    this.#files[fd] = undefined;
    file.layer.call('closeSync', file.fd);
  }

  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    if (length === 0) return 0;
    return file.layer.call('readSync', file.fd, target, offset, length, position < 0 ? null : position) as number;
  }

  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    const at = position < 0 ? null : position;
    const count = file.layer.call('writeSync', file.fd, source, offset, length, at) as number;
    if (count > 0) this.#tell('change', file.path);
    return count;
  }

  readRest(fd: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let size = Math.max(REST_BYTES, this.fstat(fd).size + 1);
    for (;;) {
      const piece = Buffer.allocUnsafe(size);
      const count = this.read(fd, piece, 0, size, -1);
      if (count === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, count));
      size = REST_BYTES;
    }
  }

  ftruncate(fd: number, size: number): void {
    const file = this.#file(fd);
    file.layer.call('ftruncateSync', file.fd, size);
    this.#tell('change', file.path);
  }

  fstat(fd: number): Stat {
    const file = this.#file(fd);
    return file.layer.fstat(file.fd);
  }

  fsync(fd: number): void {
    const file = this.#file(fd);
    if (file.layer === this.#upper) file.layer.call('fsyncSync', file.fd);
  }

  fdatasync(fd: number): void {
    this.fsync(fd);
  }

  // By path: a descriptor of the lower layer must not change what it is open on.
  fchmod(fd: number, mode: number): void {
    this.chmod(this.#file(fd).path, mode);
  }

  fchown(fd: number, uid: number, gid: number): void {
    this.chown(this.#file(fd).path, uid, gid);
  }

  futimes(fd: number, atime: TimeToSet, mtime: TimeToSet): void {
    this.utimes(this.#file(fd).path, atime, mtime);
  }

  stat(path: PathLike): Stat {
    return this.#tree.existing(path, true).stat;
  }

  lstat(path: PathLike): Stat {
    return this.#tree.existing(path, false).stat;
  }

  probe(path: PathLike, follow: boolean): Stat | string {
    try {
      return this.#tree.existing(path, follow).stat;
    } catch (error) {
      if (error instanceof VfsError) return error.code;
      throw error;
    }
  }

  chmod(path: PathLike, mode: number): void {
    this.#change(path, true, (at) => this.#upper.call('chmodSync', at, mode));
  }

  chown(path: PathLike, uid: number, gid: number): void {
    this.#change(path, true, (at) => this.#upper.call('chownSync', at, uid, gid));
  }

  lchown(path: PathLike, uid: number, gid: number): void {
    this.#change(path, false, (at) => this.#upper.call('lchownSync', at, uid, gid));
  }

  utimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void {
    this.#change(path, true, (at, stat) =>
      this.#upper.call(
        'utimesSync',
        at,
        seconds(atime, stat.atimeSec, stat.atimeNsec),
        seconds(mtime, stat.mtimeSec, stat.mtimeNsec),
      ),
    );
  }

  lutimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void {
    this.#change(path, false, (at, stat) =>
      this.#upper.call(
        'lutimesSync',
        at,
        seconds(atime, stat.atimeSec, stat.atimeNsec),
        seconds(mtime, stat.mtimeSec, stat.mtimeNsec),
      ),
    );
  }

  access(path: PathLike, mode: number): void {
    const spot = this.#tree.existing(path, true);
    if (spot.upper !== undefined) this.#upper.call('accessSync', spot.path, mode);
    else {
      this.#lower.call('accessSync', spot.path, mode & ~W_OK);
      if ((mode & W_OK) !== 0) this.#upper.call('accessSync', '/', W_OK);
    }
  }

  truncate(path: PathLike, size: number): void {
    const fd = this.open(path, O_WRONLY);
    try {
      this.ftruncate(fd, size);
    } finally {
      this.close(fd);
    }
  }

  mkdir(path: PathLike, mode = 0o777): void {
    const spot = this.#free(path, true);
    this.#upper.call('mkdirSync', spot.path, { mode });
    this.#tell('rename', spot.path);
  }

  rmdir(path: PathLike): void {
    const spot = this.#tree.existing(path, false);
    if (!isDir(spot.stat)) throw new VfsError('ENOTDIR');
    const dots = lastDots(path);
    if (dots !== undefined) throw new VfsError(dots === '.' ? 'EINVAL' : 'ENOTEMPTY');
    if (spot.parent === undefined) throw new VfsError('EBUSY');
    if (this.#tree.names(spot).length > 0) throw new VfsError('ENOTEMPTY');
    if (spot.upper !== undefined) this.#upper.call('rmdirSync', spot.path);
    this.#gone(spot);
  }

  unlink(path: PathLike): void {
    const spot = this.#tree.existing(path, false);
    if (isDir(spot.stat)) throw new VfsError('EISDIR');
    if (spot.upper !== undefined) this.#upper.call('unlinkSync', spot.path);
    this.#gone(spot);
  }

  rename(from: PathLike, to: PathLike): void {
    const source = this.#tree.find(from, false);
    const target = this.#tree.find(to, false);
    const [moved, replaced] = [statOf(source), statOf(target)];
    if (lastDots(from) !== undefined || lastDots(to) !== undefined) throw new VfsError('EBUSY');
    if (source.parent === undefined || target.parent === undefined) throw new VfsError('EBUSY');
    if (moved === undefined) throw new VfsError('ENOENT');
    if (source.path === target.path) return;
    if (source.path.startsWith(`${target.path}/`)) throw new VfsError('ENOTEMPTY');
    if (target.path.startsWith(`${source.path}/`)) throw new VfsError('EINVAL');
    if (replaced !== undefined) {
      if (isDir(moved) !== isDir(replaced)) throw new VfsError(isDir(replaced) ? 'EISDIR' : 'ENOTDIR');
      if (isDir(replaced) && this.#tree.names(target).length > 0) throw new VfsError('ENOTEMPTY');
    }
    this.#tree.raiseAll(source);
    this.#raiseParent(target);
    this.#upper.call('renameSync', source.path, target.path);
    if (target.covers) this.#tree.removed.add(target.path);
    this.#gone(source);
    this.#tell('rename', target.path);
  }

  link(existing: PathLike, path: PathLike): void {
    const source = this.#tree.existing(existing, false);
    const spot = this.#free(path);
    this.#tree.raise(source);
    this.#upper.call('linkSync', source.path, spot.path);
    this.#tell('rename', spot.path);
  }

  symlink(target: PathLike, path: PathLike): void {
    const spot = this.#free(path);
    this.#upper.call('symlinkSync', decodeName(nameOfPath(target)), spot.path);
    this.#tell('rename', spot.path);
  }

  readlink(path: PathLike): Name {
    const spot = this.#tree.existing(path, false);
    if (!isLink(spot.stat)) throw new VfsError('EINVAL');
    return encodeName(this.#tree.readlink(spot));
  }

  mknod(): void {
    throw new VfsError('EPERM', 'layers are asked as node:fs, which makes no nodes');
  }

  readdir(path: PathLike): DirectoryEntry[] {
    const spot = this.#tree.existing(path, true);
    if (!isDir(spot.stat)) throw new VfsError('ENOTDIR');
    const entries: DirectoryEntry[] = [];
    for (const name of this.#tree.names(spot)) {
      const stat = statOf(this.#tree.child(spot, name));
      if (stat !== undefined) entries.push({ name: encodeName(name), type: stat.mode & S_IFMT, ino: stat.ino });
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  realpath(path: PathLike): Name {
    return encodeName(this.#tree.existing(path, true).path);
  }

  statfs(path: PathLike): StatFs {
    this.#tree.existing(path, true);
    return this.#upper.statfs('/');
  }

  readFile(path: PathLike): Uint8Array {
    const fd = this.open(path, 0);
    try {
      if ((this.fstat(fd).mode & S_IFMT) === S_IFDIR) throw new VfsError('EISDIR');
      return this.readRest(fd);
    } finally {
      this.close(fd);
    }
  }

  writeFile(path: PathLike, data: Uint8Array, flags: number, mode: number): void {
    const fd = this.open(path, flags, mode);
    try {
      for (let at = 0; at < data.length; ) at += this.write(fd, data, at, data.length - at, -1);
    } finally {
      this.close(fd);
    }
  }

  copyFile(from: PathLike, to: PathLike, exclusive: boolean): void {
    const source = this.#tree.existing(from, true);
    const target = this.#tree.find(to, true);
    if (isDir(source.stat)) throw new VfsError('EISDIR');
    if (exclusive && statOf(target) !== undefined) throw new VfsError('EEXIST');
    if (source.path === target.path) return;
    const data = this.readFile(source.path);
    this.writeFile(target.path, data, O_WRONLY | O_CREAT | O_TRUNC, source.stat.mode & 0o777);
    this.chmod(target.path, source.stat.mode & 0o7777);
  }

  /** Layers are put on their images by whoever opened them. */
  sync(): void {}

  watch(listener: (event: ChangeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #file(fd: number): OpenFile {
    const file = this.#files[fd];
    if (file === undefined) throw new VfsError('EBADF');
    return file;
  }

  #raiseParent({ parent }: Spot): void {
    if (parent !== undefined) this.#tree.raise(parent);
  }

  /** A place for a new entry, with its directory in the upper layer. */
  #free(path: PathLike, maybeSlash = false): Spot {
    const spot = this.#tree.find(path, false);
    if (statOf(spot) !== undefined) throw new VfsError('EEXIST');
    if (!maybeSlash && /\/$/.test(decodeName(nameOfPath(path)))) throw new VfsError('ENOENT');
    this.#raiseParent(spot);
    return spot;
  }

  #change(path: PathLike, follow: boolean, act: (path: string, stat: Stat) => void): void {
    const spot = this.#tree.existing(path, follow);
    this.#tree.raise(spot);
    act(spot.path, spot.stat);
    this.#tell('change', spot.path);
  }

  #gone(spot: Spot): void {
    if (spot.covers) this.#tree.removed.add(spot.path);
    this.#tell('rename', spot.path);
  }

  #tell(type: ChangeEvent['type'], path: string): void {
    if (this.#listeners.size === 0) return;
    const event = { type, path: encodeName(path) };
    for (const listener of this.#listeners) listener(event);
  }
}

/** `.` or `..`, if a path ends in it. */
function lastDots(path: PathLike): string | undefined {
  return /(?:^|\/)(\.\.?)\/*$/.exec(decodeName(nameOfPath(path)))?.[1];
}

function seconds(time: TimeToSet, sec: number, nsec: number): number {
  if (time === 'now') return Date.now() / 1000;
  return time === null ? sec + nsec / 1e9 : time.sec + time.nsec / 1e9;
}
