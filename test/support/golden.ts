/**
 * The golden images: written by C littlefs, described in `test/golden/manifest.json`. Reads them, and replays the
 * operations that made one on our engine.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type BadBlockMode, FlashDevice, PowerLoss } from '../../src/device/index.ts';
import type { LfsFile } from '../../src/lfs/index.ts';
import {
  type BlockDevice,
  type LfsConfig,
  LfsError,
  LittleFS,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_SET,
} from '../../src/lfs/index.ts';
import { content } from './content.ts';

export interface CConfig {
  block_size: number;
  block_count: number;
  read_size: number;
  prog_size: number;
  cache_size: number;
  lookahead_size: number;
  block_cycles: number;
  name_max: number;
  file_max: number;
  attr_max: number;
  metadata_max: number;
  inline_max: number;
  compact_thresh: number;
  disk_version: number;
}

export interface GoldenOp {
  op: string;
  path?: string;
  path_hex?: string;
  to?: string;
  to_hex?: string;
  size?: number;
  seed?: number;
  offset?: number;
  n?: number;
  type?: number;
  value?: string;
  block?: number;
  mode?: string;
  after?: number;
  block_count?: number;
  set?: Partial<CConfig>;
  result?: string;
  chunk?: number;
  result_stage?: string;
}

export interface TreeNode {
  path?: string;
  path_hex?: string;
  type: 'file' | 'dir';
  size?: number;
  sha256?: string;
  attrs?: Record<string, string>;
}

export interface GoldenImage {
  name: string;
  file: string;
  group: string;
  description: string;
  config: CConfig;
  create_config: CConfig;
  device_blocks: number;
  image_size: number;
  image_sha256: string;
  ops: GoldenOp[];
  fsinfo: {
    disk_version: string;
    block_size: number;
    block_count: number;
    name_max: number;
    file_max: number;
    attr_max: number;
  };
  fs_size_blocks: number;
  tree: TreeNode[];
  after_mkconsistent: { rc: string; image_sha256: string };
  c_readonly_view_missing?: { path: string }[];
}

export interface HostileImage {
  name: string;
  file: string;
  description: string;
  image_size: number;
  device_blocks: number;
  mounts: { config: CConfig; c_result: Record<string, unknown> & { mount?: string; crash?: string } }[];
}

interface Manifest {
  images: GoldenImage[];
  hostile: HostileImage[];
}

const folder = new URL('../golden/', import.meta.url);

export const manifest: Manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as Manifest;

export function goldenBytes(file: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(new URL(file, folder))));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** C's configuration in our names. Zero means C's default in both. */
export function configOf(c: CConfig): LfsConfig {
  return {
    blockSize: c.block_size,
    blockCount: c.block_count,
    readSize: c.read_size,
    progSize: c.prog_size,
    cacheSize: c.cache_size,
    lookaheadSize: c.lookahead_size,
    blockCycles: c.block_cycles,
    nameMax: c.name_max,
    fileMax: c.file_max,
    attrMax: c.attr_max,
    metadataMax: c.metadata_max,
    inlineMax: c.inline_max,
    compactThresh: c.compact_thresh,
    diskVersion: c.disk_version,
  };
}

function bytesPath(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** A simulated device that does what the golden images' device did: programming copies. */
export function goldenDevice(
  image: { create_config?: CConfig; device_blocks: number },
  config: CConfig,
  bytes?: Uint8Array,
): FlashDevice {
  return new FlashDevice({
    blockSize: config.block_size,
    blockCount: image.device_blocks,
    readSize: config.read_size,
    progSize: config.prog_size,
    nor: false,
    ...(bytes ? { image: bytes } : {}),
  });
}

// The manifest's 'prognoop' ignores erases as well.
const badModes: Record<string, BadBlockMode> = {
  progerror: 'progerror',
  eraseerror: 'eraseerror',
  readerror: 'readerror',
  prognoop: 'erasenoop',
};

/** What an operation of the list came to, in the manifest's words; `undefined` for success. */
export type OpResult = string | undefined;

/** Replays an image's operations; returns what each came to. */
export function replay(image: GoldenImage, device: FlashDevice): OpResult[] {
  let config = { ...image.create_config };
  let lfs: LittleFS | undefined;
  const handles = new Map<number, LfsFile>();
  const results: OpResult[] = [];
  for (const op of image.ops) {
    const path = op.path_hex !== undefined ? bytesPath(op.path_hex) : (op.path ?? '/');
    const to = op.to_hex !== undefined ? bytesPath(op.to_hex) : (op.to ?? '/');
    let result: OpResult;
    try {
      switch (op.op) {
        case 'cfg':
          config = { ...config, ...op.set };
          break;
        case 'format':
          LittleFS.format(device, configOf(config));
          break;
        case 'mount':
          lfs = LittleFS.mount(device, configOf(config));
          break;
        case 'unmount':
          lfs!.unmount();
          break;
        case 'mkdir':
          lfs!.mkdir(path);
          break;
        case 'remove':
          lfs!.remove(path);
          break;
        case 'rename':
          lfs!.rename(path, to);
          break;
        case 'write':
          writeFile(lfs!, path, op.size!, op.seed!, op.chunk);
          break;
        case 'churn':
          for (let i = 0; i < op.n!; i++) writeFile(lfs!, path, op.size!, (op.seed! + i) >>> 0);
          break;
        case 'append':
          withFile(lfs!, path, O_WRONLY | O_CREAT | O_APPEND, (file) => {
            file.write(content(op.size!, op.seed!));
          });
          break;
        case 'pwrite':
          withFile(lfs!, path, O_WRONLY | O_CREAT, (file) => {
            file.seek(op.offset!, SEEK_SET);
            file.write(content(op.size!, op.seed!));
          });
          break;
        case 'truncate':
          withFile(lfs!, path, O_RDWR, (file) => file.truncate(op.size!));
          break;
        case 'setattr':
          lfs!.setAttr(path, op.type!, new Uint8Array(Buffer.from(op.value!, 'hex')));
          break;
        case 'removeattr':
          lfs!.removeAttr(path, op.type!);
          break;
        case 'gc':
          lfs!.gc();
          break;
        case 'grow':
          lfs!.grow(op.block_count!);
          break;
        case 'bad':
          device.setBad(op.block!, badModes[op.mode!]!);
          break;
        case 'powerloss':
          device.cutPower({ after: op.after!, mode: op.mode as never });
          break;
        default:
          throw new Error(`the manifest has an operation '${op.op}' that replay does not know`);
      }
    } catch (error) {
      if (error instanceof PowerLoss) {
        results.push('POWER_LOSS');
        return results;
      }
      if (!(error instanceof LfsError)) throw error;
      result = error.code;
    }
    results.push(result);
  }
  for (const file of handles.values()) file.close();
  return results;
}

function withFile(lfs: LittleFS, path: string | Uint8Array, flags: number, work: (file: LfsFile) => void): void {
  const file = lfs.open(path, flags);
  try {
    work(file);
  } catch (error) {
    // The one who made the images closed the file also after a failure.
    file.close();
    throw error;
  }
  file.close();
}

function writeFile(lfs: LittleFS, path: string | Uint8Array, size: number, seed: number, chunk?: number): void {
  withFile(lfs, path, O_WRONLY | O_CREAT | O_TRUNC, (file) => {
    const bytes = content(size, seed);
    const step = chunk ?? size;
    for (let at = 0; at < size; at += step) file.write(bytes, at, Math.min(step, size - at));
  });
}

/** The whole tree as the manifest has it. */
export function readTree(lfs: LittleFS): (TreeNode & { key: string })[] {
  const out: (TreeNode & { key: string })[] = [];
  const visit = (path: Uint8Array): void => {
    const isRoot = path.length === 1;
    const info = lfs.stat(path);
    const node: TreeNode & { key: string } = { key: Buffer.from(path).toString('hex'), type: info.type };
    const attrs = lfs.listAttrs(path);
    if (attrs.length > 0) {
      node.attrs = Object.fromEntries(
        attrs.map(({ type }) => [String(type), Buffer.from(lfs.getAttr(path, type)!).toString('hex')]),
      );
    }
    if (info.type === 'file') {
      const file = lfs.open(path, 1);
      const bytes = new Uint8Array(file.size());
      file.read(bytes);
      file.close();
      node.size = bytes.length;
      node.sha256 = sha256(bytes);
    }
    out.push(node);
    if (info.type === 'file') return;
    for (const child of lfs.openDir(path)) {
      if (child.name === '.' || child.name === '..') continue;
      visit(new Uint8Array([...path, ...(isRoot ? [] : [0x2f]), ...child.nameBytes]));
    }
  };
  visit(new Uint8Array([0x2f]));
  return out;
}

export function treeKey(node: TreeNode): string {
  return node.path_hex ?? Buffer.from(node.path!, 'utf8').toString('hex');
}

export type { BlockDevice };
