/**
 * Modules with the face of `node:fs`, each doing the same work: ours on a volume in memory in both kinds of durability,
 * memfs, ZenFS, and the host's own on a file system in memory.
 *
 * Each group begins on an empty file system. What is timed is what a row says and nothing else; a volume is synced and
 * garbage collected between rows, so that no row pays for another.
 */

import type * as NodeFs from 'node:fs';
import * as hostFs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createVolume, type Volume } from 'littlefs-vfs';

export type Fs = typeof NodeFs;

/** A file system to work on. */
export interface Place {
  readonly fs: Fs;
  /** A directory with nothing in it. */
  readonly root: string;
  /** Done after each row, untimed. */
  settle(): void;
  end(): void | Promise<void>;
}

export interface Subject {
  readonly name: string;
  /** Runs are cut down to this. */
  readonly runsMax?: number;
  open(): Promise<Place>;
}

function ours(durability: 'close' | 'fsync'): Subject {
  return {
    name: `'${durability}'`,
    async open() {
      const volume: Volume = createVolume({ durability, size: 256 * 1024 * 1024 });
      volume.fs.mkdirSync('/w');
      return { fs: volume.fs as unknown as Fs, root: '/w', settle: () => volume.sync(), end: () => volume.close() };
    },
  };
}

function host(): Subject {
  const memory = '/dev/shm';
  const base = hostFs.existsSync(memory) ? memory : tmpdir();
  return {
    name: `host (${base})`,
    async open() {
      const root = hostFs.mkdtempSync(join(base, 'littlefs-vfs-bench-'));
      return { fs: hostFs, root, settle() {}, end: () => hostFs.rmSync(root, { recursive: true }) };
    },
  };
}

interface Memfs {
  Volume: new () => object;
  createFsFromVolume(volume: object): Fs;
}

interface ZenFs {
  configureSingle(options: { backend: unknown }): Promise<void>;
  InMemory: unknown;
  fs: Fs;
}

export interface Peers {
  readonly subjects: Subject[];
  /** What would have been compared with, and is not installed. */
  readonly missing: string[];
}

/** Those that are installed; `folder` is another place to look for them. */
export async function peers(folder: string | undefined): Promise<Peers> {
  const subjects: Subject[] = [];
  const missing: string[] = [];
  const memfs = await optional<Memfs>('memfs', folder);
  if (memfs === undefined) missing.push('memfs');
  else {
    subjects.push({
      name: `memfs ${memfs.version}`,
      async open() {
        const fs = memfs.module.createFsFromVolume(new memfs.module.Volume());
        fs.mkdirSync('/w');
        return { fs, root: '/w', settle() {}, end() {} };
      },
    });
  }
  const zenfs = await optional<ZenFs>('@zenfs/core', folder);
  if (zenfs === undefined) missing.push('@zenfs/core');
  else {
    const { configureSingle, InMemory, fs } = zenfs.module;
    subjects.push({
      name: `ZenFS ${zenfs.version}`,
      runsMax: 1,
      async open() {
        await configureSingle({ backend: InMemory });
        fs.mkdirSync('/w');
        return { fs, root: '/w', settle() {}, end() {} };
      },
    });
  }
  return { subjects, missing };
}

export const volumes: readonly Subject[] = [ours('fsync'), ours('close')];
export const hostSubject: Subject = host();

async function optional<T>(
  name: string,
  folder: string | undefined,
): Promise<{ module: T; version: string } | undefined> {
  const from = [import.meta.url];
  if (folder !== undefined) from.push(pathToFileURL(join(folder, 'index.js')).href);
  for (const each of from) {
    const require = createRequire(each);
    // Not every package exports its package.json.
    const home = require.resolve.paths(name)?.find((path) => hostFs.existsSync(join(path, name, 'package.json')));
    if (home === undefined) continue;
    const about = JSON.parse(hostFs.readFileSync(join(home, name, 'package.json'), 'utf8')) as {
      version: string;
      main?: string;
      exports?: { '.'?: { import?: string; default?: string } | string };
    };
    const dot = about.exports?.['.'];
    const entry = (typeof dot === 'string' ? dot : (dot?.import ?? dot?.default)) ?? about.main ?? 'index.js';
    const loaded = (await import(pathToFileURL(join(home, name, entry)).href)) as T & { default?: T };
    // Of a CommonJS module the default has everything, of others the names have.
    const module = { ...loaded.default, ...loaded } as T;
    return { module, version: about.version };
  }
  return undefined;
}

/** Called around the timed part of each row; `times` is how often that does what the row says. */
export type Measure = (row: string, times: number, work: () => void | Promise<void>) => Promise<void>;

export interface Group {
  readonly name: string;
  run(place: Place, measure: Measure): Promise<void>;
}

const data = Buffer.alloc(16 << 20, 'the same text again and again, ');
const small = data.subarray(0, 100);
const piece = 64 << 10;
const files = 5000;

const fileName = (i: number): string => `file${String(i).padStart(5, '0')}`;

/** 500 files of 100 bytes in 50 directories. */
function plant(fs: Fs, root: string): void {
  fs.mkdirSync(root);
  for (let k = 0; k < 50; k++) {
    const folder = `${root}/dir${String(k).padStart(2, '0')}`;
    fs.mkdirSync(folder);
    for (let i = 0; i < 10; i++) fs.writeFileSync(`${folder}/${fileName(i)}`, small);
  }
}

function streamed(stream: NodeFs.ReadStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    stream.on('error', reject);
    stream.on('end', () => (bytes === data.length ? resolve() : reject(new Error(`${bytes} bytes read`))));
  });
}

function poured(stream: NodeFs.WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let at = 0;
    const more = (): void => {
      while (at < data.length) {
        const free = stream.write(data.subarray(at, at + piece));
        at += piece;
        if (!free) {
          stream.once('drain', more);
          return;
        }
      }
      stream.end();
    };
    stream.on('error', reject);
    stream.on('finish', resolve);
    more();
  });
}

export const groups: readonly Group[] = [
  {
    name: 'small',
    async run({ fs, root }, measure) {
      const paths = Array.from({ length: files }, (_, i) => `${root}/d/${fileName(i)}`);
      const none = paths.map((path) => `${path}x`);
      fs.mkdirSync(`${root}/d`);
      await measure('writeFileSync 100 B, one directory', files, () => {
        for (const path of paths) fs.writeFileSync(path, small);
      });
      await measure('readFileSync', files, () => {
        for (const path of paths) fs.readFileSync(path);
      });
      await measure('statSync', files, () => {
        for (const path of paths) fs.statSync(path);
      });
      await measure('existsSync, hit', files, () => {
        for (const path of paths) fs.existsSync(path);
      });
      await measure('existsSync, miss', files, () => {
        for (const path of none) fs.existsSync(path);
      });
      await measure('readdirSync of 5,000', 10, () => {
        for (let k = 0; k < 10; k++) fs.readdirSync(`${root}/d`);
      });
      await measure('promises.readFile', files, async () => {
        for (const path of paths) await fs.promises.readFile(path);
      });
      await measure('promises.writeFile, over what there is', files, async () => {
        for (const path of paths) await fs.promises.writeFile(path, small);
      });
      await measure('unlinkSync', files, () => {
        for (const path of paths) fs.unlinkSync(path);
      });
      await measure('appendFileSync 100 B, one file', files, () => {
        for (let i = 0; i < files; i++) fs.appendFileSync(`${root}/log`, small);
      });
    },
  },
  {
    name: 'large',
    async run({ fs, root }, measure) {
      const path = `${root}/big`;
      await measure('write 16 MiB by descriptor, 64 KiB pieces', 1, () => {
        const fd = fs.openSync(path, 'w');
        for (let at = 0; at < data.length; at += piece) fs.writeSync(fd, data, at, piece);
        fs.closeSync(fd);
      });
      const buffer = Buffer.alloc(piece);
      await measure('read 16 MiB by descriptor, 64 KiB pieces', 1, () => {
        const fd = fs.openSync(path, 'r');
        for (let at = 0; at < data.length; at += piece) fs.readSync(fd, buffer, 0, piece, null);
        fs.closeSync(fd);
      });
      await measure('createReadStream 16 MiB', 1, () => streamed(fs.createReadStream(path)));
      fs.unlinkSync(path);
      await measure('createWriteStream 16 MiB', 1, () => poured(fs.createWriteStream(path)));
      fs.unlinkSync(path);
      await measure('writeFileSync 16 MiB', 1, () => fs.writeFileSync(path, data));
      await measure('readFileSync 16 MiB', 1, () => {
        if (fs.readFileSync(path).length !== data.length) throw new Error('something is missing');
      });
    },
  },
  {
    name: 'tree',
    async run({ fs, root }, measure) {
      plant(fs, `${root}/tree`);
      await measure('cpSync of a tree, 500 files in 50 directories', 1, () =>
        fs.cpSync(`${root}/tree`, `${root}/copy`, { recursive: true }),
      );
      await measure('rmSync of a tree, 500 files in 50 directories', 1, () =>
        fs.rmSync(`${root}/tree`, { recursive: true }),
      );
    },
  },
];
