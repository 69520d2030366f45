/**
 * Before every test file: the seed and length that `npm run fuzz` asked for become fast-check's defaults.
 * Without them each run has its own seed, which a failure prints.
 */
import { configureGlobal } from 'fast-check';

const { LITTLEFS_FUZZ_SEED: seed, LITTLEFS_FUZZ_RUNS: runs } = process.env;
configureGlobal({
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
});
