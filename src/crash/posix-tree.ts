/**
 * A file system as inodes and names, cheap to copy, to which operations are applied in whole, in part or not at all; and
 * how it becomes a volume that programs can look at.
 *
 * Content is not computed before somebody wants it: a file is what it was at the start and a list of changes.
 *
 * @module
 */

import { bytesOfName, type Name, type Stat, type Vfs } from '../vfs/index.ts';
import { factsOf, type InodeFacts, type PosixOp, type Times } from './posix-ops.ts';
import type { Fate } from './posix-point.ts';

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** A change of content that is there, at least in part. */
interface Edit {
  readonly before: Edit | null;
  readonly op: Extract<PosixOp, { readonly kind: 'write' | 'truncate' }>;
  readonly fate: Fate | null;
}

interface Inode {
  /** The tree that may change it in place. */
  readonly owner: object;
  readonly facts: InodeFacts;
  /** Where its content was at the start. */
  readonly source: Name | null;
  /** How long it was then. */
  readonly size: number;
  mode: number;
  uid: number;
  gid: number;
  times: Times | null;
  edits: Edit | null;
  entries: Map<Name, number> | null;
  /** Differs when something else was done to it. */
  mark: number;
}

export class PosixTree {
  readonly root: number;
  readonly #inodes: Map<number, Inode>;
  #token: object = {};

  private constructor(root: number, inodes: Map<number, Inode>) {
    this.root = root;
    this.#inodes = inodes;
  }

  /** What a volume has now. */
  static of(vfs: Vfs): PosixTree {
    const root = vfs.stat('/').ino;
    const tree = new PosixTree(root, new Map());
    const add = (stat: Stat, target: Name | null, source: Name): void => {
      const facts = factsOf(stat, target);
      tree.#inodes.set(facts.ino, { ...newInode(tree.#token, facts), source, size: stat.size });
    };
    add(vfs.stat('/'), null, '');
    const open: { path: Name; ino: number }[] = [{ path: '', ino: root }];
    for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
      const { entries } = tree.#inodes.get(dir.ino)!;
      for (const { name, type } of vfs.readdir(bytesOfName(dir.path || '/'))) {
        const path = `${dir.path}/${name}`;
        const bytes = bytesOfName(path);
        const stat = vfs.lstat(bytes);
        const { ino } = stat;
        add(stat, type === S_IFLNK ? vfs.readlink(bytes) : null, path);
        entries!.set(name, ino);
        if (type === S_IFDIR) open.push({ path, ino });
      }
    }
    return tree;
  }

  copy(): PosixTree {
    // What both have now is nobody's own any more.
    this.#token = {};
    return new PosixTree(this.root, new Map(this.#inodes));
  }

  #own(ino: number): Inode | null {
    const inode = this.#inodes.get(ino);
    if (inode === undefined) return null;
    if (inode.owner === this.#token) return inode;
    const { entries } = inode;
    const copy = { ...inode, owner: this.#token, entries: entries === null ? null : new Map(entries) };
    this.#inodes.set(ino, copy);
    return copy;
  }

  /** How long a file is that nothing was done to. */
  sizeOf(ino: number): number {
    return this.#inodes.get(ino)?.size ?? 0;
  }

  /** Does an operation; with a fate, what that leaves of it. `at`: its number. */
  apply(op: PosixOp, at: number, fate: Fate | null): void {
    if (op.kind === 'enter' && !this.#inodes.has(op.inode.ino))
      this.#inodes.set(op.inode.ino, newInode(this.#token, op.inode));
    if (fate?.kind === 'lost') return;
    switch (op.kind) {
      case 'enter':
        this.#own(op.dir)?.entries?.set(op.name, op.inode.ino);
        return;
      case 'leave':
        this.#own(op.dir)?.entries?.delete(op.name);
        return;
      case 'rename':
        if (fate?.kind !== 'new-name') this.#own(op.dir)?.entries?.delete(op.name);
        if (fate?.kind !== 'no-name') this.#own(op.toDir)?.entries?.set(op.toName, op.ino);
        return;
      case 'attrs': {
        const inode = this.#own(op.ino);
        if (inode === null) return;
        const { mode, uid, gid, times } = op;
        Object.assign(inode, { mode, uid, gid, times: times ?? inode.times, mark: mixed(inode.mark, at) });
        return;
      }
      case 'write':
      case 'truncate': {
        if (fate?.kind === 'part' && fate.bytes === 0 && !fate.isSized) return;
        const inode = this.#own(op.ino);
        if (inode === null) return;
        inode.edits = { before: inode.edits, op, fate };
        const part = fate?.kind === 'part' ? 1 + fate.bytes * 2 + (fate.isSized ? 1 : 0) : 0;
        inode.mark = mixed(mixed(inode.mark, at), part);
        return;
      }
      default:
    }
  }

  /** Text that is the same for trees to which, as far as they can be reached, the same was done. */
  signature(): string {
    let a = 0;
    let b = 0;
    const seen = new Set([this.root]);
    const open = [this.root];
    for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
      const inode = this.#inodes.get(dir);
      a = (a + mixed(dir, inode?.mark ?? 0)) | 0;
      for (const [name, ino] of inode?.entries ?? []) {
        const child = this.#inodes.get(ino);
        const mark = mixed(mixed(mixed(hashOf(name), dir), ino), child?.mark ?? 0);
        // The order of the names does not count.
        a = (a + mark) | 0;
        b = (b + mixed(mark, 0x5bd1e995)) | 0;
        if (child?.entries == null || seen.has(ino)) continue;
        seen.add(ino);
        open.push(ino);
      }
    }
    return `${a >>> 0} ${b >>> 0}`;
  }

  /** Makes of a volume with the start's content (`start`, which can be read from `source`) one with this content. */
  build(vfs: Vfs, start: PosixTree, source: Vfs): void {
    const seen = new Set([this.root]);
    const open: { ino: number; path: Name; before: Inode | null }[] = [
      { ino: this.root, path: '', before: start.#inodes.get(this.root) ?? null },
    ];
    const umask = vfs.umask;
    vfs.umask = 0;
    for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
      const { ino, path, before } = dir;
      const now = this.#inodes.get(ino)!;
      // The very same object: nothing was done to it.
      for (const [name, old] of before === now ? [] : (before?.entries ?? [])) {
        if (now.entries!.get(name) === old) continue;
        const bytes = bytesOfName(`${path}/${name}`);
        if (start.#inodes.get(old)?.entries == null) vfs.unlink(bytes);
        else vfs.removeTree(bytes);
      }
      for (const [name, each] of now.entries!) {
        const inode = this.#inodes.get(each)!;
        const old = before?.entries?.get(name) === each ? (start.#inodes.get(each) ?? null) : null;
        const place = `${path}/${name}`;
        if (inode.entries === null) {
          if (inode !== old) this.#make(vfs, inode, old, bytesOfName(place), source);
          continue;
        }
        if (seen.has(each)) continue;
        seen.add(each);
        const bytes = bytesOfName(place);
        if (old === null) vfs.mkdir(bytes, inode.mode & 0o7777);
        describe(vfs, bytes, inode, old);
        open.push({ ino: each, path: place, before: old });
      }
    }
    vfs.umask = umask;
  }

  #make(vfs: Vfs, inode: Inode, old: Inode | null, path: Uint8Array, source: Vfs): void {
    const { mode, facts } = inode;
    switch (mode & S_IFMT) {
      case S_IFREG:
        if (old === null || old.edits !== inode.edits)
          vfs.writeFile(path, contentOf(inode, source), 0o1101, mode & 0o7777);
        break;
      case S_IFLNK:
        if (old === null) vfs.symlink(bytesOfName(facts.target ?? ''), path);
        break;
      default:
        if (old === null) vfs.mknod(path, mode, facts.rdev);
    }
    describe(vfs, path, inode, old);
  }
}

function newInode(owner: object, facts: InodeFacts): Inode {
  const { mode, uid, gid } = facts;
  const entries = (mode & S_IFMT) === S_IFDIR ? new Map<Name, number>() : null;
  return { owner, facts, source: null, size: 0, mode, uid, gid, times: null, edits: null, entries, mark: 0 };
}

/** Owner, mode and times, where they are not as they should be. */
function describe(vfs: Vfs, path: Uint8Array, inode: Inode, old: Inode | null): void {
  const stat = vfs.lstat(path);
  const isLink = (inode.mode & S_IFMT) === S_IFLNK;
  if (stat.uid !== inode.uid || stat.gid !== inode.gid) vfs.lchown(path, inode.uid, inode.gid);
  if (!isLink && stat.mode !== inode.mode) vfs.chmod(path, inode.mode & 0o7777);
  if (inode.times !== null && inode.times !== old?.times) vfs.lutimes(path, inode.times.atime, inode.times.mtime);
}

/** The bytes of a file. */
function contentOf({ source, edits }: Inode, start: Vfs): Uint8Array {
  const list: Edit[] = [];
  for (let edit = edits; edit !== null; edit = edit.before) list.push(edit);
  let bytes = source === null ? new Uint8Array(0) : start.readFile(bytesOfName(source));
  let { length } = bytes;
  const grow = (size: number): void => {
    if (size > bytes.length) {
      const more = new Uint8Array(Math.max(size, bytes.length * 2));
      more.set(bytes.subarray(0, length));
      bytes = more;
    }
    if (size > length) bytes.fill(0, length, size);
    length = Math.max(length, size);
  };
  for (const { op, fate } of list.reverse()) {
    if (op.kind === 'truncate') {
      grow(op.size);
      length = op.size;
      continue;
    }
    const count = fate?.kind === 'part' ? Math.min(fate.bytes, op.data.length) : op.data.length;
    grow(op.offset + (fate?.kind === 'part' && !fate.isSized ? count : op.data.length));
    bytes.set(op.data.subarray(0, count), op.offset);
  }
  return bytes.subarray(0, length);
}

function mixed(mark: number, value: number): number {
  let z = Math.imul(mark ^ value ^ 0x9e3779b9, 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 15) ^ value, 0xc2b2ae35);
  return (z ^ (z >>> 16)) | 0;
}

const hashes: Map<Name, number> = new Map();

function hashOf(name: Name): number {
  const known = hashes.get(name);
  if (known !== undefined) return known;
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  if (hashes.size > 10_000) hashes.clear();
  hashes.set(name, hash);
  return hash;
}
