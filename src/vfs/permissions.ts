/**
 * Who may do what: POSIX's permission bits, for one user at a time. User 0 may do everything but execute what nobody may.
 *
 * @module
 */

import { VfsError } from './errno.ts';
import { S_ISGID, S_ISUID, S_ISVTX, W_OK, X_OK } from './flags.ts';
import type { Node } from './node.ts';
import type { Credentials } from './state.ts';

export function inGroup(who: Credentials, gid: number): boolean {
  return who.gid === gid || who.groups.includes(gid);
}

/** `wanted`: R_OK, W_OK, X_OK. */
export function mayAccess(node: Node, who: Credentials, wanted: number): boolean {
  const { mode } = node;
  if (who.uid === 0) return (wanted & X_OK) === 0 || node.isDirectory || (mode & 0o111) !== 0;
  const granted = node.uid === who.uid ? mode >> 6 : inGroup(who, node.gid) ? mode >> 3 : mode;
  return (granted & wanted) === wanted;
}

export function need(node: Node, who: Credentials, wanted: number): void {
  if (!mayAccess(node, who, wanted)) throw new VfsError('EACCES');
}

/** Adding a name to a directory. */
export function needEntry(dir: Node, who: Credentials): void {
  if (who.uid !== 0) need(dir, who, W_OK | X_OK);
}

/** Taking a name out of a directory; in a sticky one only who owns it or the directory. */
export function needRemoval(dir: Node, node: Node, who: Credentials): void {
  if (who.uid === 0) return;
  need(dir, who, W_OK | X_OK);
  if ((dir.mode & S_ISVTX) !== 0 && who.uid !== dir.uid && who.uid !== node.uid) throw new VfsError('EPERM');
}

export function needOwner(node: Node, who: Credentials): void {
  if (who.uid !== 0 && who.uid !== node.uid) throw new VfsError('EPERM');
}

/** The mode of a node after somebody who is not its owner wrote to it, or after its owner changed. */
export function withoutPrivileges({ mode, gid }: Node, who: Credentials): number {
  const dropsGroup = (mode & 0o010) !== 0 || (who.uid !== 0 && !inGroup(who, gid));
  return mode & ~S_ISUID & (dropsGroup ? ~S_ISGID : -1);
}
