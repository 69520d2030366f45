/** One file system over another: it behaves as one, and the lower layer is never changed. */
import hostFs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { memfs } from 'memfs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeFs } from '../src/fs-compat/index.ts';
import { createVolume, openVolume, overlayFs, type Volume } from '../src/index.ts';
import { describeWithPosixPaths, plant, remount, treeOf } from './support/remount.ts';

const files = {
  'a/one': 'one',
  'a/two': 'two',
  'a/deep/three': 'three',
  'b/four': 'four',
  'b/link': ' -> ../a',
  'b/dangling': ' -> ../nowhere',
  'empty/': '',
  top: 'top',
};

const lowerImage = (() => {
  const vol = createVolume({ size: 256 * 1024 });
  plant(vol.fs, files);
  vol.fs.chmodSync('/a/one', 0o640);
  vol.fs.chownSync('/a/one', 5, 6);
  vol.fs.utimesSync('/a/one', 1000, 2000.5);
  vol.fs.utimesSync('/a', 3000, 4000);
  return vol.toImage();
})();

function lowerVolume(): Volume {
  return openVolume(lowerImage, { readOnly: true });
}

describe('what is only in the lower layer', () => {
  it('is raised with its mode, owner and times, and so are the directories it is in', () => {
    const lower = lowerVolume();
    const upper = createVolume();
    const fs = overlayFs(lower.fs, upper.fs);
    fs.appendFileSync('/a/two', '!');
    fs.chmodSync('/a/one', 0o600);
    const again = remount(upper).fs;
    expect(treeOf(again)).toEqual({ 'a/': '', 'a/one': 'one', 'a/two': 'two!' });
    const { mode, uid, gid, mtimeMs } = again.statSync('/a/one');
    expect([mode & 0o777, uid, gid, mtimeMs]).toEqual([0o600, 5, 6, 2000_500]);
    expect(again.statSync('/a').mtimeMs).toBe(4000_000);
    expect(fs.statSync('/a/one').ino).not.toBe(fs.statSync('/a/deep/three').ino);
    expect(treeOf(lower.fs)).toEqual(treeOf(lowerVolume().fs));
  });

  it('is read and listed with what is in the upper one', () => {
    const upper = createVolume();
    plant(upper.fs, { 'a/two': 'upper two', 'a/new': 'new', b: 'a file covers a directory' });
    const fs = overlayFs(lowerVolume().fs, upper.fs);
    expect(treeOf(fs)).toEqual({
      'a/': '',
      'a/deep/': '',
      'a/deep/three': 'three',
      'a/new': 'new',
      'a/one': 'one',
      'a/two': 'upper two',
      b: 'a file covers a directory',
      'empty/': '',
      top: 'top',
    });
    expect(() => fs.readFileSync('/b/four')).toThrow("ENOTDIR: not a directory, open '/b/four'");
  });

  it('is removed without touching it, and stays removed with a set of one’s own', () => {
    const lower = lowerVolume();
    const upper = createVolume();
    const removed = new Set<string>();
    const fs = overlayFs(lower.fs, upper.fs, { removed });
    fs.unlinkSync('/top');
    fs.rmSync('/a', { recursive: true });
    fs.mkdirSync('/a');
    expect(fs.readdirSync('/a')).toEqual([]);
    expect(() => fs.readFileSync('/top')).toThrow("ENOENT: no such file or directory, open '/top'");
    fs.renameSync('/b', '/a/b');
    expect(fs.readFileSync('/a/b/four', 'utf8')).toBe('four');

    const again = overlayFs(lower.fs, remount(upper).fs, { removed: new Set(removed) });
    expect(Object.keys(treeOf(again))).toEqual(['a/', 'a/b/', 'a/b/dangling', 'a/b/four', 'a/b/link', 'empty/']);
    expect(treeOf(lower.fs)).toEqual(treeOf(lowerVolume().fs));
  });

  it('follows links from one layer into the other', () => {
    const upper = createVolume();
    plant(upper.fs, { 'to-lower': ' -> /b/link/deep' });
    const fs = overlayFs(lowerVolume().fs, upper.fs);
    expect(fs.realpathSync('/to-lower/three')).toBe('/a/deep/three');
    fs.writeFileSync('/b/dangling', 'not any more');
    expect(upper.fs.readFileSync('/nowhere', 'utf8')).toBe('not any more');
    fs.symlinkSync('loop', '/loop');
    expect(() => fs.statSync('/loop')).toThrow('ELOOP');
  });

  it('stays whole when the upper layer has no space for it', () => {
    const lower = createVolume();
    lower.fs.writeFileSync('/big', Buffer.alloc(200_000, 'big'));
    const upper = createVolume({ size: 64 * 1024 });
    const fs = overlayFs(lower.fs, upper.fs);
    expect(() => fs.appendFileSync('/big', '!')).toThrow('ENOSPC: no space left on device');
    expect(fs.readFileSync('/big').length).toBe(200_000);
    fs.writeFileSync('/big', 'small');
    expect(remount(upper).fs.readFileSync('/big', 'utf8')).toBe('small');
  });

  it('has descriptors, streams, handles and watchers', async () => {
    const fs = overlayFs(lowerVolume().fs);
    const events: unknown[] = [];
    const watcher = fs.watch('/a', (type, name) => events.push([type, name]));
    const upperFd = fs.openSync('/new', 'w+');
    const lowerFd = fs.openSync('/a/one', 'r');
    expect(upperFd).not.toBe(lowerFd);
    fs.writeSync(upperFd, 'new');
    expect(fs.readFileSync(lowerFd, 'utf8')).toBe('one');
    expect(() => fs.writeSync(lowerFd, 'x')).toThrow('EBADF');
    fs.fchmodSync(lowerFd, 0o600);
    expect(fs.statSync('/a/one').mode & 0o777).toBe(0o600);
    fs.closeSync(lowerFd);
    fs.closeSync(upperFd);
    expect(() => fs.closeSync(upperFd)).toThrow('EBADF');
    const writer = fs.createWriteStream('/a/two', { flags: 'r+', start: 1 });
    await new Promise((done) => writer.end('WO', done as () => void));
    let text = '';
    for await (const piece of fs.createReadStream('/a/two', { encoding: 'utf8', start: 1 })) text += piece;
    expect(text).toBe('WO');
    await using handle = await fs.promises.open('/a/deep/three', 'r+');
    await handle.truncate(2);
    expect(await handle.readFile('utf8')).toBe('th');
    await fs.promises.cp('/a', '/copy', { recursive: true, preserveTimestamps: true });
    expect(treeOf(fs, '/copy')).toEqual({ 'deep/': '', 'deep/three': 'th', one: 'one', two: 'tWO' });
    watcher.close();
    expect(events).toContainEqual(['change', 'two']);
  });
});

describe('any operations', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'one', 'two', 'deep', 'link', 'top', 'empty', 'new', 'dangling', '..'), {
      minLength: 1,
      maxLength: 3,
    })
    .map((names) => `/${names.join('/')}`);
  const text = fc.constantFrom('x', 'longer than before', '');
  const operation = fc.oneof(
    fc.tuple(
      fc.constant('writeFileSync'),
      path,
      text,
      fc.constantFrom({ flag: 'w' }, { flag: 'a' }, { flag: 'wx' }, { flag: 'r+' }),
    ),
    // What becomes of '..' depends on the order in which a tree goes.
    fc.tuple(
      fc.constant('rmSync'),
      path.filter((name) => !name.includes('..')),
      fc.constantFrom({}, { recursive: true }, { force: true }),
    ),
    fc.tuple(
      fc.constantFrom('unlinkSync', 'rmdirSync', 'readlinkSync', 'realpathSync', 'readdirSync', 'accessSync'),
      path,
    ),
    fc.tuple(fc.constant('mkdirSync'), path, fc.constantFrom({}, { recursive: true })),
    fc.tuple(fc.constantFrom('renameSync', 'copyFileSync', 'symlinkSync'), path, path),
    fc.tuple(fc.constant('chmodSync'), path, fc.constantFrom(0o600, 0o644)),
    fc.tuple(fc.constantFrom('utimesSync', 'lutimesSync'), path, fc.constantFrom(1, 2), fc.constantFrom(3, 4)),
    fc.tuple(fc.constant('truncateSync'), path, fc.constantFrom(0, 2, 5)),
    fc.tuple(fc.constant('readFileSync'), path, fc.constant('utf8')),
  );

  /** What a call gives, or its error as its reader sees it. */
  function outcome(fs: NodeFs, [name, ...args]: readonly unknown[]): unknown {
    try {
      // biome-ignore lint/suspicious/noExplicitAny: a call by name
      return (fs as any)[name as string](...args);
    } catch (error) {
      return (error as Error).message;
    }
  }

  it('give what they give on one volume, and the lower layer is as it was', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 12 }), (operations) => {
        const plain = openVolume(lowerImage);
        const lower = lowerVolume();
        const fs = overlayFs(lower.fs, createVolume({ size: 256 * 1024 }).fs);
        for (const each of operations) {
          expect({ each, outcome: outcome(fs, each) }).toEqual({ each, outcome: outcome(plain.fs, each) });
        }
        expect(treeOf(fs)).toEqual(treeOf(plain.fs));
        expect(Buffer.compare(lower.toImage(), lowerImage)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describeWithPosixPaths('other layers', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'littlefs-overlay-'));
    plant(hostFs as unknown as NodeFs, files, folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("an image over the host's fs", async () => {
    const upper = createVolume();
    const fs = overlayFs(hostFs, upper.fs);
    await fs.promises.appendFile(`${folder}/a/one`, ' more');
    fs.rmSync(`${folder}/b`, { recursive: true });
    fs.mkdirSync(`${folder}/made/deep`, { recursive: true });
    fs.cpSync(`${folder}/a`, `${folder}/made/a`, { recursive: true });
    expect(fs.readFileSync(`${folder}/made/a/deep/three`, 'utf8')).toBe('three');
    expect(fs.existsSync(`${folder}/b/four`)).toBe(false);
    expect(treeOf(hostFs as unknown as NodeFs, folder)).toEqual({
      'a/': '',
      'b/': '',
      ...files,
      'a/deep/': '',
    });
    expect(remount(upper).fs.readFileSync(`${folder}/a/one`, 'utf8')).toBe('one more');
  });

  it('memfs over an image', () => {
    const vol = createVolume();
    plant(vol.fs, files);
    const before = vol.toImage();
    const { fs: memory } = memfs();
    const fs = overlayFs(vol.fs, memory);
    fs.writeFileSync('/a/one', 'changed');
    fs.renameSync('/b', '/c');
    fs.unlinkSync('/top');
    expect(treeOf(fs)).toEqual({
      'a/': '',
      'a/deep/': '',
      'a/deep/three': 'three',
      'a/one': 'changed',
      'a/two': 'two',
      'c/': '',
      'c/dangling': ' -> ../nowhere',
      'c/four': 'four',
      'c/link': ' -> ../a',
      'empty/': '',
    });
    expect(Buffer.compare(vol.toImage(), before)).toBe(0);
  });

  it('an image over memfs, and that under a third layer', () => {
    const { fs: memory } = memfs({ '/etc/config': 'factory', '/etc/serial': '42' });
    const upper = createVolume();
    const two = overlayFs(memory, upper.fs);
    two.writeFileSync('/etc/config', 'changed');
    const three = overlayFs(two);
    three.rmSync('/etc/serial');
    three.writeFileSync('/etc/log', 'x');
    expect([three.readdirSync('/etc'), two.readdirSync('/etc')]).toEqual([
      ['config', 'log'],
      ['config', 'serial'],
    ]);
    expect(treeOf(upper.fs)).toEqual({ 'etc/': '', 'etc/config': 'changed' });
  });

  it('refuses what is no fs', () => {
    expect(() => overlayFs({} as never)).toThrow('lower is no fs: it has no openSync');
  });
});
