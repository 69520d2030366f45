/**
 * Before every test file: the seed and length that `npm run fuzz` asked for become fast-check's defaults.
 * `npm test` always takes the same seed, so that it says the same of the same tree; new seeds are what `npm run fuzz` is
 * for, and what it finds becomes an example in the test.
 */
import { configureGlobal } from 'fast-check';

const { LITTLEFS_FUZZ_SEED: seed = '1', LITTLEFS_FUZZ_RUNS: runs } = process.env;
configureGlobal({
  seed: Number(seed),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
});
