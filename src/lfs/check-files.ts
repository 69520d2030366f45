/**
 * The blocks of files for a check: every block of every list is claimed, read, and its pointers compared with where the
 * list really leads (SPEC.md, "CTZ skip-lists").
 *
 * A list is walked from its head along the pointers to the block before. On the way each longer pointer leaves word of
 * which block it expects further on, so that a pass that reads each block once compares them all.
 *
 * @module
 */

import { alignUp, readU32 } from './bytes.ts';
import { onDisk, readInto, viewBlock } from './cache.ts';
import { type CheckState, type FoundFile, pairText, pathOf } from './check-state.ts';
import { blockIndex, blockOffset, pointerCount } from './ctz.ts';
import { FILE_MAX_DEFAULT } from './layout.ts';

/** Walks the lists of all files found. */
export function walkFiles(state: CheckState): void {
  const walk = new ListWalk(state);
  for (let index = 0; index < state.files.length; index++) walk.file(index);
}

class ListWalk {
  private readonly state: CheckState;
  /** By index in the list: the block that a longer pointer has announced, plus one; 0 for none. */
  private expected: Int32Array = new Int32Array(64);
  /** Where devices without views put blocks. */
  private scratch: Uint8Array | null = null;

  constructor(state: CheckState) {
    this.state = state;
  }

  file(fileIndex: number): void {
    const { state } = this;
    const { disk, findings } = state;
    const file = state.files[fileIndex]!;
    const { entry } = file;
    const size = entry.word1 >>> 0;
    if (file.dir !== null) state.fileBytes += size;
    if (size === 0) return;
    const length = blockIndex(disk.blockSize, size - 1) + 1;
    const sizeMax = Math.max(FILE_MAX_DEFAULT, state.fileMax);
    if (size > sizeMax || length > disk.blockCount) {
      const most = size > sizeMax ? `${sizeMax} bytes` : `${disk.blockCount} blocks`;
      const message = `the file says ${size} bytes in ${length} blocks; expected at most ${most}`;
      findings.add('error', 'file-too-large', this.place(file), message);
      if (file.dir !== null) state.fileBytes -= size;
      return;
    }
    if (size > state.fileMax)
      findings.add(
        'warning',
        'file-too-large',
        this.place(file),
        `the file has ${size} bytes; allowed: up to ${state.fileMax}`,
      );
    if (this.expected.length < length) this.expected = new Int32Array(Math.max(length, 2 * this.expected.length));
    this.list(file, fileIndex, length, size);
    this.expected.fill(0, 0, length);
  }

  private list(file: FoundFile, fileIndex: number, length: number, size: number): void {
    const { state, expected } = this;
    const { disk, findings } = state;
    let block = file.entry.word0;
    let from = -1;
    for (let index = length - 1; ; index--) {
      if (!onDisk(disk, block)) {
        const who = from < 0 ? "the file's head" : 'a pointer';
        const message = `${who} leads to block ${block >>> 0}; expected blocks below ${disk.blockCount}`;
        findings.add('error', 'ctz-pointer-out-of-range', this.place(file, from, 0), message);
        return;
      }
      if (!state.claim(block, fileIndex)) {
        this.reportTaken(file, fileIndex, block, index, from);
        return;
      }
      const count = pointerCount(index);
      const used = index === length - 1 ? blockOffset(disk.blockSize, size - 1, index) + 1 : disk.blockSize;
      const bytes = this.read(block, state.readFiles ? used : 4 * count);
      if (bytes === null) {
        const message = `block ${block} (block ${index} of the file) cannot be read`;
        findings.add('error', 'file-block-unreadable', this.place(file, block, 0), message);
        return;
      }
      if (index === 0) return;
      for (let k = count - 1; k >= 0; k--) {
        const to = readU32(bytes, 4 * k) | 0;
        const target = index - 2 ** k;
        const known = expected[target]!;
        if (known === 0) expected[target] = to + 1;
        else if (known !== to + 1) {
          const message = `pointer ${k} of block ${index} of the file leads to block ${to >>> 0}; another pointer says that block ${target} of the file is block ${(known - 1) >>> 0}`;
          findings.add('error', 'ctz-pointers-inconsistent', this.place(file, block, 4 * k), message);
        }
        if (k === 0) {
          from = block;
          block = to;
        }
      }
    }
  }

  /** The block from its start; `null` where it cannot be read. */
  private read(block: number, size: number): Uint8Array | null {
    const { disk } = this.state;
    const view = viewBlock(disk, block);
    if (view !== undefined) return view;
    this.scratch ??= new Uint8Array(disk.blockSize);
    const whole = Math.min(alignUp(size, disk.readSize), disk.blockSize);
    return readInto(disk, block, 0, this.scratch, 0, whole) ? this.scratch : null;
  }

  private reportTaken(file: FoundFile, fileIndex: number, block: number, index: number, from: number): void {
    const { state } = this;
    if (state.findings.full) {
      state.findings.add('error', 'block-doubly-used', {}, '');
      return;
    }
    const what = `block ${index} of the file would be block ${block}, which`;
    const place = this.place(file, from, 0);
    const other = state.fileAt(block);
    if (other === fileIndex) {
      state.findings.add('error', 'ctz-loop', place, `${what} comes in this file before: the list runs in a circle`);
      return;
    }
    const pair = state.pairAt(block);
    const owner = state.files[other];
    const path = owner === undefined ? undefined : pathOf(owner.dir, owner.entry.name);
    const user = pair !== null ? `the metadata pair ${pairText(pair.a, pair.b)}` : `the file ${path ?? 'of an orphan'}`;
    state.findings.add('error', 'block-doubly-used', place, `${what} belongs to ${user}`);
  }

  /** A place in a file: its struct, or one of its blocks. */
  private place(
    file: FoundFile,
    block = -1,
    offset?: number,
  ): { block: number; offset: number | undefined; path: string | undefined } {
    const path = this.state.findings.full ? undefined : pathOf(file.dir, file.entry.name);
    return block < 0 ? { block: file.block, offset: file.entry.structAt - 4, path } : { block, offset, path };
  }
}
