/**
 * What a crash test has once: the device as it is before, the recorded run, and the questions asked at each point.
 *
 * @module
 */

import { RamDevice } from '../device/index.ts';
import { type BlockDevice, LittleFS } from '../lfs/index.ts';
import type { Vfs } from '../vfs/index.ts';
import { expecting } from './expect.ts';
import { callText } from './failure.ts';
import { type FailureKind, judge, Violation } from './judge.ts';
import type { CrashInfo, CrashTestOptions, DeviceSettings } from './options.ts';
import { type Point, pointName } from './points.ts';
import { Random } from './random.ts';
import { isSyncCall, Recording, RecordingDevice } from './recording.ts';
import {
  openWorkspace,
  recordCalls,
  SharedWorkspace,
  steadyClock,
  type VolumeSettings,
  type Workspace,
} from './workspace.ts';

const defaultDevice: DeviceSettings = { blockSize: 4096, blockCount: 64, progSize: 16, readSize: 16 };

/** A campaign: what is made once, and what is found point by point. */
export class Campaign {
  readonly options: CrashTestOptions;
  readonly settings: VolumeSettings;
  readonly device: DeviceSettings;
  readonly seed: number;
  readonly start: RamDevice;
  recording: Recording;
  readonly reached: Set<string> = new Set();
  readonly wanted: Set<string> = new Set();
  /** Files of the start that no call of the workload named, nor a directory above them. */
  readonly untouched: Map<string, Uint8Array> = new Map();
  shared: SharedWorkspace | undefined;
  /** Metadata that were judged good, with what had been acknowledged then. */
  readonly good: Map<string, Uint8Array> = new Map();

  constructor(options: CrashTestOptions) {
    this.options = options;
    const device = options.device ?? defaultDevice;
    this.device = device;
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
    const recording = new Recording(this.start.fork());
    const device = new RecordingDevice(this.start.fork(), recording, this.opsMax);
    const { failed } = await this.run(device, recording);
    if (failed === null) return recording;
    const { error } = failed;
    throw new Violation(
      'workload',
      `the workload itself failed: ${error instanceof Error ? error.message : error}`,
      error,
    );
  }

  get opsMax(): number {
    return this.options.opsMax ?? 1_000_000;
  }

  /** Runs the workload on a device, noting its calls and acknowledgements. */
  async run(device: BlockDevice, recording: Recording): Promise<Run> {
    const { options, settings, seed } = this;
    const space = openWorkspace(device, { ...settings, clock: steadyClock() });
    let syncs = 0;
    recordCalls(space, recording, {
      swallows: (name) => isSyncCall(name) && ++syncs === options.swallowSync,
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
      return { space, failed: { error } };
    }
    return { space, failed: null };
  }

  note(name: string, reached: boolean): void {
    this.wanted.add(name);
    if (reached) this.reached.add(name);
  }

  findUntouched(): void {
    const names = namesOf(this.recording);
    const lfs = LittleFS.mount(this.start.fork(), this.settings.config);
    const open = ['/'];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      for (const entry of lfs.list(path)) {
        const name = `${path === '/' ? '' : path}/${entry.byteName}`;
        if (isNamed(name, names)) continue;
        if (entry.type === 'dir') open.push(name);
        else this.untouched.set(name, lfs.readFile(name));
      }
    }
  }

  /** Of the untouched files those that another run did not name either. */
  untouchedBy(recording: Recording): ReadonlyMap<string, Uint8Array> {
    const names = namesOf(recording);
    return new Map([...this.untouched].filter(([path]) => !isNamed(path, names)));
  }

  /** All the questions at one image; throws a `Violation`. */
  ask(image: RamDevice, lfs: LittleFS, recording: Recording, point: Point): Uint8Array | PromiseLike<Uint8Array> {
    const used = judge(image, lfs, { config: this.settings.config, untouched: this.untouched });
    const about: About = { point: pointName(point), op: point.op, fault: 'powerLoss', detectable: false };
    const done = this.askProgram(image.fork(), recording, about);
    return isThenable(done) ? done.then(() => used) : used;
  }

  /** What the program makes of a device, once `prepare` is done with it: its recovery, and the user's check. */
  askProgram(device: BlockDevice, recording: Told, about: About, prepare?: (vfs: Vfs) => void): unknown {
    const { recover } = this.options;
    this.shared ??= new SharedWorkspace(this.settings);
    const { shared } = this;
    const space = attempt('mount', 'opening the volume', () => shared.open(device)) as Workspace;
    prepare?.(space.vfs);
    if (recover === undefined) return this.#checked(space, recording, about);
    const done = attempt('recover', 'recover', () => recover({ ...space, random: new Random(this.seed) }));
    return isThenable(done)
      ? rejected('recover', 'recover', done).then(() => this.#checked(space, recording, about))
      : this.#checked(space, recording, about);
  }

  /** What the program does after this loss of power, written down: mending the file system, and its own recovery. */
  async recordRecovery(image: RamDevice, recording: Recording, point: Point): Promise<Recording> {
    const again = new Recording(image.fork());
    again.acks.push({ at: 0, facts: recording.ackedAt(point.op) });
    const device = new RecordingDevice(image.fork(), again, this.opsMax);
    const space = openWorkspace(device, { ...this.settings, clock: steadyClock() });
    recordCalls(space, again);
    again.steps.push({ at: 0, name: 'recovery' });
    space.lfs.makeConsistent();
    await this.options.recover?.({ ...space, random: new Random(this.seed) });
    space.vfs.sync();
    return again;
  }

  #checked(space: Workspace, recording: Told, about: About): undefined | Promise<void> {
    const done = attempt('check', 'check', () =>
      this.options.check({
        ...space,
        acked: recording.ackedAt(about.op),
        crash: { ...about, call: callText(recording.callAt(about.op)), step: recording.stepAt(about.op) },
        expect: expecting,
        sometimes: (name, reached = true) => this.note(name, reached),
      }),
    );
    return isThenable(done) ? rejected('check', 'check', done) : undefined;
  }
}

/** A run of the workload, and what it threw. */
export interface Run {
  readonly space: Workspace;
  readonly failed: { readonly error: unknown } | null;
}

/** What a check is told of the run. */
export type Told = Pick<Recording, 'ackedAt' | 'callAt' | 'stepAt'>;

/** What a check is told of the fault. */
export type About = Pick<CrashInfo, 'point' | 'op' | 'fault' | 'detectable'>;

/** Paths in the calls of a run. */
function namesOf({ calls }: Recording): ReadonlySet<string> {
  return new Set(calls.flatMap(({ paths }) => paths.map((path) => path.replace(/\/+$/, '') || '/')));
}

function isNamed(path: string, names: ReadonlySet<string>): boolean {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (names.has(at)) return true;
  return false;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
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
