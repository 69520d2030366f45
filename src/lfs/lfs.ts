/**
 * The mounted state: everything the engine knows about one file system. Wiring only; the algorithms are functions over
 * this object, each in the file named after what it does.
 *
 * @module
 */

import { type BlockReader, borrowProgCache, type Disk, type ProgCache, returnProgCache } from './cache.ts';
import type { Settings } from './config.ts';
import type { BlockDevice } from './device.ts';
import type { LfsDir } from './dir.ts';
import type { Directory } from './directory.ts';
import { LfsError, type LfsErrorCode } from './errors.ts';
import { GState } from './gstate.ts';
import { NO_BLOCK } from './layout.ts';
import { LogScan } from './log.ts';
import type { Entry, Mdir } from './mdir.ts';
import type { OpenFile } from './open-file.ts';

/** The allocator's window: a snapshot of which blocks were in use when it was taken. */
export interface Lookahead {
  start: number;
  size: number;
  next: number;
  /** Blocks that may still be handed out before the file system counts as full. */
  checkpoint: number;
  bits: Uint8Array | null;
}

/** Which entry leads to a directory's pair; made at one moment, good until the next commit. */
export interface ParentIndex {
  readonly commits: number;
  readonly byBlock: Map<number, { order: number; entry: Entry }>;
}

const noPairs: Map<number, Mdir> = new Map();

export class Lfs implements Disk {
  readonly device: BlockDevice;
  readonly settings: Settings;
  readonly blockSize: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly cacheSize: number;
  lastReader: BlockReader | null = null;
  /** Of the file system; 0 while mount has not found out. */
  blockCount: number;
  nameMax: number;
  fileMax: number;
  attrMax: number;
  inlineMax: number;

  root0: number = NO_BLOCK;
  root1: number = NO_BLOCK;
  /** The global state as it is on disk, as it should be, and what was taken over from pairs that leave. */
  readonly gdisk: GState = new GState();
  readonly gstate: GState = new GState();
  readonly gdelta: GState = new GState();
  /** What mount found for the allocator's seed: of each pair its CRC of CRCs, and how many; used when first needed. */
  seedParts: number[] | null = null;
  readonly lookahead: Lookahead = { start: 0, size: 0, next: 0, checkpoint: 0, bits: null };

  /** Pairs in RAM, under each of their two blocks. */
  pairs: Map<number, Mdir> = new Map();
  /** For each block of a CTZ list the block before it, plus one; 0: not known. Made when first needed. */
  ctzBefore: Int32Array | null = null;
  rootDirectory: Directory | null = null;
  parents: ParentIndex | null = null;
  /** Commits made; tells whether an index is of today. */
  commits = 0;
  /** Relocations under way: the thread holds stale pairs, no shortcut through it may be taken. */
  relocating = 0;
  /** The global state is not that of the thread as it is, but as it will be when it is mended. */
  mendFirst = false;
  /** Pairs that moved and hold what their old states, which are still in the thread, do not. */
  readonly precious: Mdir[] = [];
  /** False while a worn pair must be written where it is. */
  mayMove = true;

  /** A pair that an operation goes on with after other commits, and what it knows of the end of its log. */
  held: { readonly mdir: Mdir; erased: boolean } | null = null;
  /** Somebody has looked whether the thread and the directories of this mount agree. */
  surveyed = false;

  readonly files: OpenFile[] = [];
  readonly dirs: LfsDir[] = [];
  private scanOrNull: LogScan | null = null;
  private pcacheOrNull: ProgCache | null = null;

  mounted = false;
  /** Why nothing may be written any more. */
  poison: string | null = null;
  /** RAM has been made to say what the disk says since then. */
  reread = false;

  constructor(device: BlockDevice, settings: Settings) {
    this.device = device;
    this.settings = settings;
    this.blockSize = settings.blockSize;
    this.readSize = settings.readSize;
    this.progSize = settings.progSize;
    this.cacheSize = settings.cacheSize;
    this.blockCount = settings.blockCount;
    this.nameMax = settings.nameMax;
    this.fileMax = settings.fileMax;
    this.attrMax = settings.attrMax;
    this.inlineMax = settings.inlineMax;
  }

  /** What the last scan of a log found. */
  get scan(): LogScan {
    this.scanOrNull ??= new LogScan();
    return this.scanOrNull;
  }

  /** Forgets what was found out about the disk. */
  forgetAll(): void {
    this.root0 = NO_BLOCK;
    this.root1 = NO_BLOCK;
    this.gdisk.clear();
    this.gstate.clear();
    this.gdelta.clear();
    // Clearing a map makes a new table, empty or not.
    if (this.pairs.size > 0) this.pairs.clear();
    this.ctzBefore = null;
    this.rootDirectory = null;
    this.parents = null;
    this.mendFirst = false;
  }

  /** A cache for a file's writes. */
  borrowCache(): ProgCache {
    return borrowProgCache(this.cacheSize);
  }

  returnCache(cache: ProgCache): void {
    returnProgCache(cache);
  }

  /** The mount has ended: its cache serves others, and nothing is kept. */
  release(): void {
    this.pairs = noPairs;
    if (this.pcacheOrNull !== null) returnProgCache(this.pcacheOrNull);
    this.pcacheOrNull = null;
  }

  /** The cache of metadata writes. */
  get pcache(): ProgCache {
    this.pcacheOrNull ??= borrowProgCache(this.cacheSize);
    return this.pcacheOrNull;
  }
}

export function fail(code: LfsErrorCode, message: string): never {
  throw new LfsError(code, message);
}
