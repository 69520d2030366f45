/**
 * A crash test as a test case: passes, or throws what is to be read.
 *
 * @module
 */

import { crashTest } from './crash-test.ts';
import type { CrashReport, CrashTestOptions } from './options.ts';
import { formatReport } from './report.ts';

/** A crash test that found something. The message is the report in words. */
export class CrashTestFailed extends Error {
  readonly report: CrashReport;

  constructor(report: CrashReport) {
    super(formatReport(report, 'text').trimEnd(), { cause: report.failures[0]?.cause });
    this.name = 'CrashTestFailed';
    this.report = report;
  }
}

/**
 * The body of a test, for vitest, node:test and whatever else takes a function that throws or not:
 *
 * `test('saving survives', crashTestCase({ workload, check }))`
 *
 * With the environment variable `CRASH_REPLAY` it looks at that point only.
 */
export function crashTestCase(options: CrashTestOptions): () => Promise<void> {
  return async () => {
    const replay = options.replay ?? (process.env.CRASH_REPLAY || undefined);
    const report = await crashTest(replay === undefined ? options : { ...options, replay });
    if (!report.ok) throw new CrashTestFailed(report);
  };
}
