// A git repository that lives on a littlefs image: isomorphic-git takes `vol.fs` as it is. The configuration of a device
// gets a history, and an earlier state of it comes back.
import git from 'isomorphic-git';
import { createVolume, openVolume } from 'littlefs-vfs';

const vol = createVolume({ size: 1 << 20 });
const repo = { fs: vol.fs, dir: '/config' };
const author = { name: 'Device 7', email: 'device7@example.org' };

await git.init({ ...repo, defaultBranch: 'main' });
for (const [message, config] of [
  ['Factory settings', { name: 'device', interval: 60 }],
  ['Measure more often', { name: 'device', interval: 5 }],
  ['A name of its own', { name: 'north-wall', interval: 5 }],
]) {
  vol.fs.writeFileSync('/config/settings.json', `${JSON.stringify(config)}\n`);
  await git.add({ ...repo, filepath: 'settings.json' });
  await git.commit({ ...repo, message, author });
}

// Another time, from the bytes of the image.
const again = openVolume(vol.toImage());
const there = { fs: again.fs, dir: '/config' };
const log = await git.log(there);
for (const { oid, commit } of log) console.log(oid.slice(0, 7), commit.message.trim());

await git.checkout({ ...there, ref: log.at(-1).oid });
console.log('as it left the factory:', again.fs.readFileSync('/config/settings.json', 'utf8').trim());
console.log(`${again.lfs.fsSize()} of ${again.lfs.fsStat().blockCount} blocks used`);
