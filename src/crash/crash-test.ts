/**
 * `crashTest`: runs a workload once, and asks for every loss of power on the way whether the data is still good.
 *
 *   setup     -> the device as it is before
 *   workload  -> a recording of what it does to the device, and of what it tells the world (`ack`)
 *   explore   -> point by point: the image, the built-in questions (judge.ts), recover, check
 *
 * A point whose changes lie in blocks that nothing leads to looks like the one before it: its answer is known.
 *
 * @module
 */

import { RamDevice } from '../device/index.ts';
import { type LfsConfig, LittleFS } from '../lfs/index.ts';
import type { Durability, MetadataProfile } from '../vfs/index.ts';
import { type ExploreMode, pointsOf } from './explore.ts';
import { faults as allFaults, type Fault, type PowerLossFault } from './faults.ts';
import { DATA, type FailureKind, judge, mountImage, Violation } from './judge.ts';
import { type Point, parsePoint, pointName } from './points.ts';
import { Random } from './random.ts';
import { type RecordedCall, Recording, RecordingDevice } from './recording.ts';
import { Replay } from './replay.ts';
import {
  openWorkspace,
  recordCalls,
  SharedWorkspace,
  steadyClock,
  userLine,
  type VolumeSettings,
  type Workspace,
} from './workspace.ts';

export interface SetupContext extends Workspace {
  /** Random numbers, the same in every run. */
  readonly random: Random;
}

export interface WorkloadContext extends SetupContext {
  /** The outside world has been told: from here on these facts must survive. */
  ack(facts: Readonly<Record<string, unknown>>): void;
  /** Names what comes next, for reports. */
  step(name: string): void;
  /** A state that must be reached in the run. */
  sometimes(name: string, reached?: boolean): void;
}

export interface CrashInfo {
  /** The point's name. */
  readonly point: string;
  readonly op: number;
  /** The fs call that was under way. */
  readonly call: string | undefined;
  readonly step: string | undefined;
}

export interface CheckContext extends Workspace {
  /** All facts that had been acknowledged. */
  readonly acked: Readonly<Record<string, unknown>>;
  readonly crash: CrashInfo;
  readonly expect: Expect;
  /** A state that must be found at some point of the campaign. */
  sometimes(name: string, reached?: boolean): void;
}

/** Small assertions, so that a check needs no library. */
export interface Expect {
  oneOf(value: unknown, allowed: readonly unknown[], what?: string): void;
  equal(value: unknown, expected: unknown, what?: string): void;
  ok(value: unknown, what?: string): void;
}

export interface DeviceSettings extends LfsConfig {
  readonly blockSize: number;
  readonly blockCount: number;
}

export interface CrashTestOptions {
  readonly name?: string | undefined;
  /** Makes what is there before; run without faults. */
  readonly setup?: ((context: SetupContext) => unknown) | undefined;
  /** The code under test. */
  readonly workload: (context: WorkloadContext) => unknown;
  /** What the program does when it starts; run after every loss of power, before the check. */
  readonly recover?: ((context: SetupContext) => unknown) | undefined;
  /** Throws where the data is not good. */
  readonly check: (context: CheckContext) => unknown;
  readonly device?: DeviceSettings | undefined;
  readonly metadata?: MetadataProfile | undefined;
  readonly durability?: Durability | undefined;
  readonly faults?: readonly Fault[] | undefined;
  readonly explore?:
    | {
        readonly mode?: ExploreMode | undefined;
        readonly seed?: number | undefined;
        readonly budget?: { readonly points?: number | undefined; readonly ms?: number | undefined } | undefined;
      }
    | undefined;
  /** Of all points, every `count`-th from `index` on. */
  readonly shard?: readonly [index: number, count: number] | undefined;
  /** Goes on after a failure: `'first'` (default) ends, `'unique'` keeps one of each kind and call, `'all'` keeps all. */
  readonly onFailure?: 'first' | 'unique' | 'all' | undefined;
  /** Looks at this point only. */
  readonly replay?: string | undefined;
  /** Swallows the n-th fsync of the workload; see `selfCheck`. */
  readonly swallowSync?: number | undefined;
  readonly opsMax?: number | undefined;
  readonly onProgress?: ((progress: { readonly explored: number; readonly failures: number }) => void) | undefined;
}

export interface CrashFailure {
  /** Replays it: `crashTest({ ..., replay: id })`. */
  readonly id: string;
  readonly kind: FailureKind;
  readonly message: string;
  /** The fs call during which the power went. */
  readonly call: string | undefined;
  /** Where the workload made it. */
  readonly line: string | undefined;
  readonly step: string | undefined;
  readonly acked: Readonly<Record<string, unknown>>;
  readonly timeline: readonly string[];
  readonly cause: unknown;
  readonly imageBefore: Uint8Array;
  readonly imageAfter: Uint8Array;
}

export interface CrashReport {
  readonly name: string;
  readonly ok: boolean;
  /** Points looked at; those of them that had to be judged anew. */
  readonly explored: number;
  readonly judged: number;
  /** The run: operations of the device, fs calls. */
  readonly ops: number;
  readonly calls: number;
  readonly ms: number;
  /** Everything in the order asked for was explored; false where the budget ended it. */
  readonly complete: boolean;
  readonly seed: number;
  readonly failures: readonly CrashFailure[];
  readonly reached: readonly string[];
}

const defaultDevice: DeviceSettings = { blockSize: 4096, blockCount: 64, progSize: 16, readSize: 16 };
const POINTS_DEFAULT = 20_000;
/** Answers remembered. */
const GOOD_MAX = 10_000;

class AssertionFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssertionFailed';
  }
}

function shownValue(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

const expecting: Expect = {
  oneOf(value, allowed, what = 'the value') {
    if (allowed.some((each) => shownValue(each) === shownValue(value))) return;
    throw new AssertionFailed(`${what} is ${shownValue(value)}; allowed: ${allowed.map(shownValue).join(', ')}`);
  },
  equal(value, expected, what = 'the value') {
    if (shownValue(value) !== shownValue(expected))
      throw new AssertionFailed(`${what} is ${shownValue(value)}; expected: ${shownValue(expected)}`);
  },
  ok(value, what = 'the condition') {
    if (!value) throw new AssertionFailed(`${what} does not hold`);
  },
};

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A campaign: what is made once, and what is found point by point. */
class Campaign {
  readonly options: CrashTestOptions;
  readonly settings: VolumeSettings;
  readonly seed: number;
  readonly start: RamDevice;
  recording: Recording;
  readonly reached: Set<string> = new Set();
  readonly wanted: Set<string> = new Set();
  readonly untouched: Map<string, Uint8Array> = new Map();
  private shared: SharedWorkspace | undefined;
  /** Metadata that were judged good, with what had been acknowledged then. */
  readonly good: Map<string, Uint8Array> = new Map();

  constructor(options: CrashTestOptions) {
    this.options = options;
    const device = options.device ?? defaultDevice;
    this.settings = {
      config: device,
      metadata: options.metadata ?? 'posix',
      durability: options.durability ?? 'close',
      clock: steadyClock(),
    };
    this.seed = options.explore?.seed ?? 1;
    const { blockSize, blockCount, readSize, progSize } = device;
    this.start = new RamDevice({
      blockSize,
      blockCount,
      ...(readSize === undefined ? {} : { readSize }),
      ...(progSize === undefined ? {} : { progSize }),
    });
    LittleFS.format(this.start, device);
    this.recording = new Recording(this.start);
  }

  async prepare(): Promise<void> {
    const { setup } = this.options;
    if (setup === undefined) return;
    const space = openWorkspace(this.start, { ...this.settings, clock: steadyClock() });
    await setup({ ...space, random: new Random(this.seed) });
    space.vfs.sync();
  }

  /** Runs the workload and writes it down. */
  async record(): Promise<Recording> {
    const { options, settings, seed } = this;
    const recording = new Recording(this.start.fork());
    const device = new RecordingDevice(this.start.fork(), recording, options.opsMax ?? 1_000_000);
    const space = openWorkspace(device, { ...settings, clock: steadyClock() });
    let syncs = 0;
    recordCalls(space, recording, {
      swallows: (name) =>
        (name === 'fsync' || name === 'fdatasync' || name === 'sync') && ++syncs === options.swallowSync,
    });
    let facts: Readonly<Record<string, unknown>> = {};
    try {
      await options.workload({
        ...space,
        random: new Random(seed),
        ack: (more) => {
          facts = { ...facts, ...more };
          recording.acks.push({ at: recording.ops.length, facts });
        },
        step: (name) => recording.steps.push({ at: recording.ops.length, name }),
        sometimes: (name, reached = true) => this.note(name, reached),
      });
    } catch (error) {
      throw new Violation(
        'workload',
        `the workload itself failed: ${error instanceof Error ? error.message : error}`,
        error,
      );
    }
    return recording;
  }

  note(name: string, reached: boolean): void {
    this.wanted.add(name);
    if (reached) this.reached.add(name);
  }

  /** Files of the start that no call of the workload named, nor a directory above them. */
  findUntouched(): void {
    const named = new Set(
      this.recording.calls.flatMap(({ paths }) => paths.map((path) => path.replace(/\/+$/, '') || '/')),
    );
    const isNamed = (path: string): boolean => {
      for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (named.has(at)) return true;
      return false;
    };
    const lfs = LittleFS.mount(this.start.fork(), this.settings.config);
    const open = ['/'];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      for (const entry of lfs.list(path)) {
        const name = `${path === '/' ? '' : path}/${entry.byteName}`;
        if (isNamed(name)) continue;
        if (entry.type === 'dir') open.push(name);
        else this.untouched.set(name, lfs.readFile(name));
      }
    }
  }

  /** All the questions at one image; throws a `Violation`. */
  ask(image: RamDevice, lfs: LittleFS, recording: Recording, point: Point): Uint8Array | Promise<Uint8Array> {
    const used = judge(image, lfs, { config: this.settings.config, untouched: this.untouched });
    const { recover } = this.options;
    this.shared ??= new SharedWorkspace(this.settings);
    const { shared } = this;
    const space = attempt('mount', 'opening the volume', () => shared.open(image.fork())) as Workspace;
    if (recover === undefined) return this.checked(space, recording, point, used);
    const done = attempt('recover', 'recover', () => recover({ ...space, random: new Random(this.seed) }));
    return isThenable(done)
      ? rejected('recover', 'recover', done).then(() => this.checked(space, recording, point, used))
      : this.checked(space, recording, point, used);
  }

  checked(space: Workspace, recording: Recording, point: Point, used: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const call = recording.callAt(point.op);
    const done = attempt('check', 'check', () =>
      this.options.check({
        ...space,
        acked: recording.ackedAt(point.op),
        crash: {
          point: pointName(point),
          op: point.op,
          call: call === undefined ? undefined : `${call.name}(${call.shown})`,
          step: recording.stepAt(point.op),
        },
        expect: expecting,
        sometimes: (name, reached = true) => this.note(name, reached),
      }),
    );
    return isThenable(done) ? rejected('check', 'check', done).then(() => used) : used;
  }
}

function asViolation(kind: FailureKind, what: string, error: unknown): Violation {
  if (error instanceof Violation) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Violation(kind, kind === 'check' ? message : `${what}: ${message}`, error);
}

function attempt(kind: FailureKind, what: string, work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    throw asViolation(kind, what, error);
  }
}

async function rejected(kind: FailureKind, what: string, done: PromiseLike<unknown>): Promise<void> {
  try {
    await done;
  } catch (error) {
    throw asViolation(kind, what, error);
  }
}

/** Runs a campaign. Failures are in the report; only wrong options are thrown. */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  checkOptions(options);
  const began = performance.now();
  const campaign = new Campaign(options);
  const failures: CrashFailure[] = [];
  let explored = 0;
  let judged = 0;
  let complete = true;
  const report = (): CrashReport => ({
    name: options.name ?? 'crash test',
    ok: failures.length === 0,
    explored,
    judged,
    ops: campaign.recording.ops.length,
    calls: campaign.recording.calls.length,
    ms: Math.round(performance.now() - began),
    complete,
    seed: campaign.seed,
    failures,
    reached: [...campaign.reached].sort(),
  });
  const whole = (kind: FailureKind, message: string, cause?: unknown): CrashReport => {
    failures.push({
      id: kind,
      kind,
      message,
      call: undefined,
      line: undefined,
      step: undefined,
      acked: {},
      timeline: [],
      cause,
      imageBefore: campaign.start.toImage(),
      imageAfter: campaign.start.toImage(),
    });
    return report();
  };

  try {
    await campaign.prepare();
    campaign.recording = await campaign.record();
    const second = await campaign.record();
    if (second.digest() !== campaign.recording.digest())
      return whole('nondeterministic', differs(campaign.recording, second));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return whole(error.kind, error.message, error.cause);
  }
  campaign.findUntouched();

  const { recording } = campaign;
  const replay = new Replay(recording);
  const budget = options.explore?.budget ?? {};
  const pointsMax = budget.points ?? (budget.ms === undefined ? POINTS_DEFAULT : Number.POSITIVE_INFINITY);
  const msMax = budget.ms ?? Number.POSITIVE_INFINITY;
  const [shard, shards] = options.shard ?? [0, 1];
  const seen = new Set<string>();

  const fail = (point: Point, violation: Violation, image: RamDevice): boolean => {
    const call = recording.callAt(point.op);
    const key = `${violation.kind} ${call?.name} ${call === undefined ? '' : userLine(call.stack)} ${violation.message}`;
    const { onFailure = 'first' } = options;
    if (onFailure === 'unique' && seen.has(key)) return false;
    seen.add(key);
    failures.push(failureOf(recording, point, violation, campaign.start, image));
    return onFailure === 'first';
  };

  /** What is known of the state that the last unharmed point showed. */
  let known: { used: Uint8Array; acks: number; recordingAt: number } | null = null;
  const losses = (options.faults ?? [allFaults.powerLoss()]).filter(
    (fault): fault is PowerLossFault => fault.kind === 'powerLoss',
  );
  const points =
    options.replay === undefined
      ? sequence(losses, recording, options.explore?.mode ?? 'auto', campaign.seed)
      : [parsePoint(options.replay)];
  let index = -1;
  for (const point of points) {
    index++;
    if (index % shards !== shard) continue;
    if (explored >= pointsMax || ((explored & 63) === 0 && performance.now() - began > msMax)) {
      complete = false;
      break;
    }
    explored++;
    if ((explored & 1023) === 0) options.onProgress?.({ explored, failures: failures.length });
    if (known !== null && looksTheSame(recording, point, known)) continue;
    const image = replay.imageAt(point);
    const isPlain = point.tear.kind === 'none' && point.lost.length === 0;
    try {
      const lfs = mountImage(image, campaign.settings.config);
      const acks = acksBefore(recording, point.op);
      const key = `${acks} ${lfs.metadataDigest()}`;
      let used = campaign.good.get(key);
      if (used === undefined || known === null || touchesData(recording, point, known)) {
        judged++;
        const asked = campaign.ask(image, lfs, recording, point);
        used = isThenable(asked) ? await asked : asked;
        if (campaign.good.size > GOOD_MAX) campaign.good.clear();
        if (point.lost.length === 0) campaign.good.set(key, used);
      }
      if (isPlain) known = { used, acks, recordingAt: point.op };
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      if (fail(point, error, image)) break;
    }
  }
  for (const name of campaign.wanted) {
    if (complete && failures.length === 0 && options.replay === undefined && !campaign.reached.has(name))
      return whole('unreached', `sometimes('${name}') was never reached in ${explored} points`);
  }
  return report();
}

function* sequence(
  losses: readonly PowerLossFault[],
  recording: Recording,
  mode: ExploreMode,
  seed: number,
): Generator<Point, void, undefined> {
  for (const fault of losses) yield* pointsOf(recording.ops, fault, mode, seed);
}

function acksBefore(recording: Recording, op: number): number {
  let count = 0;
  for (const { at } of recording.acks) if (at <= op) count++;
  return count;
}

/**
 * Whether all that a point has done since the last unharmed one lies in blocks that nothing leads to: who mounts it
 * sees the same. Facts acknowledged since then ask for another look.
 */
function looksTheSame(
  { ops, acks }: Recording,
  point: Point,
  known: { readonly used: Uint8Array; readonly acks: number; readonly recordingAt: number },
): boolean {
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
function touchesData(
  { ops }: Recording,
  point: Point,
  known: { readonly used: Uint8Array; readonly recordingAt: number },
): boolean {
  if (point.lost.length > 0 || point.op < known.recordingAt) return true;
  const to = point.tear.kind === 'none' ? point.op : point.op + 1;
  for (let at = known.recordingAt; at < to; at++) {
    const op = ops[at];
    if (op !== undefined && op.kind !== 'sync' && known.used[op.block] === DATA) return true;
  }
  return false;
}

function differs(a: Recording, b: Recording): string {
  const count = Math.min(a.calls.length, b.calls.length);
  for (let i = 0; i < count; i++) {
    const one = a.calls[i]!;
    const two = b.calls[i]!;
    if (one.name !== two.name || one.shown !== two.shown)
      return `two runs of the workload differ: call ${i + 1} is ${one.name}(${one.shown}), then ${two.name}(${two.shown})`;
  }
  if (a.calls.length !== b.calls.length)
    return `two runs of the workload differ: ${a.calls.length} fs calls, then ${b.calls.length}`;
  return 'two runs of the workload make the same fs calls, but write other bytes';
}

function failureOf(
  recording: Recording,
  point: Point,
  violation: Violation,
  before: RamDevice,
  after: RamDevice,
): CrashFailure {
  const call = recording.callAt(point.op);
  return {
    id: pointName(point),
    kind: violation.kind,
    message: violation.message,
    call: call === undefined ? undefined : `${call.name}(${call.shown})`,
    line: call === undefined ? undefined : userLine(call.stack),
    step: recording.stepAt(point.op),
    acked: recording.ackedAt(point.op),
    timeline: timelineOf(recording, point, call),
    cause: violation.cause,
    imageBefore: before.toImage(),
    imageAfter: after.toImage(),
  };
}

/** The last fs calls before the loss of power, with what they did to the device. */
function timelineOf(recording: Recording, point: Point, during: RecordedCall | undefined): string[] {
  const { ops, calls } = recording;
  const lines: string[] = [];
  const until = during ?? calls.findLast(({ to }) => to <= point.op);
  const end = until === undefined ? 0 : calls.indexOf(until) + 1;
  for (const call of calls.slice(Math.max(0, end - 8), end)) {
    lines.push(`${call.name}(${call.shown})`);
    for (let at = call.from; at < call.to; at++) {
      const op = ops[at]!;
      if (at === point.op) {
        lines.push(`  ${at}  ^ the power goes here${describeTear(point)}`);
        return lines;
      }
      const lost = point.lost.includes(at) ? '   (had not reached the device)' : '';
      lines.push(`  ${at}  ${describeOp(op)}${lost}`);
    }
  }
  lines.push(`  ${point.op}  ^ the power goes here`);
  return lines;
}

function describeOp(op: Recording['ops'][number]): string {
  if (op.kind === 'sync') return 'sync';
  if (op.kind === 'erase') return `erase block ${op.block}`;
  return `program block ${op.block}, bytes ${op.offset} to ${op.offset + op.data.length - 1}`;
}

function describeTear({ tear }: Point): string {
  switch (tear.kind) {
    case 'bytes':
      return `: bytes ${tear.from} to ${tear.to < 0 ? 'the end' : tear.to - 1} of it were programmed`;
    case 'bits':
      return `: the first ${tear.count} bits of it were programmed`;
    case 'subset':
      return ': some bytes of it were programmed';
    case 'flip':
      return ': it was programmed, with one bit wrong';
    case 'half':
      return ': half of the block was erased';
    case 'garbage':
      return ': the erase left garbage';
    default:
      return '';
  }
}

function checkOptions(options: CrashTestOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('crashTest takes an object of options');
  for (const name of ['workload', 'check'] as const)
    if (typeof options[name] !== 'function')
      throw new TypeError(`${name} is ${typeof options[name]}; allowed: a function`);
  for (const name of ['setup', 'recover'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new TypeError(`${name} is ${typeof options[name]}; allowed: a function`);
  const modes: readonly unknown[] = ['auto', 'linear', 'log', 'exhaustive', 'random', undefined];
  if (!modes.includes(options.explore?.mode))
    throw new TypeError(`explore.mode is ${options.explore?.mode}; allowed: auto, linear, log, exhaustive, random`);
  const [index, count] = options.shard ?? [0, 1];
  if (!Number.isInteger(index) || !Number.isInteger(count) || count < 1 || index < 0 || index >= count)
    throw new RangeError(`shard is [${index}, ${count}]; allowed: an index below the count`);
  if (options.explore?.mode === 'random' && options.explore.budget === undefined && options.replay === undefined)
    throw new TypeError("explore.mode 'random' has no end: it needs a budget, { points } or { ms }");
}
