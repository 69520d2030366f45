/**
 * Going through the points: which of them need an answer, and what becomes of it.
 *
 * A point whose changes lie in blocks that nothing leads to looks like the one before it, and one whose metadata say
 * what was judged good before is good: their answers are known.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import { type Campaign, isThenable } from './campaign.ts';
import { type ExploreMode, pointsOf } from './explore.ts';
import { failureOf, sceneOf } from './failure.ts';
import type { PowerLossFault } from './faults.ts';
import { DATA, mountImage, Violation } from './judge.ts';
import { simplestLike } from './minimise.ts';
import type { CrashFailure } from './options.ts';
import type { Point } from './points.ts';
import { countUpTo, type Recording } from './recording.ts';
import { Replay } from './replay.ts';

const POINTS_DEFAULT = 20_000;
/** Answers remembered. */
const GOOD_MAX = 10_000;

/** What is known of the state that the last unharmed point showed. */
interface Known {
  readonly used: Uint8Array;
  readonly acks: number;
  readonly recordingAt: number;
}

export class Search {
  readonly campaign: Campaign;
  readonly began: number;
  readonly failures: CrashFailure[] = [];
  explored = 0;
  judged = 0;
  /** The budget was enough. */
  complete = true;
  /** Nothing more is to be looked at. */
  ended = false;
  #index = -1;
  readonly #seen: Set<string> = new Set();

  constructor(campaign: Campaign, began: number) {
    this.campaign = campaign;
    this.began = began;
  }

  /** All points of a recording, and of the recoveries from them while the fault goes that deep. */
  async along(recording: Recording, fault: PowerLossFault, mode: ExploreMode, outer: Point[] = []): Promise<void> {
    const replay = new Replay(recording);
    const state: { known: Known | null } = { known: null };
    const deeper = outer.length + 1 < fault.depth;
    for (const point of pointsOf(recording.ops, fault, mode, this.campaign.seed)) {
      if (this.ended) return;
      if (!this.isMine()) {
        // What is known must be so whoever finds it.
        state.known = null;
        continue;
      }
      const judgedBefore = this.judged;
      const image = await this.look(recording, replay, point, outer, state);
      if (deeper && image !== null && this.judged > judgedBefore && !this.ended) {
        const recovery = await this.campaign.recordRecovery(image, recording, point);
        if (recovery.ops.length > 0)
          await this.along(recovery, fault, mode === 'random' ? 'linear' : mode, [...outer, point]);
      }
    }
  }

  /** Whether the next point is ours to look at, and there is budget for it. */
  isMine(): boolean {
    const { options } = this.campaign;
    const [shard, shards] = options.shard ?? [0, 1];
    if (++this.#index % shards !== shard) return false;
    const { points, ms = Number.POSITIVE_INFINITY } = options.explore?.budget ?? {};
    const most = points ?? (ms === Number.POSITIVE_INFINITY ? POINTS_DEFAULT : Number.POSITIVE_INFINITY);
    if (this.explored >= most || ((this.explored & 63) === 0 && performance.now() - this.began > ms)) {
      this.complete = false;
      this.ended = true;
      return false;
    }
    this.explored++;
    if ((this.explored & 1023) === 0) options.onProgress?.({ explored: this.explored, failures: this.failures.length });
    return true;
  }

  /** One point. Returns the image, if it had to be made. */
  async look(
    recording: Recording,
    replay: Replay,
    point: Point,
    outer: readonly Point[],
    state: { known: Known | null },
  ): Promise<RamDevice | null> {
    const { campaign } = this;
    const { known } = state;
    if (known !== null && looksTheSame(recording, point, known)) return null;
    const image = replay.imageAt(point);
    try {
      const lfs = mountImage(image, campaign.settings.config);
      const acks = countUpTo(recording.acks, point.op);
      const facts = outer.length === 0 ? String(acks) : `${outer.map(({ op }) => op).join('/')}/${acks}`;
      const key = `${facts} ${lfs.metadataDigest()}`;
      let used = campaign.good.get(key);
      if (used === undefined || known === null || touchesData(recording, point, known)) {
        this.judged++;
        const asked = campaign.ask(image, lfs, recording, point);
        used = isThenable(asked) ? await asked : asked;
        if (campaign.good.size > GOOD_MAX) campaign.good.clear();
        if (point.lost.length === 0) campaign.good.set(key, used);
      }
      if (point.tear.kind === 'none' && point.lost.length === 0) state.known = { used, acks, recordingAt: point.op };
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      await this.#failAt(recording, point, outer, error, image);
    }
    return image;
  }

  async #failAt(
    recording: Recording,
    point: Point,
    outer: readonly Point[],
    violation: Violation,
    image: RamDevice,
  ): Promise<void> {
    const scene = sceneOf(point, outer);
    const failure = failureOf(recording, scene, violation, recording.start, image);
    if (!this.fail(failure)) return;
    const simplest = await simplestLike(this.campaign, recording, point, violation);
    this.failures[this.failures.length - 1] = { ...failure, minimal: sceneOf(simplest, outer).id };
  }

  /** Takes down a failure, unless one like it is not to be told twice. */
  fail(failure: CrashFailure): boolean {
    const { kind, call, line = '', message } = failure;
    const key = `${kind} ${call?.replace(/\(.*/s, '')} ${line} ${message}`;
    const { onFailure = 'first' } = this.campaign.options;
    if (onFailure === 'unique' && this.#seen.has(key)) return false;
    this.#seen.add(key);
    this.failures.push(failure);
    if (onFailure === 'first') this.ended = true;
    return true;
  }

  /** Looks at one point by its name. */
  async replay(recording: Recording, point: Point, outer: Point[] = []): Promise<void> {
    const replay = new Replay(recording);
    const { next } = point;
    const own = { ...point, next: null };
    if (next === null) {
      this.explored++;
      await this.look(recording, replay, own, outer, { known: null });
      return;
    }
    const recovery = await this.campaign.recordRecovery(replay.imageAt(own), recording, own);
    await this.replay(recovery, next, [...outer, own]);
  }
}

/**
 * Whether all that a point has done since the last unharmed one lies in blocks that nothing leads to: who mounts it
 * sees the same. Facts acknowledged since then ask for another look.
 */
function looksTheSame({ ops, acks }: Recording, point: Point, known: Known): boolean {
  if (point.op < known.recordingAt || point.lost.length > 0) return false;
  for (let i = known.acks; i < acks.length; i++) if (acks[i]!.at <= point.op) return false;
  const to = point.tear.kind === 'none' ? point.op : point.op + 1;
  for (let at = known.recordingAt; at < to; at++) {
    const op = ops[at];
    if (op !== undefined && op.kind !== 'sync' && known.used[op.block] !== 0) return false;
  }
  return true;
}

/**
 * Whether data in use may be other than the metadata tell: writes were lost, or went to blocks of files as of the last
 * unharmed point, which a sound engine never does.
 */
function touchesData({ ops }: Recording, point: Point, known: Known): boolean {
  if (point.lost.length > 0 || point.op < known.recordingAt) return true;
  const to = point.tear.kind === 'none' ? point.op : point.op + 1;
  for (let at = known.recordingAt; at < to; at++) {
    const op = ops[at];
    if (op !== undefined && op.kind !== 'sync' && known.used[op.block] === DATA) return true;
  }
  return false;
}
