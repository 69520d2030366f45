/**
 * What a call came to, as a word: `ok`, or C's error name without its prefix. Tables of expectations read better so.
 */
import { LfsError, type LfsErrorCode } from '../../src/lfs/index.ts';

type Shortened<T> = T extends `LFS_ERR_${infer Rest}` ? Rest : never;

export type Outcome = 'ok' | Shortened<LfsErrorCode>;

/** Runs `work`. Whatever it throws that is no `LfsError` is a bug, and goes on. */
export function outcome(work: () => unknown): Outcome {
  try {
    work();
  } catch (error) {
    if (error instanceof LfsError) return error.code.slice('LFS_ERR_'.length) as Outcome;
    throw error;
  }
  return 'ok';
}
