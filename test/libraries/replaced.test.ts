/** Packages that take no fs: they are loaded with the image's in place of `node:fs`, and work on it unknowing. */
import { once } from 'node:events';
import { inherits } from 'node:util';
import { expect, it } from 'vitest';
import { createVolume, type Volume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount, treeOf } from '../support/remount.ts';
import { requireWithFs } from '../support/replace-fs.ts';

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describeWithPosixPaths('graceful-fs', () => {
  function graceful(vol: Volume) {
    // `gracefulify` patches what it is given: here the volume's own module.
    return requireWithFs(vol.fs, 'graceful-fs').gracefulify(vol.fs) as Volume['fs'];
  }

  it('waits for descriptors when there are none left', async () => {
    const vol = createVolume();
    const { open } = vol.fs;
    let failures = 3;
    // biome-ignore lint/suspicious/noExplicitAny: it passes on what it gets
    vol.fs.open = ((...args: any[]) => {
      if (failures-- <= 0) return (open as (...args: unknown[]) => void)(...args);
      setImmediate(args.at(-1), Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
    }) as typeof open;
    const fs = graceful(vol);
    const fds = await Promise.all(
      Array.from(
        { length: 20 },
        (_, n) =>
          new Promise<number>((done, fail) => {
            fs.open(`/f${n}`, 'w', (error, fd) => (error ? fail(error) : done(fd)));
          }),
      ),
    );
    for (const fd of fds) {
      fs.writeSync(fd, 'x');
      fs.closeSync(fd);
    }
    expect(remount(vol).fs.readdirSync('/')).toHaveLength(20);
  });

  it('has streams, which can be subclassed in the old way', async () => {
    const vol = createVolume();
    const fs = graceful(vol);
    const writer = fs.createWriteStream('/stream.txt');
    expect(writer).toBeInstanceOf(fs.WriteStream);
    writer.end('through graceful-fs');
    await once(writer, 'finish');

    // biome-ignore lint/suspicious/noExplicitAny: classes as they were before there was `class`
    function Upper(this: any, path: string) {
      (fs.ReadStream as unknown as { call(self: unknown, path: string): void }).call(this, path);
      this.setEncoding('utf8');
    }
    inherits(Upper, fs.ReadStream);
    const reader = new (Upper as unknown as new (path: string) => NodeJS.ReadableStream)('/stream.txt');
    expect(reader).toBeInstanceOf(fs.ReadStream);
    let text = '';
    for await (const chunk of reader) text += chunk;
    expect(text).toBe('through graceful-fs');
    expect(remount(vol).fs.readFileSync('/stream.txt', 'utf8')).toBe(text);
  });

  it('keeps what it patches working: rename, readdir, readFile, copyFile, chown', async () => {
    const vol = createVolume();
    plant(vol.fs, { b: 'b', a: 'a' });
    const fs = graceful(vol);
    await new Promise<void>((done, fail) => fs.rename('/a', '/c', (error) => (error ? fail(error) : done())));
    await new Promise<void>((done, fail) => fs.copyFile('/b', '/d', (error) => (error ? fail(error) : done())));
    const names = await new Promise((done) => fs.readdir('/', (_error, found) => done(found)));
    expect(names).toEqual(['b', 'c', 'd']);
    await new Promise<void>((done) => fs.appendFile('/d', '!', () => done()));
    fs.chownSync('/d', 5, 6);
    expect(fs.statSync('/d').uid).toBe(5);
    expect(treeOf(remount(vol).fs)).toEqual({ b: 'b', c: 'a', d: 'b!' });
  });
});

describeWithPosixPaths('fs-extra', () => {
  it('copies, moves, outputs, ensures, empties, removes, reads and writes JSON', async () => {
    const vol = createVolume();
    const extra = requireWithFs(vol.fs, 'fs-extra');
    await extra.outputFile('/a/deep/file.txt', 'content');
    extra.outputJsonSync('/a/config.json', { answer: 42 }, { spaces: 2 });
    await extra.ensureSymlink('/a/deep/file.txt', '/a/links/link');
    await extra.ensureDir('/a/empty', 0o700);
    vol.fs.utimesSync('/a/config.json', 1, 2);

    await extra.copy('/a', '/b', { preserveTimestamps: true, filter: (from: string) => !from.endsWith('empty') });
    extra.copySync('/a/deep', '/b/copied');
    await extra.move('/b/copied/file.txt', '/c/moved.txt');
    await expect(extra.move('/b/deep', '/a/deep')).rejects.toThrow('dest already exists');
    await extra.emptyDir('/a/links');
    await extra.remove('/a/deep');
    extra.ensureFileSync('/c/ensured');
    expect(await extra.pathExists('/c/ensured')).toBe(true);
    await new Promise<void>((done) => extra.mkdirp('/c/by/callback', () => done()));

    const again = remount(vol);
    expect(treeOf(again.fs)).toEqual({
      'a/': '',
      'a/config.json': '{\n  "answer": 42\n}\n',
      'a/empty/': '',
      'a/links/': '',
      'b/': '',
      'b/config.json': '{\n  "answer": 42\n}\n',
      'b/copied/': '',
      'b/deep/': '',
      'b/deep/file.txt': 'content',
      'b/links/': '',
      'b/links/link': ' -> /a/deep/file.txt',
      'c/': '',
      'c/by/': '',
      'c/by/callback/': '',
      'c/ensured': '',
      'c/moved.txt': 'content',
    });
    expect(again.fs.statSync('/b/config.json').mtimeMs).toBe(2000);
    expect(again.fs.statSync('/a/empty').mode & 0o777).toBe(0o700);
    expect(await requireWithFs(again.fs, 'fs-extra').readJson('/b/config.json')).toEqual({ answer: 42 });
  });

  it('has promises of the calls with two results', async () => {
    const vol = createVolume();
    const extra = requireWithFs(vol.fs, 'fs-extra');
    const fd = await extra.open('/f', 'w+');
    expect((await extra.write(fd, Buffer.from('0123456789'))).bytesWritten).toBe(10);
    const { bytesRead, buffer } = await extra.read(fd, Buffer.alloc(4), 0, 4, 3);
    expect([bytesRead, buffer.toString()]).toEqual([4, '3456']);
    expect((await extra.writev(fd, [Buffer.from('a'), Buffer.from('b')], 0)).bytesWritten).toBe(2);
    await extra.fsync(fd);
    await extra.close(fd);
    expect(remount(vol).fs.readFileSync('/f', 'utf8')).toBe('ab23456789');
  });
});

describeWithPosixPaths('rimraf', () => {
  it.each(['native', 'manual', 'posix', 'moveRemove', 'windows'])('%s', async (way) => {
    const vol = createVolume();
    const { rimraf } = requireWithFs(vol.fs, 'rimraf');
    const files: Record<string, string> = { 'keep/x': '', 'gone/link': ' -> ../keep', 'gone/empty/': '' };
    for (let n = 0; n < 30; n++) files[`gone/${n % 3}/${n % 5}/${n}`] = 'x'.repeat(n * 10);
    plant(vol.fs, files);
    plant(vol.fs, files, '/too');
    const options = { tmp: '/', maxRetries: 1 };
    expect(await rimraf[way]('/gone', options)).toBe(true);
    expect(rimraf[`${way}Sync`]('/too/gone', options)).toBe(true);
    expect(await rimraf[way]('/not-there', options)).toBe(true);
    expect(treeOf(remount(vol).fs)).toEqual({
      'keep/': '',
      'keep/x': '',
      'too/': '',
      'too/keep/': '',
      'too/keep/x': '',
    });
  });

  it('by globs', async () => {
    const vol = createVolume();
    const { rimraf } = requireWithFs(vol.fs, 'rimraf');
    plant(vol.fs, { 'a.js': '', 'a.js.map': '', 'lib/b.js.map': '', 'lib/b.js': '' });
    await rimraf('/**/*.map', { glob: true });
    expect(Object.keys(treeOf(remount(vol).fs)).sort()).toEqual(['a.js', 'lib/', 'lib/b.js']);
  });
});

describeWithPosixPaths('write-file-atomic', () => {
  it('writes by a temporary file that is synced and renamed, in the order of the calls', async () => {
    const vol = createVolume();
    const synced: string[] = [];
    const { fsync } = vol.fs;
    vol.fs.fsync = ((fd: number, done: (error?: Error | null) => void) => {
      synced.push('fsync');
      fsync(fd, done as never);
    }) as typeof fsync;
    const writeFileAtomic = requireWithFs(vol.fs, 'write-file-atomic');
    vol.fs.writeFileSync('/config', 'old', { mode: 0o640 });
    vol.fs.chownSync('/config', 3, 4);
    const temporary: string[] = [];
    const tmpfileCreated = (path: string) => temporary.push(path);
    await Promise.all(['1', '2', '3'].map((text) => writeFileAtomic('/config', text, { tmpfileCreated })));
    writeFileAtomic.sync('/by-sync', Buffer.from('sync'), { mode: 0o600 });

    expect(new Set(temporary).size).toBe(3);
    expect(synced).toHaveLength(3);
    const { fs } = remount(vol);
    expect(treeOf(fs)).toEqual({ 'by-sync': 'sync', config: '3' });
    const { mode, uid, gid } = fs.statSync('/config');
    expect([mode & 0o777, uid, gid, fs.statSync('/by-sync').mode & 0o777]).toEqual([0o640, 3, 4, 0o600]);
  });

  it('leaves the file as it was, and no other, when there is no space', async () => {
    const vol = createVolume({ size: 64 * 1024 });
    const writeFileAtomic = requireWithFs(vol.fs, 'write-file-atomic');
    vol.fs.writeFileSync('/config', 'old');
    await expect(writeFileAtomic('/config', Buffer.alloc(128 * 1024))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(treeOf(remount(vol).fs)).toEqual({ config: 'old' });
  });
});

describeWithPosixPaths('sonic-boom', () => {
  const line = (n: number) => `{"level":30,"n":${n},"msg":"größe"}\n`;
  const lines = Array.from({ length: 500 }, (_, n) => line(n)).join('');

  it.each([
    { sync: false, minLength: 0 },
    { sync: false, minLength: 4096 },
    { sync: true, minLength: 0 },
    { sync: false, minLength: 256, fsync: true },
    { sync: false, minLength: 1024, contentMode: 'buffer' },
  ])('%j', async (options) => {
    const vol = createVolume();
    const SonicBoom = requireWithFs(vol.fs, 'sonic-boom');
    const stream = new SonicBoom({ dest: '/logs/app.log', mkdir: true, append: true, ...options });
    for (let n = 0; n < 500; n++) stream.write(options.contentMode ? Buffer.from(line(n)) : line(n));
    if (!options.sync) await once(stream, 'ready');
    await new Promise<void>((done, fail) => stream.flush((error?: Error) => (error ? fail(error) : done())));
    expect(vol.fs.readFileSync('/logs/app.log', 'utf8')).toBe(lines);
    // As log rotation does it.
    vol.fs.renameSync('/logs/app.log', '/logs/app.log.1');
    stream.reopen();
    await once(stream, 'ready');
    stream.write(options.contentMode ? Buffer.from(line(7)) : line(7));
    stream.end();
    await once(stream, 'close');
    expect(treeOf(remount(vol).fs)).toEqual({ 'logs/': '', 'logs/app.log': line(7), 'logs/app.log.1': lines });
  });

  it('flushes and ends without waiting', async () => {
    const vol = createVolume();
    const SonicBoom = requireWithFs(vol.fs, 'sonic-boom');
    const stream = new SonicBoom({ dest: '/log', minLength: 8192 });
    await once(stream, 'ready');
    stream.write('kept back\n');
    expect(vol.fs.readFileSync('/log', 'utf8')).toBe('');
    stream.flushSync();
    expect(remount(vol).fs.readFileSync('/log', 'utf8')).toBe('kept back\n');
    stream.destroy();
  });
});

describeWithPosixPaths('rotating-file-stream', () => {
  it('rotates by size, compresses, and removes the oldest', async () => {
    const vol = createVolume();
    const { createStream } = requireWithFs(vol.fs, 'rotating-file-stream');
    const stream = createStream('app.log', { path: '/logs', size: '1K', rotate: 3, compress: false });
    for (let n = 0; n < 12; n++) {
      stream.write(`${n}`.padStart(2).repeat(200));
      await pause(1);
    }
    stream.end();
    await once(stream, 'finish');
    const { fs } = remount(vol);
    expect((fs.readdirSync('/logs') as string[]).sort()).toEqual(['app.log', 'app.log.1', 'app.log.2', 'app.log.3']);
    expect(fs.statSync('/logs/app.log.1').size).toBe(1200);
    expect(fs.readFileSync('/logs/app.log.1', 'utf8').slice(-2)).toBe('11');
  });
});
