/**
 * Is the crash test itself any good, and is each fsync of the workload needed? One after the other they are swallowed,
 * and each time the crash test must fail. One that nobody misses is either not needed, or not tested.
 *
 * @module
 */

import { crashTest } from './crash-test.ts';
import type { CrashFailure, CrashReport, CrashTestOptions, SyncCall } from './options.ts';

export interface SelfCheckReport extends CrashReport {
  /** Each fsync, fdatasync and sync of the workload, and what its absence breaks. */
  readonly checkedSyncs: readonly CheckedSync[];
}

export interface CheckedSync extends SyncCall {
  readonly needed: boolean;
  /** The failure seen without it. */
  readonly failure: CrashFailure | undefined;
}

/**
 * Swallows each fsync of the workload in turn and expects a failure; those that are not missed are in `failures`, of kind
 * `'unneeded-sync'`. A crash test that fails already is given back as it is. A budget is for each of the runs.
 */
export async function selfCheck(options: CrashTestOptions): Promise<SelfCheckReport> {
  if (options.swallowSync !== undefined)
    throw new TypeError(`swallowSync is ${options.swallowSync}; selfCheck sets it itself`);
  if (options.replay !== undefined) throw new TypeError(`replay is '${options.replay}'; selfCheck looks at all points`);
  const began = performance.now();
  const whole = await crashTest(options);
  const checkedSyncs: CheckedSync[] = [];
  if (!whole.ok) return { ...whole, checkedSyncs };
  const failures: CrashFailure[] = [];
  let { explored, judged, complete } = whole;
  const syncs = whole.syncs ?? [];
  for (const [index, sync] of syncs.entries()) {
    const report = await crashTest({ ...options, swallowSync: index + 1, onFailure: 'first' });
    explored += report.explored;
    judged += report.judged;
    complete &&= report.complete || !report.ok;
    checkedSyncs.push({ ...sync, needed: !report.ok, failure: report.failures[0] });
    if (report.ok) failures.push(unneeded(whole, sync, index + 1, syncs.length, report.complete));
  }
  return {
    ...whole,
    ok: failures.length === 0,
    explored,
    judged,
    complete,
    ms: Math.round(performance.now() - began),
    failures,
    checkedSyncs,
  };
}

function unneeded(
  whole: CrashReport,
  { call, line }: SyncCall,
  number: number,
  count: number,
  complete: boolean,
): CrashFailure {
  const nothing = new Uint8Array(0);
  return {
    id: 'unneeded-sync',
    kind: 'unneeded-sync',
    message:
      `without ${call}, sync ${number} of ${count}, no point fails` +
      `${complete ? '' : ' within the budget'}: ${whole.name} does not need it, or does not test it`,
    call,
    line,
    step: undefined,
    acked: {},
    timeline: [],
    cause: undefined,
    imageBefore: nothing,
    imageAfter: nothing,
  };
}
