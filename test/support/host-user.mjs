/**
 * Takes scripts of calls on the host's file system as an ordinary user, for a test that compares: a program of its own,
 * because only a process as a whole can become somebody else. Scripts come as JSON on stdin, answers go to stdout.
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { user, umask, scripts } = JSON.parse(fs.readFileSync(0, 'utf8'));
process.umask(umask);

function asUser(work) {
  process.setgroups(user.groups);
  process.setegid(user.gid);
  process.seteuid(user.uid);
  try {
    return work();
  } finally {
    process.seteuid(0);
    process.setegid(0);
    process.setgroups([]);
  }
}

const shown = ({ mode, uid, gid }) => `${mode.toString(8)} ${uid}:${gid}`;

function take(root, each) {
  const at = root + each.path;
  try {
    switch (each.op) {
      case 'open':
        fs.closeSync(fs.openSync(at, each.flags));
        return 'ok';
      case 'write': {
        const fd = fs.openSync(at, 1);
        fs.writeSync(fd, 'xyz');
        fs.closeSync(fd);
        return 'ok';
      }
      case 'mkdir':
        return fs.mkdirSync(at, each.mode) ?? null;
      case 'chmod':
        return fs.chmodSync(at, each.mode) ?? null;
      case 'rmdir':
        return fs.rmdirSync(at) ?? null;
      case 'unlink':
        return fs.unlinkSync(at) ?? null;
      case 'utimes':
        return fs.utimesSync(at, 1, 2) ?? null;
      case 'rename':
        return fs.renameSync(at, root + each.to) ?? null;
      case 'link':
        return fs.linkSync(at, root + each.to) ?? null;
      case 'symlink':
        return fs.symlinkSync(root + each.to, at) ?? null;
      case 'chown':
        return fs.chownSync(at, each.uid, each.gid) ?? null;
      case 'truncate':
        return fs.truncateSync(at, 1) ?? null;
      case 'readdir':
        return fs.readdirSync(at).sort();
      case 'stat':
        return shown(fs.statSync(at));
      default:
        if (fs.statSync(at).isDirectory()) return 'directory';
        try {
          fs.lstatSync(root + each.to);
          return 'exists';
        } catch {}
        return fs.copyFileSync(at, root + each.to) ?? null;
    }
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code;
  }
}

function tree(root, at) {
  const stat = fs.lstatSync(root + at);
  const lines = [`${at} ${shown(stat)}`];
  if (stat.isDirectory())
    for (const name of fs.readdirSync(root + at).sort()) lines.push(...tree(root, `${at === '/' ? '' : at}/${name}`));
  return lines;
}

const answers = scripts.map(({ rootMode, things, calls }) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'littlefs-user-'));
  try {
    fs.chmodSync(root, rootMode);
    for (const { path, kind, mode, uid, gid } of things) {
      try {
        if (kind === 'dir') fs.mkdirSync(root + path);
        else fs.closeSync(fs.openSync(root + path, 0o301));
        fs.chownSync(root + path, uid, gid);
        fs.chmodSync(root + path, mode);
      } catch {
        // Made already, or its directory was not.
      }
    }
    const before = tree(root, '/');
    const results = calls.map((each) => asUser(() => take(root, each)));
    return { before, results, after: tree(root, '/') };
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
});
process.stdout.write(JSON.stringify(answers));
