/**
 * A device that writes down what is asked of it, counts it, and can do it again to another device.
 *
 * Record a workload once, then walk the trace: `replay` the first n calls onto a fork of the device as it was, and
 * there is the image that a power cut after them leaves. Calls that threw are counted and recorded as `failed`, and
 * not replayed.
 *
 * The fast paths of the device below (`view`, `progVerified`) are hidden unless asked for: whoever looks at a block
 * through a view reads without being counted, and whoever trusts a program leaves out a read.
 *
 * @module
 */

import type { BlockDevice } from '../lfs/device.ts';
import { invalid } from '../lfs/errors.ts';
import { checkGeometry, deviceOf, optionsOf, shown, wholeNumber } from './geometry.ts';

/** What is kept of the calls: nothing, those that change the device (prog, erase, sync), or reads as well. */
export type TraceRecord = 'counts' | 'writes' | 'all';

export interface TraceDeviceOptions {
  readonly device: BlockDevice;
  /** Default `'writes'`. */
  readonly record?: TraceRecord | undefined;
  /** Pass `view` and `progVerified` of the device through (default false). */
  readonly fastPaths?: boolean | undefined;
}

export type TraceCall =
  | { readonly op: 'read'; readonly block: number; readonly offset: number; readonly size: number; failed?: true }
  | {
      readonly op: 'prog';
      readonly block: number;
      readonly offset: number;
      readonly size: number;
      readonly data: Uint8Array;
      failed?: true;
    }
  | { readonly op: 'erase'; readonly block: number; readonly offset: 0; readonly size: number; failed?: true }
  | { readonly op: 'sync'; failed?: true };

export interface TraceCounts {
  reads: number;
  readBytes: number;
  progs: number;
  progBytes: number;
  erases: number;
  syncs: number;
}

const noCounts: Readonly<TraceCounts> = { reads: 0, readBytes: 0, progs: 0, progBytes: 0, erases: 0, syncs: 0 };

export class TraceDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly progVerified: boolean;
  readonly device: BlockDevice;
  readonly record: TraceRecord;
  /** What was asked since the start or the last `reset`, failed calls included. */
  counts: TraceCounts = { ...noCounts };
  /** The recorded calls in their order. */
  calls: TraceCall[] = [];
  readonly #fastPaths: boolean;

  constructor(options: TraceDeviceOptions) {
    const { record = 'writes', fastPaths = false } = optionsOf('TraceDevice', options);
    this.device = deviceOf('TraceDevice', options.device);
    if (record !== 'counts' && record !== 'writes' && record !== 'all') {
      throw invalid(`record is ${shown(record)}: it must be 'counts', 'writes' or 'all'`);
    }
    const geometry = checkGeometry(this.device);
    this.blockSize = geometry.blockSize;
    this.blockCount = geometry.blockCount;
    this.readSize = geometry.readSize;
    this.progSize = geometry.progSize;
    this.record = record;
    this.#fastPaths = fastPaths;
    this.progVerified = fastPaths && this.device.progVerified === true;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.counts.reads++;
    this.counts.readBytes += target.length;
    if (this.record !== 'all') return this.device.read(block, offset, target);
    this.#recorded({ op: 'read', block, offset, size: target.length }, () => this.device.read(block, offset, target));
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.counts.progs++;
    this.counts.progBytes += source.length;
    if (this.record === 'counts') return this.device.prog(block, offset, source);
    const call: TraceCall = { op: 'prog', block, offset, size: source.length, data: new Uint8Array(source) };
    this.#recorded(call, () => this.device.prog(block, offset, source));
  }

  erase(block: number): void {
    this.counts.erases++;
    if (this.record === 'counts') return this.device.erase(block);
    this.#recorded({ op: 'erase', block, offset: 0, size: this.blockSize }, () => this.device.erase(block));
  }

  sync(): void {
    this.counts.syncs++;
    if (this.record === 'counts') return this.device.sync();
    this.#recorded({ op: 'sync' }, () => this.device.sync());
  }

  view(block: number): Uint8Array | undefined {
    return this.#fastPaths ? this.device.view?.(block) : undefined;
  }

  /** Forgets the calls and starts counting at nought. */
  reset(): void {
    this.counts = { ...noCounts };
    this.calls = [];
  }

  /** Does the recorded writes and syncs `from` (included) `to` (excluded) to another device, in their order. */
  replay(onto: BlockDevice, range: { readonly from?: number; readonly to?: number } = {}): void {
    deviceOf('replay', onto);
    if (this.record === 'counts') throw invalid("replay: nothing was recorded, record is 'counts'");
    const from = wholeNumber('from', range.from ?? 0, 0, this.calls.length);
    const to = wholeNumber('to', range.to ?? this.calls.length, from, this.calls.length);
    for (let i = from; i < to; i++) {
      const call = this.calls[i]!;
      if (call.failed === true) continue;
      if (call.op === 'prog') onto.prog(call.block, call.offset, call.data);
      else if (call.op === 'erase') onto.erase(call.block);
      else if (call.op === 'sync') onto.sync();
    }
  }

  #recorded(call: TraceCall, perform: () => void): void {
    this.calls.push(call);
    try {
      perform();
    } catch (error) {
      call.failed = true;
      throw error;
    }
  }
}
