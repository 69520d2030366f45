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

/** Where in a run the fault came, and in which words. */
export interface Scene {
  readonly id: string;
  readonly op: number;
  readonly lost: readonly number[];
  readonly words: string;
  /** The call, where the operation does not tell. */
  readonly call?: RecordedCall | undefined;
}

/** The scene of a loss of power. `outer` are those before, in the recoveries from which this one came. */
export function sceneOf(point: Point, outer: readonly Point[]): Scene {
  const name = outer.reduceRight((inner, each) => ({ ...each, next: inner }), point);
  const { op, lost } = point;
  return { id: pointName(name), op, lost, words: `the power goes here${describeTear(point)}` };
}

export function failureOf(
  recording: Recording,
  scene: Scene,
  violation: Violation,
  before: RamDevice,
  after: RamDevice,
): CrashFailure {
  const { id, op } = scene;
  const call = scene.call ?? recording.callAt(op);
  return {
    id,
    kind: violation.kind,
    message: violation.message,
    call: callText(call),
    line: call === undefined ? undefined : userLine(call.stack),
    step: recording.stepAt(op),
    acked: recording.ackedAt(op),
    timeline: timelineOf(recording, scene, call),
    cause: violation.cause,
    imageBefore: before.toImage(),
    imageAfter: after.toImage(),
  };
}

/** A call as one would write it. */
export function callText(call: RecordedCall): string;
export function callText(call: RecordedCall | undefined): string | undefined;
export function callText(call: RecordedCall | undefined): string | undefined {
  return call === undefined ? undefined : `${call.name}(${call.shown})`;
}

/** The last fs calls before the fault, with what they did to the device. */
function timelineOf(recording: Recording, scene: Scene, during: RecordedCall | undefined): string[] {
  const { ops, calls } = recording;
  const lines: string[] = [];
  const until = during ?? calls.findLast(({ to }) => to <= scene.op);
  const end = until === undefined ? 0 : calls.indexOf(until) + 1;
  const here = `  ${scene.op}  ^ ${scene.words}`;
  for (const call of calls.slice(Math.max(0, end - 8), end)) {
    lines.push(callText(call));
    for (let at = call.from; at < call.to; at++) {
      if (at === scene.op) return [...lines, here];
      const lost = scene.lost.includes(at) ? '   (had not reached the device)' : '';
      lines.push(`  ${at}  ${describeOp(ops[at]!)}${lost}`);
    }
  }
  return [...lines, here];
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
export function differs(a: Pick<Recording, 'calls'>, b: Pick<Recording, 'calls'>): string {
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
