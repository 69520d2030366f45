/**
 * Workloads under power cuts, as the C project's test runner does it: the power goes at some program or erase, comes
 * back, the workload starts again from its beginning on what is left, and so on until it comes to its end.
 *
 *   const cuts = runUnderCuts({ geometry, stepping: 'linear' }, ({ mount }) => {
 *     const lfs = mount();            // formats the first time
 *     if (!exists(lfs, 'a')) lfs.mkdir('a');
 *   });
 *
 * Stepping says after how many writes the next cut comes, counted from the restart: 1, 2, 3, ... ('linear': some cut
 * falls on every write) or 1, 2, 4, ... ('exponential': for long workloads). A workload must take what a run before
 * left of it, and ends by asserting its result.
 */
import { type FlashDevice, type FlashDeviceOptions, type PowerCut, PowerLoss } from '../../src/device/index.ts';
import { type LfsConfig, LfsError, LittleFS } from '../../src/lfs/index.ts';
import { configOf, type TestGeometry } from './geometries.ts';
import { flashDevice, verifyAtEnd, verifyIntegrity } from './open.ts';

export type Stepping = 'linear' | 'exponential' | { readonly first: number; readonly next: (after: number) => number };

export interface CutOptions {
  readonly geometry: TestGeometry;
  readonly config?: LfsConfig | undefined;
  readonly stepping?: Stepping | undefined;
  /** What is left of the write that is cut; `'done'` is what the C project's device does. */
  readonly mode?: PowerCut['mode'];
  /** What is left of the writes since the last sync; anything but `'kept'` makes a device that may reorder. */
  readonly unsynced?: PowerCut['unsynced'];
  readonly flash?: Partial<FlashDeviceOptions> | undefined;
  /** Verify the integrity of the image after every cut too (default: at the end only). */
  readonly verifyEach?: boolean | undefined;
}

export interface CutRun {
  readonly device: FlashDevice;
  readonly config: LfsConfig;
  /** Mounts; formats before if no earlier run came so far. A mount that fails later is a failure of the test. */
  readonly mount: () => LittleFS;
  /** Cuts so far. */
  readonly cuts: number;
}

/** The two kinds of power loss of the C project's emulated device, for `describe.each`. */
export const lossKinds: readonly { readonly loss: string; readonly cut: Pick<CutOptions, 'mode' | 'unsynced'> }[] = [
  { loss: 'in order', cut: { mode: 'done' } },
  { loss: 'out of order', cut: { mode: 'done', unsynced: 'first-erase-lost' } },
];

/** Those, and writes that are lost or half done. */
export const allLossKinds: typeof lossKinds = [
  ...lossKinds,
  { loss: 'before the write', cut: { mode: 'noop' } },
  { loss: 'torn', cut: { mode: 'torn' } },
];

/**
 * A chip that programs the end of its unit before the beginning: what looks erased is not. The forward CRC of a commit
 * sees it, if the unit has more than these bytes.
 */
export const backwards = { loss: 'torn, the end done first', cut: { mode: { from: 8 } } } as const;

const runsMax = 100_000;

/** Returns the number of cuts that the workload lived through. */
export function runUnderCuts(options: CutOptions, workload: (run: CutRun) => void): number {
  const { geometry, mode = 'done', unsynced = 'kept', stepping = 'linear' } = options;
  const config = { ...configOf(geometry), ...options.config };
  const device = flashDevice(geometry, { reorder: unsynced !== 'kept', ...options.flash });
  const { first, next } = stepsOf(stepping);
  let formatted = false;
  const mount = (): LittleFS => {
    if (!formatted) {
      LittleFS.format(device, config);
      formatted = true;
    }
    return LittleFS.mount(device, config);
  };
  let after = first;
  for (let cuts = 0; cuts < runsMax; cuts++) {
    device.cutPower({ after, mode, unsynced });
    if (runToCut(() => workload({ device, config, mount, cuts }), cuts)) {
      device.cutPower(undefined);
      verifyAtEnd(device, config);
      return cuts;
    }
    device.restart();
    if (formatted && options.verifyEach === true) verifyIntegrity(device, config);
    after = next(after);
  }
  throw new Error(`the workload did not come to its end in ${runsMax} runs`);
}

/** True when the workload came to its end, false when the power went. */
function runToCut(workload: () => void, cuts: number): boolean {
  try {
    workload();
    return true;
  } catch (error) {
    if (error instanceof PowerLoss) return false;
    if (error instanceof LfsError || error instanceof Error) error.message += ` (after ${cuts} power cuts)`;
    throw error;
  }
}

function stepsOf(stepping: Stepping): { first: number; next: (after: number) => number } {
  if (stepping === 'linear') return { first: 1, next: (after) => after + 1 };
  if (stepping === 'exponential') return { first: 1, next: (after) => after * 2 };
  return stepping;
}

/**
 * One cut per run, each on its own copy of a prepared device: the power goes at write 1, 2, 3, ... (or at each of
 * `at`) of `action`, and `judge` gets the mounted rest. Returns the number of cuts; the last run had none.
 */
export function cutEverywhere(
  prepared: FlashDevice,
  config: LfsConfig,
  action: (lfs: LittleFS) => void,
  judge: (lfs: LittleFS, cut: { readonly after: number; readonly done: boolean }) => void,
  cut: Pick<CutOptions, 'mode' | 'unsynced'> & { readonly at?: Iterable<number> } = {},
): number {
  const { mode = 'done', unsynced = 'kept' } = cut;
  let cuts = 0;
  for (const after of cut.at ?? naturals()) {
    const device = prepared.fork();
    device.cutPower({ after, mode, unsynced });
    const done = runToCut(() => action(LittleFS.mount(device, config)), cuts);
    device.restart();
    judge(LittleFS.mount(device, config), { after, done });
    verifyIntegrity(device, config);
    if (done) return cuts;
    cuts++;
  }
  return cuts;
}

function* naturals(): Generator<number> {
  for (let n = 1; ; n++) yield n;
}
