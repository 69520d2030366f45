/**
 * One run of a workload, written down: every program, erase and sync of the device, and between them what the program
 * did and said.
 *
 *   calls     fs calls, and which operations of the device each of them made
 *   acks      what the outside world was told, and after which operation
 *   steps     names that the workload gives to its parts
 *
 * From this any moment of the run can be built again without running it again: see `replay.ts`.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import type { BlockDevice } from '../lfs/device.ts';

export type DeviceOp =
  | { readonly kind: 'prog'; readonly block: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'erase'; readonly block: number }
  | { readonly kind: 'sync' };

/** One fs call of the workload. */
export interface RecordedCall {
  readonly name: string;
  /** Its arguments, short. */
  readonly shown: string;
  /** Paths among them. */
  readonly paths: readonly string[];
  /** Operations of the device made before it, and by its end. */
  readonly from: number;
  to: number;
  /** Where in the workload it was called. */
  readonly stack: string;
}

export interface RecordedAck {
  readonly at: number;
  /** All facts acknowledged so far. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface RecordedStep {
  readonly at: number;
  readonly name: string;
}

/** What is written down of any run, whatever its operations are. */
export class Run<Op> {
  readonly ops: Op[] = [];
  readonly calls: RecordedCall[] = [];
  readonly acks: RecordedAck[] = [];
  readonly steps: RecordedStep[] = [];

  /** What had been acknowledged when operation `at` was under way. */
  ackedAt(at: number): Readonly<Record<string, unknown>> {
    return this.acks[countUpTo(this.acks, at) - 1]?.facts ?? {};
  }

  /** The call during which operation `at` was made. */
  callAt(at: number): RecordedCall | undefined {
    let found: RecordedCall | undefined;
    for (const call of this.calls) {
      if (call.from > at) break;
      if (at < call.to) found = call;
    }
    return found;
  }

  stepAt(at: number): string | undefined {
    let name: string | undefined;
    for (const step of this.steps) {
      if (step.at > at) break;
      ({ name } = step);
    }
    return name;
  }

  /** The calls that ask for what was written to be durable. */
  syncCalls(): RecordedCall[] {
    return this.calls.filter(({ name }) => isSyncCall(name));
  }
}

export class Recording extends Run<DeviceOp> {
  /** The device before the run. Nobody changes it. */
  readonly start: RamDevice;

  constructor(start: RamDevice) {
    super();
    this.start = start;
  }

  /** A number for all that was done to the device: two runs of the same workload must have the same. */
  digest(): string {
    let a = 0x811c9dc5;
    let b = 0x1000193;
    const mix = (value: number): void => {
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul(b ^ value, 0x85ebca6b) ^ (b >>> 15);
    };
    for (const op of this.ops) {
      mix(op.kind === 'prog' ? 1 : op.kind === 'erase' ? 2 : 3);
      if (op.kind === 'sync') continue;
      mix(op.block);
      if (op.kind === 'erase') continue;
      mix(op.offset);
      for (const byte of op.data) mix(byte);
    }
    return `${(a >>> 0).toString(16).padStart(8, '0')}${(b >>> 0).toString(16).padStart(8, '0')}`;
  }
}

/** How many of what was noted in order had been noted when operation `at` was under way. */
export function countUpTo(noted: readonly { readonly at: number }[], at: number): number {
  let from = 0;
  let to = noted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (noted[middle]!.at <= at) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function isSyncCall(name: string): boolean {
  return name === 'fsync' || name === 'fdatasync' || name === 'sync';
}

/** A device that works on memory and writes down what is done to it. */
export class RecordingDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly progVerified = true;
  readonly memo: Map<number, unknown>;
  readonly #device: RamDevice;
  readonly #ops: DeviceOp[];
  readonly #opsMax: number;

  /** Works on `device`, which becomes what the run makes of it. */
  constructor(device: RamDevice, recording: Recording, opsMax: number = Number.POSITIVE_INFINITY) {
    this.#device = device;
    this.#ops = recording.ops;
    this.#opsMax = opsMax;
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.readSize = device.readSize;
    this.progSize = device.progSize;
    this.memo = device.memo;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#device.read(block, offset, target);
  }

  view(block: number): Uint8Array {
    return this.#device.view(block);
  }

  stamp(block: number): number {
    return this.#device.stamp(block);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#note({ kind: 'prog', block, offset, data: source.slice() });
    this.#device.prog(block, offset, source);
  }

  erase(block: number): void {
    this.#note({ kind: 'erase', block });
    this.#device.erase(block);
  }

  sync(): void {
    // One sync after another says nothing new.
    if (this.#ops[this.#ops.length - 1]?.kind !== 'sync') this.#note({ kind: 'sync' });
  }

  #note(op: DeviceOp): void {
    if (this.#ops.length >= this.#opsMax) throw new EndlessWorkload(this.#opsMax);
    this.#ops.push(op);
  }
}

/** The workload writes and writes. */
export class EndlessWorkload extends Error {
  constructor(opsMax: number) {
    super(`the workload has made ${opsMax} operations of the device and goes on; allowed: opsMax, ${opsMax}`);
    this.name = 'EndlessWorkload';
  }
}
