/**
 * The tree of directories for a check: which pair each entry leads to, whether names are legal and in order, whether
 * entries have what they need.
 *
 * @module
 */

import { compareNames, utf8Decode, utf8Encode } from './bytes.ts';
import { onDisk } from './cache.ts';
import { loadPair, reportUnreadable } from './check-pairs.ts';
import { type CheckState, Dir, type Pair, pairText, pathOf } from './check-state.ts';
import { followFresh, movedFrom } from './check-thread.ts';
import { count } from './inspect-tags.ts';
import { NO_BLOCK } from './layout.ts';
import type { Entry } from './mdir.ts';
import { type } from './tag.ts';

/** Where something leads to a pair. */
interface Place {
  readonly block: number;
  readonly offset: number | undefined;
  readonly path: string | undefined;
}

/** Walks all directories from the root. */
export function walkTree(state: CheckState): void {
  const { root } = state;
  if (root === null || root.mdir === null) return;
  const dir = new Dir(null, '', root);
  // The superblock pairs before the root belong to it: an entry that leads to them leads back.
  for (const pair of state.pairs) {
    if (pair === root) break;
    pair.dir = dir;
    checkSuperblockPair(state, pair);
  }
  root.dir = dir;
  const open = [dir];
  for (let next = open.pop(); next !== undefined; next = open.pop()) walkDirectory(state, next, open);

  for (const pair of state.pairs) if (pair.mdir === null) reportUnreadable(state, pair);
  for (const { pair, place } of state.unthreaded) {
    // A relocated pair found later may lead there after all.
    if (pair.inThread) continue;
    const message = `the directory's pair ${pairText(pair.a, pair.b)} is not in the thread of pairs: the allocator does not know the blocks of its files`;
    state.findings.add('error', 'directory-pair-not-in-thread', place, message);
  }
}

/** Superblock pairs before the root hold nothing else that anybody sees. */
function checkSuperblockPair(state: CheckState, pair: Pair): void {
  const { mdir } = pair;
  if (mdir === null || mdir.count < 2) return;
  state.findings.add(
    'warning',
    'superblock-misplaced',
    { block: mdir.block0 },
    `the pair ${pairText(pair.a, pair.b)} comes before the root directory and holds ${mdir.count} entries; expected the superblock only`,
  );
}

/** The pairs of one directory; directories found in it go to `open`. */
function walkDirectory(state: CheckState, dir: Dir, open: Dir[]): void {
  for (let pair = dir.head; ; ) {
    const { mdir } = pair;
    if (mdir === null) {
      reportUnreadable(state, pair, pathOf(dir));
      state.treeWhole = false;
      return;
    }
    const move = movedFrom(state);
    const moved = move !== null && move.pair === pair ? move.id : -1;
    const { entries } = mdir;
    let empty = 0;
    for (let id = 0; id < entries.length; id++) {
      const entry = entries[id]!;
      if (entry.nameType < 0 && entry.structType < 0 && entry.attrs === null) empty++;
      checkEntry(state, pair, dir, entry, id, id === moved, open);
    }
    if (empty > 0) {
      const message = `${count(empty, 'id')} of the ${entries.length} in this block ${empty === 1 ? 'has' : 'have'} neither name nor data`;
      state.findings.add('warning', 'empty-entry', { block: mdir.block0, path: pathOf(dir) }, message);
    }
    if (!mdir.split) return;
    const next = tailOf(state, pair, dir);
    if (next === null) {
      state.treeWhole = false;
      return;
    }
    next.dir = dir;
    pair = next;
  }
}

/** The pair in which a directory goes on. */
function tailOf(state: CheckState, pair: Pair, dir: Dir): Pair | null {
  let { next } = pair;
  if (next !== null && next.dir === null) return next;
  // Where the thread ends the walk along it has said why.
  if (next === null && pair.tailChecked) return null;
  const mdir = pair.mdir!;
  const place = { block: mdir.block0, offset: pair.tailAt, path: state.findings.full ? undefined : pathOf(dir) };
  if (next === null) {
    if (mdir.tail0 === NO_BLOCK || mdir.tail1 === NO_BLOCK) {
      state.findings.add(
        'error',
        'tail-missing',
        place,
        'the directory says that it goes on, but its tail leads nowhere',
      );
      return null;
    }
    next = resolve(state, mdir.tail0, mdir.tail1, place, 'tail-out-of-range');
  }
  if (next === null || next.dir === null) return next;
  reportSecondUse(state, next, dir, place);
  return null;
}

/** The pair that somebody names, from what is known or from the device. `null`: reported. */
function resolve(
  state: CheckState,
  a: number,
  b: number,
  place: Place,
  outOfRange: 'tail-out-of-range' | 'directory-pair-out-of-range',
): Pair | null {
  const { disk, findings } = state;
  const named = pairText(a, b);
  if (!onDisk(disk, a) || !onDisk(disk, b)) {
    findings.add('error', outOfRange, place, `the pair ${named} is named; expected blocks below ${disk.blockCount}`);
    return null;
  }
  if (a === b)
    findings.add('error', 'pair-malformed', place, `the pair ${named} is named; expected two different blocks`);
  const one = state.pairAt(a);
  const two = state.pairAt(b);
  if (one !== null && one === two) return one;
  if (one === null && two === null) {
    const pair = state.addPair(a, b);
    loadPair(state, pair);
    if (state.threadWhole && pair.mdir !== null && !findings.full)
      state.unthreaded.push({ pair, place: { block: place.block, offset: place.offset, path: place.path } });
    return pair;
  }
  const other = (one ?? two)!;
  if ((one !== null && two !== null) || !other.inThread || other.dir !== null || other.replacedBy !== null) {
    const message = `the pair ${named} is named, but ${pairText(other.a, other.b)} has a block of it already`;
    findings.add('error', 'pair-doubly-used', place, message);
    return null;
  }
  const fresh = state.addPair(a, b);
  loadPair(state, fresh);
  other.replacedBy = fresh;
  fresh.replaces = other;
  followFresh(state, fresh);
  const announced = state.gstate.tag < 0;
  findings.add(
    announced ? 'note' : 'warning',
    'half-orphan',
    place,
    `the directory's pair has moved to ${named}, but the thread still names ${pairText(other.a, other.b)}; ${
      announced ? 'the next write mends the thread' : 'the global state does not say so: C littlefs will not mend it'
    }`,
  );
  return fresh;
}

/** Reports that a directory leads to a pair which belongs to one already. */
function reportSecondUse(state: CheckState, pair: Pair, dir: Dir, place: Place): void {
  const { findings } = state;
  // Looking for an ancestor costs what the tree is deep.
  let isAncestor = false;
  if (!findings.full)
    for (let at: Dir | null = dir; at !== null && !isAncestor; at = at.parent) isAncestor = at === pair.dir;
  const owner = findings.full ? '' : pathOf(pair.dir);
  const text = pairText(pair.a, pair.b);
  if (isAncestor)
    findings.add('error', 'directory-loop', place, `the pair ${text} belongs to ${owner}, which this is in: a loop`);
  else findings.add('error', 'pair-doubly-used', place, `the pair ${text} belongs to the directory ${owner} already`);
}

function checkEntry(
  state: CheckState,
  pair: Pair,
  dir: Dir,
  entry: Entry,
  id: number,
  isMoved: boolean,
  open: Dir[],
): void {
  const { findings } = state;
  const { nameType, structType } = entry;
  const block = pair.mdir!.block0;
  if (nameType === type.SUPERBLOCK) {
    if (id !== 0 || pair !== state.root)
      findings.add(
        'error',
        'superblock-misplaced',
        { block, offset: entry.nameAt - 4, path: pathOf(dir) },
        `entry ${id} is a superblock; expected only as entry 0 of the first pairs`,
      );
    checkAttrs(state, dir, entry, block);
    return;
  }
  if (nameType < 0) {
    if (structType < 0 && entry.attrs === null) return;
    findings.add(
      'error',
      'dangling-struct',
      { block, offset: structType >= 0 ? entry.structAt - 4 : undefined, path: pathOf(dir) },
      `entry ${id} has data, but no name`,
    );
    if (structType === type.CTZSTRUCT && entry.structSize >= 8) state.files.push({ entry, block, dir: null });
    return;
  }
  checkName(state, dir, entry, block);
  checkAttrs(state, dir, entry, block);
  // What is being moved away is the same thing as what it was moved to.
  if (isMoved) return;

  if (structType < 0) {
    const message = `entry ${id} has a name, but no data`;
    findings.add(
      'error',
      'missing-struct',
      { block, offset: entry.nameAt - 4, path: pathOf(dir, entry.name) },
      message,
    );
  }
  if (nameType === type.DIR) {
    state.directories++;
    if (structType === type.DIRSTRUCT && entry.structSize === 8) enter(state, dir, entry, block, open);
    else {
      state.treeWhole = false;
      if (structType >= 0) reportStruct(state, dir, entry, block, 'a directory', 'a pair (type 0x200) of 8 bytes');
    }
    return;
  }
  if (nameType !== type.REG) {
    const message = `entry ${id} has the unknown type 0x${nameType.toString(16).padStart(3, '0')}; expected a file or a directory`;
    findings.add(
      'warning',
      'unknown-type',
      { block, offset: entry.nameAt - 4, path: pathOf(dir, entry.name) },
      message,
    );
  }
  state.fileCount++;
  if (structType === type.INLINESTRUCT) state.fileBytes += entry.structSize;
  else if (structType === type.CTZSTRUCT && entry.structSize === 8) state.files.push({ entry, block, dir });
  else if (structType >= 0 && nameType === type.REG)
    reportStruct(state, dir, entry, block, 'a file', 'data (type 0x201) or a list head (type 0x202) of 8 bytes');
}

function reportStruct(state: CheckState, dir: Dir, entry: Entry, block: number, what: string, expected: string): void {
  state.findings.add(
    'error',
    'struct-mismatch',
    { block, offset: entry.structAt - 4, path: pathOf(dir, entry.name) },
    `${what} has a struct of type 0x${entry.structType.toString(16)} and ${entry.structSize} bytes; expected ${expected}`,
  );
}

/** Takes a subdirectory on. */
function enter(state: CheckState, dir: Dir, entry: Entry, block: number, open: Dir[]): void {
  const place = {
    block,
    offset: entry.structAt - 4,
    // A path is worth making only where it will be shown; `resolve` finds nothing to say about most directories.
    get path() {
      return state.findings.full ? undefined : pathOf(dir, entry.name);
    },
  };
  const pair = resolve(state, entry.word0, entry.word1, place, 'directory-pair-out-of-range');
  if (pair === null) {
    state.treeWhole = false;
    return;
  }
  if (pair.dir !== null || pair.replacedBy !== null) {
    reportSecondUse(state, pair, dir, place);
    return;
  }
  const child = new Dir(dir, entry.name!, pair);
  pair.dir = child;
  open.push(child);
}

function checkName(state: CheckState, dir: Dir, entry: Entry, block: number): void {
  const { findings } = state;
  const name = entry.name!;
  const last = dir.lastName;
  dir.lastName = name;
  const problem = nameProblem(name);
  const order = last === null ? -1 : compareNames(last, name);
  const isUtf8 = utf8Encode(utf8Decode(name)) === name;
  if (problem === undefined && order < 0 && isUtf8 && name.length <= state.nameMax) return;

  const place = { block, offset: entry.nameAt - 4, path: findings.full ? undefined : pathOf(dir, name) };
  if (problem !== undefined) findings.add('error', 'name-illegal', place, `the name ${problem}`);
  if (name.length > state.nameMax) {
    const message = `the name has ${name.length} bytes; allowed: up to ${state.nameMax}`;
    findings.add('error', 'name-too-long', place, message);
  }
  if (order === 0)
    findings.add(
      'error',
      'name-duplicate',
      place,
      'two entries of the directory have this name; only the first is ever found',
    );
  else if (order > 0) {
    const message = `the name comes behind ${JSON.stringify(utf8Decode(last!.slice(0, 255)))}, but belongs before it; entries out of order are not found`;
    findings.add('error', 'names-unsorted', place, message);
  }
  if (!isUtf8) findings.add('note', 'name-not-utf8', place, 'the name is not valid UTF-8; reach it by its bytes');
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty; expected at least one byte';
  if (name === '.' || name === '..') return `is '${name}', which stands for a directory in every path`;
  if (name.includes('/')) return "holds a '/', which separates names in a path";
  if (name.includes('\0')) return 'holds a NUL, which ends a path in C';
  return undefined;
}

function checkAttrs(state: CheckState, dir: Dir, entry: Entry, block: number): void {
  if (entry.attrs === null) return;
  for (const attr of entry.attrs) {
    if (attr.size <= state.attrMax) continue;
    const name = entry.nameType === type.SUPERBLOCK ? null : entry.name;
    state.findings.add(
      'warning',
      'attr-too-large',
      { block, offset: attr.at - 4, path: pathOf(dir, name) },
      `attribute 0x${attr.type.toString(16).padStart(2, '0')} has ${attr.size} bytes; allowed: up to ${state.attrMax}`,
    );
  }
}
