/**
 * Promise: what a call has acknowledged is there after the power has gone. Wherever it goes, with the write under way
 * torn at any byte: every step that returned is on disk, the one under way is done wholly or not at all, and nothing
 * else has changed. Also when the power goes again and again, and during the repairs.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { chipKinds, cuts, flashOf, formatted, geometries, powerCutOf, runs, work } from '../support/arbitraries.ts';
import { Survivor, unitCutOf } from '../support/survivor.ts';

/** Some steps, the cut that ends them, and those that hit the repairs after it. */
const rounds = fc.array(
  fc.record({
    cut: cuts(40),
    steps: work({ sizeMax: 3000, lengthMax: 16 }),
    whileRepairing: fc.array(cuts(5), { maxLength: 3 }),
    repair: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5, size: 'max' },
);

describe('acknowledged writes survive power loss', () => {
  it('with the last write torn anywhere', () => {
    fc.assert(
      fc.property(geometries(), rounds, (geometry, todo) => {
        const { config } = geometry;
        const survivor = new Survivor(formatted(flashOf(geometry), config), config);
        for (const { cut, steps, whileRepairing, repair } of todo) {
          survivor.work(steps, unitCutOf(cut, geometry));
          // Without repairs the next step has to make them first.
          if (repair) survivor.recover(whileRepairing.map((each) => unitCutOf(each, geometry)));
        }
        survivor.work([{ op: 'remount' }], undefined);
      }),
      runs(150),
    );
  });

  it('on chips of all kinds, those too that keep writes back until a sync', () => {
    fc.assert(
      fc.property(geometries(), chipKinds, rounds, (geometry, kind, todo) => {
        const { config } = geometry;
        const survivor = new Survivor(formatted(flashOf(geometry, kind), config), config);
        for (const { cut, steps, whileRepairing, repair } of todo) {
          survivor.work(steps, powerCutOf(cut, kind));
          if (repair) survivor.recover(whileRepairing.map((each) => powerCutOf(each, kind)));
        }
        survivor.work([{ op: 'remount' }], undefined);
      }),
      runs(100),
    );
  });
});
