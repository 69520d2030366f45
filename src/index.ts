/**
 * The front door: what most programs need, under one name.
 *
 * @module
 */

export * from './device/index.ts';
export * from './lfs/index.ts';
