/**
 * `openTestFs(geometry)`: a formatted and mounted file system on a fresh device, and a check of its integrity when the
 * test ends. Call it inside a test.
 *
 *   const fs = openTestFs(geometryOf.nor, { config: { blockCycles: 5 } });
 *   fs.lfs.mkdir('a');
 *   fs.remount().stat('a');
 *
 * `verifyIntegrity` is the same check, for tests that make their device themselves.
 */
import { createHash } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { FlashDevice, type FlashDeviceOptions, RamDevice } from '../../src/device/index.ts';
import { type CheckReport, check, type LfsConfig, LittleFS } from '../../src/lfs/index.ts';
import { readFile } from './calls.ts';
import { configOf, type TestGeometry } from './geometries.ts';

export interface TestFsOptions {
  /** What differs from the geometry's own configuration. */
  readonly config?: LfsConfig | undefined;
  /** What differs from a flash chip that refuses a second program of a byte. */
  readonly flash?: Partial<FlashDeviceOptions> | undefined;
  /** Verify the image at the end of the test (default true); for tests that leave it damaged. */
  readonly integrity?: boolean | undefined;
}

export interface TestFs<Device extends FlashDevice | RamDevice = FlashDevice> {
  readonly device: Device;
  readonly config: LfsConfig;
  /** The latest mount. */
  readonly lfs: LittleFS;
  /** Ends the mount, if there is one, and mounts again. */
  remount(differently?: LfsConfig): LittleFS;
  /** The mount as it is, then a new one: for what must hold now and on disk. */
  nowAndRemounted(): Generator<LittleFS>;
  /** Unmounts: the device is the test's. */
  unmount(): void;
}

/** On a simulated flash chip, which counts wear, goes bad and loses power as it is told. */
export function openTestFs(geometry: TestGeometry, options: TestFsOptions = {}): TestFs {
  const device = flashDevice(geometry, options.flash);
  return open(device, { ...configOf(geometry), ...options.config }, options.integrity ?? true);
}

/** On memory with the engine's fast paths (views, no read-back): the other half of its code. */
export function openRamFs(geometry: TestGeometry, options: Omit<TestFsOptions, 'flash'> = {}): TestFs<RamDevice> {
  const { blockSize, blockCount, readSize, progSize } = geometry;
  const device = new RamDevice({ blockSize, blockCount, readSize, progSize });
  return open(device, { ...configOf(geometry), ...options.config }, options.integrity ?? true);
}

export function flashDevice(geometry: TestGeometry, options: Partial<FlashDeviceOptions> = {}): FlashDevice {
  const { blockSize, blockCount, readSize, progSize } = geometry;
  const nor = options.eraseValue === 'keep' ? false : 'once';
  return new FlashDevice({ blockSize, blockCount, readSize, progSize, nor, ...options });
}

function open<Device extends FlashDevice | RamDevice>(
  device: Device,
  config: LfsConfig,
  integrity: boolean,
): TestFs<Device> {
  LittleFS.format(device, config);
  let lfs = LittleFS.mount(device, config);
  let mounted = true;
  if (integrity) verifyAtEnd(device, config);
  const remount = (differently: LfsConfig = {}): LittleFS => {
    if (mounted) lfs.unmount();
    lfs = LittleFS.mount(device, { ...config, ...differently });
    mounted = true;
    return lfs;
  };
  return {
    device,
    config,
    get lfs(): LittleFS {
      return lfs;
    },
    remount,
    *nowAndRemounted(): Generator<LittleFS> {
      yield lfs;
      yield remount();
    },
    unmount(): void {
      lfs.unmount();
      mounted = false;
    },
  };
}

/** Verifies the image when the test has ended, unless it failed already. */
export function verifyAtEnd(device: FlashDevice | RamDevice, config: LfsConfig): void {
  onTestFinished(({ task }) => {
    if (task.result?.state !== 'fail') verifyIntegrity(device, config);
  });
}

export interface IntegrityOptions {
  /** Finish what is unfinished, which must not change what can be seen, but needs free blocks (default true). */
  readonly repair?: boolean;
  /** The older half of a pair may be a block that cannot be read (default false). */
  readonly badBlocks?: boolean;
}

/** `check` has nothing to say against the image, it mounts, all of it can be read, no block has two owners. Works on a copy. */
export function verifyIntegrity(
  device: FlashDevice | RamDevice,
  config: LfsConfig,
  { repair = true, badBlocks = false }: IntegrityOptions = {},
): void {
  const copy = device.fork();
  if (copy instanceof FlashDevice) copy.restart();
  expect(faultsOf(check(copy, config), badBlocks), 'what check finds').toEqual([]);
  const lfs = LittleFS.mount(copy, config);
  const before = treeOf(lfs);
  if (repair) {
    lfs.makeConsistent();
    const used = new Set<number>();
    lfs.traverse((block) => used.add(block));
    expect(lfs.fsSize(), 'blocks in use, and different blocks among them').toBe(used.size);
  }
  lfs.unmount();
  if (!repair) return;
  const again = LittleFS.mount(copy, config);
  expect(treeOf(again), 'what finishing the unfinished made of the tree').toEqual(before);
  again.unmount();
  const report = check(copy, config);
  const unfinished = report.findings.filter(({ code }) => /^pending-|orphan$/.test(code));
  expect([...faultsOf(report, badBlocks), ...unfinished], 'what check finds after all is finished').toEqual([]);
}

/** All but notes: those are what a power cut may leave. */
function faultsOf({ ok, complete, findings }: CheckReport, badBlocks: boolean): unknown[] {
  const faults = findings.filter(
    ({ severity, code }) =>
      severity === 'error' || (severity === 'warning' && !(badBlocks && code === 'block-unreadable')),
  );
  return ok && complete ? faults : [...faults, { ok, complete }];
}

/** Every path (one character a byte) with what is there, attributes included. */
export function treeOf(lfs: LittleFS): Map<string, string> {
  const tree = new Map<string, string>();
  const attrsOf = (path: Uint8Array): string =>
    lfs
      .listAttrs(path)
      .map(({ type }) => ` ${type}=${Buffer.from(lfs.getAttr(path, type)!).toString('hex')}`)
      .join('');
  const visit = (path: Uint8Array): void => {
    tree.set(keyOf(path), `dir${attrsOf(path)}`);
    const dir = lfs.openDir(path);
    const entries = [...dir].slice(2);
    dir.close();
    for (const { nameBytes, type, size } of entries) {
      const child = Buffer.concat([path, nameBytes]);
      if (type === 'dir') {
        visit(Buffer.concat([child, slash]));
        continue;
      }
      const data = readFile(lfs, child);
      expect(data.length, `size of ${keyOf(child)} in the listing`).toBe(size);
      tree.set(keyOf(child), `file ${size} ${createHash('sha256').update(data).digest('hex')}${attrsOf(child)}`);
    }
  };
  visit(slash);
  return tree;
}

const slash = Buffer.from('/');

function keyOf(path: Uint8Array): string {
  return Buffer.from(path).toString('latin1');
}
