/**
 * `posix-strict`: nothing is durable but what was asked to be, as POSIX has it. fsync of a file makes its content, size
 * and attributes durable, not its name; fsync of a directory its names. Every other change may be lost or kept on its
 * own, a write in part, with its size or without. A rename within a directory is one change; to another directory it is
 * two, one in each.
 *
 * @module
 */

import type { PosixOp } from './posix-ops.ts';
import { byFile, choicesOf, type Persistence, placesIn, type StateBounds } from './posix-persistence.ts';
import { type Fate, type Loss, lost, type PosixPoint, posixPoint } from './posix-point.ts';
import { Random } from './random.ts';

const never = Number.POSITIVE_INFINITY;

export class StrictPersistence implements Persistence {
  readonly #ops: readonly PosixOp[];
  /** From this point on an operation is durable; for a rename: its old name, and its new one. */
  readonly #sure: Float64Array;
  readonly #sureNew: Float64Array;
  #lastAt = -1;
  #lastVolatile: readonly number[] = [];

  constructor(ops: readonly PosixOp[]) {
    this.#ops = ops;
    this.#sure = new Float64Array(ops.length).fill(never);
    this.#sureNew = new Float64Array(ops.length).fill(never);
    const synced = new Map<number, number>();
    const described = new Map<number, number>();
    let all = never;
    for (let at = ops.length - 1; at >= 0; at--) {
      const op = ops[at]!;
      const sure = (ino: number, known: Map<number, number> = synced): number => Math.min(known.get(ino) ?? never, all);
      switch (op.kind) {
        case 'sync':
          synced.set(op.ino, at + 1);
          if (!op.dataOnly) described.set(op.ino, at + 1);
          break;
        case 'sync-all':
          all = at + 1;
          break;
        case 'rename':
          this.#sure[at] = sure(op.dir);
          this.#sureNew[at] = sure(op.toDir);
          break;
        case 'enter':
        case 'leave':
          this.#sure[at] = sure(op.dir);
          break;
        case 'attrs':
          this.#sure[at] = sure(op.ino, described);
          break;
        case 'flush':
          this.#sure[at] = 0;
          break;
        default:
          this.#sure[at] = sure(op.ino);
      }
      if (op.kind === 'sync' || op.kind === 'sync-all') this.#sure[at] = 0;
      if (op.kind !== 'rename') this.#sureNew[at] = this.#sure[at]!;
    }
  }

  volatileAt(at: number): readonly number[] {
    if (at === this.#lastAt) return this.#lastVolatile;
    const open: number[] = [];
    for (let i = 0; i < at; i++) if (Math.max(this.#sure[i]!, this.#sureNew[i]!) > at) open.push(i);
    this.#lastAt = at;
    this.#lastVolatile = open;
    return open;
  }

  /** How an operation can be lost, the whole of what can go first. */
  #fates(op: number, at: number): Fate[] {
    const each = this.#ops[op]!;
    if (each.kind !== 'rename' || each.dir === each.toDir || each.isDirectory) return [lost];
    const losesOld = this.#sure[op]! > at;
    const losesNew = this.#sureNew[op]! > at;
    const both: Fate[] = [lost, { kind: 'new-name' }, { kind: 'no-name' }];
    return both.filter(({ kind }) => (kind !== 'no-name' ? losesOld : true) && (kind !== 'new-name' ? losesNew : true));
  }

  #gone(ops: Iterable<number>, at: number): Loss[] {
    return Array.from(ops, (op) => ({ op, fate: this.#fates(op, at)[0]! })).sort((a, b) => a.op - b.op);
  }

  /** What may be there of an operation. */
  #parts(index: number, at: number, every: boolean): Fate[] {
    const op = this.#ops[index];
    if (op?.kind === 'rename') return this.#fates(index, at).filter(({ kind }) => kind !== 'lost');
    if (op?.kind !== 'write') return [];
    const { length } = op.data;
    const places = every ? placesIn(0, length, 1, true) : placesIn(0, length, 1, false);
    const half = [length >> 1].filter((place) => place > 0);
    const parts: Fate[] = [{ kind: 'part', bytes: 0, isSized: true }];
    for (const bytes of new Set([...half, ...places])) {
      parts.push({ kind: 'part', bytes, isSized: false }, { kind: 'part', bytes, isSized: true });
    }
    return parts;
  }

  *statesAt(at: number, bounds: StateBounds): Generator<PosixPoint, void, undefined> {
    let left = bounds.most;
    for (const point of this.#all(at, bounds)) {
      yield point;
      if (--left === 0) return;
    }
  }

  *#all(at: number, { isTorn, isExhaustive, seed }: StateBounds): Generator<PosixPoint, void, undefined> {
    const ops = this.#ops;
    yield posixPoint(at);
    const open = this.volatileAt(at);
    const all = this.#gone(open, at);
    const recent = [...open].reverse();
    if (open.length > 0) {
      yield posixPoint(at, all);
      // Contents without names, and names without contents.
      const contents = open.filter((op) => isContent(ops[op]!));
      const names = open.filter((op) => !isContent(ops[op]!));
      if (contents.length > 0 && names.length > 0) {
        yield posixPoint(at, this.#gone(contents, at));
        yield posixPoint(at, this.#gone(names, at));
      }
      const files = byFile(ops, contents);
      if (files.size > 1) for (const each of files.values()) yield posixPoint(at, this.#gone(each, at));
    }
    if (isTorn && at < ops.length) {
      for (const under of this.#parts(at, at, isExhaustive)) {
        yield posixPoint(at, [], under);
        if (open.length > 0) yield posixPoint(at, all, under);
      }
    }
    for (const op of recent) for (const fate of this.#fates(op, at)) yield posixPoint(at, [{ op, fate }]);
    if (open.length > 2)
      for (const op of recent)
        yield posixPoint(
          at,
          this.#gone(
            open.filter((each) => each !== op),
            at,
          ),
        );
    if (isTorn) {
      for (const op of recent)
        for (const fate of this.#parts(op, at, isExhaustive)) yield posixPoint(at, [{ op, fate }]);
    }
    // In each order of their own: what came first is there, what came later is not.
    for (let keep = 1; keep < open.length - 1; keep++) yield posixPoint(at, this.#gone(open.slice(keep), at));
    for (const each of choicesOf(recent, 2, isExhaustive ? open.length - 2 : 2))
      yield posixPoint(at, this.#gone(each, at));
    if (open.length < 3) return;
    const draw = new Random(seed + at);
    for (let i = 0; i < 8; i++) yield this.randomAt(at, isTorn, draw);
  }

  randomAt(at: number, isTorn: boolean, draw: Random): PosixPoint {
    const share = draw.fraction();
    const some = (op: number, whole: readonly Fate[]): Fate =>
      draw.pick([...whole, ...(isTorn ? this.#parts(op, at, false) : [])]);
    const losses = this.volatileAt(at)
      .filter(() => draw.fraction() < share)
      .map((op) => ({ op, fate: some(op, this.#fates(op, at)) }));
    const parts = isTorn && at < this.#ops.length ? this.#parts(at, at, false) : [];
    return posixPoint(at, losses, parts.length > 0 && draw.next() & 1 ? draw.pick(parts) : null);
  }

  /** Everything may be lost on its own. */
  allows({ op, losses }: PosixPoint): boolean {
    const open = this.volatileAt(op);
    return losses.every((loss) => open.includes(loss.op));
  }
}

function isContent(op: PosixOp): boolean {
  return op.kind === 'write' || op.kind === 'truncate' || op.kind === 'attrs';
}
