/**
 * What goes wrong on a simulated flash, and when: the one place that decides it.
 *
 * `FlashDevice` asks before every call and then does what the answer says. The plan knows no bytes; the device knows
 * no reasons. A new kind of fault is a new row in `behaviour`, a new `CutMode`, or a new question here.
 *
 * @module
 */

import { invalid } from '../lfs/errors.ts';
import { shown, wholeNumber } from './geometry.ts';

/** How a block is bad: which calls fail, and which do nothing and say nothing. */
export type BadBlockMode = 'progerror' | 'eraseerror' | 'readerror' | 'prognoop' | 'erasenoop';

/** What becomes of a call on a block: done as asked, `BadBlock` thrown, or nothing done without a word. */
export type Fate = 'done' | 'error' | 'ignored';

export type FlashOp = 'read' | 'prog' | 'erase';

// The same five behaviours as littlefs's emulated device has. A block that ignores erases ignores programs as well:
// it is a block gone read-only.
const behaviour: Readonly<Record<BadBlockMode, Readonly<Record<FlashOp, Fate>>>> = {
  progerror: { read: 'done', prog: 'error', erase: 'done' },
  eraseerror: { read: 'done', prog: 'done', erase: 'error' },
  readerror: { read: 'error', prog: 'done', erase: 'done' },
  prognoop: { read: 'done', prog: 'ignored', erase: 'done' },
  erasenoop: { read: 'done', prog: 'ignored', erase: 'ignored' },
};

/**
 * What is left of the program or erase during which the power goes. Of n bytes:
 *
 * - `'noop'`: nothing was done.
 * - `'torn'`: the first floor(n/2) bytes were programmed; of an erase, the first half of the block.
 * - `'flip'`: all was programmed, but byte n>>1 has bit 0x10 the wrong way; an erase left 0xa5 everywhere.
 * - `'done'`: all was done, and the power went right after.
 * - `{ from, to }`: only bytes `from` (default 0) up to `to` (default n): torn at a byte, from either side.
 * - `{ only }`: only the bytes whose index this function accepts.
 */
export type CutMode =
  | 'noop'
  | 'torn'
  | 'flip'
  | 'done'
  | { readonly from?: number; readonly to?: number }
  | { readonly only: (index: number) => boolean };

/** A program or erase made since the last sync. `data` belongs to the device. */
export type FlashWrite =
  | { readonly op: 'prog'; readonly block: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly op: 'erase'; readonly block: number };

/**
 * Which writes since the last sync reached the chip when the power goes (a device may keep them back, and may do them
 * in another order):
 *
 * - `'kept'`: all of them.
 * - `'lost'`: none.
 * - `'first-erase-lost'`: all but the first erase and what followed it on that block, which is as it was before; what
 *   littlefs's emulated device calls out of order.
 * - a function: those it accepts. They are done in their order.
 */
export type Unsynced = 'kept' | 'lost' | 'first-erase-lost' | ((write: FlashWrite, index: number) => boolean);

export interface PowerCut {
  /** The power goes during the so-manieth program or erase from now (1 is the next one); 0 is at once. */
  readonly after: number;
  /** Default `'noop'`. */
  readonly mode?: CutMode | undefined;
  /** Default `'kept'`; anything else needs a device made with `reorder: true`. */
  readonly unsynced?: Unsynced | undefined;
}

/** The power is gone: thrown by the call during which it went, and by every call until `restart()`. */
export class PowerLoss extends Error {
  override readonly name: string = 'PowerLoss';
}

export interface FaultOptions {
  /** Blocks that are bad from the start, or block to mode. */
  readonly badBlocks?: Iterable<number> | ReadonlyMap<number, BadBlockMode> | undefined;
  /** How blocks are bad that were given no mode, and how they become when worn out (default `'progerror'`). */
  readonly badBlockMode?: BadBlockMode | undefined;
  /** Erases that a block survives; from then on it is bad (default: any number). */
  readonly wearLimit?: number | undefined;
}

export class FaultPlan {
  readonly blockCount: number;
  readonly badBlockMode: BadBlockMode;
  readonly wearLimit: number;
  #bad: Map<number, BadBlockMode> = new Map();
  #cut: PowerCut | undefined;
  #writesToCut = 0;

  constructor(blockCount: number, options: FaultOptions) {
    this.blockCount = blockCount;
    this.badBlockMode = checkMode('badBlockMode', options.badBlockMode ?? 'progerror');
    const { wearLimit, badBlocks } = options;
    this.wearLimit =
      wearLimit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('wearLimit', wearLimit, 1, 2 ** 32 - 1);
    if (badBlocks instanceof Map) for (const [block, mode] of badBlocks) this.setBad(block, mode);
    else if (badBlocks !== undefined) for (const block of badBlocks as Iterable<number>) this.setBad(block);
  }

  /** From now on the block is bad, in this way. */
  setBad(block: number, mode: BadBlockMode | undefined = this.badBlockMode): void {
    wholeNumber('block', block, 0, this.blockCount - 1);
    this.#bad.set(block, checkMode('mode', mode));
  }

  /** Takes `setBad` back; a worn-out block stays bad. */
  setGood(block: number): void {
    wholeNumber('block', block, 0, this.blockCount - 1);
    this.#bad.delete(block);
  }

  planCut(cut: PowerCut | undefined): void {
    if (cut !== undefined) checkCut(cut);
    this.#cut = cut;
    this.#writesToCut = cut?.after ?? 0;
  }

  /** Is this program or erase the one during which the power goes? Asked once for each of them. */
  cutNow(): PowerCut | undefined {
    if (this.#cut === undefined || --this.#writesToCut > 0) return undefined;
    const cut = this.#cut;
    this.#cut = undefined;
    return cut;
  }

  fate(op: FlashOp, block: number, wear: number): Fate {
    const mode = this.#bad.get(block) ?? (wear >= this.wearLimit ? this.badBlockMode : undefined);
    return mode === undefined ? 'done' : behaviour[mode][op];
  }

  clone(): FaultPlan {
    const { blockCount, badBlockMode } = this;
    const clone = new FaultPlan(blockCount, {
      badBlockMode,
      wearLimit: Number.isFinite(this.wearLimit) ? this.wearLimit : undefined,
    });
    clone.#bad = new Map(this.#bad);
    clone.#cut = this.#cut;
    clone.#writesToCut = this.#writesToCut;
    return clone;
  }
}

/** Which of `writes` stay when the power goes. */
export function survivors(writes: readonly FlashWrite[], unsynced: Unsynced): boolean[] {
  if (typeof unsynced === 'function') return writes.map((write, index) => unsynced(write, index));
  if (unsynced !== 'first-erase-lost') return writes.map(() => unsynced === 'kept');
  const first = writes.findIndex((write) => write.op === 'erase');
  return writes.map((write, index) => first < 0 || index < first || write.block !== writes[first]!.block);
}

function checkMode(name: string, mode: BadBlockMode): BadBlockMode {
  if (Object.hasOwn(behaviour, mode)) return mode;
  throw invalid(`${name} is ${shown(mode)}: it must be one of ${Object.keys(behaviour).join(', ')}`);
}

function checkCut(cut: PowerCut): void {
  wholeNumber('after', cut.after, 0, Number.MAX_SAFE_INTEGER);
  const { mode = 'noop', unsynced = 'kept' } = cut;
  if (typeof mode === 'string') {
    if (!['noop', 'torn', 'flip', 'done'].includes(mode)) {
      throw invalid(`mode is ${shown(mode)}: it must be noop, torn, flip, done, { from, to } or { only }`);
    }
  } else if ('only' in mode) {
    if (typeof mode.only !== 'function')
      throw invalid(`only is ${shown(mode.only)}: it must be a function of an index`);
  } else {
    wholeNumber('from', mode.from ?? 0, 0, Number.MAX_SAFE_INTEGER);
    wholeNumber('to', mode.to ?? 0, 0, Number.MAX_SAFE_INTEGER);
  }
  if (typeof unsynced !== 'function' && !['kept', 'lost', 'first-erase-lost'].includes(unsynced)) {
    throw invalid(`unsynced is ${shown(unsynced)}: it must be kept, lost, first-erase-lost or a function of a write`);
  }
}
