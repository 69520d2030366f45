/**
 * What a crash test has once: the device as it is before, the recorded run, and the questions asked at each point.
 *
 * @module
 */

import { RamDevice } from '../device/index.ts';
import { LittleFS } from '../lfs/index.ts';
import { expecting } from './expect.ts';
import { type FailureKind, judge, Violation } from './judge.ts';
import type { CrashTestOptions, DeviceSettings } from './options.ts';
import { type Point, pointName } from './points.ts';
import { Random } from './random.ts';
import { Recording, RecordingDevice } from './recording.ts';
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
  readonly seed: number;
  readonly start: RamDevice;
  recording: Recording;
  readonly reached: Set<string> = new Set();
  readonly wanted: Set<string> = new Set();
  readonly untouched: Map<string, Uint8Array> = new Map();
  shared: SharedWorkspace | undefined;
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

  /** What the program does after this loss of power, written down: mending the file system, and its own recovery. */
  async recordRecovery(image: RamDevice, recording: Recording, point: Point): Promise<Recording> {
    const again = new Recording(image.fork());
    again.acks.push({ at: 0, facts: recording.ackedAt(point.op) });
    const device = new RecordingDevice(image.fork(), again, this.options.opsMax ?? 1_000_000);
    const space = openWorkspace(device, { ...this.settings, clock: steadyClock() });
    recordCalls(space, again);
    again.steps.push({ at: 0, name: 'recovery' });
    space.lfs.makeConsistent();
    await this.options.recover?.({ ...space, random: new Random(this.seed) });
    space.vfs.sync();
    return again;
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
