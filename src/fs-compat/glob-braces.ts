/**
 * Braces in glob patterns, opened up as shells do: `a{b,c}d` is `abd` and `acd`, `{1..3}` counts, `{01..10}` pads,
 * `{a..e..2}` steps. What is not a list and not a range stays as it is written, and so does `${...}`.
 *
 * @module
 */

/** So that a short pattern cannot ask for more strings than fit in memory. */
const mostExpansions = 100_000;

/** Braces that are only text, while the others are opened up. */
const textOpen = '\x01';
const textClose = '\x02';

/** The patterns that a pattern with braces stands for. */
export function expandBraces(pattern: string): string[] {
  if (!/\{[^{]*\}/.test(pattern)) return [pattern];
  // Braces with nothing in between, in front, are only text.
  const text = pattern.startsWith('{}') ? textOpen + textClose + pattern.slice(2) : pattern;
  return expand(text)
    .filter((each) => each !== '')
    .map((each) => each.replaceAll(textOpen, '{').replaceAll(textClose, '}'));
}

function expand(text: string): string[] {
  const pair = firstPair(text);
  if (pair === undefined) return [text];
  const [open, close] = pair;
  const before = text.slice(0, open);
  const body = text.slice(open + 1, close);
  const after = text.slice(close + 1);
  if (before.endsWith('$')) return expand(after).map((tail) => `${before}{${body}}${tail}`);

  const choices = choicesOf(body);
  if (choices === undefined) {
    // `{a},b}` is the list of `a}` and `b`.
    return /,(?!,).*\}/.test(after) ? expand(`${before}{${body}${textClose}${after}`) : [text];
  }
  const result: string[] = [];
  for (const choice of choices) {
    for (const tail of expand(after)) {
      if (result.length >= mostExpansions) return result;
      result.push(before + choice + tail);
    }
  }
  return result;
}

/** What stands between a pair of braces, taken apart; undefined when it is neither a list nor a range. */
function choicesOf(body: string): string[] | undefined {
  const numbers = /^(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?$/.exec(body);
  if (numbers !== null) return countUp(numbers[1]!, numbers[2]!, numbers[3]);
  const letters = /^([a-zA-Z])\.\.([a-zA-Z])(?:\.\.(-?\d+))?$/.exec(body);
  if (letters !== null) {
    return steps(letters[1]!.charCodeAt(0), letters[2]!.charCodeAt(0), letters[3]).map((code) =>
      code === 0x5c ? '' : String.fromCharCode(code),
    );
  }
  const parts = splitAtCommas(body);
  if (parts.length > 1) return parts.flatMap(expand);
  if (firstPair(body) === undefined) return undefined;
  // `{{a,b}}`: the inner list counts, the outer braces are text.
  return expand(body).map((each) => `{${each}}`);
}

function countUp(from: string, to: string, step: string | undefined): string[] {
  const padded = /^-?0\d/.test(from) || /^-?0\d/.test(to);
  const width = padded ? Math.max(from.length, to.length) : 0;
  return steps(Number(from), Number(to), step).map((n) => {
    const digits = String(Math.abs(n));
    return n < 0 ? `-${digits.padStart(width - 1, '0')}` : digits.padStart(width, '0');
  });
}

function steps(from: number, to: number, step: string | undefined): number[] {
  const by = Math.max(Math.abs(Number(step ?? 1)), 1) * (to < from ? -1 : 1);
  const result: number[] = [];
  for (let n = from; by > 0 ? n <= to : n >= to; n += by) {
    if (result.length >= mostExpansions) break;
    result.push(n);
  }
  return result;
}

/** The first opening brace that is closed again, and where. */
function firstPair(text: string): [number, number] | undefined {
  // Closing braces are matched from the left, so one pass with a stack knows every pair.
  const open: number[] = [];
  let best: [number, number] | undefined;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') open.push(i);
    else if (text[i] === '}' && open.length > 0) {
      const start = open.pop()!;
      if (best === undefined || start < best[0]) best = [start, i];
      if (open.length === 0) return best;
    }
  }
  return best;
}

function splitAtCommas(body: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < body.length; i++) {
    if (body[i] === '{') depth++;
    else if (body[i] === '}' && depth > 0) depth--;
    else if (body[i] === ',' && depth === 0) {
      parts.push(body.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(body.slice(from));
  return parts;
}
