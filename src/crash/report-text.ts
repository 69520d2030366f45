/**
 * A report in words, and what the other forms of it share.
 *
 * @module
 */

import type { CrashFailure, CrashReport } from './options.ts';

/** What was done, in one line. */
export function summaryOf(report: CrashReport): string {
  const { ok, explored, judged, ops, calls, ms, complete, seed, failures } = report;
  const outcome = ok ? 'ok' : `${failures.length} ${failures.length === 1 ? 'failure' : 'failures'}`;
  return (
    `${outcome}: ${explored} points of ${calls} fs calls and ${ops} device operations, ${judged} of them judged, ` +
    `in ${ms} ms (seed ${seed}${complete ? '' : '; not all points were looked at'})`
  );
}

export function textReport(report: CrashReport): string {
  const lines = [`${report.name}: ${summaryOf(report)}`];
  for (const name of report.reached) lines.push(`  reached: ${name}`);
  for (const failure of report.failures) lines.push('', ...textOf(failure));
  return `${lines.join('\n')}\n`;
}

export function textOf(failure: CrashFailure): string[] {
  const { id, kind, message, call, line, step, acked, timeline, minimal } = failure;
  const lines = [`${id}  ${kind}: ${message}`];
  const about = (what: string, value: string | undefined): void => {
    if (value !== undefined) lines.push(`  ${what.padEnd(9)} ${value}`);
  };
  about('call', call);
  about('line', line);
  about('step', step);
  if (Object.keys(acked).length > 0) about('acked', shownFacts(acked));
  if (minimal !== undefined && minimal !== id) about('simplest', `${minimal} fails with the same message`);
  if (id !== kind) about('replay', `crashTest({ ..., replay: '${minimal ?? id}' })`);
  if (timeline.length > 0) lines.push('  timeline', ...timeline.map((each) => `    ${each}`));
  return lines;
}

export function shownFacts(facts: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(facts, plain) ?? '';
}

/** Values that JSON has no form for, in words. */
export function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return value;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

/** Text as HTML and XML take it, in attributes too; what XML cannot hold at all is replaced. */
export function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
      .replace(/[&<>"\n]/g, (character) => entities[character]!)
  );
}
