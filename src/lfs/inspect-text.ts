/**
 * A block report as text: one line a tag, columns aligned, hex offsets as a hex dump shows them.
 *
 * A `*` marks what still counts; a line without one is history, or belongs to a commit that does not count.
 *
 * @module
 */

import { pointerCount } from './ctz.ts';
import type { BlockReport, CommitReport, TagReport } from './inspect.ts';
import { count, hex8, hexBytes } from './inspect-tags.ts';

const dataBytesMax = 12;

/** The dump of one block, lines separated by `\n`. */
export function formatBlock(report: BlockReport): string {
  const lines = [headline(report)];
  if (report.kind === 'metadata') {
    const digits = Math.max(3, (report.size - 1).toString(16).length);
    const columns = widths(report);
    let number = 0;
    for (const commit of report.commits) {
      lines.push('', commitLine(commit, ++number, digits));
      for (const tag of commit.tags) lines.push(tagLine(tag, columns, digits));
    }
    lines.push('', ...endLines(report, digits));
  } else if (report.kind !== 'erased') lines.push(...dataLines(report));
  return lines.join('\n');
}

function headline(report: BlockReport): string {
  const where = report.block === undefined ? 'block' : `block ${report.block}`;
  const size = count(report.size, 'byte');
  if (report.kind === 'erased') return `${where}: erased, ${size} of 0x${hexBytes(report.head.subarray(0, 1))}`;
  if (report.kind !== 'metadata')
    return `${where}: ${report.kind === 'data' ? 'perhaps file data' : 'no metadata'}, ${size}`;
  const counting = report.commits.filter((commit) => commit.counts).length;
  const commits = counting === 0 ? 'no valid commit' : count(counting, 'valid commit');
  return `${where}: metadata, ${size}, revision ${report.rev} (0x${hex8(report.rev)}), ${commits}`;
}

function commitLine(commit: CommitReport, number: number, digits: number): string {
  const range = `${address(commit.start, digits)}..${address(commit.end, digits)}`;
  const { crc } = commit;
  const state =
    crc === undefined
      ? 'no CRC: not complete'
      : commit.valid
        ? `CRC 0x${hex8(crc.stored)} holds`
        : `CRC 0x${hex8(crc.stored)} WRONG, 0x${hex8(crc.computed)} computed`;
  const lost = commit.valid && !commit.counts ? ', LOST behind a commit that is not valid' : '';
  const padding = commit.padding > 0 ? `, ${count(commit.padding, 'byte')} of padding` : '';
  return `commit ${number}  ${range}  ${state}${lost}${padding}`;
}

interface Columns {
  readonly type: number;
  readonly id: number;
  readonly size: number;
  readonly meaning: number;
}

function widths(report: BlockReport): Columns {
  let typeWidth = 0;
  let id = 1;
  let size = 1;
  let meaning = 0;
  for (const commit of report.commits) {
    for (const tag of commit.tags) {
      typeWidth = Math.max(typeWidth, tag.typeName.length);
      id = Math.max(id, idText(tag).length);
      size = Math.max(size, sizeText(tag).length);
      meaning = Math.max(meaning, Math.min(64, tag.meaning.length));
    }
  }
  return { type: typeWidth, id, size, meaning };
}

function idText(tag: TagReport): string {
  return tag.id === undefined ? '-' : String(tag.id);
}

function sizeText(tag: TagReport): string {
  return tag.deleted ? 'x' : String(tag.size);
}

function tagLine(tag: TagReport, columns: Columns, digits: number): string {
  const data = tag.data.length > dataBytesMax ? tag.data.subarray(0, dataBytesMax) : tag.data;
  const bytes = data.length === 0 ? '' : `  | ${hexBytes(data)}${data.length < tag.data.length ? ' ..' : ''}`;
  const line =
    `${tag.live ? '*' : ' '} ${address(tag.offset, digits)}  ${tag.typeName.padEnd(columns.type)}  ` +
    `id ${idText(tag).padStart(columns.id)}  ${sizeText(tag).padStart(columns.size)}  ${tag.meaning.padEnd(columns.meaning)}${bytes}`;
  return line.trimEnd();
}

function endLines(report: BlockReport, digits: number): string[] {
  const { end, stop, size, fcrc, fillAfter } = report;
  const used =
    end === 0 ? 'no commit counts' : `the log ends at ${address(end, digits)}, ${count(size - end, 'byte')} left`;
  const lines = [`end: ${used}; at ${address(stop.offset, digits)} ${stop.message}`];
  if (end > 0 && end < size) {
    const rest =
      fillAfter === undefined
        ? 'there are other bytes behind it'
        : `all 0x${fillAfter.toString(16).padStart(2, '0')} behind it`;
    const forward =
      fcrc === undefined
        ? 'no forward CRC'
        : fcrc.computed === undefined
          ? `the forward CRC is about ${count(fcrc.size, 'byte')}, more than there are`
          : fcrc.computed === fcrc.stored
            ? 'the forward CRC holds'
            : `the forward CRC does not hold (0x${hex8(fcrc.stored)} stored, 0x${hex8(fcrc.computed)} computed)`;
    lines.push(`     ${rest}; ${forward}: ${report.erasedAfter ? 'a commit can follow' : 'no commit can follow'}`);
  }
  return lines;
}

/** The pointers that a block would have at the indices where it could have so many. */
function dataLines(report: BlockReport): string[] {
  const { pointers, head, stop } = report;
  const lines = [`  read as metadata: at ${address(stop.offset, 3)} ${stop.message}`];
  for (let n = 1; n <= Math.min(pointers.length, 6); n++) {
    // The first index of a file with n pointers, and how far apart those with exactly n are.
    const first = 2 ** (n - 1);
    const index = `${first}, ${3 * first}, ${5 * first} ...`;
    const to = pointers.slice(0, pointerCount(first)).join(', ');
    lines.push(
      `  as the block of a file with index ${index}: ${count(n, 'pointer')}, to ${n === 1 ? 'block' : 'blocks'} ${to}`,
    );
  }
  if (pointers.length === 0) lines.push('  no pointers: the first block of a file, or never written by littlefs');
  for (let at = 0; at < head.length; at += 16) {
    const row = head.subarray(at, at + 16);
    lines.push(`  ${address(at, 3)}  ${hexBytes(row).padEnd(47)}  ${printable(row)}`);
  }
  return lines;
}

function printable(row: Uint8Array): string {
  let out = '';
  for (const byte of row) out += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  return out;
}

function address(at: number, digits: number): string {
  return `0x${at.toString(16).padStart(digits, '0')}`;
}
