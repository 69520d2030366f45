/**
 * What was otherwise before Node 24: `truncate` took descriptors, `throwIfNoEntry` was for synchronous calls only.
 *
 * @module
 */

import type { Options } from './args.ts';
import { nodeMajor } from './node-version.ts';

export const truncatesDescriptors: boolean = nodeMajor < 24;

let warned = false;

export function warnOfDescriptor(): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    'Using fs.truncate with a file descriptor is deprecated. Please use fs.ftruncate with a file descriptor instead.',
    'DeprecationWarning',
    'DEP0081',
  );
}

/** The options of an asynchronous `stat`. */
export function laterStatOptions(options: Options): Options {
  return nodeMajor < 24 ? laterLstatOptions(options) : options;
}

/** The options of an asynchronous `lstat`, which fails when there is nothing. */
export function laterLstatOptions(options: Options): Options {
  // `null` is left to who reads it.
  return options?.throwIfNoEntry === undefined ? options : { bigint: options.bigint };
}
