/**
 * Bytes and numbers: little- and big-endian words, byte strings, UTF-8, small integer arithmetic.
 *
 * Names travel through the engine as byte strings (one character a byte, so `===` and Map keys compare bytes and a
 * name need not be valid UTF-8). UTF-8 is decided at the API's edge, here, without TextEncoder (no DOM, no Node).
 *
 * @module
 */

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readU32BE(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function writeU32BE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function alignDown(value: number, unit: number): number {
  return value - (value % unit);
}

export function alignUp(value: number, unit: number): number {
  const rest = value % unit;
  return rest === 0 ? value : value + unit - rest;
}

/** Number of trailing zero bits; 32 for 0. */
export function trailingZeros(value: number): number {
  return value === 0 ? 32 : 31 - Math.clz32(value & -value);
}

export function popCount(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Copies short runs in a loop: below 28 bytes that beats `set(subarray())`, whose views cost ~50 ns. */
export function copyBytes(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, size: number): void {
  if (size < 28) {
    for (let i = 0; i < size; i++) to[toAt + i] = from[fromAt + i]!;
  } else {
    to.set(fromAt === 0 && size === from.length ? from : from.subarray(fromAt, fromAt + size), toAt);
  }
}

/** Bytes of a range as a byte string. */
export function byteString(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  const size = to - from;
  if (size <= 0) return '';
  if (size > 4096) return byteString(bytes, from, from + 4096) + byteString(bytes, from + 4096, to);
  return String.fromCharCode.apply(null, bytes.subarray(from, to) as unknown as number[]);
}

export function bytesOf(byteStr: string): Uint8Array {
  const out = new Uint8Array(byteStr.length);
  for (let i = 0; i < out.length; i++) out[i] = byteStr.charCodeAt(i);
  return out;
}

const notAscii = /[^\0-\x7f]/;

/** UTF-8 bytes of a text, as a byte string. Lone surrogates become U+FFFD, as TextEncoder has it. */
export function utf8Encode(text: string): string {
  if (!notAscii.test(text)) return text;
  let out = '';
  for (const char of text) {
    let code = char.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) out += char;
    else if (code < 0x800) out += String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000)
      out += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else
      out += String.fromCharCode(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 63),
        0x80 | ((code >> 6) & 63),
        0x80 | (code & 63),
      );
  }
  return out;
}

/** Text of a byte string; each byte that is not part of valid UTF-8 becomes U+FFFD. */
export function utf8Decode(byteStr: string): string {
  if (!notAscii.test(byteStr)) return byteStr;
  let out = '';
  for (let i = 0; i < byteStr.length; ) {
    const lead = byteStr.charCodeAt(i);
    const size =
      lead < 0x80
        ? 1
        : lead >= 0xc2 && lead < 0xe0
          ? 2
          : lead >= 0xe0 && lead < 0xf0
            ? 3
            : lead >= 0xf0 && lead < 0xf5
              ? 4
              : 0;
    let code = size === 1 ? lead : size === 0 ? -1 : lead & (0x7f >> size);
    for (let k = 1; k < size && code >= 0; k++) {
      const next = i + k < byteStr.length ? byteStr.charCodeAt(i + k) : 0;
      code = (next & 0xc0) === 0x80 ? (code << 6) | (next & 63) : -1;
    }
    const tooShort = (size === 3 && code < 0x800) || (size === 4 && (code < 0x10000 || code > 0x10ffff));
    if (code < 0 || tooShort || (code >= 0xd800 && code <= 0xdfff)) {
      out += '\ufffd';
      i += 1;
    } else {
      out += String.fromCodePoint(code);
      i += size;
    }
  }
  return out;
}

/**
 * The order in which littlefs keeps the names of a directory: bytewise, but a name comes after every longer name that
 * begins with it (`aaa aa ab a b`), as if each ended in a symbol above all bytes.
 */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  if (a < b) return b.startsWith(a) ? 1 : -1;
  return a.startsWith(b) ? -1 : 1;
}
