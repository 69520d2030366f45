/**
 * Writes down what is done to a `Vfs`: its calls become operations on inodes. A call that Node makes of several (a file
 * written in one go is opened, written and closed) is several here, too, as the power may go between them.
 *
 * @module
 */

import { bytesOfName, decodeName, type Name, nameOfPath, type PathLike, type Stat, type Vfs } from '../vfs/index.ts';
import { factsOf, type PosixOp, type PosixRun, type Times } from './posix-ops.ts';
import { EndlessWorkload } from './recording.ts';

const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const O_DSYNC = 0o10000;
const O_EXCL = 0o200;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

interface OpenFile {
  readonly ino: number;
  readonly shown: string;
  readonly flags: number;
  position: number;
  /** Emptied, and written since. */
  rewritten: boolean;
}

interface Place {
  readonly dir: number;
  readonly name: Name;
  readonly shown: string;
}

type Method = (...args: never[]) => unknown;

/** From here on what is done to `vfs` is written down in `run`. */
export function recordOps(vfs: Vfs, run: PosixRun, opsMax: number): void {
  new Recorder(vfs, run, opsMax).install();
}

class Recorder {
  readonly #vfs: Vfs;
  readonly #run: PosixRun;
  readonly #opsMax: number;
  readonly #files: Map<number, OpenFile> = new Map();
  /** Files that were emptied and not closed since. */
  readonly #emptied: Set<number> = new Set();

  constructor(vfs: Vfs, run: PosixRun, opsMax: number) {
    this.#vfs = vfs;
    this.#run = run;
    this.#opsMax = opsMax;
  }

  #note(op: PosixOp): void {
    const { ops } = this.#run;
    if (ops.length >= this.#opsMax) throw new EndlessWorkload(this.#opsMax);
    ops.push(op);
  }

  install(): void {
    const vfs = this.#vfs;
    const original = <K extends keyof Vfs>(name: K): Vfs[K] =>
      (vfs[name] as unknown as Method).bind(vfs) as unknown as Vfs[K];
    const put = <K extends keyof Vfs>(name: K, value: Vfs[K]): void => {
      Object.defineProperty(vfs, name, { value, configurable: true, writable: true });
    };

    const doOpen = original('open');
    const doRead = original('read');
    const doRest = original('readRest');
    const doWrite = original('write');
    const doClose = original('close');

    const open: Vfs['open'] = (path, flags, mode) => {
      const before = (flags & (O_CREAT | O_TRUNC)) === 0 ? null : this.#sizeOf(path);
      const fd = doOpen(path, flags, mode);
      const stat = vfs.fstat(fd);
      const { ino } = stat;
      const shown = shownPath(path);
      this.#files.set(fd, { ino, shown, flags, position: 0, rewritten: false });
      if ((flags & O_CREAT) !== 0 && before === null) {
        const place = this.#placeOf(bytesOfName(vfs.realpath(path)));
        this.#note({ kind: 'enter', ...entry(place), inode: factsOf(stat, null), shown: `create ${shown}` });
      } else if ((flags & O_TRUNC) !== 0 && before !== null && before > 0) {
        this.#emptied.add(ino);
        this.#note({ kind: 'truncate', ino, size: 0, shown: `truncate ${shown} to 0` });
      }
      return fd;
    };
    const write: Vfs['write'] = (fd, source, offset, length, position) => {
      const file = this.#files.get(fd);
      const size = file === undefined ? 0 : vfs.fstat(fd).size;
      const done = doWrite(fd, source, offset, length, position);
      if (file === undefined) return done;
      const at = (file.flags & O_APPEND) !== 0 ? size : position < 0 ? file.position : position;
      if (position < 0) file.position = at + done;
      if (done > 0) this.#noteWrite(file, at, source.slice(offset, offset + done));
      if ((file.flags & O_DSYNC) !== 0) this.#noteSync(file, true);
      return done;
    };
    const close: Vfs['close'] = (fd) => {
      doClose(fd);
      const file = this.#files.get(fd);
      this.#files.delete(fd);
      if (file?.rewritten === true && this.#emptied.delete(file.ino))
        this.#note({ kind: 'flush', ino: file.ino, shown: `${file.shown} was emptied and is written out` });
    };

    put('open', open);
    put('write', write);
    put('close', close);
    put('read', (fd, target, offset, length, position) => {
      const count = doRead(fd, target, offset, length, position);
      const file = this.#files.get(fd);
      if (file !== undefined && position < 0) file.position += count;
      return count;
    });
    put('readRest', (fd) => {
      const bytes = doRest(fd);
      const file = this.#files.get(fd);
      if (file !== undefined) file.position += bytes.length;
      return bytes;
    });
    put('writeFile', (path, data, flags, mode) => {
      const fd = open(path, flags, mode);
      try {
        if (data.length > 0) write(fd, data, 0, data.length, -1);
      } finally {
        close(fd);
      }
    });
    put('copyFile', (from, to, exclusive) => {
      const { mode } = vfs.stat(from);
      const data = vfs.readFile(from);
      const target = vfs.probe(to, true);
      if (typeof target !== 'string' && target.ino === vfs.stat(from).ino && !exclusive) return;
      const fd = open(to, 1 | O_CREAT | O_TRUNC | (exclusive ? O_EXCL : 0), mode & 0o7777);
      try {
        if (data.length > 0) write(fd, data, 0, data.length, -1);
        if (vfs.fstat(fd).mode !== mode) vfs.fchmod(fd, mode & 0o7777);
      } finally {
        close(fd);
      }
    });
    // Whoever removes a tree does it name by name.
    Object.defineProperty(vfs, 'removeTree', { value: undefined, configurable: true, writable: true });
    this.#installSyncs(original, put);
    this.#installSizes(original, put);
    this.#installAttributes(original, put);
    this.#installNames(original, put);
  }

  #installSyncs(original: Originals, put: Put): void {
    for (const name of ['fsync', 'fdatasync'] as const) {
      const call = original(name);
      put(name, (fd) => {
        call(fd);
        const file = this.#files.get(fd);
        if (file !== undefined) this.#noteSync(file, name === 'fdatasync');
      });
    }
    const sync = original('sync');
    put('sync', () => {
      sync();
      this.#note({ kind: 'sync-all', shown: 'sync everything' });
    });
  }

  #installSizes(original: Originals, put: Put): void {
    const vfs = this.#vfs;
    const note = (ino: number, before: number, size: number, shown: string): void => {
      if (size === before) return;
      if (size === 0) this.#emptied.add(ino);
      this.#note({ kind: 'truncate', ino, size, shown: `truncate ${shown} to ${size}` });
    };
    const ftruncate = original('ftruncate');
    put('ftruncate', (fd, size) => {
      const before = this.#files.has(fd) ? vfs.fstat(fd).size : 0;
      ftruncate(fd, size);
      const file = this.#files.get(fd);
      if (file !== undefined) note(file.ino, before, size, file.shown);
    });
    const truncate = original('truncate');
    put('truncate', (path, size) => {
      const before = this.#sizeOf(path) ?? 0;
      truncate(path, size);
      note(vfs.stat(path).ino, before, size, shownPath(path));
    });
  }

  #installAttributes(original: Originals, put: Put): void {
    const vfs = this.#vfs;
    const note = (stat: Stat, setsTimes: boolean, what: string): void => {
      const { ino, mode, uid, gid } = stat;
      this.#note({ kind: 'attrs', ino, mode, uid, gid, times: setsTimes ? timesOf(stat) : null, shown: what });
    };
    for (const name of ['fchmod', 'fchown', 'futimes'] as const) {
      const call = original(name) as (fd: number, ...rest: unknown[]) => void;
      put(name, (fd: number, ...rest: unknown[]) => {
        call(fd, ...rest);
        note(vfs.fstat(fd), name === 'futimes', `${name.slice(1)} ${this.#files.get(fd)?.shown ?? fd}`);
      });
    }
    for (const name of ['chmod', 'chown', 'utimes', 'lchown', 'lutimes'] as const) {
      const call = original(name) as (path: PathLike, ...rest: unknown[]) => void;
      put(name, (path: PathLike, ...rest: unknown[]) => {
        call(path, ...rest);
        const stat = name.startsWith('l') ? vfs.lstat(path) : vfs.stat(path);
        note(stat, name.endsWith('utimes'), `${name} ${shownPath(path)}`);
      });
    }
  }

  #installNames(original: Originals, put: Put): void {
    const vfs = this.#vfs;
    const noteNew = (path: PathLike, what: string, target: Name | null = null): void => {
      const place = this.#placeOf(path);
      this.#note({
        kind: 'enter',
        ...entry(place),
        inode: factsOf(vfs.lstat(path), target),
        shown: `${what} ${place.shown}`,
      });
    };
    const mkdir = original('mkdir');
    put('mkdir', (path, mode) => {
      mkdir(path, mode);
      noteNew(withoutSlashes(path), 'make directory');
    });
    const mknod = original('mknod');
    put('mknod', (path, mode, rdev) => {
      mknod(path, mode, rdev);
      noteNew(path, 'make');
    });
    const symlink = original('symlink');
    put('symlink', (target, path) => {
      symlink(target, path);
      noteNew(path, 'make link', nameOfPath(target));
    });
    for (const name of ['unlink', 'rmdir'] as const) {
      const call = original(name);
      put(name, (path) => {
        const found = vfs.probe(withoutSlashes(path), false);
        const ino = typeof found === 'string' ? 0 : found.ino;
        const place = typeof found === 'string' ? null : this.#placeOf(path);
        call(path);
        if (place !== null) this.#note({ kind: 'leave', ...entry(place), ino, shown: `remove ${place.shown}` });
      });
    }
    const rename = original('rename');
    put('rename', (from, to) => {
      const source = vfs.probe(withoutSlashes(from), false);
      if (typeof source === 'string') {
        rename(from, to);
        return;
      }
      const { ino, mode } = source;
      const old = vfs.probe(withoutSlashes(to), false);
      const replaced = typeof old === 'string' ? null : old.ino;
      const place = this.#placeOf(from);
      rename(from, to);
      if (replaced === ino) return;
      const target = this.#placeOf(to);
      this.#note({
        kind: 'rename',
        ...entry(place),
        toDir: target.dir,
        toName: target.name,
        ino,
        isDirectory: (mode & S_IFMT) === S_IFDIR,
        replaced,
        shown: `rename ${place.shown} to ${target.shown}`,
      });
    });
  }

  #noteWrite(file: OpenFile, offset: number, data: Uint8Array): void {
    const { ino, shown } = file;
    file.rewritten = this.#emptied.has(ino);
    this.#note({ kind: 'write', ino, offset, data, shown: `write ${data.length} bytes at ${offset} of ${shown}` });
  }

  #noteSync({ ino, shown }: OpenFile, dataOnly: boolean): void {
    this.#note({ kind: 'sync', ino, dataOnly, shown: `sync ${shown}` });
  }

  /** The size of what is there already; null: nothing is. */
  #sizeOf(path: PathLike): number | null {
    const found = this.#vfs.probe(path, true);
    return typeof found === 'string' ? null : found.size;
  }

  /** The directory and the name that a path ends in. */
  #placeOf(path: PathLike): Place {
    const name = nameOfPath(withoutSlashes(path));
    const slash = name.lastIndexOf('/');
    const above = slash < 0 ? '.' : slash === 0 ? '/' : name.slice(0, slash);
    return { dir: this.#vfs.stat(bytesOfName(above)).ino, name: name.slice(slash + 1), shown: shownPath(path) };
  }
}

type Originals = <K extends keyof Vfs>(name: K) => Vfs[K];
type Put = <K extends keyof Vfs>(name: K, value: Vfs[K]) => void;

function entry({ dir, name }: Place): { dir: number; name: Name } {
  return { dir, name };
}

function withoutSlashes(path: PathLike): PathLike {
  const name = nameOfPath(path);
  return name.endsWith('/') ? bytesOfName(name.replace(/\/+$/, '') || '/') : path;
}

function shownPath(path: PathLike): string {
  return typeof path === 'string' ? path : decodeName(nameOfPath(path));
}

function timesOf(stat: Stat): Times {
  return {
    atime: { sec: stat.atimeSec, nsec: stat.atimeNsec },
    mtime: { sec: stat.mtimeSec, nsec: stat.mtimeNsec },
  };
}
