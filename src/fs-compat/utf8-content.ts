/**
 * What waits in a `Utf8Stream`: texts or Buffers, gathered into pieces of a limited size.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { validateString } from './args.ts';
import { invalidArgType } from './errors.ts';

export type Data = string | Buffer;

/** What waits, in pieces. */
export interface Content {
  readonly mode: string;
  readonly empty: Data;
  readonly waiting: boolean;
  validate(data: unknown): void;
  add(data: Data): void;
  take(): Data;
  putBack(piece: Data): void;
  clear(): void;
}

export class TextContent implements Content {
  readonly mode = 'utf8';
  readonly empty = '';
  readonly #largest: number;
  #pieces: string[] = [];

  constructor(largest: number) {
    this.#largest = largest;
  }
  get waiting(): boolean {
    return this.#pieces.length > 0;
  }
  validate(data: unknown): void {
    validateString(data, 'data');
  }
  add(data: string): void {
    const last = this.#pieces.length - 1;
    if (last < 0 || this.#pieces[last]!.length + data.length > this.#largest) this.#pieces.push(data);
    else this.#pieces[last] += data;
  }
  take(): string {
    return this.#pieces.shift() ?? '';
  }
  putBack(piece: string): void {
    this.#pieces.unshift(piece);
  }
  clear(): void {
    this.#pieces = [];
  }
}

export class BufferContent implements Content {
  readonly mode = 'buffer';
  readonly empty: Buffer = Buffer.alloc(0);
  readonly #largest: number;
  #pieces: { buffers: Buffer[]; size: number }[] = [];

  constructor(largest: number) {
    this.#largest = largest;
  }
  get waiting(): boolean {
    return this.#pieces.length > 0;
  }
  validate(data: unknown): void {
    if (!Buffer.isBuffer(data)) throw invalidArgType('data', 'Buffer', data);
  }
  add(data: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last === undefined || last.size + data.length > this.#largest) {
      this.#pieces.push({ buffers: [data], size: data.length });
    } else {
      last.buffers.push(data);
      last.size += data.length;
    }
  }
  take(): Buffer {
    const piece = this.#pieces.shift();
    if (piece === undefined) return this.empty;
    return piece.buffers.length === 1 ? piece.buffers[0]! : Buffer.concat(piece.buffers, piece.size);
  }
  putBack(piece: Buffer): void {
    this.#pieces.unshift({ buffers: [piece], size: piece.length });
  }
  clear(): void {
    this.#pieces = [];
  }
}

/** How many characters so many bytes of a text are; one that is only begun does not count. */
export function charactersIn(text: string, bytes: number): number {
  const all = Buffer.from(text);
  if (all.length === bytes) return text.length;
  let end = bytes;
  while (end > 0 && (all[end]! & 0xc0) === 0x80) end--;
  return all.subarray(0, end).toString().length;
}
