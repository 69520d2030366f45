/** Runs the rows of `fs.ts` and prints them as a table: milliseconds, and who is how much faster. */

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { groups, hostSubject, type Place, peers, type Subject, volumes } from './fs.js';

export interface FsTableOptions {
  readonly runs: number;
  /** Measure what the process used, all threads together, rather than what the clock says: for a busy machine. */
  readonly cpu: boolean;
  /** Another folder whose `node_modules` has modules to compare with. */
  readonly peers: string | undefined;
  /** Parts of the names of the subjects wanted. */
  readonly subjects: readonly string[] | undefined;
  readonly print: (line?: string) => void;
}

interface CRow {
  readonly row: string;
  readonly ms: number;
}

/** Rows that are other ways to do what C does in a row of another name. */
const sameForC: Record<string, string> = {
  'existsSync, hit': 'statSync',
  'promises.readFile': 'readFileSync',
  'createReadStream 16 MiB': 'read 16 MiB by descriptor, 64 KiB pieces',
  'createWriteStream 16 MiB': 'write 16 MiB by descriptor, 64 KiB pieces',
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** Times of each row in milliseconds. */
type Times = Map<string, number[]>;

const timesOf: Map<string, number> = new Map();

type Now = () => number;

const byClock: Now = () => Number(process.hrtime.bigint()) / 1e6;
const byCpu: Now = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};

async function runOnce(subject: Subject, group: (typeof groups)[number], now: Now, times: Times): Promise<void> {
  const place: Place = await subject.open();
  try {
    await group.run(place, async (row, repeated, work) => {
      timesOf.set(row, repeated);
      const start = now();
      const pending = work();
      if (pending !== undefined) await pending;
      const ms = now() - start;
      const all = times.get(row);
      if (all === undefined) times.set(row, [ms]);
      else all.push(ms);
      place.settle();
      collectGarbage();
    });
  } finally {
    await place.end();
  }
}

const ms = (value: number | undefined): string =>
  value === undefined ? '-' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const ratio = (value: number | undefined): string =>
  value === undefined ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2);

function mean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, each) => sum + Math.log(each), 0) / ratios.length);
}

export async function fsTable({ runs, cpu, peers: folder, subjects: wanted, print }: FsTableOptions): Promise<void> {
  const now = cpu ? byCpu : byClock;
  const { subjects: others, missing } = await peers(folder);
  const subjects = [hostSubject, ...others, ...volumes].filter(
    ({ name }) => wanted === undefined || wanted.some((part) => name.includes(part)),
  );
  const c = new Map(
    (
      JSON.parse(readFileSync(new URL('../reference/c-littlefs-fs.json', import.meta.url), 'utf8')) as { rows: CRow[] }
    ).rows.map(({ row, ms }) => [row, ms]),
  );

  const results = new Map<Subject, Times>(subjects.map((subject) => [subject, new Map()]));
  for (const group of groups) {
    for (const subject of subjects) {
      // Everything is compiled before it counts, if it does not take for ever.
      const warmUps = subject.runsMax === undefined ? 2 : 0;
      for (let i = 0; i < warmUps; i++) await runOnce(subject, group, now, new Map());
    }
    for (let run = 0; run < runs; run++) {
      for (const subject of subjects) {
        if (run < (subject.runsMax ?? runs)) await runOnce(subject, group, now, results.get(subject)!);
      }
    }
  }

  const [fsync, close] = volumes;
  const memfs = subjects.find(({ name }) => name.startsWith('memfs'));
  const of = (subject: Subject | undefined, row: string): number | undefined => {
    const times = subject && results.get(subject)?.get(row);
    return times && median(times);
  };
  const over = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : a / b;
  const columns = [
    { of: 'memfs', and: "'fsync'", ratios: [] as number[], slower: [] as string[] },
    { of: 'memfs', and: "'close'", ratios: [] as number[], slower: [] as string[] },
    { of: 'C', and: "'close'", ratios: [] as number[], slower: [] as string[] },
  ];

  print('## A `node:fs` in memory');
  print();
  print(
    `Milliseconds${cpu ? ' of CPU time' : ''} for a whole row, the median; less is better. Volumes are what \`createVolume\` makes, in both kinds of durability; they are synced after each row, untimed. ZenFS runs once. C littlefs does the same work without attributes (-O2, a RAM device whose memory is warm, the best of 15 by CPU time; of small files one run): opening, reading or writing, closing; trees by a recursion of its own. It has neither promises nor streams: these rows stand against its plain reads and writes. The last three columns say how many times as long the other takes: above 1 we are faster.`,
  );
  if (missing.length > 0) print(`\nNot installed, so not compared with: ${missing.join(', ')}.`);
  print();
  const heads = columns.map((column) => `${column.of} / ${column.and}`);
  print(`| row | times | ${subjects.map(({ name }) => name).join(' | ')} | C | ${heads.join(' | ')} |`);
  print(`|---|---:|${subjects.map(() => '---:|').join('')}---:|---:|---:|---:|`);
  for (const [row, times] of timesOf) {
    const cMs = c.get(sameForC[row] ?? row);
    const values = [
      over(of(memfs, row), of(fsync, row)),
      over(of(memfs, row), of(close, row)),
      over(cMs, of(close, row)),
    ];
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      columns[i]!.ratios.push(value);
      if (value < 1) columns[i]!.slower.push(row);
    }
    const all = subjects.map((subject) => ms(of(subject, row)));
    print(
      `| ${row} | ${times.toLocaleString('en')} | ${all.join(' | ')} | ${ms(cMs)} | ${values.map(ratio).join(' | ')} |`,
    );
  }
  print();
  for (const column of columns) {
    if (column.ratios.length === 0) continue;
    print(
      `- ${column.of} / ${column.and}: ${mean(column.ratios).toFixed(2)} in the geometric mean of ${column.ratios.length} rows; slower: ${column.slower.length === 0 ? 'none' : column.slower.join('; ')}.`,
    );
  }
}
