/**
 * Points: where the power goes, and what of the operation under way, and of those not synced, is on the device then.
 *
 * A point has a short name that says all of it, so that a failure can be replayed:
 *
 *   42          before operation 42
 *   42t0-7      of operation 42 (a program) bytes 0 to 6 were programmed
 *   42t3-       bytes 3 to the end were
 *   42b5        the first 5 bits were
 *   42x1f2      a subset of its bytes, drawn with seed 0x1f2
 *   42f         it was programmed, with one bit wrong
 *   42e         an erase left the first half of the block erased
 *   42g1f2      an erase left garbage, drawn with seed 0x1f2
 *   42~40.38    before operation 42, and operations 40 and 38 had not reached the device yet
 *   42/3        before operation 42, and again before operation 3 of the recovery
 *
 * @module
 */

/** What became of the operation under way. */
export type Tear =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly from: number; readonly to: number }
  | { readonly kind: 'bits'; readonly count: number }
  | { readonly kind: 'subset'; readonly seed: number }
  | { readonly kind: 'flip' }
  | { readonly kind: 'half' }
  | { readonly kind: 'garbage'; readonly seed: number };

export interface Point {
  /** The operation during which the power goes; as many as there are: after all. */
  readonly op: number;
  readonly tear: Tear;
  /** Earlier operations, not synced, that had not reached the device. */
  readonly lost: readonly number[];
  /** The power goes again during the recovery. */
  readonly next: Point | null;
}

export const noTear: Tear = { kind: 'none' };
const none: readonly number[] = [];

export function pointAt(op: number, tear: Tear = noTear, lost: readonly number[] = none): Point {
  return { op, tear, lost, next: null };
}

export function pointName(point: Point): string {
  const { op, tear, lost, next } = point;
  const torn = ((): string => {
    switch (tear.kind) {
      case 'none':
        return '';
      case 'bytes':
        return `t${tear.from}-${tear.to < 0 ? '' : tear.to}`;
      case 'bits':
        return `b${tear.count}`;
      case 'subset':
        return `x${tear.seed.toString(16)}`;
      case 'flip':
        return 'f';
      case 'half':
        return 'e';
      default:
        return `g${tear.seed.toString(16)}`;
    }
  })();
  const missing = lost.length === 0 ? '' : `~${lost.join('.')}`;
  return `${op}${torn}${missing}${next === null ? '' : `/${pointName(next)}`}`;
}

const form = /^(\d+)(?:t(\d+)-(\d*)|b(\d+)|x([0-9a-f]+)|(f)|(e)|g([0-9a-f]+))?(?:~(\d+(?:\.\d+)*))?$/;

/** The point of a name; throws for what is none. */
export function parsePoint(name: string): Point {
  const [first = '', ...rest] = name.split('/');
  const match = form.exec(first);
  if (match === null)
    throw new Error(`'${name}' is no point; a point is like 42, 42t0-7, 42b5, 42x1f2, 42f, 42e, 42~40.38 or 42/3`);
  const [, op, from, to, bits, subset, flip, half, garbage, lost] = match;
  const tear: Tear =
    from !== undefined
      ? { kind: 'bytes', from: Number(from), to: to === '' ? -1 : Number(to) }
      : bits !== undefined
        ? { kind: 'bits', count: Number(bits) }
        : subset !== undefined
          ? { kind: 'subset', seed: Number.parseInt(subset, 16) }
          : flip !== undefined
            ? { kind: 'flip' }
            : half !== undefined
              ? { kind: 'half' }
              : garbage !== undefined
                ? { kind: 'garbage', seed: Number.parseInt(garbage, 16) }
                : noTear;
  return {
    op: Number(op),
    tear,
    lost: lost === undefined ? none : lost.split('.').map(Number),
    next: rest.length === 0 ? null : parsePoint(rest.join('/')),
  };
}
