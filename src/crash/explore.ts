/**
 * Which points of a recording are looked at, and in which order. The same recording, faults and seed give the same
 * points, so that shards take turns in one sequence.
 *
 * @module
 */

import type { PowerLossFault } from './faults.ts';
import { noTear, type Point, pointAt, type Tear } from './points.ts';
import { Random } from './random.ts';
import type { DeviceOp } from './recording.ts';
import { tearsApart, unsyncedFrom } from './replay.ts';

export type ExploreMode = 'auto' | 'linear' | 'log' | 'exhaustive' | 'random';

/** In one go, `exhaustive` takes so many choices of lost writes at most. */
const CHOICES_MAX = 256;

/** The points of one loss of power. `random` never ends. */
export function* pointsOf(
  ops: readonly DeviceOp[],
  fault: PowerLossFault,
  mode: ExploreMode,
  seed: number,
): Generator<Point, void, undefined> {
  switch (mode) {
    case 'log':
      for (let at = 0; at <= ops.length; at = at === 0 ? 1 : at * 2) yield pointAt(at);
      return;
    case 'linear':
      yield* linear(ops, fault, false, seed);
      return;
    case 'exhaustive':
      yield* linear(ops, fault, true, seed);
      return;
    case 'random':
      yield* random(ops, fault, seed);
      return;
    default:
      yield* linear(ops, fault, false, seed);
  }
}

function* linear(
  ops: readonly DeviceOp[],
  fault: PowerLossFault,
  every: boolean,
  seed: number,
): Generator<Point, void, undefined> {
  for (let at = 0; at <= ops.length; at++) {
    yield pointAt(at);
    const op = ops[at];
    if (op !== undefined) for (const tear of tearsOf(op, fault, every, seed + at)) yield pointAt(at, tear);
    if (fault.reorder === 0) continue;
    // What is not synced is the same before a sync and before what comes next; at the sync is enough to see it all.
    for (const lost of choices(unsyncedFrom(ops, at), at, fault.reorder, every)) yield pointAt(at, noTear, lost);
  }
}

function* tearsOf(op: DeviceOp, fault: PowerLossFault, every: boolean, seed: number): Generator<Tear, void, undefined> {
  if (op.kind === 'sync') return;
  if (op.kind === 'erase') {
    for (const kind of fault.erase) yield kind === 'half' ? { kind } : { kind, seed };
    return;
  }
  const { length } = op.data;
  for (const kind of fault.torn) {
    const places = every ? Array.from({ length: length - 1 }, (_, i) => i + 1) : somePlaces(length);
    for (const place of places) {
      const tear: Tear | null =
        kind === 'prefix'
          ? { kind: 'bytes', from: 0, to: place }
          : kind === 'suffix'
            ? { kind: 'bytes', from: place, to: -1 }
            : null;
      if (tear !== null) yield tear;
    }
    const others: Tear[] =
      kind === 'subset'
        ? every
          ? [0, 1, 2, 3].map((more) => ({ kind, seed: (seed + more * 0x1000) >>> 0 }))
          : [{ kind, seed: seed >>> 0 }]
        : kind === 'flip'
          ? [{ kind }]
          : kind === 'bits'
            ? (every ? Array.from({ length: length * 8 - 1 }, (_, i) => i + 1) : [3, length * 4 + 5]).map((count) => ({
                kind,
                count,
              }))
            : [];
    for (const tear of others) if (tearsApart(op, tear)) yield tear;
  }
}

/** The first byte, the middle, all but the last, and where a word or a line ends. */
function somePlaces(length: number): number[] {
  const places = [1, 4, length >> 1, length - 4, length - 1].filter((place) => place > 0 && place < length);
  return [...new Set(places)].sort((a, b) => a - b);
}

/** Choices of up to `most` operations from `from` to `to`, and all of them. */
function* choices(
  from: number,
  to: number,
  most: number,
  every: boolean,
): Generator<readonly number[], void, undefined> {
  const count = to - from;
  if (count === 0) return;
  let left = every ? CHOICES_MAX * 16 : CHOICES_MAX;
  const chosen: number[] = [];
  function* extend(next: number): Generator<readonly number[], void, undefined> {
    for (let at = next; at < to && left > 0; at++) {
      chosen.push(at);
      left--;
      yield [...chosen];
      if (chosen.length < most) yield* extend(at + 1);
      chosen.pop();
    }
  }
  yield* extend(from);
  if (count > most) yield Array.from({ length: count }, (_, i) => from + i);
}

function* random(ops: readonly DeviceOp[], fault: PowerLossFault, seed: number): Generator<Point, void, undefined> {
  const draw = new Random(seed);
  for (;;) {
    const at = draw.below(ops.length + 1);
    const op = ops[at];
    let tear: Tear = noTear;
    if (op?.kind === 'erase' && fault.erase.length > 0) {
      const kind = draw.pick(fault.erase);
      tear = kind === 'half' ? { kind } : { kind, seed: draw.next() };
    } else if (op?.kind === 'prog' && fault.torn.length > 0) {
      const kind = draw.pick(fault.torn);
      const { length } = op.data;
      const from = draw.below(length);
      tear =
        kind === 'prefix'
          ? { kind: 'bytes', from: 0, to: from }
          : kind === 'suffix'
            ? { kind: 'bytes', from, to: -1 }
            : kind === 'bits'
              ? { kind, count: draw.below(length * 8) }
              : kind === 'subset'
                ? { kind, seed: draw.next() }
                : { kind };
      if (!tearsApart(op, tear)) tear = noTear;
    }
    const from = unsyncedFrom(ops, at);
    const lost: number[] = [];
    if (fault.reorder > 0 && at > from && draw.next() & 1) {
      const chance = fault.reorder / (at - from);
      for (let each = from; each < at && lost.length < fault.reorder; each++) {
        if (draw.fraction() < chance) lost.push(each);
      }
    }
    yield pointAt(at, tear, lost);
  }
}
