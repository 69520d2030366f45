/**
 * A call of the file system with its arguments checked, ready to be made: at once, or later for a callback or a promise.
 *
 * Later means in a turn of the event loop of its own. A callback's call is one immediate: so it runs in the caller's
 * async context, what it throws is nobody's but the process's, and microtasks run in between. Calls for promises which
 * are made in one go share an immediate, as what follows each of them is a microtask anyway.
 *
 * @module
 */

import type { PathLike } from '../vfs/posix.ts';
import { translated } from './errors.ts';

export class Call<Result> {
  readonly syscall: string;
  readonly run: () => Result;
  readonly path: PathLike | undefined;
  readonly dest: PathLike | undefined;

  constructor(syscall: string, run: () => Result, path?: PathLike, dest?: PathLike) {
    this.syscall = syscall;
    this.run = run;
    this.path = path;
    this.dest = dest;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: callbacks take what they take
export type Callback = (error: any, ...results: any[]) => void;

/** Makes the call; failures are thrown as Node's errors. */
export function now<Result>(call: Call<Result>): Result {
  try {
    return call.run();
  } catch (error) {
    throw translated(error, call.syscall, call.path, call.dest);
  }
}

/** Makes the call in a turn of its own, and tells the callback: `(null)` or `(null, result)`, or `(error)`. */
export function later(call: Call<unknown>, callback: Callback): void {
  inTurn(finish, call, callback);
}

function finish(call: Call<unknown>, callback: Callback): void {
  let result: unknown;
  try {
    result = call.run();
  } catch (error) {
    callback(translated(error, call.syscall, call.path, call.dest));
    return;
  }
  if (result === undefined) callback(null);
  else callback(null, result);
}

/** In a turn of its own, after all that was asked for before. */
export function inTurn<Args extends unknown[]>(task: (...args: Args) => void, ...args: Args): void {
  batch = undefined;
  setImmediate(task, ...args);
}

interface Pending {
  readonly call: Call<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the promise is of
  readonly resolve: (value: any) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls for promises that wait for the immediate already asked for. */
let batch: Pending[] | undefined;

function runBatch(calls: Pending[]): void {
  if (batch === calls) batch = undefined;
  for (const { call, resolve, reject } of calls) {
    let result: unknown;
    try {
      result = call.run();
    } catch (error) {
      reject(translated(error, call.syscall, call.path, call.dest));
      continue;
    }
    resolve(result);
  }
}

/** Makes the call in a later turn. */
export function promised<Result>(call: Call<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (batch === undefined) {
      batch = [{ call, resolve, reject }];
      setImmediate(runBatch, batch);
    } else batch.push({ call, resolve, reject });
  });
}

/** As `promised`; a failure has the stack of who waits for it, whom it concerns. */
export async function settled<Result>(call: Call<Result>): Promise<Result> {
  try {
    return await promised(call);
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.syscall !== undefined)
      Error.captureStackTrace(error as Error, settled);
    throw error;
  }
}
