/**
 * Is the data still good? What is asked at every point, before the user's own check:
 *
 *   mounts           what the loss of power left can be mounted
 *   sound            after `makeConsistent` a deep check finds no error, and no block is used twice or leaked
 *   same again       a second mount sees the same tree
 *   untouched        files that the workload never named have the bytes they had
 *   no surprises     nothing but an error with a code is thrown
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import { check, type LfsConfig, LfsError, LittleFS } from '../lfs/index.ts';

export type FailureKind =
  | 'mount'
  | 'unsound'
  | 'leak'
  | 'differs'
  | 'untouched'
  | 'foreign'
  | 'recover'
  | 'check'
  | 'workload'
  | 'nondeterministic'
  | 'unreached'
  | 'unneeded-sync'
  | 'hang';

/** What went wrong at a point. */
export class Violation extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'Violation';
    this.kind = kind;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls the engine; what it throws is a violation of this kind, what is no LfsError a surprise. */
function engine<T>(kind: FailureKind, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Violation) throw error;
    if (!(error instanceof LfsError))
      throw new Violation('foreign', `${what} threw what is no LfsError: ${messageOf(error)}`, error);
    throw new Violation(kind, `${what}: ${error.message}`, error);
  }
}

export interface JudgeOptions {
  readonly config: LfsConfig;
  /** Paths that the workload does not touch, with their content. */
  readonly untouched: ReadonlyMap<string, Uint8Array>;
}

/** Mounts what the loss of power left. */
export function mountImage(image: RamDevice, config: LfsConfig): LittleFS {
  return engine('mount', 'mount', () => LittleFS.mount(image, config));
}

/** What a block is used for; 0: for nothing. */
export const DATA = 1;
export const METADATA = 2;

/** What each block is used for. */
export function blocksInUse(lfs: LittleFS, blockCount: number): Uint8Array {
  const used = new Uint8Array(blockCount);
  lfs.traverse((block) => {
    used[block] = DATA;
  });
  lfs.traverseMetadata((block) => {
    used[block] = METADATA;
  });
  return used;
}

/** The built-in questions. Throws a `Violation`, else returns what each block is used for. */
export function judge(image: RamDevice, lfs: LittleFS, { config, untouched }: JudgeOptions): Uint8Array {
  const used = engine('unsound', 'walking the tree', () => blocksInUse(lfs, image.blockCount));
  const before = engine('unsound', 'listing the tree', () => signature(lfs));
  for (const [path, bytes] of untouched) {
    const now = engine('untouched', `reading ${path}, which the workload never named`, () => lfs.readFile(path));
    if (!sameBytes(now, bytes))
      throw new Violation('untouched', `${path}, which the workload never named, has other bytes now`);
  }

  const mended = image.fork();
  const repaired = engine('mount', 'mount', () => LittleFS.mount(mended, config));
  engine('unsound', 'makeConsistent', () => {
    try {
      repaired.makeConsistent();
    } catch (error) {
      // A full device has no room for repairs; the next write will find some or say so.
      if (!(error instanceof LfsError) || error.code !== 'LFS_ERR_NOSPC') throw error;
    }
  });
  const again = engine('differs', 'mounting once more', () => LittleFS.mount(mended, config));
  if (signature(again) !== before) throw new Violation('differs', 'a second mount sees another tree');
  const report = engine('unsound', 'check', () => check(mended, config));
  if (!report.ok) {
    const first = report.findings.find(({ severity }) => severity === 'error');
    throw new Violation('unsound', `check finds: ${first?.message ?? 'an error'}${at(first?.path)}`);
  }
  const size = again.fsSize();
  let seen = 0;
  const once = new Uint8Array(image.blockCount);
  again.traverse((block) => {
    if (once[block] === 0) seen++;
    once[block] = 1;
  });
  if (report.blocks.used !== seen)
    throw new Violation(
      'leak',
      `${report.blocks.used} blocks are in use, but the tree leads to ${seen} (fsSize ${size})`,
    );
  return used;
}

function at(path: string | undefined): string {
  return path === undefined ? '' : ` (${path})`;
}

/** Names, types and sizes of the whole tree. */
function signature(lfs: LittleFS): string {
  const parts: string[] = [];
  const open = ['/'];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const entry of lfs.list(path)) {
      const name = `${path === '/' ? '' : path}/${entry.byteName}`;
      parts.push(name, String(entry.size));
      if (entry.type === 'dir') open.push(name);
    }
  }
  return parts.join('\0');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
