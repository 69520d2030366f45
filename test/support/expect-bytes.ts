/**
 * Equal bytes, quickly: `toEqual` walks arrays element by element.
 */
import { expect } from 'vitest';

export function expectBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(found, expected) === 0) return;
  expect(found.length, `length of ${what}`).toBe(expected.length);
  const wrong = found.findIndex((byte, i) => byte !== expected[i]);
  expect(wrong, `first wrong byte of ${what}`).toBe(-1);
}
