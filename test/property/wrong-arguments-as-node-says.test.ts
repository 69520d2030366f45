/**
 * Promise: whatever is passed to a function of `fs`, the same comes of it as in Node: success, or an error of the same
 * class with the same code and the same words. No descriptor stays open, and the image stays in order.
 *
 * Each call begins as one that works, and then some of its arguments are something else, or missing, or too many.
 */
import * as hostFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';
import { check } from '../../src/lfs/index.ts';
import { runs } from '../support/arbitraries.ts';

// biome-ignore lint/suspicious/noExplicitAny: members are called by name
type Fs = Record<string, any>;
type Kind =
  | 'path'
  | 'new'
  | 'dir'
  | 'fd'
  | 'mode'
  | 'flag'
  | 'number'
  | 'time'
  | 'data'
  | 'buffer'
  | 'buffers'
  | 'options'
  | 'count'
  | 'plainOptions';

const root = hostFs.mkdtempSync(join(tmpdir(), 'littlefs-vfs-wrong-'));
afterAll(() => hostFs.rmSync(root, { recursive: true, force: true }));

const host = (hostFs as unknown as { default: Fs }).default;
const volume = createVolume({ blockSize: 512, blockCount: 512 });
const ours = volume.fs as unknown as Fs;

/** What works. */
const right: Record<Kind, () => unknown> = {
  path: () => `${root}/file`,
  new: () => `${root}/new`,
  dir: () => `${root}/dir`,
  fd: () => 'fd',
  mode: () => 0o644,
  flag: () => 'r+',
  number: () => 2,
  time: () => 1000,
  data: () => 'text',
  buffer: () => Buffer.alloc(4),
  buffers: () => [Buffer.alloc(2)],
  options: () => undefined,
  count: () => 2,
  plainOptions: () => undefined,
};

/** What is no descriptor of anybody: the host's are real. */
const anything: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  -1,
  -0.5,
  1.5,
  99_999,
  2 ** 32,
  2 ** 53,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  70_000n,
  -(2n ** 70n),
  Symbol('x'),
  /x/,
  new Date(5),
  new Date(Number.NaN),
  {},
  [],
  ['utf8'],
  [Buffer.alloc(2), 'x'],
  Buffer.alloc(0),
  Buffer.from('a\0b'),
  new Uint16Array(3),
  new DataView(new ArrayBuffer(4)),
  new ArrayBuffer(4),
  new URL('http://x/y'),
  new URL('file://host/y'),
  new URL('file:///a%2Fb'),
  new Map(),
  Object.create(null),
  new Proxy({}, {}),
];
/** Only where no path is wanted: on the host they would be names in the working directory. */
const texts: readonly unknown[] = [
  '',
  'a\0b',
  'utf8',
  'hex',
  'bogus',
  'r',
  'wx',
  'zz',
  '0600',
  '8',
  '-1',
  'dir',
  ' ',
  '1e3',
];
/** None from 2^31 to 2^32: as modes they end the process in Node's C++. */
const numbers: readonly unknown[] = [0, 1, 5, 4096, 0o7777, 0o10000, -0, 0.1];
const options: readonly unknown[] = [
  { encoding: 'bogus' },
  { encoding: 'base64' },
  { encoding: 5 },
  { encoding: null },
  { recursive: 1 },
  { recursive: true },
  { recursive: true, maxRetries: -1 },
  { recursive: true, retryDelay: 'x' },
  { force: 'x' },
  { mode: 'z' },
  { mode: -1 },
  { mode: '0600' },
  { flag: 'zz' },
  { flag: 5.5 },
  { flag: 'a+' },
  { flags: 'zz' },
  { signal: {} },
  { signal: 5 },
  { flush: 'x' },
  { flush: true },
  { withFileTypes: true },
  { withFileTypes: 'x' },
  { bigint: true },
  { bigint: 'x' },
  { throwIfNoEntry: false },
  { offset: -1 },
  { offset: 1, length: 100 },
  { position: {} },
  { position: -2 },
  { position: 2n ** 65n },
  { start: 'x' },
  { start: -1 },
  { start: 5, end: 2 },
  { end: Number.NaN },
  { highWaterMark: 'x' },
  { fd: -1 },
  { fs: {} },
  { fs: 5 },
  { autoClose: 5 },
  { emitClose: 'x' },
  { preserveTimestamps: 5 },
  { filter: 5 },
  { dereference: 'x' },
  { errorOnExist: 5 },
  { type: 5 },
  { persistent: 'x' },
  { interval: 'x' },
];
const paths = (): readonly unknown[] => [
  `${root}/file`,
  `${root}/dir`,
  `${root}/none`,
  `${root}/file/below`,
  `${root}/none/below`,
  `${root}/a\0b`,
  `${root}/${'n'.repeat(256)}`,
  Buffer.from(`${root}/file`),
  new Uint8Array(Buffer.from(`${root}/file`)),
  new URL(`file://${root}/file`),
  '',
  'a\0b',
];

/** As options for a stream their methods would be taken for the stream's. */
const isPlain = (value: unknown): boolean => !ArrayBuffer.isView(value) && !(value instanceof Map);

const wrongFor = (kind: Kind): fc.Arbitrary<unknown> => {
  if (kind === 'plainOptions') return wrongFor('options').filter(isPlain);
  // Anything else as a length ends the process in Node's C++.
  if (kind === 'count') return fc.constantFrom(undefined, null, 0, 1, 5, -1, 4096, 99_999);
  const isPath = kind === 'path' || kind === 'new' || kind === 'dir';
  const pools = isPath
    ? [anything, anything, paths(), options]
    : kind === 'fd'
      ? [anything, options, paths()]
      : [anything, anything, texts, numbers, options, paths()];
  return fc.oneof(...pools.map((pool) => fc.constantFrom(...pool)));
};

/** [member, kinds of its arguments]. */
const members: Record<string, Kind[]> = {
  access: ['path', 'number'],
  appendFile: ['path', 'data', 'options'],
  chmod: ['path', 'mode'],
  chown: ['path', 'number', 'number'],
  close: ['fd'],
  copyFile: ['path', 'new', 'number'],
  cp: ['path', 'new', 'options'],
  exists: ['path'],
  fchmod: ['fd', 'mode'],
  fchown: ['fd', 'number', 'number'],
  fdatasync: ['fd'],
  fstat: ['fd', 'options'],
  fsync: ['fd'],
  ftruncate: ['fd', 'number'],
  futimes: ['fd', 'time', 'time'],
  lchown: ['path', 'number', 'number'],
  link: ['path', 'new'],
  lstat: ['path', 'options'],
  lutimes: ['path', 'time', 'time'],
  mkdir: ['new', 'options'],
  mkdtemp: ['new', 'options'],
  open: ['path', 'flag', 'mode'],
  opendir: ['dir', 'options'],
  read: ['fd', 'buffer', 'number', 'number', 'number'],
  readdir: ['dir', 'options'],
  readFile: ['path', 'options'],
  readlink: ['path', 'options'],
  readv: ['fd', 'buffers', 'number'],
  realpath: ['path', 'options'],
  rename: ['path', 'new'],
  rm: ['path', 'options'],
  rmdir: ['dir', 'options'],
  stat: ['path', 'options'],
  statfs: ['path', 'options'],
  symlink: ['path', 'new', 'options'],
  truncate: ['path', 'number'],
  unlink: ['path'],
  utimes: ['path', 'time', 'time'],
  write: ['fd', 'buffer', 'number', 'number', 'number'],
  writeFile: ['new', 'data', 'options'],
  writev: ['fd', 'buffers', 'number'],
};
const handleMembers: Record<string, Kind[]> = {
  appendFile: ['data', 'options'],
  chmod: ['mode'],
  chown: ['number', 'number'],
  datasync: [],
  read: ['buffer', 'number', 'count', 'number'],
  readFile: ['options'],
  readv: ['buffers', 'number'],
  stat: ['options'],
  sync: [],
  truncate: ['number'],
  utimes: ['time', 'time'],
  write: ['buffer', 'number', 'number', 'number'],
  writeFile: ['data', 'options'],
  writev: ['buffers', 'number'],
};
const openMembers: Record<string, Kind[]> = {
  createReadStream: ['path', 'plainOptions'],
  createWriteStream: ['new', 'plainOptions'],
  watch: ['dir', 'plainOptions'],
  openAsBlob: ['path', 'plainOptions'],
};

interface WrongCall {
  readonly member: string;
  readonly args: readonly unknown[];
  /** How many arguments are not what works. */
  readonly faults: number;
}

function callsOf(kindsOf: Record<string, Kind[]>): fc.Arbitrary<WrongCall> {
  const each = Object.entries(kindsOf).map(([member, kinds]) => {
    const given = kinds.map((kind) =>
      fc.oneof(
        { weight: 2, arbitrary: fc.constant({ arg: right[kind](), fault: 0 }) },
        { weight: 1, arbitrary: wrongFor(kind).map((arg) => ({ arg, fault: 1 })) },
      ),
    );
    return fc.tuple(fc.tuple(...given), fc.nat(9), wrongFor('options')).map(([drawn, cut, extra]) => {
      const args = drawn.map(({ arg }) => arg);
      let faults = drawn.reduce((sum, { fault }) => sum + fault, 0);
      if (cut === 0 && args.length > 0) {
        args.pop();
        faults++;
      } else if (cut === 1 && args.length > 0) {
        args.push(extra);
        faults++;
      }
      return { member, args, faults };
    });
  });
  return fc.oneof(...each);
}

/** The same on both sides. */
function plant(fs: Fs): number {
  fs.rmSync(root, { recursive: true, force: true });
  fs.mkdirSync(`${root}/dir/sub`, { recursive: true });
  fs.writeFileSync(`${root}/file`, 'content');
  return fs.openSync(`${root}/file`, 'r+');
}

interface Outcome {
  readonly name?: string;
  readonly code?: unknown;
  readonly message?: string;
}

function failure(error: unknown): Outcome {
  const { name, code, message } = error as NodeJS.ErrnoException;
  // Tails of temporary names differ, and what `readlink` calls its path differs in Node's faces.
  const plain = message
    .replace(/new[A-Za-z0-9]{6}\b/, 'newXXXXXX')
    .replace(/oldPath/, 'path')
    // These are made in C++ by newer Nodes, with other words for what was received.
    .replace(/^(The "fd" argument .*)Received .*/, '$1')
    .replace(/ ''$/, '');
  return { name, code, message: code === 'ERR_FS_CP_EINVAL' ? code : plain };
}

async function close(fs: Fs, member: string, result: unknown): Promise<void> {
  if (member === 'open' && typeof result === 'number') fs.closeSync(result);
  else await (result as { close?: () => unknown } | undefined)?.close?.();
}

type Make = (fs: Fs, call: WrongCall, fd: number) => Promise<unknown>;

const withFd = (args: readonly unknown[], fd: number): unknown[] => args.map((arg) => (arg === 'fd' ? fd : arg));

const faces: Record<string, { calls: fc.Arbitrary<WrongCall>; make: Make }> = {
  sync: {
    calls: callsOf(members),
    make: async (fs, { member, args }, fd) => close(fs, member, fs[`${member}Sync`](...withFd(args, fd))),
  },
  callback: {
    calls: callsOf(members),
    make: (fs, { member, args }, fd) =>
      new Promise((resolve, reject) => {
        fs[member](...withFd(args, fd), (error: unknown, result: unknown) => {
          if (error && member !== 'exists') reject(error);
          else resolve(member === 'exists' ? undefined : close(fs, member, result));
        });
      }),
  },
  promise: {
    calls: callsOf(Object.fromEntries(Object.entries(members).filter(([member]) => member in host.promises))),
    // Node's `opendir` takes more than it should, a callback.
    make: async (fs, { member, args }) =>
      close(fs, member, await fs.promises[member](...(member === 'opendir' ? args.slice(0, 2) : args))),
  },
  handle: {
    calls: callsOf(handleMembers),
    make: async (fs, { member, args }) => {
      const handle = await fs.promises.open(`${root}/file`, 'r+');
      try {
        await handle[member](...args);
      } finally {
        await handle.close();
      }
    },
  },
  'streams and watchers': {
    calls: callsOf(openMembers),
    make: async (fs, { member, args }) => {
      const made = await fs[member](...args);
      if (member === 'watch') made.close();
      if (!member.endsWith('Stream')) return;
      await new Promise((resolve, reject) => {
        made.on('error', reject);
        made.on('close', resolve);
        if (member === 'createReadStream') made.resume();
        else made.end('text');
      });
    },
  },
};

async function outcomeOf(fs: Fs, make: Make, call: WrongCall, fd: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const never = new Promise((resolve) => {
      timer = setTimeout(resolve, 2000, 'nothing ever');
    });
    return (await Promise.race([make(fs, call, fd), never])) ?? 'ok';
  } catch (error) {
    return failure(error);
  } finally {
    clearTimeout(timer);
  }
}

async function outcome(fs: Fs, make: Make, call: WrongCall): Promise<unknown> {
  const fd = plant(fs);
  const result = await outcomeOf(fs, make, call, fd);
  // A number that is closed may be somebody else's by now.
  const closed = call.member === 'close' && call.args[0] === 'fd' && typeof result === 'string';
  if (!closed) fs.closeSync(fd);
  return result;
}

function lowestFree(): number[] {
  const fds = Array.from({ length: 6 }, () => ours.openSync('/', 'r') as number);
  for (const fd of fds) ours.closeSync(fd);
  return fds;
}

/** Which of several faults is told in which words is not the same in all versions of Node. */
function asTold(result: unknown, { faults }: WrongCall): unknown {
  if (typeof result === 'string' || faults < 2) return result;
  const { name, code } = result as Outcome;
  return { name, code };
}

/** Differences that are meant. */
function isMeant({ member }: WrongCall, mine: Outcome): boolean {
  // littlefs has one name for a file, and no files beyond its limits.
  if (member === 'link' && mine.code === 'EPERM') return true;
  return mine.code === 'EFBIG';
}

describe('wrong arguments', () => {
  // Where names without a directory lead to.
  ours.mkdirSync(process.cwd(), { recursive: true });

  it.each(Object.entries(faces))('%s', async (_face, { calls, make }) => {
    await fc.assert(
      fc.asyncProperty(calls, async (call) => {
        const theirs = await outcome(host, make, call);
        const before = lowestFree();
        const mine = await outcome(ours, make, call);
        if (!isMeant(call, mine as Outcome)) expect(asTold(mine, call)).toEqual(asTold(theirs, call));
        expect(lowestFree(), 'descriptors that are free').toEqual(before);
        volume.sync();
        expect(check(volume.device).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }),
      runs(500),
    );
  });
});
