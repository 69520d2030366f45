/**
 * What a campaign found, as others want to read it: people, programs, build servers, browsers.
 *
 *   text    for a terminal, or the message of an error (report-text.ts)
 *   json    all but the images, which are as large as the device: the id makes them again
 *   junit   XML that build servers show: one test case, and one for each failure
 *   html    one page that needs nothing else, with the block map of the two images (report-html.ts)
 *
 * @module
 */

import type { CrashReport } from './options.ts';
import { htmlReport } from './report-html.ts';
import { escaped, plain, summaryOf, textOf, textReport } from './report-text.ts';

export type ReportFormat = 'text' | 'json' | 'junit' | 'html';

/** The report in one of its forms. */
export function formatReport(report: CrashReport, format: ReportFormat = 'text'): string {
  switch (format) {
    case 'text':
      return textReport(report);
    case 'json':
      return jsonReport(report);
    case 'junit':
      return junitReport(report);
    case 'html':
      return htmlReport(report);
    default:
      throw new TypeError(`format is ${String(format)}; allowed: text, json, junit, html`);
  }
}

function jsonReport(report: CrashReport): string {
  const failures = report.failures.map(({ imageBefore, imageAfter, cause, ...rest }) => ({
    ...rest,
    cause: cause instanceof Error ? { name: cause.name, message: cause.message, stack: cause.stack } : cause,
    imageBytes: [imageBefore.length, imageAfter.length],
  }));
  return `${JSON.stringify({ ...report, failures }, plain, 2)}\n`;
}

function junitReport(report: CrashReport): string {
  const { name, failures, ms } = report;
  const suite = escaped(name);
  const seconds = (ms / 1000).toFixed(3);
  const count = `tests="${failures.length + 1}" failures="${failures.length}" errors="0" skipped="0"`;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${count} time="${seconds}">`,
    `  <testsuite name="${suite}" ${count} time="${seconds}">`,
    `    <testcase classname="${suite}" name="all points" time="${seconds}">`,
    `      <system-out>${escaped(summaryOf(report))}</system-out>`,
    '    </testcase>',
  ];
  for (const failure of failures) {
    const { id, kind, message } = failure;
    lines.push(
      `    <testcase classname="${suite}" name="${escaped(id)}" time="0">`,
      `      <failure type="${escaped(kind)}" message="${escaped(message)}">${escaped(textOf(failure).join('\n'))}</failure>`,
      '    </testcase>',
    );
  }
  lines.push('  </testsuite>', '</testsuites>', '');
  return lines.join('\n');
}
