/**
 * The many ways to say what `read`, `write`, `readv` and `writev` shall do, brought to one: bytes, where, how many.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { VfsError } from '../vfs/errno.ts';
import type { PosixFs } from '../vfs/posix.ts';
import {
  type AnyFunction,
  noOptions,
  type Options,
  toCallback,
  toFd,
  validateBuffer,
  validateBufferArray,
  validateEncoding,
  validateFd,
  validateInteger,
  validateObject,
  validatePosition,
  validateReadRange,
  validateText,
  validateWriteRange,
} from './args.ts';
import { Call, type Callback, later, now } from './call.ts';
import { invalidArgValue } from './errors.ts';
import { nodeMajor } from './node-version.ts';

type View = ArrayBufferView;

/** A piece of memory to read into or write from; position -1 is where the descriptor stands. */
export interface Transfer {
  readonly view: View;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

export function bytesOf(view: View): Uint8Array {
  if (view instanceof Uint8Array) return view;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A position as the native side takes it: what is no such number is where the descriptor stands. */
function toPosition(position: unknown): number {
  if (typeof position === 'bigint') return Number(position);
  return Number.isSafeInteger(position) && (position as number) >= 0 ? (position as number) : -1;
}

/** Older Nodes look at the position last, and not at all where nothing is to be read. */
const checksPositionFirst = nodeMajor >= 24;

function checkRead(view: View, offset: number, length: number, position: unknown): Transfer {
  const isGiven = position !== undefined && position !== null;
  if (isGiven && checksPositionFirst) validatePosition(position, 'position', length);
  if (length === 0) return { view, offset, length, position: -1 };
  if (view.byteLength === 0) throw invalidArgValue('buffer', view, 'is empty and cannot be written');
  validateReadRange(offset, length, view.byteLength);
  if (isGiven && !checksPositionFirst) validatePosition(position, 'position', length);
  return { view, offset, length, position: toPosition(position) };
}

function toOffset(offset: unknown): number {
  if (offset === undefined || offset === null) return 0;
  validateInteger(offset, 'offset', 0);
  return offset;
}

/** `read(fd, view, offset, length, position)`, or with an object in place of the last three. */
export function toReadTransfer(
  view: View,
  offsetOrOptions: unknown,
  length: unknown,
  position: unknown,
  count: number,
): Transfer {
  if (count > 3 && typeof offsetOrOptions !== 'object') {
    const offset = toOffset(offsetOrOptions);
    return checkRead(view, offset, (length as number) | 0, position);
  }
  if (offsetOrOptions !== undefined) validateObject(offsetOrOptions, 'options', true);
  return toReadTransferOfOptions(view, (offsetOrOptions ?? noOptions) as Options);
}

export function toReadTransferOfOptions(view: View, options: Options): Transfer {
  const { offset = 0, length = view.byteLength - (offset as number), position = null } = options;
  return checkRead(view, toOffset(offset), (length as number) | 0, position);
}

export function toWriteTransfer(
  view: View,
  offsetOrOptions: unknown,
  givenLength: unknown,
  givenPosition: unknown,
): Transfer {
  let offset = offsetOrOptions;
  let length = givenLength;
  let position = givenPosition;
  if (typeof offset === 'object') {
    const options = (offset ?? noOptions) as Options;
    ({ offset = 0, position = null } = options);
    length = options.length === undefined ? view.byteLength - (offset as number) : options.length;
  }
  const from = typeof offset === 'function' ? 0 : toOffset(offset);
  const size = typeof length === 'number' ? length : view.byteLength - from;
  validateWriteRange(from, size, view.byteLength);
  return { view, offset: from, length: size, position: typeof position === 'number' ? toPosition(position) : -1 };
}

/** Text to write is bytes to write. */
export function toTextTransfer(text: string, position: unknown, encoding: unknown): Transfer {
  validateEncoding(text, encoding);
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
  const view = Buffer.from(text, known);
  return { view, offset: 0, length: view.length, position: typeof position === 'number' ? toPosition(position) : -1 };
}

export function readCall(vfs: PosixFs, fd: number, { view, offset, length, position }: Transfer): Call<number> {
  return new Call('read', () => vfs.read(fd, bytesOf(view), offset, length, position));
}

export function writeCall(vfs: PosixFs, fd: number, { view, offset, length, position }: Transfer): Call<number> {
  return new Call('write', () => vfs.write(fd, bytesOf(view), offset, length, position));
}

export function readvCall(vfs: PosixFs, fd: number, views: readonly View[], position: unknown): Call<number> {
  return new Call('read', () => {
    // As from a kernel, which finds nothing to do there.
    if (views.length === 0) throw new VfsError('EINVAL');
    return transferAll(views, position, (bytes, at) => vfs.read(fd, bytes, 0, bytes.length, at));
  });
}

export function writevCall(vfs: PosixFs, fd: number, views: readonly View[], position: unknown): Call<number> {
  return new Call('write', () =>
    transferAll(views, position, (bytes, at) => vfs.write(fd, bytes, 0, bytes.length, at)),
  );
}

/** One after the other, until one falls short. What was moved before a failure counts, as in POSIX. */
function transferAll(
  views: readonly View[],
  position: unknown,
  move: (bytes: Uint8Array, at: number) => number,
): number {
  let at = typeof position === 'number' ? toPosition(position) : -1;
  let done = 0;
  for (const [index, view] of views.entries()) {
    if (view.byteLength === 0 && index < views.length - 1) continue;
    let moved: number;
    try {
      moved = move(bytesOf(view), at);
    } catch (error) {
      if (done > 0) return done;
      throw error;
    }
    done += moved;
    if (at !== -1) at += moved;
    if (moved < view.byteLength) break;
  }
  return done;
}

/** Before Node 22 the descriptor is looked at before all else, in the synchronous calls as well. */
const checksFdFirst = nodeMajor < 22;

/** What `createReadWrite` makes: members of the module. */
export interface ReadWrite {
  read(...args: unknown[]): void;
  readSync(...args: unknown[]): number;
  readv(fd: unknown, buffers: unknown, position: unknown, callback?: unknown): void;
  readvSync(fd: unknown, buffers: unknown, position?: unknown): number;
  write(...args: unknown[]): void;
  writeSync(...args: unknown[]): number;
  writev(fd: unknown, buffers: unknown, position: unknown, callback?: unknown): void;
  writevSync(fd: unknown, buffers: unknown, position?: unknown): number;
}

export function createReadWrite(vfs: PosixFs): ReadWrite {
  /** Callbacks are told the count and what was given. */
  const transfer = (call: Call<number>, given: unknown, callback: Callback): void => {
    later(call, (error, count) => callback(error, count || 0, given));
  };

  const members: ReadWrite = {
    read(fd, given, offsetOrOptions, givenLength, givenPosition, givenCallback) {
      const checkedFd = validateFd(fd);
      let buffer = given;
      let offset = offsetOrOptions;
      let length = givenLength;
      let position = givenPosition;
      let callback = givenCallback;
      // biome-ignore lint/complexity/noArguments: which form it is shows only in how many there are
      const count = arguments.length;
      if (count <= 4) {
        let options: unknown = null;
        if (count === 4) {
          validateObject(offsetOrOptions, 'options', true);
          callback = givenLength;
          options = offsetOrOptions;
        } else if (count === 3) {
          if (!ArrayBuffer.isView(buffer)) {
            options = buffer;
            ({ buffer = Buffer.alloc(16384) } = (options ?? noOptions) as Options);
          }
          callback = offsetOrOptions;
        } else {
          callback = buffer;
          buffer = Buffer.alloc(16384);
        }
        if (options !== undefined) validateObject(options, 'options', true);
        const size = (buffer as View | undefined)?.byteLength as number;
        const asked = (options ?? noOptions) as Options;
        ({ offset = 0, position = null } = asked);
        length = asked.length === undefined ? size - (offset as number) : asked.length;
      }
      validateBuffer(buffer);
      const done = toCallback(callback);
      const from = toOffset(offset);
      const what = checkRead(buffer, from, (length as number) | 0, position);
      if (what.length === 0) {
        process.nextTick(() => done(null, 0, buffer));
        return;
      }
      transfer(readCall(vfs, checkedFd, what), buffer, done);
    },

    readSync(fd, buffer, offsetOrOptions, length, position) {
      if (checksFdFirst) validateFd(fd);
      validateBuffer(buffer);
      // biome-ignore lint/complexity/noArguments: as above
      const what = toReadTransfer(buffer, offsetOrOptions, length, position, arguments.length);
      if (what.length === 0) return 0;
      return now(readCall(vfs, toFd(fd), what));
    },

    readv(fd, buffers, position, callback) {
      const checkedFd = validateFd(fd);
      validateBufferArray(buffers);
      const done = toCallback(callback || position);
      transfer(readvCall(vfs, checkedFd, buffers, position), buffers, done);
    },

    readvSync(fd, buffers, position) {
      if (checksFdFirst) validateFd(fd);
      validateBufferArray(buffers);
      return now(readvCall(vfs, toFd(fd), buffers, position));
    },

    write(fd, buffer, offsetOrOptions, length, position, callback) {
      const checkedFd = validateFd(fd);
      if (ArrayBuffer.isView(buffer)) {
        const done = toCallback(callback || position || length || offsetOrOptions);
        transfer(writeCall(vfs, checkedFd, toWriteTransfer(buffer, offsetOrOptions, length, position)), buffer, done);
        return;
      }
      validateText(buffer, 'buffer');
      // (fd, text, position, encoding, callback), and less from the right.
      let at = offsetOrOptions;
      let encoding = length;
      let last = position;
      if (typeof position !== 'function') {
        if (typeof offsetOrOptions === 'function') {
          last = offsetOrOptions;
          at = null;
        } else last = length;
        encoding = 'utf8';
      }
      validateEncoding(buffer, encoding);
      const done = toCallback(last);
      transfer(writeCall(vfs, checkedFd, toTextTransfer(buffer, at, encoding)), buffer, done);
    },

    writeSync(fd, buffer, offsetOrOptions, length, position) {
      if (checksFdFirst) validateFd(fd);
      if (ArrayBuffer.isView(buffer)) {
        const what = toWriteTransfer(buffer, offsetOrOptions, length, position);
        return now(writeCall(vfs, toFd(fd), what));
      }
      validateText(buffer, 'buffer');
      const what = toTextTransfer(buffer, offsetOrOptions, length);
      return now(writeCall(vfs, toFd(fd), what));
    },

    writev(fd, buffers, position, callback) {
      const checkedFd = validateFd(fd);
      validateBufferArray(buffers);
      const done = toCallback(callback || position);
      if (buffers.length === 0) process.nextTick(done, null, 0, buffers);
      else transfer(writevCall(vfs, checkedFd, buffers, position), buffers, done);
    },

    writevSync(fd, buffers, position) {
      if (checksFdFirst) validateFd(fd);
      validateBufferArray(buffers);
      if (buffers.length === 0) return 0;
      return now(writevCall(vfs, toFd(fd), buffers, position));
    },
  };
  promisesPair(members.read, 'bytesRead', 'buffer');
  promisesPair(members.readv, 'bytesRead', 'buffers');
  promisesPair(members.write, 'bytesWritten', 'buffer');
  promisesPair(members.writev, 'bytesWritten', 'buffer');
  return members;
}

/** What `util.promisify` makes of a call with two results. */
function promisesPair(call: AnyFunction, count: string, data: string): void {
  Object.defineProperty(call, promisify.custom, {
    value: (...args: unknown[]) =>
      new Promise((resolve, reject) => {
        call(...args, (error: unknown, moved: number, given: unknown) => {
          if (error) reject(error);
          else resolve({ [count]: moved, [data]: given });
        });
      }),
  });
}
