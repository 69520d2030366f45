/** Wrong types and values, at random, to every function: the same error code and class as from the host's fs. */

import * as hostFs from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';

type Fs = Record<string, (...args: unknown[]) => unknown>;

const host = (hostFs as unknown as { default: Fs }).default;
const scratch = hostFs.mkdtempSync('/tmp/fs-compat-bad-input-');
afterAll(() => hostFs.rmSync(scratch, { recursive: true }));

const { fs } = createVolume({ blockSize: 4096, blockCount: 256, cwd: () => scratch });
const ours = fs as unknown as Fs;

let changed = true;

/** The same tree on both sides; `none` is not there. */
function sameTrees(): void {
  if (!changed) return;
  for (const each of [hostFs, fs as unknown as typeof hostFs]) {
    each.rmSync(scratch, { recursive: true, force: true });
    each.mkdirSync(`${scratch}/dir/sub`, { recursive: true });
    each.writeFileSync(`${scratch}/file`, 'content');
  }
  changed = false;
}

function compare(name: string, mine: unknown, theirs: unknown): void {
  if (mine === 'ok' || theirs === 'ok') changed = true;
  if (!isKnown(name, mine, theirs)) expect(mine).toEqual(theirs);
}

// Small numbers and bare names are not among them: the host's descriptors and working directory are real. Nor are
// symbols and modes of more than 31 bits, which some versions of Node do not survive.
const values: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  -1,
  -0.5,
  1.5,
  9999,
  2 ** 40,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -(2n ** 70n),
  70000n,
  '',
  'a\0b',
  `${scratch}/file`,
  `${scratch}/dir`,
  `${scratch}/none`,
  `${scratch}/file/below`,
  {},
  [],
  ['utf8'],
  () => {},
  /x/,
  new Date(Number.NaN),
  new Date(5),
  Buffer.alloc(0),
  Buffer.alloc(5),
  Buffer.from(`${scratch}/file`),
  new Uint16Array(3),
  new DataView(new ArrayBuffer(4)),
  [Buffer.alloc(2), 'x'],
  [Buffer.alloc(2)],
  new URL('http://x/y'),
  new URL('file://host/y'),
  new URL('file:///a%2Fb'),
  { encoding: 'bogus' },
  { encoding: 'base64' },
  { recursive: 1 },
  { recursive: true, maxRetries: -1 },
  { mode: 'z' },
  { flag: 'zz' },
  { signal: {} },
  { signal: 5 },
  { flush: 'x' },
  { withFileTypes: true },
  { bigint: true },
  { throwIfNoEntry: false },
  { offset: -1 },
  { offset: 1, length: 100 },
  { position: {} },
];

const functions = [
  'access appendFile chmod chown close copyFile exists fchmod fchown fdatasync fstat fsync ftruncate futimes lchown link',
  'lstat lutimes mkdir open opendir read readFile readdir readlink readv realpath rename rm rmdir stat statfs symlink',
  'unlink utimes write writeFile writev',
]
  .join(' ')
  .split(' ');

interface Outcome {
  readonly name?: string;
  readonly code?: unknown;
}

function outcomeOf(error: unknown): Outcome {
  const { name, code } = error as NodeJS.ErrnoException;
  return { name, code };
}

/** Differences that are meant. */
function isKnown(name: string, mine: unknown, theirs: unknown): boolean {
  const code = (mine as Outcome).code;
  // Littlefs has neither links of that kind nor sparse files of any size.
  if (name === 'link' && code === 'EPERM') return true;
  return code === 'EFBIG' && theirs === 'ok';
}

const call = fc.record({
  name: fc.constantFrom(...functions),
  args: fc.array(fc.constantFrom(...values), { maxLength: 5 }),
});

/** Node 26 checks in another order; the module follows 20, 22 and 24. */
const isLater = Number.parseInt(process.versions.node, 10) >= 26;

describe.skipIf(isLater)('bad input', () => {
  const lowest = fs.openSync('/', 'r');
  fs.closeSync(lowest);

  it('gets the same error from the synchronous face', () => {
    const outcome = (module: Fs, name: string, args: unknown[]): unknown => {
      try {
        const result = module[`${name}Sync`]!(...args);
        if (name === 'open') module.closeSync!(result);
        if (name === 'opendir') (result as hostFs.Dir).closeSync();
        return 'ok';
      } catch (error) {
        return outcomeOf(error);
      }
    };
    fc.assert(
      fc.property(call, ({ name, args }) => {
        sameTrees();
        const mine = outcome(ours, name, args);
        const theirs = outcome(host, name, args);
        compare(name, mine, theirs);
      }),
      { numRuns: 1500 },
    );
    expect(fs.openSync('/', 'r')).toBe(lowest);
    fs.closeSync(lowest);
  });

  it('gets the same error from promises', async () => {
    const theirPromises = host.promises as unknown as Fs;
    const outcome = async (module: Fs, name: string, args: unknown[]): Promise<unknown> => {
      try {
        const result = await module[name]!(...args);
        if (name === 'open' || name === 'opendir') await (result as hostFs.promises.FileHandle).close();
        return 'ok';
      } catch (error) {
        return outcomeOf(error);
      }
    };
    const promised = call.filter(({ name, args }) => {
      // In Node a bad `bufferSize` is thrown where nobody can catch it.
      return name in theirPromises && !(name === 'opendir' && args.length > 1);
    });
    await fc.assert(
      fc.asyncProperty(promised, async ({ name, args }) => {
        sameTrees();
        const mine = await outcome(fs.promises as unknown as Fs, name, args);
        const theirs = await outcome(theirPromises, name, args);
        compare(name, mine, theirs);
      }),
      { numRuns: 800 },
    );
    expect(fs.openSync('/', 'r')).toBe(lowest);
    fs.closeSync(lowest);
  });
});
