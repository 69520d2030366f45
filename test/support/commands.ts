/**
 * Steps: calls on a file system as plain data, and the two sides that take them, the engine and the model.
 *
 * A failing property prints its steps as they stand in `examples`: copy them there and they are tried for ever.
 *
 * A path may begin with what is there when its step comes: `#3` is the third of all entries, `@3` the third directory.
 *
 *   const twin = new Twin(device, config);
 *   for (const step of steps) twin.take(step);      // fails where engine and model part
 *
 * @module
 */
import { expect } from 'vitest';
import {
  type BlockDevice,
  type FileAttr,
  type LfsConfig,
  LfsError,
  type LfsErrorCode,
  type LfsFile,
  LittleFS,
  O_RDONLY,
} from '../../src/lfs/index.ts';
import { content } from './content.ts';
import { byteName, digest, Model, ModelError } from './model.ts';

/** An attribute given to open: its number, the size of its buffer, and what the buffer holds at first. */
export interface StepAttr {
  readonly type: number;
  readonly size: number;
  readonly seed: number;
}

export type Step =
  | { readonly op: 'mkdir' | 'remove' | 'stat' | 'list' | 'listattrs'; readonly path: string }
  | { readonly op: 'rename'; readonly path: string; readonly to: string }
  | {
      readonly op: 'setattr';
      readonly path: string;
      readonly type: number;
      readonly size: number;
      readonly seed: number;
    }
  | { readonly op: 'getattr' | 'removeattr'; readonly path: string; readonly type: number }
  | {
      readonly op: 'open';
      readonly slot: number;
      readonly path: string;
      readonly flags: number;
      readonly attrs?: readonly StepAttr[];
    }
  | { readonly op: 'fillattr'; readonly slot: number; readonly index: number; readonly seed: number }
  | { readonly op: 'write'; readonly slot: number; readonly size: number; readonly seed: number }
  | { readonly op: 'read' | 'truncate'; readonly slot: number; readonly size: number }
  | { readonly op: 'seek'; readonly slot: number; readonly offset: number; readonly whence: number }
  | { readonly op: 'tell' | 'size' | 'sync' | 'close'; readonly slot: number }
  | { readonly op: 'remount' | 'consistent' | 'gc' };

/** What a step came to. */
export type Result = { readonly value: unknown } | { readonly code: LfsErrorCode };

/** One step in a few words, for a list of them. */
export function showStep(step: Step): string {
  const { op, ...rest } = step;
  return [op, ...Object.values(rest).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))].join(
    ' ',
  );
}

/** A file system mounted by a test, with the handles that its steps opened. */
export class Mounted {
  readonly device: BlockDevice;
  readonly config: LfsConfig;
  lfs: LittleFS;
  private readonly slots: Map<number, { file: LfsFile; attrs: FileAttr[] }> = new Map();

  constructor(device: BlockDevice, config: LfsConfig, lfs: LittleFS = LittleFS.mount(device, config)) {
    this.device = device;
    this.config = config;
    this.lfs = lfs;
  }

  /** Lets a handle go that failed. Closing one commits nothing. */
  abandon(slot: number): void {
    const open = this.slots.get(slot);
    this.slots.delete(slot);
    try {
      open?.file.close();
    } catch (error) {
      if (!(error instanceof LfsError)) throw error;
    }
  }

  take(step: Step): unknown {
    const { lfs, slots } = this;
    switch (step.op) {
      case 'mkdir':
        return lfs.mkdir(step.path);
      case 'remove':
        return lfs.remove(step.path);
      case 'rename':
        return lfs.rename(step.path, step.to);
      case 'stat':
        return infoText(lfs.stat(step.path));
      case 'list':
        return [...lfs.openDir(step.path)].map(infoText);
      case 'setattr':
        return lfs.setAttr(step.path, step.type, content(step.size, step.seed));
      case 'getattr': {
        const bytes = lfs.getAttr(step.path, step.type);
        return bytes && digest(bytes);
      }
      case 'removeattr':
        return lfs.removeAttr(step.path, step.type);
      case 'listattrs':
        return attrsText(lfs, step.path);
      case 'remount':
        lfs.unmount();
        slots.clear();
        this.lfs = LittleFS.mount(this.device, this.config);
        return undefined;
      case 'consistent':
        return lfs.makeConsistent();
      case 'gc':
        return lfs.gc();
      case 'open': {
        const attrs = buffersOf(step.attrs);
        slots.set(step.slot, { file: lfs.open(step.path, step.flags, { attrs }), attrs });
        return attrs.map(({ type, buffer }) => ` ${type}=${digest(buffer)}`).join('');
      }
      default:
        return this.takeFileStep(step);
    }
  }

  private takeFileStep(step: Extract<Step, { slot: number }>): unknown {
    const { file, attrs } = this.slots.get(step.slot)!;
    switch (step.op) {
      case 'fillattr': {
        const buffer = attrs[step.index]?.buffer;
        return buffer?.set(content(buffer.length, step.seed));
      }
      case 'write':
        return file.write(content(step.size, step.seed));
      case 'read': {
        // Not at the start of the buffer, which must not be touched.
        const buffer = new Uint8Array(step.size + 3).fill(0x5a);
        const size = file.read(buffer, 2, step.size);
        expect([buffer[0], buffer[1], buffer[2 + size]], 'bytes around those read').toEqual([0x5a, 0x5a, 0x5a]);
        return digest(buffer.subarray(2, 2 + size));
      }
      case 'truncate':
        return file.truncate(step.size);
      case 'seek':
        return file.seek(step.offset, step.whence);
      case 'tell':
        return file.tell();
      case 'size':
        return file.size();
      case 'sync':
        return file.sync();
      case 'close':
        this.slots.delete(step.slot);
        return file.close();
      default:
        throw new Error(`'${step.op}' is no step on an open file`);
    }
  }
}

export function takeOnModel(model: Model, step: Step): unknown {
  switch (step.op) {
    case 'mkdir':
      return model.mkdir(step.path);
    case 'remove':
      return model.remove(step.path);
    case 'rename':
      return model.rename(step.path, step.to);
    case 'stat':
      return model.stat(step.path);
    case 'list':
      return model.list(step.path);
    case 'setattr':
      return model.setAttr(step.path, step.type, content(step.size, step.seed));
    case 'getattr':
      return model.getAttr(step.path, step.type);
    case 'removeattr':
      return model.removeAttr(step.path, step.type);
    case 'listattrs':
      return model.listAttrs(step.path);
    case 'remount':
      return model.abandonAll();
    case 'consistent':
    case 'gc':
      return undefined;
    case 'open':
      return model.open(step.slot, step.path, step.flags, buffersOf(step.attrs));
    case 'fillattr':
      return model.fillAttr(step.slot, step.index, (size) => content(size, step.seed));
    case 'write':
      return model.write(step.slot, content(step.size, step.seed));
    case 'read':
      return model.read(step.slot, step.size);
    case 'truncate':
      return model.truncate(step.slot, step.size);
    case 'seek':
      return model.seek(step.slot, step.offset, step.whence);
    case 'tell':
      return model.tell(step.slot);
    case 'size':
      return model.size(step.slot);
    case 'sync':
      return model.sync(step.slot);
    case 'close':
      return model.close(step.slot);
  }
}

/** Engine and model, step by step side by side. */
export class Twin {
  model: Model;
  /** The model as it was before the latest step. */
  before: Model;
  readonly mounted: Mounted;

  /** Mounts what is on the device, which must be what the model says: of a fresh one, nothing. */
  constructor(device: BlockDevice, config: LfsConfig, model: Model = new Model(limitsOf(config))) {
    this.model = model;
    this.before = model;
    this.mounted = new Mounted(device, config);
  }

  /**
   * Takes a step on both sides; fails if they do not say the same. `NOSPC` is the engine's to say, if `mayBeFull`: the
   * model then stays as it was, and the handle that could not be written is let go. Whatever the engine throws that is
   * no LfsError passes; `before` and `model` are then what may be on disk.
   */
  take(given: Step, mayBeFull = true): void {
    const { mounted } = this;
    const step = this.named(given);
    this.before = this.model;
    if ('slot' in step && (step.op === 'open') === this.model.isOpen(step.slot)) return;
    const isLost = 'slot' in step && this.model.isLost(step.slot);
    this.model = this.model.clone();
    const expected = outcome(() => takeOnModel(this.model, step), ModelError);
    const found = outcome(() => mounted.take(step), LfsError);
    if (mayBeFull && 'code' in found && found.code === 'LFS_ERR_NOSPC') this.notTaken(step);
    else if (isLost && ('code' in found || step.op === 'read')) this.letGo(step);
    else if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found, showStep(step)).toEqual(expected);
  }

  /**
   * There was no room. Moving an entry from one pair to another, and removing a directory, is two commits: where
   * metadata is so full that not even the second one fits, which takes something away, `NOSPC` is said of what has
   * happened. Where a pair had to move and nobody could be told, the same, and only a new mount can write again.
   */
  private notTaken(step: Step): void {
    const { mounted, model } = this;
    const poisoned = outcome(() => mounted.lfs.makeConsistent(), LfsError);
    const halfWay = 'code' in poisoned && poisoned.code === 'LFS_ERR_IO';
    const mayHaveHappened = halfWay || step.op === 'rename' || step.op === 'remove';
    const hasHappened = mayHaveHappened && treeLines(mounted.lfs).join('\n') === model.lines().join('\n');
    this.model = hasHappened ? model : this.before.clone();
    this.letGo(step);
    if (halfWay) this.take({ op: 'remount' });
  }

  private letGo(step: Step): void {
    if (!('slot' in step)) return;
    this.model.abandon(step.slot);
    this.mounted.abandon(step.slot);
  }

  /** The step with the paths that its `#` and `@` mean now. */
  named(step: Step): Step {
    if (!('path' in step)) return step;
    const named = { ...step, path: this.pathOf(step.path) };
    return named.op === 'rename' ? { ...named, to: this.pathOf(named.to) } : named;
  }

  private pathOf(path: string): string {
    return path.replace(/^([#@])(\d+)/, (_, sign, index) => {
      // Of all entries the root comes first, which is seldom meant.
      const known = sign === '#' ? this.model.paths().slice(1) : this.model.paths('dir');
      return known[index % known.length] ?? '/nothing';
    });
  }

  /** Fails unless all that can be read is what the model says. */
  verify(why: string): void {
    expectLines(treeLines(this.mounted.lfs), this.model.lines(), why);
  }
}

export function limitsOf(config: LfsConfig): { nameMax: number; fileMax: number; attrMax: number } {
  return { nameMax: config.nameMax || 255, fileMax: config.fileMax || 0x7fffffff, attrMax: config.attrMax || 1022 };
}

/** `toEqual` for trees; an equal tree costs next to nothing. */
export function expectLines(found: readonly string[], expected: readonly string[], why: string): void {
  if (found.join('\n') !== expected.join('\n')) expect(found, why).toEqual(expected);
}

function outcome(work: () => unknown, kind: typeof ModelError | typeof LfsError): Result {
  try {
    return { value: work() ?? null };
  } catch (error) {
    if (error instanceof kind) return { code: error.code };
    throw error;
  }
}

function buffersOf(attrs: readonly StepAttr[] = []): { type: number; buffer: Uint8Array }[] {
  return attrs.map(({ type, size, seed }) => ({ type, buffer: content(size, seed) }));
}

function infoText({ type, size, name }: { type: string; size: number; name: string }): string {
  return `${type} ${size} ${byteName(name)}`;
}

function attrsText(lfs: LittleFS, path: string | Uint8Array): string {
  const attrs = lfs.listAttrs(path);
  return attrs.map(({ type }) => ` ${type}=${digest(lfs.getAttr(path, type)!)}`).join('');
}

/** All that can be read from a mounted file system, one line an entry, in the order of listing. */
export function treeLines(lfs: LittleFS): string[] {
  const out: string[] = [];
  const visit = (path: Uint8Array): void => {
    const at = path.length === 0 ? new Uint8Array([0x2f]) : path;
    out.push(`${text(path)}/${attrsText(lfs, at)}`);
    for (const { type, size, name, nameBytes } of [...lfs.openDir(at)]) {
      if (name === '.' || name === '..') continue;
      const child = new Uint8Array([...path, 0x2f, ...nameBytes]);
      if (type === 'dir') {
        visit(child);
        continue;
      }
      const file = lfs.open(child, O_RDONLY);
      const bytes = new Uint8Array(file.size());
      expect([file.read(bytes), bytes.length], `sizes of ${text(child)}`).toEqual([size, size]);
      file.close();
      out.push(`${text(child)} ${digest(bytes)}${attrsText(lfs, child)}`);
    }
  };
  visit(new Uint8Array(0));
  return out;
}

function text(path: Uint8Array): string {
  return Buffer.from(path).toString('latin1');
}
