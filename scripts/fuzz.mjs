/**
 * The property tests with a seed and a length of one's choice, for as long as one likes:
 *
 *   npm run fuzz                                   a fresh seed, 20 times the usual length, test/property
 *   npm run fuzz -- --seed 7 --runs 5000           one seed, so many runs a property
 *   npm run fuzz -- --seed 7 test/device/ram       only the files whose path has this in it
 *
 * A failure prints the seed and the shrunk case; `--seed` with that number shows it again.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, runs: { type: 'string' } },
});

function wholeNumber(name, text, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value)) {
    console.error(`--${name} is ${JSON.stringify(text)}: it must be a whole number`);
    process.exit(2);
  }
  return value;
}

const seed = wholeNumber('seed', values.seed, Date.now() & 0x7fffffff);
const runs = wholeNumber('runs', values.runs, 2000);
console.log(`seed ${seed}, ${runs} runs a property; again with: npm run fuzz -- --seed ${seed} --runs ${runs}`);

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const filters = positionals.length > 0 ? positionals : ['test/property'];
const { status } = spawnSync(process.execPath, [vitest, 'run', '--testTimeout=0', '--bail=1', ...filters], {
  stdio: 'inherit',
  env: { ...process.env, LITTLEFS_FUZZ_SEED: String(seed), LITTLEFS_FUZZ_RUNS: String(runs) },
});
process.exitCode = status ?? 1;
