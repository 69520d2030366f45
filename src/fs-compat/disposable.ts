/**
 * What a `mkdtempDisposable` call gives: a directory that goes away with its content.
 *
 * @module
 */

import { posix } from 'node:path';
import type { PosixFs } from '../vfs/posix.ts';

/** The path as it is now, so that it is still the same when the working directory is another. */
export function absolutePath(vfs: PosixFs, path: string | Uint8Array): string {
  return posix.resolve(vfs.cwd(), String(path));
}
