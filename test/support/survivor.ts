/**
 * A file system whose power goes again and again while steps are taken on it, and what must be true afterwards.
 *
 *   const survivor = new Survivor(device, geometry);
 *   survivor.work(steps, cut);        // takes steps until the power goes, then restarts, mounts, compares
 *   survivor.recover([3, 1]);         // finishes what is unfinished; the power goes at its third write, then at its first
 *
 * The oracle is the model of `commands.ts`: after a cut the tree is what it was before the step that was under way, or
 * what it is after it. Nothing else is allowed, so what was acknowledged is there and what was not touched is as it was.
 *
 * @module
 */
import { expect } from 'vitest';
import { type CutMode, type FlashDevice, type PowerCut, PowerLoss } from '../../src/device/index.ts';
import { type CheckReport, check, type Finding, type LfsConfig, LfsError, LittleFS } from '../../src/lfs/index.ts';
import { type ChipKind, type Cut, type Geometry, powerCutOf } from './arbitraries.ts';
import { expectLines, type Step, showStep, Twin, treeLines } from './commands.ts';
import type { Model } from './model.ts';

/** A step that takes more writes than this is no longer one step. */
const recoveryCutsMax = 50;

export class Survivor {
  readonly device: FlashDevice;
  readonly config: LfsConfig;
  twin: Twin;
  /** Steps of the round so far, for the message of a failure. */
  private taken: Step[] = [];

  /** The device holds what the model says: nothing, if it was only just formatted. */
  constructor(device: FlashDevice, config: LfsConfig, model?: Model) {
    this.device = device;
    this.config = config;
    this.twin = new Twin(device, config, model);
  }

  /** Takes steps, with a loss of power ahead. True if it came; all that was open is lost then. */
  work(steps: readonly Step[], cut: PowerCut | undefined): boolean {
    this.device.cutPower(cut);
    this.taken = [];
    const lost = powerLost(() => {
      for (const step of steps) {
        this.taken.push(this.twin.named(step));
        this.twin.take(step);
      }
    });
    this.device.cutPower(undefined);
    if (lost) this.restart();
    else this.twin.verify('before a power cut that did not come');
    return lost;
  }

  /** Power again: mounts what is there, and finds out which of the two states it is. */
  private restart(): void {
    const { before, model } = this.twin;
    this.device.restart();
    const left = faults(check(this.device, this.config), this.device.eraseValue === 'keep');
    if (left.length > 0) expect(left, `what check finds after a cut during ${this.lastSteps()}`).toEqual([]);
    const found = this.mounted((lfs) => treeLines(lfs), `after a cut during ${this.lastSteps()}`);
    const text = found.join('\n');
    const state = [model, before].find((each) => each.lines().join('\n') === text);
    if (state === undefined) {
      const why = `neither before nor after ${this.lastSteps()}; before it was\n${before.lines().join('\n')}\nfound`;
      expect(found, why).toEqual(model.lines());
    }
    this.mountAs(state!);
  }

  /**
   * Finishes what a cut left unfinished; the power goes during that at the writes given, one after the other. Nothing
   * of it may be seen. False where there was no room to finish it.
   */
  recover(cuts: readonly PowerCut[] = []): boolean {
    const lines = this.twin.model.lines();
    let room = true;
    for (const cut of [...cuts.slice(0, recoveryCutsMax), undefined]) {
      this.device.cutPower(cut);
      const lost = powerLost(() => {
        room = makesRoom(() => this.twin.mounted.lfs.makeConsistent());
      });
      this.device.restart();
      if (lost || !room) this.mountAs(this.twin.model);
      expectLines(treeLines(this.twin.mounted.lfs), lines, `after repairs${lost ? ' that were cut short' : ''}`);
      const left = faults(check(this.device, this.config), this.device.eraseValue === 'keep');
      if (left.length > 0) expect(left, 'what check finds after repairs').toEqual([]);
    }
    if (!room) return false;
    const unfinished = check(this.device, this.config).findings.filter(({ code }) => /^pending-|orphan$/.test(code));
    if (unfinished.length > 0) expect(unfinished, 'left unfinished by repairs').toEqual([]);
    return true;
  }

  /** A new mount; handles are gone. */
  mountAs(state: Model): void {
    const model = state.clone();
    model.abandonAll();
    this.twin = this.mounted(() => new Twin(this.device, this.config, model), 'again');
  }

  private mounted<T>(use: (lfs: LittleFS) => T, when: string): T {
    try {
      return use(LittleFS.mount(this.device, this.config));
    } catch (error) {
      if (error instanceof LfsError) error.message = `mount ${when}: ${error.message}`;
      throw error;
    }
  }

  private lastSteps(): string {
    const last = this.taken.slice(-4).map(showStep);
    return `'${last.pop()}'${last.length > 0 ? ` (after ${last.join(', ')})` : ''}`;
  }
}

export function powerLost(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof PowerLoss) return true;
    throw error;
  }
}

/** Repairs need blocks now and then, which a full device does not have. */
function makesRoom(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof LfsError && error.code === 'LFS_ERR_NOSPC') return false;
    throw error;
  }
}

/**
 * What no power cut may leave. Where an erased block keeps what it held, a log that was cut short shows the old one
 * behind it, which can look like damage.
 */
export function faults({ ok, complete, findings }: CheckReport, erasedKeeps: boolean): unknown[] {
  const isFault = ({ severity, code }: Finding): boolean =>
    severity === 'error' && !(erasedKeeps && code === 'crc-mismatch');
  const found: unknown[] = findings.filter(isFault);
  const isFine = ok || (erasedKeeps && found.length === 0);
  if (!isFine || !complete) found.push({ ok, complete });
  return found;
}

export const strictChip: ChipKind = { nor: 'strict', eraseValue: 0xff, reorder: false };

/**
 * What a cut leaves on a chip that programs one unit after the other, and the bytes of a unit in any order.
 *
 * A strict chip refuses to program over the rest. The engine sees a rest by the first unit behind the log, whose
 * checksum stands in the commit before it; version 2.0 has none, and sees only what begins with a first byte.
 */
export function unitCutOf(cut: Cut, { progSize, config }: Geometry): PowerCut {
  const { after, mode } = cut;
  if (typeof mode === 'string' || config.diskVersion === '2.0') return powerCutOf(cut, strictChip);
  return { after, mode: unitModeOf(mode, progSize) };
}

function unitModeOf(mode: Exclude<Cut['mode'], string>, progSize: number): CutMode {
  if ('odd' in mode) {
    const { odd } = mode;
    const unit = odd % 5;
    const bit = (index: number): boolean => (((odd >>> (index % 16)) ^ (index * 7)) & 1) === 0;
    return { only: (index) => index < unit * progSize || (index < (unit + 1) * progSize && bit(index)) };
  }
  const from = mode.from % progSize;
  return from === 0 ? { to: mode.to } : { from, to: Math.min(mode.to, progSize) };
}
