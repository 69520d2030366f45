/**
 * The errors that Node's `fs` throws: system errors (`ENOENT: no such file or directory, open '/x'`), errors of the
 * caller (`ERR_INVALID_ARG_TYPE` ...) and what wraps them. All are plain errors of JavaScript's own classes.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { type ErrnoCode, errnos, VfsError } from '../vfs/errno.ts';
import type { PathLike } from '../vfs/posix.ts';

type ErrorClass = new (message?: string) => Error;

/** An error with a code of Node's: `TypeError [ERR_X]: message` in its stack, `TypeError` by name. */
export function codedError(Base: ErrorClass, code: string, message: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Base(message);
  const { name } = error;
  Object.defineProperty(error, 'toString', {
    value: () => `${name} [${code}]: ${error.message}`,
    enumerable: false,
    writable: true,
    configurable: true,
  });
  // The stack's first line is written once, when it is first asked for.
  error.stack = (error.stack ?? '').replace(name, `${name} [${code}]`);
  Object.defineProperty(error, 'stack', { enumerable: false });
  error.code = code;
  return error;
}

const primitives = ['string', 'function', 'number', 'object', 'Function', 'Object', 'boolean', 'bigint', 'symbol'];

/** `expected`: names of types (`string`) and classes (`Buffer`), or other words. */
export function invalidArgType(name: string, expected: string | readonly string[], actual: unknown): Error {
  const types: string[] = [];
  const instances: string[] = [];
  const other: string[] = [];
  for (const each of typeof expected === 'string' ? [expected] : expected) {
    if (primitives.includes(each)) types.push(each.toLowerCase());
    else if (/^([A-Z][a-z0-9]*)+$/.test(each)) instances.push(each);
    else other.push(each);
  }
  const objectAt = types.indexOf('object');
  if (instances.length > 0 && objectAt !== -1) {
    types.splice(objectAt, 1);
    instances.push('Object');
  }
  const choices: string[] = [];
  if (types.length > 0) choices.push(`${types.length > 1 ? 'one of type' : 'of type'} ${listed(types)}`);
  if (instances.length > 0) choices.push(`an instance of ${listed(instances)}`);
  if (other.length > 1) choices.push(`one of ${listed(other)}`);
  else if (other.length === 1) choices.push(/[A-Z]/.test(other[0]!) ? `an ${other[0]}` : other[0]!);
  return codedError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The ${subject(name, '"')} must be ${choices.join(' or ')}. Received ${described(actual)}`,
  );
}

export function invalidArgValue(
  name: string,
  value: unknown,
  reason = 'is invalid',
  Base: ErrorClass = TypeError,
): Error {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const kind = name.includes('.') ? 'property' : 'argument';
  return codedError(Base, 'ERR_INVALID_ARG_VALUE', `The ${kind} '${name}' ${reason}. Received ${shown}`);
}

export function outOfRange(name: string, range: string, received: unknown): Error {
  let shown: string;
  if (typeof received === 'number' && Number.isInteger(received) && Math.abs(received) > 2 ** 32) {
    shown = grouped(String(received));
  } else if (typeof received === 'bigint') {
    shown = `${received > 2n ** 32n || received < -(2n ** 32n) ? grouped(String(received)) : received}n`;
  } else shown = inspect(received);
  return codedError(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`,
  );
}

function subject(name: string, quote: string): string {
  if (name.endsWith(' argument')) return name;
  return `${quote}${name}${quote} ${name.includes('.') ? 'property' : 'argument'}`;
}

/** `a`, `a or b`, `a, b, or c`. */
function listed(words: readonly string[]): string {
  if (words.length < 3) return words.join(' or ');
  return `${words.slice(0, -1).join(', ')}, or ${words.at(-1)}`;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, '_');
}

/** What a value is, in the words of Node's messages. */
function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  switch (typeof value) {
    case 'bigint':
      return `type bigint (${value}n)`;
    case 'number':
      return `type number (${Object.is(value, -0) ? '-0' : value})`;
    case 'boolean':
    case 'symbol':
      return `type ${typeof value} (${String(value)})`;
    case 'function':
      return `function ${value.name}`;
    case 'string': {
      const text = value.length > 28 ? `${value.slice(0, 25)}...` : value;
      return `type string (${text.includes("'") ? JSON.stringify(text) : `'${text}'`})`;
    }
    default: {
      const maker: unknown = (value as object).constructor;
      if (typeof maker === 'function' && 'name' in maker) return `an instance of ${maker.name}`;
      return inspect(value, { depth: -1 });
    }
  }
}

/** A path as messages show it, and as `error.path` has it. */
export function shownPath(path: PathLike): string {
  return typeof path === 'string' ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString();
}

/** The error of a failed system call. */
export function posixError(code: string, syscall: string, path?: PathLike, dest?: PathLike): NodeJS.ErrnoException {
  const [errno, words] = errnos[code as ErrnoCode] ?? [0, 'unknown error'];
  let message = `${code}: ${words}, ${syscall}`;
  if (path !== undefined) message += ` '${shownPath(path)}'`;
  if (dest !== undefined) message += ` -> '${shownPath(dest)}'`;
  const error = new Error(message) as NodeJS.ErrnoException & { dest?: string };
  error.errno = -errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = shownPath(path);
  if (dest !== undefined) error.dest = shownPath(dest);
  return error;
}

/** What the POSIX layer threw, as the error of a system call; anything else stays what it is. */
export function translated(error: unknown, syscall: string, path?: PathLike, dest?: PathLike): unknown {
  if (!(error instanceof VfsError)) return error;
  const result = posixError(error.code, syscall, path, dest);
  // What the engine says is wrong with the image is worth keeping; ordinary answers have no cause.
  if (error.cause !== undefined)
    Object.defineProperty(result, 'cause', { value: error.cause, configurable: true, writable: true });
  return result;
}

/** What `systemError` is told. */
export interface SystemErrorInfo {
  readonly code: string;
  readonly message: string;
  readonly syscall: string;
  readonly errno: number;
  readonly path?: PathLike;
  readonly dest?: PathLike;
}

/** Node's `SystemError`: an error code of its own around what a system call would have said. */
export function systemError(code: string, message: string, info: SystemErrorInfo): NodeJS.ErrnoException {
  let text = `${message}: ${info.syscall} returned ${info.code} (${info.message})`;
  if (info.path !== undefined) text += ` ${shownPath(info.path)}`;
  if (info.dest !== undefined) text += ` => ${shownPath(info.dest)}`;
  const error = codedError(Error, code, text) as NodeJS.ErrnoException & { info?: SystemErrorInfo; dest?: string };
  Object.defineProperty(error, 'name', { value: 'SystemError', enumerable: false, writable: true, configurable: true });
  error.stack = (error.stack ?? '').replace('Error', 'SystemError');
  error.info = info;
  error.errno = info.errno;
  error.syscall = info.syscall;
  if (info.path !== undefined) error.path = shownPath(info.path);
  if (info.dest !== undefined) error.dest = shownPath(info.dest);
  return error;
}

/** What pending calls end with when their signal is aborted. */
export class AbortError extends Error {
  readonly code: string = 'ABORT_ERR';
  constructor(options?: ErrorOptions) {
    super('The operation was aborted', options);
    this.name = 'AbortError';
  }
}

export function abortError(signal: AbortSignal): AbortError {
  return new AbortError({ cause: signal.reason });
}

/** Two failures as one: `outer` is what went wrong, `inner` what went wrong then. */
export function aggregateTwoErrors(inner: unknown, outer: unknown): unknown {
  if (!inner || !outer || inner === outer) return inner || outer;
  const known = (outer as AggregateError).errors;
  if (Array.isArray(known)) {
    known.push(inner);
    return outer;
  }
  const both = new AggregateError([outer, inner], (outer as Error).message) as AggregateError & NodeJS.ErrnoException;
  const { code } = outer as NodeJS.ErrnoException;
  if (code !== undefined) both.code = code;
  return both;
}
