/**
 * `crashTest` for code that runs on another file system than littlefs: the workload's calls are written down as
 * operations on inodes, and at each point the states that a persistence model allows are built on a fresh volume.
 *
 *   workload  -> operations                            posix-recorder.ts, posix-ops.ts
 *   point     -> which of them may be missing          posix-strict.ts, posix-ext4.ts
 *   state     -> a volume                              posix-tree.ts
 *             -> recover, check                        campaign.ts
 *   report    <- what was lost, call by call           posix-failure.ts
 *
 * The built-in questions are about littlefs, and are not asked.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import type { Vfs } from '../vfs/index.ts';
import { Campaign, isThenable } from './campaign.ts';
import { callText, differs } from './failure.ts';
import { faults, type PowerLossFault } from './faults.ts';
import { type FailureKind, Violation } from './judge.ts';
import type { CrashReport, CrashTestOptions, DeviceSettings } from './options.ts';
import { OrderedPersistence } from './posix-ext4.ts';
import { posixFailureOf } from './posix-failure.ts';
import { isChange, PosixRun } from './posix-ops.ts';
import type { Persistence, StateBounds } from './posix-persistence.ts';
import { type NamedPoint, type PosixPoint, parsePosixPoint, posixPointName, resolvePoint } from './posix-point.ts';
import { recordOps } from './posix-recorder.ts';
import { StrictPersistence } from './posix-strict.ts';
import { PosixTree } from './posix-tree.ts';
import { Random } from './random.ts';
import { isSyncCall } from './recording.ts';
import { Search } from './search.ts';
import { openWorkspace, recordCalls, steadyClock, userLine } from './workspace.ts';

/** Other file systems are not as small as flash is. */
const defaultDevice: DeviceSettings = { blockSize: 4096, blockCount: 512, progSize: 16, readSize: 16 };
const POINTS_DEFAULT = 20_000;
const GOOD_MAX = 100_000;

/** What was written down of a run, and the volume from which it started. */
export class Recorded {
  readonly run: PosixRun = new PosixRun();
  readonly device: RamDevice;
  /** The start, to read from. */
  readonly source: Vfs;
  readonly tree: PosixTree;
  persistence: Persistence;
  /** The tree after all before `#baseAt`, nothing lost. */
  #base: PosixTree;
  #baseAt = 0;

  constructor(device: RamDevice, source: Vfs, tree: PosixTree) {
    this.device = device;
    this.source = source;
    this.tree = tree;
    this.#base = tree.copy();
    this.persistence = new StrictPersistence([]);
  }

  /** What a point leaves. */
  treeAt({ op, under, losses }: PosixPoint): PosixTree {
    const { ops } = this.run;
    const first = losses[0]?.op ?? op;
    if (first < this.#baseAt) {
      this.#base = this.tree.copy();
      this.#baseAt = 0;
    }
    // All before what may be lost stays as it is from here on, so that it need not be done again.
    const sure = Math.min(first, this.persistence.volatileAt(op)[0] ?? op);
    for (; this.#baseAt < sure; this.#baseAt++) this.#base.apply(ops[this.#baseAt]!, this.#baseAt, null);
    const tree = this.#base.copy();
    let next = 0;
    for (let at = this.#baseAt; at < op; at++) {
      while (next < losses.length && losses[next]!.op < at) next++;
      tree.apply(ops[at]!, at, losses[next]?.op === at ? losses[next]!.fate : null);
    }
    if (under !== null) tree.apply(ops[op]!, op, under);
    return tree;
  }
}

/** What is made once, and what is found point by point. */
export class PosixCampaign {
  readonly campaign: Campaign;
  readonly search: Search;
  readonly options: CrashTestOptions;
  /** States that were good, with what had been acknowledged. */
  readonly #good: Set<string> = new Set();
  readonly #seen: Set<string> = new Set();

  constructor(options: CrashTestOptions) {
    this.options = options;
    this.campaign = new Campaign({ ...options, device: options.device ?? defaultDevice, durability: 'fsync' });
    this.search = new Search(this.campaign, performance.now());
  }

  #open(device: RamDevice) {
    return openWorkspace(device, { ...this.campaign.settings, clock: steadyClock() });
  }

  /** Runs something on a volume and writes it down. */
  async #record(
    device: RamDevice,
    work: (space: ReturnType<typeof openWorkspace>, run: PosixRun) => unknown,
    swallow = 0,
  ): Promise<Recorded> {
    const space = this.#open(device.fork());
    const tree = PosixTree.of(space.vfs);
    const recorded = new Recorded(device, this.#open(device.fork()).vfs, tree);
    const { run } = recorded;
    recordOps(space.vfs, run, this.campaign.opsMax);
    let syncs = 0;
    recordCalls(space, run, { swallows: (name) => isSyncCall(name) && ++syncs === swallow });
    await work(space, run);
    recorded.persistence =
      this.options.model === 'ext4-ordered'
        ? new OrderedPersistence(run.ops, (ino) => recorded.tree.sizeOf(ino))
        : new StrictPersistence(run.ops);
    return recorded;
  }

  recordWorkload(): Promise<Recorded> {
    const { options, campaign } = this;
    let facts: Readonly<Record<string, unknown>> = {};
    return this.#record(
      campaign.start,
      async (space, run) => {
        try {
          await options.workload({
            ...space,
            random: new Random(campaign.seed),
            ack: (more) => {
              facts = { ...facts, ...more };
              run.acks.push({ at: run.ops.length, facts });
            },
            step: (name) => run.steps.push({ at: run.ops.length, name }),
            sometimes: (name, reached = true) => campaign.note(name, reached),
          });
        } catch (error) {
          const message = error instanceof Error ? error.message : error;
          throw new Violation('workload', `the workload itself failed: ${message}`, error);
        }
      },
      options.swallowSync,
    );
  }

  /** The recovery from a state, written down. What it throws is found where the state itself is looked at. */
  async #recordRecovery(recorded: Recorded, point: PosixPoint): Promise<Recorded> {
    const device = this.#imageOf(recorded, point);
    return this.#record(device, async (space, run) => {
      run.acks.push({ at: 0, facts: recorded.run.ackedAt(point.op) });
      run.steps.push({ at: 0, name: 'recovery' });
      try {
        await this.options.recover?.({ ...space, random: new Random(this.campaign.seed) });
      } catch {
        // As far as it came.
      }
    });
  }

  #imageOf(recorded: Recorded, point: PosixPoint): RamDevice {
    const device = recorded.device.fork();
    const { vfs } = this.#open(device);
    recorded.treeAt(point).build(vfs, recorded.tree, recorded.source);
    vfs.sync();
    return device;
  }

  /** All points of a run, and of the recoveries from them while the fault goes that deep. */
  async along(recorded: Recorded, fault: PowerLossFault, outer: readonly Outer[] = []): Promise<void> {
    const { search } = this;
    const isDeeper = outer.length + 1 < fault.depth && this.options.recover !== undefined;
    for (const point of this.#points(recorded, fault, outer.length > 0)) {
      if (search.ended) return;
      if (!search.isMine()) continue;
      const isNew = await this.look(recorded, point, outer);
      if (!isDeeper || !isNew || search.ended) continue;
      const recovery = await this.#recordRecovery(recorded, point);
      if (recovery.run.ops.some(isChange)) await this.along(recovery, fault, [...outer, { recorded, point }]);
    }
  }

  *#points(
    { run, persistence }: Recorded,
    fault: PowerLossFault,
    isInner: boolean,
  ): Generator<PosixPoint, void, undefined> {
    const { explore } = this.options;
    const { mode = 'auto', budget } = explore ?? {};
    const { seed } = this.campaign;
    const count = run.ops.length;
    const isTorn = fault.torn.length > 0;
    if (mode === 'random' && !isInner) {
      const draw = new Random(seed);
      for (;;) yield persistence.randomAt(draw.below(count + 1), isTorn, draw);
    }
    const isExhaustive = mode === 'exhaustive';
    const share = Math.floor((budget?.points ?? POINTS_DEFAULT) / (count + 1));
    const most = isExhaustive ? 65_536 : Math.max(16, Math.min(256, share));
    const bounds: StateBounds = { most, isTorn, isExhaustive, seed };
    for (let at = 0; at <= count; at = mode === 'log' && at > 0 ? at * 2 : at + 1) {
      // Before what changes nothing it is as before what comes next, but for what this makes durable.
      yield* persistence.statesAt(at, bounds);
    }
  }

  /** Whether the state of a point had not been seen. */
  async look(recorded: Recorded, point: PosixPoint, outer: readonly Outer[]): Promise<boolean> {
    const { run } = recorded;
    const tree = recorded.treeAt(point);
    const facts = run.acks.filter(({ at }) => at <= point.op).length;
    const name = (): string => nameOf(recorded, point, outer);
    const above = outer.length === 0 ? '' : outer.map((each) => nameOf(each.recorded, each.point, [])).join('/');
    const key = `${above} ${facts} ${tree.signature()}`;
    if (this.#good.has(key)) return false;
    const violation = await this.#ask(recorded, point, tree, name());
    if (violation === null) {
      if (this.#good.size > GOOD_MAX) this.#good.clear();
      this.#good.add(key);
      return true;
    }
    await this.#fail(recorded, point, outer, violation);
    return true;
  }

  async #ask(recorded: Recorded, point: PosixPoint, tree: PosixTree, name: string): Promise<Violation | null> {
    this.search.judged++;
    try {
      const about = { point: name, op: point.op, fault: 'powerLoss', detectable: false } as const;
      const done = this.campaign.askProgram(recorded.device.fork(), recorded.run, about, (vfs) =>
        tree.build(vfs, recorded.tree, recorded.source),
      );
      if (isThenable(done)) await done;
      return null;
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
  }

  async #fail(recorded: Recorded, found: PosixPoint, outer: readonly Outer[], violation: Violation): Promise<void> {
    const { search, options } = this;
    const point = await this.#simplest(recorded, found, violation);
    const failure = posixFailureOf(recorded.run, point, {
      id: nameOf(recorded, point, outer),
      violation,
      before: recorded.device,
      after: this.#imageOf(recorded, point),
    });
    const key = `${violation.kind} ${failure.call} ${failure.line} ${violation.message}`;
    const { onFailure = 'first' } = options;
    if (onFailure === 'unique' && this.#seen.has(key)) return;
    this.#seen.add(key);
    search.failures.push(failure);
    if (onFailure === 'first') search.ended = true;
  }

  /** The same failure with less lost. */
  async #simplest(recorded: Recorded, found: PosixPoint, violation: Violation): Promise<PosixPoint> {
    if (this.options.onFailure === 'all' || this.options.replay !== undefined) return found;
    let best = found;
    const attempt = async (point: PosixPoint): Promise<void> => {
      if (!recorded.persistence.allows(point)) return;
      const again = await this.#ask(recorded, point, recorded.treeAt(point), 'simpler');
      if (again?.kind === violation.kind && again.message === violation.message) best = point;
    };
    if (best.under !== null) await attempt({ ...best, under: null });
    for (const { op } of found.losses) {
      const losses = best.losses.filter((each) => each.op !== op);
      await attempt({ ...best, losses });
    }
    return best;
  }

  async replay(recorded: Recorded, named: NamedPoint, outer: readonly Outer[] = []): Promise<void> {
    const point = resolvePoint(named, (op) => recorded.persistence.volatileAt(op));
    if (point.op > recorded.run.ops.length)
      throw new Error(`there is no point ${point.op}; this run has ${recorded.run.ops.length} operations`);
    if (named.next === null) {
      this.search.explored++;
      await this.look(recorded, point, outer);
      return;
    }
    await this.replay(await this.#recordRecovery(recorded, point), named.next, [...outer, { recorded, point }]);
  }
}

interface Outer {
  readonly recorded: Recorded;
  readonly point: PosixPoint;
}

function nameOf(recorded: Recorded, point: PosixPoint, outer: readonly Outer[]): string {
  return [...outer, { recorded, point }]
    .map((each) => posixPointName(each.point, (op) => each.recorded.persistence.volatileAt(op)))
    .join('/');
}

/** A campaign under a posix model. */
export async function posixCrashTest(options: CrashTestOptions): Promise<CrashReport> {
  const named = options.replay === undefined ? undefined : parsePosixPoint(options.replay);
  const posix = new PosixCampaign(options);
  const { campaign, search } = posix;
  const { failures } = search;
  const whole = (kind: FailureKind, message: string, cause?: unknown): void => {
    const image = campaign.start.toImage();
    const nothing = { call: undefined, line: undefined, step: undefined, acked: {}, timeline: [] };
    failures.push({ id: kind, kind, message, cause, imageBefore: image, imageAfter: image, ...nothing });
  };
  let recorded: Recorded | null = null;
  try {
    await campaign.prepare();
    recorded = await posix.recordWorkload();
    const second = await posix.recordWorkload();
    if (second.run.digest() !== recorded.run.digest()) whole('nondeterministic', differs(recorded.run, second.run));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    whole(error.kind, error.message, error.cause);
  }
  if (recorded !== null && failures.length === 0) {
    if (named !== undefined) await posix.replay(recorded, named);
    else
      for (const fault of options.faults ?? [faults.powerLoss()])
        if (fault.kind === 'powerLoss') await posix.along(recorded, fault);
    const missing = [...campaign.wanted].filter((name) => !campaign.reached.has(name));
    if (search.complete && failures.length === 0 && named === undefined && missing.length > 0)
      whole('unreached', `sometimes('${missing[0]}') was never reached in ${search.explored} points`);
  }
  const { ops = [], calls = [] } = recorded?.run ?? {};
  return {
    name: options.name ?? 'crash test',
    ok: failures.length === 0,
    explored: search.explored,
    judged: search.judged,
    ops: ops.length,
    calls: calls.length,
    ms: Math.round(performance.now() - search.began),
    complete: search.complete,
    seed: campaign.seed,
    failures,
    reached: [...campaign.reached].sort(),
    device: campaign.device,
    syncs: (recorded?.run.syncCalls() ?? []).map((call) => ({ call: callText(call), line: userLine(call.stack) })),
  };
}
