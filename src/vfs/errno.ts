/**
 * Errors of the POSIX layer: codes with Linux's numbers and the words people know, and what becomes of the engine's.
 *
 * @module
 */

import { LfsError } from '../lfs/errors.ts';

/** Code -> [Linux number, words]. */
export const errnos = {
  EPERM: [1, 'operation not permitted'],
  ENOENT: [2, 'no such file or directory'],
  EIO: [5, 'i/o error'],
  ENXIO: [6, 'no such device or address'],
  EBADF: [9, 'bad file descriptor'],
  EAGAIN: [11, 'resource temporarily unavailable'],
  ENOMEM: [12, 'not enough memory'],
  EACCES: [13, 'permission denied'],
  EBUSY: [16, 'resource busy or locked'],
  EEXIST: [17, 'file already exists'],
  EXDEV: [18, 'cross-device link not permitted'],
  ENODEV: [19, 'no such device'],
  ENOTDIR: [20, 'not a directory'],
  EISDIR: [21, 'illegal operation on a directory'],
  EINVAL: [22, 'invalid argument'],
  EMFILE: [24, 'too many open files'],
  EFBIG: [27, 'file too large'],
  ENOSPC: [28, 'no space left on device'],
  ESPIPE: [29, 'invalid seek'],
  EROFS: [30, 'read-only file system'],
  EMLINK: [31, 'too many links'],
  EPIPE: [32, 'broken pipe'],
  ERANGE: [34, 'result too large'],
  ENAMETOOLONG: [36, 'name too long'],
  ENOTEMPTY: [39, 'directory not empty'],
  ELOOP: [40, 'too many symbolic links encountered'],
  ENODATA: [61, 'no data available'],
  EOVERFLOW: [75, 'value too large for defined data type'],
  ENOTSUP: [95, 'operation not supported on socket'],
} as const;

export type ErrnoCode = keyof typeof errnos;

export class VfsError extends Error {
  readonly code: ErrnoCode;
  /** Negative, as system calls return it. */
  readonly errno: number;

  constructor(code: ErrnoCode, detail?: string, cause?: unknown) {
    super(
      `${code}: ${errnos[code][1]}${detail === undefined ? '' : ` (${detail})`}`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'VfsError';
    this.code = code;
    this.errno = -errnos[code][0];
  }
}

const ofEngine: Readonly<Record<string, ErrnoCode>> = {
  LFS_ERR_IO: 'EIO',
  LFS_ERR_CORRUPT: 'EIO',
  LFS_ERR_NOENT: 'ENOENT',
  LFS_ERR_EXIST: 'EEXIST',
  LFS_ERR_NOTDIR: 'ENOTDIR',
  LFS_ERR_ISDIR: 'EISDIR',
  LFS_ERR_NOTEMPTY: 'ENOTEMPTY',
  LFS_ERR_BADF: 'EBADF',
  LFS_ERR_FBIG: 'EFBIG',
  LFS_ERR_INVAL: 'EINVAL',
  LFS_ERR_NOSPC: 'ENOSPC',
  LFS_ERR_NOMEM: 'ENOMEM',
  LFS_ERR_NOATTR: 'ENODATA',
  LFS_ERR_NAMETOOLONG: 'ENAMETOOLONG',
};

/** What an error of the engine is called here; anything else stays what it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof LfsError)) return error;
  return new VfsError(ofEngine[error.code] ?? 'EIO', error.message, error);
}
