/**
 * What a check finds, and the list that it is collected in.
 *
 * An error is a fault that no littlefs leaves behind: something is lost, or will be. A warning is nothing that stops a
 * mount, but not as littlefs writes it. A note is what a power cut leaves and the next write repairs, or a curiosity.
 *
 * @module
 */

export type FindingSeverity = 'error' | 'warning' | 'note';

export type FindingCode =
  // The superblock.
  | 'superblock-missing'
  | 'superblock-bad-magic'
  | 'superblock-short'
  | 'superblock-misplaced'
  | 'version-unsupported'
  | 'block-size-mismatch'
  | 'block-count-mismatch'
  | 'limit-too-big'
  // The log of one block.
  | 'block-unreadable'
  | 'crc-mismatch'
  | 'tag-overrun'
  | 'tag-invalid'
  | 'commit-cut'
  | 'interrupted-commit'
  | 'interrupted-compaction'
  | 'id-out-of-range'
  // Pairs and the thread.
  | 'pair-unreadable'
  | 'pair-malformed'
  | 'pair-doubly-used'
  | 'thread-cycle'
  | 'tail-out-of-range'
  | 'tail-half-null'
  | 'tail-missing'
  | 'directory-pair-out-of-range'
  | 'directory-pair-not-in-thread'
  | 'directory-loop'
  // Global state and what it announces.
  | 'gstate-invalid'
  | 'pending-move'
  | 'pending-move-invalid'
  | 'pending-orphans'
  | 'orphan'
  | 'half-orphan'
  // Entries.
  | 'dangling-struct'
  | 'missing-struct'
  | 'empty-entry'
  | 'struct-mismatch'
  | 'unknown-type'
  | 'name-illegal'
  | 'name-too-long'
  | 'name-not-utf8'
  | 'name-duplicate'
  | 'names-unsorted'
  | 'attr-too-large'
  // Files.
  | 'file-too-large'
  | 'file-block-unreadable'
  | 'ctz-pointer-out-of-range'
  | 'ctz-pointers-inconsistent'
  | 'ctz-loop'
  | 'block-doubly-used';

export interface Finding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  readonly block?: number;
  readonly offset?: number;
  /** The file or directory concerned, as far as one is known. */
  readonly path?: string;
  /** What was read and what was expected. */
  readonly message: string;
}

/** Where something was found. */
export interface FindingPlace {
  readonly block?: number | undefined;
  readonly offset?: number | undefined;
  readonly path?: string | undefined;
}

/** Collects findings; beyond its limit it only counts them, so that no image makes it long. */
export class Findings {
  readonly list: Finding[] = [];
  errors = 0;
  dropped = 0;
  readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** Nothing more is kept: what is only said, not counted on, need not be worked out. */
  get full(): boolean {
    return this.list.length >= this.max;
  }

  add(severity: FindingSeverity, code: FindingCode, place: FindingPlace, message: string): void {
    if (severity === 'error') this.errors++;
    if (this.full) {
      this.dropped++;
      return;
    }
    const { block, offset, path } = place;
    this.list.push({
      code,
      severity,
      ...(block === undefined ? {} : { block: block >>> 0 }),
      ...(offset === undefined ? {} : { offset }),
      ...(path === undefined ? {} : { path }),
      message,
    });
  }
}
