/**
 * Assertions: what they catch are bugs of ours, never bad images and never bad arguments.
 *
 * @module
 */

export class AssertionError extends Error {
  override readonly name: string = 'AssertionError';
}

/** Literal messages only: building one costs more than the check. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
