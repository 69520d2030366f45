/**
 * Hard links: several names of one node. littlefs has one name for each file, so on the image every name is a file of
 * its own with the whole content, which any driver reads, and an attribute 'l' says that they are one:
 *
 *   'l'  [ id 8 | count 2 | generation 4 ]     little-endian; only while there is more than one name
 *
 *   id          the same for all names of a node, and for no other's on this image
 *   count       names, as of that commit; for who cannot look for them: what counts is how many are found
 *   generation  grows with every flush, so of names that differ the power went between two commits: the newest is right
 *
 * In memory they are one `Node`. Its own name (`parent`, `name`, `onDisk`) is one that holds the newest on the image, if
 * any does; what the others hold is in `Links`. Names are written in this order: the own one, those that are there, new
 * ones. So a link appears with one commit, and a change of content is everybody's with the first.
 *
 * @module
 */

import type { AttrValue } from '../lfs/user-attrs.ts';
import type { Node } from './node.ts';
import type { Name } from './posix.ts';
import { metaAttrs } from './profiles.ts';
import type { VfsState } from './state.ts';

const LINK = 0x6c;
const LINK_BYTES = 14;
/** Names of a node: as many as `count` can say. */
export const NAMES_MAX = 0xffff;

/** Whether a census of attributes knows of files with several names. */
export function hasLinkedNames(census: ReadonlyMap<string, number>): boolean {
  return census.has(`${LINK}:${LINK_BYTES}`);
}

/** A name that is not the node's own. */
export interface Place {
  dir: Node;
  name: Name;
  onDisk: boolean;
  /** Of what the image has under it. */
  generation: number;
}

export class Links {
  readonly id: number;
  /** Of what the image has under the node's own name. */
  generation: number;
  readonly others: Place[] = [];
  /** Names that the image says are equal have been compared. */
  isChecked = true;
  /** Names that the image may have although they are gone. */
  readonly leaving: { readonly dir: Node; readonly name: Name }[] = [];
  /** Files that were found not to belong here, although the image says so: it must not once a new generation comes. */
  readonly strangers: Node[] = [];

  constructor(id: number, generation: number) {
    this.id = id;
    this.generation = generation;
  }
}

export interface LinkAttr {
  readonly id: number;
  readonly generation: number;
}

/** What an entry says of its other names; `null` where there are none. */
export function linkAttrOf(entry: { attr(type: number): Uint8Array | undefined }): LinkAttr | null {
  const bytes = entry.attr(LINK);
  if (bytes === undefined || bytes.length !== LINK_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, LINK_BYTES);
  const id = view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true);
  // Ours are counted; what is beyond counting is somebody else's.
  return Number.isSafeInteger(id) ? { id, generation: view.getUint32(10, true) } : null;
}

/** The attributes of all names of a node, as they are written as this generation. */
export function attrsOf(state: VfsState, node: Node, generation: number): AttrValue[] {
  const attrs = metaAttrs(state.profile, node);
  const { links } = node;
  if (links === null) return attrs;
  if (links.others.length === 0) return [...attrs, { type: LINK, buffer: null }];
  const buffer = new Uint8Array(LINK_BYTES);
  const view = new DataView(buffer.buffer);
  view.setUint32(0, links.id >>> 0, true);
  view.setUint32(4, Math.floor(links.id / 0x1_0000_0000), true);
  view.setUint16(8, 1 + links.others.length, true);
  view.setUint32(10, generation, true);
  return [...attrs, { type: LINK, buffer }];
}

export function nextGeneration({ links }: Node): number {
  return links === null ? 0 : (links.generation + 1) >>> 0;
}

/** They go round after four thousand million. */
export function isNewer(generation: number, other: number): boolean {
  return ((generation - other) | 0) > 0;
}

export function hasOtherNames(node: Node): boolean {
  return node.links !== null && node.links.others.length > 0;
}

/** The image has under this name what it has under the node's own. */
export function isCurrent(links: Links, place: Place): boolean {
  return place.onDisk && place.generation === links.generation;
}

export function isOwnName(node: Node, dir: Node, name: Name): boolean {
  return node.parent === dir && node.name === name;
}

function indexOf(links: Links, dir: Node, name: Name): number {
  return links.others.findIndex((place) => place.dir === dir && place.name === name);
}

export function isNameOnDisk(node: Node, dir: Node, name: Name): boolean {
  if (isOwnName(node, dir, name)) return node.onDisk;
  const { links } = node;
  return links !== null && links.others[indexOf(links, dir, name)]?.onDisk === true;
}

/** One more name. */
export function addName(node: Node, dir: Node, name: Name, onDisk = false, generation = 0): void {
  dir.children!.set(name, node);
  dir.listing = null;
  node.links!.others.push({ dir, name, onDisk, generation });
}

/** One of several names goes; where it was the node's own, another that has the same on the image is from now on. */
export function dropName(node: Node, dir: Node, name: Name): void {
  const links = node.links!;
  dir.children!.delete(name);
  dir.listing = null;
  if (!isOwnName(node, dir, name)) {
    links.others.splice(indexOf(links, dir, name), 1);
    return;
  }
  const index = Math.max(
    0,
    links.others.findIndex((place) => isCurrent(links, place)),
  );
  const [place] = links.others.splice(index, 1);
  node.parent = place!.dir;
  node.name = place!.name;
  node.onDisk = place!.onDisk;
}

/** A node goes by another name instead of one of its. */
export function moveName(node: Node, dir: Node, name: Name, newDir: Node, newName: Name): void {
  const place = isOwnName(node, dir, name) ? undefined : node.links?.others[indexOf(node.links, dir, name)];
  dir.children!.delete(name);
  dir.listing = null;
  newDir.children!.set(newName, node);
  newDir.listing = null;
  if (place === undefined) {
    node.parent = newDir;
    node.name = newName;
  } else {
    place.dir = newDir;
    place.name = newName;
  }
}
