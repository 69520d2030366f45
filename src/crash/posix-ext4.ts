/**
 * `ext4-ordered`: ext4 as most have it, with a journal of metadata, data=ordered, delayed allocation and auto_da_alloc.
 *
 *   names, attributes, truncations     are kept in their order: a loss of power leaves a first part of them
 *   data that makes a file longer      is written out some time later, by then the size follows it: until then the file
 *                                      is as long as it was, perhaps empty; in the order of the file
 *   data in place                      reaches the disk in any order, by sectors
 *   rename over another file           writes the file's data out first: the new name never shows less than was written
 *   emptied, written, closed           is written out at once, too, but not before it is empty
 *   fsync                              writes out the file's data, and commits all metadata up to its last change
 *
 * A write within a page that makes a file longer is there or not, as a whole.
 *
 * @module
 */

import type { PosixOp } from './posix-ops.ts';
import { byFile, choicesOf, lossesOf, type Persistence, placesIn, type StateBounds } from './posix-persistence.ts';
import { type Fate, type Loss, type PosixPoint, posixPoint } from './posix-point.ts';
import { Random } from './random.ts';

const never = Number.POSITIVE_INFINITY;
const PAGE = 4096;
const SECTOR = 512;

/** What happens to metadata: in the journal, in order. */
function isMetadata({ kind }: PosixOp): boolean {
  return (
    kind === 'enter' ||
    kind === 'leave' ||
    kind === 'rename' ||
    kind === 'attrs' ||
    kind === 'truncate' ||
    kind === 'flush'
  );
}

export class OrderedPersistence implements Persistence {
  readonly #ops: readonly PosixOp[];
  /** Of metadata and of writes: the point from which on it is durable for an fsync. */
  readonly #sure: Float64Array;
  /** Of writes: whether they made the file longer than the disk knew it; the metadata that they come with. */
  readonly #grows: Uint8Array;
  readonly #with: Float64Array;
  #lastAt = -1;
  #lastVolatile: readonly number[] = [];

  /** `sizeOf`: how long a file was at the start. */
  constructor(ops: readonly PosixOp[], sizeOf: (ino: number) => number) {
    this.#ops = ops;
    this.#sure = new Float64Array(ops.length).fill(never);
    this.#grows = new Uint8Array(ops.length);
    this.#with = new Float64Array(ops.length).fill(never);
    const sizes = new Map<number, { known: number; now: number }>();
    const size = (ino: number): { known: number; now: number } => {
      let found = sizes.get(ino);
      if (found === undefined) {
        const known = sizeOf(ino);
        found = { known, now: known };
        sizes.set(ino, found);
      }
      return found;
    };
    /** The last operation that changed an inode; writes that are not written out. */
    const touched = new Map<number, number>();
    const pending = new Map<number, number[]>();
    let committed = 0;
    const commit = (to: number, at: number): void => {
      for (; committed < to; committed++) if (isMetadata(ops[committed]!)) this.#sure[committed] = at + 1;
    };
    const writeOut = (ino: number, settle: (write: number) => void): void => {
      for (const write of pending.get(ino) ?? []) settle(write);
      pending.delete(ino);
      const known = size(ino);
      known.known = known.now;
    };
    for (let at = 0; at < ops.length; at++) {
      const op = ops[at]!;
      switch (op.kind) {
        case 'write': {
          const file = size(op.ino);
          const end = op.offset + op.data.length;
          this.#grows[at] = end > file.known ? 1 : 0;
          file.now = Math.max(file.now, end);
          pending.set(op.ino, [...(pending.get(op.ino) ?? []), at]);
          break;
        }
        case 'truncate': {
          const file = size(op.ino);
          file.known = Math.min(file.known, op.size);
          file.now = op.size;
          break;
        }
        case 'enter':
          touched.set(op.inode.ino, at);
          touched.set(op.dir, at);
          break;
        case 'leave':
          touched.set(op.dir, at);
          break;
        case 'rename':
          touched.set(op.dir, at);
          touched.set(op.toDir, at);
          if (op.replaced !== null && !op.isDirectory)
            writeOut(op.ino, (write) => {
              this.#with[write] = at;
            });
          break;
        case 'flush':
          writeOut(op.ino, (write) => {
            this.#with[write] = at;
          });
          break;
        case 'sync-all':
          for (const ino of [...pending.keys()])
            writeOut(ino, (write) => {
              this.#sure[write] = at + 1;
            });
          commit(at, at);
          break;
        default:
      }
      if (op.kind === 'sync') {
        const grown = (pending.get(op.ino) ?? []).some((write) => this.#grows[write] === 1);
        writeOut(op.ino, (write) => {
          this.#sure[write] = at + 1;
        });
        commit(grown ? at : (touched.get(op.ino) ?? -1) + 1, at);
      } else if (op.kind !== 'sync-all' && op.kind !== 'enter' && op.kind !== 'leave') touched.set(op.ino, at);
    }
  }

  volatileAt(at: number): readonly number[] {
    if (at === this.#lastAt) return this.#lastVolatile;
    const open: number[] = [];
    for (let i = 0; i < at; i++) {
      const op = this.#ops[i]!;
      if (op.kind === 'write') {
        const by = this.#with[i]!;
        // What it comes with may be durable already, and then so is it.
        if (this.#sure[i]! > at && (by >= at || this.#sure[by]! > at)) open.push(i);
      } else if (isMetadata(op) && this.#sure[i]! > at) open.push(i);
    }
    this.#lastAt = at;
    this.#lastVolatile = open;
    return open;
  }

  /** What is lost when metadata from `cut` on are, and what else may be. */
  #split(at: number, cut: number): { metadata: number[]; must: number[]; may: number[] } {
    const metadata: number[] = [];
    const must: number[] = [];
    const may: number[] = [];
    for (const index of this.volatileAt(at)) {
      if (isMetadata(this.#ops[index]!)) {
        if (index >= cut) metadata.push(index);
      } else if (this.#with[index]! < Math.min(cut, at)) {
        // It comes with what is kept.
      } else if (this.#grows[index] === 1 && index > cut) must.push(index);
      else may.push(index);
    }
    return { metadata, must, may };
  }

  #cuts(at: number): number[] {
    const metadata = this.volatileAt(at).filter((index) => isMetadata(this.#ops[index]!));
    if (metadata.length === 0) return [at];
    // Nothing lost, everything lost, and then from the end.
    return [at, metadata[0]!, ...metadata.slice(1).reverse()];
  }

  /** How a write may be there in part. */
  #parts(index: number, every: boolean): Fate[] {
    const op = this.#ops[index];
    if (op?.kind !== 'write') return [];
    const unit = this.#grows[index] === 1 ? PAGE : SECTOR;
    return placesIn(op.offset, op.data.length, unit, every).map((bytes) => ({ kind: 'part', bytes, isSized: false }));
  }

  /** What makes a file longer is there up to some place: losing some of it is losing what follows. */
  #closed(writes: readonly number[], may: readonly number[]): number[] {
    const gone = new Set(writes);
    for (const [, all] of byFile(this.#ops, may)) {
      let isGone = false;
      for (const index of all) {
        if (this.#grows[index] !== 1) continue;
        isGone ||= gone.has(index);
        if (isGone) gone.add(index);
      }
    }
    return [...gone];
  }

  *statesAt(at: number, bounds: StateBounds): Generator<PosixPoint, void, undefined> {
    let left = bounds.most;
    for (const point of this.#all(at, bounds)) {
      yield point;
      if (--left === 0) return;
    }
  }

  *#all(at: number, { isTorn, isExhaustive, seed }: StateBounds): Generator<PosixPoint, void, undefined> {
    const cuts = this.#cuts(at);
    for (const cut of cuts) {
      const { metadata, must, may } = this.#split(at, cut);
      const sure = [...metadata, ...must];
      const point = (gone: readonly number[], more: readonly Loss[] = []): PosixPoint =>
        posixPoint(
          at,
          [...lossesOf([...sure, ...this.#closed(gone, may)]), ...more].sort((a, b) => a.op - b.op),
        );
      yield point([]);
      if (isTorn && cut === at) for (const fate of this.#parts(at, isExhaustive)) yield { ...point([]), under: fate };
      if (may.length === 0) continue;
      yield point(may);
      if (isTorn && cut === at) {
        // A file has no end of a write without what came before it.
        const own = new Set(
          this.#grows[at] === 1
            ? byFile(this.#ops, [at, ...may])
                .values()
                .next().value
            : [],
        );
        const rest = may.filter((index) => !own.has(index));
        for (const fate of this.#parts(at, isExhaustive)) yield { ...point(rest), under: fate };
      }
      const files = [...byFile(this.#ops, may).values()];
      if (files.length > 1) for (const each of files) yield point(each);
      for (const index of [...may].reverse()) yield point([index]);
      if (isTorn) {
        for (const index of [...may].reverse())
          for (const fate of this.#parts(index, isExhaustive)) {
            const after = this.#grows[index] === 1 ? this.#closed([index], may).filter((each) => each !== index) : [];
            yield point(after, [{ op: index, fate }]);
          }
      }
      for (const gone of choicesOf([...may].reverse(), 2, isExhaustive ? may.length - 1 : 2)) yield point(gone);
    }
    if (this.volatileAt(at).length < 3) return;
    const draw = new Random(seed + at);
    for (let i = 0; i < 8; i++) yield this.randomAt(at, isTorn, draw);
  }

  randomAt(at: number, isTorn: boolean, draw: Random): PosixPoint {
    const { metadata, must, may } = this.#split(at, draw.pick(this.#cuts(at)));
    const share = draw.fraction();
    const gone = this.#closed(
      may.filter(() => draw.fraction() < share),
      may,
    );
    const parts = isTorn ? this.#parts(at, false) : [];
    const under = parts.length > 0 && draw.next() & 1 ? draw.pick(parts) : null;
    return posixPoint(at, lossesOf([...metadata, ...must, ...gone]), under);
  }

  allows({ op: at, losses }: PosixPoint): boolean {
    const gone = new Set(losses.filter(({ fate }) => fate.kind === 'lost').map(({ op }) => op));
    const reduced = new Set(losses.map(({ op }) => op));
    const metadata = this.volatileAt(at).filter((index) => isMetadata(this.#ops[index]!));
    const cut = metadata.find((index) => gone.has(index)) ?? at;
    const split = this.#split(at, cut);
    const free = new Set([...split.metadata, ...split.must, ...split.may]);
    if (![...split.metadata, ...split.must].every((index) => gone.has(index))) return false;
    if (![...reduced].every((index) => free.has(index))) return false;
    // What follows a part of what makes a file longer is lost.
    return this.#closed([...reduced], split.may).every((index) => reduced.has(index));
  }
}
