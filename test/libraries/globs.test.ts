/**
 * Everything that walks a tree or matches names in it: on an image it finds what it finds on the host, in the same tree
 * with dot files, links, loops and names beyond ASCII.
 */
import hostFs, { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fsWalk from '@nodelib/fs.walk';
import fastGlob from 'fast-glob';
import { fdir } from 'fdir';
import { glob, globSync } from 'glob';
import { globby, globbySync } from 'globby';
import { PathScurry } from 'path-scurry';
import { glob as tinyglob, globSync as tinyglobSync } from 'tinyglobby';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { createVolume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount } from '../support/remount.ts';

const tree = {
  'a.js': '',
  'b.ts': '',
  '.hidden.js': '',
  '.config/rc.js': '',
  '.gitignore': 'ignored/\n*.log\n!keep.log\n',
  'empty/': '',
  'ignored/x.js': '',
  'debug.log': '',
  'keep.log': '',
  'lib/c.js': '',
  'lib/deep/d.js': '',
  'lib/deep/[odd] name.js': '',
  'lib/deep/größe-😀.js': '',
  'link.js': ' -> lib/c.js',
  dirlink: ' -> lib/deep',
  'lib/loop': ' -> ..',
  'broken.js': ' -> nowhere',
};

/** The tree's path, the same on the host and on the image. */
let cwd: string;
/** What the packages are given, as any declaration of an fs will have it. */
// biome-ignore lint/suspicious/noExplicitAny: each package declares its fs in its own way
let image: any;

beforeAll(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'littlefs-globs-')));
  plant(hostFs as unknown as NodeFs, tree, cwd);
  const vol = createVolume();
  plant(vol.fs, tree, cwd);
  image = remount(vol).fs;
  // What comes from the image must not come from the host by mistake.
  rmSync(join(cwd, 'b.ts'));
  image.unlinkSync(join(cwd, 'b.ts'));
  image.writeFileSync(join(cwd, 'of-the-image'), '');
  hostFs.writeFileSync(join(cwd, 'of-the-host'), '');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const notBoth = ['of-the-image', 'of-the-host'];
const own = (name: string) => !notBoth.some((other) => name.includes(other));
const sorted = (names: readonly unknown[]) => names.map(String).filter(own).sort();

type Find = (options: object) => readonly unknown[] | Promise<readonly unknown[]>;

/** The same on both, with `expected` among it (`<cwd>` is the tree's path), and nothing of the host on the image. */
async function findsAlike(find: Find, options: object, expected: string): Promise<void> {
  const onImage = await find({ cwd, fs: image, ...options });
  const onHost = await find({ cwd, ...options });
  expect(sorted(onImage)).toEqual(sorted(onHost));
  expect(onImage.map(String)).toContain(expected.replace('<cwd>', cwd));
  expect(onImage.filter((name) => String(name).includes('of-the-host'))).toEqual([]);
}

const noFollow = { followSymbolicLinks: false };

describeWithPosixPaths('fast-glob', () => {
  it.each<[string | string[], object, string]>([
    ['**', { dot: true, ...noFollow }, 'of-the-image'],
    ['*.js', {}, 'link.js'],
    ['*.js', { dot: true }, '.hidden.js'],
    ['**/*.js', {}, 'dirlink/d.js'],
    ['**/*.js', { ...noFollow, onlyFiles: false }, 'broken.js'],
    ['**/*.js', { ...noFollow, ignore: ['lib/**', 'ignored'] }, 'a.js'],
    [['lib/**', '!**/d.js'], { ...noFollow, deep: 2 }, 'lib/deep/[odd] name.js'],
    ['*', { onlyDirectories: true }, 'empty'],
    ['*', { markDirectories: true, onlyFiles: false }, 'empty/'],
    ['**/C.JS', { caseSensitiveMatch: false }, 'lib/c.js'],
    ['lib/deep/\\[odd\\] *', { absolute: true }, '<cwd>/lib/deep/[odd] name.js'],
    ['lib/*/d.js', { objectMode: false, stats: false, unique: false }, 'lib/deep/d.js'],
  ])('%j %j', async (pattern, options, expected) => {
    await findsAlike((all) => fastGlob(pattern, all), options, expected);
    await findsAlike((all) => fastGlob.sync(pattern, all), options, expected);
    const streamed = async (all: object) => {
      const names: unknown[] = [];
      for await (const name of fastGlob.stream(pattern, all)) names.push(name);
      return names;
    };
    await findsAlike(streamed, options, expected);
  });

  it('gives stats', async () => {
    const [entry] = await fastGlob('a.js', { cwd, fs: image, stats: true });
    expect(entry!.stats!.ino).toBe(image.statSync(join(cwd, 'a.js')).ino);
  });
});

describeWithPosixPaths('globby', () => {
  it.each<[string | string[], object, string]>([
    ['**/*.js', noFollow, 'ignored/x.js'],
    ['**/*.js', { ...noFollow, gitignore: true }, 'lib/c.js'],
    ['**', { ...noFollow, gitignore: true, dot: true }, 'keep.log'],
    [['lib', '!lib/c.js'], { ...noFollow, expandDirectories: true }, 'lib/deep/d.js'],
    ['lib', { ...noFollow, expandDirectories: { extensions: ['js'] } }, 'lib/deep/d.js'],
    ['**', { ...noFollow, ignoreFiles: '**/.gitignore' }, 'a.js'],
  ])('%j %j', async (pattern, options, expected) => {
    await findsAlike((all) => globby(pattern, all), options, expected);
    await findsAlike((all) => globbySync(pattern, all), options, expected);
  });
});

describeWithPosixPaths('tinyglobby', () => {
  it.each<[string | string[], object, string]>([
    ['**', { dot: true, ...noFollow }, 'of-the-image'],
    ['*.js', {}, 'link.js'],
    ['**/*.js', {}, 'dirlink/d.js'],
    ['**/*.js', { ...noFollow, ignore: ['**/lib/**'] }, 'a.js'],
    ['{.*,.config/*}', { dot: true }, '.config/rc.js'],
    ['*', { onlyDirectories: true, ...noFollow }, 'empty/'],
    ['lib/deep', { onlyFiles: false, ...noFollow }, 'lib/deep/größe-😀.js'],
  ])('%j %j', async (pattern, options, expected) => {
    await findsAlike((all) => tinyglob(pattern, all), options, expected);
    await findsAlike((all) => tinyglobSync(pattern, all), options, expected);
  });
});

describeWithPosixPaths('glob', () => {
  it.each<[string | string[], object, string]>([
    ['**', { dot: true }, 'of-the-image'],
    ['*.js', {}, 'broken.js'],
    ['**/*.js', { dot: true, ignore: 'lib/**' }, '.config/rc.js'],
    ['lib/**', { mark: true }, 'lib/deep/'],
    ['dirlink/*.js', { nodir: true }, 'dirlink/d.js'],
    ['**/d.js', { follow: true, maxDepth: 3 }, 'lib/deep/d.js'],
    ['*', { nodir: true, realpath: true }, 'lib/c.js'],
    ['lib/./deep/../*', { dotRelative: true }, './lib/c.js'],
    ['**/*.js', { absolute: true, posix: true, matchBase: true }, '<cwd>/lib/c.js'],
    ['*', { stat: true, withFileTypes: false }, 'a.js'],
  ])('%j %j', async (pattern, options, expected) => {
    await findsAlike((all) => glob(pattern, all), options, expected);
    await findsAlike((all) => globSync(pattern, all), options, expected);
  });
});

describeWithPosixPaths('walkers', () => {
  it.each<
    [string, (walker: fdir) => { crawl(path: string): { withPromise(): Promise<unknown>; sync(): unknown } }, string]
  >([
    ['relative, with folders', (walker) => walker.withRelativePaths().withDirs(), 'lib/deep/'],
    [
      'full paths through links',
      (walker) =>
        walker
          .withSymlinks()
          .withFullPaths()
          .filter((path) => path.endsWith('c.js')),
      '<cwd>/lib/c.js',
    ],
    [
      'links as they are named',
      (walker) => walker.withSymlinks({ resolvePaths: false }).withRelativePaths(),
      'dirlink/d.js',
    ],
    ['without a folder', (walker) => walker.exclude((name) => name === 'lib').withRelativePaths(), 'a.js'],
  ])('fdir: %s', async (_title, make, expected) => {
    // biome-ignore lint/suspicious/noExplicitAny: the option is declared as the functions of the host
    const walker = (fs: any) => make(fs === undefined ? new fdir() : new fdir({ fs })).crawl(cwd);
    await findsAlike(
      async (all) => (await walker((all as { fs?: unknown }).fs).withPromise()) as string[],
      {},
      expected,
    );
    await findsAlike((all) => walker((all as { fs?: unknown }).fs).sync() as string[], {}, expected);
  });

  it('path-scurry', async () => {
    const walk = { withFileTypes: false } as const;
    await findsAlike((all) => new PathScurry(cwd, all).walk(walk), {}, '<cwd>/lib/deep/größe-😀.js');
    await findsAlike((all) => new PathScurry(cwd, all).walkSync(walk), { follow: true }, '<cwd>/lib/c.js');
    const scurry = new PathScurry(cwd, { fs: image });
    expect(await scurry.readlink('link.js')).toBe(join(cwd, 'lib/c.js'));
    expect(await scurry.realpath('dirlink/d.js')).toBe(join(cwd, 'lib/deep/d.js'));
    expect((await scurry.lstat('a.js'))!.isFile()).toBe(true);
  });

  it('@nodelib/fs.walk', async () => {
    const settings = ({ fs = hostFs }: { fs?: NodeFs | typeof hostFs }) => {
      // Functions without their object.
      const { lstat, stat, lstatSync, statSync, readdir, readdirSync } = fs as typeof hostFs;
      return new fsWalk.Settings({
        fs: { lstat, stat, lstatSync, statSync, readdir, readdirSync } as never,
        stats: true,
        deepFilter: ({ name }) => !name.startsWith('.'),
      });
    };
    type Entries = ReturnType<typeof fsWalk.walkSync>;
    const walk = promisify(
      fsWalk.walk as (path: string, by: unknown, done: (error: unknown, found?: Entries) => void) => void,
    );
    const shown = (entries: Entries | undefined) =>
      entries!.map(({ path, stats }) => `${path.slice(cwd.length)} ${stats!.isDirectory()} ${stats!.isSymbolicLink()}`);
    await findsAlike(async (all) => shown(await walk(cwd, settings(all))), {}, '/lib/deep true false');
    await findsAlike((all) => shown(fsWalk.walkSync(cwd, settings(all))), {}, '/lib/deep/d.js false false');
    const streamed = async (all: object) => {
      const entries: Entries = [];
      for await (const entry of fsWalk.walkStream(cwd, settings(all))) entries.push(entry);
      return shown(entries);
    };
    await findsAlike(streamed, {}, '/dirlink false true');
  });
});
