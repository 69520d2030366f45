/**
 * `littlefs-vfs/lfs`: the engine.
 *
 * @module
 */

export { type CheckOptions, type CheckReport, check } from './check.ts';
export type { Finding, FindingCode, FindingSeverity } from './check-findings.ts';
export type { LfsConfig } from './config.ts';
export { type ByteSource, detectGeometry, type Geometry } from './detect.ts';
export type { BlockDevice } from './device.ts';
export { LfsDir } from './dir.ts';
export type { LfsEntry } from './entries.ts';
export { BadBlock, errno, LfsError, type LfsErrorCode } from './errors.ts';
export {
  LfsFile,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type OpenOptions,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from './files.ts';
export {
  type BlockReport,
  type CommitReport,
  type InspectOptions,
  inspect,
  inspectBlock,
  type StopCode,
  type TagReport,
} from './inspect.ts';
export { formatBlock } from './inspect-text.ts';
export { LittleFS } from './littlefs.ts';
export type { LfsFsInfo } from './maintain.ts';
export type { LfsInfo } from './names.ts';
export type { FileAttr } from './open-file.ts';
export type { LfsPath } from './path.ts';
export type { AttrValue, LfsAttr } from './user-attrs.ts';
