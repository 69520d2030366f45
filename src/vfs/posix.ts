/**
 * What a POSIX file system can be asked: the calls of `Vfs`, as faces such as `fs-compat` see them.
 *
 * Synchronous; numbers are Linux's; every failure is a `VfsError`. Paths are text or bytes, absolute or relative to the
 * working directory. Names that come back are bytes as text, one character a byte (`Name`): `decodeName` makes them
 * readable, `encodeName` makes one of text.
 *
 * @module
 */

/** A name as it is on disk: one character for each byte. ASCII reads as it is. */
export type Name = string;

/** Text (UTF-8 on disk) or bytes. */
export type PathLike = string | Uint8Array;

/** Times are seconds since 1970 (whole, may be negative) and nanoseconds (0 to 999999999). */
export interface Stat {
  readonly dev: number;
  readonly ino: number;
  /** Type and permissions, as `st_mode`. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atimeSec: number;
  readonly atimeNsec: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly ctimeSec: number;
  readonly ctimeNsec: number;
  readonly birthtimeSec: number;
  readonly birthtimeNsec: number;
}

export interface StatFs {
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

export interface DirectoryEntry {
  readonly name: Name;
  /** The type bits of `st_mode`: `S_IFREG`, `S_IFDIR` ... */
  readonly type: number;
  readonly ino: number;
}

/** A time to set; `null` leaves it, `'now'` takes the clock's. */
export type TimeToSet = { readonly sec: number; readonly nsec: number } | 'now' | null;

/** What happened to an entry: `rename` when a name came or went, `change` when content or attributes changed. */
export interface ChangeEvent {
  readonly type: 'rename' | 'change';
  /** Absolute, with all links resolved. */
  readonly path: string;
}

export interface PosixFs {
  /** Returns a descriptor, 3 or more. `mode` counts for a new file, less the umask. */
  open(path: PathLike, flags: number, mode?: number): number;
  close(fd: number): void;
  /** At `position`, or where the descriptor stands for -1. Returns how many bytes there were. */
  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number;
  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number;
  /** All of a file from where the descriptor stands, as a copy. */
  readRest(fd: number): Uint8Array;
  ftruncate(fd: number, size: number): void;
  fstat(fd: number): Stat;
  fsync(fd: number): void;
  fdatasync(fd: number): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  futimes(fd: number, atime: TimeToSet, mtime: TimeToSet): void;

  stat(path: PathLike): Stat;
  lstat(path: PathLike): Stat;
  /** As `stat` or `lstat`, but a failure is returned as its code: nothing is thrown, which is a hundred times faster. */
  probe(path: PathLike, follow: boolean): Stat | string;
  /** Follows links. */
  chmod(path: PathLike, mode: number): void;
  chown(path: PathLike, uid: number, gid: number): void;
  lchown(path: PathLike, uid: number, gid: number): void;
  utimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void;
  lutimes(path: PathLike, atime: TimeToSet, mtime: TimeToSet): void;
  /** `mode`: R_OK 4, W_OK 2, X_OK 1, or 0. */
  access(path: PathLike, mode: number): void;
  truncate(path: PathLike, size: number): void;

  mkdir(path: PathLike, mode?: number): void;
  rmdir(path: PathLike): void;
  unlink(path: PathLike): void;
  /** A directory with all that is in it, in one go; when it fails, some of it may be gone. Not everybody offers it. */
  removeTree?(path: PathLike): void;
  rename(from: PathLike, to: PathLike): void;
  link(existing: PathLike, path: PathLike): void;
  symlink(target: PathLike, path: PathLike): void;
  readlink(path: PathLike): Name;
  /** A fifo, socket or device node: `mode` has its type. */
  mknod(path: PathLike, mode: number, rdev?: number): void;
  /** Without `.` and `..`, in the order of the names' bytes. */
  readdir(path: PathLike): DirectoryEntry[];
  /** Absolute, every link resolved. */
  realpath(path: PathLike): Name;
  statfs(path: PathLike): StatFs;

  /** All of a file in one call: as open, readRest, close. The copy is the caller's. EFBIG for 2 GiB and more. */
  readFile(path: PathLike): Uint8Array;
  /** As open with `flags` (O_WRONLY, O_CREAT, O_TRUNC or O_APPEND, O_EXCL), write, close. */
  writeFile(path: PathLike, data: Uint8Array, flags: number, mode: number): void;
  /** Content and mode of a file; with `exclusive` there must be none yet. */
  copyFile(from: PathLike, to: PathLike, exclusive: boolean): void;

  /** Puts everything on the image. */
  sync(): void;
  /** Calls back after each change, until the function returned is called. */
  watch(listener: (event: ChangeEvent) => void): () => void;
  /** Permission bits that new entries do not get. */
  umask: number;
  /** Where relative paths begin. */
  cwd: () => string;
}
