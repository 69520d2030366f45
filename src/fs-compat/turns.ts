/**
 * Long work, written once as a generator, and done at once or in turns.
 *
 * A generator yields where it could pause, and yields a promise where it needs to know what comes of it; it is resumed
 * with the promise's value.
 *
 * @module
 */

import { inTurn } from './call.ts';

/** Work that ends with a `Result`. */
export type Work<Result> = Generator<unknown, Result, unknown>;

/** How long one turn may take. Other callbacks wait so long. */
const turnMs = 4;
/** Reading the clock costs more than a step of most work, so it is read this rarely. */
const stepsBetweenLooks = 16;

/** All of it, now. Promises are not waited for: work done so must not yield any. */
export function doNow<Result>(work: Work<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** In turns of the event loop, the first of them later; then `done` is called, in a turn as well. */
export function doInTurns<Result>(work: Work<Result>, done: (error: unknown, result?: Result) => void): void {
  const turn = (resume: () => IteratorResult<unknown, Result>): void => {
    const until = performance.now() + turnMs;
    let result: Result;
    try {
      let step = resume();
      for (let steps = 1; !step.done; steps++) {
        if (isPromise(step.value)) {
          // In a turn of its own again: what `done` throws must not end in the promise.
          step.value.then(
            (value) => setImmediate(turn, () => work.next(value)),
            (error) => setImmediate(turn, () => work.throw(error)),
          );
          return;
        }
        if (steps % stepsBetweenLooks === 0 && performance.now() >= until) {
          setImmediate(turn, () => work.next());
          return;
        }
        step = work.next();
      }
      result = step.value;
    } catch (error) {
      done(error);
      return;
    }
    done(null, result);
  };
  inTurn(turn, () => work.next());
}

/** As `doInTurns`, for promises. */
export function promiseInTurns<Result>(work: Work<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    doInTurns(work, (error, result) => (error === null ? resolve(result as Result) : reject(error)));
  });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function';
}
