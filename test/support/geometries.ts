/**
 * The devices that the suites run on: named geometries, about 1 MiB each.
 *
 * The first five have the shapes of the C project's test runner, the small ones make metadata crowded. All have that
 * runner's cache of 64 bytes (or a program, where that is more) and lookahead of 16 bytes, so that caches are flushed
 * and the allocator's window moves often.
 *
 *   it.each(geometries)('... ($name)', (geometry) => { const fs = openTestFs(geometry); ... })
 */
import type { LfsConfig } from '../../src/lfs/index.ts';

export interface TestGeometry {
  readonly name: string;
  readonly readSize: number;
  readonly progSize: number;
  readonly blockSize: number;
  readonly blockCount: number;
  readonly cacheSize: number;
  readonly lookaheadSize: number;
}

const deviceSize = 1024 * 1024;

function geometry(name: string, readSize: number, progSize: number, blockSize: number): TestGeometry {
  const cacheSize = Math.max(64, readSize, progSize);
  return { name, readSize, progSize, blockSize, blockCount: deviceSize / blockSize, cacheSize, lookaheadSize: 16 };
}

/** By name, where a test needs a certain one. */
export const geometryOf = {
  default: geometry('default', 16, 16, 512),
  eeprom: geometry('eeprom', 1, 1, 512),
  emmc: geometry('emmc', 512, 512, 512),
  nor: geometry('nor', 1, 1, 4096),
  nand: geometry('nand', 4096, 4096, 32768),
  small256: geometry('small256', 16, 16, 256),
  small128: geometry('small128', 8, 8, 128),
} as const satisfies Record<string, TestGeometry>;

/** The C project's five. */
export const commonGeometries: readonly TestGeometry[] = [
  geometryOf.default,
  geometryOf.eeprom,
  geometryOf.emmc,
  geometryOf.nor,
  geometryOf.nand,
];

export const geometries: readonly TestGeometry[] = [...commonGeometries, geometryOf.small256, geometryOf.small128];

/** The same with another number of blocks. */
export function withBlocks(base: TestGeometry, blockCount: number): TestGeometry {
  return { ...base, blockCount };
}

/** At most so many blocks: for tests whose work grows with the device. */
export function atMostBlocks(base: TestGeometry, blockCount: number): TestGeometry {
  return base.blockCount <= blockCount ? base : withBlocks(base, blockCount);
}

/** What a mount on this geometry is configured with. */
export function configOf(shape: TestGeometry): LfsConfig {
  const { blockSize, blockCount, readSize, progSize, cacheSize, lookaheadSize } = shape;
  return { blockSize, blockCount, readSize, progSize, cacheSize, lookaheadSize };
}
