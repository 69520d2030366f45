/**
 * Points of the posix models: where the power goes, and what of the operations that were not durable yet is there then.
 * As those of littlefs (`points.ts`) they have names that say all of it:
 *
 *   42            before operation 42, and all before it is there
 *   42p7          of operation 42 (a write) the first 7 bytes are there, and the size goes as far
 *   42z7          the first 7 bytes are there, the size as if all were; between them zeros
 *   42n, 42o      of operation 42 (a rename to another directory) the new name is there and the old one, too; neither is
 *   42~3.7-9      operations 3 and 7 to 9 are lost, as far as they were not durable
 *   42~3p7.5n     of operations 3 and 5 a part is there, as above
 *   42~3/5        the power goes again, before operation 5 of the recovery
 *
 * @module
 */

/** What became of an operation that was not durable. */
export type Fate =
  | { readonly kind: 'lost' }
  | { readonly kind: 'part'; readonly bytes: number; readonly isSized: boolean }
  | { readonly kind: 'new-name' }
  | { readonly kind: 'no-name' };

export interface Loss {
  readonly op: number;
  readonly fate: Fate;
}

export interface PosixPoint {
  readonly op: number;
  /** What of the operation under way is there; null: nothing. */
  readonly under: Fate | null;
  /** In the order of the operations. */
  readonly losses: readonly Loss[];
}

export const lost: Fate = { kind: 'lost' };
const nothing: readonly Loss[] = [];

export function posixPoint(op: number, losses: readonly Loss[] = nothing, under: Fate | null = null): PosixPoint {
  return { op, under, losses };
}

function fateName(fate: Fate): string {
  switch (fate.kind) {
    case 'part':
      return `${fate.isSized ? 'z' : 'p'}${fate.bytes}`;
    case 'new-name':
      return 'n';
    case 'no-name':
      return 'o';
    default:
      return '';
  }
}

/** The volatile operations at a point, in their order: what a name's ranges are made of. */
export type VolatileAt = (op: number) => readonly number[];

export function posixPointName(point: PosixPoint, volatileAt: VolatileAt): string {
  const { op, under, losses } = point;
  const parts: string[] = [];
  const order = new Map(volatileAt(op).map((each, index) => [each, index]));
  for (let i = 0; i < losses.length; i++) {
    const first = losses[i]!;
    let last = first;
    // Lost one and all: only where nothing volatile between them is kept.
    while (first.fate.kind === 'lost' && losses[i + 1]?.fate.kind === 'lost') {
      const after = losses[i + 1]!;
      if (order.get(after.op) !== order.get(last.op)! + 1) break;
      last = after;
      i++;
    }
    parts.push(last === first ? `${first.op}${fateName(first.fate)}` : `${first.op}-${last.op}`);
  }
  const missing = parts.length === 0 ? '' : `~${parts.join('.')}`;
  return `${op}${under === null ? '' : fateName(under)}${missing}`;
}

/** A point as its name has it: ranges are not resolved yet. */
export interface NamedPoint {
  readonly op: number;
  readonly under: Fate | null;
  readonly parts: readonly { readonly from: number; readonly to: number; readonly fate: Fate }[];
  readonly next: NamedPoint | null;
}

const form = /^(\d+)([pz]\d+|[no])?(?:~(\d+(?:-\d+|[pz]\d+|[no])?(?:\.\d+(?:-\d+|[pz]\d+|[no])?)*))?$/;

function parseFate(text: string | undefined): Fate | null {
  if (text === undefined || text === '') return null;
  if (text === 'n') return { kind: 'new-name' };
  if (text === 'o') return { kind: 'no-name' };
  return { kind: 'part', bytes: Number(text.slice(1)), isSized: text.startsWith('z') };
}

export function parsePosixPoint(name: string): NamedPoint {
  const [first = '', ...rest] = name.split('/');
  const match = form.exec(first);
  if (match === null)
    throw new Error(
      `'${name}' is no point of a posix model; a point is like 42, 42p7, 42z7, 42n, 42~3.7-9, 42~3p7 or 42~3/5`,
    );
  const [, op, under, list = ''] = match;
  const parts = list === '' ? [] : list.split('.').map(parsePart);
  return {
    op: Number(op),
    under: parseFate(under),
    parts,
    next: rest.length === 0 ? null : parsePosixPoint(rest.join('/')),
  };
}

function parsePart(text: string): NamedPoint['parts'][number] {
  const [, from, to, fate] = /^(\d+)(?:-(\d+)|([pzno]\d*))?$/.exec(text)!;
  return { from: Number(from), to: Number(to ?? from), fate: parseFate(fate) ?? lost };
}

/** The point that a name means in a run with these volatile operations. */
export function resolvePoint({ op, under, parts }: NamedPoint, volatileAt: VolatileAt): PosixPoint {
  const open = volatileAt(op);
  const losses = parts.flatMap(({ from, to, fate }) =>
    open.filter((each) => each >= from && each <= to).map((each) => ({ op: each, fate })),
  );
  return posixPoint(op, losses, under);
}
