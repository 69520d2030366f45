/**
 * `littlefs-vfs/fs`: a complete `node:fs` module on top of a POSIX file system.
 *
 * @module
 */

import { deprecate } from 'node:util';
import type { PosixFs } from '../vfs/posix.ts';
import { createOpenAsBlob } from './blob.ts';
import { createCallbacks } from './callbacks.ts';
import { constants, makeConstants } from './constants.ts';
import { createCp } from './cp.ts';
import { createOpendir, Dir } from './dir.ts';
import { Dirent } from './dirent.ts';
import { FileHandle } from './file-handle.ts';
import { createGlob } from './glob.ts';
import { nodeMajor } from './node-version.ts';
import { createOps } from './ops.ts';
import { createPromises } from './promises.ts';
import { createReadWrite } from './read-write.ts';
import { createRm } from './rm.ts';
import { createRmdir } from './rmdir.ts';
import { createWatchFile } from './stat-watcher.ts';
import { Stats } from './stats.ts';
import { createStreams } from './streams.ts';
import { createSync } from './sync.ts';
import type { NodeFs } from './types.ts';
import { createUtf8Stream } from './utf8-stream.ts';
import { createWatch } from './watch.ts';
import { createWholeFile, rememberOriginals } from './whole-file.ts';

export type { NodeFs } from './types.ts';

export interface FsOptions {
  /** Where relative paths begin; `process.cwd` when left out. */
  readonly cwd?: (() => string) | undefined;
}

/** The `node:fs` module of a file system: an ordinary object, whose functions need no `this` and can be replaced. */
export function createFs(vfs: PosixFs, options: FsOptions = {}): NodeFs {
  vfs.cwd = options.cwd ?? (() => posixPath(process.cwd()));
  // The members that call each other do it through this object, which is why it is there before them.
  const fs = {} as NodeFs;
  const ops = createOps(vfs);
  const rm = createRm(vfs);
  const rmdir = createRmdir(vfs, fs, ops, rm);
  const cp = createCp(vfs);
  const glob = createGlob(vfs);
  const watch = createWatch(vfs);
  const opendir = createOpendir(vfs);
  const whole = createWholeFile(vfs, fs);
  const streams = createStreams(fs, FileHandle.isFileHandle, vfs);

  const members = {
    ...createSync(vfs, ops, fs),
    ...createCallbacks(vfs, ops, fs),
    ...createReadWrite(vfs),
    ...whole.members,
    rm: rm.rm,
    rmSync: rm.rmSync,
    rmdir: rmdir.rmdir,
    rmdirSync: rmdir.rmdirSync,
    cp: cp.cp,
    cpSync: cp.cpSync,
    glob: glob.glob,
    globSync: glob.globSync,
    opendir: opendir.opendir,
    opendirSync: opendir.opendirSync,
    watch: watch.watch,
    ...createWatchFile(vfs),
    openAsBlob: createOpenAsBlob(vfs),
    // As on Linux: there is the name, and nothing behind it.
    lchmod: undefined,
    lchmodSync: undefined,
    createReadStream: streams.createReadStream,
    createWriteStream: streams.createWriteStream,
    ReadStream: streams.ReadStream,
    WriteStream: streams.WriteStream,
    FileReadStream: streams.ReadStream,
    FileWriteStream: streams.WriteStream,
    Utf8Stream: createUtf8Stream(fs),
    Stats: nodeMajor < 22 ? Stats : deprecate(Stats, 'fs.Stats constructor is deprecated.', 'DEP0180'),
    Dirent,
    Dir,
  };
  Object.assign(fs, members);
  addAccessModes(fs);
  const shownConstants = makeConstants();
  Object.defineProperty(fs, 'constants', {
    value: shownConstants,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  const promises = {
    ...createPromises({ vfs, fs, ops, whole }, rm),
    ...rm.promises,
    ...rmdir.promises,
    ...cp.promises,
    ...glob.promises,
    ...opendir.promises,
    ...watch.promises,
    constants: shownConstants,
  };
  Object.defineProperty(fs, 'promises', { value: promises, enumerable: true, configurable: true, writable: true });
  rememberOriginals(fs);
  return fs;
}

/** `F_OK` and the like, which are `constants` now; Node 24 says so. */
function addAccessModes(fs: NodeFs): void {
  for (const name of ['F_OK', 'R_OK', 'W_OK', 'X_OK'] as const) {
    const value = constants[name];
    if (nodeMajor < 24) {
      Object.defineProperty(fs, name, { value, enumerable: true, configurable: true });
      continue;
    }
    const message = `fs.${name} is deprecated, use fs.constants.${name} instead`;
    Object.defineProperty(fs, name, { get: deprecate(() => value, message, 'DEP0176'), configurable: true });
  }
}

/** A path of the host as POSIX has it: without drive letter and backslashes. */
function posixPath(path: string): string {
  return process.platform === 'win32' ? path.replace(/^[a-z]:/i, '').replaceAll('\\', '/') || '/' : path;
}
