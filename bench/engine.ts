/**
 * The engine against C littlefs: the same configurations, the same operations, the same data, on a RAM device of
 * 64 MiB. Speed is measured on `RamDevice` as users have it; device operations are counted in a run of its own on a
 * device with only the four basic calls, so that no read is hidden by a fast path.
 *
 * C's numbers come from `reference/c-littlefs.json`, or from the file that `--c` names (a run of today on this machine).
 */

import { RamDevice } from 'littlefs-vfs/device';
import type { BlockDevice, LfsConfig } from 'littlefs-vfs/lfs';
import { LittleFS, O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from 'littlefs-vfs/lfs';

export const blockSize = 4096;
export const blockCount = 16384;

export const configs: Record<string, LfsConfig> = {
  typical: { readSize: 16, progSize: 16, cacheSize: 512, lookaheadSize: 128, blockCycles: 500 },
  host: { readSize: 16, progSize: 16, cacheSize: 4096, lookaheadSize: 2048, blockCycles: 500 },
};

export interface Counts {
  reads: number;
  readBytes: number;
  progs: number;
  progBytes: number;
  erases: number;
  syncs: number;
}

/** Only the four calls, each counted. */
export class CountingDevice implements BlockDevice {
  readonly blockSize = blockSize;
  readonly blockCount = blockCount;
  readonly counts: Counts = { reads: 0, readBytes: 0, progs: 0, progBytes: 0, erases: 0, syncs: 0 };
  private readonly inner: RamDevice = new RamDevice({ blockSize, blockCount });

  read(block: number, offset: number, target: Uint8Array): void {
    this.counts.reads++;
    this.counts.readBytes += target.length;
    this.inner.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.counts.progs++;
    this.counts.progBytes += source.length;
    this.inner.prog(block, offset, source);
  }

  erase(block: number): void {
    this.counts.erases++;
    this.inner.erase(block);
  }

  sync(): void {
    this.counts.syncs++;
  }
}

/** Called around the timed part of each row; `amount` is how many units were done. */
export type Measure = (row: string, unit: string, amount: number, work: () => void) => void;

const data = new Uint8Array(1 << 20);
for (let i = 0; i < data.length; i++) data[i] = (i * 31 + 7) & 255;

class XorShift {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }
}

function permutation(n: number, seed: number): number[] {
  const out = Array.from({ length: n }, (_, i) => i);
  const random = new XorShift(seed);
  for (let i = n - 1; i >= 1; i--) {
    const j = random.next() % (i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** Sizes of 50 to 20,480 bytes, evenly over the scale of their logarithms. */
function buildSizes(): number[] {
  const random = new XorShift(2463534242);
  return Array.from({ length: 2000 }, () => Math.floor(50 * (20480 / 50) ** (random.next() / 2 ** 32)));
}

const pad = (n: number, width: number): string => String(n).padStart(width, '0');
const fileName = (i: number): string => `file${pad(i, 5)}`;

function put(lfs: LittleFS, path: string, size: number): void {
  const file = lfs.open(path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(data, 0, size);
  file.close();
}

const small = new Uint8Array(100);

function read100(lfs: LittleFS, path: string): void {
  const file = lfs.open(path, O_RDONLY);
  file.read(small);
  file.close();
}

function fresh(device: BlockDevice, config: LfsConfig): LittleFS {
  LittleFS.format(device, config);
  return LittleFS.mount(device, config);
}

export interface Group {
  readonly name: string;
  run(device: BlockDevice, config: LfsConfig, measure: Measure): void;
}

function directoryGroup(n: number, withReads: boolean): Group {
  return {
    name: `dir${n}`,
    run(device, config, measure) {
      let lfs = fresh(device, config);
      lfs.mkdir('d');
      measure(`create 100B files, 1 dir, N=${n}`, 'files/s', n, () => {
        for (let i = 0; i < n; i++) put(lfs, `d/${fileName(i)}`, 100);
      });
      if (withReads) {
        const order = permutation(n, 12345);
        measure(`stat random order, 1 dir, N=${n}`, 'ops/s', n, () => {
          for (let i = 0; i < n; i++) lfs.stat(`d/${fileName(order[i]!)}`);
        });
        measure(`open+read+close 100B, 1 dir, N=${n}`, 'files/s', n, () => {
          for (let i = 0; i < n; i++) read100(lfs, `d/${fileName(i)}`);
        });
        measure(`list dir N=${n} (x5)`, 'entries/s', 5 * n, () => {
          for (let k = 0; k < 5; k++) {
            const dir = lfs.openDir('d');
            while (dir.read() !== undefined);
            dir.close();
          }
        });
        lfs.unmount();
        measure(`mount with N=${n} in 1 dir`, 'ops/s', 5, () => {
          for (let k = 0; k < 5; k++) LittleFS.mount(device, config).unmount();
        });
        lfs = LittleFS.mount(device, config);
      }
      measure(`unlink all, 1 dir, N=${n}`, 'files/s', n, () => {
        for (let i = 0; i < n; i++) lfs.remove(`d/${fileName(i)}`);
      });
      lfs.unmount();
    },
  };
}

export const groups: readonly Group[] = [
  {
    name: 'format',
    run(device, config, measure) {
      measure('format+mount+unmount', 'ops/s', 100, () => {
        for (let i = 0; i < 100; i++) fresh(device, config).unmount();
      });
    },
  },
  directoryGroup(100, false),
  directoryGroup(1000, true),
  directoryGroup(5000, true),
  {
    name: 'sub',
    run(device, config, measure) {
      const n = 5000;
      const lfs = fresh(device, config);
      for (let k = 0; k < 100; k++) lfs.mkdir(`s${pad(k, 2)}`);
      const path = (i: number): string => `s${pad(i % 100, 2)}/${fileName(i)}`;
      measure('create 100B files, 100 subdirs, N=5000', 'files/s', n, () => {
        for (let i = 0; i < n; i++) put(lfs, path(i), 100);
      });
      measure('stat, 100 subdirs, N=5000', 'ops/s', n, () => {
        for (let i = 0; i < n; i++) lfs.stat(path(i));
      });
      measure('open+read+close 100B, 100 subdirs, N=5000', 'files/s', n, () => {
        for (let i = 0; i < n; i++) read100(lfs, path(i));
      });
      measure('unlink all, 100 subdirs, N=5000', 'files/s', n, () => {
        for (let i = 0; i < n; i++) lfs.remove(path(i));
      });
      lfs.unmount();
    },
  },
  {
    name: 'io',
    run(device, config, measure) {
      const lfs = fresh(device, config);
      measure('seq write 16 MiB, 64 KiB chunks', 'MiB/s', 16, () => {
        const file = lfs.open('big', O_WRONLY | O_CREAT | O_TRUNC);
        for (let i = 0; i < 256; i++) file.write(data, 0, 65536);
        file.close();
      });
      const buffer = new Uint8Array(65536);
      measure('seq read 16 MiB, 64 KiB chunks', 'MiB/s', 16, () => {
        const file = lfs.open('big', O_RDONLY);
        for (let i = 0; i < 256; i++) file.read(buffer);
        file.close();
      });
      const reads = new XorShift(777);
      const page = new Uint8Array(4096);
      measure('random 4 KiB pread in 16 MiB', 'ops/s', 2000, () => {
        const file = lfs.open('big', O_RDONLY);
        for (let i = 0; i < 2000; i++) {
          file.seek(reads.next() % (16 * 1048576 - 4096));
          file.read(page);
        }
        file.close();
      });
      const f = lfs.open('f', O_WRONLY | O_CREAT | O_TRUNC);
      for (let i = 0; i < 16; i++) f.write(data, 0, 65536);
      f.close();
      const writes = new XorShift(999);
      measure('random 4 KiB overwrite + sync in 1 MiB', 'ops/s', 200, () => {
        const file = lfs.open('f', O_RDWR);
        for (let i = 0; i < 200; i++) {
          file.seek((writes.next() % 256) * 4096);
          file.write(data, 0, 4096);
          file.sync();
        }
        file.close();
      });
      const log = lfs.open('log', O_WRONLY | O_CREAT | O_APPEND);
      measure('append 100 B + sync x2000', 'ops/s', 2000, () => {
        for (let i = 0; i < 2000; i++) {
          log.write(data, 0, 100);
          log.sync();
        }
        log.close();
      });
      lfs.unmount();
    },
  },
  {
    name: 'rename',
    run(device, config, measure) {
      const lfs = fresh(device, config);
      lfs.mkdir('a');
      lfs.mkdir('b');
      for (let i = 0; i < 100; i++) put(lfs, `a/${fileName(i)}`, 100);
      const there = (from: (i: number) => string, to: (i: number) => string): void => {
        for (let k = 0; k < 20; k++) {
          for (let i = 0; i < 100; i++) {
            if (k % 2 === 0) lfs.rename(from(i), to(i));
            else lfs.rename(to(i), from(i));
          }
        }
      };
      measure('rename same dir (100 files)', 'ops/s', 2000, () =>
        there(
          (i) => `a/${fileName(i)}`,
          (i) => `a/ren${pad(i, 5)}`,
        ),
      );
      measure('rename across dirs (100 files)', 'ops/s', 2000, () =>
        there(
          (i) => `a/${fileName(i)}`,
          (i) => `b/${fileName(i)}`,
        ),
      );
      lfs.unmount();
    },
  },
  {
    name: 'build',
    run(device, config, measure) {
      const sizes = buildSizes();
      const lfs = fresh(device, config);
      measure('image build: 2000 files, 60 dirs', 'files/s', 2000, () => {
        for (let k = 0; k < 60; k++) lfs.mkdir(`dir${pad(k, 2)}`);
        for (let i = 0; i < 2000; i++) put(lfs, `dir${pad(i % 60, 2)}/${fileName(i)}`, sizes[i]!);
      });
      lfs.unmount();
      let again: LittleFS | undefined;
      measure('mount + fs_size of built image', 'ops/s', 1, () => {
        again = LittleFS.mount(device, config);
        again.fsSize();
      });
      again?.unmount();
    },
  },
];

/** One directory of many entries: does an operation cost the same however many there are? */
export function bigDirectory(n: number, measure: Measure): void {
  const config = configs.host!;
  const device = new RamDevice({ blockSize, blockCount: 65536 });
  const lfs = fresh(device, config);
  lfs.mkdir('d');
  measure(`create 100B, 1 dir, N=${n}`, 'files/s', n, () => {
    for (let i = 0; i < n; i++) put(lfs, `d/f${pad(i, 7)}`, 100);
  });
  const order = permutation(n, 12345);
  measure(`stat random, 1 dir, N=${n}`, 'ops/s', n, () => {
    for (let i = 0; i < n; i++) lfs.stat(`d/f${pad(order[i]!, 7)}`);
  });
  measure(`open+read+close random, 1 dir, N=${n}`, 'files/s', n, () => {
    for (let i = 0; i < n; i++) read100(lfs, `d/f${pad(order[i]!, 7)}`);
  });
  lfs.unmount();
}
