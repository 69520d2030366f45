/** Streams: as Node's, also for those who call the classes as functions, replace `fs.read`, or bring descriptors. */

import { once } from 'node:events';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, vi } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { createVolume } from '../../src/index.ts';

const newFs = (): NodeFs => createVolume({ blockSize: 4096, blockCount: 2048 }).fs;

function bytes(size: number): Buffer {
  const result = Buffer.alloc(size);
  for (let i = 0; i < size; i++) result[i] = (i * 7 + (i >> 8)) & 0xff;
  return result;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('streams', () => {
  it('carry a file of many pieces, both ways', async () => {
    const fs = newFs();
    const content = bytes(3_000_001);
    const writer = fs.createWriteStream('/out');
    for (let at = 0; at < content.length; at += 70_000) {
      if (!writer.write(content.subarray(at, at + 70_000))) await once(writer, 'drain');
    }
    writer.end();
    await once(writer, 'close');
    expect(writer.bytesWritten).toBe(content.length);
    expect(fs.readFileSync('/out').equals(content)).toBe(true);
    expect((await readAll(fs.createReadStream('/out'))).equals(content)).toBe(true);
    expect(
      (await readAll(fs.createReadStream('/out', { start: 70_001, end: 170_000 }))).equals(
        content.subarray(70_001, 170_001),
      ),
    ).toBe(true);
  });

  it('let others have their turn while they run', async () => {
    const fs = newFs();
    fs.writeFileSync('/big', bytes(6_000_000));
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const count = (): void => {
      turns++;
      if (timer !== undefined) setImmediate(count);
    };
    setImmediate(count);
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    await pipeline(fs.createReadStream('/big'), sink);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it('ask whoever replaced the functions of the module', async () => {
    const fs = newFs();
    fs.writeFileSync('/a', bytes(200_000));
    const calls: string[] = [];
    for (const name of ['open', 'read', 'write', 'writev', 'close'] as const) {
      const original = fs[name] as (...args: unknown[]) => unknown;
      (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
        calls.push(name);
        return original(...args);
      };
    }
    await pipeline(fs.createReadStream('/a'), fs.createWriteStream('/b'));
    expect(new Set(calls)).toEqual(new Set(['open', 'read', 'write', 'close']));
    expect(calls.filter((name) => name === 'read').length).toBe(5);
    expect(fs.readFileSync('/b').equals(fs.readFileSync('/a'))).toBe(true);
  });

  it('are functions of the old kind', async () => {
    const fs = newFs();
    fs.writeFileSync('/a', 'content');
    const { ReadStream } = fs as unknown as { ReadStream: (this: unknown, path: string) => NodeJS.ReadableStream };
    function Heir(this: object, path: string): unknown {
      ReadStream.call(this, path);
      return this;
    }
    Heir.prototype = Object.create(ReadStream.prototype);
    const heir = new (Heir as unknown as new (path: string) => NodeJS.ReadableStream)('/a');
    expect(heir).toBeInstanceOf(fs.ReadStream);
    expect(String(await readAll(heir))).toBe('content');
    expect(String(await readAll(ReadStream.call(undefined, '/a')))).toBe('content');
  });

  it('close what they opened, whatever happens', async () => {
    const fs = newFs();
    fs.writeFileSync('/a', bytes(300_000));
    const before = fs.openSync('/a', 'r');
    fs.closeSync(before);
    for (let i = 0; i < 20; i++) {
      const reader = fs.createReadStream('/a');
      reader.once('data', () => reader.destroy());
      await once(reader, 'close');
      const writer = fs.createWriteStream('/b');
      writer.write('x');
      writer.destroy();
      await once(writer, 'close');
      await expect(readAll(fs.createReadStream('/none'))).rejects.toThrow(/^ENOENT: .* open '\/none'$/);
    }
    expect(fs.openSync('/a', 'r')).toBe(before);
  });

  it('flush when told to, and write where told to', async () => {
    const fs = newFs();
    fs.writeFileSync('/a', '0123456789');
    const fsync = vi.fn(fs.fsync as (...args: unknown[]) => void);
    (fs as unknown as Record<string, unknown>).fsync = fsync;
    const writer = fs.createWriteStream('/a', { flags: 'r+', start: 3, flush: true });
    writer.end('abc');
    await once(writer, 'close');
    expect(fsync).toHaveBeenCalledOnce();
    expect(fs.readFileSync('/a', 'utf8')).toBe('012abc6789');
  });
});

describe('Utf8Stream', () => {
  it('gathers lines, and has them all in the file when flushed', async () => {
    const fs = newFs();
    const write = vi.fn(fs.write as (...args: unknown[]) => void);
    (fs as unknown as Record<string, unknown>).write = write;
    const stream = new fs.Utf8Stream({ dest: '/log/of/lines', mkdir: true, minLength: 1000 });
    await once(stream, 'ready');
    for (let i = 0; i < 100; i++) stream.write(`line ${i} äöü\n`);
    await new Promise<void>((resolve, reject) => stream.flush((error?: Error) => (error ? reject(error) : resolve())));
    const text = fs.readFileSync('/log/of/lines', 'utf8');
    expect(text.split('\n').length).toBe(101);
    expect(write.mock.calls.length).toBeLessThan(5);
    stream.end();
    await once(stream, 'close');
    expect(() => stream.write('late')).toThrow(/destroyed/);
  });

  it('leaves no descriptor open when told nonsense', () => {
    const fs = newFs();
    fs.writeFileSync('/a', '');
    const before = fs.openSync('/a', 'r');
    fs.closeSync(before);
    expect(() => new fs.Utf8Stream({ dest: '/x', sync: true, minLength: 20, maxWrite: 10 })).toThrow(RangeError);
    expect(fs.existsSync('/x')).toBe(false);
    expect(fs.openSync('/a', 'r')).toBe(before);
  });
});

describe('openAsBlob', () => {
  it('is the file as it was, or nothing', async () => {
    const fs = newFs();
    const content = bytes(200_000);
    fs.writeFileSync('/a', content);
    const blob = await fs.openAsBlob('/a', { type: 'text/x' });
    expect([blob.size, blob.type]).toEqual([200_000, 'text/x']);
    expect(Buffer.from(await blob.slice(10, 20).arrayBuffer()).equals(content.subarray(10, 20))).toBe(true);
    expect((await new Blob(['a', blob as Blob]).arrayBuffer()).byteLength).toBe(200_001);
    fs.appendFileSync('/a', 'more');
    await expect(blob.text()).rejects.toMatchObject({ name: 'NotReadableError' });
    await expect(blob.slice(0, 1).text()).rejects.toMatchObject({ name: 'NotReadableError' });
    expect(() => structuredClone(blob)).toThrow(/not cloneable/);
  });
});
