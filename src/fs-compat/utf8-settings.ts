/**
 * What a `Utf8Stream` is told, checked, with what it takes where nothing was said.
 *
 * @module
 */

import { validateBoolean, validateFunction, validateObject, validateOneOf, validateUint32 } from './args.ts';
import { invalidArgType, invalidArgValue } from './errors.ts';
import type { NodeFs } from './types.ts';
import type { Data } from './utf8-content.ts';
import { originals } from './whole-file.ts';

const usualMaxWrite = 16 * 1024;
const usualHighWaterMark = 16387;

/** The calls it makes; `options.fs` may bring some of its own. */
const callNames = [
  'write',
  'writeSync',
  'fsync',
  'fsyncSync',
  'close',
  'open',
  'mkdir',
  'mkdirSync',
  'openSync',
] as const;
// biome-ignore lint/suspicious/noExplicitAny: they may be the caller's own
export type Calls = Record<(typeof callNames)[number], (...args: any[]) => any>;

// biome-ignore lint/suspicious/noExplicitAny: whatever callers pass; checked one by one
type Loose = Record<string, any>;

export interface Settings {
  /** A path, or a descriptor. */
  readonly target: string | number;
  readonly calls: Calls;
  /**
   * Does at once what `calls.write` is asked for, when that is the module's own: who then calls `flushSync` has his
   * lines in order, as with a system's write that is already under way.
   */
  readonly writeNow: ((fd: number, data: Data) => number) | undefined;
  readonly highWaterMark: number;
  readonly minLength: number;
  readonly maxLength: number;
  readonly maxWrite: number;
  readonly periodicFlush: number;
  readonly sync: boolean;
  readonly fsync: boolean;
  readonly append: boolean;
  readonly mkdir: boolean;
  readonly mode: unknown;
  readonly contentMode: 'buffer' | 'utf8';
  readonly mayRetry: (error: Error, writing: number, waiting: number) => unknown;
}

export function readSettings(options: unknown, fs: NodeFs): Settings {
  validateObject(options, 'options');
  const {
    fd,
    dest,
    minLength,
    maxLength,
    maxWrite,
    periodicFlush,
    sync,
    fsync,
    append = true,
    mkdir,
  } = options as Loose;
  const { retryEAGAIN, contentMode = 'utf8', mode, fs: ownFs = {} } = options as Loose;
  validateObject(ownFs, 'options.fs');
  const calls = chosenCalls(fs as unknown as Loose, ownFs);
  const { write, writeSync } = originals(fs);
  const settings: Settings = {
    target: fd ?? dest,
    calls,
    writeNow: (calls.write as unknown) === write ? (writeSync as Settings['writeNow']) : undefined,
    highWaterMark: Math.max(minLength || 0, usualHighWaterMark),
    minLength: minLength || 0,
    maxLength: maxLength || 0,
    maxWrite: maxWrite || usualMaxWrite,
    periodicFlush: periodicFlush || 0,
    sync: sync || false,
    fsync: fsync || false,
    append: append || false,
    mkdir: mkdir || false,
    mode,
    contentMode,
    mayRetry: retryEAGAIN || (() => true),
  };
  validateUint32(settings.highWaterMark, 'options.hwm');
  for (const name of ['minLength', 'maxLength', 'maxWrite', 'periodicFlush'] as const) {
    validateUint32(settings[name], `options.${name}`);
  }
  for (const name of ['sync', 'fsync', 'append', 'mkdir'] as const) validateBoolean(settings[name], `options.${name}`);
  validateFunction(settings.mayRetry, 'options.retryEAGAIN');
  validateOneOf(contentMode, 'options.contentMode', ['buffer', 'utf8']);
  if (typeof settings.target !== 'number' && typeof settings.target !== 'string') {
    throw invalidArgType('fd', ['number', 'string'], settings.target);
  }
  if (settings.minLength >= settings.maxWrite) {
    const reason = `should be smaller than maxWrite (${settings.maxWrite})`;
    throw invalidArgValue('minLength', settings.minLength, reason, RangeError);
  }
  return settings;
}

function chosenCalls(fs: Loose, own: Loose): Calls {
  const chosen: Loose = {};
  for (const name of callNames) {
    chosen[name] = name in own ? own[name] : fs[name];
    // Only streams that are synchronous call this one, and those of others may lack it.
    if (name !== 'openSync') validateFunction(chosen[name], `options.fs.${name}`);
  }
  return chosen as Calls;
}
