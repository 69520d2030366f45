/**
 * Orphans: directories that are still in the thread of metadata pairs, but have no parent any more (or not yet),
 * because the power went between the two commits that removing and making directories may need.
 *
 * They are known by a flag in the global state, and taken away by the first write after a mount.
 */
import { describe, expect, it } from 'vitest';
import { LittleFS, O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';
import { exists, namesIn } from '../support/calls.ts';
import { geometries, geometryOf, type TestGeometry } from '../support/geometries.ts';
import { configOf, goldenBytes, goldenDevice, manifest } from '../support/golden.ts';
import { changeImage, globalState, headOf, imageOf, spoilLastCommit, threadOf } from '../support/on-disk.ts';
import { openTestFs, type TestFs } from '../support/open.ts';
import { allLossKinds, cutEverywhere, runUnderCuts } from '../support/powercut.ts';
import { type Pair, type, words } from '../support/raw-log.ts';
import { Wanderer, type WanderOptions } from '../support/wander.ts';

const long = process.env.LITTLEFS_LONG !== undefined;
const orphanFlag = 0x80000000;

describe.each(geometries)('on $name', (geometry) => {
  it('a directory whose removal stopped half-way is not seen, and the next write frees its blocks', () => {
    const fs = openTestFs(geometry);
    for (const path of ['parent', 'parent/orphan', 'parent/child']) fs.lfs.mkdir(path);
    fs.lfs.remove('parent/orphan');
    fs.unmount();
    expect(threadOf(imageOf(fs.device))).toHaveLength(3);
    // The last thing that the removal did was to take the pair out of the thread, in the pair before it.
    changeImage(fs.device, (image) => spoilLastCommit(image, headOf(image, 'parent/child')));
    expect(threadOf(imageOf(fs.device))).toHaveLength(4);
    expect(globalState(fs.device).orphans).toBe(true);

    const writes = fs.device.writes;
    for (const _ of [1, 2]) {
      const lfs = fs.remount();
      expect(namesIn(lfs, 'parent')).toEqual(['child']);
      expect(lfs.fsSize()).toBe(8);
    }
    expect(fs.device.writes, 'mounting and reading repair nothing').toBe(writes);

    fs.lfs.mkdir('parent/other');
    for (const lfs of fs.nowAndRemounted()) {
      expect(namesIn(lfs, 'parent')).toEqual(['child', 'other']);
      expect(exists(lfs, 'parent/orphan')).toBe(false);
      expect(lfs.fsSize(), 'one more, one less').toBe(8);
    }
    expect(globalState(fs.device).orphans).toBe(false);
    expect(threadOf(imageOf(fs.device))).toHaveLength(4);
  });

  it('a directory whose making stopped half-way is not seen, and the next write frees its blocks', () => {
    // In a directory of several pairs a new one gets into the thread before it gets its name.
    const fs = openTestFs(geometry);
    fs.lfs.mkdir('d');
    let count = 0;
    while (!isSplit(fs, 'd')) fs.lfs.open(`d/n${String(count++).padStart(3, '0')}`, O_WRONLY | O_CREAT).close();
    fs.unmount();
    const names = namesIn(LittleFS.mount(fs.device.fork(), fs.config), 'd');
    const before = LittleFS.mount(fs.device.fork(), fs.config).fsSize();
    let orphaned = 0;
    cutEverywhere(
      fs.device,
      fs.config,
      (lfs) => lfs.mkdir('d/half'),
      (lfs, { done }) => {
        if (!exists(lfs, 'd/half')) {
          expect(done).toBe(false);
          expect(namesIn(lfs, 'd')).toEqual(names);
          if (lfs.fsSize() > before) orphaned++;
          lfs.mkdir('d/whole');
          expect(lfs.fsSize()).toBeLessThanOrEqual(before + 4);
          expect(namesIn(lfs, 'd')).toEqual([...names, 'whole'].sort());
        } else expect(namesIn(lfs, 'd')).toEqual([...names, 'half'].sort());
      },
      { mode: 'noop' },
    );
    expect(orphaned, 'cuts that left the pair in the thread').toBeGreaterThan(0);
    fs.remount();
  });

  describe.each(['makeConsistent', 'a write'] as const)('%s', (by) => {
    const repair = (lfs: LittleFS) => {
      if (by === 'makeConsistent') lfs.makeConsistent();
      else lfs.open('f', O_WRONLY | O_CREAT).close();
    };

    it('takes back a flag that says orphans where there are none', () => {
      const fs = flagged(geometry, () => []);
      expect(globalState(fs.device).orphans).toBe(true);
      const lfs = fs.remount();
      expect(globalState(fs.device).orphans, 'mounting takes back nothing').toBe(true);
      repair(lfs);
      expect(globalState(fs.device).orphans).toBe(false);
      fs.remount();
      expect(globalState(fs.device).orphans).toBe(false);
    });

    it('removes a pair that no directory leads to', () => {
      const fs = flagged(geometry, (image) => {
        const orphan: Pair = [20, 21];
        image.replace(orphan[0], 7, [{ type: type.SOFTTAIL, data: words(0xffffffff, 0xffffffff) }]);
        return [{ type: type.SOFTTAIL, data: words(...orphan) }];
      });
      expect(globalState(fs.device).orphans).toBe(true);
      expect(threadOf(imageOf(fs.device))).toHaveLength(2);
      expect(fs.remount().fsSize()).toBe(4);
      repair(fs.lfs);
      for (const lfs of fs.nowAndRemounted()) expect(lfs.fsSize()).toBe(2);
      fs.unmount();
      expect(globalState(fs.device).orphans).toBe(false);
      expect(threadOf(imageOf(fs.device))).toHaveLength(1);
      fs.remount();
    });
  });
});

/** An empty file system whose global state says that there are orphans; `craft` gives further tags of that commit. */
function flagged(
  geometry: TestGeometry,
  craft: (image: ReturnType<typeof imageOf>) => { type: number; data: Uint8Array }[],
): TestFs {
  const fs = openTestFs(geometry);
  fs.unmount();
  changeImage(fs.device, (image) => {
    const tags = craft(image);
    image.append([0, 1], [...tags, { type: type.MOVESTATE, data: words(orphanFlag, 0, 0) }]);
  });
  return fs;
}

function isSplit(fs: TestFs, path: string): boolean {
  const image = imageOf(fs.device);
  return image.read(headOf(image, path)).tail?.type === type.HARDTAIL;
}

const interrupted = manifest.images.filter(({ name }) => name.startsWith('orphan_'));

it.each(interrupted)('C left an orphan behind, and the first write takes it away: $description', (image) => {
  const device = goldenDevice(image, image.config, goldenBytes(image.file));
  expect(globalState(device).orphans).toBe(true);
  const lfs = LittleFS.mount(device, configOf(image.config));
  lfs.open('/written', O_WRONLY | O_CREAT).close();
  lfs.unmount();
  expect(globalState(device)).toEqual({ orphans: false, move: undefined });
});

const walks: readonly Omit<WanderOptions, 'cycles'>[] = [
  { names: 6, depth: 1 },
  { names: 26, depth: 1 },
  { names: 3, depth: 3 },
];

describe('directories come and go at random', () => {
  const fitting = (geometry: TestGeometry, names: number, depth: number) => 2 * names ** depth < geometry.blockCount;

  it.each(
    geometries.flatMap((geometry) =>
      walks.filter(({ names, depth }) => fitting(geometry, names, depth)).map((walk) => ({ geometry, ...walk })),
    ),
  )('$names names, $depth levels deep ($geometry.name)', ({ geometry, names, depth }) => {
    const fs = openTestFs(geometry);
    const wanderer = new Wanderer({ names, depth, cycles: long ? 2000 : 300 });
    wanderer.wander(fs.lfs);
    for (const lfs of fs.nowAndRemounted()) wanderer.arrive(lfs);
    expect(wanderer.changes).toBeGreaterThan(100);
  });

  describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
    const shapes = long ? geometries : [geometryOf.default, geometryOf.emmc, geometryOf.nor, geometryOf.small128];
    it.each(
      walks.flatMap(({ names, depth }) =>
        shapes.filter((shape) => fitting(shape, names, depth)).map((geometry) => ({ geometry, names, depth })),
      ),
    )('$names names, $depth levels deep ($geometry.name)', ({ geometry, names, depth }) => {
      const wanderer = new Wanderer({ names, depth, cycles: 20 });
      const cuts = runUnderCuts({ geometry, stepping: long ? 'linear' : growing, ...cut }, ({ mount }) => {
        const lfs = mount();
        wanderer.arrive(lfs);
        wanderer.wander(lfs);
        lfs.unmount();
        wanderer.arrive(mount());
      });
      expect(cuts).toBeGreaterThan(10);
    });
  });
});

/** Every one of the first writes, then ever fewer. */
const growing = { first: 1, next: (after: number) => after + 1 + Math.floor(after / 16) };
