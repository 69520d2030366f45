/**
 * The front door: what most programs need, under one name.
 *
 * @module
 */

export * from './device/index.ts';
export * from './lfs/index.ts';
export { type OverlayOptions, overlayFs } from './overlay.ts';
export { VfsError } from './vfs/index.ts';
export {
  type CreateOptions,
  createVolume,
  type OpenImageOptions,
  type OpenOptions as OpenVolumeOptions,
  openImage,
  openImageSync,
  openVolume,
  Volume,
  type VolumeOptions,
} from './volume.ts';
