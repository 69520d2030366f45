/**
 * Whole-file calls and questions that every suite asks of a mounted file system.
 */
import { expect } from 'vitest';
import {
  LfsError,
  type LfsErrorCode,
  type LittleFS,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function text(data: Uint8Array): string {
  return decoder.decode(data);
}

/** Creates or replaces a file, in writes of `chunk` bytes. */
export function writeFile(
  lfs: LittleFS,
  path: string,
  data: Uint8Array | string,
  { flags = O_WRONLY | O_CREAT | O_TRUNC, chunk }: { flags?: number; chunk?: number } = {},
): void {
  const source = typeof data === 'string' ? bytes(data) : data;
  const step = chunk ?? Math.max(1, source.length);
  const file = lfs.open(path, flags);
  for (let at = 0; at < source.length; at += step) file.write(source, at, Math.min(step, source.length - at));
  file.close();
}

/** All of a file, in reads of `chunk` bytes; fails where the size that the handle tells is not what can be read. */
export function readFile(lfs: LittleFS, path: string | Uint8Array, chunk?: number): Uint8Array {
  const file = lfs.open(path, O_RDONLY);
  const data = new Uint8Array(file.size());
  const step = chunk ?? Math.max(1, data.length);
  let at = 0;
  while (at < data.length) {
    const got = file.read(data, at, Math.min(step, data.length - at));
    if (got === 0) throw new Error(`'${path}' ends after ${at} of ${data.length} bytes`);
    at += got;
  }
  if (file.read(new Uint8Array(1)) !== 0) throw new Error(`'${path}' goes on behind its ${data.length} bytes`);
  file.close();
  return data;
}

export function readText(lfs: LittleFS, path: string): string {
  return text(readFile(lfs, path));
}

/** What a directory lists, `.` and `..` included. */
export function list(lfs: LittleFS, path = '/'): { type: 'file' | 'dir'; size: number; name: string }[] {
  const dir = lfs.openDir(path);
  const entries = [...dir].map(({ type, size, name }) => ({ type, size, name }));
  dir.close();
  return entries;
}

/** The names in a directory, without `.` and `..`, which must come first. */
export function namesIn(lfs: LittleFS, path = '/'): string[] {
  const names = list(lfs, path).map(({ name }) => name);
  if (names[0] !== '.' || names[1] !== '..') throw new Error(`'${path}' begins with ${names.slice(0, 2)}`);
  return names.slice(2);
}

export function exists(lfs: LittleFS, path: string): boolean {
  return errorCode(() => lfs.stat(path)) === undefined;
}

/** The code of the `LfsError` that `action` throws; `undefined` when it throws nothing. Other errors pass. */
export function errorCode(action: () => unknown): LfsErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof LfsError) return error.code;
    throw error;
  }
  return undefined;
}

/** The same bytes; as quick as comparing them can be (`toEqual` takes seconds for a megabyte). */
export function expectBytes(found: Uint8Array, expected: Uint8Array, what = 'bytes'): void {
  if (Buffer.compare(found, expected) === 0) return;
  const different = found.findIndex((byte, i) => byte !== expected[i]);
  const at = different < 0 ? found.length : different;
  const from = Math.max(0, at - 8);
  expect.fail(
    `${what}: ${found.length} instead of ${expected.length} bytes, first difference at ${at}: ` +
      `${[...found.subarray(from, from + 24)]} instead of ${[...expected.subarray(from, from + 24)]} from ${from} on`,
  );
}
