/**
 * A device that cannot be written, whatever is above it: for looking at an image that must not change.
 *
 * @module
 */

import type { BlockDevice } from '../lfs/device.ts';
import { LfsError } from '../lfs/errors.ts';
import { checkGeometry, deviceOf, optionsOf } from './geometry.ts';

export interface ReadonlyDeviceOptions {
  readonly device: BlockDevice;
}

export class ReadonlyDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly device: BlockDevice;

  constructor(options: ReadonlyDeviceOptions) {
    this.device = deviceOf('ReadonlyDevice', optionsOf('ReadonlyDevice', options).device);
    const geometry = checkGeometry(this.device);
    this.blockSize = geometry.blockSize;
    this.blockCount = geometry.blockCount;
    this.readSize = geometry.readSize;
    this.progSize = geometry.progSize;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    throw new LfsError(
      'LFS_ERR_INVAL',
      `prog of ${source.length} bytes at block ${block}, offset ${offset}: the device is read-only`,
      { block, offset },
    );
  }

  erase(block: number): void {
    throw new LfsError('LFS_ERR_INVAL', `erase of block ${block}: the device is read-only`, { block });
  }

  sync(): void {
    this.device.sync();
  }

  view(block: number): Uint8Array | undefined {
    return this.device.view?.(block);
  }
}
