/**
 * One file system over another: reading sees both, changing touches only the upper one.
 *
 * @module
 */

import { createFs, type NodeFs } from './fs-compat/index.ts';
import { Layer, type LayerFs } from './fs-compat/overlay-layer.ts';
import { OverlayPosix } from './fs-compat/overlay-posix.ts';
import { OverlayTree } from './fs-compat/overlay-tree.ts';
import { createVolume } from './volume.ts';

export interface OverlayOptions {
  /** Where relative paths begin; the process's working directory unless said. */
  readonly cwd?: (() => string) | undefined;
  /** Paths of the lower layer that were removed; one's own set can be kept for the next time. */
  readonly removed?: Set<string> | undefined;
}

/**
 * A `node:fs` in which `upper` covers `lower`; both are modules like `node:fs`: an image's (`vol.fs`), the host's, that
 * of memfs. What is changed is copied into `upper` first and `lower` stays as it is, so without `upper` (a new volume in
 * memory) changes are tried and forgotten. What is removed is remembered in `removed`.
 */
export function overlayFs(lower: LayerFs, upper: LayerFs = createVolume().fs, options: OverlayOptions = {}): NodeFs {
  const { cwd, removed = new Set() } = options;
  const tree = new OverlayTree(new Layer(lower, 0, 'lower'), new Layer(upper, 1, 'upper'), removed);
  return createFs(new OverlayPosix(tree), { cwd });
}
