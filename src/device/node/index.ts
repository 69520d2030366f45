/**
 * Devices that need Node.
 *
 * @module
 */

export { detectFile } from './detect.ts';
export { FileDevice, type FileDeviceOptions } from './file.ts';
