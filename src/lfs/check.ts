/**
 * A deep check of what is on a device (fsck; C has none): every pair, entry and file block is looked at, and what is
 * not as it should be becomes a finding. Nothing is written.
 *
 * Does not mount: also what no mount would accept is walked as far as it leads. A bad image never makes it throw or
 * loop (check-state.ts says why); only wrong arguments throw, and what a device throws beside bad blocks.
 *
 * Order: thread of pairs (check-thread.ts), tree of directories (check-tree.ts), lists of files (check-files.ts). Later
 * walks know what earlier ones found: a file's block that a pair uses is the file's fault. Where half-orphans hide a
 * part of the global state, the first two are walked again with it.
 *
 * @module
 */

import type { Disk } from './cache.ts';
import { walkFiles } from './check-files.ts';
import { type Finding, Findings } from './check-findings.ts';
import { CheckState } from './check-state.ts';
import { checkGlobalState, findOrphans, mendedState, walkThread } from './check-thread.ts';
import { walkTree } from './check-tree.ts';
import { describe, type LfsConfig, settingsFor, whole } from './config.ts';
import type { BlockDevice } from './device.ts';
import { invalid } from './errors.ts';
import { type Superblock, versionText } from './layout.ts';
import { type } from './tag.ts';

export interface CheckOptions extends LfsConfig {
  /** Also reads the data of files, not only their pointers; true unless said. */
  readonly readFiles?: boolean | undefined;
  /** Findings kept; what is beyond is only counted. 1000 unless said. */
  readonly findingsMax?: number | undefined;
}

export interface CheckReport {
  /** There is no error among the findings. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Findings beyond `findingsMax`. */
  readonly dropped: number;
  /** Everything that belongs to the file system was reached: otherwise the numbers below are of what was. */
  readonly complete: boolean;
  /** As the superblock that counts says; `undefined` without one. */
  readonly superblock: (Superblock & { readonly diskVersion: string }) | undefined;
  readonly blocks: {
    readonly total: number;
    readonly used: number;
    readonly free: number;
    readonly metadata: number;
    readonly data: number;
  };
  /** Metadata pairs, orphans included. */
  readonly pairs: number;
  /** Without the root. */
  readonly directories: number;
  readonly files: number;
  /** Sum of the sizes of the files. */
  readonly bytes: number;
}

/** Checks the file system on a device. */
export function check(device: BlockDevice, options: CheckOptions = {}): CheckReport {
  if (typeof options !== 'object' || options === null)
    throw invalid(`options is ${describe(options)}; allowed: an object`);
  const settings = settingsFor(device, options);
  const { readFiles = true } = options;
  if (typeof readFiles !== 'boolean') throw invalid(`readFiles is ${describe(readFiles)}; allowed: true and false`);
  let findings = new Findings(whole('findingsMax', options.findingsMax ?? 1000, 1, 0x7fffffff));
  const disk: Disk = {
    device,
    blockSize: settings.blockSize,
    readSize: settings.readSize,
    progSize: settings.progSize,
    cacheSize: settings.cacheSize,
    blockCount: device.blockCount,
  };
  let state = new CheckState(disk, settings, findings, readFiles);
  let readable = walkThread(state);
  if (readable) walkTree(state);
  const mended = mendedState(state);
  if (mended !== null) {
    // What the walk has found changes what its beginning meant: once more, knowing it.
    findings = new Findings(findings.max);
    state = new CheckState(disk, settings, findings, readFiles);
    readable = walkThread(state);
    state.gstate.copy(mended);
    walkTree(state);
  }
  if (readable) {
    for (const orphan of findOrphans(state)) {
      const mdir = orphan.mdir!;
      for (const entry of mdir.entries) {
        if (entry.structType === type.CTZSTRUCT && entry.structSize >= 8)
          state.files.push({ entry, block: mdir.block0, dir: null });
      }
    }
    checkGlobalState(state);
    walkFiles(state);
  }

  const { superblock } = state;
  const used = state.metadataBlocks + state.dataBlocks;
  return {
    ok: findings.errors === 0,
    findings: findings.list,
    dropped: findings.dropped,
    complete: readable && state.threadWhole && state.treeWhole,
    superblock: superblock === null ? undefined : { ...superblock, diskVersion: versionText(superblock.version) },
    blocks: {
      total: disk.blockCount,
      used,
      free: disk.blockCount - used,
      metadata: state.metadataBlocks,
      data: state.dataBlocks,
    },
    pairs: state.pairs.length,
    directories: state.directories,
    files: state.fileCount,
    bytes: state.fileBytes,
  };
}
