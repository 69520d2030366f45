/**
 * Glob patterns as lists of segments, and paths held against them.
 *
 * A pattern stands for one list or, with braces, for more. A backslash in it is a slash, as in Node, which is why
 * there are no escapes. Letter case counts.
 *
 * @module
 */

import { expandBraces } from './glob-braces.ts';
import { parseSegment, type Segment } from './glob-segment.ts';

/** `**`: any number of directories, none of them hidden. */
export const globstar: unique symbol = Symbol('**');

/** One way to read a pattern. */
export interface GlobPattern {
  readonly segments: readonly (Segment | typeof globstar)[];
  /** The segments as they are written. */
  readonly texts: readonly string[];
}

const longestPattern = 65536;

/** Reads a pattern; the lists come without what `.`, `..` and repeated slashes make superfluous. */
export function parseGlob(pattern: string): GlobPattern[] {
  if (pattern.length > longestPattern) throw new TypeError('pattern is too long');
  const lists = expandBraces(pattern.replaceAll('\\', '/')).map((each) => each.split(/\/+/));
  if (lists.length === 0 && pattern === '') lists.push(['']);
  return simplified(lists).map((texts) => ({
    segments: texts.map((text) => (text === '**' ? globstar : parseSegment(text))),
    texts,
  }));
}

/** Lists of segments that match the same, in fewer steps. Adds to `lists` those that one list falls apart into. */
function simplified(lists: string[][]): string[][] {
  for (const list of lists) {
    let before: number;
    do {
      before = list.length;
      joinGlobstars(list, lists);
      dropEmptySteps(list);
      dropStepsBack(list);
    } while (list.length !== before);
  }
  return lists;
}

/** `**` twice is `**` once; `**` + `..` + two names is either those names from `..` on, or anywhere below. */
function joinGlobstars(list: string[], lists: string[][]): void {
  for (let i = list.indexOf('**'); i !== -1; i = list.indexOf('**', i + 1)) {
    while (list[i + 1] === '**') list.splice(i + 1, 1);
    const isName = (text: string | undefined): boolean => text !== undefined && !['', '.', '..'].includes(text);
    if (list[i + 1] !== '..' || !isName(list[i + 2]) || !isName(list[i + 3])) continue;
    const below = list.slice();
    list.splice(i, 1);
    below.splice(i, 2, '**');
    lists.push(below);
    i--;
  }
}

function dropEmptySteps(list: string[]): void {
  for (let i = list.length - 2; i > 0; i--) {
    if (list[i] === '.' || (list[i] === '' && !(i === 1 && list[0] === ''))) list.splice(i, 1);
  }
  if (list.length === 2 && list[0] === '.' && (list[1] === '.' || list[1] === '')) list.pop();
}

/** `a/..` is nothing. */
function dropStepsBack(list: string[]): void {
  for (let i = list.indexOf('..', 1); i !== -1; i = list.indexOf('..', Math.max(i, 0) + 1)) {
    const name = list[i - 1]!;
    if (name === '' || name === '.' || name === '..' || name === '**') continue;
    // What comes then must still be told from a pattern that begins with `**`.
    const rest = i === 1 && list[2] === '**' ? ['.'] : [];
    list.splice(i - 1, 2, ...rest);
    if (list.length === 0) list.push('');
    i -= 2;
  }
}

/** Whether a path matches one of the lists. A slash at its end says that it is a directory. */
export function matchesGlob(path: string, patterns: readonly GlobPattern[]): boolean {
  const names = path.split(/\/+/);
  dropEmptySteps(names);
  dropStepsBack(names);
  return patterns.some(({ segments }) => matchFrom(names, 0, segments, 0));
}

/** As `matchesGlob`; a pattern of one segment is held against the last name only. */
export function matchesGlobOrName(path: string, patterns: readonly GlobPattern[]): boolean {
  const name = path.split('/').findLast((each) => each !== '') ?? '';
  return patterns.some((pattern) => matchesGlob(pattern.segments.length === 1 ? name : path, [pattern]));
}

function matchFrom(names: readonly string[], n: number, segments: GlobPattern['segments'], s: number): boolean {
  for (; s < segments.length; s++, n++) {
    const segment = segments[s]!;
    if (segment === globstar) {
      // The last `**` takes all that is left, of which there must be something.
      if (s === segments.length - 1) return n < names.length && !names.slice(n).some(isHidden);
      for (;;) {
        if (matchFrom(names, n, segments, s + 1)) return true;
        if (n >= names.length || isHidden(names[n]!)) return false;
        n++;
      }
    }
    if (n >= names.length) return false;
    if (typeof segment === 'string' ? segment !== names[n] : !segment.test(names[n]!)) return false;
  }
  return n === names.length || (n === names.length - 1 && names[n] === '');
}

function isHidden(name: string): boolean {
  return name.startsWith('.');
}
