/**
 * A whole file at once: read it, or have it replace what is there in one commit.
 *
 * C creates a file in two steps: `open` commits an empty one, `close` its content, and a power cut between them leaves
 * it empty. Here the blocks are written first, for an entry that is on no disk yet, and one commit makes entry, content
 * and attributes appear together.
 *
 * @module
 */

import { describe } from './config.ts';
import { invalid, type LfsError } from './errors.ts';
import { checkExisting, O_WRONLY } from './files.ts';
import { fail, type Lfs } from './lfs.ts';
import { Entry } from './mdir.ts';
import { checkNameLength, fileSize } from './names.ts';
import { OpenFile } from './open-file.ts';
import { type LfsPath, noEntry, shown, walk } from './path.ts';
import { forceConsistency } from './repair.ts';
import { type AttrValue, checkAttrValues } from './user-attrs.ts';

/** All bytes of a file. */
export function readWhole(lfs: Lfs, path: LfsPath): Uint8Array {
  const { isRoot, entry } = walk(lfs, path);
  if (isRoot) fail('LFS_ERR_ISDIR', `'${shown(path)}' is the root directory`);
  if (entry === null) throw noEntry(path);
  checkExisting(entry, path, O_WRONLY);
  const bytes = new Uint8Array(fileSize(lfs, entry));
  const file = new OpenFile(lfs, entry, false);
  file.load();
  file.read(bytes, 0, bytes.length);
  return bytes;
}

/** Makes a file that holds these bytes and has these attributes, or makes one hold them: all of it or nothing. */
export function writeWhole(
  lfs: Lfs,
  path: LfsPath,
  bytes: Uint8Array | Iterable<Uint8Array>,
  attrs: readonly AttrValue[] = [],
): void {
  const pieces = piecesOf(bytes);
  checkAttrValues(lfs, attrs);
  forceConsistency(lfs);
  const found = walk(lfs, path);
  const { entry } = found;
  if (found.isRoot) fail('LFS_ERR_ISDIR', `'${shown(path)}' is the root directory`);
  if (entry !== null) checkExisting(entry, path, O_WRONLY);
  else {
    if (!found.creatable) throw noEntry(path);
    if (found.slashed) fail('LFS_ERR_NOTDIR', `'${shown(path)}': a file cannot have a slash behind its name`);
    checkNameLength(lfs, found.name);
  }
  const file = new OpenFile(lfs, entry ?? new Entry(null), false, attrs);
  lfs.files.push(file);
  try {
    if (entry !== null) file.logErased = entry.mdir!.erased;
    file.dirty = true;
    for (const piece of pieces) {
      if (!(piece instanceof Uint8Array)) throw notBytes(piece);
      if (piece.length > 0) file.write(piece, 0, piece.length);
    }
    if (entry !== null) file.sync();
    else file.appear(found);
  } finally {
    file.release();
  }
}

function piecesOf(bytes: Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (bytes instanceof Uint8Array) return [bytes];
  if (typeof bytes !== 'object' || bytes === null || typeof bytes[Symbol.iterator] !== 'function')
    throw notBytes(bytes);
  return bytes;
}

function notBytes(value: unknown): LfsError {
  return invalid(`bytes is ${describe(value)}; allowed: a Uint8Array, or several one after the other`);
}
