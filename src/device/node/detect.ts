/**
 * What kind of littlefs a file of the host holds, found without reading all of it.
 *
 * @module
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { detectGeometry, type Geometry } from '../../lfs/detect.ts';

/** The geometry that the superblock at `offset` of a file states; `undefined` where there is none. */
export function detectFile(
  path: string,
  { offset = 0, length }: { readonly offset?: number | undefined; readonly length?: number | undefined } = {},
): Geometry | undefined {
  const fd = openSync(path, 'r');
  try {
    const size = Math.max(0, fstatSync(fd).size - offset);
    return detectGeometry({
      size: Math.min(size, length ?? size),
      read(at, target) {
        const done = readSync(fd, target, 0, target.length, offset + at);
        target.fill(0xff, done);
      },
    });
  } finally {
    closeSync(fd);
  }
}
