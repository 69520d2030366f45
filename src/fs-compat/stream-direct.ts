/**
 * Reads and writes of streams without a turn of the event loop each.
 *
 * The file system answers at once, so a turn for every 64 KiB would cost more than the copying. While `fs.read` (or
 * `write`, `writev`) is the module's own, a stream asks the file system itself; after so many bytes it takes the long
 * way once, and everybody else has a turn.
 *
 * @module
 */

import type { Buffer } from 'node:buffer';
import type { PosixFs } from '../vfs/posix.ts';
import { translated } from './errors.ts';
import type { Moved, StreamFs } from './stream-calls.ts';
import type { NodeFs } from './types.ts';
import { originals } from './whole-file.ts';

/** How much goes the short way before the long one is taken once. */
const bytesPerTurn = 1024 * 1024;

/** The short way of one stream; there is none for streams on other modules and on FileHandles. */
export class Direct implements Pick<StreamFs, 'read' | 'write' | 'writev'> {
  readonly #fs: NodeFs;
  readonly #vfs: PosixFs;
  #left: number = bytesPerTurn;

  constructor(fs: NodeFs, vfs: PosixFs) {
    this.#fs = fs;
    this.#vfs = vfs;
  }

  /** `upTo`: where the piece to be read ends. A file's end is read the long way, as somebody may be writing there. */
  mayRead(calls: StreamFs, fd: number, upTo: number): boolean {
    if ((calls as unknown) !== this.#fs || this.#fs.read !== originals(this.#fs).read) return false;
    if (this.#isOver()) return false;
    try {
      return this.#vfs.fstat(fd).size >= upTo;
    } catch {
      return false;
    }
  }

  mayWrite(calls: StreamFs): boolean {
    if ((calls as unknown) !== this.#fs) return false;
    const { write, writev } = originals(this.#fs);
    return this.#fs.write === write && this.#fs.writev === writev && !this.#isOver();
  }

  #isOver(): boolean {
    if (this.#left > 0) return false;
    this.#left = bytesPerTurn;
    return true;
  }

  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    done: Moved<Buffer>,
  ): void {
    this.#call('read', buffer, done, () => this.#vfs.read(fd, buffer, offset, length, position ?? -1));
  }

  write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    done: Moved<Buffer>,
  ): void {
    this.#call('write', buffer, done, () => this.#vfs.write(fd, buffer, offset, length, position ?? -1));
  }

  writev(fd: number, buffers: Buffer[], position: number | undefined, done: Moved<Buffer[]>): void {
    this.#call('writev', buffers, done, () => {
      let written = 0;
      for (const buffer of buffers) {
        const at = position === undefined ? -1 : position + written;
        let count: number;
        try {
          count = this.#vfs.write(fd, buffer, 0, buffer.length, at);
        } catch (error) {
          // What is written counts; the failure comes again with the rest.
          if (written > 0) break;
          throw error;
        }
        written += count;
        if (count < buffer.length) break;
      }
      return written;
    });
  }

  /** Done at once, told right after what is under way now: streams take what is told sooner for something else. */
  #call<Data>(syscall: string, data: Data, done: Moved<Data>, work: () => number): void {
    let count: number;
    try {
      count = work();
    } catch (error) {
      process.nextTick(done, translated(error, syscall) as Error, 0, data);
      return;
    }
    this.#left -= count;
    process.nextTick(done, null, count, data);
  }
}
