/** `cp`, `rm` and `glob` walk whole trees: the same as the host's on the same tree. */

import * as hostFs from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { createVolume } from '../../src/index.ts';

const scratch = hostFs.realpathSync(hostFs.mkdtempSync('/tmp/fs-compat-trees-'));
afterAll(() => hostFs.rmSync(scratch, { recursive: true }));

type Fs = typeof hostFs;
let trees = 0;

/** The same tree on the host and on an image, in a directory of its own. */
function both(): { root: string; sides: Fs[]; ours: NodeFs } {
  const root = `${scratch}/${++trees}`;
  const { fs } = createVolume({ blockSize: 4096, blockCount: 512 });
  const sides = [hostFs, fs as unknown as Fs];
  for (const each of sides) {
    for (const dir of ['a/b/c', 'a/.hidden', 'b/d', 'empty']) each.mkdirSync(`${root}/${dir}`, { recursive: true });
    for (const file of ['a/1.js', 'a/b/2.js', 'a/b/c/3.txt', 'a/.hidden/4.js', 'b/d/ö.js', '0.js']) {
      each.writeFileSync(`${root}/${file}`, `content of ${file}`, { mode: 0o640 });
    }
    each.symlinkSync('../a', `${root}/b/link`);
    each.symlinkSync('nowhere', `${root}/b/dangling`);
    each.utimesSync(`${root}/a/1.js`, 1000, 2000);
  }
  return { root, sides, ours: fs };
}

/** Everything below a directory: type, mode, content. */
function listing(fs: Fs, root: string, path = ''): string[] {
  return fs
    .readdirSync(root + path)
    .sort()
    .flatMap((name) => {
      const child = `${path}/${name}`;
      const stats = fs.lstatSync(root + child);
      if (stats.isSymbolicLink()) return [`${child} -> ${fs.readlinkSync(root + child)}`];
      const line = `${child} ${stats.mode.toString(8)}`;
      return stats.isDirectory() ? [line, ...listing(fs, root, child)] : [`${line} ${fs.readFileSync(root + child)}`];
    });
}

function outcome(work: () => void): unknown {
  try {
    return work() ?? 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

describe('cp', () => {
  const cases: [string, string, string, hostFs.CopySyncOptions][] = [
    ['a tree', 'a', 'new/place', { recursive: true }],
    ['a tree over a tree', 'a', 'b', { recursive: true }],
    ['a tree without asking', 'a', 'new', {}],
    ['links followed', 'b/link', 'new', { recursive: true, dereference: true }],
    ['links as they are', 'b/link', 'new', { recursive: true, verbatimSymlinks: true }],
    ['into itself', 'a', 'a/b/inside', { recursive: true }],
    ['onto itself', '0.js', '0.js', {}],
    ['a file over a directory', '0.js', 'a', {}],
    ['a directory over a file', 'a', '0.js', { recursive: true }],
    ['what is not to be replaced', '0.js', 'a/1.js', { force: false, errorOnExist: true }],
    ['what may stay', '0.js', 'a/1.js', { force: false }],
    ['nothing', 'none', 'new', {}],
    ['some of it', 'a', 'new', { recursive: true, filter: (from) => !from.endsWith('.js') }],
  ];
  it.each(cases)('copies %s as the host does', async (_what, from, to, options) => {
    const { root, sides } = both();
    const results = sides.map((fs) => [
      outcome(() => fs.cpSync(`${root}/${from}`, `${root}/${to}`, options)),
      listing(fs, root),
    ]);
    expect(results[1]).toEqual(results[0]);
    const promised = both();
    for (const fs of promised.sides) {
      const code = await fs.promises.cp(`${promised.root}/${from}`, `${promised.root}/${to}`, options).then(
        () => 'ok',
        (error) => error.code,
      );
      expect(code).toBe(results[0]![0]);
    }
    expect(listing(promised.sides[1]!, promised.root)).toEqual(listing(promised.sides[0]!, promised.root));
  });

  it('keeps times to the nanosecond', () => {
    const { root, ours } = both();
    ours.utimesSync(`${root}/0.js`, 1.25, 1234567890.123456);
    ours.cpSync(`${root}/0.js`, `${root}/new`, { preserveTimestamps: true });
    const [from, to] = ['0.js', 'new'].map((name) => ours.statSync(`${root}/${name}`, { bigint: true }));
    expect([to!.atimeNs, to!.mtimeNs]).toEqual([from!.atimeNs, from!.mtimeNs]);
  });

  it('waits for filters that take their time, and gives others their turns', async () => {
    const { root, ours } = both();
    const filter = async (from: string): Promise<boolean> => !from.includes('hidden');
    await ours.promises.cp(`${root}/a`, `${root}/new`, { recursive: true, filter });
    expect(ours.readdirSync(`${root}/new`)).toEqual(['1.js', 'b']);
    expect(() => ours.cpSync(`${root}/a`, `${root}/x`, { recursive: true, filter: filter as never })).toThrow(
      /"filter" function/,
    );
  });
});

describe('rm', () => {
  const cases: [string, hostFs.RmOptions][] = [
    ['a', { recursive: true }],
    ['a', {}],
    ['b/link', { recursive: true }],
    ['none', {}],
    ['none', { force: true }],
    ['0.js', {}],
    ['0.js/below', { force: true }],
  ];
  it.each(cases)('removes %s with %o as the host does', async (path, options) => {
    const { root, sides } = both();
    const host = [outcome(() => sides[0]!.rmSync(`${root}/${path}`, options)), listing(sides[0]!, root)];
    expect([outcome(() => sides[1]!.rmSync(`${root}/${path}`, options)), listing(sides[1]!, root)]).toEqual(host);
    const promised = both();
    const code = await promised.ours.promises.rm(`${promised.root}/${path}`, options).then(
      () => 'ok',
      (error) => error.code,
    );
    expect([code, listing(promised.sides[1]!, promised.root)]).toEqual(host);
  });

  it('does not empty what it cannot remove', () => {
    const { root, sides } = both();
    const before = listing(sides[1]!, root);
    expect(outcome(() => sides[1]!.rmSync(`${root}/a/.`, { recursive: true }))).toBe('EINVAL');
    expect(listing(sides[1]!, root)).toEqual(before);
  });

  it('removes trees as deep as they come', () => {
    const { fs } = createVolume({ blockSize: 4096, blockCount: 4096 });
    const deep = '/d'.repeat(400);
    fs.mkdirSync(deep, { recursive: true });
    fs.writeFileSync(`${deep}/file`, '1');
    fs.rmSync('/d', { recursive: true });
    expect(fs.readdirSync('/')).toEqual([]);
  });
});

describe('glob', () => {
  const { root, ours } = both();
  const find = (pattern: string | string[], options: object = {}): string[] =>
    ours.globSync(pattern, { cwd: root, ...options }).sort();

  it.each([
    ['*.js', ['0.js']],
    ['**/*.js', ['0.js', 'a/1.js', 'a/b/2.js', 'b/d/ö.js']],
    ['**/.hidden/*', ['a/.hidden/4.js']],
    ['{a,b}/*', ['a/1.js', 'a/b', 'b/d', 'b/dangling', 'b/link']],
    ['a/!(b)', ['a/1.js']],
    ['a/**', ['a', 'a/1.js', 'a/b', 'a/b/2.js', 'a/b/c', 'a/b/c/3.txt']],
    ['a/[0-2].js', ['a/1.js']],
    ['b/link/*', ['b/link/1.js', 'b/link/b']],
    ['*/', ['a', 'b', 'empty']],
    ['./a/b/../?.js', ['a/1.js']],
    ['none/**', []],
  ])('finds %s', (pattern, found) => {
    expect(find(pattern)).toEqual(found);
  });

  const { globSync } = hostFs as unknown as { globSync?: (pattern: string, options: object) => string[] };
  // Node 20 has none; in Node 26 `**` looks no longer into the directories that links lead to.
  it
    .runIf(/^v2[24]\./.test(process.version))
    .each(['**/*', '**/*.js', './**/b', '**/b/**', '*/*/', 'a/**/..', '**/{b,d}/*', '+(a|b)/*', '**/link/*', '.*'])(
    'finds %s where Node does',
    (pattern) => {
      expect(find(pattern)).toEqual(globSync!(pattern, { cwd: root }).sort());
    },
  );

  it('leaves out what is excluded, by pattern and by function', () => {
    expect(find('**/*.js', { exclude: ['a/**'] })).toEqual(['0.js', 'b/d/ö.js']);
    expect(find('**/*.js', { exclude: (name: string) => name === 'b' })).toEqual(['0.js', 'a/1.js']);
  });

  it('has three faces', async () => {
    const sync = find('**/*.js');
    const back = await new Promise<string[]>((resolve, reject) =>
      ours.glob('**/*.js', { cwd: root }, (error: Error | null, found: string[]) =>
        error ? reject(error) : resolve(found),
      ),
    );
    const promised: string[] = [];
    const { glob } = ours.promises as unknown as { glob: (pattern: string, options: object) => AsyncIterable<string> };
    for await (const path of glob('**/*.js', { cwd: root })) promised.push(path);
    expect([back.sort(), promised.sort()]).toEqual([sync, sync]);
  });
});
