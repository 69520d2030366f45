/**
 * One segment of a glob pattern, between two slashes: plain text, or a test for names.
 *
 * Known are `*`, `?`, classes (`[a-c]`, `[!x]`, `[[:alpha:]]`) and groups (`@(a|b)`, `!(a)`, `?(a)`, `+(a)`, `*(a)`).
 * Nothing but a written dot stands for the dot in front of a hidden name. There is no escape character.
 *
 * @module
 */

/** Text that a name must equal, or a test that it must pass. */
export type Segment = string | { test(name: string): boolean };

const posixClasses: Readonly<Record<string, string>> = {
  alnum: '\\p{L}\\p{Nl}\\p{Nd}',
  alpha: '\\p{L}\\p{Nl}',
  ascii: '\\x00-\\x7f',
  blank: '\\p{Zs}\\t',
  cntrl: '\\p{Cc}',
  digit: '\\p{Nd}',
  lower: '\\p{Ll}',
  punct: '\\p{P}',
  space: '\\p{Z}\\t\\r\\n\\v\\f',
  upper: '\\p{Lu}',
  word: '\\p{L}\\p{Nl}\\p{Nd}\\p{Pc}',
  xdigit: 'A-Fa-f0-9',
};
/** These say what is not in them. */
const negatedClasses: Readonly<Record<string, string>> = { graph: '\\p{Z}\\p{C}', print: '\\p{C}' };

const anyName = { test: (name: string): boolean => name !== '' && name[0] !== '.' };

/** Reads a segment. */
export function parseSegment(text: string): Segment {
  if (/^\*+$/.test(text)) return anyName;
  if (!/[*?[(]/.test(text)) return text;
  const suffix = /^\*+([^*?[(|)+@!]*)$/.exec(text)?.[1];
  if (suffix !== undefined && suffix !== '') {
    return { test: (name) => name[0] !== '.' && name.endsWith(suffix) };
  }
  const reader: Reader = { text, at: 0, magic: false, unicode: false };
  const items = readItems(reader, '');
  if (!reader.magic) return items.map((item) => (item as Literal).text).join('');
  // `.*` finds neither `.` nor `..`.
  const source = (text[0] === '.' ? '(?!\\.\\.?$)' : '') + compile(items, '', true);
  return new RegExp(`^${source}$`, reader.unicode ? 'su' : 's');
}

interface Reader {
  readonly text: string;
  at: number;
  magic: boolean;
  unicode: boolean;
}

interface Literal {
  readonly kind: 'literal';
  readonly text: string;
}
interface One {
  readonly kind: 'one';
  readonly source: string;
}
interface Star {
  readonly kind: 'star';
}
interface Group {
  readonly kind: 'group';
  readonly type: string;
  readonly choices: readonly (readonly Item[])[];
}
type Item = Literal | One | Star | Group;

/** Reads up to one of `ends`, which is left standing, or to the end. */
function readItems(reader: Reader, ends: string): Item[] {
  const items: Item[] = [];
  const { text } = reader;
  while (reader.at < text.length) {
    const c = text[reader.at]!;
    if (ends.includes(c)) break;
    if ('?*+@!'.includes(c) && text[reader.at + 1] === '(') {
      const group = readGroup(reader, c);
      if (group !== undefined) {
        items.push(group);
        continue;
      }
    }
    if (c === '[') {
      const found = readClass(reader);
      if (found !== undefined) {
        items.push(found);
        continue;
      }
    }
    reader.at++;
    if (c === '*') {
      reader.magic = true;
      if (items.at(-1)?.kind !== 'star') items.push({ kind: 'star' });
    } else if (c === '?') {
      reader.magic = true;
      items.push({ kind: 'one', source: '[^/]' });
    } else {
      items.push({ kind: 'literal', text: c });
    }
  }
  return items;
}

/** A group, or undefined (and nothing read) when its parenthesis is never closed. */
function readGroup(reader: Reader, type: string): Group | undefined {
  const { at, magic, unicode } = reader;
  reader.at += 2;
  const choices: Item[][] = [];
  for (;;) {
    choices.push(readItems(reader, '|)'));
    if (reader.at >= reader.text.length) {
      Object.assign(reader, { at, magic, unicode });
      return undefined;
    }
    if (reader.text[reader.at++] === ')') break;
  }
  reader.magic = true;
  return { kind: 'group', type, choices };
}

/** A class in brackets, or undefined (and nothing read) when its bracket is never closed. */
function readClass(reader: Reader): Item | undefined {
  const { text } = reader;
  let at = reader.at + 1;
  const negated = text[at] === '!' || text[at] === '^';
  if (negated) at++;
  const first = at;
  const members: string[] = [];
  const outside: string[] = [];
  let unicode = false;
  for (;;) {
    if (at >= text.length) return undefined;
    const c = text[at]!;
    if (c === ']' && at > first) break;
    const posix = c === '[' ? /^\[:([a-z]+):\]/.exec(text.slice(at)) : null;
    const name = posix?.[1];
    if (name !== undefined && (name in posixClasses || name in negatedClasses)) {
      const negative = negatedClasses[name];
      if (negative !== undefined) outside.push(negative);
      else members.push(posixClasses[name]!);
      unicode = true;
      at += posix![0].length;
      continue;
    }
    if (text[at + 1] === '-' && at + 2 < text.length && text[at + 2] !== ']') {
      const last = text[at + 2]!;
      // A range that runs backwards has nothing in it.
      if (last >= c) members.push(`${inClass(c)}-${inClass(last)}`);
      at += 3;
      continue;
    }
    members.push(inClass(c));
    at++;
  }
  reader.at = at + 1;
  if (members.length === 1 && outside.length === 0 && !negated && /^\\?.$/s.test(members[0]!)) {
    return { kind: 'literal', text: members[0]!.slice(-1) };
  }
  reader.magic = true;
  if (unicode) reader.unicode = true;
  if (members.length === 0 && outside.length === 0) return { kind: 'one', source: '(?!)' };
  const inside = `[${negated ? '^' : ''}${members.join('')}]`;
  const beyond = `[${negated ? '' : '^'}${outside.join('')}]`;
  if (outside.length === 0) return { kind: 'one', source: inside };
  return { kind: 'one', source: members.length === 0 ? beyond : `(?:${inside}|${beyond})` };
}

function inClass(c: string): string {
  return /[[\]\\^-]/.test(c) ? `\\${c}` : c;
}

function inText(c: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c;
}

/**
 * The regular expression of some items; `tail` is what follows them, which a negative group must know, since
 * `!(a)b` is every name but `ab` that ends with `b`. `first`: nothing stands before them.
 */
function compile(items: readonly Item[], tail: string, first: boolean): string {
  let source = '';
  // From the end, as each item has to know what comes after it.
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!;
    // What may be nothing counts as something here, as in Node: `?(a)*` finds hidden names.
    const atStart = first && i === 0;
    // True everywhere but in front of the dot of a hidden name.
    const noDot = atStart ? '(?!^\\.)' : '';
    if (item.kind === 'literal') source = inText(item.text) + source;
    else if (item.kind === 'one') source = noDot + item.source + source;
    else if (item.kind === 'star') source = `${noDot}[^/]*?${source}`;
    else {
      // `!(a)*` finds `a` as well: the group may be nothing there and the star all of it.
      const rest = atStart && items.length === 2 && items[1]!.kind === 'star' ? '[^/]+?' : source;
      source = compileGroup(item, rest + tail, atStart, noDot) + source;
    }
  }
  return source;
}

function compileGroup(group: Group, tail: string, atStart: boolean, noDot: string): string {
  const choices = group.choices.map((items) => compile(items, tail, atStart)).join('|');
  if (group.type === '!') {
    return choices === '' ? `${noDot}[^/]+?` : `(?:(?!(?:${choices})${tail}$)${noDot}[^/]*?)`;
  }
  return `(?:${choices})${group.type === '@' ? '' : group.type}`;
}
