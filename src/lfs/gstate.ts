/**
 * Global state (SPEC.md, "MOVESTATE"): twelve bytes spread over all metadata pairs as XOR deltas, so that one commit
 * to any pair changes it atomically.
 *
 *   [----            32             ----|----   32   ----|----   32   ----]
 *   [1|- 11 -|- 10 -|1|---   9     ---]       pair[0]          pair[1]
 *    ^    ^      ^   ^       ^-- orphans known of (in RAM only)
 *    |    |      |   '-- superblock wants rewriting (in RAM only)
 *    |    |      '-- id of the entry being moved away
 *    |    '-- 0x4ff while a move is pending, else 0
 *    '-- there may be orphans
 *
 * Invariants: (1) `disk` is the XOR of the deltas of all pairs of the thread, plus the bits in RAM;
 * (2) a commit to a pair of the thread writes `disk ^ now ^ delta` into its own delta and then `disk` equals `now`;
 * (3) `delta` holds what was taken over from pairs about to leave the thread.
 *
 * @module
 */

import { tagId, type } from './tag.ts';

export class GState {
  tag = 0;
  pair0 = 0;
  pair1 = 0;

  set(tag: number, pair0: number, pair1: number): void {
    this.tag = tag;
    this.pair0 = pair0;
    this.pair1 = pair1;
  }

  copy(from: GState): void {
    this.tag = from.tag;
    this.pair0 = from.pair0;
    this.pair1 = from.pair1;
  }

  xor(other: GState): void {
    this.tag ^= other.tag;
    this.pair0 ^= other.pair0;
    this.pair1 ^= other.pair1;
  }

  clear(): void {
    this.tag = 0;
    this.pair0 = 0;
    this.pair1 = 0;
  }

  isZero(): boolean {
    return this.tag === 0 && this.pair0 === 0 && this.pair1 === 0;
  }
}

export function hasOrphans(state: GState): boolean {
  return (state.tag & 0x3ff) !== 0;
}

export function orphanCount(state: GState): number {
  return state.tag & 0x1ff;
}

export function needsSuperblock(state: GState): boolean {
  return (state.tag & 0x200) !== 0;
}

export function hasMove(state: GState): boolean {
  return (state.tag & 0x70000000) !== 0;
}

/** The id that is being moved away from this pair, or -1. */
export function movingFrom(state: GState, pair0: number, pair1: number): number {
  return hasMove(state) && samePair(state.pair0, state.pair1, pair0, pair1) ? tagId(state.tag) : -1;
}

export function setNeedsSuperblock(state: GState, needed: boolean): void {
  state.tag = (state.tag & ~0x200) | (needed ? 0x200 : 0);
}

export function addOrphans(state: GState, count: number): void {
  const tag = (state.tag + count) | 0;
  state.tag = (tag & 0x7fffffff) | ((tag & 0x3ff) !== 0 ? 0x80000000 : 0);
}

export function setMove(state: GState, id: number, pair0: number, pair1: number): void {
  state.tag = (state.tag & ~0x7ffffc00) | (type.DELETE << 20) | (id << 10);
  state.pair0 = pair0;
  state.pair1 = pair1;
}

export function clearMove(state: GState): void {
  state.tag &= ~0x7ffffc00;
  state.pair0 = 0;
  state.pair1 = 0;
}

/**
 * Two pairs are the same when they share a block: a relocated pair keeps one of its two, so this is how a stale
 * reference and a fresh one are recognised as meaning the same pair.
 */
export function samePair(a0: number, a1: number, b0: number, b1: number): boolean {
  return a0 === b0 || a1 === b1 || a0 === b1 || a1 === b0;
}

/** Exactly the same two blocks. */
export function equalPair(a0: number, a1: number, b0: number, b1: number): boolean {
  return (a0 === b0 && a1 === b1) || (a0 === b1 && a1 === b0);
}
