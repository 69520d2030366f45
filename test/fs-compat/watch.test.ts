/** `watch` tells what happened, in order and later; `watchFile` compares; both let the process end when unreferenced. */

import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { createVolume } from '../../src/index.ts';

const newFs = (): NodeFs => createVolume({ blockSize: 4096, blockCount: 512 }).fs;

async function told(fs: NodeFs, path: string, options: object, work: () => void): Promise<string[]> {
  const events: string[] = [];
  const watcher = fs.watch(path, options, (type, name) => events.push(`${type} ${name}`));
  work();
  expect(events).toEqual([]);
  await turn();
  watcher.close();
  await once(watcher, 'close');
  return events;
}

describe('watch', () => {
  it('tells of a directory what happens to its entries, and not what happens below', async () => {
    const fs = newFs();
    fs.mkdirSync('/d/sub', { recursive: true });
    const events = await told(fs, '/d', {}, () => {
      fs.writeFileSync('/d/a', '1');
      fs.renameSync('/d/a', '/d/b');
      fs.chmodSync('/d/b', 0o600);
      fs.unlinkSync('/d/b');
      fs.writeFileSync('/d/sub/x', '1');
      fs.writeFileSync('/elsewhere', '1');
    });
    expect(events.filter((event) => !event.startsWith('change'))).toEqual([
      'rename a',
      'rename a',
      'rename b',
      'rename b',
    ]);
    expect(events).toContain('change b');
    expect(events.join()).not.toMatch(/x|elsewhere/);
  });

  it('tells of all that is below when asked to, with ignored names left out', async () => {
    const fs = newFs();
    fs.mkdirSync('/d/sub', { recursive: true });
    const events = await told(fs, '/d', { recursive: true, ignore: ['*.log', /^tmp/] }, () => {
      fs.writeFileSync('/d/sub/x', '1');
      fs.mkdirSync('/d/sub/deep');
      fs.writeFileSync('/d/sub/deep/y', '1');
      fs.writeFileSync('/d/sub/z.log', '1');
      fs.writeFileSync('/d/tmpfile', '1');
    });
    expect(events.filter((event) => event.startsWith('rename'))).toEqual([
      'rename sub/x',
      'rename sub/deep',
      'rename sub/deep/y',
    ]);
    expect(events.join()).not.toMatch(/log|tmp/);
  });

  it('follows a link to what is watched, and knows names as bytes', async () => {
    const fs = newFs();
    fs.mkdirSync('/d');
    fs.symlinkSync('d', '/link');
    expect(await told(fs, '/link', { encoding: 'hex' }, () => fs.writeFileSync('/d/ä', ''))).toContain('rename c3a4');
  });

  it('is over with its signal, and fails where nothing is', async () => {
    const fs = newFs();
    const abort = new AbortController();
    const watcher = fs.watch('/', { signal: abort.signal });
    abort.abort();
    await once(watcher, 'close');
    expect(() => fs.watch('/none')).toThrow(/^ENOENT: no such file or directory, watch '\/none'$/);
  });

  it('is an iterator among the promises, whose queue has an end', async () => {
    const fs = newFs();
    fs.mkdirSync('/d');
    const abort = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { eventType, filename } of fs.promises.watch('/d', { signal: abort.signal }))
        seen.push(`${eventType} ${filename}`);
    })();
    await turn();
    fs.writeFileSync('/d/a', '1');
    await turn();
    await turn();
    abort.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen[0]).toBe('rename a');

    const watch = fs.promises.watch as unknown as (path: string, options: object) => AsyncGenerator<unknown>;
    const full = watch('/d', { maxQueue: 1, overflow: 'error' });
    const first = full.next();
    await turn();
    for (const name of ['a', 'b', 'c']) fs.mkdirSync(`/d/dir-${name}`);
    await expect(first.then(() => full.next())).rejects.toMatchObject({ code: 'ERR_FS_WATCH_QUEUE_OVERFLOW' });
  });
});

describe('watchFile', () => {
  it('tells of what is not there, comes, changes and goes', async () => {
    const fs = newFs();
    const sizes: string[] = [];
    const watcher = fs.watchFile('/a', { interval: 1 }, (now, before) =>
      sizes.push(`${before.size}:${before.ino > 0} ${now.size}:${now.ino > 0}`),
    );
    const next = async (work: () => void): Promise<void> => {
      const change = once(watcher, 'change');
      work();
      await change;
    };
    await next(() => {});
    await next(() => fs.writeFileSync('/a', '12'));
    await next(() => fs.appendFileSync('/a', '3'));
    await next(() => fs.unlinkSync('/a'));
    fs.unwatchFile('/a');
    expect(sizes).toEqual(['0:false 0:false', '0:false 2:true', '2:true 3:true', '3:true 0:false']);
  });
});
