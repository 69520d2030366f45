/**
 * Promise: what a call has acknowledged is there after the power has gone. Wherever it goes, with the write under way
 * torn at any byte: every step that returned is on disk, the one under way is done wholly or not at all, and nothing
 * else has changed. Also when the power goes again and again, and during the repairs.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  type ChipKind,
  type Cut,
  chipKinds,
  cuts,
  flashOf,
  formatted,
  type Geometry,
  geometries,
  powerCutOf,
  runs,
  work,
} from '../support/arbitraries.ts';
import type { Step } from '../support/commands.ts';
import { Survivor, unitCutOf } from '../support/survivor.ts';

/** Some steps, the cut that ends them, and those that hit the repairs after it. */
interface Round {
  readonly cut: Cut;
  readonly steps: Step[];
  readonly whileRepairing: Cut[];
  readonly repair: boolean;
}

const rounds: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    cut: cuts(40),
    steps: work({ sizeMax: 3000, lengthMax: 16 }),
    whileRepairing: fc.array(cuts(5), { maxLength: 3 }),
    repair: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5, size: 'max' },
);

/** The steps of rounds whose repairs once handed out blocks that only the new state of a moved pair knew of. */
const found: [Geometry, Round[]][] = [
  [
    {
      blockSize: 128,
      blockCount: 25,
      readSize: 16,
      progSize: 128,
      config: {
        lookaheadSize: 64,
        blockCycles: 1,
        compactThresh: -1,
        inlineMax: 0,
        diskVersion: '2.1',
        attrMax: 0,
        nameMax: 0,
        fileMax: 0,
        cacheSize: 128,
        readSize: 16,
        progSize: 128,
        metadataMax: 0,
      },
    },
    [
      {
        cut: { after: 14, mode: 'done', lost: 1289473216 },
        steps: [
          { op: 'mkdir', path: '/b' },
          { op: 'open', slot: 9, path: '@7/b', flags: 258 },
          { op: 'write', slot: 9, size: 58, seed: 684 },
          { op: 'close', slot: 9 },
        ],
        whileRepairing: [],
        repair: false,
      },
      {
        cut: { after: 9, mode: 'done', lost: 1153509802 },
        steps: [{ op: 'mkdir', path: '/a' }],
        whileRepairing: [],
        repair: false,
      },
      {
        cut: { after: 35, mode: 'done', lost: 2605119965 },
        steps: [
          { op: 'open', slot: 9, path: '/entry-3', flags: 2306 },
          { op: 'truncate', slot: 9, size: 2381 },
        ],
        whileRepairing: [],
        repair: true,
      },
    ],
  ],
  [
    {
      blockSize: 4096,
      blockCount: 80,
      readSize: 2,
      progSize: 2048,
      config: {
        lookaheadSize: 1,
        blockCycles: 2,
        compactThresh: 0,
        inlineMax: -1,
        diskVersion: '2.0',
        attrMax: 0,
        nameMax: 0,
        fileMax: 3000,
        cacheSize: 2048,
        readSize: 2,
        progSize: 2048,
        metadataMax: 2048,
      },
    },
    [
      {
        cut: { after: 4, mode: 'done', lost: 3241697525 },
        steps: [{ op: 'open', slot: 9, path: '@0/b', flags: 1282 }],
        whileRepairing: [],
        repair: true,
      },
      {
        cut: { after: 8, mode: 'done', lost: 211590881 },
        steps: [
          { op: 'mkdir', path: '/a' },
          {
            op: 'open',
            slot: 9,
            path: '/xxxxxxxxxxxxxxxxxxxx',
            flags: 1282,
            attrs: [
              { type: 116, size: 8, seed: 123 },
              { type: 1, size: 8, seed: 398 },
            ],
          },
        ],
        whileRepairing: [],
        repair: true,
      },
      {
        cut: { after: 30, mode: 'done', lost: 0 },
        steps: [
          { op: 'mkdir', path: '/d' },
          { op: 'mkdir', path: '/d/d' },
          { op: 'remove', path: '#35' },
          { op: 'open', slot: 9, path: '@4/é', flags: 1282, attrs: [{ type: 116, size: 5, seed: 7 }] },
          { op: 'write', slot: 9, size: 2336, seed: 583 },
          { op: 'close', slot: 9 },
          {
            op: 'open',
            path: '@1/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
            flags: 2307,
            attrs: [],
            slot: 1,
          },
          { op: 'write', size: 18, seed: 542, slot: 1 },
          { op: 'read', size: 18, slot: 1 },
          { op: 'write', size: 124, seed: 212, slot: 1 },
          { op: 'mkdir', path: '@6/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' },
        ],
        whileRepairing: [],
        repair: true,
      },
    ],
  ],
];

/** A compaction whose first bytes came to stand on an old log. */
const foundOnChips: [Geometry, ChipKind, Round[]][] = [
  [
    {
      blockSize: 256,
      blockCount: 67,
      readSize: 1,
      progSize: 1,
      config: {
        lookaheadSize: 1,
        blockCycles: -1,
        compactThresh: 0,
        inlineMax: 0,
        diskVersion: '2.1',
        attrMax: 0,
        nameMax: 0,
        fileMax: 0,
        cacheSize: 128,
        readSize: 1,
        progSize: 1,
        metadataMax: 0,
      },
    },
    { nor: false, eraseValue: 'keep', reorder: true },
    [
      {
        cut: { after: 8, mode: { odd: 0 }, lost: 0 },
        steps: [
          { op: 'mkdir', path: '/a' },
          { op: 'remove', path: '#0' },
          { op: 'mkdir', path: '@0/entry-0' },
        ],
        whileRepairing: [],
        repair: false,
      },
      {
        cut: { after: 7, mode: 'done', lost: 0 },
        steps: [
          { op: 'mkdir', path: '/b' },
          { op: 'mkdir', path: '/d' },
        ],
        whileRepairing: [],
        repair: false,
      },
      {
        cut: { after: 8, mode: { from: 0, to: 1 }, lost: 0 },
        steps: [
          {
            op: 'open',
            slot: 9,
            path: '/entry-0',
            flags: 1282,
            attrs: [
              { type: 0, size: 0, seed: 1 },
              { type: 1, size: 1, seed: 1 },
              { type: 255, size: 4, seed: 1 },
            ],
          },
          { op: 'write', slot: 9, size: 33, seed: 1 },
          { op: 'close', slot: 9 },
          { op: 'open', slot: 9, path: '/entry-1', flags: 1282 },
          { op: 'write', slot: 9, size: 0, seed: 1 },
          { op: 'close', slot: 9 },
        ],
        whileRepairing: [],
        repair: false,
      },
    ],
  ],
];

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
      { ...runs(150), examples: found },
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
      { ...runs(100), examples: foundOnChips },
    );
  });
});
