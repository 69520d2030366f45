/**
 * `littlefs-vfs/crash`: is the data still good when the power fails right here?
 *
 * @module
 */

export { crashTest } from './crash-test.ts';
export type { ExploreMode } from './explore.ts';
export { type Fault, faults, type PowerLossFault, type PowerLossOptions, type Promised } from './faults.ts';
export type { FailureKind } from './judge.ts';
export type {
  CheckContext,
  CrashFailure,
  CrashReport,
  CrashTestOptions,
  DeviceSettings,
  Expect,
  SetupContext,
  WorkloadContext,
} from './options.ts';
