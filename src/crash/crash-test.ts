/**
 * `crashTest`: runs a workload once, and asks for every loss of power on the way whether the data is still good;
 * and the same for other faults.
 *
 *   setup     -> the device as it is before                                campaign.ts
 *   workload  -> a recording of what it does to the device, and of what    recording.ts
 *                it tells the world (`ack`)
 *   explore   -> point by point                                            explore.ts, search.ts
 *                the image as the loss of power leaves it                  replay.ts
 *                the built-in questions, recover, check                    judge.ts
 *             -> case by case, what else may go wrong                      fault-cases.ts
 *   report    <- what failed, and how to see it again                      failure.ts
 *
 * @module
 */

import { Campaign } from './campaign.ts';
import { isCaseName, parseCase } from './cases.ts';
import { callText, differs } from './failure.ts';
import { FaultCases } from './fault-cases.ts';
import { faults } from './faults.ts';
import { type FailureKind, Violation } from './judge.ts';
import { type CrashReport, type CrashTestOptions, checkOptions } from './options.ts';
import { parsePoint } from './points.ts';
import { posixCrashTest } from './posix-model.ts';
import { Search } from './search.ts';
import { userLine } from './workspace.ts';

/** Runs a campaign. Failures are in the report; only wrong options are thrown. */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  checkOptions(options);
  if (options.model !== undefined && options.model !== 'littlefs') return posixCrashTest(options);
  const { replay } = options;
  const single = replay === undefined ? undefined : isCaseName(replay) ? parseCase(replay) : parsePoint(replay);
  const campaign = new Campaign(options);
  const search = new Search(campaign, performance.now());
  const { failures } = search;

  /** What is wrong with the run as a whole. */
  const whole = (kind: FailureKind, message: string, cause?: unknown): void => {
    const image = campaign.start.toImage();
    const nothing = { call: undefined, line: undefined, step: undefined, acked: {}, timeline: [] };
    failures.push({ id: kind, kind, message, cause, imageBefore: image, imageAfter: image, ...nothing });
  };

  try {
    await campaign.prepare();
    campaign.recording = await campaign.record();
    const second = await campaign.record();
    if (second.digest() !== campaign.recording.digest()) whole('nondeterministic', differs(campaign.recording, second));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    whole(error.kind, error.message, error.cause);
  }

  const { recording } = campaign;
  if (failures.length === 0) {
    campaign.findUntouched();
    const mode = options.explore?.mode ?? 'auto';
    const cases = new FaultCases(search, recording);
    if (single === undefined) {
      for (const fault of options.faults ?? [faults.powerLoss()])
        await (fault.kind === 'powerLoss' ? search.along(recording, fault, mode) : cases.along(fault));
    } else if ('kind' in single) {
      search.explored++;
      await cases.look(single);
    } else await search.replay(recording, single);
    const missing = [...campaign.wanted].filter((name) => !campaign.reached.has(name));
    if (search.complete && failures.length === 0 && single === undefined && missing.length > 0)
      whole('unreached', `sometimes('${missing[0]}') was never reached in ${search.explored} points`);
  }
  return {
    name: options.name ?? 'crash test',
    ok: failures.length === 0,
    explored: search.explored,
    judged: search.judged,
    ops: recording.ops.length,
    calls: recording.calls.length,
    ms: Math.round(performance.now() - search.began),
    complete: search.complete,
    seed: campaign.seed,
    failures,
    reached: [...campaign.reached].sort(),
    device: campaign.device,
    syncs: recording.syncCalls().map((call) => ({ call: callText(call), line: userLine(call.stack) })),
  };
}
