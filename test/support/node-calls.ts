/**
 * Calls of a module like `node:fs`, written down so that several modules can take them, and what came of each in a form
 * that can be compared.
 *
 * A descriptor is held in a slot: a number where a synchronous call or a callback opened it, a `FileHandle` where a
 * promise did. What can never be the same on two file systems is left out: inode numbers, the order of directories,
 * times that are now, sizes of directories.
 *
 * @module
 */
import type * as NodeFs from 'node:fs';

type Any = unknown;
// biome-ignore lint/suspicious/noExplicitAny: a module whose members are called by name
export type Fs = Record<string, any>;
type Handle = NodeFs.promises.FileHandle;

/** Bytes to write, short to print. */
export class Bytes {
  readonly length: number;
  readonly seed: number;

  constructor(length: number, seed: number) {
    this.length = length;
    this.seed = seed;
  }

  get buffer(): Buffer {
    const buffer = Buffer.alloc(this.length);
    for (let i = 0; i < buffer.length; i++) buffer[i] = (i * 31 + this.seed) & 255;
    return buffer;
  }
}

/** Arguments as they are passed on. */
function real(arg: Any): Any {
  if (arg instanceof Bytes) return arg.buffer;
  return Array.isArray(arg) ? arg.map(real) : arg;
}

export type Face = 'sync' | 'callback' | 'promise';
export type Call =
  | { readonly kind: 'path'; readonly member: string; readonly args: readonly Any[]; readonly face: Face }
  | { readonly kind: 'open'; readonly member: 'open'; readonly slot: number; readonly args: readonly Any[]; face: Face }
  | {
      readonly kind: 'held';
      readonly member: string;
      readonly slot: number;
      readonly args: readonly Any[];
      readonly face: Face;
    }
  | { readonly kind: 'stream'; readonly member: string; readonly args: readonly Any[] };

/** Members for descriptors that a `FileHandle` has by another name. */
const fdNames: Record<string, string> = {
  stat: 'fstat',
  truncate: 'ftruncate',
  sync: 'fsync',
  datasync: 'fdatasync',
  chmod: 'fchmod',
  utimes: 'futimes',
  writeText: 'write',
};

export class Player {
  readonly #fs: Fs;
  readonly #slots: (number | Handle | undefined)[] = [];

  constructor(fs: Fs) {
    this.#fs = fs;
  }

  async take(call: Call): Promise<Any> {
    const outcome = await this.outcomeOf(() => this.#make(call));
    return call.member === 'readdir' && Array.isArray(outcome) ? sorted(outcome) : outcome;
  }

  /** What comes of it, or what is said of its failure. */
  async outcomeOf(work: () => Any): Promise<Any> {
    try {
      return this.#plain(await work());
    } catch (error) {
      const { name, message, code, syscall, errno, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
      // Anything else is a fault of the test, or of the module.
      if (code === undefined) throw error;
      return { name, message, code, syscall, errno, path: this.#plain(path), dest: this.#plain(dest) };
    }
  }

  async end(): Promise<void> {
    for (const held of this.#slots.splice(0)) {
      if (typeof held === 'number') this.#fs.closeSync(held);
      else if (held !== undefined) await held.close().catch(() => {});
    }
  }

  #make(call: Call): Any {
    const args = call.args.map(real);
    switch (call.kind) {
      case 'stream':
        return this.#stream(call.member, args);
      case 'open':
        return this.#open(call.slot, args, call.face);
      case 'held':
        return this.#held(call.slot, call.member, args, call.face);
      default:
        return this.#byPath(call.member, args, call.face);
    }
  }

  #byPath(member: string, args: readonly Any[], face: Face): Any {
    // The host's libuv removes by name what it could not fill, and may hit what was there before.
    if (member === 'copyFile' && this.#isDirectory(args[0])) return 'directory';
    // Node finds out that it copies a directory into itself, except by way of a link.
    if (member === 'cp' && this.#isWithin(args[0], args[1])) return 'within';
    if (face === 'promise' && member !== 'exists') return this.#fs.promises[member](...args);
    if (face === 'callback') {
      if (member !== 'exists') return this.#called(member, args);
      return new Promise((resolve) => this.#fs.exists(...args, resolve));
    }
    return this.#fs[`${member}Sync`](...args);
  }

  #isDirectory(path: Any): boolean {
    return this.#fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** Where a path leads to, or would. */
  #real(path: string): string {
    try {
      return this.#fs.realpathSync(path);
    } catch {
      const up = path.replace(/\/*[^/]*\/*$/, '');
      return up === '' || up === path ? '/' : this.#real(up);
    }
  }

  #isWithin(outer: Any, path: Any): boolean {
    return `${this.#real(path as string)}/`.startsWith(`${this.#real(outer as string)}/`);
  }

  #called(member: string, args: readonly Any[]): Promise<Any> {
    return new Promise((resolve, reject) => {
      // `undefined` in the place of options is none given.
      const given = args.filter((arg, i) => arg !== undefined || i < args.length - 1);
      this.#fs[member](...given, (error: unknown, result: unknown) => (error ? reject(error) : resolve(result)));
    });
  }

  async #open(slot: number, args: readonly Any[], face: Face): Promise<Any> {
    const opened = (await this.#byPath('open', args, face)) as number | Handle;
    const old = this.#slots[slot];
    this.#slots[slot] = opened;
    if (typeof old === 'number') this.#fs.closeSync(old);
    else await old?.close();
    return 'opened';
  }

  async #held(slot: number, member: string, args: readonly Any[], face: Face): Promise<Any> {
    const held = this.#slots[slot];
    if (held === undefined) return 'none';
    const [given, rooms] = withRooms(args);
    let result: Any;
    if (typeof held === 'number') {
      if (member === 'close') this.#slots[slot] = undefined;
      const called = fdNames[member] ?? member;
      result =
        face === 'sync' ? this.#fs[`${called}Sync`](held, ...given) : await this.#called(called, [held, ...given]);
    } else {
      // A handle stays when it is closed, and says so.
      const called = member === 'writeText' ? 'write' : member;
      result = await (held as unknown as Fs)[called](...given);
      if (called === 'read' || called === 'readv') result = (result as { bytesRead: number }).bytesRead;
      if (called === 'write' || called === 'writev') result = (result as { bytesWritten: number }).bytesWritten;
    }
    return rooms === undefined ? result : [result, Buffer.concat(rooms)];
  }

  #stream(member: string, [path, options, data]: readonly Any[]): Promise<Any> {
    return new Promise((resolve, reject) => {
      const stream = this.#fs[member](path, options);
      stream.on('error', reject);
      if (member === 'createReadStream') {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('close', () => resolve([Buffer.concat(parts), stream.bytesRead]));
      } else {
        stream.on('close', () => resolve(stream.bytesWritten));
        stream.end(data);
      }
    });
  }

  /** As something that can be compared and printed. */
  #plain(value: Any): Any {
    if (Buffer.isBuffer(value)) return `Buffer ${value.length} ${value.toString('latin1')}`;
    if (ArrayBuffer.isView(value)) return this.#plain(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    if (Array.isArray(value)) return value.map((each) => this.#plain(each));
    if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? `${value}n` : value;
    if ('mtimeMs' in value) return plainStats(value as NodeFs.Stats);
    if ('readSync' in value && 'path' in value) return this.#entriesOf(value as NodeFs.Dir);
    if ('isFIFO' in value) {
      const entry = value as NodeFs.Dirent;
      return { name: entry.name, parentPath: entry.parentPath, type: typeNameOf(entry) };
    }
    return value;
  }

  #entriesOf(dir: NodeFs.Dir): Any {
    const entries: Any[] = [];
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) entries.push(this.#plain(entry));
    dir.closeSync();
    return { path: dir.path, entries: sorted(entries) };
  }
}

function sorted(entries: Any[]): Any[] {
  return entries.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Each side reads into memory of its own. */
function withRooms(args: readonly Any[]): [Any[], Buffer[] | undefined] {
  if (args[0] === 'room') {
    const room = Buffer.alloc((args[1] as number) + 3, '.');
    return [[room, 1, args[1], args[2]], [room]];
  }
  if (args[0] === 'rooms') {
    const rooms = [Buffer.alloc(3, '.'), Buffer.alloc(args[1] as number, '.'), Buffer.alloc(5, '.')];
    return [[rooms, args[2]], rooms];
  }
  return [[...args], undefined];
}

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function typeNameOf(entry: Kinds): string {
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'other';
}

/** Later than this is now. */
const longAgoMs = 1e12;

function plainStats(stats: NodeFs.Stats | NodeFs.BigIntStats): Any {
  const { mode, nlink, size, uid, gid } = stats;
  const mtimeMs = Number(stats.mtimeMs);
  // Newer libuvs copy times before they copy the content: of empty files the times stay.
  const isOld = mtimeMs < longAgoMs && !(stats.isFile() && Number(size) === 0);
  return {
    type: typeNameOf(stats),
    kind: typeof mode,
    mode: Number(mode).toString(8),
    nlink: Number(nlink),
    uid: Number(uid),
    gid: Number(gid),
    ...(stats.isDirectory() ? {} : { size: Number(size) }),
    mtime: isOld ? mtimeMs : 'now',
    ...('mtimeNs' in stats && isOld ? { mtimeNs: `${stats.mtimeNs}` } : {}),
  };
}

/** Every entry below a path, with what it holds. */
export function treeOf(fs: Fs, path: string): string[] {
  const lines: string[] = [];
  const visit = (at: string): void => {
    const stats = fs.lstatSync(at) as NodeFs.Stats;
    let content = '';
    if (stats.isFile()) content = (fs.readFileSync(at) as Buffer).toString('base64');
    else if (stats.isSymbolicLink()) content = fs.readlinkSync(at) as string;
    lines.push(`${at} ${JSON.stringify(plainStats(stats))} ${content}`);
    if (!stats.isDirectory()) return;
    for (const name of (fs.readdirSync(at) as string[]).sort()) visit(`${at}/${name}`);
  };
  if (fs.existsSync(path)) visit(path);
  return lines;
}
