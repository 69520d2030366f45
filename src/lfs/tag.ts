/**
 * The 32-bit tag in front of every piece of metadata (SPEC.md, "Metadata tags").
 *
 *   [----            32             ----]
 *   [1|--   11   --|--  10  --|--  10  --]   big-endian, XORed with the tag before it
 *    ^.     ^            ^          ^-- size   (0x3ff: the thing is deleted; no data follows)
 *    '|     '-- type     '-- id                (0x3ff: belongs to no entry)
 *     '-- 0 when valid
 *
 *   type  [3|-- 8 --]                          a family and a chunk that the family explains
 *
 * A tag is a plain number below 2^31 here: the valid bit is looked at while parsing and never kept.
 *
 * @module
 */

export const type = {
  NAME: 0x000,
  REG: 0x001,
  DIR: 0x002,
  SUPERBLOCK: 0x0ff,
  STRUCT: 0x200,
  DIRSTRUCT: 0x200,
  INLINESTRUCT: 0x201,
  CTZSTRUCT: 0x202,
  USERATTR: 0x300,
  SPLICE: 0x400,
  CREATE: 0x401,
  DELETE: 0x4ff,
  CRC: 0x500,
  CCRC: 0x500,
  FCRC: 0x5ff,
  TAIL: 0x600,
  SOFTTAIL: 0x600,
  HARDTAIL: 0x601,
  GSTATE: 0x700,
  MOVESTATE: 0x7ff,
} as const;

/** The id of what belongs to no entry. */
export const NO_ID = 0x3ff;
/** The size of what is deleted. */
export const DELETED = 0x3ff;

export function makeTag(tagType: number, id: number, size: number): number {
  return (tagType << 20) | (id << 10) | size;
}

export function tagType(tag: number): number {
  return (tag >>> 20) & 0x7ff;
}

/** The family: NAME, STRUCT, USERATTR, SPLICE, CRC, TAIL or GSTATE. */
export function tagFamily(tag: number): number {
  return (tag >>> 20) & 0x700;
}

export function tagId(tag: number): number {
  return (tag >>> 10) & 0x3ff;
}

export function tagSize(tag: number): number {
  return tag & 0x3ff;
}

/** Bytes that a tag takes in the log, its data included. */
export function tagSpan(tag: number): number {
  const size = tag & 0x3ff;
  return size === DELETED ? 4 : 4 + size;
}

/** The signed chunk of a SPLICE tag: how many ids it inserts (+1) or takes out (-1). */
export function tagSplice(tag: number): number {
  return ((tag >>> 20) << 24) >> 24;
}
