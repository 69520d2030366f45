/**
 * A window on another device: a partition, or an image that begins somewhere inside a file.
 *
 * Blocks of the window may be larger than those of the device below, if they hold a whole number of them: a call is
 * then cut at the inner block borders, and one erase becomes several. They cannot be smaller, since erasing a part of
 * an inner block would erase its neighbours as well.
 *
 * @module
 */

import type { BlockDevice } from '../lfs/device.ts';
import { invalid } from '../lfs/errors.ts';
import { checkGeometry, deviceOf, fits, misplaced, optionsOf, wholeNumber } from './geometry.ts';

export interface SliceDeviceOptions {
  readonly device: BlockDevice;
  /** Where the window begins, in bytes: a multiple of the inner device's block size (default 0). */
  readonly offset?: number | undefined;
  /** Blocks in the window (default: as many as there are behind `offset`). */
  readonly blockCount?: number | undefined;
  /** Block size of the window: a multiple of the inner device's (default: the same). */
  readonly blockSize?: number | undefined;
}

export class SliceDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly progVerified: boolean;
  /** What the window is on, and the inner block it begins with. */
  readonly device: BlockDevice;
  readonly firstBlock: number;
  /** Inner blocks in one of ours. */
  readonly #ratio: number;

  constructor(options: SliceDeviceOptions) {
    const device = deviceOf('SliceDevice', optionsOf('SliceDevice', options).device);
    const inner = device.blockSize;
    const { offset = 0, blockSize = inner } = options;
    wholeNumber('offset', offset, 0, inner * device.blockCount);
    if (offset % inner !== 0) {
      throw invalid(`offset is ${offset}: a window begins at a multiple of the device's block size, ${inner}`);
    }
    wholeNumber('blockSize', blockSize, 1, 0x7fffffff);
    if (blockSize % inner !== 0) {
      throw invalid(`blockSize is ${blockSize}: it must be a multiple of the device's block size, ${inner}`);
    }
    this.#ratio = blockSize / inner;
    this.firstBlock = offset / inner;
    const available = Math.floor((device.blockCount - this.firstBlock) / this.#ratio);
    const { blockCount = available } = options;
    if (available === 0) throw invalid(`offset is ${offset}: no block of ${blockSize} bytes is left behind it`);
    wholeNumber('blockCount', blockCount, 1, available);
    const { readSize, progSize } = device;
    const geometry = checkGeometry({ blockSize, blockCount, readSize, progSize });
    this.blockSize = geometry.blockSize;
    this.blockCount = geometry.blockCount;
    this.readSize = geometry.readSize;
    this.progSize = geometry.progSize;
    this.progVerified = device.progVerified === true;
    this.device = device;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    if (!fits(block, offset, target.length, this.blockSize, this.blockCount, this.readSize)) {
      throw misplaced('read', this, block, offset, target);
    }
    if (this.#ratio === 1) this.device.read(this.firstBlock + block, offset, target);
    else this.#inPieces(block, offset, target, (at, from, piece) => this.device.read(at, from, piece));
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    if (!fits(block, offset, source.length, this.blockSize, this.blockCount, this.progSize)) {
      throw misplaced('prog', this, block, offset, source);
    }
    if (this.#ratio === 1) this.device.prog(this.firstBlock + block, offset, source);
    else this.#inPieces(block, offset, source, (at, from, piece) => this.device.prog(at, from, piece));
  }

  erase(block: number): void {
    if (!fits(block, 0, 0, this.blockSize, this.blockCount, 1)) throw misplaced('erase', this, block);
    const first = this.firstBlock + block * this.#ratio;
    for (let i = 0; i < this.#ratio; i++) this.device.erase(first + i);
  }

  sync(): void {
    this.device.sync();
  }

  /** The inner device's view; none where our blocks are made of several. */
  view(block: number): Uint8Array | undefined {
    if (!fits(block, 0, 0, this.blockSize, this.blockCount, 1)) throw misplaced('view', this, block);
    return this.#ratio === 1 ? this.device.view?.(this.firstBlock + block) : undefined;
  }

  #inPieces(
    block: number,
    offset: number,
    bytes: Uint8Array,
    call: (block: number, offset: number, piece: Uint8Array) => void,
  ): void {
    const inner = this.device.blockSize;
    const first = this.firstBlock + block * this.#ratio;
    let done = 0;
    while (done < bytes.length) {
      const from = (offset + done) % inner;
      const size = Math.min(inner - from, bytes.length - done);
      call(first + Math.floor((offset + done) / inner), from, bytes.subarray(done, done + size));
      done += size;
    }
  }
}
