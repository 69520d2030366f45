/**
 * A naive littlefs in memory: what the property tests hold the engine against.
 *
 * It knows the meaning of every call and nothing of blocks: no limit of space, no order of writing. Files are whole
 * arrays, a directory is a map that is sorted when somebody lists it, and a handle is a copy of the file until it is
 * synced. Wrong calls throw `ModelError` with the code that the engine must give.
 *
 * @module
 */
import { crc32 } from 'node:zlib';
import {
  type LfsErrorCode,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
} from '../../src/lfs/index.ts';

export class ModelError extends Error {
  readonly code: LfsErrorCode;

  constructor(code: LfsErrorCode) {
    super(code);
    this.code = code;
  }
}

function fail(code: LfsErrorCode): never {
  throw new ModelError(code);
}

interface ModelFile {
  readonly kind: 'file';
  /** Never changed in place. */
  data: Uint8Array;
  attrs: Map<number, Uint8Array>;
  /** Removed, replaced or renamed: a handle that still has it writes to nowhere. */
  gone: boolean;
}

interface ModelDir {
  readonly kind: 'dir';
  /** By name, as a byte string. */
  readonly children: Map<string, ModelNode>;
  attrs: Map<number, Uint8Array>;
}

type ModelNode = ModelFile | ModelDir;

interface ModelHandle {
  node: ModelFile;
  readonly flags: number;
  readonly attrs: { readonly type: number; buffer: Uint8Array }[];
  data: Uint8Array;
  position: number;
  dirty: boolean;
}

export interface ModelLimits {
  readonly nameMax: number;
  readonly fileMax: number;
  readonly attrMax: number;
}

/** Where a path leads. */
interface Found {
  node: ModelNode | undefined;
  readonly isRoot: boolean;
  readonly parent: ModelDir;
  readonly name: string;
  /** The directories on the way, the root first. */
  readonly way: readonly ModelDir[];
  /** Nothing stands behind the last name but slashes. */
  readonly isLast: boolean;
  readonly slashed: boolean;
}

/** `size` and a checksum: enough to tell contents apart. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.length}:${crc32(bytes).toString(16)}`;
}

/** A text's UTF-8 bytes, one character each. */
export function byteName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** As if every name ended in a symbol above all bytes. */
function inOrder(names: Iterable<string>): string[] {
  const key = (name: string) => `${name}\u0100`;
  return [...names].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function attrsText(attrs: ReadonlyMap<number, Uint8Array>): string {
  const sorted = [...attrs].sort(([a], [b]) => a - b);
  return sorted.map(([type, bytes]) => ` ${type}=${digest(bytes)}`).join('');
}

export class Model {
  readonly limits: ModelLimits;
  private root: ModelDir = { kind: 'dir', children: new Map(), attrs: new Map() };
  private handles: Map<number, ModelHandle> = new Map();

  constructor(limits: ModelLimits) {
    this.limits = limits;
  }

  /** An independent model in the same state, handles included. */
  clone(): Model {
    const copies = new Map<ModelNode, ModelNode>();
    const copyOf = (node: ModelNode): ModelNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy: ModelNode =
        node.kind === 'file'
          ? { ...node, attrs: new Map(node.attrs) }
          : { kind: 'dir', children: new Map(), attrs: new Map(node.attrs) };
      copies.set(node, copy);
      if (node.kind === 'dir' && copy.kind === 'dir') {
        for (const [name, child] of node.children) copy.children.set(name, copyOf(child));
      }
      return copy;
    };
    const clone = new Model(this.limits);
    clone.root = copyOf(this.root) as ModelDir;
    for (const [slot, handle] of this.handles) {
      const attrs = handle.attrs.map((attr) => ({ ...attr }));
      clone.handles.set(slot, { ...handle, attrs, node: copyOf(handle.node) as ModelFile });
    }
    return clone;
  }

  /** What is on disk, one line an entry, in the order of listing: what `treeLines` says of a mounted file system. */
  lines(): string[] {
    const out: string[] = [];
    const visit = (path: string, node: ModelNode): void => {
      if (node.kind === 'file') {
        out.push(`${path} ${digest(node.data)}${attrsText(node.attrs)}`);
        return;
      }
      out.push(`${path}/${attrsText(node.attrs)}`);
      for (const name of inOrder(node.children.keys())) visit(`${path}/${name}`, node.children.get(name)!);
    };
    visit('', this.root);
    return out;
  }

  /** Every path there is, as text; the root's is empty. */
  paths(kind?: 'dir'): string[] {
    const out: string[] = [];
    const visit = (path: string, node: ModelNode): void => {
      if (kind === undefined || node.kind === kind) out.push(Buffer.from(path, 'latin1').toString('utf8'));
      if (node.kind === 'dir') for (const [name, child] of node.children) visit(`${path}/${name}`, child);
    };
    visit('', this.root);
    return out;
  }

  // ---- names

  private find(path: string): Found {
    const text = byteName(path);
    if (text === '') fail('LFS_ERR_INVAL');
    // `..` takes away the name before it, whatever that is.
    const names: { name: string; end: number }[] = [];
    for (const { 0: name, index } of text.matchAll(/[^/]+/g)) {
      if (name === '.') continue;
      if (name !== '..') names.push({ name, end: index + name.length });
      else if (names.pop() === undefined) fail('LFS_ERR_INVAL');
    }
    const slashed = text.endsWith('/');
    let parent = this.root;
    const way = [this.root];
    for (const { name } of names.slice(0, -1)) {
      const next = parent.children.get(name);
      if (next === undefined) fail('LFS_ERR_NOENT');
      if (next.kind !== 'dir') fail('LFS_ERR_NOTDIR');
      parent = next;
      way.push(next);
    }
    const last = names.at(-1);
    if (last === undefined)
      return { node: this.root, isRoot: true, parent, name: '/', way, isLast: true, slashed: true };
    const node = parent.children.get(last.name);
    const rest = text.slice(last.end);
    if (node?.kind === 'file' && rest !== '') fail('LFS_ERR_NOTDIR');
    return { node, isRoot: false, parent, name: last.name, way, isLast: /^\/*$/.test(rest), slashed };
  }

  private existing(path: string): ModelNode {
    return this.find(path).node ?? fail('LFS_ERR_NOENT');
  }

  private checkNew(found: Found): void {
    if (!found.isLast) fail('LFS_ERR_NOENT');
    if (found.name.length > this.limits.nameMax) fail('LFS_ERR_NAMETOOLONG');
  }

  mkdir(path: string): void {
    const found = this.find(path);
    if (found.node !== undefined) fail('LFS_ERR_EXIST');
    this.checkNew(found);
    found.parent.children.set(found.name, { kind: 'dir', children: new Map(), attrs: new Map() });
  }

  remove(path: string): void {
    const { node, isRoot, parent, name } = this.find(path);
    if (isRoot) fail('LFS_ERR_INVAL');
    if (node === undefined) fail('LFS_ERR_NOENT');
    this.leave(node);
    parent.children.delete(name);
  }

  private leave(node: ModelNode): void {
    if (node.kind === 'file') node.gone = true;
    else if (node.children.size > 0) fail('LFS_ERR_NOTEMPTY');
  }

  rename(from: string, to: string): void {
    const source = this.find(from);
    if (source.isRoot) fail('LFS_ERR_INVAL');
    const { node } = source;
    if (node === undefined) fail('LFS_ERR_NOENT');
    const target = this.find(to);
    if (target.isRoot) fail('LFS_ERR_INVAL');
    const replaced = target.node;
    if (replaced === undefined) {
      if (!target.isLast) fail('LFS_ERR_NOENT');
      if (target.slashed && node.kind === 'file') fail('LFS_ERR_NOTDIR');
      this.checkNew(target);
    } else if (replaced.kind !== node.kind) fail(replaced.kind === 'dir' ? 'LFS_ERR_ISDIR' : 'LFS_ERR_NOTDIR');
    else if (replaced === node) return;
    if (node.kind === 'dir' && target.way.includes(node)) fail('LFS_ERR_INVAL');
    if (replaced !== undefined) this.leave(replaced);
    source.parent.children.delete(source.name);
    // A handle on a renamed file loses it.
    const moved: ModelNode = node.kind === 'file' ? { ...node } : node;
    if (node.kind === 'file') node.gone = true;
    target.parent.children.set(target.name, moved);
  }

  stat(path: string): string {
    const { node, name } = this.find(path);
    if (node === undefined) fail('LFS_ERR_NOENT');
    return infoText(name, node);
  }

  /** All that a listing tells, `.` and `..` first. */
  list(path: string): string[] {
    const node = this.existing(path);
    if (node.kind === 'file') fail('LFS_ERR_NOTDIR');
    const names = inOrder(node.children.keys());
    return ['dir 0 .', 'dir 0 ..', ...names.map((name) => infoText(name, node.children.get(name)!))];
  }

  // ---- attributes

  setAttr(path: string, type: number, bytes: Uint8Array): void {
    if (bytes.length > this.limits.attrMax) fail('LFS_ERR_NOSPC');
    this.existing(path).attrs.set(type, bytes);
  }

  removeAttr(path: string, type: number): void {
    this.existing(path).attrs.delete(type);
  }

  getAttr(path: string, type: number): string | undefined {
    const value = this.existing(path).attrs.get(type);
    return value && digest(value);
  }

  listAttrs(path: string): string {
    return attrsText(this.existing(path).attrs);
  }

  // ---- files

  isOpen(slot: number): boolean {
    return this.handles.has(slot);
  }

  /** Its file is gone, and its blocks may be somebody else's: what it reads then is anything. */
  isLost(slot: number): boolean {
    return this.handles.get(slot)?.node.gone === true;
  }

  /** Forgets a handle without closing it. */
  abandon(slot: number): void {
    this.handles.delete(slot);
  }

  abandonAll(): void {
    this.handles.clear();
  }

  /** Gives the attributes as they are after opening. */
  open(slot: number, path: string, flags: number, attrs: { type: number; buffer: Uint8Array }[]): string {
    const writes = (flags & O_WRONLY) !== 0;
    if (writes && attrs.some(({ buffer }) => buffer.length > this.limits.attrMax)) fail('LFS_ERR_NOSPC');
    const found = this.find(path);
    let { node } = found;
    if (node === undefined) {
      if (!found.isLast || (flags & O_CREAT) === 0) fail('LFS_ERR_NOENT');
      if (found.slashed) fail('LFS_ERR_NOTDIR');
      this.checkNew(found);
      node = { kind: 'file', data: new Uint8Array(0), attrs: new Map(), gone: false };
      found.parent.children.set(found.name, node);
    } else if ((flags & O_EXCL) !== 0) fail('LFS_ERR_EXIST');
    if (node.kind === 'dir') fail('LFS_ERR_ISDIR');
    const cut = found.node !== undefined && (flags & O_TRUNC) !== 0;
    const filled = attrs.map(({ type, buffer }) => {
      const value = (flags & O_RDONLY) === 0 ? undefined : (node as ModelFile).attrs.get(type);
      return { type, buffer: value === undefined ? buffer : padded(value, buffer.length) };
    });
    this.handles.set(slot, {
      node,
      flags,
      attrs: filled,
      data: cut ? new Uint8Array(0) : node.data,
      position: 0,
      dirty: writes && (cut || attrs.length > 0),
    });
    return filled.map(({ type, buffer }) => ` ${type}=${digest(buffer)}`).join('');
  }

  private handle(slot: number, needed = 0): ModelHandle {
    const handle = this.handles.get(slot) ?? fail('LFS_ERR_BADF');
    if ((handle.flags & needed) !== needed) fail('LFS_ERR_BADF');
    return handle;
  }

  /** Changes the buffer of an attribute that was given to open. */
  fillAttr(slot: number, index: number, fill: (size: number) => Uint8Array): void {
    const attr = this.handle(slot).attrs[index];
    if (attr !== undefined) attr.buffer = fill(attr.buffer.length);
  }

  read(slot: number, size: number): string {
    const handle = this.handle(slot, O_RDONLY);
    const bytes = handle.data.subarray(handle.position, handle.position + size);
    handle.position += bytes.length;
    return digest(bytes);
  }

  write(slot: number, bytes: Uint8Array): number {
    const handle = this.handle(slot, O_WRONLY);
    if ((handle.flags & O_APPEND) !== 0) handle.position = Math.max(handle.position, handle.data.length);
    const end = handle.position + bytes.length;
    if (end > this.limits.fileMax) fail('LFS_ERR_FBIG');
    // Even writing nothing fills the hole before the position.
    if (bytes.length > 0 || handle.position > handle.data.length) handle.dirty = true;
    const data = padded(handle.data, Math.max(handle.data.length, end));
    data.set(bytes, handle.position);
    handle.data = data;
    handle.position = end;
    return bytes.length;
  }

  seek(slot: number, offset: number, whence: number): number {
    const handle = this.handle(slot);
    const base = whence === SEEK_CUR ? handle.position : whence === SEEK_END ? handle.data.length : 0;
    const to = base + offset;
    if (to < 0 || to > this.limits.fileMax) fail('LFS_ERR_INVAL');
    handle.position = to;
    return to;
  }

  tell(slot: number): number {
    return this.handle(slot).position;
  }

  size(slot: number): number {
    return this.handle(slot).data.length;
  }

  truncate(slot: number, size: number): void {
    const handle = this.handle(slot, O_WRONLY);
    if (size === handle.data.length) return;
    const { fileMax } = this.limits;
    const reached = Math.min(size, fileMax);
    if (reached !== handle.data.length) handle.dirty = true;
    handle.data = padded(handle.data, reached);
    if (size <= fileMax) return;
    // The limit is noticed when it is reached.
    handle.position = fileMax;
    fail('LFS_ERR_FBIG');
  }

  sync(slot: number): void {
    const handle = this.handle(slot);
    const { node } = handle;
    if (!handle.dirty || node.gone) return;
    handle.dirty = false;
    node.data = handle.data;
    for (const { type, buffer } of handle.attrs) node.attrs.set(type, buffer);
  }

  close(slot: number): void {
    this.sync(slot);
    this.handles.delete(slot);
  }
}

function infoText(name: string, node: ModelNode): string {
  return node.kind === 'dir' ? `dir 0 ${name}` : `file ${node.data.length} ${name}`;
}

/** The first `size` bytes, zeros behind the last. Always a copy. */
function padded(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(bytes.subarray(0, size));
  return out;
}
