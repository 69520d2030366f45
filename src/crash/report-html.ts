/**
 * A report as one page that needs nothing else: no script, no font, nothing from elsewhere.
 *
 * For each failure: what is wrong, where in the user's code, the timeline, and a map of the blocks before the run and as
 * the fault left them.
 *
 * @module
 */

import { type BlockState, blockMapOf } from './block-map.ts';
import type { CrashFailure, CrashReport } from './options.ts';
import { escaped, shownFacts, summaryOf } from './report-text.ts';

/** Blocks drawn; of larger devices those that are used or differ, up to this many. */
const BLOCKS_DRAWN_MAX = 4096;

const style = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --line: #d5dae0; --soft: #f4f6f8; --good: #1a7f4b;
  --bad: #c2261d; --metadata: #6d4fc2; --data: #2f81c7; --written: #8a6d3b; --free: #e8ebef; --changed: #e8710a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7eb; --paper: #15181b; --line: #363c43; --soft: #1e2226;
  --good: #4cc38a; --bad: #ff7a70; --metadata: #a58fe8; --data: #66aee6; --written: #c9a25d; --free: #2a2f35; } }
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.ok { color: var(--good); } .bad { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { opacity: .7; } dd { margin: 0; }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); padding: .7rem; overflow-x: auto; }
pre mark { background: none; color: var(--bad); font-weight: bold; }
.map { display: flex; flex-wrap: wrap; gap: 2px; margin: .4rem 0; }
.map i { width: 13px; height: 13px; border-radius: 2px; box-sizing: border-box; }
.metadata { background: var(--metadata); } .data { background: var(--data); } .written { background: var(--written); }
.free { background: var(--free); } .changed { outline: 2px solid var(--changed); outline-offset: -1px; }
.legend { display: flex; flex-wrap: wrap; gap: 1rem; font-size: 13px; } .legend i { display: inline-block; width: 11px;
  height: 11px; border-radius: 2px; margin-right: .3rem; }
`;

export function htmlReport(report: CrashReport): string {
  const name = escaped(report.name);
  const reached = report.reached.map((each) => `<li>${escaped(each)}</li>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: ${report.ok ? 'ok' : 'failed'}</title>
<style>${style}</style>
</head>
<body>
<h1>${name}: <span class="${report.ok ? 'ok' : 'bad'}">${report.ok ? 'ok' : 'failed'}</span></h1>
<p>${escaped(summaryOf(report))}</p>
${reached === '' ? '' : `<p>Reached:</p><ul>${reached}</ul>\n`}${report.failures.map((failure) => section(report, failure)).join('\n')}
</body>
</html>
`;
}

function section(report: CrashReport, failure: CrashFailure): string {
  const { id, kind, message, call, line, step, acked, timeline, minimal } = failure;
  const rows: [string, string | undefined][] = [
    ['fs call', call],
    ['line', line],
    ['step', step],
    ['acknowledged', Object.keys(acked).length === 0 ? undefined : shownFacts(acked)],
    ['simplest', minimal === id ? undefined : minimal],
    ['replay', id === kind ? undefined : `crashTest({ ..., replay: '${minimal ?? id}' })`],
  ];
  const facts = rows
    .filter(([, value]) => value !== undefined)
    .map(([what, value]) => `<dt>${what}</dt><dd><code>${escaped(value!)}</code></dd>`)
    .join('\n');
  return `<section>
<h2><code>${escaped(id)}</code> <span class="bad">${escaped(kind)}</span>: ${escaped(message)}</h2>
<dl>
${facts}
</dl>
${timeline.length === 0 ? '' : `<h3>Timeline</h3>\n<pre>${timeline.map(timelineLine).join('\n')}</pre>\n`}${maps(report, failure)}</section>`;
}

function timelineLine(line: string): string {
  return line.includes(' ^ ') ? `<mark>${escaped(line)}</mark>` : escaped(line);
}

function maps({ device }: CrashReport, { id, kind, imageBefore, imageAfter }: CrashFailure): string {
  if (id === kind) return '';
  const map = blockMapOf(imageBefore, imageAfter, device);
  if (map === undefined) return '';
  const numbered = map.blocks.map((state, block) => ({ state, block }));
  const few = numbered.length <= BLOCKS_DRAWN_MAX;
  const shown = few ? numbered : numbered.filter(({ state }) => isOfInterest(state)).slice(0, BLOCKS_DRAWN_MAX);
  const left = few ? '' : `<p>${shown.length} of ${numbered.length} blocks are drawn: those in use or changed.</p>\n`;
  const draw = (when: 'before' | 'after'): string =>
    shown
      .map(({ state, block }) => {
        const differs = when === 'after' && state.changed > 0;
        const title = `block ${block}: ${state[when]}${differs ? `, ${state.changed} bytes changed` : ''}`;
        return `<i class="${state[when]}${differs ? ' changed' : ''}" title="${title}"></i>`;
      })
      .join('');
  const changed = numbered.filter(({ state }) => state.changed > 0).map(({ block }) => block);
  const broken = map.unreadable === undefined ? '' : `<p class="bad">${escaped(map.unreadable)}</p>\n`;
  return `<h3>Blocks of ${map.blockSize} bytes</h3>
<p class="legend">${['metadata', 'data', 'free', 'written'].map((use) => `<span><i class="${use}"></i>${use === 'written' ? 'bytes, unknown' : use}</span>`).join('')}<span><i class="free changed"></i>changed</span></p>
${left}<p>Before the run</p>
<div class="map">${draw('before')}</div>
<p>After the fault${changed.length === 0 ? '; nothing has changed' : `; changed: ${changed.length > 40 ? `${changed.length} blocks` : changed.join(', ')}`}</p>
<div class="map">${draw('after')}</div>
${broken}`;
}

function isOfInterest({ before, after, changed }: BlockState): boolean {
  return before !== 'free' || after !== 'free' || changed > 0;
}
