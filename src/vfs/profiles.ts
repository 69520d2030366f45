/**
 * Where modes, owners and times are kept on the image: in user attributes, in one of the ways that people use.
 *
 *   posix         'p'        all that POSIX knows, drawn below
 *   micropython   1          mtime, 8 bytes, nanoseconds since 1970
 *   esp-idf       't'        mtime, 4 or 8 bytes, seconds since 1970
 *   arduino       't' 'c'    mtime and creation time, 4 or 8 bytes, seconds since 1970
 *   none          -          nothing; times and modes live while the image is open
 *
 * Whatever an entry has is read; one profile is written. Numbers are little-endian.
 *
 * `posix` says nothing that goes without saying: 0644 for a file, 0755 for a directory, owner 0:0.
 *
 *   [ flags | mode 2 | uid 4  gid 4 | rdev 4 | mtime 9 | atime 9 | ctime 9 | birthtime 9 ]
 *       1     if 0x01     if 0x02     if 0x04   if 0x08   if 0x10   if 0x20     if 0x40
 *
 *   a time is [ seconds 5, signed | nanoseconds 4 ]; atime, ctime and birthtime are left out where they are mtime
 *
 * @module
 */

import type { AttrValue } from '../lfs/user-attrs.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from './flags.ts';
import type { Node } from './node.ts';

export type MetadataProfile = 'posix' | 'micropython' | 'esp-idf' | 'arduino' | 'none';

export const metadataProfiles: readonly MetadataProfile[] = ['posix', 'micropython', 'esp-idf', 'arduino', 'none'];

const POSIX = 0x70;
const MTIME_NS = 1;
const MTIME = 0x74;
const CTIME = 0x63;

/** Attributes that one of the profiles uses. */
export const profileAttrs: ReadonlySet<number> = new Set([POSIX, MTIME_NS, MTIME, CTIME]);

const HAS_MODE = 0x01;
const HAS_OWNER = 0x02;
const HAS_RDEV = 0x04;
const HAS_MTIME = 0x08;
const HAS_ATIME = 0x10;
const HAS_CTIME = 0x20;
const HAS_BIRTHTIME = 0x40;
/** The longest `posix` can be. */
const posixBytesMax = 1 + 2 + 8 + 4 + 4 * 9;

interface AttrSource {
  attr(type: number): Uint8Array | undefined;
}

/** The profile that a census of attributes speaks for. */
export function profileOf(census: ReadonlyMap<string, number>): MetadataProfile {
  let arduino = 0;
  let espIdf = 0;
  let micropython = 0;
  for (const [key, count] of census) {
    const [type, size] = key.split(':').map(Number) as [number, number];
    if (type === POSIX) return 'posix';
    if (type === MTIME_NS && size === 8) micropython += count;
    if (size !== 4 && size !== 8) continue;
    if (type === MTIME) espIdf += count;
    if (type === CTIME) arduino += count;
  }
  if (arduino > 0) return 'arduino';
  if (micropython === 0 && espIdf === 0) return 'none';
  return micropython > espIdf ? 'micropython' : 'esp-idf';
}

/** Takes into a node what its entry's attributes say, in whatever profile. */
export function readMeta(node: Node, entry: AttrSource): void {
  const posix = entry.attr(POSIX);
  if (posix !== undefined && readPosix(node, posix)) return;
  const seconds = wholeNumber(entry.attr(MTIME));
  if (seconds !== undefined) setAll(node, seconds, 0);
  else {
    const ns = entry.attr(MTIME_NS);
    if (ns?.length === 8) {
      const view = new DataView(ns.buffer, ns.byteOffset, 8);
      const value = view.getBigUint64(0, true);
      setAll(node, Number(value / 1_000_000_000n), Number(value % 1_000_000_000n));
    }
  }
  const created = wholeNumber(entry.attr(CTIME));
  if (created !== undefined) {
    node.birthtimeSec = created;
    node.birthtimeNsec = 0;
  }
}

/** The type bits that an entry's attributes say; 0 for those of the engine. */
export function typeOf(entry: AttrSource): number {
  const posix = entry.attr(POSIX);
  if (posix === undefined || posix.length < 3 || (posix[0]! & HAS_MODE) === 0) return 0;
  return (posix[1]! | (posix[2]! << 8)) & S_IFMT;
}

function setAll(node: Node, sec: number, nsec: number): void {
  node.atimeSec = node.mtimeSec = node.ctimeSec = node.birthtimeSec = sec;
  node.atimeNsec = node.mtimeNsec = node.ctimeNsec = node.birthtimeNsec = nsec;
}

function wholeNumber(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 8)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length === 4 ? view.getUint32(0, true) : Number(view.getBigInt64(0, true));
}

/** False for bytes that are not ours. */
function readPosix(node: Node, bytes: Uint8Array): boolean {
  const flags = bytes[0] ?? 0x80;
  const size =
    1 +
    ((flags & HAS_MODE) !== 0 ? 2 : 0) +
    ((flags & HAS_OWNER) !== 0 ? 8 : 0) +
    ((flags & HAS_RDEV) !== 0 ? 4 : 0) +
    9 * ((flags >> 3) & 1) +
    9 * ((flags >> 4) & 1) +
    9 * ((flags >> 5) & 1) +
    9 * ((flags >> 6) & 1);
  if ((flags & 0x80) !== 0 || bytes.length !== size) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 1;
  if ((flags & HAS_MODE) !== 0) {
    const mode = view.getUint16(at, true);
    // A directory on the image is one, whatever the attribute says; and nothing else is.
    if (((mode & S_IFMT) === S_IFDIR) === node.isDirectory && (mode & S_IFMT) !== 0) node.mode = mode;
    at += 2;
  }
  if ((flags & HAS_OWNER) !== 0) {
    node.uid = view.getUint32(at, true);
    node.gid = view.getUint32(at + 4, true);
    at += 8;
  }
  if ((flags & HAS_RDEV) !== 0) {
    node.rdev = view.getUint32(at, true);
    at += 4;
  }
  const time = (): [number, number] => {
    const sec = view.getUint32(at, true) + view.getInt8(at + 4) * 0x1_0000_0000;
    const nsec = view.getUint32(at + 5, true);
    at += 9;
    return [sec, nsec];
  };
  if ((flags & HAS_MTIME) !== 0) setAll(node, ...time());
  if ((flags & HAS_ATIME) !== 0) [node.atimeSec, node.atimeNsec] = time();
  if ((flags & HAS_CTIME) !== 0) [node.ctimeSec, node.ctimeNsec] = time();
  if ((flags & HAS_BIRTHTIME) !== 0) [node.birthtimeSec, node.birthtimeNsec] = time();
  return true;
}

const scratch = new Uint8Array(posixBytesMax);

function writePosix(node: Node): Uint8Array | null {
  const bytes = scratch;
  let flags = 0;
  let at = 1;
  if (node.mode !== (node.isDirectory ? S_IFDIR | 0o755 : S_IFREG | 0o644)) {
    flags |= HAS_MODE;
    bytes[at++] = node.mode & 0xff;
    bytes[at++] = node.mode >> 8;
  }
  if (node.uid !== 0 || node.gid !== 0) {
    flags |= HAS_OWNER;
    at = putU32(bytes, at, node.uid);
    at = putU32(bytes, at, node.gid);
  }
  if (node.rdev !== 0) {
    flags |= HAS_RDEV;
    at = putU32(bytes, at, node.rdev);
  }
  const { mtimeSec, mtimeNsec } = node;
  if (mtimeSec !== 0 || mtimeNsec !== 0) {
    flags |= HAS_MTIME;
    at = putTime(bytes, at, mtimeSec, mtimeNsec);
  }
  if (node.atimeSec !== mtimeSec || node.atimeNsec !== mtimeNsec) {
    flags |= HAS_ATIME;
    at = putTime(bytes, at, node.atimeSec, node.atimeNsec);
  }
  if (node.ctimeSec !== mtimeSec || node.ctimeNsec !== mtimeNsec) {
    flags |= HAS_CTIME;
    at = putTime(bytes, at, node.ctimeSec, node.ctimeNsec);
  }
  if (node.birthtimeSec !== mtimeSec || node.birthtimeNsec !== mtimeNsec) {
    flags |= HAS_BIRTHTIME;
    at = putTime(bytes, at, node.birthtimeSec, node.birthtimeNsec);
  }
  if (flags === 0) return null;
  bytes[0] = flags;
  return bytes.slice(0, at);
}

function putU32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value & 0xff;
  bytes[at + 1] = (value >>> 8) & 0xff;
  bytes[at + 2] = (value >>> 16) & 0xff;
  bytes[at + 3] = value >>> 24;
  return at + 4;
}

function putTime(bytes: Uint8Array, at: number, sec: number, nsec: number): number {
  const high = Math.floor(sec / 0x1_0000_0000);
  putU32(bytes, at, (sec - high * 0x1_0000_0000) >>> 0);
  bytes[at + 4] = high & 0xff;
  return putU32(bytes, at + 5, nsec);
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
  return bytes;
}

/** The attributes that a node is to have on the image; `null` for one that it shall not have. */
export function metaAttrs(profile: MetadataProfile, node: Node): AttrValue[] {
  switch (profile) {
    case 'posix':
      return [{ type: POSIX, buffer: writePosix(node) }];
    case 'micropython':
      if (node.isDirectory) return [];
      return [{ type: MTIME_NS, buffer: u64(BigInt(node.mtimeSec) * 1_000_000_000n + BigInt(node.mtimeNsec)) }];
    case 'esp-idf':
      if (node.isDirectory) return [];
      return [{ type: MTIME, buffer: u64(BigInt(node.mtimeSec)) }];
    case 'arduino':
      return [
        { type: MTIME, buffer: u64(BigInt(node.mtimeSec)) },
        { type: CTIME, buffer: u64(BigInt(node.birthtimeSec)) },
      ];
    default:
      return [];
  }
}

/** Whether a profile can keep anything but regular files and directories. */
export function keepsTypes(profile: MetadataProfile): boolean {
  return profile === 'posix';
}
