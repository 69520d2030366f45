/**
 * Cases: what goes wrong beside a loss of power. As points have, each has a short name that says all of it:
 *
 *   EIO@12           operation 12 of the device fails
 *   ENOSPC@12+       and so do all after it
 *   rot@3.1207,3.9   bits 1207 and 9 of block 3 have flipped after the run
 *   lie@42~3.7       before operation 42 the power goes, and operations 3 and 7 are missing; syncs do not count, since
 *                    they did nothing
 *   stray@12>5       operation 12 went to block 5
 *   bad@7:prognoop   block 7 was bad from the start of the run
 *   wear@2:progerror blocks go bad after 2 erases
 *
 * @module
 */

import type { BadBlockMode } from '../device/index.ts';
import { badBlockModes, type IoErrorCode } from './faults.ts';

export type FaultCase =
  | { readonly kind: 'ioError'; readonly code: IoErrorCode; readonly op: number; readonly always: boolean }
  | { readonly kind: 'bitRot'; readonly flips: readonly Flip[] }
  | { readonly kind: 'droppedSync'; readonly op: number; readonly lost: readonly number[] }
  | { readonly kind: 'misdirectedWrite'; readonly op: number; readonly block: number }
  | { readonly kind: 'badBlock'; readonly block: number; readonly mode: BadBlockMode }
  | { readonly kind: 'wearOut'; readonly erases: number; readonly mode: BadBlockMode };

export interface Flip {
  readonly block: number;
  readonly bit: number;
}

export function caseName(each: FaultCase): string {
  switch (each.kind) {
    case 'ioError':
      return `${each.code}@${each.op}${each.always ? '+' : ''}`;
    case 'bitRot':
      return `rot@${each.flips.map(({ block, bit }) => `${block}.${bit}`).join(',')}`;
    case 'droppedSync':
      return `lie@${each.op}~${each.lost.join('.')}`;
    case 'misdirectedWrite':
      return `stray@${each.op}>${each.block}`;
    case 'badBlock':
      return `bad@${each.block}:${each.mode}`;
    default:
      return `wear@${each.erases}:${each.mode}`;
  }
}

/** Whether a name is that of a case, and not that of a point. */
export function isCaseName(name: string): boolean {
  return name.includes('@');
}

/** The case of a name; throws for what is none. */
export function parseCase(name: string): FaultCase {
  const found = parsed(name);
  if (found === undefined)
    throw new Error(
      `'${name}' is no case; a case is like EIO@12, ENOSPC@12+, rot@3.1207, lie@42~3.7, stray@12>5, bad@7:prognoop or wear@2:progerror`,
    );
  return found;
}

function parsed(name: string): FaultCase | undefined {
  const match = (form: RegExp): string[] | undefined => form.exec(name)?.slice(1);
  const isMode = (mode: string | undefined): mode is BadBlockMode => badBlockModes.some((each) => each === mode);
  const io = match(/^(EIO|ENOSPC)@(\d+)(\+?)$/);
  if (io !== undefined)
    return { kind: 'ioError', code: io[0] as IoErrorCode, op: Number(io[1]), always: io[2] === '+' };
  const rot = match(/^rot@(\d+\.\d+(?:,\d+\.\d+)*)$/);
  if (rot !== undefined) {
    const flips = rot[0]!.split(',').map((flip) => {
      const [block, bit] = flip.split('.');
      return { block: Number(block), bit: Number(bit) };
    });
    return { kind: 'bitRot', flips };
  }
  const lie = match(/^lie@(\d+)~(\d+(?:\.\d+)*)$/);
  if (lie !== undefined) return { kind: 'droppedSync', op: Number(lie[0]), lost: lie[1]!.split('.').map(Number) };
  const stray = match(/^stray@(\d+)>(\d+)$/);
  if (stray !== undefined) return { kind: 'misdirectedWrite', op: Number(stray[0]), block: Number(stray[1]) };
  const bad = match(/^bad@(\d+):(\w+)$/);
  if (bad !== undefined && isMode(bad[1])) return { kind: 'badBlock', block: Number(bad[0]), mode: bad[1] };
  const wear = match(/^wear@(\d+):(\w+)$/);
  if (wear !== undefined && isMode(wear[1])) return { kind: 'wearOut', erases: Number(wear[0]), mode: wear[1] };
  return undefined;
}
