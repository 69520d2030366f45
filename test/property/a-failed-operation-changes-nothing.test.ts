/**
 * Promise: an operation that fails leaves what was there: when the device breaks in the middle of it (then the mount
 * says that it must be made anew, and a new one finds the state before or after), when there is no room, and when the
 * arguments are wrong (then an error names the one that is, and the device is not written).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice, TraceDevice } from '../../src/device/index.ts';
import {
  type BlockDevice,
  check,
  type LfsConfig,
  LfsError,
  type LfsPath,
  LittleFS,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { geometries, runs, work } from '../support/arbitraries.ts';
import { expectLines, type Step, showStep, Twin, treeLines } from '../support/commands.ts';
import { content } from '../support/content.ts';
import { outcome } from '../support/outcome.ts';
import { formats } from '../support/runner.ts';

// ---- the device breaks

/** Throws an error that littlefs knows nothing about, at one call or from one call on. */
class FragileDevice implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly #device: RamDevice;
  readonly error: Error = new Error('the cable is out');
  calls = 0;
  /** The call that fails; 0: none. */
  failsAt = 0;
  /** So do all behind it. */
  lasting = false;
  thrown = false;

  constructor(device: RamDevice) {
    this.blockSize = device.blockSize;
    this.blockCount = device.blockCount;
    this.readSize = device.readSize;
    this.progSize = device.progSize;
    this.#device = device;
  }

  #tick(): void {
    this.calls++;
    if (this.failsAt === 0 || this.calls < this.failsAt || (this.thrown && !this.lasting)) return;
    this.thrown = true;
    throw this.error;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#tick();
    this.#device.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.#tick();
    this.#device.prog(block, offset, source);
  }

  erase(block: number): void {
    this.#tick();
    this.#device.erase(block);
  }

  sync(): void {
    this.#tick();
    this.#device.sync();
  }
}

/** Steps that may write, and so give the mount up when the device breaks under them. */
function mayWrite(step: Step): boolean {
  const reading = ['stat', 'list', 'getattr', 'listattrs', 'read', 'tell', 'size', 'seek', 'fillattr'];
  return !reading.includes(step.op) && !(step.op === 'open' && (step.flags & (O_WRONLY | O_CREAT)) === 0);
}

function errorsOf(device: BlockDevice, config: LfsConfig): unknown[] {
  return check(device, config).findings.filter(({ severity }) => severity === 'error');
}

describe('a failed operation changes nothing: the device breaks', () => {
  const places = geometries({ blockSizes: [256, 512, 1024], blockCounts: [100, 160] });
  // A mount that fails on the way is no mount: nothing to look at.
  const steps = work({ sizeMax: 3000, lengthMax: 20 }).map((all) => all.filter(({ op }) => op !== 'remount'));
  const moments = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

  it('its error comes through as it is, nothing is written any more, and a new mount finds before or after', () => {
    fc.assert(
      fc.property(places, steps, moments, fc.boolean(), ({ config, ...geometry }, all, moment, lasting) => {
        const first = new RamDevice(geometry);
        fc.pre(formats(first, config));
        // How many calls there are to fail at.
        const trial = new FragileDevice(first.fork());
        const rehearsal = new Twin(trial, config);
        const mounting = trial.calls;
        for (const step of all) rehearsal.take(step);
        fc.pre(trial.calls > mounting);

        const memory = first.fork();
        const device = new FragileDevice(memory);
        const twin = new Twin(device, config);
        device.failsAt = 1 + mounting + Math.floor(moment * (trial.calls - mounting));
        device.lasting = lasting;
        const struck = strike(twin, device, all);
        const why = `${showStep(struck)}, at call ${device.failsAt}`;
        const allowed = [twin.before.lines(), twin.model.lines()];

        const { lfs } = twin.mounted;
        if (lasting)
          expect(
            answersOrFails(() => treeLines(lfs), device),
            why,
          ).toBe(true);
        device.failsAt = 0;
        expectOneOf(treeLines(lfs), allowed, `read from the same mount after ${why}`);
        if (mayWrite(struck)) expectNoWrites(lfs, device, why);
        else lfs.mkdir('goes-on');

        const found = LittleFS.mount(memory, config);
        const after = treeLines(found).filter((line) => line !== '/goes-on/');
        expectOneOf(after, allowed, `read from a new mount after ${why}`);
        expect(errorsOf(memory, config), `what check finds after ${why}`).toEqual([]);
        if (mayWrite(struck)) {
          found.makeConsistent();
          expectLines(treeLines(found), after, `made consistent after ${why}`);
        }
      }),
      runs(60),
    );
  });

  /** Takes the steps until the device breaks; the step under which it did. */
  function strike(twin: Twin, device: FragileDevice, all: readonly Step[]): Step {
    for (const step of all) {
      try {
        twin.take(step);
      } catch (error) {
        if (!device.thrown) throw error;
        expect(error, `what ${showStep(step)} throws`).toBe(device.error);
        return twin.named(step);
      }
      if (device.thrown) expect.fail(`${showStep(step)} goes on as if the device had not thrown`);
    }
    throw new Error('the calls are not those of the rehearsal');
  }

  function answersOrFails(call: () => unknown, device: FragileDevice): boolean {
    try {
      call();
    } catch (error) {
      return error instanceof LfsError || error === device.error;
    }
    return true;
  }

  function expectOneOf(found: readonly string[], allowed: readonly (readonly string[])[], why: string): void {
    if (allowed.some((lines) => lines.join('\n') === found.join('\n'))) return;
    expect({ found }, why).toEqual({ before: allowed[0], after: allowed[1] });
  }

  function expectNoWrites(lfs: LittleFS, device: FragileDevice, why: string): void {
    const { calls } = device;
    const writes = [
      () => lfs.mkdir('new'),
      () => lfs.remove('a'),
      () => lfs.rename('a', 'b'),
      () => lfs.setAttr('/', 1, content(3, 3)),
      () => lfs.open('new', O_WRONLY | O_CREAT),
      () => lfs.gc(),
      () => lfs.makeConsistent(),
      () => lfs.grow(lfs.device.blockCount),
    ];
    for (const write of writes) {
      expect(write, `${String(write)} after ${why}`).toThrowError(/^LFS_ERR_IO: .*mount again/);
    }
    expect(device.calls - calls, `calls of the device after ${why}`).toBe(0);
  }
});

// ---- no room

describe('a failed operation changes nothing: no room', () => {
  it('tree and attributes stay as they were, and the blocks in use are those of the device', () => {
    const places = geometries({ blockSizes: [128, 256, 512], blockCounts: [8, 28], limits: false });
    const steps = work({ sizeMax: 2000, lengthMax: 30 }).map((all) => all.filter(({ op }) => op !== 'remount'));
    fc.assert(
      fc.property(places, steps, ({ config, ...geometry }, all) => {
        const device = new RamDevice(geometry);
        fc.pre(formats(device, config));
        const twin = new Twin(device, config);
        fill(twin.mounted.lfs);
        // What filled it up is not the model's.
        const full = treeLines(twin.mounted.lfs);
        let before = full;
        for (const step of all) {
          const named = plainNames(step);
          const { lfs } = twin.mounted;
          const code = outcome(() => take(lfs, named));
          const after = treeLines(lfs);
          if (code === 'NOSPC' && named.op !== 'rename' && named.op !== 'remove')
            expectLines(after, before, showStep(named));
          const blocks = new Set<number>();
          lfs.traverse((block) => blocks.add(block));
          expect(blocks.size, `blocks in use after ${showStep(named)}`).toBeLessThanOrEqual(geometry.blockCount);
          expect(lfs.fsSize()).toBeGreaterThanOrEqual(2);
          before = after;
          if (code === 'ok') continue;
          // Nothing that the failed step meant to do is done by the next commit that has room.
          const rest = (lines: readonly string[]): readonly string[] => lines.slice(1);
          outcome(() => lfs.setAttr('/', 7, content(2, 1)));
          before = treeLines(lfs);
          expectLines(rest(before), rest(after), `a commit after ${showStep(named)}, which failed`);
        }
        twin.mounted.lfs.unmount();
        const again = LittleFS.mount(device, config);
        expectLines(treeLines(again), before, 'mounted again');
        expect(again.fsSize()).toBeLessThanOrEqual(geometry.blockCount);
        expect(errorsOf(device, config)).toEqual([]);
      }),
      runs(60),
    );
  });

  /** Files until there is no room for one more block, then a few names. */
  function fill(lfs: LittleFS): void {
    const { blockSize, blockCount } = lfs.device;
    for (let i = 0; i < blockCount; i++) {
      const came = outcome(() => {
        const file = lfs.open(`fill-${i}`, O_WRONLY | O_CREAT | O_TRUNC);
        try {
          file.write(content(3 * blockSize, i + 1));
        } finally {
          file.close();
        }
      });
      if (came !== 'ok') return;
    }
  }

  function plainNames(step: Step): Step {
    if (!('path' in step)) return step;
    const plain = (path: string): string => path.replace(/^[#@](\d+)/, (_, n: string) => `/fill-${Number(n) % 8}`);
    return step.op === 'rename'
      ? { ...step, path: plain(step.path), to: plain(step.to) }
      : { ...step, path: plain(step.path) };
  }

  /** A step by itself: an open one writes and closes. */
  function take(lfs: LittleFS, step: Step): void {
    if (step.op === 'mkdir') lfs.mkdir(step.path);
    else if (step.op === 'remove') lfs.remove(step.path);
    else if (step.op === 'rename') lfs.rename(step.path, step.to);
    else if (step.op === 'setattr') lfs.setAttr(step.path, step.type, content(step.size, step.seed));
    else if (step.op === 'removeattr') lfs.removeAttr(step.path, step.type);
    else if (step.op === 'gc') lfs.gc();
    else if (step.op === 'open' && (step.flags & O_WRONLY) !== 0) rewrite(lfs, step.path, step.flags & ~O_EXCL);
  }

  /** Overwrites a file that is there: it is the new content or, without room, the old. */
  function rewrite(lfs: LittleFS, path: string, flags: number): void {
    if (outcome(() => lfs.stat(path)) !== 'ok') return;
    const file = lfs.open(path, flags);
    try {
      file.write(content(2 * lfs.device.blockSize, path.length));
    } finally {
      file.close();
    }
  }
});

// ---- wrong arguments

/** Anything that a JavaScript caller may get wrong. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withNullPrototype: true,
    withDate: true,
    withTypedArray: true,
    withSparseArray: true,
    withMap: true,
  }),
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    '',
    '1',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0.5,
    1.5,
    -0.5,
  ),
  fc.constantFrom(-1, -2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53, -(2 ** 31), 1e308, 5e-324),
  fc.constantFrom(
    Symbol('s'),
    1n,
    0n,
    Object.create(null),
    [],
    [undefined],
    {},
    { length: 1n },
    () => {},
    new Date(Number.NaN),
  ),
  fc.constantFrom(
    { toString: 1, valueOf: 1 },
    { constructor: null },
    { constructor: { name: Object.create(null) } },
    new Proxy({}, {}),
  ),
  fc.constantFrom(new ArrayBuffer(8), new Uint16Array(4), new DataView(new ArrayBuffer(8)), new Float64Array(2)),
);

const isName = (value: unknown): boolean => typeof value === 'string' || value instanceof Uint8Array;
const isPath = (value: unknown): boolean =>
  isName(value) ? (value as string | Uint8Array).length > 0 : Array.isArray(value) && Array.from(value).every(isName);
const isWhole =
  (least: number, most: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const isMissing = (value: unknown): boolean => value === undefined;
const isFlags = (value: unknown): boolean =>
  isWhole(1, 0xf03)(value) && ((value as number) & ~0xf03) === 0 && ((value as number) & 3) !== 0;

/** One argument of one method. */
interface Case {
  readonly method: string;
  /** What the message must name. */
  readonly names: RegExp;
  /** Arguments that are none of this test's affair. */
  readonly accepts: (value: unknown) => boolean;
  readonly call: (given: Given, value: never) => unknown;
}

interface Given {
  readonly lfs: LittleFS;
  readonly device: TraceDevice;
}

/** With a file open for both and a directory open, both let go again. */
function withFile(lfs: LittleFS, use: (file: ReturnType<LittleFS['open']>) => unknown): void {
  const file = lfs.open('f', O_RDWR);
  try {
    use(file);
  } finally {
    file.close();
  }
}

/** The same device, with one member another. */
function deviceWith(device: TraceDevice, member: string, value: unknown): BlockDevice {
  const { blockSize, blockCount, readSize, progSize } = device;
  return {
    ...{ blockSize, blockCount, readSize, progSize },
    read: (block, offset, target) => device.read(block, offset, target),
    prog: (block, offset, source) => device.prog(block, offset, source),
    erase: (block) => device.erase(block),
    sync: () => device.sync(),
    ...{ [member]: value },
  };
}

const buffer = new Uint8Array(8);
const onPath = (method: string, call: (lfs: LittleFS, path: LfsPath) => unknown): Case[] => [
  { method: `${method}(path)`, names: /path/, accepts: isPath, call: ({ lfs }, value: LfsPath) => call(lfs, value) },
  {
    method: `${method}([name])`,
    names: /name of path/,
    accepts: isName,
    call: ({ lfs }, value: string) => call(lfs, [value]),
  },
  {
    method: `${method}(['d', name])`,
    names: /name of path/,
    accepts: isName,
    call: ({ lfs }, value: string) => call(lfs, ['d', value]),
  },
];
const onFile = (
  method: string,
  names: RegExp,
  accepts: Case['accepts'],
  call: (file: ReturnType<LittleFS['open']>, value: never) => unknown,
): Case => ({
  method: `file.${method}`,
  names,
  accepts,
  call: ({ lfs }, value) => withFile(lfs, (file) => call(file, value)),
});

const cases: readonly Case[] = [
  ...onPath('stat', (lfs, path) => lfs.stat(path)),
  ...onPath('mkdir', (lfs, path) => lfs.mkdir(path)),
  ...onPath('remove', (lfs, path) => lfs.remove(path)),
  ...onPath('rename from', (lfs, path) => lfs.rename(path, 'x')),
  ...onPath('rename to', (lfs, path) => lfs.rename('f', path)),
  ...onPath('getAttr', (lfs, path) => lfs.getAttr(path, 1)),
  ...onPath('setAttr', (lfs, path) => lfs.setAttr(path, 1, buffer)),
  ...onPath('removeAttr', (lfs, path) => lfs.removeAttr(path, 1)),
  ...onPath('listAttrs', (lfs, path) => lfs.listAttrs(path)),
  ...onPath('openDir', (lfs, path) => lfs.openDir(path)),
  ...onPath('open to read', (lfs, path) => lfs.open(path, O_RDONLY)),
  ...onPath('open to create', (lfs, path) => lfs.open(path, O_RDWR | O_CREAT)),
  { method: 'open(flags)', names: /flags/, accepts: isFlags, call: ({ lfs }, value) => lfs.open('f', value) },
  {
    method: 'open(options)',
    names: /options/,
    accepts: (value) => isMissing(value) || (typeof value === 'object' && value !== null),
    call: ({ lfs }, value) => lfs.open('f', O_RDONLY, value),
  },
  {
    method: 'open(options.attrs)',
    names: /attr/,
    accepts: (value) => isMissing(value) || (Array.isArray(value) && value.length === 0),
    call: ({ lfs }, value) => lfs.open('f', O_RDONLY, { attrs: value }),
  },
  {
    method: 'open(attr)',
    names: /attr/,
    accepts: () => false,
    call: ({ lfs }, value) => lfs.open('f', O_RDWR, { attrs: [value] }),
  },
  {
    method: 'open(attr.type)',
    names: /attribute type/,
    accepts: isWhole(0, 255),
    call: ({ lfs }, value) => lfs.open('f', O_RDWR, { attrs: [{ type: value, buffer }] }),
  },
  {
    method: 'open(attr.buffer)',
    names: /buffer/,
    accepts: (value) => value instanceof Uint8Array,
    call: ({ lfs }, value) => lfs.open('f', O_RDWR, { attrs: [{ type: 1, buffer: value }] }),
  },
  {
    method: 'getAttr(type)',
    names: /attribute type/,
    accepts: isWhole(0, 255),
    call: ({ lfs }, value) => lfs.getAttr('f', value),
  },
  {
    method: 'setAttr(type)',
    names: /attribute type/,
    accepts: isWhole(0, 255),
    call: ({ lfs }, value) => lfs.setAttr('f', value, buffer),
  },
  {
    method: 'removeAttr(type)',
    names: /attribute type/,
    accepts: isWhole(0, 255),
    call: ({ lfs }, value) => lfs.removeAttr('f', value),
  },
  {
    method: 'setAttr(bytes)',
    names: /attribute value/,
    accepts: (value) => value instanceof Uint8Array,
    call: ({ lfs }, value) => lfs.setAttr('f', 1, value),
  },
  {
    method: 'traverse(visit)',
    names: /visit/,
    accepts: (value) => typeof value === 'function',
    call: ({ lfs }, value) => lfs.traverse(value),
  },
  {
    method: 'grow(blockCount)',
    names: /blockCount/,
    accepts: isWhole(2, 64),
    call: ({ lfs }, value) => lfs.grow(value),
  },
  {
    method: 'dir.seek(position)',
    names: /position/,
    accepts: isWhole(0, 4),
    call: ({ lfs }, value) => lfs.openDir('/').seek(value),
  },
  ...(['read', 'write'] as const).flatMap((op) => [
    onFile(
      `${op}(buffer)`,
      /buffer/,
      (value) => value instanceof Uint8Array,
      (file, value) => file[op](value),
    ),
    onFile(
      `${op}(buffer, 0, 1)`,
      /buffer/,
      (value) => value instanceof Uint8Array,
      (file, value) => file[op](value, 0, 1),
    ),
    onFile(
      `${op}(offset)`,
      /offset/,
      (value) => isMissing(value) || isWhole(0, 8)(value),
      (file, value) => file[op](buffer, value),
    ),
    onFile(
      `${op}(offset, length)`,
      /offset/,
      (value) => isMissing(value) || isWhole(0, 8)(value),
      (file, value) => file[op](buffer, value, 0),
    ),
    onFile(
      `${op}(length)`,
      /length/,
      (value) => isMissing(value) || isWhole(0, 8)(value),
      (file, value) => file[op](buffer, 0, value),
    ),
  ]),
  onFile('seek(offset)', /offset|position/, isWhole(0, 0x7fffffff), (file, value) => file.seek(value)),
  onFile(
    'seek(whence)',
    /whence/,
    (value) => isMissing(value) || isWhole(0, 2)(value),
    (file, value) => file.seek(0, value),
  ),
  onFile('truncate(size)', /size/, isWhole(0, 0x7fffffff), (file, value) => file.truncate(value)),
  ...(['format', 'mount'] as const).flatMap((op): Case[] => [
    { method: `${op}(device)`, names: /device/, accepts: () => false, call: (_, value) => LittleFS[op](value, {}) },
    ...(['read', 'prog', 'erase', 'sync'] as const).map(
      (member): Case => ({
        method: `${op}(device.${member})`,
        names: new RegExp(`device.*${member}`),
        accepts: (value) => typeof value === 'function',
        call: ({ device }, value) => LittleFS[op](deviceWith(device, member, value), {}),
      }),
    ),
    ...(['blockSize', 'blockCount'] as const).map(
      (member): Case => ({
        method: `${op}(device.${member})`,
        names: new RegExp(member),
        accepts: isWhole(0, 2 ** 31),
        call: ({ device }, value) => LittleFS[op](deviceWith(device, member, value), {}),
      }),
    ),
    {
      method: `${op}(config)`,
      names: /config/,
      accepts: (value) => isMissing(value) || (typeof value === 'object' && value !== null),
      call: ({ device }, value) => LittleFS[op](device, value),
    },
    ...Object.entries<Case['accepts']>({
      blockSize: isWhole(0, 512),
      blockCount: isWhole(0, 64),
      readSize: isWhole(0, 512),
      progSize: isWhole(0, 512),
      cacheSize: isWhole(0, 512),
      lookaheadSize: isWhole(0, 0x0fffffff),
      blockCycles: isWhole(-1, 0x7ffffffe),
      compactThresh: isWhole(-1, 512),
      nameMax: isWhole(0, 1022),
      fileMax: isWhole(0, 0xffffffff),
      attrMax: isWhole(0, 1022),
      metadataMax: isWhole(0, 512),
      inlineMax: isWhole(-1, 64),
      diskVersion: (value) => ['2.0', '2.1', 0, 0x00020000, 0x00020001].includes(value as string),
    }).map(
      ([key, accepts]): Case => ({
        method: `${op}(config.${key})`,
        names: new RegExp(key),
        accepts: (value) => isMissing(value) || accepts(value),
        call: ({ device }, value) => LittleFS[op](device, { [key]: value }),
      }),
    ),
  ]),
];

describe('a failed operation changes nothing: wrong arguments', () => {
  function given(): Given {
    const device = new TraceDevice({
      device: new RamDevice({ blockSize: 512, blockCount: 64, readSize: 16, progSize: 16 }),
      record: 'counts',
    });
    LittleFS.format(device);
    const lfs = LittleFS.mount(device);
    lfs.mkdir('d');
    const file = lfs.open('f', O_WRONLY | O_CREAT);
    file.write(content(1000, 1));
    file.close();
    return { lfs, device };
  }

  it('each gets LFS_ERR_INVAL with its name, nothing is programmed or erased, and the mount goes on', () => {
    const state = given();
    const lines = treeLines(state.lfs);
    // Every argument in every run: one that is checked nowhere is found soon.
    fc.assert(
      fc.property(anything, (value) => {
        const { lfs, device } = state;
        device.reset();
        for (const { method, names, accepts, call } of cases) {
          if (accepts(value)) continue;
          let thrown: unknown;
          try {
            call(state, value as never);
          } catch (error) {
            thrown = error;
          }
          if (!(thrown instanceof LfsError))
            expect.fail(`${method}: ${thrown === undefined ? 'takes it' : String(thrown)}`);
          expect(thrown.code, `${method}: ${thrown.message}`).toBe('LFS_ERR_INVAL');
          if (!names.test(thrown.message)) expect.fail(`${method}: '${thrown.message}' does not name it (${names})`);
          if (thrown.message.length > 400) expect.fail(`${method}: a message of ${thrown.message.length} characters`);
        }
        expect({ progs: device.counts.progs, erases: device.counts.erases }).toEqual({ progs: 0, erases: 0 });
        lfs.makeConsistent();
      }),
      runs(150),
    );
    expectLines(treeLines(state.lfs), lines, 'the tree in the end');
    state.lfs.mkdir('goes-on');
  });

  it('a wrong name behind one that is not there is no reason for another error either', () => {
    const { lfs } = given();
    for (const wrong of [5, null, undefined, {}, Symbol('s')]) {
      const path = ['nothing', wrong] as unknown as string[];
      for (const call of [
        () => lfs.stat(path),
        () => lfs.mkdir(path),
        () => lfs.rename('f', path),
        () => lfs.openDir(path),
      ]) {
        expect(['INVAL', 'NOENT'], String(call)).toContain(outcome(call));
      }
    }
    lfs.mkdir('goes-on');
  });

  it('what is closed or not mounted any more says LFS_ERR_BADF', () => {
    const { lfs, device } = given();
    const [open, closed] = [lfs.open('f', O_RDWR), lfs.open('f', O_RDWR)];
    const [openDir, closedDir] = [lfs.openDir('/'), lfs.openDir('/')];
    closed.close();
    closedDir.close();
    const fileCalls = (file: typeof open) => [
      () => file.read(buffer),
      () => file.write(buffer),
      () => file.seek(0),
      () => file.tell(),
      () => file.size(),
      () => file.rewind(),
      () => file.truncate(0),
      () => file.sync(),
      () => file.close(),
    ];
    const dirCalls = (dir: typeof openDir) => [
      () => dir.read(),
      () => dir.seek(0),
      () => dir.tell(),
      () => dir.rewind(),
    ];
    device.reset();
    for (const call of [...fileCalls(closed), ...dirCalls(closedDir)]) expect(outcome(call), String(call)).toBe('BADF');
    lfs.unmount();
    const calls = [
      ...fileCalls(open),
      ...dirCalls(openDir),
      () => lfs.stat('/'),
      () => lfs.mkdir('x'),
      () => lfs.remove('f'),
      () => lfs.rename('f', 'g'),
      () => lfs.getAttr('f', 1),
      () => lfs.setAttr('f', 1, buffer),
      () => lfs.removeAttr('f', 1),
      () => lfs.listAttrs('f'),
      () => lfs.open('f', O_RDONLY),
      () => lfs.openDir('/'),
      () => lfs.fsStat(),
      () => lfs.fsSize(),
      () => lfs.traverse(() => {}),
      () => lfs.makeConsistent(),
      () => lfs.gc(),
      () => lfs.grow(64),
      () => lfs.unmount(),
    ];
    for (const call of calls) expect(outcome(call), String(call)).toBe('BADF');
    expect({ progs: device.counts.progs, erases: device.counts.erases }).toEqual({ progs: 0, erases: 0 });
  });

  it('a call on a handle that is not open for it says LFS_ERR_BADF', () => {
    const { lfs } = given();
    const [reader, writer] = [lfs.open('f', O_RDONLY), lfs.open('f', O_WRONLY)];
    expect([() => reader.write(buffer), () => reader.truncate(1), () => writer.read(buffer)].map(outcome)).toEqual([
      'BADF',
      'BADF',
      'BADF',
    ]);
  });
});
