/**
 * What may go wrong, and what has to hold when it does.
 *
 *   must-recover    the data is good: what was acknowledged is there, the rest is as before or as after
 *   must-detect     what is read is right, or is refused; never wrong without a word
 *   must-not-hang   an answer or an error in bounded work
 *
 * @module
 */

export type Promised = 'must-recover' | 'must-detect' | 'must-not-hang';

/** How a program may be torn. */
export type TornKind = 'prefix' | 'suffix' | 'subset' | 'bits' | 'flip';
/** How an erase may be. */
export type EraseKind = 'half' | 'garbage';

export interface PowerLossFault {
  readonly kind: 'powerLoss';
  readonly promise: Promised;
  readonly torn: readonly TornKind[];
  readonly erase: readonly EraseKind[];
  /** So many writes that were not synced may be missing, in any choice. */
  readonly reorder: number;
  /** Losses of power one after the other: 2 cuts the recovery as well. */
  readonly depth: number;
}

/** The n-th operation of the device fails, without a loss of power. */
export interface IoErrorFault {
  readonly kind: 'ioError';
  readonly promise: Promised;
  readonly kinds: readonly ('EIO' | 'ENOSPC')[];
}

/** Bits change by themselves between two boots. */
export interface BitRotFault {
  readonly kind: 'bitRot';
  readonly promise: Promised;
  readonly bits: number;
}

export type Fault = PowerLossFault | IoErrorFault | BitRotFault;

export interface PowerLossOptions {
  /** `'none'`: programs are atomic. */
  readonly torn?: readonly (TornKind | 'none')[] | 'none' | undefined;
  readonly erase?: readonly EraseKind[] | 'none' | undefined;
  readonly reorder?: number | undefined;
  readonly depth?: number | undefined;
}

const tornKinds: readonly TornKind[] = ['prefix', 'suffix', 'subset', 'bits', 'flip'];
const eraseKinds: readonly EraseKind[] = ['half', 'garbage'];

function chosen<T extends string>(name: string, value: readonly string[] | 'none' | undefined, all: readonly T[]): T[] {
  if (value === undefined) return [...all];
  const list = value === 'none' ? [] : value.filter((each) => each !== 'none');
  for (const each of list) {
    if (!all.includes(each as T)) throw new TypeError(`${name} has '${each}'; allowed: none, ${all.join(', ')}`);
  }
  return list as T[];
}

function whole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${name} is ${value}; allowed: ${least} to ${most}`);
  return value;
}

export const faults = {
  /** The power goes: before, during or after any program or erase. */
  powerLoss(options: PowerLossOptions = {}): PowerLossFault {
    return {
      kind: 'powerLoss',
      promise: 'must-recover',
      torn: chosen('torn', options.torn, tornKinds),
      erase: chosen('erase', options.erase, eraseKinds),
      reorder: whole('reorder', options.reorder ?? 0, 0, 16),
      depth: whole('depth', options.depth ?? 1, 1, 8),
    };
  },
  ioError(options: { readonly kinds?: readonly ('EIO' | 'ENOSPC')[] | undefined } = {}): IoErrorFault {
    return { kind: 'ioError', promise: 'must-recover', kinds: options.kinds ?? ['EIO'] };
  },
  bitRot(options: { readonly bits?: number | undefined } = {}): BitRotFault {
    return { kind: 'bitRot', promise: 'must-detect', bits: whole('bits', options.bits ?? 1, 1, 64) };
  },
};
