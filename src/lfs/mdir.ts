/**
 * A metadata pair in RAM: what the log in its current block adds up to.
 *
 * A log is parsed once (log.ts); from then on `transact.ts` keeps this picture and the disk in step, so every later
 * question is a question to RAM. An entry keeps its identity through compactions and splits: an open file holds the
 * entry itself and never needs its id corrected.
 *
 * Invariants: (1) `entries[id].mdir === this` for every id, and `count === entries.length`;
 * (2) the tags of an entry lie in block `block0` below `end`; sorted by offset, the tags of all entries are the log's
 * order, which is the order in which compaction writes them again;
 * (3) a pair that was replaced or dropped has `alive === false` and is never written.
 *
 * @module
 */

import { readU32 } from './bytes.ts';
import type { Directory } from './directory.ts';
import { GState } from './gstate.ts';
import { NO_BLOCK } from './layout.ts';
import { type } from './tag.ts';

/** A user attribute: where its bytes lie in the entry's block. */
export interface AttrRef {
  readonly type: number;
  size: number;
  at: number;
}

export class Entry {
  // What a look at an entry needs comes first, to lie in one cache line (a tenth of a stat among 100,000 entries).
  /** REG, DIR, SUPERBLOCK ... or -1 for an entry without a name. */
  nameType = -1;
  /** DIRSTRUCT, INLINESTRUCT, CTZSTRUCT ... or -1 for an entry without a struct. */
  structType = -1;
  structSize = 0;
  /** The struct's two words: a directory's pair, or head and size of a CTZ list. */
  word0 = 0;
  word1 = 0;
  /** The pair that holds this entry; `null` once it is removed. */
  mdir: Mdir | null;
  /** The name as a byte string; `null` until somebody asks. */
  name: string | null = null;
  nameSize = 0;
  nameAt = 0;
  structAt = 0;
  attrs: AttrRef[] | null = null;
  /** For a directory that somebody walked into. */
  child: Directory | null = null;

  constructor(mdir: Mdir | null) {
    this.mdir = mdir;
  }

  /** The entry is deleted: only open files still know it. */
  remove(id: number): void {
    this.mdir = null;
    this.nameAt = id;
  }

  /** Of a removed entry: the id it had. */
  get removedId(): number {
    return this.nameAt;
  }

  leaveMount(): void {
    this.mdir = null;
    this.child = null;
  }

  copyFor(mdir: Mdir): Entry {
    return new Entry(mdir).become(this);
  }

  /** Says the same as another, and stays the entry of its own pair. */
  become(other: Entry): this {
    this.name = other.name;
    this.nameType = other.nameType;
    this.nameSize = other.nameSize;
    this.nameAt = other.nameAt;
    this.structType = other.structType;
    this.structSize = other.structSize;
    this.structAt = other.structAt;
    this.word0 = other.word0;
    this.word1 = other.word1;
    this.attrs = other.attrs === null ? null : other.attrs.map((attr) => ({ ...attr }));
    return this;
  }

  setStruct(structType: number, size: number, at: number, bytes: Uint8Array, bytesAt: number): void {
    this.structType = structType;
    this.structSize = size;
    this.structAt = at;
    if (structType !== type.INLINESTRUCT) {
      this.word0 = size >= 4 ? readU32(bytes, bytesAt) | 0 : 0;
      this.word1 = size >= 8 ? readU32(bytes, bytesAt + 4) | 0 : 0;
    }
  }

  setAttr(attrType: number, size: number, at: number): void {
    const attrs = this.attrs;
    if (attrs === null) {
      this.attrs = [{ type: attrType, size, at }];
      return;
    }
    for (let i = 0; i < attrs.length; i++) if (attrs[i]!.type === attrType) attrs.splice(i--, 1);
    attrs.push({ type: attrType, size, at });
  }

  dropAttr(attrType: number): void {
    const attrs = this.attrs;
    if (attrs === null) return;
    for (let i = 0; i < attrs.length; i++) if (attrs[i]!.type === attrType) attrs.splice(i--, 1);
    if (attrs.length === 0) this.attrs = null;
  }

  findAttr(attrType: number): AttrRef | undefined {
    const attrs = this.attrs;
    if (attrs !== null) for (let i = 0; i < attrs.length; i++) if (attrs[i]!.type === attrType) return attrs[i];
    return undefined;
  }
}

const none: readonly Entry[] = [];

export class Mdir {
  /** The block with the newest log. */
  block0: number;
  /** The other block of the pair: older, or garbage. */
  block1: number;
  rev = 0;
  /** Where the log ends: the next commit starts here. */
  end = 0;
  /** The last tag, with the valid bit that the next one must have: the next tag is XORed with this. */
  etag = -1;
  /** The CRCs of the log's commits, themselves collected in a CRC that began with 0, and how many there are. */
  seed = 0;
  crcs = 0;
  tail0: number = NO_BLOCK;
  tail1: number = NO_BLOCK;
  /** The directory goes on in the tail. */
  split = false;
  /** What lies behind `end` is erased: a commit may be appended. */
  erased = false;
  alive = true;
  /** Its blocks are allocated, nothing is written to them yet. */
  fresh = false;
  private own: Entry[] | null = null;
  /** The entries of an earlier mount, as long as nobody wants to change or keep them. */
  private lent: readonly Entry[] = none;
  /** This pair's share of the global state. */
  readonly delta: GState = new GState();
  /** The directory of which this pair is a part, once somebody walked into it. */
  directory: Directory | null = null;
  /** The pair that `tail` meant when it was last looked up. */
  next: Mdir | null = null;
  /** The pair before this one in the thread, when somebody last looked; only a hint, to be verified. */
  pred: Mdir | null = null;
  /** All entries know their names. */
  named = false;

  constructor(block0: number, block1: number) {
    this.block0 = block0;
    this.block1 = block1;
  }

  get entries(): Entry[] {
    return this.own ?? this.takeOwn();
  }

  set entries(entries: Entry[]) {
    this.own = entries;
    this.lent = none;
  }

  /** The entries for one who only looks, and keeps none of them: they may belong to an earlier mount. */
  get glance(): readonly Entry[] {
    return this.own ?? this.lent;
  }

  get count(): number {
    return this.glance.length;
  }

  /** The same pair for another mount. Its entries are lent, and copied when somebody needs his own. */
  copyFor(block0: number, block1: number): Mdir {
    const copy = new Mdir(block0, block1);
    copy.rev = this.rev;
    copy.end = this.end;
    copy.etag = this.etag;
    copy.seed = this.seed;
    copy.crcs = this.crcs;
    copy.tail0 = this.tail0;
    copy.tail1 = this.tail1;
    copy.split = this.split;
    copy.erased = this.erased;
    copy.delta.copy(this.delta);
    copy.named = this.named;
    copy.lent = this.glance;
    copy.own = null;
    return copy;
  }

  /** Lets go of all that belongs to the mount. */
  leaveMount(): void {
    this.directory = null;
    this.next = null;
    this.pred = null;
    if (this.own !== null) for (const entry of this.own) entry.leaveMount();
  }

  private takeOwn(): Entry[] {
    const own = this.lent.map((entry) => entry.copyFor(this));
    this.entries = own;
    return own;
  }

  get hasTail(): boolean {
    return this.tail0 !== NO_BLOCK && this.tail1 !== NO_BLOCK;
  }

  get isRootPair(): boolean {
    return this.block0 === 0 || this.block1 === 0 || this.block0 === 1 || this.block1 === 1;
  }
}
