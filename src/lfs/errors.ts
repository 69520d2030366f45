/**
 * What the engine throws, and C's names and numbers for it.
 *
 * Absence is a value inside the engine; only a failed operation throws. A device says that a block has gone bad by
 * throwing `BadBlock`: while writing that is part of the algorithm (the data goes elsewhere), while reading it
 * becomes `LFS_ERR_CORRUPT`. Anything else that a device throws passes through the engine untouched.
 *
 * @module
 */

/** C's error numbers by C's names. */
export const errno = {
  LFS_ERR_IO: -5,
  LFS_ERR_CORRUPT: -84,
  LFS_ERR_NOENT: -2,
  LFS_ERR_EXIST: -17,
  LFS_ERR_NOTDIR: -20,
  LFS_ERR_ISDIR: -21,
  LFS_ERR_NOTEMPTY: -39,
  LFS_ERR_BADF: -9,
  LFS_ERR_FBIG: -27,
  LFS_ERR_INVAL: -22,
  LFS_ERR_NOSPC: -28,
  LFS_ERR_NOMEM: -12,
  LFS_ERR_NOATTR: -61,
  LFS_ERR_NAMETOOLONG: -36,
} as const;

export type LfsErrorCode = keyof typeof errno;

/** Where on the device a fault was seen. */
export interface FaultPlace {
  readonly block?: number;
  readonly offset?: number;
  readonly cause?: unknown;
}

export class LfsError extends Error {
  override readonly name: string = 'LfsError';
  /** C's name, `'LFS_ERR_NOENT'`. */
  readonly code: LfsErrorCode;
  /** C's number, `-2`. */
  readonly errno: number;
  readonly block: number | undefined;
  readonly offset: number | undefined;

  constructor(code: LfsErrorCode, message: string, place?: FaultPlace) {
    super(`${code}: ${message}`, place?.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.errno = errno[code];
    this.block = place?.block;
    this.offset = place?.offset;
  }
}

/** Thrown by a device for a block that can no longer be erased, programmed or read. */
export class BadBlock extends Error {
  override readonly name: string = 'BadBlock';
  readonly block: number;

  constructor(block: number, message = `block ${block} has gone bad`) {
    super(message);
    this.block = block;
  }
}

/** `CORRUPT` with the place in the message. */
export function corrupt(message: string, block?: number, offset?: number): LfsError {
  const at = block === undefined ? '' : ` (block ${block}${offset === undefined ? '' : `, offset ${offset}`})`;
  return new LfsError('LFS_ERR_CORRUPT', message + at, {
    ...(block === undefined ? {} : { block }),
    ...(offset === undefined ? {} : { offset }),
  });
}

/** A wrong argument: which one, what it was, what is allowed. */
export function invalid(message: string): LfsError {
  return new LfsError('LFS_ERR_INVAL', message);
}
