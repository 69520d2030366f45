// A tar archive becomes an image, and an image becomes a tar archive: tar-fs streams from one to the other, with modes,
// times and links.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createVolume, openVolume } from 'littlefs-vfs';
import tar from 'tar-fs';

// Some archive. Here we make it of a first image.
const first = createVolume();
first.fs.mkdirSync('/release/bin', { recursive: true });
first.fs.writeFileSync('/release/bin/run.sh', '#!/bin/sh\necho running\n', { mode: 0o755 });
first.fs.writeFileSync('/release/data.bin', Buffer.alloc(100_000, 'data'));
first.fs.symlinkSync('run.sh', '/release/bin/latest');
first.fs.utimesSync('/release/data.bin', 0, new Date('2024-05-06T07:08:09Z'));
const archive = await buffer(tar.pack('/release', { fs: first.fs }));
console.log(`an archive of ${archive.length} bytes`);

// Tar in.
const vol = createVolume({ size: 1 << 20 });
await pipeline(Readable.from([archive]), tar.extract('/app', { fs: vol.fs }));
const image = vol.toImage();

// Tar out, from the bytes of the image.
const { fs } = openVolume(image);
for (const path of fs.globSync('/**')) {
  const stats = fs.lstatSync(path);
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  console.log(kind, (stats.mode & 0o777).toString(8), stats.isFile() ? stats.mtime.toISOString() : '', path);
}
const names = [];
const note = (header) => {
  names.push(header.name);
  return header;
};
const out = await buffer(tar.pack('/app', { fs, map: note }));
console.log(`an archive of ${out.length} bytes again, with ${names.length} entries`);
