/**
 * `littlefs-vfs/crash`: is the data still good when the power fails right here?
 *
 * @module
 */

export {
  type CheckContext,
  type CrashFailure,
  type CrashReport,
  type CrashTestOptions,
  crashTest,
  type DeviceSettings,
  type Expect,
  type SetupContext,
  type WorkloadContext,
} from './crash-test.ts';
export type { ExploreMode } from './explore.ts';
export { type Fault, faults, type PowerLossFault, type PowerLossOptions, type Promised } from './faults.ts';
export type { FailureKind } from './judge.ts';
