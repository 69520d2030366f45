/**
 * A failure under a posix model: the call under way, and those of which something had not reached the disk.
 *
 * @module
 */

import type { RamDevice } from '../device/index.ts';
import { callText } from './failure.ts';
import type { Violation } from './judge.ts';
import type { CrashFailure, LostCall } from './options.ts';
import type { PosixOp, PosixRun } from './posix-ops.ts';
import type { Fate, PosixPoint } from './posix-point.ts';
import type { RecordedCall } from './recording.ts';
import { userLine } from './workspace.ts';

export interface PosixScene {
  readonly id: string;
  readonly violation: Violation;
  readonly before: RamDevice;
  readonly after: RamDevice;
}

export function posixFailureOf(run: PosixRun, point: PosixPoint, scene: PosixScene): CrashFailure {
  const { op, losses } = point;
  const { violation } = scene;
  // Between two calls, the last that did something: it is not safe yet.
  const call = run.callAt(op) ?? run.calls.findLast(({ from, to }) => from < to && to <= op);
  const lost = losses.map(({ op: each, fate }): LostCall => {
    const by = run.callAt(each);
    const line = by === undefined ? undefined : userLine(by.stack);
    return { call: callText(by) ?? run.ops[each]!.shown, line, what: lossText(run.ops[each]!, fate) };
  });
  return {
    id: scene.id,
    kind: violation.kind,
    message: violation.message,
    call: callText(call),
    line: call === undefined ? undefined : userLine(call.stack),
    step: run.stepAt(op),
    acked: run.ackedAt(op),
    timeline: timelineOf(run, point),
    lost,
    cause: violation.cause,
    imageBefore: imageOf(scene.before),
    imageAfter: scene.after.toImage(),
  };
}

/** Images of where runs began: there may be many failures of one. */
const images: WeakMap<RamDevice, Uint8Array> = new WeakMap();

function imageOf(device: RamDevice): Uint8Array {
  const image = images.get(device) ?? device.toImage();
  images.set(device, image);
  return image;
}

function lossText(op: PosixOp, fate: Fate): string {
  return `${op.shown}: ${fateText(fate)}`;
}

function fateText(fate: Fate): string {
  switch (fate.kind) {
    case 'part':
      if (fate.bytes === 0) return 'its size had reached the disk, its bytes had not';
      return `the first ${fate.bytes} bytes had reached the disk${fate.isSized ? ', and its size' : ''}`;
    case 'new-name':
      return 'the new name had reached the disk, the old one was still there';
    case 'no-name':
      return 'the old name was gone, the new one had not reached the disk';
    default:
      return 'had not reached the disk';
  }
}

/** The last calls, those of which something was lost among them. */
function timelineOf(run: PosixRun, { op, under, losses }: PosixPoint): string[] {
  const lines: string[] = [];
  const fates = new Map(losses.map((loss) => [loss.op, loss.fate]));
  const calls = run.calls.filter(({ from, to }) => from < to && from <= op);
  const isShown = (call: RecordedCall, index: number): boolean =>
    index >= calls.length - 8 || losses.some((loss) => loss.op >= call.from && loss.op < call.to);
  let isGap = false;
  const next = run.callAt(op) === undefined ? undefined : run.ops[op];
  const before = next === undefined ? '' : `, before: ${next.shown}`;
  const here = `  ${op}  ^ the power goes here${under === null ? before : `, during: ${lossText(run.ops[op]!, under)}`}`;
  for (const [index, call] of calls.entries()) {
    if (!isShown(call, index)) {
      isGap = true;
      continue;
    }
    if (isGap) lines.push('...');
    isGap = false;
    // What is called within another call is shown with it.
    const outer = calls.some(
      (each) => each !== call && each.from <= call.from && each.to >= call.to && calls.indexOf(each) < index,
    );
    if (outer) continue;
    lines.push(callText(call));
    for (let at = call.from; at < call.to; at++) {
      if (at === op) return [...lines, here];
      const fate = fates.get(at);
      lines.push(`  ${at}  ${run.ops[at]!.shown}${fate === undefined ? '' : `   (${fateText(fate)})`}`);
    }
  }
  return [...lines, here];
}
