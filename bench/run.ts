/**
 * `npm run bench`: all tables. `npm run bench -- --runs 9 --only io --c c.json` narrows it down: `--only` takes names of
 * the engine's groups, `flat`, `fs` and `crash`, with commas. `--subjects memfs,fsync` leaves out others of `fs`, and `--peers`
 * names a folder where else to look for modules to compare with; `--cpu` measures CPU time there. `--write` puts the result into `bench/RESULTS.md`,
 * each section in the place of its last one.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { RamDevice } from 'littlefs-vfs/device';
import { crashTable } from './crash.js';
import {
  bigDirectory,
  blockCount,
  blockSize,
  CountingDevice,
  type Counts,
  configs,
  groups,
  type Measure,
} from './engine.js';
import { fsTable } from './fs-table.js';

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    c: { type: 'string' },
    write: { type: 'boolean', default: false },
    'no-counts': { type: 'boolean', default: false },
    cpu: { type: 'boolean', default: false },
    peers: { type: 'string' },
    subjects: { type: 'string' },
  },
});

interface CRow extends Counts {
  row: string;
  config: string;
  unit: string;
  value: number;
}

const reference = JSON.parse(
  readFileSync(options.c ?? new URL('../reference/c-littlefs.json', import.meta.url), 'utf8'),
) as { rows: CRow[] } | CRow[];
const cRows = Array.isArray(reference) ? reference : reference.rows;

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function timer(into: Map<string, number[]>): Measure {
  return (row, _unit, amount, work) => {
    const start = process.hrtime.bigint();
    work();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const rates = into.get(row) ?? [];
    rates.push(amount / seconds);
    into.set(row, rates);
  };
}

function counter(device: CountingDevice, into: Map<string, Counts>): Measure {
  return (row, _unit, _amount, work) => {
    const before = { ...device.counts };
    work();
    const after = device.counts;
    into.set(row, {
      reads: after.reads - before.reads,
      readBytes: after.readBytes - before.readBytes,
      progs: after.progs - before.progs,
      progBytes: after.progBytes - before.progBytes,
      erases: after.erases - before.erases,
      syncs: after.syncs - before.syncs,
    });
  };
}

function short(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(n >= 1e7 ? 0 : 1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(0)}k`;
  if (n >= 100) return n.toFixed(0);
  return n.toFixed(1);
}

/** One device for all, as C's: its memory has been touched before anything is timed. */
const ram = new RamDevice({ blockSize, blockCount });

function erased(device: RamDevice): RamDevice {
  for (let block = 0; block < device.blockCount; block++) device.erase(block);
  return device;
}

const lines: string[] = [];
const print = (line = ''): void => {
  lines.push(line);
  console.log(line);
};

const only = options.only?.split(',');
const runs = Number(options.runs);

function engineTable(): void {
  const ratios: number[] = [];
  const flagged: string[] = [];
  let slower = 0;
  let moreReads = 0;
  let otherWrites = 0;

  print('## Engine against C littlefs 2.11.3 (-O2)');
  print();
  print(
    "RAM device of 64 MiB, 16,384 blocks of 4,096; `typical` is a cache of 512 bytes and a lookahead of 128, `host` 4,096 and 2,048. Reads, programs and erases: ours / C's, counted on a device without fast paths.",
  );
  for (const [name, config] of Object.entries(configs)) {
    print();
    print(`### ${name}`);
    print();
    print('| row | unit | C | ours | ours / C | reads | programs | erases |');
    print('|---|---|---:|---:|---:|---:|---:|---:|');
    for (const group of groups) {
      if (only && !only.includes(group.name)) continue;
      const rates = new Map<string, number[]>();
      // C is compiled before it runs: let ours be, too.
      const warm = Date.now() + 400;
      do group.run(erased(ram), config, (_row, _unit, _amount, work) => work());
      while (Date.now() < warm);
      for (let i = 0; i < runs; i++) group.run(erased(ram), config, timer(rates));
      const counts = new Map<string, Counts>();
      if (!options['no-counts']) {
        const device = new CountingDevice();
        group.run(device, config, counter(device, counts));
      }
      for (const [row, values] of rates) {
        const c = cRows.find((candidate) => candidate.row === row && candidate.config === name);
        const ours = median(values);
        const n = counts.get(row);
        const ratio = c ? ours / c.value : Number.NaN;
        if (c) {
          ratios.push(ratio);
          if (ratio < 1) slower++;
          if (n && (n.reads > c.reads || n.readBytes > c.readBytes)) {
            moreReads++;
            flagged.push(`${row} (${name}): ${n.reads} reads of ${n.readBytes} bytes, C ${c.reads} of ${c.readBytes}`);
          }
          if (n && (n.progs !== c.progs || n.erases !== c.erases || n.progBytes !== c.progBytes)) otherWrites++;
        }
        const pair = (key: keyof Counts): string => (n ? `${n[key]} / ${c ? c[key] : '-'}` : '-');
        print(
          `| ${row} | ${c?.unit ?? ''} | ${c ? short(c.value) : '-'} | ${short(ours)} | ${ratio.toFixed(1)} | ${pair('reads')} | ${pair('progs')} | ${pair('erases')} |`,
        );
      }
    }
  }
  print();
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  print(
    `Geometric mean of ${ratios.length} rows: ${mean.toFixed(1)} x C. Rows slower than C: ${slower}. Rows with more reads than C: ${moreReads}. Rows with other programs or erases than C: ${otherWrites}.`,
  );

  for (const line of flagged) print(`- more reads: ${line}`);
}

function flatTable(): void {
  print('## One directory, many entries');
  print();
  print('| row | rate | per operation |');
  print('|---|---:|---:|');
  for (const n of [1000, 10_000, 100_000]) {
    const rates = new Map<string, number[]>();
    const repeat = n <= 1000 ? 20 : n <= 10_000 ? 5 : 3;
    for (let i = 0; i < repeat; i++) bigDirectory(n, timer(i === 0 && repeat > 1 ? new Map() : rates));
    for (const [row, values] of rates)
      print(`| ${row} | ${short(median(values))}/s | ${(1e6 / median(values)).toFixed(2)} us |`);
  }
}

print(`# Bench`);
print();
print(
  `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${new Date().toISOString().slice(0, 10)}. Median of ${runs} runs, warmed up before.`,
);
print();
const wants = (name: string): boolean => !only || only.includes(name);
if (groups.some(({ name }) => wants(name))) engineTable();
if (wants('flat')) {
  if (lines.at(-1) !== '') print();
  flatTable();
}
if (wants('fs')) {
  if (lines.at(-1) !== '') print();
  await fsTable({ runs, cpu: options.cpu, peers: options.peers, subjects: options.subjects?.split(','), print });
}
if (wants('crash')) {
  if (lines.at(-1) !== '') print();
  await crashTable(runs, print);
}

/** Sections of what was printed, and those of `older` that were not. */
function merged(older: string): string {
  const sections = new Map<string, string>();
  for (const text of [older, lines.join('\n')]) {
    for (const part of text.split(/^(?=## )/m))
      sections.set(part.startsWith('## ') ? part.split('\n', 1)[0]! : '', part);
  }
  return `${[...sections.values()].map((part) => part.trimEnd()).join('\n\n')}\n`;
}

if (options.write) {
  const results = new URL('../RESULTS.md', import.meta.url);
  writeFileSync(results, merged(only && existsSync(results) ? readFileSync(results, 'utf8') : ''));
}
