/**
 * The host's file system as a `PosixFs`, in a directory of its own: what POSIX says, as Linux has it.
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeName, type Name, type PosixFs, type Stat } from '../../src/vfs/index.ts';

type HostFs = Pick<
  PosixFs,
  | 'open'
  | 'close'
  | 'read'
  | 'write'
  | 'ftruncate'
  | 'stat'
  | 'lstat'
  | 'fstat'
  | 'chmod'
  | 'mkdir'
  | 'rmdir'
  | 'unlink'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'readlink'
  | 'readdir'
  | 'realpath'
  | 'truncate'
  | 'access'
  | 'copyFile'
>;

export class HostPosix implements HostFs {
  readonly root: string;

  constructor() {
    this.root = fs.mkdtempSync(join(tmpdir(), 'littlefs-vfs-'));
    fs.chmodSync(this.root, 0o755);
  }

  dispose(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  #at(path: unknown): string {
    return this.root + (path as string);
  }

  open(path: unknown, flags: number, mode = 0o666): number {
    return fs.openSync(this.#at(path), flags, mode);
  }
  close(fd: number): void {
    fs.closeSync(fd);
  }
  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    return fs.readSync(fd, target, offset, length, position < 0 ? null : position);
  }
  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number {
    return fs.writeSync(fd, source, offset, length, position < 0 ? null : position);
  }
  ftruncate(fd: number, size: number): void {
    fs.ftruncateSync(fd, size);
  }
  stat(path: unknown): Stat {
    return fs.statSync(this.#at(path)) as unknown as Stat;
  }
  lstat(path: unknown): Stat {
    return fs.lstatSync(this.#at(path)) as unknown as Stat;
  }
  fstat(fd: number): Stat {
    return fs.fstatSync(fd) as unknown as Stat;
  }
  chmod(path: unknown, mode: number): void {
    fs.chmodSync(this.#at(path), mode);
  }
  mkdir(path: unknown, mode = 0o777): void {
    fs.mkdirSync(this.#at(path), mode);
  }
  rmdir(path: unknown): void {
    fs.rmdirSync(this.#at(path));
  }
  unlink(path: unknown): void {
    fs.unlinkSync(this.#at(path));
  }
  rename(from: unknown, to: unknown): void {
    fs.renameSync(this.#at(from), this.#at(to));
  }
  link(existing: unknown, path: unknown): void {
    fs.linkSync(this.#at(existing), this.#at(path));
  }
  /** An absolute target means the root of the directory. */
  symlink(target: unknown, path: unknown): void {
    const text = target as string;
    fs.symlinkSync(text.startsWith('/') ? this.root + text : text, this.#at(path));
  }
  readlink(path: unknown): Name {
    const target = fs.readlinkSync(this.#at(path));
    return encodeName(target.startsWith(this.root) ? target.slice(this.root.length) : target);
  }
  readdir(path: unknown): { name: Name; type: number; ino: number }[] {
    const entries = fs.readdirSync(this.#at(path), { withFileTypes: true });
    const listed = entries.map((entry) => ({
      name: encodeName(entry.name),
      type: entry.isDirectory() ? 0o040000 : entry.isSymbolicLink() ? 0o120000 : 0o100000,
      ino: 0,
    }));
    return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  realpath(path: unknown): Name {
    return encodeName(fs.realpathSync.native(this.#at(path)).slice(this.root.length) || '/');
  }
  truncate(path: unknown, size: number): void {
    fs.truncateSync(this.#at(path), size);
  }
  access(path: unknown, mode: number): void {
    fs.accessSync(this.#at(path), mode);
  }
  copyFile(from: unknown, to: unknown, exclusive: boolean): void {
    fs.copyFileSync(this.#at(from), this.#at(to), exclusive ? fs.constants.COPYFILE_EXCL : 0);
  }
}
