/**
 * The volume that a workload, a recovery or a check works on, with its fs calls written down.
 *
 * @module
 */

import { createFs, type NodeFs } from '../fs-compat/index.ts';
import { type BlockDevice, type LfsConfig, LittleFS } from '../lfs/index.ts';
import { type Durability, type MetadataProfile, type PosixFs, Vfs } from '../vfs/index.ts';
import type { Run } from './recording.ts';

export interface VolumeSettings {
  readonly config: LfsConfig;
  readonly metadata: MetadataProfile;
  readonly durability: Durability;
  readonly clock: () => number;
}

/** What user code gets of a file system. */
export interface Workspace {
  readonly fs: NodeFs;
  readonly vfs: Vfs;
  readonly lfs: LittleFS;
}

export function openWorkspace(device: BlockDevice, settings: VolumeSettings): Workspace {
  const lfs = LittleFS.mount(device, settings.config);
  const { metadata, durability, clock } = settings;
  // Nothing may come by itself: what is not synced stays in memory.
  const vfs = new Vfs(lfs, { metadata, durability, clock, flushDelayMs: 0x7fffffff, umask: 0o022 });
  return { fs: createFs(vfs, { cwd: () => '/' }), vfs, lfs };
}

/**
 * A workspace whose `fs` is made once, for many volumes one after the other: a module of 200 functions costs more than a
 * mount.
 */
export class SharedWorkspace {
  readonly #settings: VolumeSettings;
  readonly #fs: NodeFs;
  #vfs: Vfs | null = null;

  constructor(settings: VolumeSettings) {
    this.#settings = settings;
    const face = { cwd: () => '/' } as unknown as PosixFs;
    const methods = Object.getOwnPropertyDescriptors(Vfs.prototype);
    for (const [name, { value }] of Object.entries(methods)) {
      if (typeof value !== 'function' || name === 'constructor') continue;
      Object.defineProperty(face, name, {
        value: (...args: unknown[]) => (value as (...each: unknown[]) => unknown).apply(this.#current(), args),
      });
    }
    Object.defineProperty(face, 'umask', { value: 0o022, writable: true });
    this.#fs = createFs(face, { cwd: () => '/' });
  }

  #current(): Vfs {
    if (this.#vfs === null) throw new Error('this volume is not there any more: the check it was for is over');
    return this.#vfs;
  }

  open(device: BlockDevice): Workspace {
    const lfs = LittleFS.mount(device, this.#settings.config);
    const { metadata, durability } = this.#settings;
    const vfs = new Vfs(lfs, { metadata, durability, clock: steadyClock(), flushDelayMs: 0x7fffffff, umask: 0o022 });
    this.#vfs = vfs;
    return { fs: this.#fs, vfs, lfs };
  }

  close(): void {
    this.#vfs = null;
  }
}

/** A clock that ticks a millisecond a look, from 2026-01-01 on: the same in every run. */
export function steadyClock(): () => number {
  let now = Date.UTC(2026, 0, 1);
  return () => now++;
}

const calls = [
  'open',
  'close',
  'write',
  'ftruncate',
  'fsync',
  'fdatasync',
  'fchmod',
  'fchown',
  'futimes',
  'chmod',
  'chown',
  'lchown',
  'utimes',
  'lutimes',
  'truncate',
  'mkdir',
  'rmdir',
  'unlink',
  'rename',
  'link',
  'symlink',
  'mknod',
  'writeFile',
  'copyFile',
  'removeTree',
  'sync',
] as const;

/** Has every call that may change something written down. */
export function recordCalls({ vfs }: Workspace, recording: Run<unknown>, hooks: CallHooks = {}): void {
  const target = vfs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of calls) {
    const call = target[name];
    if (call === undefined) continue;
    target[name] = (...args: unknown[]): unknown => {
      const entry = {
        name,
        shown: args.map(short).join(', '),
        paths: args.filter((arg): arg is string => typeof arg === 'string'),
        from: recording.ops.length,
        to: recording.ops.length,
        stack: new Error().stack ?? '',
      };
      recording.calls.push(entry);
      try {
        if (hooks.swallows?.(name) === true) return undefined;
        return call.apply(vfs, args);
      } finally {
        entry.to = recording.ops.length;
      }
    };
  }
}

export interface CallHooks {
  /** Whether a call is to do nothing. Asked for each. */
  readonly swallows?: ((name: string) => boolean) | undefined;
}

function short(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return String(typeof value === 'object' && value !== null ? JSON.stringify(value) : value);
}

/** The line of the user's code in a stack: the first that is neither ours nor Node's. */
export function userLine(stack: string): string | undefined {
  const own = /[\\/](?:src|dist)[\\/](?:crash|vfs|fs-compat|lfs|device)[\\/]/;
  return stack
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .find((line) => line.startsWith('at ') && !own.test(line) && !line.includes('node:'));
}
