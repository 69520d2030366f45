/**
 * Steps taken for their own sake: no model beside them, only what each came to, in words that can be compared between
 * one file system and another.
 */
import { type BlockDevice, type LfsConfig, LfsError, LittleFS } from '../../src/lfs/index.ts';
import { Mounted, type Step } from './commands.ts';

/** What a call came to, in words. Whatever it throws that is no `LfsError` is a bug, and goes on. */
export function said(call: () => unknown): string {
  try {
    return JSON.stringify(call()) ?? 'done';
  } catch (error) {
    if (error instanceof LfsError) return error.message;
    throw error;
  }
}

/** Whether there is room for a file system at all. */
export function formats(device: BlockDevice, config: LfsConfig): boolean {
  const came = said(() => LittleFS.format(device, config));
  if (came !== 'done' && !came.startsWith('LFS_ERR_NOSPC')) throw new Error(came);
  return came === 'done';
}

export class Runner {
  readonly name: string;
  readonly mounted: Mounted;
  readonly #open: Set<number> = new Set();

  constructor(name: string, device: BlockDevice, config: LfsConfig) {
    this.name = name;
    this.mounted = new Mounted(device, config);
  }

  /** Takes a step, if there is a handle for it; its path should be a plain one. */
  take(step: Step): string {
    if ('slot' in step && (step.op === 'open') === this.#open.has(step.slot)) return 'skipped';
    const came = said(() => this.mounted.take(step));
    if (step.op === 'remount') this.#open.clear();
    if (step.op === 'open' && !came.startsWith('LFS_ERR_')) this.#open.add(step.slot);
    if (step.op === 'close') this.#open.delete(step.slot);
    return came;
  }
}

const plainPaths = ['/a', '/b', '/d', '/a/b', '/entry-1', '/ab', '/d/d'];

/** The step with paths that are what they say: nobody has to look up what `#3` and `@3` are now. */
export function plainly(step: Step): Step {
  if (!('path' in step)) return step;
  const plain = (path: string): string =>
    path.replace(/^[#@](\d+)/, (_, n: string) => plainPaths[Number(n) % plainPaths.length]!);
  const named = { ...step, path: plain(step.path) };
  return named.op === 'rename' ? { ...named, to: plain(named.to) } : named;
}
