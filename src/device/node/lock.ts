/**
 * One writer for a file of the host at a time, and a clear word to the second.
 *
 * Node has no `flock`, so the lock is a file beside the image, `<image>.lock`, that says who holds it. It is made with
 * 'wx', which succeeds for one only. A holder that crashed leaves it behind: it counts as stale when its process is
 * gone, or when another process has got its number since (the start times differ, as in a container where every
 * program is number 1). A lock made on another machine cannot be judged and is believed.
 *
 * Taking over a stale lock is a rename, of which again one only succeeds; whoever renamed away a lock that was not
 * the stale one it had read puts it back.
 *
 * Within one process a table knows the files that are open, by device and inode, so that hard links do not fool it.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { LfsError } from '../../lfs/errors.ts';

export interface FileLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Tells two processes with the same number apart; comparable only with that of the same number. */
  readonly started: string;
  readonly host: string;
}

const openHere = new Set<string>();

/** A lock file is written right after it is made; one that is still empty after this was left by a crash. */
const unwrittenMs = 5000;

/** Locks the file at `path` (a real path) for writing. Throws `LFS_ERR_IO` with the holder's name when it is locked. */
export function lockFile(path: string, stats: BigIntStats): FileLock {
  const key = `${stats.dev}:${stats.ino}`;
  if (openHere.has(key)) throw inUse(path, 'this program has it open for writing already; close that device first');
  const lockPath = `${path}.lock`;
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid), host: hostname() } satisfies Holder);
  take(path, lockPath, mine);
  openHere.add(key);
  let held = true;
  return {
    release(): void {
      if (!held) return;
      held = false;
      openHere.delete(key);
      if (contentsOf(lockPath) === mine) rmSync(lockPath, { force: true });
    },
  };
}

function take(path: string, lockPath: string, mine: string): void {
  // Each round either gets the lock, reports its holder, or removes a stale one; others may be at it as well.
  for (let attempt = 0; attempt < 10; attempt++) {
    if (make(path, lockPath, mine)) return;
    const found = contentsOf(lockPath);
    if (found === undefined) continue;
    const holder = holderOf(found);
    if (holder === undefined && isYoung(lockPath)) throw inUse(path, 'another program is just opening it');
    if (holder !== undefined && isAlive(holder)) {
      const where = holder.host === hostname() ? '' : ` on ${holder.host}`;
      throw inUse(path, `process ${holder.pid}${where} has it open for writing; if it has not, delete ${lockPath}`);
    }
    removeStale(lockPath, found);
  }
  throw inUse(path, `others keep taking ${lockPath}`);
}

function make(path: string, lockPath: string, mine: string): boolean {
  let fd: number;
  try {
    fd = openSync(lockPath, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    const message = `${path} cannot be locked, ${lockPath} cannot be made (${codeOf(error)}); lock: false goes without`;
    throw new LfsError('LFS_ERR_IO', message, { cause: error });
  }
  try {
    writeSync(fd, mine);
  } finally {
    closeSync(fd);
  }
  return true;
}

function removeStale(lockPath: string, stale: string): void {
  const aside = `${lockPath}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(lockPath, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if (contentsOf(aside) !== stale) linkSync(aside, lockPath);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function contentsOf(lockPath: string): string | undefined {
  try {
    return readFileSync(lockPath, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function holderOf(contents: string): Holder | undefined {
  try {
    const { pid, started, host } = JSON.parse(contents);
    if (Number.isInteger(pid) && pid > 0 && typeof started === 'string' && typeof host === 'string') {
      return { pid, started, host };
    }
  } catch {
    // Not JSON: cut short, or not ours.
  }
  return undefined;
}

function isYoung(lockPath: string): boolean {
  const modifiedMs = statSync(lockPath, { throwIfNoEntry: false })?.mtimeMs;
  return modifiedMs !== undefined && Date.now() - modifiedMs < unwrittenMs;
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of another user.
    if (codeOf(error) === 'ESRCH') return false;
  }
  const started = startOf(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

/** When a process started, in whatever unit the system has; '' where it does not say. */
function startOf(pid: number): string {
  try {
    // Field 22, counted behind the command name, which may contain blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function inUse(path: string, why: string): LfsError {
  return new LfsError('LFS_ERR_IO', `${path} is in use: ${why}`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
