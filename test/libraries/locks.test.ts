/** proper-lockfile on an image: who has the lock, who must wait, and what becomes of a lock whose owner is gone. */
import lockfile from 'proper-lockfile';
import { expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount } from '../support/remount.ts';

describeWithPosixPaths('proper-lockfile', () => {
  it('locks one at a time', async () => {
    const vol = createVolume();
    plant(vol.fs, { 'data/file': 'x', 'data/link': ' -> file' });
    const options = { fs: vol.fs };
    const release = await lockfile.lock('/data/file', options);
    expect(vol.fs.statSync('/data/file.lock').isDirectory()).toBe(true);
    expect(await lockfile.check('/data/link', options)).toBe(true);
    await expect(lockfile.lock('/data/link', options)).rejects.toMatchObject({ code: 'ELOCKED' });
    const order: string[] = [];
    const next = lockfile
      .lock('/data/file', { ...options, retries: { retries: 50, minTimeout: 10, maxTimeout: 10 } })
      .then((releaseNext: () => Promise<void>) => {
        order.push('second');
        return releaseNext;
      });
    await new Promise((done) => setTimeout(done, 30));
    order.push('first lets go');
    await release();
    await (await next)();
    expect(order).toEqual(['first lets go', 'second']);
    expect(remount(vol).fs.readdirSync('/data').sort()).toEqual(['file', 'link']);
  });

  it('keeps its lock fresh, and takes a stale one', async () => {
    const vol = createVolume();
    plant(vol.fs, { file: '' });
    const options = { fs: vol.fs, stale: 2000, update: 1000 };
    const release = await lockfile.lock('/file', options);
    const taken = vol.fs.statSync('/file.lock').mtimeMs;
    await expect.poll(() => vol.fs.statSync('/file.lock').mtimeMs, { timeout: 5000 }).toBeGreaterThan(taken);
    await release();

    // Somebody locked, and the power went.
    vol.fs.mkdirSync('/file.lock');
    const again = remount(vol);
    const later = { ...options, fs: again.fs };
    await expect(lockfile.lock('/file', later)).rejects.toMatchObject({ code: 'ELOCKED' });
    again.fs.utimesSync('/file.lock', 1, Date.now() / 1000 - 10);
    await (await lockfile.lock('/file', later))();
    expect(again.fs.existsSync('/file.lock')).toBe(false);
  });

  it('notices that its lock was taken away', async () => {
    const vol = createVolume();
    plant(vol.fs, { file: '' });
    const compromised = new Promise<Error & { code: string }>((onCompromised) =>
      lockfile.lock('/file', { fs: vol.fs, stale: 2000, update: 1000, onCompromised }),
    );
    await expect.poll(() => vol.fs.existsSync('/file.lock')).toBe(true);
    vol.fs.rmdirSync('/file.lock');
    expect(await compromised).toMatchObject({ code: 'ECOMPROMISED' });
  });

  it('without waiting', () => {
    const vol = createVolume();
    plant(vol.fs, { file: '' });
    const options = { fs: vol.fs };
    const release = lockfile.lockSync('/file', options);
    expect(lockfile.checkSync('/file', options)).toBe(true);
    expect(() => lockfile.lockSync('/file', options)).toThrow('Lock file is already being held');
    release();
    expect(lockfile.checkSync('/file', options)).toBe(false);
    expect(remount(vol).fs.readdirSync('/')).toEqual(['file']);
  });
});
