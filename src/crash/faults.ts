/**
 * What may go wrong, and what has to hold when it does.
 *
 *   must-recover    the data is good: what was acknowledged is there, the rest is as before or as after
 *   must-detect     what is read is right, or is refused; never wrong without a word
 *   must-not-hang   an answer or an error in bounded work
 *
 * A loss of power is explored point by point (explore.ts); what else there is, case by case (fault-cases.ts).
 *
 * @module
 */

import type { BadBlockMode } from '../device/index.ts';

export type Promised = 'must-recover' | 'must-detect' | 'must-not-hang';

/** How a program may be torn. */
export type TornKind = 'prefix' | 'suffix' | 'subset' | 'bits' | 'flip';
/** How an erase may be. */
export type EraseKind = 'half' | 'garbage';

export interface PowerLossFault {
  readonly kind: 'powerLoss';
  readonly promise: 'must-recover';
  readonly torn: readonly TornKind[];
  readonly erase: readonly EraseKind[];
  /** So many writes that were not synced may be missing, in any choice. */
  readonly reorder: number;
  /** Losses of power one after the other: 2 cuts the recovery as well. */
  readonly depth: number;
}

export type IoErrorCode = 'EIO' | 'ENOSPC';

/** The n-th operation of the device fails, for every n, without a loss of power. */
export interface IoErrorFault {
  readonly kind: 'ioError';
  readonly promise: 'must-recover';
  readonly kinds: readonly IoErrorCode[];
  /** Only that operation fails, or that and all after it. */
  readonly times: readonly ('once' | 'always')[];
}

/** Bits change by themselves after the run. */
export interface BitRotFault {
  readonly kind: 'bitRot';
  readonly promise: 'must-detect';
  /** So many at a time. */
  readonly bits: number;
  /** Choices looked at of each block in use. */
  readonly places: number;
}

/** The device says that it has synced and has not: the power goes, and writes from before a sync are missing. */
export interface DroppedSyncFault {
  readonly kind: 'droppedSync';
  readonly promise: 'must-not-hang';
  /** So many writes may be missing. */
  readonly lost: number;
  /** Choices looked at for each operation of the run. */
  readonly places: number;
}

/** A program ends up in another block, and nobody notices at once. */
export interface MisdirectedWriteFault {
  readonly kind: 'misdirectedWrite';
  readonly promise: 'must-not-hang';
  /** Blocks looked at for each program of the run. */
  readonly places: number;
}

/** A block goes bad before the run. One that cannot be read any more must be refused (must-detect). */
export interface BadBlockFault {
  readonly kind: 'badBlock';
  readonly promise: 'must-recover';
  readonly modes: readonly BadBlockMode[];
}

/** Blocks go bad during the run, after so many erases. */
export interface WearOutFault {
  readonly kind: 'wearOut';
  readonly promise: 'must-recover';
  readonly erases: readonly number[];
  readonly modes: readonly BadBlockMode[];
}

export type DeviceFault =
  | IoErrorFault
  | BitRotFault
  | DroppedSyncFault
  | MisdirectedWriteFault
  | BadBlockFault
  | WearOutFault;

export type Fault = PowerLossFault | DeviceFault;

export interface PowerLossOptions {
  /** `'none'`: programs are atomic. */
  readonly torn?: readonly (TornKind | 'none')[] | 'none' | undefined;
  readonly erase?: readonly EraseKind[] | 'none' | undefined;
  readonly reorder?: number | undefined;
  readonly depth?: number | undefined;
}

export interface IoErrorOptions {
  /** Default: both. */
  readonly kinds?: readonly IoErrorCode[] | undefined;
  /** Default: both. */
  readonly times?: readonly ('once' | 'always')[] | undefined;
}

export interface BadBlockOptions {
  /** Default: all five. */
  readonly modes?: readonly BadBlockMode[] | undefined;
}

export interface WearOutOptions {
  /** Erases that a block survives, one case each (default 1, 2, 4 and 8). */
  readonly erases?: readonly number[] | undefined;
  /** How worn-out blocks behave; default: all but `'readerror'`, which takes away what was good. */
  readonly modes?: readonly BadBlockMode[] | undefined;
}

const tornKinds: readonly TornKind[] = ['prefix', 'suffix', 'subset', 'bits', 'flip'];
const eraseKinds: readonly EraseKind[] = ['half', 'garbage'];
export const ioErrorCodes: readonly IoErrorCode[] = ['EIO', 'ENOSPC'];
const failTimes: readonly ('once' | 'always')[] = ['once', 'always'];
export const badBlockModes: readonly BadBlockMode[] = ['progerror', 'eraseerror', 'readerror', 'prognoop', 'erasenoop'];
const wearModes: readonly BadBlockMode[] = badBlockModes.filter((mode) => mode !== 'readerror');

export const faultKinds: readonly Fault['kind'][] = [
  'powerLoss',
  'ioError',
  'bitRot',
  'droppedSync',
  'misdirectedWrite',
  'badBlock',
  'wearOut',
];

/** A list with no other words than `all`, or 'none'. */
function chosen<T extends string>(name: string, value: readonly string[] | 'none' | undefined, all: readonly T[]): T[] {
  if (value === undefined) return [...all];
  if (value !== 'none' && !Array.isArray(value))
    throw new TypeError(`${name} is ${JSON.stringify(value)}; allowed: 'none', or a list of ${all.join(', ')}`);
  const list = value === 'none' ? [] : value.filter((each) => each !== 'none');
  for (const each of list) {
    if (!all.includes(each as T)) throw new TypeError(`${name} has '${each}'; allowed: none, ${all.join(', ')}`);
  }
  return list as T[];
}

/** The same, of at least one. */
function some<T extends string>(name: string, value: readonly string[] | undefined, all: readonly T[]): T[] {
  if (value !== undefined && (!Array.isArray(value) || value.length === 0))
    throw new TypeError(`${name} is ${JSON.stringify(value)}; allowed: a list of ${all.join(', ')}`);
  for (const each of value ?? []) {
    if (!all.includes(each as T)) throw new TypeError(`${name} has '${each}'; allowed: ${all.join(', ')}`);
  }
  return [...((value as readonly T[] | undefined) ?? all)];
}

function whole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${name} is ${value}; allowed: ${least} to ${most}`);
  return value;
}

interface Faults {
  powerLoss(options?: PowerLossOptions): PowerLossFault;
  ioError(options?: IoErrorOptions): IoErrorFault;
  bitRot(options?: { readonly bits?: number | undefined; readonly places?: number | undefined }): BitRotFault;
  droppedSync(options?: { readonly lost?: number | undefined; readonly places?: number | undefined }): DroppedSyncFault;
  misdirectedWrite(options?: { readonly places?: number | undefined }): MisdirectedWriteFault;
  badBlock(options?: BadBlockOptions): BadBlockFault;
  wearOut(options?: WearOutOptions): WearOutFault;
}

export const faults: Faults = {
  /** The power goes: before, during or after any program or erase. */
  powerLoss(options = {}) {
    return {
      kind: 'powerLoss',
      promise: 'must-recover',
      torn: chosen('torn', options.torn, tornKinds),
      erase: chosen('erase', options.erase, eraseKinds),
      reorder: whole('reorder', options.reorder ?? 0, 0, 16),
      depth: whole('depth', options.depth ?? 1, 1, 8),
    };
  },
  /** An operation of the device fails; the workload runs anew for each. */
  ioError(options = {}) {
    return {
      kind: 'ioError',
      promise: 'must-recover',
      kinds: some('kinds', options.kinds, ioErrorCodes),
      times: some('times', options.times, failTimes),
    };
  },
  /** Bits of blocks in use flip in the image that the run left. */
  bitRot(options = {}) {
    return {
      kind: 'bitRot',
      promise: 'must-detect',
      bits: whole('bits', options.bits ?? 1, 1, 64),
      places: whole('places', options.places ?? 4, 1, 100_000),
    };
  },
  /** The power goes, and writes are missing that the device said it had synced. */
  droppedSync(options = {}) {
    return {
      kind: 'droppedSync',
      promise: 'must-not-hang',
      lost: whole('lost', options.lost ?? 2, 1, 16),
      places: whole('places', options.places ?? 2, 1, 100_000),
    };
  },
  /** A program lands in another block. */
  misdirectedWrite(options = {}) {
    return {
      kind: 'misdirectedWrite',
      promise: 'must-not-hang',
      places: whole('places', options.places ?? 1, 1, 100_000),
    };
  },
  /** Each block that the run touches is bad, in each way; the workload runs anew for each. */
  badBlock(options = {}) {
    return { kind: 'badBlock', promise: 'must-recover', modes: some('modes', options.modes, badBlockModes) };
  },
  /** Blocks survive so many erases; the workload runs anew for each number and way. */
  wearOut(options = {}) {
    const erases = options.erases ?? [1, 2, 4, 8];
    if (!Array.isArray(erases) || erases.length === 0)
      throw new TypeError(`erases is ${JSON.stringify(erases)}; allowed: a list of numbers`);
    return {
      kind: 'wearOut',
      promise: 'must-recover',
      erases: erases.map((each) => whole('erases', each, 1, 1_000_000)),
      modes: some('modes', options.modes, wearModes),
    };
  },
};
