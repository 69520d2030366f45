/**
 * Devices for cases: one that writes down what is done to it and fails when told to, and one that loses patience.
 *
 * Neither offers `view` or `progVerified`: every read and every read-back asks the device below.
 *
 * @module
 */

import type { BlockDevice } from '../lfs/device.ts';
import { type DeviceOp, EndlessWorkload, type Recording } from './recording.ts';

export interface NotingOptions {
  /** What operation `index` is to fail with, if it is. */
  readonly fails?: ((index: number) => Error | undefined) | undefined;
  readonly opsMax: number;
}

/** Writes down what was done to another device. Operations that failed count, but are not written down. */
export class NotingDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  /** Which call of the recording saw the first failure. */
  failedCall = -1;
  readonly #device: BlockDevice;
  readonly #recording: Recording;
  readonly #options: NotingOptions;
  #count = 0;
  #syncedLast = false;

  constructor(device: BlockDevice, recording: Recording, options: NotingOptions) {
    this.#device = device;
    this.#recording = recording;
    this.#options = options;
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.readSize = device.readSize ?? 1;
    this.progSize = device.progSize ?? 1;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#allow();
    this.#device.prog(block, offset, source);
    this.#note({ kind: 'prog', block, offset, data: source.slice() });
  }

  erase(block: number): void {
    this.#allow();
    this.#device.erase(block);
    this.#note({ kind: 'erase', block });
  }

  sync(): void {
    // As in a recording: one sync after another says nothing new.
    if (this.#syncedLast) return;
    this.#allow();
    this.#device.sync?.();
    this.#note({ kind: 'sync' });
  }

  #allow(): void {
    const { fails, opsMax } = this.#options;
    const index = this.#count++;
    if (index >= opsMax) throw new EndlessWorkload(opsMax);
    this.#syncedLast = false;
    const error = fails?.(index);
    if (error === undefined) return;
    if (this.failedCall < 0) this.failedCall = this.#recording.calls.length - 1;
    throw error;
  }

  #note(op: DeviceOp): void {
    this.#recording.ops.push(op);
    this.#syncedLast = op.kind === 'sync';
  }
}

/** Thrown by a device that was asked more often than any sound question needs. */
export class TooMuchWork extends Error {
  override readonly name: string = 'TooMuchWork';
}

/** A device that answers so many calls and no more. */
export class BoundedDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly #device: BlockDevice;
  readonly #callsMax: number;
  #left: number;

  constructor(device: BlockDevice, callsMax: number) {
    this.#device = device;
    this.#callsMax = callsMax;
    this.#left = callsMax;
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.readSize = device.readSize ?? 1;
    this.progSize = device.progSize ?? 1;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#count();
    this.#device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#count();
    this.#device.prog(block, offset, source);
  }

  erase(block: number): void {
    this.#count();
    this.#device.erase(block);
  }

  sync(): void {
    this.#count();
    this.#device.sync?.();
  }

  #count(): void {
    if (--this.#left < 0) throw new TooMuchWork(`the device was asked ${this.#callsMax} times, and no end`);
  }
}
