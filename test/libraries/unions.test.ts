/** Packages that make one fs of others: unionfs, memfs under and over an image, linkfs, fs-monkey. */
import hostFs, { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patchFs, patchRequire } from 'fs-monkey';
import { link } from 'linkfs';
import { memfs } from 'memfs';
import { Union } from 'unionfs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { createVolume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount, treeOf } from '../support/remount.ts';

/** unionfs declares the fs it takes as the one it gives. */
const union = (...layers: unknown[]) => {
  const all = new Union();
  for (const layer of layers) all.use(layer as never);
  return all as unknown as NodeFs;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'littlefs-union-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += chunk;
  return all;
}

describeWithPosixPaths('unionfs', () => {
  it("an image over the host's fs", async () => {
    plant(hostFs as unknown as NodeFs, { 'both.txt': 'host', 'host.txt': 'host', 'sub/h': '' }, folder);
    const vol = createVolume();
    plant(vol.fs, { 'both.txt': 'image', 'image.txt': 'image', 'sub/i': '' }, folder);
    const fs = union(hostFs, remount(vol).fs);

    expect(fs.readFileSync(`${folder}/both.txt`, 'utf8')).toBe('image');
    expect(fs.readFileSync(`${folder}/host.txt`, 'utf8')).toBe('host');
    expect(await fs.promises.readFile(`${folder}/both.txt`, 'utf8')).toBe('image');
    expect(await fs.promises.readFile(`${folder}/host.txt`, 'utf8')).toBe('host');
    expect(await new Promise((done) => fs.readFile(`${folder}/host.txt`, 'utf8', (_, data) => done(data)))).toBe(
      'host',
    );
    expect(await new Promise((done) => fs.stat(`${folder}/none`, (error) => done(error!.code)))).toBe('ENOENT');
    expect(fs.existsSync(`${folder}/image.txt`)).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['both.txt', 'host.txt', 'image.txt', 'sub']);
    expect((await fs.promises.readdir(`${folder}/sub`)).sort()).toEqual(['h', 'i']);
    expect(await new Promise((done) => fs.readdir(folder, (_, names) => done(names)))).toHaveLength(4);
    expect(fs.statSync(`${folder}/host.txt`).isFile()).toBe(true);
    expect(await text(fs.createReadStream(`${folder}/image.txt`, 'utf8'))).toBe('image');
    expect(await text(fs.createReadStream(`${folder}/host.txt`, 'utf8'))).toBe('host');
    expect(() => fs.readFileSync(`${folder}/none`)).toThrow('ENOENT');

    // Writing goes to the upper layer, where that has the folder.
    fs.writeFileSync(`${folder}/new.txt`, 'new');
    expect(hostFs.existsSync(`${folder}/new.txt`)).toBe(false);
    expect(fs.readFileSync(`${folder}/new.txt`, 'utf8')).toBe('new');
  });

  it('memfs over an image: changes are tried, the image stays as it is', async () => {
    const vol = createVolume();
    plant(vol.fs, { 'app/config.json': '{"a":1}', 'app/data.txt': 'data' });
    const before = vol.toImage();
    const { fs: overlay } = memfs({ '/app': null });
    const fs = union(vol.fs, overlay);

    fs.writeFileSync('/app/config.json', '{"a":2}');
    await fs.promises.writeFile('/app/new.txt', 'new');
    const writer = fs.createWriteStream('/app/stream.txt');
    await new Promise((done) => writer.end('streamed', done as () => void));
    expect(fs.readFileSync('/app/config.json', 'utf8')).toBe('{"a":2}');
    expect(fs.readFileSync('/app/data.txt', 'utf8')).toBe('data');
    expect(fs.readFileSync('/app/stream.txt', 'utf8')).toBe('streamed');
    expect(fs.readdirSync('/app')).toEqual(['config.json', 'data.txt', 'new.txt', 'stream.txt']);
    expect(vol.fs.readFileSync('/app/config.json', 'utf8')).toBe('{"a":1}');
    expect(Buffer.compare(vol.toImage(), before)).toBe(0);
  });

  it('an image over memfs, and an image over an image', async () => {
    const { fs: base } = memfs({ '/app/base.txt': 'memfs', '/app/both.txt': 'memfs' });
    const vol = createVolume();
    plant(vol.fs, { 'app/both.txt': 'image' });
    const fs = union(base, vol.fs);
    expect([fs.readFileSync('/app/base.txt', 'utf8'), fs.readFileSync('/app/both.txt', 'utf8')]).toEqual([
      'memfs',
      'image',
    ]);

    const lower = createVolume();
    plant(lower.fs, { 'etc/config': 'factory', 'etc/serial': '42' });
    const upper = createVolume();
    upper.fs.mkdirSync('/etc');
    const before = lower.toImage();
    const both = union(lower.fs, upper.fs);
    both.writeFileSync('/etc/config', 'changed');
    both.appendFileSync('/etc/log', 'line\n');
    expect(both.readdirSync('/etc')).toEqual(['config', 'log', 'serial']);
    expect(treeOf(remount(upper).fs)).toEqual({ 'etc/': '', 'etc/config': 'changed', 'etc/log': 'line\n' });
    expect(Buffer.compare(lower.toImage(), before)).toBe(0);
    const again = union(remount(lower).fs, remount(upper).fs);
    expect([again.readFileSync('/etc/config', 'utf8'), again.readFileSync('/etc/serial', 'utf8')]).toEqual([
      'changed',
      '42',
    ]);
  });
});

describeWithPosixPaths('linkfs', () => {
  it('shows paths of an image under other names', async () => {
    const vol = createVolume();
    plant(vol.fs, { 'real/dir/file': 'x' });
    const fs = link(vol.fs, ['/virtual', '/real/dir']) as NodeFs;
    expect(fs.readFileSync('/virtual/file', 'utf8')).toBe('x');
    await new Promise<void>((done, fail) =>
      fs.writeFile('/virtual/new', 'y', (error) => (error ? fail(error) : done())),
    );
    expect(fs.readdirSync('/virtual')).toEqual(['file', 'new']);
    expect(await text(fs.createReadStream('/virtual/new'))).toBe('y');
    expect(treeOf(remount(vol).fs)).toEqual({
      'real/': '',
      'real/dir/': '',
      'real/dir/file': 'x',
      'real/dir/new': 'y',
    });
  });
});

describeWithPosixPaths('fs-monkey', () => {
  it('patches an fs with what is on an image', async () => {
    const vol = createVolume();
    plant(vol.fs, { 'only/here.txt': 'image' });
    const { fs } = remount(vol);
    const target = { ...hostFs };
    const unpatch = patchFs(fs, target);
    expect(target.readFileSync('/only/here.txt', 'utf8')).toBe('image');
    expect(await text(target.createReadStream('/only/here.txt'))).toBe('image');
    unpatch();
    expect(() => target.readFileSync('/only/here.txt')).toThrow('ENOENT');
  });

  it('requires modules from an image', () => {
    const vol = createVolume();
    plant(vol.fs, {
      'app/index.js': "module.exports = require('./lib').twice(require('./data.json').n);",
      'app/lib/index.js': 'exports.twice = (n) => n * 2;',
      'app/data.json': '{ "n": 21 }',
    });
    const require = createRequire('/app/');
    const Module = require('node:module');
    const unpatch = patchRequire(remount(vol).fs, false, Module);
    try {
      expect(require('/app/index.js')).toBe(42);
    } finally {
      unpatch?.();
    }
  });
});
