/**
 * Promise: the POSIX layer answers as the host's own file system does, call by call: the same values, the same error
 * codes, the same tree; and what it says after a sync is what a new mount finds.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { check, LittleFS } from '../../src/lfs/index.ts';
import { type PosixFs, Vfs } from '../../src/vfs/index.ts';
import { runs } from '../support/arbitraries.ts';
import { HostPosix } from '../support/host-posix.ts';

const names = ['a', 'b', 'ab', 'é', '.x', 'long-name-that-is-not-inline'];
const name = fc.constantFrom(...names);
/** Not the root: the host's could be moved away. */
const inner = fc.oneof(
  { weight: 8, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`) },
  { weight: 2, arbitrary: fc.tuple(name, name).map(([a, b]) => `/${a}/../${b}`) },
  { weight: 1, arbitrary: name.map((a) => `/${a}/`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('/a/.', '/a/b/..', '//a', '/a//b', `/${'n'.repeat(255)}`, `/${'n'.repeat(256)}`),
  },
);
const path = fc.oneof({ weight: 12, arbitrary: inner }, { weight: 1, arbitrary: fc.constantFrom('/', '/a/..') });
const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
};
const flags = fc
  .tuple(
    fc.constantFrom(O.RDONLY, O.WRONLY, O.RDWR),
    fc.subarray([O.CREAT, O.CREAT, O.EXCL, O.TRUNC, O.APPEND]),
    fc.constantFrom(0, 0, 0, 0, O.DIRECTORY, O.NOFOLLOW),
  )
  .map(([access, some, more]) => some.reduce((a, b) => a | b, access | more));
const size = fc.oneof(
  { weight: 5, arbitrary: fc.nat(20) },
  { weight: 5, arbitrary: fc.nat(700) },
  { weight: 5, arbitrary: fc.nat(9000) },
  { weight: 2, arbitrary: fc.integer({ min: 60_000, max: 140_000 }) },
);
const slot = fc.nat(3);

const calls = [
  { weight: 6, arbitrary: fc.record({ op: fc.constant('open' as const), path, flags, slot }) },
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('write' as const), slot, size, at: fc.oneof(fc.constant(-1), size) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('read' as const), slot, size, at: fc.oneof(fc.constant(-1), size) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('ftruncate' as const), slot, size }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('fstat' as const), slot }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('close' as const), slot }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('mkdir' as const), path }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('rmdir' as const), path: inner }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('unlink' as const), path: inner }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('rename' as const), path: inner, to: inner }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('symlink' as const),
      path,
      to: fc.oneof(name, inner, fc.constant('./a/.')),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('readlink' as const), path }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('stat' as const), path }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('lstat' as const), path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('chmod' as const), path, mode: fc.nat(0o7777) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('readdir' as const), path }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('realpath' as const), path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('truncate' as const), path, size }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('access' as const), path, mode: fc.constantFrom(0, 1, 2, 4, 7) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('copyFile' as const), path, to: path, exclusive: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('forget' as const) }) },
] as const;
const call = fc.oneof(...calls);
/** Few places, so that there is something to link, and names are made, moved and removed again. */
const spot = fc.constantFrom('/a', '/b', '/ab', '/d/a', '/d/b', '/d/e/a', '/x');
const callOrLink = fc.oneof(
  ...calls,
  { weight: 30, arbitrary: fc.record({ op: fc.constant('link' as const), path: spot, to: spot }) },
  { weight: 12, arbitrary: fc.record({ op: fc.constant('rename' as const), path: spot, to: spot }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('unlink' as const), path: spot }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('link' as const), path: inner, to: inner }) },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('open' as const),
      path: spot,
      flags: fc.constantFrom(O.RDWR | O.CREAT, O.RDWR | O.CREAT | O.TRUNC, O.RDWR),
      slot,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('chmod' as const), path: spot, mode: fc.nat(0o7777) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('symlink' as const), path: spot, to: name }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('stat' as const), path: spot }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('truncate' as const), path: spot, size }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('mkdir' as const), path: fc.constantFrom('/d', '/d/e') }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('sync' as const, 'forget' as const) }) },
);
type Call = typeof callOrLink extends fc.Arbitrary<infer T> ? T : never;

type Tried = Omit<HostPosix, 'dispose' | 'root'>;

/** Takes calls on one file system; slots hold descriptors. */
class Player {
  readonly fs: Tried;
  readonly slots: (number | undefined)[] = [];
  private seed = 1;

  constructor(fs: Tried) {
    this.fs = fs;
  }

  take(each: Call): unknown {
    const { fs } = this;
    try {
      switch (each.op) {
        case 'open': {
          const fd = fs.open(each.path, each.flags);
          const old = this.slots[each.slot];
          this.slots[each.slot] = fd;
          if (old !== undefined) fs.close(old);
          return 'ok';
        }
        case 'write': {
          const fd = this.slots[each.slot];
          const bytes = new Uint8Array(each.size);
          for (let i = 0; i < bytes.length; i++) {
            this.seed = (this.seed * 1103515245 + 12345) & 0x7fffffff;
            bytes[i] = this.seed >> 16;
          }
          return fd === undefined ? 'none' : fs.write(fd, bytes, 0, bytes.length, each.at);
        }
        case 'read': {
          const fd = this.slots[each.slot];
          const bytes = new Uint8Array(each.size + 2);
          return fd === undefined
            ? 'none'
            : [fs.read(fd, bytes, 1, each.size + 1, each.at), Buffer.from(bytes).toString('latin1')];
        }
        case 'ftruncate': {
          const fd = this.slots[each.slot];
          return fd === undefined ? 'none' : fs.ftruncate(fd, each.size);
        }
        case 'fstat': {
          const fd = this.slots[each.slot];
          return fd === undefined ? 'none' : statOf(fs.fstat(fd));
        }
        case 'close': {
          const fd = this.slots[each.slot];
          this.slots[each.slot] = undefined;
          return fd === undefined ? 'none' : fs.close(fd);
        }
        case 'mkdir':
        case 'rmdir':
        case 'unlink':
          return fs[each.op](each.path);
        case 'rename':
          return fs.rename(each.path, each.to);
        case 'link':
          return fs.link(each.path, each.to);
        case 'symlink':
          return fs.symlink(each.to, each.path);
        case 'readlink':
        case 'realpath':
          return fs[each.op](each.path);
        case 'stat':
        case 'lstat':
          return statOf(fs[each.op](each.path));
        case 'chmod':
          return fs.chmod(each.path, each.mode);
        case 'readdir':
          return fs.readdir(each.path).map(({ name: found, type }) => `${found} ${type.toString(8)}`);
        case 'truncate':
          return fs.truncate(each.path, each.size);
        case 'access':
          return fs.access(each.path, each.mode);
        case 'copyFile':
          // The host's libuv removes by name what it could not fill, and may hit the link that led there.
          if ((fs.stat(each.path).mode & 0o170000) === 0o040000) return 'directory';
          return fs.copyFile(each.path, each.to, each.exclusive);
        default:
          return undefined;
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      return code;
    }
  }

  end(): void {
    for (const fd of this.slots) if (fd !== undefined) this.fs.close(fd);
    this.slots.length = 0;
  }

  /** Every name with what can be asked about it; names of one file say which was the first. */
  tree(path = '/'): string[] {
    const lines: string[] = [];
    const first = new Map<number, string>();
    const visit = (at: string): void => {
      const stat = this.fs.lstat(at);
      if (!first.has(stat.ino)) first.set(stat.ino, at);
      lines.push(`${at} = ${first.get(stat.ino)} ${JSON.stringify(statOf(stat))} ${this.contentOf(at, stat.mode)}`);
      if ((stat.mode & 0o170000) !== 0o040000) return;
      for (const { name: each } of this.fs.readdir(at)) visit(`${at === '/' ? '' : at}/${Buffer.from(each, 'latin1')}`);
    };
    visit(path);
    return lines;
  }

  private contentOf(at: string, mode: number): string {
    if ((mode & 0o170000) === 0o120000) return this.fs.readlink(at);
    if ((mode & 0o170000) !== 0o100000) return '';
    const fd = this.fs.open(at, 0);
    const bytes = new Uint8Array(this.fs.fstat(fd).size + 1);
    const got = this.fs.read(fd, bytes, 0, bytes.length, 0);
    this.fs.close(fd);
    return Buffer.from(bytes.subarray(0, got)).toString('base64');
  }
}

function statOf({ mode, size, nlink }: { mode: number; size: number; nlink: number }): unknown {
  // Absolute targets are longer on the host.
  const hasSize = (mode & 0o170000) === 0o100000;
  return { mode: mode.toString(8), nlink, ...(hasSize ? { size } : {}) };
}

const hosts: HostPosix[] = [];
afterAll(() => {
  for (const host of hosts) host.dispose();
});

function volume(durability: 'close' | 'fsync', hardLinks: boolean, blockSize: number): { device: RamDevice; vfs: Vfs } {
  const device = new RamDevice({ blockSize, blockCount: (64 << 20) / blockSize });
  LittleFS.format(device);
  const options = { metadata: 'posix', durability, hardLinks, umask: process.umask() } as const;
  return { device, vfs: new Vfs(LittleFS.mount(device), options) };
}

describe("behaves like the host's fs", () => {
  it.each([
    ['close', false],
    ['fsync', false],
    ['close', true],
    ['fsync', true],
  ] as const)('durability %s, hard links: %s', (durability, hardLinks) => {
    fc.assert(
      fc.property(
        fc.array(hardLinks ? callOrLink : call, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(512, 4096),
        (calls, blockSize) => {
          const host = new HostPosix();
          hosts.push(host);
          const { device, vfs } = volume(durability, hardLinks, blockSize);
          const ours = new Player(vfs as PosixFs as unknown as Tried);
          const theirs = new Player(host);
          const done: unknown[] = [];
          try {
            for (const each of calls) {
              if (each.op === 'sync') vfs.sync();
              else if (each.op === 'forget') vfs.state.seenCommits = -1;
              else {
                const expected = theirs.take(each);
                done.push(each);
                expect(ours.take(each), JSON.stringify(done)).toEqual(expected);
              }
            }
            const tree = theirs.tree();
            expect(ours.tree(), 'tree').toEqual(tree);
            ours.end();
            theirs.end();
            vfs.sync();
            const again = new Player(new Vfs(LittleFS.mount(device)) as PosixFs as unknown as Tried);
            expect(again.tree(), 'after mounting again').toEqual(tree);
            const faults = check(device).findings.filter(({ severity }) => severity === 'error');
            expect(faults).toEqual([]);
          } finally {
            host.dispose();
            hosts.pop();
          }
        },
      ),
      runs(150),
    );
  });
});
