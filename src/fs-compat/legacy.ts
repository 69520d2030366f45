/**
 * What `truncate` did with descriptors until Node 24.
 *
 * @module
 */

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
