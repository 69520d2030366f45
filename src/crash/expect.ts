/**
 * Small assertions for checks, so that they need no library.
 *
 * @module
 */

import type { Expect } from './options.ts';

class AssertionFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssertionFailed';
  }
}

function shownValue(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

export const expecting: Expect = {
  oneOf(value, allowed, what = 'the value') {
    if (allowed.some((each) => shownValue(each) === shownValue(value))) return;
    throw new AssertionFailed(`${what} is ${shownValue(value)}; allowed: ${allowed.map(shownValue).join(', ')}`);
  },
  equal(value, expected, what = 'the value') {
    if (shownValue(value) !== shownValue(expected))
      throw new AssertionFailed(`${what} is ${shownValue(value)}; expected: ${shownValue(expected)}`);
  },
  ok(value, what = 'the condition') {
    if (!value) throw new AssertionFailed(`${what} does not hold`);
  },
};
