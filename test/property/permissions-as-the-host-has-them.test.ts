/**
 * Promise: who may do what is what the host's kernel says, call by call, for an ordinary user among files of several
 * owners, groups and modes; and what is left has the owners and modes that the host leaves.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { LittleFS } from '../../src/lfs/index.ts';
import { Vfs } from '../../src/vfs/index.ts';
import { runs } from '../support/arbitraries.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** Linux lets people link what they do not own only if told to; we never do. */
const protectsLinks = isRoot && readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1';

const user = { uid: 1000, gid: 1000, groups: [1001] };
const id = fc.constantFrom(0, 1000, 1001, 1002);
const mode = fc.oneof(
  fc.constantFrom(0o777, 0o755, 0o700, 0o070, 0o007, 0o000, 0o1777, 0o2775, 0o4755, 0o6777, 0o644, 0o666),
  fc.nat(0o7777),
);
const path = fc.constantFrom('/a', '/b', '/d', '/d/a', '/d/b', '/d/e', '/d/e/a', '/x');
const made = fc.record({ path, kind: fc.constantFrom('dir', 'file'), mode, uid: id, gid: id });
const call = fc.oneof(
  fc.record({ op: fc.constant('open' as const), path, flags: fc.constantFrom(0, 1, 2, 0o101, 0o1001, 0o1102, 0o302) }),
  fc.record({ op: fc.constant('mkdir' as const), path, mode }),
  fc.record({ op: fc.constant('rmdir' as const), path }),
  fc.record({ op: fc.constant('unlink' as const), path }),
  fc.record({ op: fc.constant('rename' as const), path, to: path }),
  fc.record({ op: fc.constant('symlink' as const), path, to: path }),
  fc.record({ op: fc.constant(protectsLinks ? ('link' as const) : ('stat' as const)), path, to: path }),
  fc.record({ op: fc.constant('chmod' as const), path, mode }),
  fc.record({
    op: fc.constant('chown' as const),
    path,
    uid: fc.oneof(fc.constant(-1), id),
    gid: fc.oneof(fc.constant(-1), id),
  }),
  fc.record({ op: fc.constant('utimes' as const), path }),
  fc.record({ op: fc.constant('truncate' as const), path }),
  fc.record({ op: fc.constant('write' as const), path }),
  fc.record({ op: fc.constant('readdir' as const), path }),
  fc.record({ op: fc.constant('stat' as const), path }),
  fc.record({ op: fc.constant('copyFile' as const), path, to: path }),
);
const script = fc.record({
  things: fc.array(made, { maxLength: 8 }),
  rootMode: mode,
  calls: fc.array(call, { minLength: 1, maxLength: 30, size: 'max' }),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function take(on: Vfs, each: Call): unknown {
  try {
    switch (each.op) {
      case 'open':
        on.close(on.open(each.path, each.flags));
        return 'ok';
      case 'write': {
        const fd = on.open(each.path, 1);
        on.write(fd, new Uint8Array(3), 0, 3, -1);
        on.close(fd);
        return 'ok';
      }
      case 'mkdir':
      case 'chmod':
        return on[each.op](each.path, each.mode) ?? null;
      case 'rmdir':
      case 'unlink':
        return on[each.op](each.path) ?? null;
      case 'utimes':
        return on.utimes(each.path, { sec: 1, nsec: 0 }, { sec: 2, nsec: 0 }) ?? null;
      case 'rename':
      case 'link':
        return on[each.op](each.path, each.to) ?? null;
      case 'symlink':
        return on.symlink(each.to, each.path) ?? null;
      case 'chown':
        return on.chown(each.path, each.uid, each.gid) ?? null;
      case 'truncate': {
        // As node:fs does it.
        const fd = on.open(each.path, 2);
        on.ftruncate(fd, 1);
        on.close(fd);
        return null;
      }
      case 'readdir':
        return on.readdir(each.path).map(({ name }) => name);
      case 'stat':
        return shown(on.stat(each.path));
      default:
        if ((on.stat(each.path).mode & 0o170000) === 0o040000) return 'directory';
        // The host's libuv removes a file that it may not fill.
        if (typeof on.probe(each.to, false) !== 'string') return 'exists';
        return on.copyFile(each.path, each.to, false) ?? null;
    }
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

const shown = ({ mode: bits, uid, gid }: { mode: number; uid: number; gid: number }): string =>
  `${bits.toString(8)} ${uid}:${gid}`;

function tree(on: Vfs, at = '/'): string[] {
  const stat = on.lstat(at);
  const lines = [`${at} ${shown(stat)}`];
  if ((stat.mode & 0o170000) === 0o040000)
    for (const { name } of on.readdir(at)) lines.push(...tree(on, `${at === '/' ? '' : at}/${name}`));
  return lines;
}

describe('permissions as the host has them', () => {
  // Only root can become somebody else.
  it.skipIf(!isRoot)('for an ordinary user (needs root on Linux)', () => {
    const seed = Number(fc.readConfigureGlobal().seed ?? 1);
    const scripts = fc.sample(script, { numRuns: runs(300).numRuns, seed });
    const program = join(import.meta.dirname, '../support/host-user.mjs');
    const input = JSON.stringify({ user, umask: process.umask(), scripts });
    const answers = JSON.parse(execFileSync(process.execPath, [program], { input, maxBuffer: 1 << 28 }).toString());
    scripts.forEach(({ rootMode, things, calls }, index) => {
      const { before, results, after } = answers[index];
      const device = new RamDevice({ blockSize: 4096, blockCount: 256 });
      LittleFS.format(device);
      const vfs = new Vfs(LittleFS.mount(device), {
        metadata: 'posix',
        hardLinks: true,
        umask: process.umask(),
      });
      vfs.chmod('/', rootMode);
      for (const thing of things) {
        try {
          if (thing.kind === 'dir') vfs.mkdir(thing.path);
          else vfs.close(vfs.open(thing.path, 0o301));
          vfs.chown(thing.path, thing.uid, thing.gid);
          vfs.chmod(thing.path, thing.mode);
        } catch {
          // Made already, or its directory was not.
        }
      }
      expect(tree(vfs), `script ${index}`).toEqual(before);
      Object.assign(vfs.who, user);
      calls.forEach((each, at) => {
        const done = JSON.stringify(calls.slice(0, at + 1));
        expect(take(vfs, each), `${rootMode.toString(8)} ${JSON.stringify(things)} ${done}`).toEqual(results[at]);
      });
      Object.assign(vfs.who, { uid: 0, gid: 0, groups: [] });
      expect(tree(vfs), `${rootMode.toString(8)} ${JSON.stringify(things)} ${JSON.stringify(calls)}`).toEqual(after);
    });
  });
});
