/** What libraries rely on in an fs that is given to them, and `node:fs` does without a word in its documentation. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';

function makeFs() {
  return createVolume({ size: 8 << 20 }).fs;
}

describe('paths', () => {
  it('are text, bytes or file URLs', () => {
    const fs = makeFs();
    fs.writeFileSync(Buffer.from('/ö.txt'), 'x');
    expect(fs.readFileSync(pathToFileURL('/ö.txt'), 'utf8')).toBe('x');
    expect(fs.existsSync('/ö.txt')).toBe(true);
  });

  it('need not be valid UTF-8', () => {
    const fs = makeFs();
    const name = Buffer.from([0x2f, 0xff, 0xfe]);
    fs.writeFileSync(name, 'x');
    const [found] = fs.readdirSync('/', 'buffer');
    expect(found).toEqual(name.subarray(1));
    expect(fs.readFileSync(name, 'utf8')).toBe('x');
    expect(fs.readdirSync('/', { encoding: 'hex' })).toEqual(['fffe']);
  });

  it('follow a working directory of the module’s own', () => {
    let cwd = '/';
    const { fs } = createVolume({ size: 1 << 20, cwd: () => cwd });
    fs.mkdirSync('a/b', { recursive: true });
    cwd = '/a/b';
    fs.writeFileSync('file', 'x');
    expect(fs.realpathSync('.')).toBe('/a/b');
    expect(fs.readdirSync('/a/b')).toEqual(['file']);
  });
});

describe('the synchronous face', () => {
  it.each([10, 5000, 100_000, 1_000_000])('keeps what it was given, not the buffer: %i bytes', (size) => {
    const fs = makeFs();
    const data = Buffer.alloc(size, 'a');
    fs.writeFileSync('/f', data);
    const fd = fs.openSync('/g', 'w+');
    fs.writeSync(fd, data);
    fs.appendFileSync('/h', data);
    data.fill('b');
    fs.readFileSync('/f').fill('c');
    const wanted = Buffer.alloc(size, 'a');
    expect(['/f', '/g', '/h'].filter((path) => !fs.readFileSync(path).equals(wanted))).toEqual([]);
    fs.closeSync(fd);
  });

  it('gives descriptors from 3 on', () => {
    const fs = makeFs();
    fs.writeFileSync('/f', '');
    expect(fs.openSync('/f')).toBeGreaterThan(2);
    expect(fs.fstatSync(1).isCharacterDevice()).toBe(true);
  });

  it('leaves the times alone when owner and mode change', () => {
    const fs = makeFs();
    fs.writeFileSync('/f', '');
    fs.utimesSync('/f', 5, 6.5);
    fs.chmodSync('/f', 0o600);
    fs.chownSync('/f', 7, 8);
    const { mode, uid, gid, atimeMs, mtimeMs, mtime } = fs.statSync('/f');
    expect({ mode, uid, gid, atimeMs, mtimeMs, mtime }).toEqual({
      mode: 0o100600,
      uid: 7,
      gid: 8,
      atimeMs: 5000,
      mtimeMs: 6500,
      mtime: new Date(6500),
    });
  });

  it('has errors with the stack of the call', () => {
    const fs = makeFs();
    const failing = (): void => fs.unlinkSync('/none');
    expect(failing).toThrow(expect.objectContaining({ stack: expect.stringContaining('faces.test') }));
    expect(failing).toThrow(
      expect.objectContaining({ constructor: Error, errno: -2, syscall: 'unlink', path: '/none' }),
    );
  });

  it('calls what has been put in the place of its members', () => {
    const fs = makeFs();
    const called: string[] = [];
    for (const name of ['openSync', 'writeSync', 'readSync', 'fsyncSync', 'closeSync', 'ftruncateSync'] as const) {
      const original = fs[name] as (...args: unknown[]) => unknown;
      (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]): unknown => {
        called.push(name);
        return original(...args);
      };
    }
    fs.writeFileSync('/f', Buffer.from('content'), { flush: true });
    expect(called.splice(0)).toEqual(['openSync', 'writeSync', 'fsyncSync', 'closeSync']);
    expect(fs.readFileSync('/f').toString()).toBe('content');
    expect(called.splice(0)).toEqual(['openSync', 'readSync', 'closeSync']);
    fs.appendFileSync('/f', Buffer.from('!'));
    expect(called.splice(0)).toEqual(['openSync', 'writeSync', 'closeSync']);
    fs.truncateSync('/f', 3);
    expect(called).toEqual(['openSync', 'ftruncateSync', 'closeSync']);
  });
});

describe('the callback face', () => {
  it('calls back later, in order, in the context of the call', async () => {
    const fs = makeFs();
    const context = new AsyncLocalStorage<string>();
    const log: unknown[] = [];
    await new Promise<void>((resolve) => {
      context.run('first', () => fs.mkdir('/d', (error) => log.push([error, context.getStore()])));
      context.run('second', () =>
        fs.writeFile('/d/f', 'x', (error) => {
          log.push([error, context.getStore()]);
          // Before the next call is made, as it would be in a turn of its own.
          process.nextTick(() => log.push('tick'));
          void Promise.resolve().then(() => log.push('microtask'));
        }),
      );
      context.run('third', () =>
        fs.readFile('/d/f', 'utf8', (error, text) => {
          log.push([error, text, context.getStore()]);
          resolve();
        }),
      );
      log.push('asked');
    });
    expect(log).toEqual(['asked', [null, 'first'], [null, 'second'], 'tick', 'microtask', [null, 'x', 'third']]);
  });

  it('calls what has been put in the place of its members', async () => {
    const fs = makeFs();
    const called: string[] = [];
    for (const name of ['open', 'write', 'close'] as const) {
      const original = fs[name] as unknown as (...args: unknown[]) => void;
      (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]): void => {
        called.push(name);
        original(...args);
      };
    }
    await promisify(fs.writeFile)('/f', 'x');
    await promisify(fs.appendFile)('/f', 'y');
    expect(called).toEqual(['open', 'write', 'close', 'open', 'write', 'close']);
    expect(fs.readFileSync('/f', 'utf8')).toBe('xy');
  });

  it('gives both results when promisified', async () => {
    const fs = makeFs();
    fs.writeFileSync('/f', 'content');
    const fd = fs.openSync('/f', 'r+');
    const { bytesRead, buffer } = await promisify(fs.read)(fd, Buffer.alloc(3), 0, 3, 0);
    expect([bytesRead, buffer.toString()]).toEqual([3, 'con']);
    expect(await promisify(fs.exists)('/f')).toBe(true);
    fs.closeSync(fd);
  });
});

describe('promises', () => {
  it('fail with the stack of who waits', async () => {
    const fs = makeFs();
    const failure = (await fs.promises.readFile('/none').catch((error) => error)) as NodeJS.ErrnoException;
    expect(failure.message).toBe("ENOENT: no such file or directory, open '/none'");
    expect(failure.stack).toContain('faces.test');
  });

  it('write what comes in pieces, and stop when told', async () => {
    const fs = makeFs();
    async function* pieces() {
      yield 'a';
      await null;
      yield Buffer.from('b');
    }
    await fs.promises.writeFile('/f', pieces());
    expect(await fs.promises.readFile('/f', 'utf8')).toBe('ab');
    const stop = new AbortController();
    const writing = fs.promises.writeFile('/f', 'c', { signal: stop.signal });
    stop.abort(new Error('why'));
    await expect(writing).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'why' } });
    expect(fs.readFileSync('/f', 'utf8')).toBe('ab');
  });

  it('give handles which close when the last use of them is over', async () => {
    const fs = makeFs();
    fs.writeFileSync('/f', 'one\ntwo\n');
    const handle = await fs.promises.open('/f');
    const lines: string[] = [];
    for await (const line of handle.readLines()) lines.push(line);
    expect(lines).toEqual(['one', 'two']);
    await expect(handle.read()).rejects.toMatchObject({ code: 'EBADF', syscall: 'read' });

    const other = await fs.promises.open('/f');
    const reading = other.readFile('utf8');
    await other.close();
    expect(await reading).toBe('one\ntwo\n');
    expect(other.fd).toBe(-1);
  });

  it('remove temporary directories with what is in them', async () => {
    const fs = makeFs();
    const made = await (
      fs.promises as unknown as Record<string, (prefix: string) => Promise<AsyncDisposable & { path: string }>>
    ).mkdtempDisposable!('/t-');
    fs.writeFileSync(`${made.path}/f`, 'x');
    await made[Symbol.asyncDispose]();
    const sync = fs.mkdtempDisposableSync('/t-');
    fs.writeFileSync(`${sync.path}/f`, 'x');
    sync.remove();
    expect(fs.readdirSync('/')).toEqual([]);
  });
});
