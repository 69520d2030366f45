/** Errors are Node's: the same calls with the same wrong arguments on the host's fs and on ours, member by member. */

import * as hostFs from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';

const scratch = hostFs.mkdtempSync('/tmp/fs-compat-errors-');
const host = (hostFs as unknown as { default: Record<string, (...args: unknown[]) => unknown> }).default;
const { fs } = createVolume({ blockSize: 4096, blockCount: 256 });
const ours = fs as unknown as Record<string, (...args: unknown[]) => unknown>;

fs.mkdirSync(scratch, { recursive: true });
for (const each of [hostFs, fs as unknown as typeof hostFs]) {
  each.writeFileSync(`${scratch}/file`, 'content');
  each.mkdirSync(`${scratch}/dir/sub`, { recursive: true });
  each.symlinkSync('loop', `${scratch}/loop`);
  each.symlinkSync('nowhere', `${scratch}/dangling`);
}
afterAll(() => hostFs.rmSync(scratch, { recursive: true }));

interface Outcome {
  readonly name?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly syscall?: unknown;
  readonly errno?: unknown;
  readonly path?: unknown;
  readonly dest?: unknown;
}

function outcomeOf(error: unknown): Outcome {
  const { name, message, code, syscall, errno, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  // What `mkdtemp` tried, some versions say after it has become a name.
  const plain = (text: unknown): unknown =>
    typeof text === 'string' ? text.replace(/x-[A-Za-z0-9]{6}/, 'x-XXXXXX') : text;
  return { name, message: plain(message) as string, code, syscall, errno, path: plain(path), dest };
}

function outcome(call: () => unknown): Outcome | 'ok' {
  try {
    call();
    return 'ok';
  } catch (error) {
    return outcomeOf(error);
  }
}

/** Node 26 checks in another order, and says more of directories; the module follows 20, 22 and 24. */
const isLater = Number.parseInt(process.versions.node, 10) >= 26;

const none = `${scratch}/none`;
const below = `${scratch}/file/below`;

/** [function, arguments]: failures of the file system. */
const failures: [string, unknown[]][] = [
  ...[
    'access',
    'readFile',
    'stat',
    'lstat',
    'open',
    'readdir',
    'readlink',
    'rmdir',
    'unlink',
    'truncate',
    'realpath',
  ].flatMap((name): [string, unknown[]][] =>
    [none, below, `${scratch}/loop`, `${scratch}/dangling`, ''].map((path) => [name, [path]]),
  ),
  ['chmod', [none, 0o600]],
  ['chown', [none, 0, 0]],
  ['lchown', [none, 0, 0]],
  ['utimes', [none, 1, 1]],
  ['lutimes', [none, 1, 1]],
  ['mkdir', [`${scratch}/dir`]],
  ['mkdir', [`${none}/x`]],
  ['mkdir', [below]],
  ['mkdir', [`${scratch}/file`, { recursive: true }]],
  ['mkdir', [`${below}/x`, { recursive: true }]],
  ['rmdir', [`${scratch}/dir`]],
  ['rmdir', [`${scratch}/file`]],
  ['readdir', [`${scratch}/file`]],
  ['readFile', [`${scratch}/dir`]],
  ['readFile', [`${scratch}/dir`, 'utf8']],
  ['writeFile', [`${scratch}/dir`, 'x']],
  ['writeFile', [`${none}/x`, 'x']],
  ['writeFile', [`${scratch}/file`, 'x', { flag: 'wx' }]],
  ['appendFile', [`${none}/x`, 'x']],
  ['rename', [none, `${none}2`]],
  ['rename', [`${scratch}/dir`, `${scratch}/dir/sub/x`]],
  ['rename', [`${scratch}/file`, `${scratch}/dir`]],
  ['rename', [`${scratch}/dir/sub`, `${scratch}/file`]],
  ['symlink', ['x', `${scratch}/file`]],
  ['readlink', [`${scratch}/file`]],
  ['copyFile', [none, `${none}2`]],
  ['copyFile', [`${scratch}/file`, `${scratch}/dir`]],
  ['copyFile', [`${scratch}/file`, `${scratch}/loop`]],
  ['copyFile', [`${scratch}/file`, `${scratch}/file`, 1]],
  ['open', [`${scratch}/dir`, 'w']],
  ['open', [`${scratch}/${'n'.repeat(300)}`]],
  ['mkdtemp', [`${none}/x-`]],
  ['rm', [none]],
  ['statfs', [none]],
  ['close', [9999]],
  ['fstat', [9999]],
  ['fsync', [9999]],
  ['fdatasync', [9999]],
  ['ftruncate', [9999]],
  ['fchmod', [9999, 0]],
  ['fchown', [9999, 0, 0]],
  ['futimes', [9999, 1, 1]],
  ['readFile', [9999]],
  ['writeFile', [9999, 'x']],
];

/** [function, arguments]: failures of the caller. */
const mistakes: [string, unknown[]][] = [
  ...[undefined, null, 5, {}, [], true, 'a\0b', Symbol('x'), new URL('http://x/'), new URL('file://host/x')].flatMap(
    (path): [string, unknown[]][] =>
      ['access', 'stat', 'lstat', 'open', 'readdir', 'unlink', 'rmdir', 'readlink', 'mkdtemp', 'chmod'].map((name) => [
        name,
        [path, 0o600],
      ]),
  ),
  ...['x', -1, 1.5, Number.NaN, 2 ** 40, null, undefined, {}].flatMap((fd): [string, unknown[]][] =>
    ['close', 'fstat', 'fsync', 'fdatasync', 'ftruncate'].map((name) => [name, [fd]]),
  ),
  ['open', [none, 'bogus']],
  ['open', [none, {}]],
  ['open', [none, 1.5]],
  ['open', [none, 'r', 'z']],
  ['open', [none, 'r', -1]],
  ['open', [none, 'r', {}]],
  ['readFile', [none, 5]],
  ['readFile', [none, 'bogus']],
  ['readFile', [none, { encoding: 'bogus' }]],
  ['readFile', [none, { flag: 'bogus' }]],
  ['writeFile', [none, 5]],
  ['writeFile', [none, {}]],
  ['writeFile', [none, null]],
  ['writeFile', [none, 'x', { flush: 1 }]],
  ['writeFile', [none, 'x', { mode: 'z' }]],
  ['mkdir', [none, { recursive: 1 }]],
  ['mkdir', [none, 'z']],
  ['mkdir', [none, -1]],
  ['chmod', [none, 'z']],
  ['chmod', [none, {}]],
  ['chmod', [none, -1]],
  ['chown', [none, 'x', 1]],
  ['chown', [none, -2, 1]],
  ['chown', [none, 1, 1.5]],
  ['utimes', [none, {}, 1]],
  ['utimes', [none, 1, 'x']],
  ['utimes', [none, Number.NaN, 1]],
  ['futimes', [3, {}, 1]],
  ['truncate', [`${scratch}/file`, 'x']],
  ['truncate', [`${scratch}/file`, 1.5]],
  ['rename', [1, 2]],
  ['rename', ['a', 2]],
  ['link', [1, 2]],
  ['symlink', ['a', 2]],
  ['copyFile', ['a', 2]],
  ['copyFile', [1, 'a']],
  ['copyFile', [`${scratch}/file`, none, 8]],
  ['copyFile', [`${scratch}/file`, none, 'x']],
  ['access', [`${scratch}/file`, 8]],
  ['access', [`${scratch}/file`, 'x']],
  ['rm', [none, { recursive: 1 }]],
  ['rm', [none, { maxRetries: -1 }]],
  ['rm', [none, 'x']],
  ['readdir', [scratch, { recursive: 1 }]],
  ['readdir', [scratch, 'bogus']],
  ['opendir', [scratch, { bufferSize: 0 }]],
  ['opendir', [5]],
];

/** What Node itself says otherwise from version to version, or of the kernel's own numbers. */
const known = (name: string, args: unknown[]): string | undefined => {
  if (name === 'realpath' && args[0] === '') return 'the working directory is another';
  if (name === 'readFile' && args[0] === 9999) return 'Node 20 stumbles over its own list of buffers';
  if (name === 'opendir' && args.length === 2) return 'Node throws where nobody can catch it';
  return undefined;
};

describe.each([
  ['failures', failures],
  ['mistakes', mistakes],
] as const)('%s are those of the host', (_title, cases) => {
  const shown = (args: unknown[]): string => args.map((each) => String(JSON.stringify(each) ?? typeof each)).join(', ');

  it.each(cases.map(([name, args]) => [`${name}Sync`, shown(args).replaceAll(scratch, ''), args] as const))(
    '%s(%s)',
    (name, _shown, args) => {
      if (known(name.slice(0, -4), args) !== undefined) return;
      // A test's descriptors may be anything's on the host; those that nobody has are the same.
      expect(outcome(() => ours[name]!(...args))).toEqual(outcome(() => host[name]!(...args)));
    },
  );

  it.skipIf(isLater)('by callback and by promise as well', async () => {
    const byCallback = (module: typeof host, name: string, args: unknown[]): Promise<unknown> =>
      new Promise((resolve) => {
        const thrown = outcome(() =>
          module[name]!(...args, (error: unknown) => resolve(error ? outcomeOf(error) : 'ok')),
        );
        if (thrown !== 'ok') resolve({ thrown });
      });
    const byPromise = async (module: typeof host, name: string, args: unknown[]): Promise<unknown> => {
      const call = (module.promises as unknown as typeof host)[name];
      if (call === undefined) return undefined;
      return (call(...args) as Promise<unknown>).then(() => 'ok', outcomeOf);
    };
    const differing: unknown[] = [];
    for (const [name, args] of cases) {
      if (known(name, args) !== undefined) continue;
      for (const way of [byCallback, byPromise]) {
        const mine = await way(ours, name, args);
        const theirs = await way(host, name, args);
        try {
          expect(mine).toEqual(theirs);
        } catch {
          differing.push({ call: `${way.name} ${name}(${shown(args)})`, mine, theirs });
        }
      }
    }
    expect(differing).toEqual([]);
  });
});
