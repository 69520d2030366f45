/** isomorphic-git on an image: a repository is made there, worked in, and read back from the bytes. */
import git from 'isomorphic-git';
import { expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount, treeOf } from '../support/remount.ts';

let timestamp = 1_700_000_000;
/** Each commit is later than the one before: by that `log` sorts, and knows commits it has shown. */
const author = {
  name: 'A. Author',
  email: 'author@example.org',
  timezoneOffset: 0,
  get timestamp() {
    return timestamp++;
  },
};
const dir = '/repo';

describeWithPosixPaths('isomorphic-git', () => {
  it.each(['promises', 'callbacks'])('init, add, commit, branch, checkout, merge, log (by %s)', async (style) => {
    const vol = createVolume();
    const { promises, ...callbacks } = vol.fs;
    const repo = { fs: style === 'promises' ? { promises } : callbacks, dir };
    plant(vol.fs, { 'README.md': '# Hello\n', 'src/main.js': 'main();\n', 'src/link': ' -> main.js' }, dir);
    vol.fs.chmodSync('/repo/src/main.js', 0o755);

    await git.init({ ...repo, defaultBranch: 'main' });
    await git.add({ ...repo, filepath: '.' });
    const first = await git.commit({ ...repo, message: 'First', author });

    await git.branch({ ...repo, ref: 'feature', checkout: true });
    vol.fs.writeFileSync('/repo/src/feature.js', 'feature();\n');
    vol.fs.appendFileSync('/repo/README.md', 'With a feature.\n');
    await git.add({ ...repo, filepath: ['src/feature.js', 'README.md'] });
    const second = await git.commit({ ...repo, message: 'Feature', author });

    await git.checkout({ ...repo, ref: 'main' });
    expect(vol.fs.existsSync('/repo/src/feature.js')).toBe(false);
    expect(vol.fs.readFileSync('/repo/README.md', 'utf8')).toBe('# Hello\n');
    await git.remove({ ...repo, filepath: 'src/link' });
    vol.fs.unlinkSync('/repo/src/link');
    const third = await git.commit({ ...repo, message: 'No link', author });
    await git.merge({ ...repo, ours: 'main', theirs: 'feature', author });
    await git.checkout({ ...repo, ref: 'main' });
    await git.tag({ ...repo, ref: 'v1' });

    const again = remount(vol);
    const reader = { fs: again.fs, dir };
    const log = await git.log({ ...reader, ref: 'v1' });
    expect(log.map(({ oid }) => oid).slice(1)).toEqual([third, second, first]);
    expect(log[0]!.commit.parent).toEqual([third, second]);
    expect((await git.listBranches(reader)).sort()).toEqual(['feature', 'main']);
    expect(await git.currentBranch(reader)).toBe('main');

    const worktree = Object.entries(treeOf(again.fs, dir)).filter(([path]) => !path.startsWith('.git/'));
    expect(Object.fromEntries(worktree)).toEqual({
      'README.md': '# Hello\nWith a feature.\n',
      'src/': '',
      'src/feature.js': 'feature();\n',
      'src/main.js': 'main();\n',
    });
    // Nothing differs from what was committed: contents, modes, and what the index remembers of times and inodes.
    expect((await git.statusMatrix(reader)).map(([path, ...state]) => [path, state.join('')])).toEqual([
      ['README.md', '111'],
      ['src/feature.js', '111'],
      ['src/main.js', '111'],
    ]);
    expect(again.fs.statSync('/repo/src/main.js').mode & 0o777).toBe(0o755);

    await git.checkout({ ...reader, ref: first, force: true });
    expect(again.fs.readlinkSync('/repo/src/link')).toBe('main.js');
  });

  it('packs objects, and reads them from the pack', async () => {
    const vol = createVolume();
    const repo = { fs: vol.fs, dir };
    await git.init(repo);
    for (let n = 0; n < 5; n++) {
      vol.fs.writeFileSync('/repo/file', `${n}\n`.repeat(1000));
      await git.add({ ...repo, filepath: 'file' });
      await git.commit({ ...repo, message: `${n}`, author });
    }
    const oids = vol.fs
      .globSync('/repo/.git/objects/[0-9a-f][0-9a-f]/*')
      .map((path: string) => path.split('/').slice(-2).join('')) as string[];
    expect(oids).toHaveLength(15);
    const { filename } = await git.packObjects({ ...repo, oids, write: true });
    const pack = `.git/objects/pack/${filename}`;
    for (const name of vol.fs.readdirSync('/repo/.git/objects'))
      if (name.length === 2) vol.fs.rmSync(`/repo/.git/objects/${name}`, { recursive: true });
    await git.indexPack({ ...repo, filepath: pack });

    const reader = { fs: remount(vol).fs, dir };
    const log = await git.log(reader);
    expect(log.map(({ commit }) => commit.message)).toEqual(['4\n', '3\n', '2\n', '1\n', '0\n']);
    const { blob } = await git.readBlob({ ...reader, oid: log[2]!.oid, filepath: 'file' });
    expect(new TextDecoder().decode(blob)).toBe('2\n'.repeat(1000));
  });
});
