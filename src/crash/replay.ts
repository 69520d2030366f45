/**
 * From a recording and a point to the device as the loss of power left it.
 *
 * Walks along the recording and keeps the device as of two moments: just before the point, and at the last sync before
 * it. Each image is a fork of one of them with a block or two changed, so a point costs what changed, not what there is.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import type { Point, Tear } from './points.ts';
import { Random } from './random.ts';
import type { DeviceOp, Recording } from './recording.ts';

export class Replay {
  readonly recording: Recording;
  #at = 0;
  #device: RamDevice;
  #syncedAt = 0;
  #synced: RamDevice;

  constructor(recording: Recording) {
    this.recording = recording;
    this.#device = recording.start.fork();
    this.#synced = recording.start;
  }

  /** Goes to just before operation `at`; returns the device there, which nobody may change. */
  seek(at: number): RamDevice {
    const { recording } = this;
    if (at < this.#at) {
      this.#at = 0;
      this.#device = recording.start.fork();
      this.#syncedAt = 0;
      this.#synced = recording.start;
    }
    for (; this.#at < at; this.#at++) {
      const op = recording.ops[this.#at]!;
      if (op.kind === 'sync') {
        this.#syncedAt = this.#at + 1;
        this.#synced = this.#device.fork();
      } else apply(this.#device, op);
    }
    return this.#device;
  }

  /** The device at a point, to be changed at will. Of a point with a second loss of power it is the first one's. */
  imageAt({ op, tear, lost }: Point): RamDevice {
    const { ops } = this.recording;
    const device = this.seek(Math.min(op, ops.length));
    let image: RamDevice;
    if (lost.length === 0) image = device.fork();
    else {
      image = this.#synced.fork();
      const missing = new Set(lost);
      for (let at = this.#syncedAt; at < this.#at; at++) {
        const each = ops[at]!;
        if (!missing.has(at)) applyLoosely(image, each);
      }
    }
    const current = ops[op];
    if (current !== undefined && tear.kind !== 'none') applyTorn(image, current, tear);
    return image;
  }
}

/** Where the operations begin that a loss of power during operation `at` can lose: behind the last sync. */
export function unsyncedFrom(ops: readonly DeviceOp[], at: number): number {
  let from = Math.min(at, ops.length);
  while (from > 0 && ops[from - 1]!.kind !== 'sync') from--;
  return from;
}

function apply(device: RamDevice, op: DeviceOp): void {
  if (op.kind === 'prog') device.prog(op.block, op.offset, op.data);
  else if (op.kind === 'erase') device.erase(op.block);
}

/** What a program makes of cells that an erase before it, which was lost, has not cleared: bits only go. */
export function applyLoosely(device: RamDevice, op: DeviceOp): void {
  if (op.kind !== 'prog') {
    apply(device, op);
    return;
  }
  const { block, offset, data } = op;
  if (offset >= device.erasedFrom(block)) {
    device.prog(block, offset, data);
    return;
  }
  const cells = device.view(block).slice(offset, offset + data.length);
  for (let i = 0; i < data.length; i++) cells[i]! &= data[i]!;
  device.prog(block, offset, cells);
}

/** Whether a tear can be told from "before" and "after" for this operation. */
export function tearsApart(op: DeviceOp, tear: Tear): boolean {
  switch (tear.kind) {
    case 'bytes': {
      if (op.kind !== 'prog') return false;
      const to = tear.to < 0 ? op.data.length : tear.to;
      return to > tear.from && to <= op.data.length && to - tear.from < op.data.length;
    }
    case 'bits':
      return op.kind === 'prog' && tear.count > 0 && tear.count < op.data.length * 8;
    case 'subset':
    case 'flip':
      return op.kind === 'prog';
    case 'half':
    case 'garbage':
      return op.kind === 'erase';
    default:
      return true;
  }
}

function applyTorn(device: RamDevice, op: DeviceOp, tear: Tear): void {
  if (op.kind === 'sync') return;
  const { block } = op;
  const { blockSize } = device;
  if (op.kind === 'erase') {
    const old = device.view(block).slice();
    device.erase(block);
    if (tear.kind === 'half') device.prog(block, blockSize >> 1, old.subarray(blockSize >> 1));
    else if (tear.kind === 'garbage') {
      const random = new Random(tear.seed);
      // Bits on their way from what they were to erased.
      for (let i = 0; i < blockSize; i++) old[i]! |= random.next();
      device.prog(block, 0, old);
    }
    return;
  }
  const { offset, data } = op;
  const cells = device.view(block).slice(offset, offset + data.length);
  switch (tear.kind) {
    case 'bytes': {
      const to = tear.to < 0 ? data.length : Math.min(tear.to, data.length);
      for (let i = tear.from; i < to; i++) cells[i]! &= data[i]!;
      break;
    }
    case 'bits':
      for (let i = 0; i < tear.count; i++) cells[i >> 3]! &= data[i >> 3]! | (0xff ^ (1 << (i & 7)));
      break;
    case 'subset': {
      const random = new Random(tear.seed);
      for (let i = 0; i < data.length; i++) if (random.next() & 1) cells[i]! &= data[i]!;
      break;
    }
    default: {
      for (let i = 0; i < data.length; i++) cells[i]! &= data[i]!;
      // A cell that did not take: one bit that should have gone stays, or went that should have stayed.
      cells[data.length >> 1]! ^= 0x10;
    }
  }
  device.prog(block, offset, cells);
}
