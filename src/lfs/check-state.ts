/**
 * What a check knows so far: the device, the pairs and directories it has seen, and who uses which block.
 *
 * Invariants: (1) a block has one owner, the first that claimed it; every walk claims before it goes on and ends where
 * it would claim a second time, so each block is read a bounded number of times whatever leads to it;
 * (2) a pair belongs to at most one directory.
 *
 * @module
 */

import { utf8Decode } from './bytes.ts';
import type { Disk } from './cache.ts';
import type { FindingPlace, Findings } from './check-findings.ts';
import type { Settings } from './config.ts';
import { GState } from './gstate.ts';
import type { Superblock } from './layout.ts';
import { LogScan } from './log.ts';
import type { Entry, Mdir } from './mdir.ts';

/** A metadata pair. */
export class Pair {
  readonly index: number;
  /** The two blocks as whoever leads here names them. */
  readonly a: number;
  readonly b: number;
  /** What its newest log adds up to; `null` where neither block holds one. */
  mdir: Mdir | null = null;
  superblock: {
    readonly words: Superblock;
    readonly size: number;
    readonly at: number;
    readonly magic: string;
  } | null = null;
  /** Where its tail tag stands. */
  tailAt: number | undefined;
  inThread = false;
  /** The walk along the thread came through here, and has said what is wrong with the tail. */
  tailChecked = false;
  /** The pair behind it in the thread, once the thread was walked that far. */
  next: Pair | null = null;
  dir: Dir | null = null;
  /** The relocated pair that the parent names, where the thread still names this one. */
  replacedBy: Pair | null = null;
  /** This is such a pair: what the thread will be once it is mended goes through here. */
  replaces: Pair | null = null;
  /** Why there is no log has been reported. */
  reported = false;

  constructor(index: number, a: number, b: number) {
    this.index = index;
    this.a = a;
    this.b = b;
  }
}

export class Dir {
  readonly parent: Dir | null;
  readonly name: string;
  readonly head: Pair;
  /** The last name seen, to check the order. */
  lastName: string | null = null;

  constructor(parent: Dir | null, name: string, head: Pair) {
    this.parent = parent;
    this.name = name;
    this.head = head;
  }
}

/** A file whose blocks are to be walked; without a directory when it belongs to an orphan. */
export interface FoundFile {
  readonly entry: Entry;
  readonly block: number;
  readonly dir: Dir | null;
}

const pageSize = 4096;

/** Who uses a block: the index of a pair plus 1, of a file minus that; 0 for nobody. Sparse, as devices can be. */
class Owners {
  private readonly pages: (Int32Array | undefined)[] = [];
  private readonly width: number;

  constructor(blockCount: number) {
    this.width = Math.min(blockCount, pageSize);
  }

  get(block: number): number {
    return this.pages[Math.floor(block / pageSize)]?.[block % pageSize] ?? 0;
  }

  set(block: number, owner: number): void {
    const index = Math.floor(block / pageSize);
    let page = this.pages[index];
    if (page === undefined) {
      page = new Int32Array(this.width);
      this.pages[index] = page;
    }
    page[block % pageSize] = owner;
  }
}

export class CheckState {
  readonly disk: Disk;
  readonly settings: Settings;
  readonly findings: Findings;
  readonly readFiles: boolean;
  readonly scan: LogScan = new LogScan();
  readonly pairs: Pair[] = [];
  readonly files: FoundFile[] = [];
  /** Pairs that a directory names and the thread does not, and where they are named. */
  readonly unthreaded: { readonly pair: Pair; readonly place: FindingPlace }[] = [];
  readonly gstate: GState = new GState();
  /** The whole thread was walked: what is not in it is missing. */
  threadWhole = true;
  /** Every directory was read: what nobody leads to is an orphan. */
  treeWhole = true;
  superblock: Superblock | null = null;
  /** Where a superblock says how many blocks there are, until that is taken for true. */
  countAt: { readonly block: number; readonly offset: number } | null = null;
  root: Pair | null = null;
  nameMax: number;
  fileMax: number;
  attrMax: number;
  directories = 0;
  fileCount = 0;
  fileBytes = 0;
  metadataBlocks = 0;
  dataBlocks = 0;
  moveSeen = false;
  private readonly owners: Owners;

  constructor(disk: Disk, settings: Settings, findings: Findings, readFiles: boolean) {
    this.disk = disk;
    this.settings = settings;
    this.findings = findings;
    this.readFiles = readFiles;
    this.nameMax = settings.nameMax;
    this.fileMax = settings.fileMax;
    this.attrMax = settings.attrMax;
    this.owners = new Owners(disk.device.blockCount);
  }

  pairAt(block: number): Pair | null {
    const owner = this.owners.get(block);
    return owner > 0 ? this.pairs[owner - 1]! : null;
  }

  /** The index of the file that a block belongs to, or -1. */
  fileAt(block: number): number {
    const owner = this.owners.get(block);
    return owner < 0 ? -owner - 1 : -1;
  }

  /** Makes a pair and claims its blocks, taking a shared one from the pair that it replaces. */
  addPair(a: number, b: number): Pair {
    const pair = new Pair(this.pairs.length, a, b);
    this.pairs.push(pair);
    for (const block of a === b ? [a] : [a, b]) {
      if (this.owners.get(block) === 0) this.metadataBlocks++;
      this.owners.set(block, pair.index + 1);
    }
    return pair;
  }

  /** Claims a block for a file. False: it has an owner already. */
  claim(block: number, fileIndex: number): boolean {
    if (this.owners.get(block) !== 0) return false;
    this.owners.set(block, -fileIndex - 1);
    this.dataBlocks++;
    return true;
  }
}

export function pairText(a: number, b: number): string {
  return `{${a >>> 0}, ${b >>> 0}}`;
}

const pathLengthMax = 1024;

/** The path of an entry of a directory, or of the directory; what is too long for a person is cut at its start. */
export function pathOf(dir: Dir | null, name?: string | null): string | undefined {
  if (dir === null) return undefined;
  let path = name === undefined || name === null ? '' : `/${utf8Decode(name)}`;
  for (let at: Dir = dir; at.parent !== null; at = at.parent) {
    path = `/${utf8Decode(at.name)}${path}`;
    if (path.length > pathLengthMax) return `...${path}`;
  }
  return path === '' ? '/' : path;
}
