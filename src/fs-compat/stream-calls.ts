/**
 * What file streams stand on: the calls they make, and the same calls made of a FileHandle's methods.
 *
 * @module
 */

import type { Buffer } from 'node:buffer';
import { codedError } from './errors.ts';

/** Methods by which a FileHandle counts the streams on it: it closes when the last has let go. */
export const refHandle: unique symbol = Symbol('refHandle');
export const unrefHandle: unique symbol = Symbol('unrefHandle');

/** What a stream wants of a FileHandle. */
export interface StreamHandle {
  readonly fd: number;
  [refHandle](): void;
  [unrefHandle](): void;
  on(event: 'close', listener: () => void): unknown;
  close(): Promise<void>;
  sync(): Promise<void>;
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position?: number,
  ): Promise<{ bytesRead: number; buffer: Buffer }>;
  write(
    buffer: Buffer,
    offset: number,
    length: number,
    position?: number,
  ): Promise<{ bytesWritten: number; buffer: Buffer }>;
  writev(buffers: Buffer[], position?: number): Promise<{ bytesWritten: number; buffers: Buffer[] }>;
}

export type Failure = NodeJS.ErrnoException | null | undefined;
export type Done = (error?: Failure) => void;
export type Moved<Data> = (error: Failure, count: number, data: Data) => void;

/** The calls a stream makes. */
export interface StreamFs {
  open(path: unknown, flags: unknown, mode: unknown, done: (error: Failure, fd: number) => void): void;
  close(fd: number, done: Done): void;
  fsync(fd: number, done: Done): void;
  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    done: Moved<Buffer>,
  ): void;
  write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    done: Moved<Buffer>,
  ): void;
  writev(fd: number, buffers: Buffer[], position: number | undefined, done: Moved<Buffer[]>): void;
}

/** The calls of a stream, made of a FileHandle's methods. */
export function handleFs(handle: StreamHandle): StreamFs {
  return {
    open() {
      throw codedError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The open() method is not implemented');
    },
    close(_fd, done) {
      handle[unrefHandle]();
      handle.close().then(() => done(), done);
    },
    fsync(_fd, done) {
      handle.sync().then(() => done(), done);
    },
    read(_fd, buffer, offset, length, position, done) {
      handle.read(buffer, offset, length, position).then(
        (result) => done(null, result.bytesRead, result.buffer),
        (error) => done(error, 0, buffer),
      );
    },
    write(_fd, buffer, offset, length, position, done) {
      handle.write(buffer, offset, length, position).then(
        (result) => done(null, result.bytesWritten, result.buffer),
        (error) => done(error, 0, buffer),
      );
    },
    writev(_fd, buffers, position, done) {
      handle.writev(buffers, position).then(
        (result) => done(null, result.bytesWritten, result.buffers),
        (error) => done(error, 0, buffers),
      );
    },
  };
}
