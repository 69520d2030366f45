/**
 * `littlefs-vfs/vfs`: POSIX meaning on a littlefs image; what `node:fs` faces and mounts stand on.
 *
 * @module
 */

export { type ErrnoCode, errnos, VfsError } from './errno.ts';
export { bytesOfName, decodeName, encodeName, nameOfBytes, nameOfPath } from './name.ts';
export type { ChangeEvent, DirectoryEntry, Name, PathLike, PosixFs, Stat, StatFs, TimeToSet } from './posix.ts';
export { type MetadataProfile, metadataProfiles } from './profiles.ts';
export type { Durability } from './state.ts';
export { Vfs, type VfsOptions } from './vfs.ts';
