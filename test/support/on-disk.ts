/**
 * Whole images seen and changed from outside: the pair of a directory, the thread of pairs, the global state, a commit
 * gone bad. What `raw-log.ts` does for one pair.
 *
 *   changeImage(device, (image) => spoilLastCommit(image, headOf(image, 'a/b')));
 */
import type { FlashDevice } from '../../src/device/index.ts';
import { type Pair, pairOf, RawImage, type, wordAt } from './raw-log.ts';

export interface DiskState {
  /** There may be directories without a parent. */
  readonly orphans: boolean;
  /** An entry that is to be deleted here, since it has arrived elsewhere. */
  readonly move: { readonly id: number; readonly pair: Pair } | undefined;
}

export function imageOf(device: FlashDevice): RawImage {
  return new RawImage(device.toImage(), device);
}

/** Exchanges what is on a device for what `change` makes of it. */
export function changeImage<T>(device: FlashDevice, change: (image: RawImage) => T): T {
  const image = imageOf(device);
  const result = change(image);
  device.load(image.bytes);
  return result;
}

/** All pairs, in the order of the thread. */
export function threadOf(image: RawImage): Pair[] {
  const pairs: Pair[] = [[0, 1]];
  const blocks = image.bytes.length / image.blockSize;
  for (;;) {
    const { tail } = image.read(pairs.at(-1)!);
    if (tail === undefined || wordAt(tail.data, 0) === 0xffffffff) return pairs;
    pairs.push(pairOf(tail.data));
    if (pairs.length > blocks) throw new Error('the thread of pairs does not end');
  }
}

/** The first pair of a directory; of the root, the last that begins with a superblock. */
export function headOf(image: RawImage, path: string): Pair {
  let head = threadOf(image).findLast((pair) => image.read(pair).entries[0]?.name?.type === type.SUPERBLOCK)!;
  for (const name of path.split('/').filter((part) => part !== '')) head = pairOf(image.locate(name, head).struct.data);
  return head;
}

/** The pair with the block that counts first. */
export function newestFirst(image: RawImage, pair: Pair): Pair {
  return image.log(pair).block === pair[0] ? pair : [pair[1], pair[0]];
}

/** The global state as a mount adds it up. */
export function globalState(device: FlashDevice): DiskState {
  const image = imageOf(device);
  const sum = [0, 0, 0];
  for (const pair of threadOf(image)) {
    const { move } = image.read(pair);
    if (move !== undefined) for (const i of [0, 1, 2]) sum[i]! ^= wordAt(move.data, i);
  }
  const [tag, pair0, pair1] = sum.map((word) => word >>> 0) as [number, number, number];
  const isMoving = ((tag >>> 20) & 0x700) !== 0;
  return {
    orphans: tag >= 0x80000000,
    move: isMoving ? { id: (tag >>> 10) & 0x3ff, pair: [pair0, pair1] } : undefined,
  };
}

/** Takes the latest commit back, as if the power had gone before it was finished. */
export function spoilLastCommit(image: RawImage, pair: Pair): void {
  const { block, end, tags } = image.log(pair);
  const bytes = image.block(block);
  const weight = (all: readonly { type: number }[]) => all.filter((tag) => tag.type !== type.FCRC).length;
  // From the end: padding, which no CRC covers, then the CRC; the padding of a large program has CRCs of its own.
  for (let at = end - 1; at >= 4; at--) {
    bytes[at]! ^= 0x55;
    const left = image.logOf(block);
    if (left === undefined || weight(left.tags) < weight(tags)) return;
    bytes[at]! ^= 0x55;
  }
  throw new Error(`the last commit of block ${block} cannot be spoiled`);
}
