/**
 * How many points of a run a crash test looks at in a second: on 64 blocks with 20 files, and on a device of 16 MiB with
 * the same files, which is to cost little more.
 *
 *   explored   points whose answer is known, be it because nothing in use has changed since the point before
 *   judged     those of them that were mounted, walked, mended, checked and shown to the user's check
 */

import { type CrashTestOptions, crashTest, faults } from 'littlefs-vfs/crash';

interface Row {
  readonly row: string;
  readonly options: CrashTestOptions;
}

const device = { blockSize: 4096, blockCount: 64, progSize: 16, readSize: 16 };
const large = { ...device, blockCount: 4096 };

/** 20 files are there; a log grows, and a file is replaced now and then. */
const workload: CrashTestOptions = {
  setup: ({ fs }) => {
    for (let i = 0; i < 20; i++) fs.writeFileSync(`/file-${i}`, 'x'.repeat(100 + 150 * i));
  },
  workload: ({ fs, ack }) => {
    for (let i = 0; i < 300; i++) {
      const name = `/file-${i % 20}`;
      fs.writeFileSync(`${name}.tmp`, `${i} `.repeat(20 + (i % 7) * 200));
      fs.renameSync(`${name}.tmp`, name);
      ack({ last: i });
    }
  },
  check: ({ fs, acked, expect }) => {
    const last = acked.last as number | undefined;
    if (last === undefined) return;
    const is = fs.readFileSync(`/file-${last % 20}`, 'latin1').split(' ', 1)[0];
    expect.oneOf(is, [`${last}`, `${last + 20}`], 'the last file saved');
  },
};

const everyPoint = { mode: 'auto', budget: { points: 1_000_000 } } as const;

const rows: readonly Row[] = [
  { row: '64 x 4 KiB, torn programs and erases', options: { ...workload, device, explore: everyPoint } },
  { row: '4,096 x 4 KiB, the same', options: { ...workload, device: large, explore: everyPoint } },
  {
    row: '64 x 4 KiB, whole programs',
    options: { ...workload, device, faults: [faults.powerLoss({ torn: 'none', erase: 'none' })], explore: everyPoint },
  },
  {
    row: '64 x 4 KiB, up to 2 writes missing',
    options: { ...workload, device, faults: [faults.powerLoss({ reorder: 2 })], explore: everyPoint },
  },
];

function rate(count: number, ms: number): string {
  const perSecond = (count * 1000) / ms;
  return perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(0)}k/s` : `${perSecond.toFixed(0)}/s`;
}

export async function crashTable(runs: number, print: (line?: string) => void): Promise<void> {
  print('## Crash tests');
  print();
  print('One core. 20 files, 300 of them replaced; every point of the run. Median of the runs, recording included.');
  print();
  print('| row | points | judged | explored a second | judged a second |');
  print('|---|---:|---:|---:|---:|');
  for (const { row, options } of rows) {
    const times: number[] = [];
    let last = await crashTest(options);
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      last = await crashTest(options);
      times.push(performance.now() - start);
    }
    const [failure] = last.failures;
    if (failure !== undefined) throw new Error(`${row}: ${failure.id} ${failure.message}`);
    const ms = times.sort((a, b) => a - b)[times.length >> 1]!;
    print(`| ${row} | ${last.explored} | ${last.judged} | ${rate(last.explored, ms)} | ${rate(last.judged, ms)} |`);
  }
}
