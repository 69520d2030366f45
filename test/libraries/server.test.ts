/** serve-handler over HTTP from an image: files, ranges, listings, redirects, links, and what it does not have. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import handler from 'serve-handler';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount } from '../support/remount.ts';

let server: Server;
let origin: string;
const big = 'abcdefghij'.repeat(30_000);

beforeAll(async () => {
  const vol = createVolume();
  plant(
    vol.fs,
    {
      'index.html': '<h1>Home</h1>',
      'big.bin': big,
      'docs/page.html': '<h1>Page</h1>',
      'docs/a file (1).txt': 'ü',
      'link.bin': ' -> big.bin',
    },
    '/site',
  );
  vol.fs.utimesSync('/site/index.html', 0, new Date('2022-02-02T02:02:02Z'));
  const { fs } = remount(vol);
  const methods = {
    lstat: promisify(fs.lstat),
    realpath: promisify(fs.realpath),
    readdir: promisify(fs.readdir),
    createReadStream: fs.createReadStream,
  };
  server = createServer((request, response) => {
    handler(request, response, { public: '/site', symlinks: true, etag: false }, methods);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describeWithPosixPaths('serve-handler', () => {
  it('serves files, with their length and time', async () => {
    const response = await fetch(`${origin}/`);
    expect(await response.text()).toBe('<h1>Home</h1>');
    expect(response.headers.get('content-length')).toBe('13');
    expect(response.headers.get('last-modified')).toBe('Wed, 02 Feb 2022 02:02:02 GMT');
    expect(await (await fetch(`${origin}/big.bin`)).text()).toBe(big);
    expect(await (await fetch(`${origin}/link.bin`)).text()).toBe(big);
  });

  it('serves ranges', async () => {
    const response = await fetch(`${origin}/big.bin`, { headers: { range: 'bytes=123456-123465' } });
    expect(response.status).toBe(206);
    expect(await response.text()).toBe(big.slice(123456, 123466));
  });

  it('lists folders, and finds pages without their suffix', async () => {
    const listing = await (await fetch(`${origin}/docs`)).text();
    expect(listing).toContain('a file (1).txt');
    expect(listing).toContain('page.html');
    expect(await (await fetch(`${origin}/docs/page`)).text()).toBe('<h1>Page</h1>');
    expect(await (await fetch(`${origin}/docs/${encodeURIComponent('a file (1).txt')}`)).text()).toBe('ü');
  });

  it('has no other', async () => {
    expect((await fetch(`${origin}/nothing`)).status).toBe(404);
    expect((await fetch(`${origin}/..%2f..%2fetc/passwd`)).status).toBe(400);
  });

  it('lets go of a file whose reader has gone', async () => {
    const abort = new AbortController();
    const response = await fetch(`${origin}/big.bin`, { signal: abort.signal });
    const reader = response.body!.getReader();
    await reader.read();
    abort.abort();
    await expect(reader.read().then(() => reader.read())).rejects.toThrow();
  });
});
