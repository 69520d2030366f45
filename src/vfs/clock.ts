/**
 * Times: seconds and nanoseconds, as two numbers.
 *
 * @module
 */

import type { Node } from './node.ts';
import type { TimeToSet } from './posix.ts';

/** Milliseconds since 1970; the default is the system's clock. */
export type Clock = () => number;

export interface Time {
  sec: number;
  nsec: number;
}

export function timeOf(ms: number, into: Time): Time {
  into.sec = Math.floor(ms / 1000);
  into.nsec = Math.round((ms - into.sec * 1000) * 1e6) % 1e9;
  return into;
}

const scratch: Time = { sec: 0, nsec: 0 };

/** The content of a node changed: mtime and ctime. */
export function touchContent(node: Node, clock: Clock): void {
  const { sec, nsec } = timeOf(clock(), scratch);
  node.mtimeSec = node.ctimeSec = sec;
  node.mtimeNsec = node.ctimeNsec = nsec;
}

/** What is said about a node changed: ctime. */
export function touchStatus(node: Node, clock: Clock): void {
  const { sec, nsec } = timeOf(clock(), scratch);
  node.ctimeSec = sec;
  node.ctimeNsec = nsec;
}

export function touchNew(node: Node, clock: Clock): void {
  touchContent(node, clock);
  node.atimeSec = node.birthtimeSec = node.mtimeSec;
  node.atimeNsec = node.birthtimeNsec = node.mtimeNsec;
}

/** A read: as Linux's `relatime` has it, noted only when the last one noted is not newer than the last change. */
export function touchRead(node: Node, clock: Clock): void {
  if (node.atimeSec > node.mtimeSec || (node.atimeSec === node.mtimeSec && node.atimeNsec > node.mtimeNsec)) return;
  const { sec, nsec } = timeOf(clock(), scratch);
  node.atimeSec = sec;
  node.atimeNsec = nsec;
}

export function setTimes(node: Node, atime: TimeToSet, mtime: TimeToSet, clock: Clock): void {
  touchStatus(node, clock);
  if (atime !== null) {
    node.atimeSec = atime === 'now' ? node.ctimeSec : atime.sec;
    node.atimeNsec = atime === 'now' ? node.ctimeNsec : atime.nsec;
  }
  if (mtime !== null) {
    node.mtimeSec = mtime === 'now' ? node.ctimeSec : mtime.sec;
    node.mtimeNsec = mtime === 'now' ? node.ctimeNsec : mtime.nsec;
  }
}
