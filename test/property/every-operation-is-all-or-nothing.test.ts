/**
 * Promise: an operation happens or does not. Its power is cut at every single write, torn in several ways, and what is
 * mounted afterwards is exactly the tree before it or exactly the tree after it, attributes included; the same when
 * the repairs are made.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlashDevice } from '../../src/device/index.ts';
import { O_APPEND, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } from '../../src/lfs/index.ts';
import { type Cut, flashOf, formatted, type Geometry, geometries, runs } from '../support/arbitraries.ts';
import { type Step, Twin, takeOnModel } from '../support/commands.ts';
import type { Model } from '../support/model.ts';
import { Survivor, unitCutOf } from '../support/survivor.ts';

const writeTo = (path: string, flags: number, size: number, seed = 77): Step[] => [
  { op: 'open', slot: 0, path, flags },
  { op: 'write', slot: 0, size, seed },
  { op: 'close', slot: 0 },
];
const attr = { type: 1, size: 12, seed: 5 };

/** What stands in every directory tree that an operation is tried on. */
const prepared: Step[] = [
  ...['/a', '/b', '/b/empty', '/empty', '/full'].map((path): Step => ({ op: 'mkdir', path })),
  ...['/a/small', '/b/other', '/full/file', '/z'].flatMap((path) => writeTo(path, O_WRONLY | O_CREAT, 20, 33)),
  ...['/a/big', '/b/big'].flatMap((path) => writeTo(path, O_WRONLY | O_CREAT, 1500, 34)),
  ...['/a/small', '/a/big', '/full', '/empty'].map(
    (path): Step => ({ op: 'setattr', path, type: 1, size: 12, seed: 6 }),
  ),
];

/** The states that an operation passes: two, but for creating a file, which is there empty before it has content. */
const operations: readonly { readonly what: string; readonly steps: readonly Step[]; readonly states?: number }[] = [
  { what: 'creating a small file', steps: writeTo('/a/new', O_WRONLY | O_CREAT, 30), states: 3 },
  { what: 'creating a big file', steps: writeTo('/a/new', O_WRONLY | O_CREAT, 1800), states: 3 },
  { what: 'overwriting a small file', steps: writeTo('/a/small', O_WRONLY | O_TRUNC, 25) },
  { what: 'overwriting a big file', steps: writeTo('/a/big', O_WRONLY | O_TRUNC, 1300) },
  { what: 'overwriting the beginning of a big file', steps: writeTo('/a/big', O_WRONLY, 100) },
  { what: 'appending to a small file', steps: writeTo('/a/small', O_WRONLY | O_APPEND, 1000) },
  { what: 'appending to a big file', steps: writeTo('/a/big', O_WRONLY | O_APPEND, 700) },
  {
    what: 'truncating a file',
    steps: [
      { op: 'open', slot: 0, path: '/a/big', flags: O_RDWR },
      { op: 'truncate', slot: 0, size: 10 },
      { op: 'close', slot: 0 },
    ],
  },
  {
    what: 'data and attributes of a file in one sync',
    steps: [
      { op: 'open', slot: 0, path: '/a/small', flags: O_RDWR, attrs: [attr, { type: 2, size: 4, seed: 8 }] },
      { op: 'fillattr', slot: 0, index: 0, seed: 9 },
      { op: 'write', slot: 0, size: 600, seed: 10 },
      { op: 'sync', slot: 0 },
    ],
  },
  { what: 'renaming a file in its directory', steps: [{ op: 'rename', path: '/a/small', to: '/a/y' }] },
  { what: 'renaming a file across directories', steps: [{ op: 'rename', path: '/a/small', to: '/b/new' }] },
  { what: 'renaming a file over its neighbour', steps: [{ op: 'rename', path: '/a/small', to: '/a/big' }] },
  { what: 'renaming a file over one elsewhere', steps: [{ op: 'rename', path: '/a/big', to: '/b/big' }] },
  { what: 'renaming a directory', steps: [{ op: 'rename', path: '/full', to: '/lull' }] },
  { what: 'renaming a directory into another', steps: [{ op: 'rename', path: '/full', to: '/a/full' }] },
  { what: 'renaming a directory over an empty one', steps: [{ op: 'rename', path: '/full', to: '/empty' }] },
  {
    what: 'renaming a directory over an empty one elsewhere',
    steps: [{ op: 'rename', path: '/full', to: '/b/empty' }],
  },
  { what: 'making a directory', steps: [{ op: 'mkdir', path: '/a/new' }] },
  { what: 'removing a file', steps: [{ op: 'remove', path: '/a/big' }] },
  { what: 'removing a directory', steps: [{ op: 'remove', path: '/empty' }] },
  { what: 'setting an attribute', steps: [{ op: 'setattr', path: '/a/small', type: 1, size: 40, seed: 11 }] },
  { what: 'setting an attribute of the root', steps: [{ op: 'setattr', path: '/', type: 1, size: 40, seed: 11 }] },
  { what: 'removing an attribute', steps: [{ op: 'removeattr', path: '/a/small', type: 1 }] },
];

const tears: readonly Cut['mode'][] = [
  'noop',
  'done',
  'flip',
  { from: 0, to: 1 },
  { from: 0, to: 5 },
  { from: 0, to: 37 },
  { from: 3, to: 600 },
  { odd: 0x3a51 },
];

/** How full the logs are when the operation comes decides whether it is appended, compacts, splits or moves a pair. */
const fillings = fc.array(
  fc.record({
    op: fc.constant('setattr' as const),
    path: fc.constantFrom('/', '/a/small', '/a/big', '/b/other', '/full', '/z'),
    type: fc.constantFrom(1, 7),
    size: fc.nat(24),
    seed: fc.nat(99),
  }),
  { maxLength: 24, size: 'max' },
);

// Caches not too small: data would take a hundred programs, and one is like the other.
const places = geometries({ blockSizes: [256, 384, 512, 1024], blockCounts: [60, 120], limits: false }).filter(
  ({ config }) => (config.cacheSize ?? 0) >= 96,
);

function preparedDevice(geometry: Geometry, filling: readonly Step[]): { device: FlashDevice; model: Model } {
  const { config } = geometry;
  const device = formatted(flashOf(geometry), config);
  const twin = new Twin(device, config);
  try {
    for (const step of [...prepared, ...filling]) twin.take(step, false);
  } catch (error) {
    // Metadata too small for all of it.
    fc.pre(!String(error).includes('LFS_ERR_NOSPC'));
    throw error;
  }
  const { model } = twin;
  model.abandonAll();
  return { device, model };
}

/** The trees that the operation passes. */
function statesOf(model: Model, steps: readonly Step[]): Set<string> {
  const clone = model.clone();
  const states = new Set([clone.lines().join('\n')]);
  for (const step of steps) {
    takeOnModel(clone, step);
    states.add(clone.lines().join('\n'));
  }
  return states;
}

describe('every operation is all or nothing', () => {
  it.each(operations)('$what', ({ steps, states = 2 }) => {
    fc.assert(
      fc.property(
        places,
        fillings,
        fc.subarray([...tears], { minLength: 2, maxLength: 3 }),
        (geometry, filling, modes) => {
          const { device, model } = preparedDevice(geometry, filling);
          expect(statesOf(model, steps).size, 'trees that the operation passes').toBe(states);
          for (const mode of modes) {
            for (let after = 1, cut = true; cut; after++) {
              const survivor = new Survivor(device.fork(), geometry.config, model.clone());
              try {
                cut = survivor.work(steps, unitCutOf({ after, mode, lost: 0 }, geometry));
                if (cut) survivor.recover();
              } catch (error) {
                if (error instanceof Error)
                  error.message = `cut at write ${after}, ${JSON.stringify(mode)}: ${error.message}`;
                throw error;
              }
            }
          }
        },
      ),
      runs(4),
    );
  });
});
