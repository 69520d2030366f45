/**
 * User attributes: small values by number (0 to 255) on files, directories and the root (C: lfs_getattr, lfs_setattr,
 * lfs_removeattr). The root's are kept with the superblock entry.
 *
 * @module
 */

import { readOrThrow } from './cache.ts';
import { describe, whole } from './config.ts';
import { invalid, LfsError } from './errors.ts';
import { fail, type Lfs } from './lfs.ts';
import type { Entry } from './mdir.ts';
import { fetchPair } from './pairs.ts';
import { type LfsPath, noEntry, walk } from './path.ts';
import { settleMove } from './repair.ts';
import { DELETED, makeTag, type } from './tag.ts';
import { commitPair } from './transact.ts';

export interface LfsAttr {
  readonly type: number;
  readonly size: number;
}

function attrEntry(lfs: Lfs, path: LfsPath): Entry {
  const found = walk(lfs, path);
  const entry = found.isRoot ? fetchPair(lfs, lfs.root0, lfs.root1).entries[0] : found.entry;
  if (entry === null || entry === undefined) throw noEntry(path);
  return entry;
}

export function checkAttrType(attrType: unknown): number {
  return whole('attribute type', attrType, 0, 255);
}

export function getAttr(lfs: Lfs, path: LfsPath, attrType: number): Uint8Array | undefined {
  checkAttrType(attrType);
  return readAttr(lfs, attrEntry(lfs, path), attrType);
}

export function readAttr(lfs: Lfs, entry: Entry, attrType: number): Uint8Array | undefined {
  const attr = entry.findAttr(attrType);
  if (attr === undefined) return undefined;
  const bytes = new Uint8Array(attr.size);
  readOrThrow(lfs, entry.mdir!.block0, attr.at, bytes, 0, attr.size);
  return bytes;
}

/** By number. */
export function listAttrs(lfs: Lfs, path: LfsPath): LfsAttr[] {
  const attrs = attrEntry(lfs, path).attrs ?? [];
  return attrs.map(({ type: attrType, size }) => ({ type: attrType, size })).sort((a, b) => a.type - b.type);
}

export function setAttr(lfs: Lfs, path: LfsPath, attrType: number, bytes: Uint8Array): void {
  checkAttrType(attrType);
  if (!(bytes instanceof Uint8Array)) throw invalid(`attribute value is ${describe(bytes)}; allowed: a Uint8Array`);
  if (bytes.length > lfs.attrMax)
    fail('LFS_ERR_NOSPC', `an attribute of ${bytes.length} bytes; allowed: up to ${lfs.attrMax}`);
  commitAttr(lfs, attrEntry(lfs, path), attrType, bytes);
}

export function removeAttr(lfs: Lfs, path: LfsPath, attrType: number): void {
  checkAttrType(attrType);
  commitAttr(lfs, attrEntry(lfs, path), attrType, null);
}

function commitAttr(lfs: Lfs, entry: Entry, attrType: number, bytes: Uint8Array | null): void {
  if (entry.mdir === null) throw new LfsError('LFS_ERR_NOENT', 'the entry is gone');
  settleMove(lfs, entry.mdir);
  const mdir = entry.mdir;
  const id = mdir.entries.indexOf(entry);
  // The value stays the caller's: what is committed is a copy.
  const tag = makeTag(type.USERATTR + attrType, id, bytes === null ? DELETED : bytes.length);
  commitPair(lfs, mdir, [{ tag, data: bytes === null ? null : bytes.slice() }]);
}
