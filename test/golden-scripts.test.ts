/**
 * Against C, where it gets difficult: worn and bad blocks, interrupted repairs, several handles on one file, full
 * devices, growing ones. Each script in `test/golden/scripts` gives C's results, C's bytes, and C's number of programs,
 * erases and syncs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runScript } from './support/script.ts';

const folder = new URL('./golden/scripts/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .sort();

describe('scripts measured from C', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(40);
  });

  it.each(names)('%s', (name) => {
    const { results, expected, measured, ours } = runScript(readFileSync(new URL(name, folder), 'utf8'));
    expect(results).toEqual(expected);
    expect(ours).toBe(measured);
  });
});
