/**
 * The pseudo-random file contents of the golden images: xorshift32 words, little-endian.
 */
export function content(size: number, seed: number): Uint8Array {
  const out = new Uint8Array(size);
  let s = seed >>> 0 || 0x9e3779b9;
  for (let at = 0; at < size; at += 4) {
    s ^= s << 13;
    s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5;
    s >>>= 0;
    out[at] = s;
    if (at + 1 < size) out[at + 1] = s >>> 8;
    if (at + 2 < size) out[at + 2] = s >>> 16;
    if (at + 3 < size) out[at + 3] = s >>> 24;
  }
  return out;
}
