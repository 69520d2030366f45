/**
 * Devices that need Node.
 *
 * @module
 */

export { FileDevice, type FileDeviceOptions } from './file.ts';
