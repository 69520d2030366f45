/**
 * What a crash test is told, and what it says.
 *
 * @module
 */

import type { LfsConfig } from '../lfs/index.ts';
import type { Durability, MetadataProfile } from '../vfs/index.ts';
import type { ExploreMode } from './explore.ts';
import { type Fault, faultKinds } from './faults.ts';
import type { FailureKind } from './judge.ts';
import type { Random } from './random.ts';
import type { Workspace } from './workspace.ts';

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
  /** What went wrong: `'powerLoss'`, `'ioError'` ... */
  readonly fault: Fault['kind'];
  /** Bytes at rest may have changed: a check may refuse what it reads, but must not take it for good. */
  readonly detectable: boolean;
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

/**
 * `'littlefs'`: the volume's own engine on flash. For code that runs on something else: `'posix-strict'`, where nothing is
 * durable but what fsync made so, and `'ext4-ordered'`, ext4 as most have it.
 */
export type PersistenceModel = 'littlefs' | 'posix-strict' | 'ext4-ordered';

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
  /** What a loss of power leaves: as littlefs does it (default), or what other file systems may leave. */
  readonly model?: PersistenceModel | undefined;
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
  /** With a posix model: the calls of which something had not reached the disk. */
  readonly lost?: readonly LostCall[] | undefined;
  readonly cause: unknown;
  readonly imageBefore: Uint8Array;
  readonly imageAfter: Uint8Array;
  /** The simplest point found that fails with the same message; `id`, if that is the simplest itself. */
  readonly minimal?: string | undefined;
}

export interface LostCall {
  readonly call: string;
  readonly line: string | undefined;
  /** What of it is missing, in words. */
  readonly what: string;
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
  /** What the images are images of. */
  readonly device?: DeviceSettings | undefined;
  /** The calls of the workload that make it durable, in their order, with the line of each. */
  readonly syncs?: readonly SyncCall[] | undefined;
}

export interface SyncCall {
  readonly call: string;
  readonly line: string | undefined;
}

/** Throws where an option is not what it may be. */
export function checkOptions(options: CrashTestOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('crashTest takes an object of options');
  for (const name of ['workload', 'check'] as const)
    if (typeof options[name] !== 'function')
      throw new TypeError(`${name} is ${typeof options[name]}; allowed: a function`);
  for (const name of ['setup', 'recover'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new TypeError(`${name} is ${typeof options[name]}; allowed: a function`);
  if (options.faults !== undefined) checkFaults(options.faults);
  checkModel(options);
  const modes: readonly unknown[] = ['auto', 'linear', 'log', 'exhaustive', 'random', undefined];
  if (!modes.includes(options.explore?.mode))
    throw new TypeError(`explore.mode is ${options.explore?.mode}; allowed: auto, linear, log, exhaustive, random`);
  const [index, count] = options.shard ?? [0, 1];
  if (!Number.isInteger(index) || !Number.isInteger(count) || count < 1 || index < 0 || index >= count)
    throw new RangeError(`shard is [${index}, ${count}]; allowed: an index below the count`);
  if (options.explore?.mode === 'random' && options.explore.budget === undefined && options.replay === undefined)
    throw new TypeError("explore.mode 'random' has no end: it needs a budget, { points } or { ms }");
}

const models: readonly unknown[] = ['littlefs', 'posix-strict', 'ext4-ordered', undefined];

function checkModel({ model, faults, durability }: CrashTestOptions): void {
  if (!models.includes(model))
    throw new TypeError(`model is ${JSON.stringify(model)}; allowed: littlefs, posix-strict, ext4-ordered`);
  if (model === undefined || model === 'littlefs') return;
  for (const { kind } of faults ?? [])
    if (kind !== 'powerLoss') throw new TypeError(`faults has ${kind}; allowed with model '${model}': powerLoss`);
  if (durability !== undefined)
    throw new TypeError(`durability is '${durability}'; with model '${model}' the model says what is durable`);
}

function checkFaults(faults: unknown): void {
  if (!Array.isArray(faults))
    throw new TypeError(`faults is ${typeof faults}; allowed: a list, as [faults.powerLoss()]`);
  for (const fault of faults) {
    const kind: unknown = fault?.kind;
    if (!faultKinds.some((each) => each === kind)) {
      const what = typeof fault === 'function' ? 'a function; call it' : (kind ?? typeof fault);
      throw new TypeError(
        `faults has ${what}; allowed: what ${faultKinds.map((each) => `faults.${each}`).join(', ')} make`,
      );
    }
  }
}
