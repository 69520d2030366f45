/** Archives made of what is on an image, and unpacked onto one, with times and modes. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import AdmZip from 'adm-zip';
import tar from 'tar-fs';
import { expect, it } from 'vitest';
import { createVolume, type Volume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount, treeOf } from '../support/remount.ts';

const files = {
  'bin/run.sh': '#!/bin/sh\necho run\n',
  'bin/latest': ' -> run.sh',
  'data/big.bin': 'abcdefghij'.repeat(20_000),
  'data/empty': '',
  'data/größe.txt': 'ü\n',
  'empty/': '',
};
const time = new Date('2021-03-04T05:06:08Z');

function filled(): Volume {
  const vol = createVolume();
  plant(vol.fs, files, '/in');
  vol.fs.chmodSync('/in/bin/run.sh', 0o755);
  vol.fs.chmodSync('/in/data/empty', 0o400);
  vol.fs.chownSync('/in/data/empty', 12, 34);
  for (const path of ['bin/run.sh', 'data/big.bin', 'data/empty', 'data/größe.txt', 'data', 'bin', 'empty'])
    vol.fs.utimesSync(`/in/${path}`, time, time);
  return vol;
}

describeWithPosixPaths('tar-fs', () => {
  it('packs and extracts modes, owners, links and times', async () => {
    const source = remount(filled());
    const packed = await buffer(tar.pack('/in', { fs: source.fs }) as Readable);

    const vol = createVolume();
    await pipeline(Readable.from(packed), tar.extract('/out', { fs: vol.fs, chown: true }));
    const { fs } = remount(vol);
    expect(treeOf(fs, '/out')).toEqual(treeOf(source.fs, '/in'));
    const shown = (on: Volume['fs'], path: string) => {
      const { mode, uid, gid, mtimeMs } = on.lstatSync(path);
      return { mode: mode.toString(8), uid, gid, mtimeMs };
    };
    // Folders that get files after they were made end with the time of that, on every fs.
    for (const path of ['bin/run.sh', 'data/big.bin', 'data/empty', 'data/größe.txt', 'empty'])
      expect({ path, ...shown(fs, `/out/${path}`) }).toEqual({ path, ...shown(source.fs, `/in/${path}`) });
    expect(fs.statSync('/out/bin/run.sh').mtimeMs).toBe(time.getTime());
  });

  it('from one folder of an image into another, with map and ignore', async () => {
    const vol = filled();
    const renamed = (header: { name: string }) => ({ ...header, name: header.name.replace('data', 'copied') });
    const pack = tar.pack('/in', { fs: vol.fs, ignore: (name: string) => name.endsWith('.sh'), map: renamed });
    await pipeline(pack, tar.extract('/out', { fs: vol.fs, strip: 1 }));
    expect(Object.keys(treeOf(remount(vol).fs, '/out')).sort()).toEqual(['big.bin', 'empty', 'größe.txt', 'latest']);
  });
});

describeWithPosixPaths('adm-zip', () => {
  it('zips and unzips, by calls that wait', () => {
    const vol = filled();
    const zip = new AdmZip({ fs: vol.fs } as object);
    zip.addLocalFolder('/in', 'top');
    zip.addFile('top/added.txt', Buffer.from('added'), '', 0o640);
    zip.writeZip('/archive.zip');

    const again = remount(vol);
    const read = new AdmZip('/archive.zip', { fs: again.fs } as object);
    expect(read.test()).toBe(true);
    expect(read.readAsText('top/data/größe.txt')).toBe('ü\n');
    read.extractAllTo('/out', false, true);
    const { fs } = remount(again);
    const out = treeOf(fs, '/out/top');
    expect(out['bin/run.sh']).toBe(files['bin/run.sh']);
    expect(out['data/big.bin']).toBe(files['data/big.bin']);
    expect(out['added.txt']).toBe('added');
    expect(out['empty/']).toBe('');
    expect(fs.statSync('/out/top/bin/run.sh').mode & 0o777).toBe(0o755);
    // Times in a zip are local, and of two seconds.
    expect(fs.statSync('/out/top/bin/run.sh').mtimeMs).toBe(time.getTime());
  });

  it('zips and unzips, by calls that do not', async () => {
    const vol = filled();
    const zip = new AdmZip({ fs: vol.fs } as object);
    await zip.addLocalFolderPromise('/in/data', {});
    await zip.writeZipPromise('/archive.zip');
    const again = remount(vol);
    const read = new AdmZip('/archive.zip', { fs: again.fs } as object);
    await new Promise<void>((done, fail) =>
      read.extractAllToAsync('/out', true, false, (error) => (error ? fail(error) : done())),
    );
    const out = treeOf(remount(again).fs, '/out');
    expect([out['big.bin'], out['größe.txt'], out.empty]).toEqual([files['data/big.bin'], 'ü\n', '']);
  });
});
