/**
 * From a point that fails to the simplest one that fails with the same message: without a tear rather than torn, with
 * few lost writes, early in the run.
 *
 * @module
 */

import type { Campaign } from './campaign.ts';
import { mountImage, Violation } from './judge.ts';
import { noTear, type Point, pointAt, type Tear } from './points.ts';
import type { Recording } from './recording.ts';
import { Replay, tearsApart, unsyncedFrom } from './replay.ts';

/** Points tried; a campaign has found its failure, and this is only to show it well. */
const TRIES_MAX = 2000;

export async function simplestLike(
  campaign: Campaign,
  recording: Recording,
  point: Point,
  violation: Violation,
): Promise<Point> {
  const replay = new Replay(recording);
  const { ops } = recording;
  let left = TRIES_MAX;

  /** Whether this point fails in the same way. */
  const fails = async (candidate: Point): Promise<boolean> => {
    if (left-- <= 0) return false;
    const image = replay.imageAt(candidate);
    try {
      await campaign.ask(image, mountImage(image, campaign.settings.config), recording, candidate);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error.kind === violation.kind && error.message === violation.message;
    }
    return false;
  };
  const firstOf = async (candidates: Iterable<Point>): Promise<Point | undefined> => {
    for (const candidate of candidates) if (await fails(candidate)) return candidate;
    return undefined;
  };
  /** The same for every operation before, in their order. */
  function* earlier(make: (op: number) => Point | undefined): Generator<Point, void, undefined> {
    for (let op = 0; op < point.op; op++) {
      const candidate = make(op);
      if (candidate !== undefined) yield candidate;
    }
  }

  const plain = await firstOf(earlier((op) => pointAt(op)));
  if (plain !== undefined) return plain;
  let best = point;
  const isPlain = (): boolean => best.tear.kind === 'none' && best.lost.length === 0;
  if (isPlain()) return best;
  for (const candidate of [pointAt(best.op), pointAt(Math.min(best.op + 1, ops.length))])
    if (await fails(candidate)) return candidate;
  if (best.tear.kind !== 'none' && best.lost.length > 0) {
    const one = await firstOf([pointAt(best.op, best.tear), pointAt(best.op, noTear, best.lost)]);
    best = one ?? best;
  }
  for (const each of [...best.lost]) {
    const without = pointAt(
      best.op,
      best.tear,
      best.lost.filter((other) => other !== each),
    );
    if (await fails(without)) best = without;
  }
  if (isPlain()) return best;
  const op = ops[best.op];
  if (op !== undefined && best.tear.kind !== 'none') {
    const simpler = simplerTears(best.tear, op.kind === 'prog' ? op.data.length : 0);
    const found = await firstOf(
      simpler.filter((tear) => tearsApart(op, tear)).map((tear) => pointAt(best.op, tear, best.lost)),
    );
    best = found ?? best;
  }
  const { tear, lost } = best;
  const shape = (at: number): Point | undefined => {
    if (lost.length === 0) return ops[at] !== undefined && tearsApart(ops[at], tear) ? pointAt(at, tear) : undefined;
    // What is lost stays lost until it is synced: the power may have gone sooner after it.
    const isLater = at > lost[lost.length - 1]! && unsyncedFrom(ops, at) <= lost[0]!;
    return isLater && (tear.kind === 'none' || (ops[at] !== undefined && tearsApart(ops[at], tear)))
      ? pointAt(at, tear, lost)
      : undefined;
  };
  return (await firstOf(earlier(shape))) ?? best;
}

/** Tears that are easier to think of: half of it, all but a byte, a byte. */
function simplerTears(tear: Tear, length: number): Tear[] {
  if (length === 0) return tear.kind === 'half' ? [] : [{ kind: 'half' }];
  const places = [length >> 1, length - 1, 1];
  return [...new Set(places)]
    .map((to): Tear => ({ kind: 'bytes', from: 0, to }))
    .filter((each) => !(tear.kind === 'bytes' && each.kind === 'bytes' && tear.from === 0 && tear.to === each.to));
}
