/**
 * Promise: the module is `node:fs`. The same random calls on the host's own and on ours, synchronous, with callbacks, as
 * promises, by descriptors, file handles and streams: the same results, the same errors to the letter, the same tree;
 * and what is there after a sync is there on a mount of its own.
 *
 * memfs has made the same calls too. What it does otherwise is in `memfsFaults`, and each of them is shown: Node and we
 * agree, memfs does not.
 */
import * as hostFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createFsFromVolume, Volume as MemfsVolume } from 'memfs';
import { afterAll, describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';
import { check } from '../../src/lfs/index.ts';
import { runs } from '../support/arbitraries.ts';
import { Bytes, type Call, type Face, type Fs, Player, treeOf } from '../support/node-calls.ts';

const base = hostFs.mkdtempSync(join(tmpdir(), 'littlefs-vfs-node-'));
/** The same absolute path on all sides, so that errors can be compared as they are. One `..` leads to nowhere bad. */
const root = `${base}/s/root`;
afterAll(() => hostFs.rmSync(base, { recursive: true, force: true }));

const host = (hostFs as unknown as { default: Fs }).default;

// ---- what is called

const name = fc.constantFrom('a', 'b', 'c', 'é', 'long-name-of-a-file.txt');
const inner = fc.oneof(
  { weight: 5, arbitrary: name },
  { weight: 4, arbitrary: fc.tuple(name, name).map((parts) => parts.join('/')) },
  { weight: 1, arbitrary: fc.tuple(name, name, name).map((parts) => parts.join('/')) },
  { weight: 1, arbitrary: name.map((a) => `${a}/`) },
  { weight: 1, arbitrary: fc.constantFrom('a//b', './a', 'a/./b', 'n'.repeat(256)) },
);
const plain = inner.map((path) => `${root}/${path}`);
/** Node 24's `rmSync` removes what a link leads to when there is a slash behind it. */
const notSlashed = plain.map((text) => text.replace(/\/$/, ''));
const path = fc.oneof(
  { weight: 12, arbitrary: plain },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([a, b]) => `${root}/${a}/../${b}`) },
  { weight: 1, arbitrary: fc.constant(root) },
);
/** Some as bytes, some as URLs. */
const anyPath = fc.oneof(
  { weight: 10, arbitrary: path },
  { weight: 1, arbitrary: path.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: path.map((text) => new URL(`file://${encodeURI(text)}`)) },
);
const size = fc.oneof(fc.nat(20), fc.nat(700), fc.nat(9000), fc.integer({ min: 60_000, max: 140_000 }));
const bytes = fc.record({ length: size, seed: fc.nat(255) }).map(({ length, seed }) => new Bytes(length, seed));
const data = fc.oneof(
  { weight: 3, arbitrary: bytes },
  { weight: 1, arbitrary: fc.constantFrom('', 'text', 'späße €') },
  { weight: 1, arbitrary: fc.array(fc.nat(65535)).map((numbers) => Uint16Array.from(numbers)) },
);
const encoding = fc.constantFrom(undefined, undefined, 'utf8', 'hex', 'base64', 'latin1', 'utf16le');
const mode = fc.constantFrom(0o777, 0o755, 0o700, 0o744, '711', 0o4755);
/** Long ago, so that it is not confused with now. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 900_000_000 }),
  fc.integer({ min: 0, max: 900_000_000 }).map((seconds) => new Date(seconds * 1000 + 250)),
  fc.constantFrom(123456.5, '86400', -3600),
);
const flag = fc.constantFrom('r', 'r+', 'w', 'w', 'w+', 'wx', 'a', 'a', 'a+', 'ax', 'rs+', 'as', 'wx+');
const at = fc.oneof(fc.constant(null), fc.nat(40), fc.nat(9000));
const face = fc.constantFrom('sync' as const, 'callback' as const, 'promise' as const);
/** From Node 22 on `cpSync` has messages, and modes of directories, of its own: ours is as the other faces. */
const cpFace = Number.parseInt(process.versions.node, 10) < 22 ? face : face.filter((each) => each !== 'sync');
const slot = fc.nat(2);
const options = (model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.record(model, { requiredKeys: [] });

type Args = fc.Arbitrary<unknown[]>;
/** [member, weight, its arguments]. */
const members: [string, number, Args][] = [
  ['access', 2, fc.tuple(anyPath, fc.constantFrom(0, 1, 2, 4, 7))],
  ['appendFile', 4, fc.tuple(anyPath, data)],
  ['chmod', 2, fc.tuple(anyPath, mode)],
  ['copyFile', 4, fc.tuple(path, path, fc.constantFrom(0, 0, hostFs.constants.COPYFILE_EXCL))],
  [
    'cp',
    3,
    fc.tuple(plain, plain, options({ recursive: fc.boolean(), force: fc.boolean(), errorOnExist: fc.boolean() })),
  ],
  ['exists', 2, fc.tuple(anyPath)],
  ['lstat', 3, fc.tuple(anyPath, options({ bigint: fc.boolean() }))],
  ['lutimes', 1, fc.tuple(path, time, time)],
  ['mkdir', 8, fc.tuple(anyPath, fc.oneof(fc.constant(undefined), options({ recursive: fc.boolean(), mode })))],
  ['opendir', 2, fc.tuple(anyPath)],
  ['readdir', 3, fc.tuple(path, options({ withFileTypes: fc.boolean(), recursive: fc.boolean() }))],
  ['readdir', 2, fc.tuple(anyPath, options({ withFileTypes: fc.boolean() }))],
  ['readFile', 5, fc.tuple(anyPath, options({ encoding, flag: fc.constantFrom('r', 'r+', 'a+') }))],
  ['readlink', 2, fc.tuple(anyPath, fc.constantFrom(undefined, 'buffer', 'hex'))],
  ['realpath', 2, fc.tuple(anyPath)],
  ['rename', 6, fc.tuple(anyPath, anyPath)],
  ['rm', 3, fc.tuple(notSlashed, options({ recursive: fc.boolean(), force: fc.boolean() }))],
  ['rmdir', 3, fc.tuple(plain)],
  ['stat', 4, fc.tuple(anyPath, options({ bigint: fc.boolean() }))],
  ['symlink', 4, fc.tuple(fc.oneof(name, plain, fc.constantFrom('./a/.', 'a/b', 'c/')), path)],
  ['truncate', 2, fc.tuple(path, size)],
  ['unlink', 3, fc.tuple(anyPath)],
  ['utimes', 2, fc.tuple(anyPath, time, time)],
  ['writeFile', 9, fc.tuple(anyPath, data, options({ flag, mode, encoding: fc.constantFrom('utf8', 'latin1') }))],
];
const byPath = fc.oneof(
  ...members.map(([member, weight, args]) => ({
    weight,
    arbitrary: fc.record({
      kind: fc.constant('path' as const),
      member: fc.constant(member),
      args,
      face: member === 'cp' ? cpFace : face,
    }),
  })),
);
const openMode = fc.tuple(anyPath, flag, mode);
/** [member, weight, arguments behind the descriptor]; of a file handle where that is what is open. */
const heldMembers: [string, number, Args][] = [
  ['read', 6, fc.tuple(fc.constant('room'), size, at)],
  ['write', 6, fc.tuple(bytes, fc.constant(0), fc.constant(undefined), at)],
  ['writeText', 2, fc.tuple(fc.constantFrom('text', 'späße €'), at, fc.constantFrom('utf8', 'latin1'))],
  ['readv', 1, fc.tuple(fc.constant('rooms'), size, at)],
  ['writev', 1, fc.tuple(fc.array(bytes, { minLength: 1, maxLength: 3 }), at)],
  ['stat', 3, fc.constant([])],
  ['truncate', 3, fc.tuple(size)],
  ['sync', 1, fc.constant([])],
  ['datasync', 1, fc.constant([])],
  ['chmod', 1, fc.tuple(mode)],
  ['utimes', 1, fc.tuple(time, time)],
  ['readFile', 2, fc.tuple(encoding)],
  ['writeFile', 2, fc.tuple(data)],
  ['appendFile', 2, fc.tuple(data)],
  ['close', 5, fc.constant([])],
];
const held = fc.oneof(
  ...heldMembers.map(([member, weight, args]) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant('held' as const), member: fc.constant(member), slot, args, face }),
  })),
);
const opening = fc.record({
  kind: fc.constant('open' as const),
  member: fc.constant('open'),
  slot,
  args: openMode,
  face,
});
const range = options({
  start: fc.nat(100),
  end: fc.integer({ min: 100, max: 70_000 }),
  highWaterMark: fc.constant(1000),
});
const streamed = fc.oneof(
  fc.record({
    kind: fc.constant('stream' as const),
    member: fc.constant('createReadStream'),
    args: fc.tuple(anyPath, range),
  }),
  fc.record({
    kind: fc.constant('stream' as const),
    member: fc.constant('createWriteStream'),
    args: fc.tuple(anyPath, options({ flags: fc.constantFrom('w', 'a', 'r+', 'wx'), start: fc.nat(100) }), bytes),
  }),
);
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 60, arbitrary: byPath },
  { weight: 10, arbitrary: opening },
  { weight: 30, arbitrary: held },
  { weight: 4, arbitrary: streamed },
) as fc.Arbitrary<Call>;

/** What is there when the random calls begin, so that not all of them fail. */
const made = (member: string, ...args: unknown[]): Call => ({ kind: 'path', member, args, face: 'sync' });
const holding = (slotOf: number, flags: string, faceOf: Face, file: string): Call => ({
  kind: 'open',
  member: 'open',
  slot: slotOf,
  args: [`${root}/${file}`, flags],
  face: faceOf,
});
const prelude: Call[] = [
  made('mkdir', `${root}/a/b`, { recursive: true }),
  made('writeFile', `${root}/c`, new Bytes(9000, 1)),
  made('writeFile', `${root}/a/c`, new Bytes(100, 2)),
  made('symlink', 'a', `${root}/é`),
  holding(0, 'r+', 'sync', 'c'),
  holding(1, 'a+', 'callback', 'a/c'),
  holding(2, 'r+', 'promise', 'c'),
];

// ---- on whom

function memfs(): Fs {
  const fs = createFsFromVolume(new MemfsVolume());
  return fs as unknown as Fs;
}

function volume(durability: 'close' | 'fsync') {
  return createVolume({
    blockCount: 2048,
    durability,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
  });
}

function started(fs: Fs): Player {
  (fs as unknown as typeof hostFs).rmSync(base, { recursive: true, force: true });
  (fs as unknown as typeof hostFs).mkdirSync(root, { recursive: true });
  return new Player(fs);
}

/** Differences that are meant: what Node itself does by accident. */
function isMeant(call: Call, expected: unknown, got: unknown): boolean {
  const codes = [expected, got].map((outcome) => (outcome as { code?: string } | undefined)?.code);
  const syscalls = [expected, got].map((outcome) => (outcome as { syscall?: string } | undefined)?.syscall);
  // Newer Nodes have none for what their C++ does not know.
  if (codes[0] === '' && codes[1] !== undefined) return true;
  // A link to itself with a slash behind it: wrong in two ways.
  if (codes[0] === 'EISDIR' && codes[1] === 'ELOOP') return true;
  if (!('face' in call)) return false;
  if (call.member === 'cp' && call.face === 'sync') {
    // It says another number than its other faces.
    return codes[0] === 'ERR_FS_EISDIR' && codes[1] === 'ERR_FS_EISDIR';
  }
  if (call.face === 'sync') return false;
  switch (call.member) {
    case 'cp':
      // Node looks at both ends at once, in two threads: where both fail, either may be first.
      if (syscalls.every((syscall) => syscall === 'lstat')) return true;
      // As below; and from some 24 on a directory that is there is an error where files would be, too.
      return (codes[0] === 'ENOTDIR' && codes[1] === 'ENOENT') || codes[0] === 'ERR_FS_CP_EEXIST';
    case 'readFile':
      // With a callback and a descriptor Node forgets that reading failed, and gives an empty buffer.
      return call.kind === 'held' && typeof expected === 'string' && (codes[1] === 'EBADF' || codes[1] === 'EISDIR');
    case 'mkdir':
      // Through a link to nothing: ENOENT from the synchronous one, ENOTDIR from the others, of a path nobody gave.
      return codes[0] === 'ENOTDIR' && codes[1] === 'ENOENT';
    default:
      return false;
  }
}

describe('behaves like node:fs', () => {
  it.each(['fsync', 'close'] as const)('durability %s', async (durability) => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 40, size: 'max' }), async (calls) => {
        const mine = volume(durability);
        const theirs = started(host);
        const ours = started(mine.fs as unknown as Fs);
        try {
          for (const each of [...prelude, ...calls]) {
            const expected = await theirs.take(each);
            const got = await ours.take(each);
            if (!isMeant(each, expected, got)) expect(got, `${each.member} differs`).toEqual(expected);
            // What of a tree has been copied before a failure depends on the order that a directory is read in.
            if (each.member === 'cp' && (expected as { code?: string } | undefined)?.code !== undefined) return;
          }
          const tree = treeOf(host, base);
          expect(treeOf(mine.fs as unknown as Fs, base), 'tree').toEqual(tree);
          await theirs.end();
          await ours.end();
          const again = mine.fork();
          expect(treeOf(again.fs as unknown as Fs, base), 'on another mount').toEqual(tree);
          expect(check(mine.device).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        } finally {
          await theirs.end();
          mine.close();
        }
      }),
      runs(250),
    );
  });
});

describe('rm of a link with a slash behind it leaves what it leads to', () => {
  it.each(['sync', 'callback', 'promise'] as const)('%s', async (faceOf) => {
    const mine = volume('fsync');
    const player = started(mine.fs as unknown as Fs);
    for (const each of prelude) await player.take(each);
    const args = [`${root}/é/`, { recursive: true }];
    const outcome = await player.take({ kind: 'path', member: 'rm', args, face: faceOf });
    // As Node: only one face says so.
    expect((outcome as { code?: string } | undefined)?.code).toBe(faceOf === 'sync' ? 'ENOTDIR' : undefined);
    expect(mine.fs.readdirSync(`${root}/a`)).toEqual(['b', 'c']);
    await player.end();
  });
});

type Show = (fs: typeof hostFs) => unknown;

function opened<T>(fs: typeof hostFs, flags: string, work: (fd: number) => T): T {
  const fd = fs.openSync(`${root}/a`, flags);
  try {
    return work(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * What memfs 4.80 does otherwise than Node, found by the same random calls: what it is, and calls that show it. Most of
 * these have many faces; one is enough.
 */
const memfsFaults: [string, Show][] = [
  ['takes `..` off the text: what is before it need not be there', (fs) => fs.writeFileSync(`${root}/none/../a`, '')],
  [
    'takes `..` off the text: behind a link it is the wrong directory',
    (fs) => {
      fs.mkdirSync(`${root}/a/b`, { recursive: true });
      fs.symlinkSync('a/b', `${root}/l`);
      fs.writeFileSync(`${root}/l/../x`, '');
      return fs.readdirSync(`${root}/a`).sort();
    },
  ],
  ['has names of any length', (fs) => fs.writeFileSync(`${root}/${'n'.repeat(256)}`, '')],
  [
    'knows no slash behind a file',
    (fs) => {
      fs.writeFileSync(`${root}/a`, '');
      return fs.statSync(`${root}/a/`).size;
    },
  ],
  [
    'makes a directory over a file and says nothing',
    (fs) => {
      fs.writeFileSync(`${root}/a`, '');
      fs.mkdirSync(`${root}/a/`, { recursive: true });
    },
  ],
  ['says of the first directory made what was asked for', (fs) => fs.mkdirSync(`${root}/a//b`, { recursive: true })],
  [
    'has no umask',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      return fs.statSync(`${root}/a`).mode;
    },
  ],
  ["does not know the flag 'as'", (fs) => fs.writeFileSync(`${root}/a`, '', { flag: 'as' })],
  ['gives its own node where a link is made', (fs) => fs.promises.symlink('a', `${root}/l`)],
  ['says `realpath` where Node says `lstat`', (fs) => fs.realpathSync(`${root}/none`)],
  ['names the directory above in errors of mkdir', (fs) => fs.mkdirSync(`${root}/none/a`)],
  ['says EPERM of unlinking a directory', (fs) => fs.unlinkSync(root)],
  ['reads what is open for writing', (fs) => opened(fs, 'w', (fd) => fs.readSync(fd, Buffer.alloc(4)))],
  [
    'moves a directory into itself, and loses it',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      fs.renameSync(`${root}/a`, `${root}/a/b`);
    },
  ],
  [
    'streams a directory',
    (fs) =>
      new Promise<void>((resolve, reject) => {
        fs.createReadStream(root).on('error', reject).on('close', resolve).resume();
      }),
  ],
  [
    'moves a file over a directory',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      fs.writeFileSync(`${root}/b`, '');
      fs.renameSync(`${root}/b`, `${root}/a`);
    },
  ],
  [
    'moves a directory over a file',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      fs.writeFileSync(`${root}/b`, '');
      fs.renameSync(`${root}/a`, `${root}/b`);
    },
  ],
  [
    'moves a directory over one that is not empty',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      fs.mkdirSync(`${root}/b/c`, { recursive: true });
      fs.renameSync(`${root}/a`, `${root}/b`);
    },
  ],
  [
    'writes what is open for reading',
    (fs) => {
      fs.writeFileSync(`${root}/a`, '');
      return opened(fs, 'r', (fd) => fs.writeSync(fd, 'text'));
    },
  ],
  [
    'cuts what is open for reading',
    (fs) => {
      fs.writeFileSync(`${root}/a`, 'text');
      opened(fs, 'r', (fd) => fs.ftruncateSync(fd, 1));
    },
  ],
  [
    'has the time of a change in thousandths only',
    (fs) => {
      fs.writeFileSync(`${root}/a`, '');
      fs.utimesSync(`${root}/a`, 1, 2.000001);
      return fs.statSync(`${root}/a`, { bigint: true }).mtimeNs > 2_000_000_500n;
    },
  ],
  [
    'changes the time of the content with the mode',
    (fs) => {
      fs.writeFileSync(`${root}/a`, '');
      fs.utimesSync(`${root}/a`, 1, 2);
      fs.chmodSync(`${root}/a`, 0o600);
      return fs.statSync(`${root}/a`).mtimeMs;
    },
  ],
  [
    'removes what a link leads to with the link',
    (fs) => {
      fs.mkdirSync(`${root}/a`);
      fs.writeFileSync(`${root}/a/x`, '');
      fs.symlinkSync('a', `${root}/l`);
      fs.rmSync(`${root}/l`, { recursive: true });
      return fs.readdirSync(root).concat(fs.readdirSync(`${root}/a`));
    },
  ],
];

describe("what memfs does wrong, and we don't", () => {
  it.each(memfsFaults)('%s', async (_what, show) => {
    const outcomes: unknown[] = [];
    for (const fs of [host, volume('fsync').fs as unknown as Fs, memfs()]) {
      const player = started(fs);
      outcomes.push(await player.outcomeOf(() => show(fs as unknown as typeof hostFs)));
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).not.toEqual(outcomes[0]);
  });
});
