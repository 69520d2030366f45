/**
 * What callers pass, checked as Node checks it: the same order, the same errors. What comes out is what the POSIX
 * layer wants: paths as text or bytes, flags and modes as numbers.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import type { PathLike, TimeToSet } from '../vfs/posix.ts';
import { constants } from './constants.ts';
import { codedError, invalidArgType, invalidArgValue, outOfRange } from './errors.ts';

// biome-ignore lint/suspicious/noExplicitAny: whoever passes a function decides what it takes
export type AnyFunction = (...args: any[]) => any;

/** Options as given: anything may be in them. */
export type Options = Readonly<Record<string, unknown>>;

export const noOptions: Options = Object.freeze({});

export function validateFunction(value: unknown, name: string): asserts value is AnyFunction {
  if (typeof value !== 'function') throw invalidArgType(name, 'Function', value);
}

/** The callback, checked. */
export function toCallback(value: unknown, name = 'cb'): AnyFunction {
  validateFunction(value, name);
  return value;
}

export function validateBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'boolean', value);
}

export function validateString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'string', value);
}

export function validateInteger(
  value: unknown,
  name: string,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

export function validateInt32(value: unknown, name: string, min = -2147483648): asserts value is number {
  validateInteger(value, name, min, 2147483647);
}

export function validateUint32(value: unknown, name: string, min = 0): asserts value is number {
  validateInteger(value, name, min, 4294967295);
}

export function validateObject(value: unknown, name: string, nullable = false): asserts value is Options {
  if ((value === null && !nullable) || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgType(name, 'Object', value);
  }
}

export function validateBuffer(value: unknown, name = 'buffer'): asserts value is ArrayBufferView {
  if (!ArrayBuffer.isView(value)) throw invalidArgType(name, ['Buffer', 'TypedArray', 'DataView'], value);
}

export function validateBufferArray(value: unknown, name = 'buffers'): asserts value is ArrayBufferView[] {
  if (!Array.isArray(value) || !value.every((each) => ArrayBuffer.isView(each))) {
    throw invalidArgType(name, 'ArrayBufferView[]', value);
  }
}

export function validateAbortSignal(value: unknown, name: string): asserts value is AbortSignal | undefined {
  if (value !== undefined && (value === null || typeof value !== 'object' || !('aborted' in value))) {
    throw invalidArgType(name, 'AbortSignal', value);
  }
}

export function validateOneOf(value: unknown, name: string, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  const shown = choices.map((each) => (typeof each === 'string' ? `'${each}'` : String(each))).join(', ');
  throw invalidArgValue(name, value, `must be one of: ${shown}`);
}

/** What takes a `string` where bytes would have done too. */
export function validateText(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, ['string', 'Buffer', 'TypedArray', 'DataView'], value);
}

/** Hexadecimal text has two digits a byte. */
export function validateEncoding(data: string, encoding: unknown): void {
  if (typeof encoding === 'string' && encoding.toLowerCase() === 'hex' && data.length % 2 !== 0) {
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${data.length}`);
  }
}

/** A file URL's path; anything else as it is. */
export function toPath(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  const url = value as Partial<URL> & { auth?: unknown; path?: unknown };
  if (!url.href || !url.protocol || url.auth !== undefined || url.path !== undefined) return value;
  // Paths in an image are POSIX ones, on every host.
  return (fileURLToPath as (url: URL, options: { windows: boolean }) => string)(value as URL, { windows: false });
}

export function validatePath(path: unknown, name = 'path'): asserts path is PathLike {
  if (typeof path === 'string') {
    if (!path.includes('\0')) return;
  } else if (types.isUint8Array(path)) {
    if (!path.includes(0)) return;
  } else throw invalidArgType(name, ['string', 'Buffer', 'URL'], path);
  throw invalidArgValue(name, path, 'must be a string, Uint8Array, or URL without null bytes');
}

/** A path of any kind, checked. */
export function toValidPath(value: unknown, name = 'path'): PathLike {
  if (typeof value === 'string' && !value.includes('\0')) return value;
  const path = toPath(value);
  validatePath(path, name);
  return path;
}

export function isInt32(value: unknown): value is number {
  return value === ((value as number) | 0);
}

export function validateFd(fd: unknown, name = 'fd'): number {
  if (typeof fd === 'number' && fd === (fd | 0) && fd >= 0) return fd;
  validateInt32(fd, name, 0);
  return fd;
}

/** As `validateFd`, in the words of Node's native side, which puts no marks between digits. */
export function toFd(fd: unknown): number {
  if (typeof fd === 'number' && fd === (fd | 0) && fd >= 0) return fd;
  if (typeof fd === 'number' && Number.isInteger(fd)) {
    const range = '>= 0 && <= 2147483647';
    const message = `The value of "fd" is out of range. It must be ${range}. Received ${fd}`;
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
  }
  return validateFd(fd);
}

/** Permission bits: a number, or octal digits. */
export function toMode(value: unknown, name: string, otherwise?: number): number {
  let mode = value ?? otherwise;
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode)) {
      throw invalidArgValue(name, mode, 'must be a 32-bit unsigned integer or an octal string');
    }
    mode = Number.parseInt(mode, 8);
  }
  validateUint32(mode, name);
  return mode;
}

/** A small number which says how (`access`, `copyFile`); Node's own words, from its native side. */
export function toHow(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number') {
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'mode must be int32 or null/undefined');
  }
  if (!Number.isFinite(value)) throw codedError(RangeError, 'ERR_OUT_OF_RANGE', 'mode is out of range');
  const how = Math.trunc(value);
  if (how < 0 || how > 7) throw codedError(RangeError, 'ERR_OUT_OF_RANGE', 'mode is out of range: >= 0 && <= 7');
  return how;
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;

const namedFlags: ReadonlyMap<unknown, number> = new Map([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', O_TRUNC | O_CREAT | O_WRONLY],
  ['wx', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['xw', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['w+', O_TRUNC | O_CREAT | O_RDWR],
  ['wx+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['xw+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['a', O_APPEND | O_CREAT | O_WRONLY],
  ['ax', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['xa', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['as', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['sa', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['a+', O_APPEND | O_CREAT | O_RDWR],
  ['ax+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['xa+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['as+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
  ['sa+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
]);

export const writeFlags: number = O_TRUNC | O_CREAT | O_WRONLY;
export const appendFlags: number = O_APPEND | O_CREAT | O_WRONLY;

/** `'r+'` and the like, or a number. */
export function toFlags(value: unknown, name = 'flags'): number {
  if (typeof value === 'number') {
    validateInt32(value, name);
    return value;
  }
  if (value === undefined || value === null) return O_RDONLY;
  const flags = namedFlags.get(value);
  if (flags === undefined) throw invalidArgValue('flags', value);
  return flags;
}

/** Options given as an object, or as the name of an encoding. */
export function getOptions(value: unknown, defaults: Options = noOptions): Options {
  if (value === undefined || value === null || typeof value === 'function') return defaults;
  let options: Options;
  if (typeof value === 'string') options = { ...defaults, encoding: value };
  else if (typeof value === 'object') options = value as Options;
  else throw invalidArgType('options', ['string', 'Object'], value);
  const { encoding, signal } = options;
  if (encoding && encoding !== 'buffer' && encoding !== 'utf8' && !Buffer.isEncoding(encoding as string)) {
    throw invalidArgValue('encoding', encoding, 'is invalid encoding');
  }
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
  return options;
}

/** Encodings that Node decodes with a loop of its own; any other one is passed on. */
export function isUtf8(encoding: unknown): boolean {
  return encoding === 'utf8' || encoding === 'utf-8';
}

export function validatePosition(position: unknown, name: string, length: number): asserts position is number | bigint {
  if (typeof position === 'number') {
    validateInteger(position, name, -1);
  } else if (typeof position === 'bigint') {
    const max = 2n ** 63n - 1n - BigInt(length);
    if (position < -1n || position > max) throw outOfRange(name, `>= -1 && <= ${max}`, position);
  } else throw invalidArgType(name, ['integer', 'bigint'], position);
}

export function validateReadRange(offset: number, length: number, size: number): void {
  if (length < 0) throw outOfRange('length', '>= 0', length);
  if (offset + length > size) throw outOfRange('length', `<= ${size - offset}`, length);
}

export function validateWriteRange(offset: number, length: number, size: number): void {
  if (offset > size) throw outOfRange('offset', `<= ${size}`, offset);
  if (length > size - offset) throw outOfRange('length', `<= ${size - offset}`, length);
  if (length < 0) throw outOfRange('length', '>= 0', length);
  validateInt32(length, 'length', 0);
}

/** Who owns a file: -1 leaves it as it is. */
export function validateOwner(uid: unknown, gid: unknown): void {
  validateInteger(uid, 'uid', -1, 4294967295);
  validateInteger(gid, 'gid', -1, 4294967295);
}

/** Seconds since 1970, as `fs._toUnixTimestamp` gives them. */
export function toSeconds(value: unknown, name = 'time'): number {
  // biome-ignore lint/suspicious/noDoubleEquals: `'5'` is equal to 5, `'x'` to nothing
  if (typeof value === 'string' && (+value as unknown) == value) return +value;
  if (typeof value === 'number' && Number.isFinite(value)) return value < 0 ? Date.now() / 1000 : value;
  if (types.isDate(value)) return value.getTime() / 1000;
  throw invalidArgType(name, ['Date', 'Time in seconds'], value);
}

/** Seconds, a numeric string or a Date, as a time to set. An invalid Date leaves the time alone. */
export function toTime(value: unknown, name?: string): TimeToSet {
  const time = toSeconds(value, name);
  if (Number.isNaN(time)) return null;
  if (!Number.isFinite(time)) return 'now';
  const sec = Math.floor(time);
  return { sec, nsec: Math.min(Math.trunc((time - sec) * 1e9), 999_999_999) };
}

export interface RmOptions {
  readonly recursive: boolean;
  readonly force: boolean;
  readonly retryDelay: number;
  readonly maxRetries: number;
}

const rmDefaults: RmOptions = { recursive: false, force: false, retryDelay: 100, maxRetries: 0 };

export function checkRmOptions(value: unknown): RmOptions {
  const options = checkRmdirOptions(value);
  validateBoolean(options.force, 'options.force');
  return options;
}

export function checkRmdirOptions(value: unknown): RmOptions {
  if (value === undefined) return rmDefaults;
  validateObject(value, 'options');
  const options = { ...rmDefaults, ...(value as Partial<RmOptions>) };
  validateBoolean(options.recursive, 'options.recursive');
  validateInt32(options.retryDelay, 'options.retryDelay', 0);
  validateUint32(options.maxRetries, 'options.maxRetries');
  return options;
}
