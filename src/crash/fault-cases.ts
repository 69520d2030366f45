/**
 * Going through what may go wrong beside a loss of power, case by case.
 *
 *   ioError, badBlock, wearOut   the workload runs anew on a device with the fault. It may fail, since its calls do; but
 *                                whatever it leaves is sound, and what it has acknowledged is there.
 *   bitRot, unreadable blocks    the image that the run left, with the fault: what is read is right, or refused.
 *   droppedSync, misdirected     an image that no sound device leaves: answers or errors, in bounded work.
 *
 * @module
 */

import { FlashDevice, RamDevice } from '../device/index.ts';
import { type BlockDevice, check, LfsError, LittleFS } from '../lfs/index.ts';
import type { About, Campaign } from './campaign.ts';
import { caseName, type FaultCase, type Flip } from './cases.ts';
import { pointsOf } from './explore.ts';
import { failureOf, type Scene } from './failure.ts';
import { type DeviceFault, faults } from './faults.ts';
import { BoundedDevice, NotingDevice, TooMuchWork } from './faulty-device.ts';
import { blocksInUse, judge, METADATA, mountImage, Violation } from './judge.ts';
import { pointAt } from './points.ts';
import { Random } from './random.ts';
import { type RecordedCall, Recording } from './recording.ts';
import { applyLoosely, Replay } from './replay.ts';
import type { Search } from './search.ts';

/** What is said of a case that has failed. */
interface Found {
  readonly recording: Recording;
  readonly after: RamDevice;
  readonly op: number;
  readonly call?: RecordedCall | undefined;
}

export class FaultCases {
  readonly #search: Search;
  readonly #campaign: Campaign;
  readonly #recording: Recording;
  /** The image that the run left; nobody changes it. */
  readonly #end: RamDevice;
  /** The run with its syncs left out, as a device saw it that ignores them. */
  #unsynced: Recording | undefined;
  /** A chip with the image before the run. */
  readonly #chips: Map<string, FlashDevice> = new Map();

  constructor(search: Search, recording: Recording) {
    this.#search = search;
    this.#campaign = search.campaign;
    this.#recording = recording;
    this.#end = new Replay(recording).seek(recording.ops.length).fork();
  }

  /** All cases of a fault. */
  async along(fault: DeviceFault): Promise<void> {
    const search = this.#search;
    for (const each of this.#casesOf(fault)) {
      if (search.ended) return;
      if (search.isMine()) await this.look(each);
    }
  }

  /** One case. */
  async look(each: FaultCase): Promise<void> {
    this.#search.judged++;
    const found: Found = { recording: this.#recording, after: this.#end, op: this.#recording.ops.length };
    const where: { now: Found } = { now: found };
    try {
      switch (each.kind) {
        case 'bitRot':
          await this.#rots(each.flips, this.#about(each), where);
          break;
        case 'droppedSync':
        case 'misdirectedWrite':
          this.#endures(each, where);
          break;
        default:
          await this.#runsAnew(each, where);
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      const { recording, after, op, call } = where.now;
      const scene: Scene = { id: caseName(each), op, lost: lostOf(each), words: wordsOf(each), call };
      const failure = failureOf(recording, scene, error, this.#campaign.start, after);
      this.#search.fail({ ...failure, minimal: failure.id });
    }
  }

  *#casesOf(fault: DeviceFault): Generator<FaultCase, void, undefined> {
    const { ops } = this.#recording;
    const draw = new Random(this.#campaign.seed);
    switch (fault.kind) {
      case 'ioError':
        for (let op = 0; op < ops.length; op++)
          for (const code of fault.kinds)
            for (const times of fault.times) yield { kind: 'ioError', code, op, always: times === 'always' };
        return;
      case 'bitRot': {
        const { blockSize, blockCount } = this.#end;
        const used = blocksInUse(mountImage(this.#end, this.#campaign.settings.config), blockCount);
        for (let place = 0; place < fault.places; place++)
          for (let block = 0; block < blockCount; block++) {
            if (used[block] === 0) continue;
            // Where bytes are; behind them there is nothing to read.
            const bits = Math.max(1, Math.min(blockSize, this.#end.erasedFrom(block))) * 8;
            const flips = Array.from({ length: fault.bits }, () => ({ block, bit: draw.below(bits) }));
            yield { kind: 'bitRot', flips };
          }
        return;
      }
      case 'droppedSync': {
        const unsynced = this.#withoutSyncs();
        const losses = faults.powerLoss({ torn: 'none', erase: 'none', reorder: fault.lost });
        let left = unsynced.ops.length * fault.places;
        for (const { op, lost } of pointsOf(unsynced.ops, losses, 'random', this.#campaign.seed)) {
          if (left-- <= 0) return;
          if (lost.length > 0) yield { kind: 'droppedSync', op, lost };
        }
        return;
      }
      case 'misdirectedWrite':
        for (let op = 0; op < ops.length; op++) {
          const { kind } = ops[op]!;
          if (kind !== 'prog') continue;
          for (let place = 0; place < fault.places; place++)
            yield { kind: 'misdirectedWrite', op, block: draw.below(this.#end.blockCount) };
        }
        return;
      case 'badBlock': {
        const touched = blocksInUse(mountImage(this.#end, this.#campaign.settings.config), this.#end.blockCount);
        for (const op of ops) if (op.kind !== 'sync') touched[op.block] = 1;
        for (const mode of fault.modes)
          for (let block = 0; block < touched.length; block++)
            if (touched[block] !== 0) yield { kind: 'badBlock', block, mode };
        return;
      }
      default:
        for (const erases of fault.erases) for (const mode of fault.modes) yield { kind: 'wearOut', erases, mode };
    }
  }

  #about(each: FaultCase): About {
    const detectable =
      each.kind === 'bitRot' || (each.kind !== 'ioError' && 'mode' in each && each.mode === 'readerror');
    return { point: caseName(each), op: this.#recording.ops.length, fault: each.kind, detectable };
  }

  // must-recover

  async #runsAnew(each: FaultCase, where: { now: Found }): Promise<void> {
    const campaign = this.#campaign;
    const recording = new Recording(campaign.start);
    const chip = this.#chipFor(each);
    const memory = campaign.start.fork();
    const device = new NotingDevice(chip ?? memory, recording, { fails: failing(each), opsMax: campaign.opsMax });
    const image = (): RamDevice =>
      chip === undefined ? memory.fork() : new RamDevice({ ...geometryOf(campaign.start), image: chip.toImage() });

    const run = await mayRefuse(() => campaign.run(device, recording));
    const seen = (): Found => {
      const call = recording.calls[device.failedCall];
      const op =
        each.kind === 'ioError' && call !== undefined ? Math.min(each.op, recording.ops.length) : recording.ops.length;
      return { recording, after: image(), op, call };
    };
    const { failed = null, space } = run ?? {};
    if (failed !== null) {
      where.now = seen();
      const bug = foreignIn(failed.error);
      if (bug !== undefined) throw bug;
    }
    await this.#recovers(each, chip, recording, image(), () => {
      where.now = seen();
    });
    if (space === undefined) return;
    // The program has ended, well or not; what it left in memory is written when the volume is closed.
    const before = recording.ops.length;
    await mayRefuse(() => space.vfs.sync());
    if (recording.ops.length !== before)
      await this.#recovers(each, chip, recording, image(), () => {
        where.now = seen();
      });
  }

  /** What a run on a faulty device has left. */
  async #recovers(
    each: FaultCase,
    chip: FlashDevice | undefined,
    recording: Recording,
    image: RamDevice,
    note: () => void,
  ): Promise<void> {
    const campaign = this.#campaign;
    const about = { ...this.#about(each), op: recording.ops.length };
    try {
      if (about.detectable && chip !== undefined) {
        await this.#detects(() => chip.fork(), recording, about);
        return;
      }
      const lfs = mountImage(image, campaign.settings.config);
      judge(image, lfs, { config: campaign.settings.config, untouched: campaign.untouchedBy(recording) });
      await campaign.askProgram(image.fork(), recording, about);
    } catch (error) {
      note();
      throw error;
    }
  }

  #chipFor(each: FaultCase): FlashDevice | undefined {
    if (each.kind !== 'badBlock' && each.kind !== 'wearOut') return undefined;
    const { start } = this.#campaign;
    const key = each.kind === 'wearOut' ? caseName(each) : '';
    let chip = this.#chips.get(key);
    if (chip === undefined) {
      const wear = each.kind === 'wearOut' ? { wearLimit: each.erases, badBlockMode: each.mode } : {};
      chip = new FlashDevice({ ...geometryOf(start), nor: 'and', image: start.toImage(), ...wear });
      this.#chips.set(key, chip);
    }
    const fork = chip.fork();
    if (each.kind === 'badBlock') {
      if (each.block >= start.blockCount)
        throw new RangeError(`block is ${each.block}; allowed: 0 to ${start.blockCount - 1}`);
      fork.setBad(each.block, each.mode);
    }
    return fork;
  }

  // must-detect

  async #rots(flips: readonly Flip[], about: About, where: { now: Found }): Promise<void> {
    const image = this.#end.fork();
    for (const { block, bit } of flips) {
      const cells = image.view(block).slice();
      cells[bit >> 3]! ^= 1 << (bit & 7);
      image.prog(block, 0, cells);
    }
    where.now = { ...where.now, after: image };
    const metadata = blocksInUse(mountImage(this.#end, this.#campaign.settings.config), this.#end.blockCount);
    const hitsMetadata = flips.some(({ block }) => metadata[block] === METADATA);
    const digest = hitsMetadata ? mountImage(this.#end, this.#campaign.settings.config).metadataDigest() : undefined;
    await this.#detects(() => image.fork(), this.#recording, about, digest);
  }

  /**
   * What is read is right, or refused. Metadata whose last commit is damaged are taken as they were before it, as after a
   * loss of power, which nobody can tell apart: with another `digest` the program is not asked.
   */
  async #detects(device: () => BlockDevice, recording: Recording, about: About, digest?: string): Promise<void> {
    const { config } = this.#campaign.settings;
    const bounded = (): BlockDevice => boundedBy(device());
    const lfs = examine(bounded, config);
    if (lfs === undefined) return;
    if (digest !== undefined && (await mayRefuse(() => lfs.metadataDigest())) !== digest) return;
    try {
      await this.#campaign.askProgram(bounded(), recording, about);
    } catch (error) {
      const cause = error instanceof Violation ? error.cause : error;
      const bug = foreignIn(cause);
      if (bug !== undefined) throw bug;
      if (!isRefusal(cause)) throw error;
    }
  }

  // must-not-hang

  #endures(each: FaultCase & { readonly kind: 'droppedSync' | 'misdirectedWrite' }, where: { now: Found }): void {
    const recording = each.kind === 'droppedSync' ? this.#withoutSyncs() : this.#recording;
    const replay = new Replay(recording);
    let image: RamDevice;
    if (each.kind === 'droppedSync') image = replay.imageAt(pointAt(each.op, undefined, each.lost));
    else {
      image = replay.seek(Math.min(each.op, recording.ops.length)).fork();
      for (const [at, op] of recording.ops.entries()) {
        if (at < each.op) continue;
        applyLoosely(image, at === each.op && op.kind === 'prog' ? { ...op, block: each.block } : op);
      }
    }
    where.now = { recording, after: image, op: each.op };
    const { config } = this.#campaign.settings;
    const bounded = (): BlockDevice => boundedBy(image.fork());
    if (examine(bounded, config) === undefined) return;
    // And it may be written to.
    answered(() => {
      const lfs = LittleFS.mount(bounded(), config);
      lfs.makeConsistent();
      lfs.writeFile('/written-after-the-fault', new Uint8Array(100));
      lfs.unmount();
    });
  }

  #withoutSyncs(): Recording {
    if (this.#unsynced !== undefined) return this.#unsynced;
    const unsynced = new Recording(this.#recording.start);
    const moved: number[] = [];
    for (const op of this.#recording.ops) {
      moved.push(unsynced.ops.length);
      if (op.kind !== 'sync') unsynced.ops.push(op);
    }
    moved.push(unsynced.ops.length);
    for (const call of this.#recording.calls)
      unsynced.calls.push({ ...call, from: moved[call.from]!, to: moved[call.to]! });
    for (const ack of this.#recording.acks) unsynced.acks.push({ ...ack, at: moved[ack.at]! });
    for (const step of this.#recording.steps) unsynced.steps.push({ ...step, at: moved[step.at]! });
    this.#unsynced = unsynced;
    return unsynced;
  }
}

/** Mounts, walks, reads and checks; undefined where it cannot be mounted. Throws for surprises, and for no end. */
function examine(device: () => BlockDevice, config: Campaign['settings']['config']): LittleFS | undefined {
  const lfs = answered(() => LittleFS.mount(device(), config));
  if (lfs !== undefined) {
    answered(() => lfs.traverse(() => {}));
    const open = ['/'];
    let left = lfs.fsStat().blockCount * 1024;
    for (let path = open.pop(); path !== undefined && left > 0; path = open.pop()) {
      const folder = path;
      for (const entry of answered(() => [...lfs.list(folder)]) ?? []) {
        left--;
        const name = `${folder === '/' ? '' : folder}/${entry.byteName}`;
        if (entry.type === 'dir') open.push(name);
        else answered(() => lfs.readFile(name));
      }
    }
    if (left <= 0) throw new Violation('hang', 'the tree has more entries than the device has room for');
  }
  answered(() => check(device(), config));
  return lfs;
}

/** What a question comes to; undefined where it is refused. */
function answered<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof LfsError) return undefined;
    throw foreignIn(error) ?? new Violation('foreign', `threw what is no LfsError: ${messageOf(error)}`, error);
  }
}

/** The same for what the program may be told as well: any error that has a code is an answer. */
async function mayRefuse<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const bug = foreignIn(error);
    if (bug !== undefined) throw bug;
    if (typeof (error as { code?: unknown } | null)?.code === 'string') return undefined;
    throw new Violation('foreign', `threw what has no code: ${messageOf(error)}`, error);
  }
}

function* causesOf(error: unknown): Generator<Error, void, undefined> {
  let depth = 0;
  for (let each = error; each instanceof Error && depth < 8; each = each.cause, depth++) yield each;
}

/** A bug of the engine, or work without end, among the causes of an error. */
function foreignIn(error: unknown): Violation | undefined {
  for (const each of causesOf(error)) {
    if (each instanceof TooMuchWork) return new Violation('hang', each.message, error);
    if (each.name === 'EndlessWorkload') return new Violation('hang', each.message, error);
    if (each.name === 'AssertionError' && /[\\/](?:src|dist)[\\/]lfs[\\/]/.test(each.stack?.split('\n')[1] ?? ''))
      return new Violation('foreign', `an assertion of the engine failed: ${each.message}`, error);
  }
  return undefined;
}

/** An error that says: this cannot be read. */
function isRefusal(error: unknown): boolean {
  for (const each of causesOf(error))
    if (each instanceof LfsError || (each as { code?: unknown }).code === 'EIO') return true;
  return false;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function geometryOf({ blockSize, blockCount, readSize, progSize }: RamDevice): {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
} {
  return { blockSize, blockCount, readSize, progSize };
}

/** Patience enough to read every unit of the device some hundred times. */
function boundedBy(device: BlockDevice): BlockDevice {
  const units = device.blockCount * Math.max(1, device.blockSize / (device.readSize ?? 1));
  return new BoundedDevice(device, 10_000 + 256 * units);
}

function failing(each: FaultCase): ((index: number) => Error | undefined) | undefined {
  if (each.kind !== 'ioError') return undefined;
  const { op, code, always } = each;
  const name = code === 'EIO' ? 'LFS_ERR_IO' : 'LFS_ERR_NOSPC';
  return (index) =>
    index === op || (always && index > op) ? new LfsError(name, `operation ${index} of the device fails`) : undefined;
}

function lostOf(each: FaultCase): readonly number[] {
  return each.kind === 'droppedSync' ? each.lost : [];
}

function wordsOf(each: FaultCase): string {
  switch (each.kind) {
    case 'ioError':
      return `operation ${each.op}${each.always ? ' and all after it fail' : ' fails'} with ${each.code}`;
    case 'bitRot':
      return `after the run ${each.flips.map(({ block, bit }) => `bit ${bit} of block ${block}`).join(', ')} flipped`;
    case 'droppedSync':
      return 'the power goes here, and syncs have done nothing';
    case 'misdirectedWrite':
      return `this went to block ${each.block}`;
    case 'badBlock':
      return `block ${each.block} had been bad from the start (${each.mode})`;
    default:
      return `blocks went bad after ${each.erases} erases (${each.mode})`;
  }
}
