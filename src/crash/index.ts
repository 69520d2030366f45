/**
 * `littlefs-vfs/crash`: is the data still good when the power fails right here?
 *
 * @module
 */

import { crashTest as runCrashTest } from './crash-test.ts';
import { selfCheck } from './self-check.ts';

/** Runs a campaign. Failures are in the report; only wrong options are thrown. */
export const crashTest: typeof runCrashTest & {
  /** Whether the workload needs each of its fsyncs, and whether the crash test would notice. */
  readonly selfCheck: typeof selfCheck;
} = Object.assign(runCrashTest, { selfCheck });

export type { ExploreMode } from './explore.ts';
export {
  type BadBlockFault,
  type BadBlockOptions,
  type BitRotFault,
  type DroppedSyncFault,
  type Fault,
  faults,
  type IoErrorFault,
  type IoErrorOptions,
  type MisdirectedWriteFault,
  type PowerLossFault,
  type PowerLossOptions,
  type Promised,
  type WearOutFault,
  type WearOutOptions,
} from './faults.ts';
export type { FailureKind } from './judge.ts';
export type {
  CheckContext,
  CrashFailure,
  CrashInfo,
  CrashReport,
  CrashTestOptions,
  DeviceSettings,
  Expect,
  LostCall,
  PersistenceModel,
  SetupContext,
  SyncCall,
  WorkloadContext,
} from './options.ts';
export { formatReport, type ReportFormat } from './report.ts';
export { type CheckedSync, type SelfCheckReport, selfCheck } from './self-check.ts';
export { CrashTestFailed, crashTestCase } from './test-case.ts';
export { withFs } from './with-fs.ts';
