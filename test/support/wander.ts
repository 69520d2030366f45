/**
 * Directories made, moved and removed at random, held against the naive model.
 *
 * The model outlives power cuts: what is found after one must be what was there before the call that was cut, or what
 * the call makes, and nothing between.
 */
import { expect } from 'vitest';
import type { LittleFS } from '../../src/lfs/index.ts';
import { expectLines, treeLines } from './commands.ts';
import { Model, ModelError } from './model.ts';
import { type Outcome, outcome } from './outcome.ts';

export interface WanderOptions {
  /** Different names on every level. */
  readonly names: number;
  readonly depth: number;
  readonly cycles: number;
  /** Move what is found instead of removing it, where the new place is free. */
  readonly renames?: boolean;
  readonly seed?: number;
}

export class Wanderer {
  #model = new Model({ nameMax: 255, fileMax: 0x7fffffff, attrMax: 1022 });
  /** The model after the call that is being made. */
  #next: Model | undefined;
  readonly #options: WanderOptions;
  /** Calls that came to their end and changed something. */
  changes = 0;

  constructor(options: WanderOptions) {
    this.#options = options;
  }

  /** What is on disk is what the model has, or, after a power cut, what the call that was cut makes. */
  arrive(lfs: LittleFS): void {
    const found = treeLines(lfs);
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined && next.lines().join('\n') === found.join('\n')) this.#model = next;
    expectLines(found, this.#model.lines(), 'the directories');
  }

  /** A number of random calls, always the same ones. */
  wander(lfs: LittleFS): void {
    const { cycles, renames = false, seed = 1 } = this.#options;
    const random = randomFrom(seed);
    for (let i = 0; i < cycles; i++) {
      const path = this.#randomPath(random);
      if (!this.#has(path)) for (const part of prefixes(path)) this.#both(lfs, (fs) => fs.mkdir(part));
      else if (renames) this.#move(lfs, path, this.#randomPath(random));
      else this.#removeFrom(lfs, path);
      expect(outcome(() => lfs.stat(path))).toBe(this.#has(path) ? 'ok' : this.#missing(path));
    }
  }

  #move(lfs: LittleFS, from: string, to: string): void {
    if (this.#has(to)) return this.#removeFrom(lfs, from);
    // From the top: once a directory has moved, what is in it is in its new place already.
    const target = prefixes(to);
    for (const [i, part] of prefixes(from).entries()) this.#both(lfs, (fs) => fs.rename(part, target[i]!));
  }

  #removeFrom(lfs: LittleFS, path: string): void {
    for (const part of prefixes(path).reverse()) this.#both(lfs, (fs) => fs.remove(part));
  }

  /** The same call on both, which must come to the same. */
  #both(lfs: LittleFS, call: (fs: Model | LittleFS) => void): void {
    const next = this.#model.clone();
    const expected = modelOutcome(() => call(next));
    if (expected === 'ok') this.#next = next;
    expect(outcome(() => call(lfs))).toBe(expected);
    this.#next = undefined;
    if (expected !== 'ok') return;
    this.#model = next;
    this.changes++;
  }

  #has(path: string): boolean {
    return this.#missing(path) === 'ok';
  }

  #missing(path: string): Outcome {
    return modelOutcome(() => this.#model.stat(path));
  }

  #randomPath(random: () => number): string {
    const { names, depth } = this.#options;
    let path = '';
    for (let level = 0; level < depth; level++) path += `/${String.fromCharCode(0x61 + (random() % names))}`;
    return path;
  }
}

/** `/a/b` gives `/a` and `/a/b`. */
function prefixes(path: string): string[] {
  const names = path.slice(1).split('/');
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`);
}

function modelOutcome(work: () => unknown): Outcome {
  try {
    work();
  } catch (error) {
    if (error instanceof ModelError) return error.code.slice('LFS_ERR_'.length) as Outcome;
    throw error;
  }
  return 'ok';
}

function randomFrom(seed: number): () => number {
  let s = seed >>> 0 || 1;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    s >>>= 0;
    return s >>> 4;
  };
}
