/**
 * What a mount is configured with: geometry, limits, policies. Checks everything before anything is read or written,
 * and says which argument is wrong, what it is, and what is allowed.
 *
 * Sizes that decide bytes on disk: `progSize` (padding), `cacheSize` (length of program calls, inline files),
 * `lookaheadSize` (order of allocation), `blockCycles` (relocation), `metadataMax`, `inlineMax`, `attrMax`.
 *
 * @module
 */

import { popCount } from './bytes.ts';
import type { BlockDevice } from './device.ts';
import { invalid } from './errors.ts';
import {
  ATTR_MAX_LIMIT,
  DISK_VERSION_2_0,
  DISK_VERSION_2_1,
  DISK_VERSION_LATEST,
  FILE_MAX_DEFAULT,
  FILE_MAX_LIMIT,
  NAME_MAX_LIMIT,
} from './layout.ts';

export interface LfsConfig {
  /** Bytes of a block; left out: the device's. */
  readonly blockSize?: number | undefined;
  /** Blocks of the file system; left out or 0: as on disk (mount), as the device has (format). */
  readonly blockCount?: number | undefined;
  /** Least unit of a read; left out: the device's, else 16. */
  readonly readSize?: number | undefined;
  /** Least unit of a program; left out: the device's, else 16. */
  readonly progSize?: number | undefined;
  /** Bytes gathered before a program call; left out: a block. */
  readonly cacheSize?: number | undefined;
  /** Bytes of the allocator's window, a bit for a block; left out: the whole device, at most 8192. */
  readonly lookaheadSize?: number | undefined;
  /** Erases of a metadata block before it moves elsewhere; -1 (the default): never. */
  readonly blockCycles?: number | undefined;
  /** `gc` compacts logs longer than this; 0: 7/8 of a block; -1: none. */
  readonly compactThresh?: number | undefined;
  readonly nameMax?: number | undefined;
  /** 2147483647 unless said; up to 4294967295, but C as it comes does not mount more than the default. */
  readonly fileMax?: number | undefined;
  readonly attrMax?: number | undefined;
  /** Bytes of a metadata block that are used; 0: all. */
  readonly metadataMax?: number | undefined;
  /** Largest file kept in its metadata; 0: the largest that may be; -1: none. */
  readonly inlineMax?: number | undefined;
  /** Version written; `'2.1'` unless said. A file system of an older one is raised by the first write. */
  readonly diskVersion?: '2.0' | '2.1' | number | undefined;
}

/** A checked configuration, every value final. */
export interface Settings {
  readonly blockSize: number;
  /** 0: as on disk. */
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly cacheSize: number;
  readonly lookaheadSize: number;
  readonly blockCycles: number;
  readonly compactThresh: number;
  readonly nameMax: number;
  readonly fileMax: number;
  readonly attrMax: number;
  /** Bytes of a metadata block that are used: `metadataMax` or the block. */
  readonly metadataSize: number;
  readonly inlineMax: number;
  readonly diskVersion: number;
}

const BLOCK_SIZE_MAX = 0x7fffffff;
const BLOCK_COUNT_MAX = 0x7fffffff;
const LOOKAHEAD_DEFAULT_MAX = 8192;

export function settingsFor(device: BlockDevice, config: LfsConfig = {}): Settings {
  if (typeof device !== 'object' || device === null)
    throw invalid(`device must be a block device with read, prog, erase and sync, got ${describe(device)}`);
  for (const call of ['read', 'prog', 'erase', 'sync'] as const)
    if (typeof device[call] !== 'function')
      throw invalid(`device.${call} is ${describe(device[call])}; allowed: a function`);
  if (typeof config !== 'object' || config === null) throw invalid(`config is ${describe(config)}; allowed: an object`);
  const deviceSize = whole('device.blockSize', device.blockSize, 1, BLOCK_SIZE_MAX);
  const deviceCount = whole('device.blockCount', device.blockCount, 0, BLOCK_COUNT_MAX);

  const blockSize = whole('blockSize', chosen(config.blockSize, deviceSize), 128, BLOCK_SIZE_MAX);
  if (blockSize !== deviceSize)
    throw invalid(`blockSize is ${blockSize}, but the device has blocks of ${deviceSize} bytes`);
  if (maxPointerBytes(blockSize) > blockSize)
    throw invalid(`blockSize ${blockSize} has no room for the pointers of the largest file`);

  const blockCount = whole('blockCount', chosen(config.blockCount, 0), 0, BLOCK_COUNT_MAX);
  if (blockCount > deviceCount) throw invalid(`blockCount is ${blockCount}, but the device has ${deviceCount} blocks`);

  const readSize = whole(
    'readSize',
    chosen(config.readSize, chosen(device.readSize, fitting(16, blockSize))),
    1,
    blockSize,
  );
  const progSize = whole(
    'progSize',
    chosen(config.progSize, chosen(device.progSize, fitting(16, blockSize))),
    1,
    blockSize,
  );
  const cacheSize = whole('cacheSize', chosen(config.cacheSize, blockSize), 1, blockSize);
  multiple('cacheSize', cacheSize, 'readSize', readSize);
  multiple('cacheSize', cacheSize, 'progSize', progSize);
  multiple('blockSize', blockSize, 'cacheSize', cacheSize);

  const lookaheadDefault = Math.min(
    LOOKAHEAD_DEFAULT_MAX,
    Math.max(8, Math.ceil((blockCount || deviceCount) / 64) * 8),
  );
  const lookaheadSize = whole('lookaheadSize', chosen(config.lookaheadSize, lookaheadDefault), 1, 0x0fffffff);

  const blockCycles = whole('blockCycles', chosen(config.blockCycles, -1), -1, 0x7ffffffe);

  const compactThresh = whole('compactThresh', chosen(config.compactThresh, 0), -1, blockSize);
  if (compactThresh > 0 && compactThresh < blockSize / 2)
    throw invalid(
      `compactThresh is ${compactThresh}; allowed: 0 (the default), -1 (never) or ${blockSize / 2} to ${blockSize}`,
    );

  const metadataMax = whole('metadataMax', chosen(config.metadataMax, 0), 0, blockSize);
  if (metadataMax > 0) {
    multiple('metadataMax', metadataMax, 'readSize', readSize);
    multiple('metadataMax', metadataMax, 'progSize', progSize);
    multiple('blockSize', blockSize, 'metadataMax', metadataMax);
    if (metadataMax < 128) throw invalid(`metadataMax is ${metadataMax}; allowed: 0 (the block) or at least 128`);
  }
  const metadataSize = metadataMax || blockSize;

  const nameMax = whole('nameMax', chosen(config.nameMax, 255), 1, NAME_MAX_LIMIT);
  const fileMax = whole('fileMax', chosen(config.fileMax, FILE_MAX_DEFAULT), 1, FILE_MAX_LIMIT);
  const attrMax = whole('attrMax', chosen(config.attrMax, ATTR_MAX_LIMIT), 1, ATTR_MAX_LIMIT);

  const inlineLimit = Math.min(cacheSize, attrMax, Math.floor(metadataSize / 8));
  const inlineAsked = whole('inlineMax', chosen(config.inlineMax, 0), -1, inlineLimit);
  const inlineMax = inlineAsked === -1 ? 0 : inlineAsked || inlineLimit;

  return {
    blockSize,
    blockCount,
    readSize,
    progSize,
    cacheSize,
    lookaheadSize,
    blockCycles,
    compactThresh,
    nameMax,
    fileMax,
    attrMax,
    metadataSize,
    inlineMax,
    diskVersion: parseVersion(config.diskVersion),
  };
}

function parseVersion(version: LfsConfig['diskVersion']): number {
  if (version === undefined || version === 0) return DISK_VERSION_LATEST;
  if (version === '2.0' || version === DISK_VERSION_2_0) return DISK_VERSION_2_0;
  if (version === '2.1' || version === DISK_VERSION_2_1) return DISK_VERSION_2_1;
  throw invalid(`diskVersion is ${describe(version)}; allowed: '2.0' and '2.1'`);
}

/** What was said, or the default for nothing and for C's word for it. Whatever else is no number is left to `whole`. */
function chosen(value: number | undefined, standard: number): number {
  return value === undefined || value === 0 ? standard : value;
}

/** A checked whole number. */
export function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw invalid(`${name} is ${describe(value)}; allowed: whole numbers from ${least} to ${most}`);
  return value;
}

function multiple(name: string, value: number, unitName: string, unit: number): void {
  if (value % unit !== 0) throw invalid(`${name} is ${value}; it must be a multiple of ${unitName} (${unit})`);
}

/** The wished unit, or the greatest below it that divides the block. */
function fitting(wish: number, blockSize: number): number {
  let unit = wish;
  while (blockSize % unit !== 0) unit--;
  return unit;
}

/** Bytes of skip pointers in the worst block of the largest file. */
function maxPointerBytes(blockSize: number): number {
  const blocks = Math.floor(0xffffffff / (blockSize - 8));
  const bits = 32 - Math.clz32(blocks) - (popCount(blocks) === 1 ? 1 : 0);
  return 4 * bits;
}

export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}...` : value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) {
    const kind: unknown = value.constructor?.name;
    return typeof kind === 'string' ? `a ${kind.slice(0, 60)}` : 'an object';
  }
  return String(value);
}
