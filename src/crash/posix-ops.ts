/**
 * What a program does to a POSIX file system, as operations on inodes: names that come and go, bytes, attributes, and
 * what asks for them to be durable. Paths are resolved when they are written down, so that an operation means the same
 * whatever became of those before it.
 *
 * @module
 */

import type { Name, Stat } from '../vfs/index.ts';
import { Run } from './recording.ts';

/** What is known of an inode from its first moment on. */
export interface InodeFacts {
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  /** Where a symbolic link leads. */
  readonly target: Name | null;
}

export interface Times {
  readonly atime: { readonly sec: number; readonly nsec: number };
  readonly mtime: { readonly sec: number; readonly nsec: number };
}

export type PosixOp = { /** In words. */ readonly shown: string } & (
  | { readonly kind: 'enter'; readonly dir: number; readonly name: Name; readonly inode: InodeFacts }
  | { readonly kind: 'leave'; readonly dir: number; readonly name: Name; readonly ino: number }
  | {
      readonly kind: 'rename';
      readonly dir: number;
      readonly name: Name;
      readonly toDir: number;
      readonly toName: Name;
      readonly ino: number;
      readonly isDirectory: boolean;
      /** What had the new name. */
      readonly replaced: number | null;
    }
  | { readonly kind: 'write'; readonly ino: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'truncate'; readonly ino: number; readonly size: number }
  | {
      readonly kind: 'attrs';
      readonly ino: number;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly times: Times | null;
    }
  /** The file was emptied, written and closed: ext4 writes it out soon. */
  | { readonly kind: 'flush'; readonly ino: number }
  | { readonly kind: 'sync'; readonly ino: number; readonly dataOnly: boolean }
  | { readonly kind: 'sync-all' }
);

/** Whether the operation itself changes something, or only asks for what was changed to be kept. */
export function isChange(op: PosixOp): boolean {
  return op.kind !== 'sync' && op.kind !== 'sync-all' && op.kind !== 'flush';
}

export function factsOf(stat: Stat, target: Name | null): InodeFacts {
  const { ino, mode, uid, gid, rdev } = stat;
  return { ino, mode, uid, gid, rdev, target };
}

/** One run of a workload. */
export class PosixRun extends Run<PosixOp> {
  /**
   * All that two runs of the same workload must have in common. Names may differ, as those of temporary files do, and
   * times, which may come from the real clock: a point means the same in both.
   */
  digest(): string {
    let a = 0x811c9dc5;
    let b = 0x1000193;
    const mix = (value: number): void => {
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul(b ^ value, 0x85ebca6b) ^ (b >>> 15);
    };
    const without = new Set(['data', 'name', 'toName', 'shown', 'times', 'target']);
    for (const op of this.ops) {
      const { data } = op as { readonly data?: Uint8Array };
      const text = JSON.stringify(op, (key, value: unknown) => (without.has(key) ? undefined : value));
      for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i));
      if (data !== undefined) for (const byte of data) mix(byte);
    }
    return `${(a >>> 0).toString(16)} ${(b >>> 0).toString(16)}`;
  }
}
