/**
 * A failure as people want it: what was under way, where in their code, and what happened before.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import type { Violation } from './judge.ts';
import type { CrashFailure } from './options.ts';
import { type Point, pointName } from './points.ts';
import type { RecordedCall, Recording } from './recording.ts';
import { userLine } from './workspace.ts';

export function failureOf(
  recording: Recording,
  point: Point,
  name: Point,
  violation: Violation,
  after: RamDevice,
): CrashFailure {
  const call = recording.callAt(point.op);
  return {
    id: pointName(name),
    kind: violation.kind,
    message: violation.message,
    call: call === undefined ? undefined : `${call.name}(${call.shown})`,
    line: call === undefined ? undefined : userLine(call.stack),
    step: recording.stepAt(point.op),
    acked: recording.ackedAt(point.op),
    timeline: timelineOf(recording, point, call),
    cause: violation.cause,
    imageBefore: recording.start.toImage(),
    imageAfter: after.toImage(),
  };
}

/** The last fs calls before the loss of power, with what they did to the device. */
function timelineOf(recording: Recording, point: Point, during: RecordedCall | undefined): string[] {
  const { ops, calls } = recording;
  const lines: string[] = [];
  const until = during ?? calls.findLast(({ to }) => to <= point.op);
  const end = until === undefined ? 0 : calls.indexOf(until) + 1;
  for (const call of calls.slice(Math.max(0, end - 8), end)) {
    lines.push(`${call.name}(${call.shown})`);
    for (let at = call.from; at < call.to; at++) {
      const op = ops[at]!;
      if (at === point.op) {
        lines.push(`  ${at}  ^ the power goes here${describeTear(point)}`);
        return lines;
      }
      const lost = point.lost.includes(at) ? '   (had not reached the device)' : '';
      lines.push(`  ${at}  ${describeOp(op)}${lost}`);
    }
  }
  lines.push(`  ${point.op}  ^ the power goes here`);
  return lines;
}

function describeOp(op: Recording['ops'][number]): string {
  if (op.kind === 'sync') return 'sync';
  if (op.kind === 'erase') return `erase block ${op.block}`;
  return `program block ${op.block}, bytes ${op.offset} to ${op.offset + op.data.length - 1}`;
}

function describeTear({ tear }: Point): string {
  switch (tear.kind) {
    case 'bytes':
      return `: bytes ${tear.from} to ${tear.to < 0 ? 'the end' : tear.to - 1} of it were programmed`;
    case 'bits':
      return `: the first ${tear.count} bits of it were programmed`;
    case 'subset':
      return ': some bytes of it were programmed';
    case 'flip':
      return ': it was programmed, with one bit wrong';
    case 'half':
      return ': half of the block was erased';
    case 'garbage':
      return ': the erase left garbage';
    default:
      return '';
  }
}

/** How two runs of one workload differ. */
export function differs(a: Recording, b: Recording): string {
  const count = Math.min(a.calls.length, b.calls.length);
  for (let i = 0; i < count; i++) {
    const one = a.calls[i]!;
    const two = b.calls[i]!;
    if (one.name !== two.name || one.shown !== two.shown)
      return `two runs of the workload differ: call ${i + 1} is ${one.name}(${one.shown}), then ${two.name}(${two.shown})`;
  }
  if (a.calls.length !== b.calls.length)
    return `two runs of the workload differ: ${a.calls.length} fs calls, then ${b.calls.length}`;
  return 'two runs of the workload make the same fs calls, but write other bytes';
}
