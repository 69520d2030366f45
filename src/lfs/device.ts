/**
 * The one seam between the engine and storage: what a block device is.
 *
 * Owns the interface only; `src/device` implements it. Everything that is not deterministic reaches the engine
 * through these four calls, so decorators stack: `trace(powerLoss(badBlocks(ram)))`.
 *
 * A device that has only the four calls always works. The optional members are fast paths: each states a promise
 * that lets the engine skip work, and none changes a byte of what is written.
 *
 * @module
 */

export interface BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  /** Reads start and end at multiples of this (default 1). */
  readonly readSize?: number;
  /** Programs start and end at multiples of this (default 1). */
  readonly progSize?: number;

  /** Fills `target` from `offset` of a block. Throws `BadBlock` where the block cannot be read. */
  read(block: number, offset: number, target: Uint8Array): void;
  /** Programs `source` at `offset` of an erased block. Throws `BadBlock` for a block gone bad. `source` is the caller's again after the call. */
  prog(block: number, offset: number, source: Uint8Array): void;
  /** Makes a block programmable; what it then reads is the device's affair. Throws `BadBlock` for a block gone bad. */
  erase(block: number): void;
  /** Returns when all that was programmed is durable. */
  sync(): void;

  /**
   * Promise: when `prog` returns, reading back gives exactly what was programmed. The engine then leaves out the
   * read-back that C makes after every program. True for memory, false for anything that models flash.
   */
  readonly progVerified?: boolean;

  /**
   * The bytes of a whole block without a copy, valid until the next call of any other member. The engine only reads
   * them. `undefined` where this block has no such view.
   */
  view?(block: number): Uint8Array | undefined;

  /**
   * A number for what a block holds: it changes whenever the block may have changed, and among all devices that share
   * a `memo` it is the same only for the same bytes.
   */
  stamp?(block: number): number;

  /** Where the engine keeps what it found out about blocks, by their stamps, from one mount to the next. */
  readonly memo?: Map<number, unknown>;
}
