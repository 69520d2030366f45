/**
 * Block devices that run anywhere: memory, windows, recorders, simulated flash. `node/` adds a file of the host.
 *
 * @module
 */

export type { BlockDevice } from '../lfs/device.ts';
export {
  type BadBlockMode,
  type CutMode,
  type FlashWrite,
  type PowerCut,
  PowerLoss,
  type Unsynced,
} from './faults.ts';
export { FlashDevice, type FlashDeviceOptions, FlashSnapshot, type NorRule } from './flash.ts';
export type { GeometryOptions } from './geometry.ts';
export { RamDevice, type RamDeviceOptions } from './ram.ts';
export { ReadonlyDevice, type ReadonlyDeviceOptions } from './readonly.ts';
export { SliceDevice, type SliceDeviceOptions } from './slice.ts';
export {
  type TraceCall,
  type TraceCounts,
  TraceDevice,
  type TraceDeviceOptions,
  type TraceRecord,
} from './trace.ts';
