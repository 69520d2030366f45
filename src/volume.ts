/**
 * Volumes: a device, the file system on it, and the faces to it, under one name.
 *
 * @module
 */

import { RamDevice, ReadonlyDevice, SliceDevice } from './device/index.ts';
import { detectFile, FileDevice } from './device/node/index.ts';
import { createFs, type NodeFs } from './fs-compat/index.ts';
import { type BlockDevice, detectGeometry, type Geometry, type LfsConfig, LfsError, LittleFS } from './lfs/index.ts';
import { type Durability, type MetadataProfile, Vfs } from './vfs/index.ts';

export interface VolumeOptions extends LfsConfig {
  /** Where modes, owners, times and links are kept. New volumes: `'posix'`; opened ones: as their entries show. */
  readonly metadata?: MetadataProfile | undefined;
  /** When what was written is on the image: `'close'`, littlefs's promise, or `'fsync'`, POSIX's. */
  readonly durability?: Durability | undefined;
  readonly readOnly?: boolean | undefined;
  /** Files may have several names, each of which takes the space of a copy; unless said only where some have. */
  readonly hardLinks?: boolean | undefined;
  /** Who uses it: 0, who may do everything, unless said. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly groups?: readonly number[] | undefined;
  /** Permission bits that new entries do not get; the process's unless said. */
  readonly umask?: number | (() => number) | undefined;
  /** Where relative paths begin; the process's working directory unless said. */
  readonly cwd?: (() => string) | undefined;
  /** Milliseconds since 1970, for times; the system's clock unless said. */
  readonly clock?: (() => number) | undefined;
  /** With `durability: 'fsync'`, how long changes may wait: 100 ms unless said. */
  readonly flushDelayMs?: number | undefined;
}

export interface CreateOptions extends VolumeOptions {
  /** Bytes, in place of `blockCount`. */
  readonly size?: number | undefined;
}

export interface OpenOptions extends VolumeOptions {
  /** Byte at which the file system begins (default 0). */
  readonly offset?: number | undefined;
  /** Bytes that belong to it. */
  readonly length?: number | undefined;
  /** Makes a new file system: where everything is erased or zero (`'if-blank'`), or whatever there is (`'always'`). */
  readonly format?: 'if-blank' | 'always' | undefined;
  /** Bytes, in place of `blockCount`. */
  readonly size?: number | undefined;
}

export interface OpenImageOptions extends OpenOptions {
  /** Makes the file if there is none; it needs `format`, `blockSize`, and `blockCount` or `size` then. */
  readonly create?: boolean | undefined;
}

const BLOCK_SIZE = 4096;
const BLOCK_COUNT = 16384;

function invalid(message: string): LfsError {
  return new LfsError('LFS_ERR_INVAL', message);
}

function blockCountOf(size: number | undefined, blockCount: number | undefined, blockSize: number): number | undefined {
  if (size === undefined) return blockCount;
  if (!Number.isSafeInteger(size) || size <= 0 || size % blockSize !== 0)
    throw invalid(`size is ${size}; allowed: multiples of blockSize, ${blockSize}`);
  if (blockCount !== undefined && blockCount * blockSize !== size)
    throw invalid(`size is ${size}, but ${blockCount} blocks of ${blockSize} bytes are ${blockCount * blockSize}`);
  return size / blockSize;
}

/** A new, empty file system in memory: 64 MiB in blocks of 4096 bytes unless said; only what is written takes memory. */
export function createVolume(options: CreateOptions = {}): Volume {
  const { blockSize = BLOCK_SIZE, size } = options;
  const blockCount = blockCountOf(size, options.blockCount, blockSize) ?? BLOCK_COUNT;
  const device = new RamDevice({
    blockSize,
    blockCount,
    ...(options.readSize === undefined ? {} : { readSize: options.readSize }),
    ...(options.progSize === undefined ? {} : { progSize: options.progSize }),
  });
  const config = { ...options, blockSize, blockCount };
  LittleFS.format(device, config);
  return new Volume(device, { metadata: 'posix', durability: 'fsync', ...config });
}

/** Mounts what bytes or a device hold. Bytes are copied; `toImage` gives them back. */
export function openVolume(source: Uint8Array | BlockDevice, options: OpenOptions = {}): Volume {
  if (source instanceof Uint8Array) {
    const { offset = 0, length = source.length - offset } = options;
    if (offset < 0 || length < 0 || offset + length > source.length)
      throw invalid(`offset ${offset} and length ${length} do not lie within the ${source.length} bytes of the image`);
    const bytes = source.subarray(offset, offset + length);
    const geometry = geometryFor(options, (detect) => (detect ? detectGeometry(bytes) : undefined));
    const blockCount = geometry.blockCount ?? Math.ceil(bytes.length / geometry.blockSize);
    const blocks = Math.max(blockCount, Math.ceil(bytes.length / geometry.blockSize));
    const device = new RamDevice({ blockSize: geometry.blockSize, blockCount: blocks, image: bytes });
    return mountOn(device, { durability: 'fsync', ...options, blockSize: geometry.blockSize });
  }
  const { offset = 0, length } = options;
  if (offset === 0 && length === undefined) return mountOn(source, options);
  const { blockSize } = source;
  if (offset % blockSize !== 0 || (length !== undefined && length % blockSize !== 0))
    throw invalid(
      `offset ${offset} and length ${length} of a device must be multiples of its block size, ${blockSize}`,
    );
  const window = { offset, ...(length === undefined ? {} : { blockCount: length / blockSize }) };
  return mountOn(new SliceDevice({ device: source, ...window }), options);
}

interface WantedGeometry {
  readonly blockSize: number;
  readonly blockCount: number | undefined;
}

/** What is asked for, else what the image says of itself. */
function geometryFor(options: OpenOptions, detect: (needed: boolean) => Geometry | undefined): WantedGeometry {
  const { format } = options;
  if (format !== undefined && format !== 'if-blank' && format !== 'always')
    throw invalid(`format is ${JSON.stringify(format)}; allowed: 'if-blank', 'always', or nothing`);
  const found = options.blockSize === undefined ? detect(format !== 'always') : undefined;
  const blockSize = options.blockSize ?? found?.blockSize;
  if (blockSize === undefined) {
    throw new LfsError(
      format === undefined ? 'LFS_ERR_CORRUPT' : 'LFS_ERR_INVAL',
      format === undefined
        ? 'no littlefs superblock was found; pass blockSize to look for a damaged one, or format to make a new file system'
        : 'to make a new file system blockSize is needed',
    );
  }
  return { blockSize, blockCount: blockCountOf(options.size, options.blockCount, blockSize) ?? found?.blockCount };
}

/** A file of the host. */
export function openImageSync(path: string, options: OpenImageOptions = {}): Volume {
  const { readOnly = false, create = false, offset = 0, length } = options;
  const at = { offset, ...(length === undefined ? {} : { length }), readOnly };
  const geometry = geometryFor(options, (needed) => (needed ? detectFile(path, { offset, length }) : undefined));
  const { blockSize, blockCount } = geometry;
  const device = FileDevice.open(path, {
    blockSize,
    ...(blockCount === undefined ? {} : { blockCount }),
    ...at,
    create,
  });
  try {
    return mountOn(device, { ...options, blockSize });
  } catch (error) {
    device.close();
    throw error;
  }
}

export async function openImage(path: string, options: OpenImageOptions = {}): Promise<Volume> {
  return openImageSync(path, options);
}

function mountOn(device: BlockDevice, options: OpenOptions): Volume {
  const { format } = options;
  const blockCount = blockCountOf(options.size, options.blockCount, device.blockSize);
  const config: LfsConfig = { ...options, blockCount };
  const target = options.readOnly === true ? new ReadonlyDevice({ device }) : device;
  if (format === 'always' || (format === 'if-blank' && isBlank(device))) {
    LittleFS.format(target, config);
    return new Volume(target, { metadata: 'posix', ...options, blockCount });
  }
  return new Volume(target, { ...options, blockCount });
}

/** The first two blocks hold nothing: erased, or zero. */
function isBlank(device: BlockDevice): boolean {
  const bytes = new Uint8Array(device.blockSize);
  for (const block of [0, 1]) {
    device.read(block, 0, bytes);
    const first = bytes[0]!;
    if (first !== 0xff && first !== 0) return false;
    for (const byte of bytes) if (byte !== first) return false;
  }
  return true;
}

export class Volume {
  /** The mounted engine. What is written through it is seen by `fs` too. */
  readonly lfs: LittleFS;
  readonly vfs: Vfs;
  /** A complete `node:fs`: sync, callbacks, `promises`, streams, `constants`. */
  readonly fs: NodeFs;
  readonly device: BlockDevice;
  readonly #options: VolumeOptions;
  #open = true;

  /** Mounts what is on the device. */
  constructor(device: BlockDevice, options: VolumeOptions = {}) {
    this.device = device;
    this.#options = options;
    this.lfs = LittleFS.mount(device, options);
    this.vfs = new Vfs(this.lfs, {
      umask: () => process.umask(),
      // Not from Buffer's pool: a file's bytes stay for long.
      allocate: (size) => new Uint8Array(Buffer.allocUnsafeSlow(size).buffer),
      ...defined(options),
    });
    this.fs = createFs(this.vfs, { cwd: options.cwd });
  }

  /** The bytes as a device would hold them, everything written. */
  toImage(): Uint8Array {
    this.sync();
    const { device } = this;
    if (device instanceof RamDevice) return device.toImage();
    const { blockSize, blockCount } = device;
    const image = new Uint8Array(blockSize * blockCount);
    for (let block = 0; block < blockCount; block++)
      device.read(block, 0, image.subarray(block * blockSize, (block + 1) * blockSize));
    return image;
  }

  /** An independent copy as of now, in memory. What neither changes is kept once. */
  fork(): Volume {
    this.sync();
    const { device } = this;
    const { blockSize, blockCount, readSize, progSize } = device;
    const copy =
      device instanceof RamDevice
        ? device.fork()
        : new RamDevice({ blockSize, blockCount, readSize, progSize, image: this.toImage() });
    return new Volume(copy, {
      ...this.#options,
      metadata: this.vfs.metadata,
      hardLinks: this.vfs.hardLinks,
      readOnly: false,
    });
  }

  /** Puts everything on the image. */
  sync(): void {
    if (this.#open) this.vfs.sync();
  }

  /** Syncs, ends every descriptor, unmounts; a file of the host is closed. */
  close(): void {
    if (!this.#open) return;
    try {
      this.vfs.shut();
    } finally {
      this.#open = false;
      this.lfs.unmount();
      (this.device as { close?: () => void }).close?.();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
