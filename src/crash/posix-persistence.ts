/**
 * What a persistence model is asked: which operations are not durable at a point, and which states a loss of power may
 * leave there. The states come in the order of what they are worth: the plain ones first, so that a bound cuts off the
 * far-fetched.
 *
 * @module
 */

import type { PosixOp } from './posix-ops.ts';
import type { Fate, Loss, PosixPoint } from './posix-point.ts';
import { lost } from './posix-point.ts';
import type { Random } from './random.ts';

export interface StateBounds {
  /** So many states of one point at most. */
  readonly most: number;
  /** Whether an operation may be there in part. */
  readonly isTorn: boolean;
  /** Every choice, as far as `most` goes. */
  readonly isExhaustive: boolean;
  readonly seed: number;
}

export interface Persistence {
  /** Operations before `at` that may be lost there, in their order. */
  volatileAt(at: number): readonly number[];
  /** All before this one is there at `at`, whatever happens. */
  statesAt(at: number, bounds: StateBounds): Generator<PosixPoint, void, undefined>;
  randomAt(at: number, isTorn: boolean, draw: Random): PosixPoint;
  /** Whether the model lets this happen. */
  allows(point: PosixPoint): boolean;
}

/** Places in `length` bytes at which a write may end, in units counted from the start of the file. */
export function placesIn(offset: number, length: number, unit: number, every: boolean): number[] {
  const first = (Math.floor(offset / unit) + 1) * unit - offset;
  if (first >= length) return [];
  const count = Math.ceil((length - first) / unit);
  const all = (index: number): number => first + index * unit;
  if (every && count <= 4096) return Array.from({ length: count }, (_, index) => all(index));
  return [...new Set([0, count >> 1, count - 1])].map(all);
}

export function lossesOf(ops: Iterable<number>, fate: Fate = lost): Loss[] {
  return Array.from(ops, (op) => ({ op, fate })).sort((a, b) => a.op - b.op);
}

/** All choices of up to `most` of these, small ones first. */
export function* choicesOf(from: readonly number[], least: number, most: number): Generator<number[], void, undefined> {
  function* extend(chosen: readonly number[], next: number, size: number): Generator<number[], void, undefined> {
    if (size === 0) yield [...chosen];
    else for (let i = next; i <= from.length - size; i++) yield* extend([...chosen, from[i]!], i + 1, size - 1);
  }
  for (let size = least; size <= Math.min(most, from.length); size++) yield* extend([], 0, size);
}

/** Operations that change a file's content, by file. */
export function byFile(ops: readonly PosixOp[], indexes: readonly number[]): Map<number, number[]> {
  const files = new Map<number, number[]>();
  for (const index of indexes) {
    const op = ops[index]!;
    if (op.kind !== 'write' && op.kind !== 'truncate' && op.kind !== 'attrs') continue;
    const list = files.get(op.ino);
    if (list === undefined) files.set(op.ino, [index]);
    else list.push(index);
  }
  return files;
}
