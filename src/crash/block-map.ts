/**
 * What the blocks of two images are used for, and which of them differ: what the map of a report shows.
 *
 * @module
 */

import { RamDevice } from '../device/index.ts';
import { detectGeometry, LfsError, LittleFS } from '../lfs/index.ts';
import { blocksInUse, DATA, METADATA } from './judge.ts';
import type { DeviceSettings } from './options.ts';

export type BlockUse = 'metadata' | 'data' | 'free';

export interface BlockMap {
  readonly blockSize: number;
  /** Why the second image could not be walked; then its blocks are shown by their bytes alone. */
  readonly unreadable: string | undefined;
  readonly blocks: readonly BlockState[];
}

export interface BlockState {
  /** `'written'`: it has bytes, and the image cannot be walked to see what they are. */
  readonly before: BlockUse | 'written';
  readonly after: BlockUse | 'written';
  /** Bytes that differ. */
  readonly changed: number;
}

/** Compares two images; undefined where not even the block size is known. */
export function blockMapOf(before: Uint8Array, after: Uint8Array, device?: DeviceSettings): BlockMap | undefined {
  const blockSize = device?.blockSize ?? detectGeometry(before)?.blockSize;
  if (blockSize === undefined || before.length === 0) return undefined;
  const first = usesOf(before, blockSize, device);
  const second = usesOf(after, blockSize, device);
  const blocks = Array.from({ length: Math.ceil(before.length / blockSize) }, (_, block) => {
    const from = block * blockSize;
    let changed = 0;
    for (let at = from; at < from + blockSize; at++) if (before[at] !== after[at]) changed++;
    return { before: first.uses[block] ?? 'free', after: second.uses[block] ?? 'free', changed };
  });
  return { blockSize, unreadable: second.unreadable, blocks };
}

interface Uses {
  readonly uses: readonly (BlockUse | 'written')[];
  readonly unreadable: string | undefined;
}

const names: Readonly<Record<number, BlockUse>> = { 0: 'free', [DATA]: 'data', [METADATA]: 'metadata' };

function usesOf(image: Uint8Array, blockSize: number, config: DeviceSettings | undefined): Uses {
  const device = new RamDevice({ blockSize, image });
  try {
    const lfs = LittleFS.mount(device, config ?? {});
    return { uses: Array.from(blocksInUse(lfs, device.blockCount), (use) => names[use]!), unreadable: undefined };
  } catch (error) {
    if (!(error instanceof LfsError)) throw error;
    const uses = Array.from({ length: device.blockCount }, (_, block) =>
      device.view(block).some((byte) => byte !== 0xff) ? 'written' : 'free',
    );
    return { uses, unreadable: error.message };
  }
}
