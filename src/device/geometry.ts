/**
 * What every device checks: its geometry once, when it is made, and the place of every call.
 *
 * A wrong option is the caller's mistake (`LFS_ERR_INVAL`, naming the option and what is allowed). A call outside the
 * device, or one that does not start and end at multiples of `readSize` or `progSize`, is what a chip would refuse
 * (`LFS_ERR_IO`, naming the place). The second check runs millions of times: it is numbers only, and the message is
 * built where it has already failed.
 *
 * @module
 */

import type { BlockDevice } from '../lfs/device.ts';
import { invalid, LfsError } from '../lfs/errors.ts';

/** The shape of a device, in bytes and blocks. */
export interface GeometryOptions {
  /** Bytes that one erase covers. */
  readonly blockSize: number;
  readonly blockCount: number;
  /** Reads start and end at multiples of this; it divides `blockSize` (default 1). */
  readonly readSize?: number | undefined;
  /** Programs start and end at multiples of this; it divides `blockSize` (default 1). */
  readonly progSize?: number | undefined;
}

export interface Geometry {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
}

const blockSizeMax = 0x7fffffff;
const blockCountMax = 0xffffffff;

/** What a value is, short enough for an error message. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'an object';
  return String(value);
}

/** `value`, if it is a whole number from `min` to `max`. */
export function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} is ${shown(value)}: it must be a whole number from ${min} to ${max}`);
}

/** `options`, if it is an object: JavaScript callers forget it. */
export function optionsOf<T extends object>(who: string, options: T | undefined): T {
  if (typeof options === 'object' && options !== null) return options;
  throw invalid(`${who} takes an object with its options, not ${shown(options)}`);
}

/** `device`, if it has the four calls and a geometry. */
export function deviceOf(who: string, device: BlockDevice | undefined): BlockDevice {
  if (typeof device !== 'object' || device === null) {
    throw invalid(`device is ${shown(device)}: ${who} takes { device } with a block device`);
  }
  for (const call of ['read', 'prog', 'erase', 'sync'] as const) {
    if (typeof device[call] !== 'function') throw invalid(`device has no ${call}(): it must be a block device`);
  }
  return device;
}

export function bytesOption(name: string, bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw invalid(`${name} is ${shown(bytes)}: it must be a Uint8Array`);
}

export function checkGeometry(options: GeometryOptions): Geometry {
  const blockSize = wholeNumber('blockSize', options.blockSize, 1, blockSizeMax);
  const blockCount = wholeNumber('blockCount', options.blockCount, 1, blockCountMax);
  const readSize = wholeNumber('readSize', options.readSize ?? 1, 1, blockSize);
  const progSize = wholeNumber('progSize', options.progSize ?? 1, 1, blockSize);
  for (const [name, size] of [
    ['readSize', readSize],
    ['progSize', progSize],
  ] as const) {
    if (blockSize % size !== 0) throw invalid(`${name} is ${size}: it must divide blockSize, which is ${blockSize}`);
  }
  return { blockSize, blockCount, readSize, progSize };
}

/** Does a call stay inside one block, at multiples of `unit`? `false` for NaN, fractions and negatives too. */
export function fits(
  block: number,
  offset: number,
  size: number,
  blockSize: number,
  blockCount: number,
  unit: number,
): boolean {
  return (
    block >>> 0 === block &&
    block < blockCount &&
    offset >>> 0 === offset &&
    offset + size <= blockSize &&
    (unit === 1 || (offset % unit === 0 && size % unit === 0))
  );
}

/** The error for a call that does not fit, after `fits` or a block check has said so. */
export function misplaced(
  call: 'read' | 'prog' | 'erase' | 'view' | 'stamp',
  device: BlockDevice,
  block: number,
  offset = 0,
  bytes?: Uint8Array,
): LfsError {
  const { blockSize, blockCount } = device;
  const isBlock = Number.isInteger(block) && block >= 0 && block < blockCount;
  if (!isBlock) {
    const place = typeof block === 'number' ? { block } : {};
    return new LfsError('LFS_ERR_IO', `${call}: block ${shown(block)} is not on the device (0 to ${blockCount - 1})`, {
      ...place,
    });
  }
  if ((call === 'read' || call === 'prog') && !(bytes instanceof Uint8Array)) {
    return invalid(`${call}: the ${call === 'read' ? 'target' : 'source'} is ${shown(bytes)}, not a Uint8Array`);
  }
  const size = bytes?.length ?? 0;
  const unit = (call === 'prog' ? device.progSize : device.readSize) ?? 1;
  const isInside = Number.isInteger(offset) && offset >= 0 && offset + size <= blockSize;
  return new LfsError(
    'LFS_ERR_IO',
    isInside
      ? `${call}: offset ${offset}, size ${size} of block ${block} are not multiples of ${call}Size ${unit}`
      : `${call}: offset ${shown(offset)}, size ${size} is not inside block ${block} of ${blockSize} bytes`,
    { block, offset },
  );
}
