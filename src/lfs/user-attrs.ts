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
import type { Change } from './pair-commit.ts';
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

/** A value to set; `null` takes the attribute away. */
export interface AttrValue {
  readonly type: number;
  readonly buffer: Uint8Array | null;
}

export function checkAttrValues(lfs: Lfs, attrs: readonly AttrValue[]): void {
  if (!Array.isArray(attrs)) throw invalid(`attrs is ${describe(attrs)}; allowed: an array of { type, buffer }`);
  for (const attr of attrs) {
    checkAttrType(attr?.type);
    const { buffer } = attr;
    if (buffer === null) continue;
    if (!(buffer instanceof Uint8Array)) throw invalid(`attribute value is ${describe(buffer)}; allowed: a Uint8Array`);
    if (buffer.length > lfs.attrMax)
      fail('LFS_ERR_NOSPC', `an attribute of ${buffer.length} bytes; allowed: up to ${lfs.attrMax}`);
  }
}

/** The values stay the caller's: what is committed is a copy. */
export function attrChanges(id: number, attrs: readonly AttrValue[]): Change[] {
  return attrs.map(({ type: attrType, buffer }) => ({
    tag: makeTag(type.USERATTR + attrType, id, buffer === null ? DELETED : buffer.length),
    data: buffer === null ? null : buffer.slice(),
  }));
}

/** Sets and takes away several attributes in one commit. */
export function setAttrs(lfs: Lfs, path: LfsPath, attrs: readonly AttrValue[]): void {
  checkAttrValues(lfs, attrs);
  const entry = attrEntry(lfs, path);
  if (attrs.length === 0) return;
  if (entry.mdir === null) throw new LfsError('LFS_ERR_NOENT', 'the entry is gone');
  settleMove(lfs, entry.mdir);
  const mdir = entry.mdir;
  commitPair(lfs, mdir, attrChanges(mdir.entries.indexOf(entry), attrs));
}

export function setAttr(lfs: Lfs, path: LfsPath, attrType: number, bytes: Uint8Array): void {
  checkAttrType(attrType);
  if (!(bytes instanceof Uint8Array)) throw invalid(`attribute value is ${describe(bytes)}; allowed: a Uint8Array`);
  setAttrs(lfs, path, [{ type: attrType, buffer: bytes }]);
}

export function removeAttr(lfs: Lfs, path: LfsPath, attrType: number): void {
  setAttrs(lfs, path, [{ type: attrType, buffer: null }]);
}
