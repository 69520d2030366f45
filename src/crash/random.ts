/**
 * Numbers that look random and are the same for the same seed, on every machine.
 *
 * @module
 */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed | 0) + 0x9e3779b9;
  }

  /** 32 bits. (xorshift over a Weyl sequence, in the manner of splitmix.) */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * count);
  }

  /** From 0 to less than 1. */
  fraction(): number {
    return this.next() / 0x1_0000_0000;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
