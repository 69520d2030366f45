/**
 * The mounted state of a vfs: what all rooms share. Wiring, no algorithms.
 *
 * @module
 */

import type { LittleFS } from '../lfs/littlefs.ts';
import type { Clock } from './clock.ts';
import { S_IFDIR } from './flags.ts';
import { Node, newDevice } from './node.ts';
import type { ChangeEvent } from './posix.ts';
import type { MetadataProfile } from './profiles.ts';

export type Durability = 'close' | 'fsync';

/** Who asks. */
export interface Credentials {
  uid: number;
  gid: number;
  groups: readonly number[];
}

export interface StateOptions {
  readonly lfs: LittleFS;
  readonly profile: MetadataProfile;
  readonly durability: Durability;
  readonly readOnly: boolean;
  /** Some files on the image have several names. */
  readonly hasLinks: boolean;
  readonly clock: Clock;
  /** Calls back after a while; returns how to take that back. */
  readonly schedule: (work: () => void) => () => void;
  /** Memory for content. What is in it is never looked at. */
  readonly allocate: (size: number) => Uint8Array;
}

export class VfsState {
  readonly lfs: LittleFS;
  readonly profile: MetadataProfile;
  readonly durability: Durability;
  readonly readOnly: boolean;
  readonly clock: Clock;
  readonly schedule: (work: () => void) => () => void;
  readonly allocate: (size: number) => Uint8Array;

  readonly dev: number = newDevice();
  readonly blockSize: number;
  blockCount: number;
  readonly nameMax: number;
  readonly fileMax: number;
  readonly attrMax: number;
  readonly inlineMax: number;
  private lastIno = 0;
  readonly root: Node;

  /** Nodes ahead of the image, oldest first. */
  readonly dirty: Set<Node> = new Set();
  /** Directories that have names to be removed from the image. */
  readonly removals: Set<Node> = new Set();
  /** Clean files whose bytes are kept, and how many bytes that is. */
  readonly cached: Map<Node, number> = new Map();
  cachedBytes = 0;
  /** Bytes of content in memory that the image does not have. */
  dirtyBytes = 0;
  /** Takes back the flush that is on its way. */
  unschedule: (() => void) | null = null;

  /** Blocks that are free for sure, less what is reserved; negative: count them first. */
  freeFloor = -1;
  reservedBlocks = 0;
  reservedBytes = 0;

  /** Grows when a directory gets another path. */
  pathVersion = 0;
  /** Directories by the text of an absolute path without `.`, `..` and the like; emptied when anything may change them. */
  readonly prefixes: Map<string, Node> = new Map();
  /** The engine's commits that are ours or known of. */
  seenCommits: number;

  /** Some files on the image have several names. */
  hasLinks: boolean;
  /** They have been looked for; those that were found, by id. */
  linksFound = false;
  readonly linked: Map<number, Node> = new Map();
  lastLinkId = 0;
  /** Files of which some names are behind the others on the image, since the power went: to be mended. */
  readonly behind: Set<Node> = new Set();

  readonly listeners: Set<(event: ChangeEvent) => void> = new Set();

  constructor({ lfs, profile, durability, readOnly, hasLinks, clock, schedule, allocate }: StateOptions) {
    this.lfs = lfs;
    this.profile = profile;
    this.durability = durability;
    this.readOnly = readOnly;
    this.hasLinks = hasLinks;
    this.clock = clock;
    this.schedule = schedule;
    this.allocate = allocate;
    const { blockSize, blockCount, nameMax, fileMax, attrMax } = lfs.fsStat();
    this.blockSize = blockSize;
    this.blockCount = blockCount;
    this.nameMax = nameMax;
    this.fileMax = fileMax;
    this.attrMax = attrMax;
    this.inlineMax = lfs.inlineMax;
    this.seenCommits = lfs.commitCount;
    this.root = this.newNode(S_IFDIR | 0o755);
    this.root.parent = this.root;
    this.root.onDisk = true;
  }

  newNode(mode: number): Node {
    const node = new Node(this.dev, ++this.lastIno, mode, this.blockSize);
    if (node.isDirectory) node.children = new Map();
    return node;
  }

  /** Directories are elsewhere, or are no more. */
  forgetPaths(): void {
    this.pathVersion++;
    this.prefixes.clear();
  }
}
