import { describe, expect, it } from 'vitest';
import {
  type BadBlockMode,
  FlashDevice,
  type FlashDeviceOptions,
  type PowerCut,
  PowerLoss,
} from '../../src/device/index.ts';
import { BadBlock, LfsError } from '../../src/lfs/errors.ts';
import { pattern, readOf } from './cases.ts';

const geometry = { blockSize: 16, blockCount: 4 } as const;
const erased = new Uint8Array(16).fill(0xff);
const flash = (options: Partial<FlashDeviceOptions> = {}) => new FlashDevice({ ...geometry, ...options });

describe('FlashDevice cells', () => {
  it('strict: lose bits, and do not give them back', () => {
    const chip = flash();
    chip.prog(0, 0, Uint8Array.of(0xf0, 0xff));
    chip.prog(0, 0, Uint8Array.of(0x30, 0x0f));
    const asked = () => chip.prog(0, 0, Uint8Array.of(0x30, 0x1f));
    expect(asked).toThrow(LfsError);
    expect(asked).toThrow('prog: byte 1 of block 0 is 0x0f, not 0x1f: only an erase brings a bit back');
    expect(readOf(chip, 0, 0, 2)).toEqual(Uint8Array.of(0x30, 0x0f));
    chip.erase(0);
    chip.prog(0, 0, Uint8Array.of(0x30, 0x1f));
  });

  it('once: are programmed once between erases', () => {
    const chip = flash({ nor: 'once' });
    chip.prog(0, 4, Uint8Array.of(0xf0));
    expect(() => chip.prog(0, 4, Uint8Array.of(0x30))).toThrow('a byte is programmed once between erases');
    chip.erase(0);
    chip.prog(0, 4, Uint8Array.of(0x30));
  });

  it('and: keep what they have lost, silently', () => {
    const chip = flash({ nor: 'and' });
    chip.prog(0, 0, Uint8Array.of(0b1100));
    chip.prog(0, 0, Uint8Array.of(0b1010));
    expect(readOf(chip, 0, 0, 1)).toEqual(Uint8Array.of(0b1000));
  });

  it('and: the other way round where erased is 0', () => {
    const chip = flash({ nor: 'and', eraseValue: 0 });
    chip.prog(0, 0, Uint8Array.of(0b1100));
    chip.prog(0, 0, Uint8Array.of(0b1010));
    expect(readOf(chip, 0, 0, 2)).toEqual(Uint8Array.of(0b1110, 0));
  });

  it('false: take what they are given', () => {
    const chip = flash({ nor: false });
    chip.prog(0, 0, pattern(16, 1));
    chip.prog(0, 0, pattern(16, 2));
    expect(readOf(chip, 0)).toEqual(pattern(16, 2));
  });

  it("keep their bytes through an erase with eraseValue: 'keep'", () => {
    const chip = flash({ eraseValue: 'keep' });
    chip.prog(1, 0, pattern(16, 1));
    chip.erase(1);
    expect(readOf(chip, 1)).toEqual(pattern(16, 1));
    expect(chip.wear(1)).toBe(1);
  });

  it('offer no way past the faults', () => {
    expect('view' in flash()).toBe(false);
    expect('progVerified' in flash()).toBe(false);
  });
});

describe('FlashDevice bad blocks', () => {
  const outcomes: Record<BadBlockMode, { prog: unknown; erase: unknown; read: unknown }> = {
    progerror: { prog: BadBlock, erase: 'erased', read: 'ok' },
    eraseerror: { prog: 'programmed', erase: BadBlock, read: 'ok' },
    readerror: { prog: 'programmed', erase: 'erased', read: BadBlock },
    prognoop: { prog: 'same', erase: 'erased', read: 'ok' },
    erasenoop: { prog: 'same', erase: 'same', read: 'ok' },
  };

  it.each(Object.entries(outcomes) as [BadBlockMode, (typeof outcomes)['progerror']][])('%s', (mode, outcome) => {
    const outcomeOf = (act: (chip: FlashDevice) => void) => {
      const chip = flash({ nor: false });
      chip.prog(2, 0, pattern(16, 1));
      chip.setBad(2, mode);
      chip.prog(1, 0, pattern(16, 9));
      try {
        act(chip);
      } catch (error) {
        expect(error).toBeInstanceOf(BadBlock);
        expect((error as BadBlock).block).toBe(2);
        expect(chip.toImage().subarray(32, 48)).toEqual(pattern(16, 1));
        return BadBlock;
      }
      const now = [...chip.toImage().subarray(32, 48)].join();
      if (now === [...pattern(16, 1)].join()) return 'same';
      return now === [...erased].join() ? 'erased' : 'programmed';
    };
    expect(outcomeOf((chip) => chip.prog(2, 0, pattern(16, 2)))).toBe(outcome.prog);
    expect(outcomeOf((chip) => chip.erase(2))).toBe(outcome.erase);
    expect(outcomeOf((chip) => readOf(chip, 2))).toBe(outcome.read === 'ok' ? 'same' : BadBlock);
  });

  it('may be given from the start, and made good again', () => {
    const chip = flash({ badBlocks: [1, 3], badBlockMode: 'eraseerror' });
    expect(() => chip.erase(1)).toThrow(BadBlock);
    expect(() => chip.erase(3)).toThrow('erase: block 3 has gone bad');
    chip.erase(0);
    chip.setGood(3);
    chip.erase(3);
    const each = flash({ badBlocks: new Map([[0, 'readerror']]) });
    expect(() => readOf(each, 0)).toThrow(BadBlock);
  });

  it('come with wear: a block survives wearLimit erases and is bad from then on', () => {
    const chip = flash({ wearLimit: 2, badBlockMode: 'progerror' });
    chip.erase(0);
    chip.prog(0, 0, pattern(16, 1));
    expect(chip.wear(0)).toBe(1);
    chip.erase(0);
    expect(() => chip.prog(0, 0, pattern(16, 1))).toThrow(BadBlock);
    chip.setWear(0, 1);
    chip.prog(0, 0, pattern(16, 1));
    expect([chip.wear(0), chip.wear(1)]).toEqual([1, 0]);
  });

  it('do not wear by erases that do not happen', () => {
    const chip = flash({ badBlocks: [0], badBlockMode: 'erasenoop' });
    chip.erase(0);
    expect(chip.wear(0)).toBe(0);
  });
});

describe('FlashDevice power cuts', () => {
  /** Block 1 after the power went during a program of 10 bytes at 4, or during an erase. */
  function cut(op: 'prog' | 'erase', mode: PowerCut['mode']): Uint8Array {
    const chip = flash({ nor: false });
    if (op === 'erase') chip.prog(1, 0, pattern(16, 1));
    chip.cutPower({ after: 2, mode });
    chip.prog(0, 0, pattern(16, 5));
    expect(() => (op === 'prog' ? chip.prog(1, 4, pattern(10, 2)) : chip.erase(1))).toThrow(PowerLoss);
    expect(chip.powered).toBe(false);
    chip.restart();
    expect(readOf(chip, 0)).toEqual(pattern(16, 5));
    return readOf(chip, 1);
  }

  const programmed = (...at: number[]) => {
    const block = erased.slice();
    for (const index of at) block[4 + index] = pattern(10, 2)[index]!;
    return block;
  };
  const erasedFrom = (from: number, to: number) => pattern(16, 1).fill(0xff, from, to);
  const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

  it.each<[string, PowerCut['mode'], Uint8Array, Uint8Array]>([
    ['noop', 'noop', programmed(), pattern(16, 1)],
    ['torn', 'torn', programmed(0, 1, 2, 3, 4), erasedFrom(0, 8)],
    [
      'flip',
      'flip',
      programmed(...all).map((byte, index) => (index === 9 ? byte ^ 0x10 : byte)),
      new Uint8Array(16).fill(0xa5),
    ],
    ['done', 'done', programmed(...all), erased],
    ['up to a byte', { to: 3 }, programmed(0, 1, 2), erasedFrom(0, 3)],
    ['from a byte on', { from: 7 }, programmed(7, 8, 9), erasedFrom(7, 16)],
    ['in the middle', { from: 2, to: 4 }, programmed(2, 3), erasedFrom(2, 4)],
    ['past the end', { from: 12, to: 99 }, programmed(), erasedFrom(12, 16)],
    ['some bytes', { only: (index) => index % 4 === 1 }, programmed(1, 5, 9), undefined as never],
  ])('%s', (_, mode, prog, erase) => {
    expect(cut('prog', mode)).toEqual(prog);
    if (erase !== undefined) expect(cut('erase', mode)).toEqual(erase);
  });

  it('counts programs and erases, not reads and syncs', () => {
    const chip = flash();
    chip.cutPower({ after: 3 });
    chip.erase(0);
    readOf(chip, 0);
    chip.sync();
    chip.prog(0, 0, pattern(16, 1));
    expect(chip.writes).toBe(2);
    expect(() => chip.erase(1)).toThrow('power lost during write 3, erase of block 1');
  });

  it('refuses every call until the restart, and is not an LfsError', () => {
    const chip = flash();
    chip.cutPower({ after: 0 });
    for (const call of [
      () => readOf(chip, 0),
      () => chip.prog(0, 0, pattern(16, 1)),
      () => chip.erase(0),
      () => chip.sync(),
    ]) {
      expect(call).toThrow(PowerLoss);
      expect(call).not.toThrow(LfsError);
    }
    expect(chip.toImage()).toEqual(new Uint8Array(64).fill(0xff));
    chip.restart();
    chip.prog(0, 0, pattern(16, 1));
  });

  it('forgets a planned cut on request and at a restart', () => {
    const chip = flash();
    chip.cutPower({ after: 1 });
    chip.cutPower(undefined);
    chip.erase(0);
    chip.cutPower({ after: 1 });
    chip.restart();
    chip.erase(0);
  });

  it('leaves a bad block as it is', () => {
    const chip = flash({ badBlocks: new Map([[0, 'prognoop']]) });
    chip.cutPower({ after: 1, mode: 'done' });
    expect(() => chip.prog(0, 0, pattern(16, 1))).toThrow(PowerLoss);
    expect(chip.toImage()).toEqual(new Uint8Array(64).fill(0xff));
  });

  it('follows the rule of the cells in what it leaves', () => {
    const chip = flash({ nor: 'and' });
    chip.prog(0, 0, Uint8Array.of(0x0f, 0x0f));
    chip.cutPower({ after: 1, mode: { to: 1 } });
    expect(() => chip.prog(0, 0, Uint8Array.of(0xf3, 0xf3))).toThrow(PowerLoss);
    expect(chip.toImage().subarray(0, 2)).toEqual(Uint8Array.of(0x03, 0x0f));
  });
});

describe('FlashDevice writes that were not synced', () => {
  /** Two synced blocks, then: erase 1, program 1, erase 0, program 0, and the cut during a program of block 2. */
  function lose(unsynced: NonNullable<PowerCut['unsynced']>, mode: PowerCut['mode'] = 'done'): string[] {
    const chip = flash({ reorder: true });
    chip.prog(0, 0, new Uint8Array(16).fill(0x0a));
    chip.prog(1, 0, new Uint8Array(16).fill(0x0b));
    chip.sync();
    chip.cutPower({ after: 5, mode, unsynced });
    chip.erase(1);
    chip.prog(1, 0, new Uint8Array(16).fill(0x1b));
    chip.erase(0);
    chip.prog(0, 0, new Uint8Array(16).fill(0x1a));
    expect(() => chip.prog(2, 0, new Uint8Array(16).fill(0x1c))).toThrow(PowerLoss);
    chip.restart();
    return [0, 1, 2].map((block) => [...new Set(readOf(chip, block))].map((byte) => byte.toString(16)).join());
  }

  it('are all there, or all gone', () => {
    expect(lose('kept')).toEqual(['1a', '1b', '1c']);
    expect(lose('kept', 'torn')).toEqual(['1a', '1b', '1c,ff']);
    expect(lose('lost')).toEqual(['a', 'b', 'ff']);
  });

  it('out of order: the block erased first is as it was', () => {
    expect(lose('first-erase-lost')).toEqual(['1a', 'b', '1c']);
    expect(lose('first-erase-lost', 'noop')).toEqual(['1a', 'b', 'ff']);
  });

  it('any choice of them, each seen with what it was', () => {
    const seen: string[] = [];
    const kept = lose((write, index) => {
      seen.push(`${index} ${write.op} ${write.block}`);
      return write.block === 0;
    });
    expect(seen).toEqual(['0 erase 1', '1 prog 1', '2 erase 0', '3 prog 0', '4 prog 2']);
    expect(kept).toEqual(['1a', 'b', 'ff']);
  });

  it('a program whose erase was lost falls on the old bits', () => {
    expect(lose((write) => write.op === 'prog')).toEqual([
      (0x0a & 0x1a).toString(16),
      (0x0b & 0x1b).toString(16),
      '1c',
    ]);
  });

  it('out of order: what was programmed before the first erase is kept', () => {
    const chip = flash({ reorder: true });
    chip.prog(0, 0, Uint8Array.of(0x77));
    chip.erase(0);
    chip.prog(0, 0, Uint8Array.of(0x66));
    chip.cutPower({ after: 0, unsynced: 'first-erase-lost' });
    expect(chip.toImage()[0]).toBe(0x77);
  });

  it('are remembered as they were written, whatever becomes of the bytes, and in snapshots too', () => {
    const chip = flash({ reorder: true });
    const source = Uint8Array.of(0x44);
    chip.prog(0, 0, source);
    source.fill(0);
    const snapshot = chip.snapshot();
    chip.prog(0, 1, Uint8Array.of(0x55));
    chip.restore(snapshot);
    chip.cutPower({ after: 0, unsynced: (write) => write.op === 'prog' });
    expect(chip.toImage().subarray(0, 2)).toEqual(Uint8Array.of(0x44, 0xff));
  });

  it('are safe after a sync', () => {
    const chip = flash({ reorder: true });
    chip.prog(0, 0, pattern(16, 1));
    chip.sync();
    chip.cutPower({ after: 0, unsynced: 'lost' });
    expect(chip.toImage().subarray(0, 16)).toEqual(pattern(16, 1));
    chip.restart();
    chip.prog(1, 0, pattern(16, 2));
    chip.cutPower({ after: 0, unsynced: 'lost' });
    expect(chip.toImage().subarray(0, 32)).toEqual(Uint8Array.of(...pattern(16, 1), ...erased));
  });

  it('are not remembered unless asked for', () => {
    expect(() => flash().cutPower({ after: 1, unsynced: 'lost' })).toThrow('only a device made with reorder: true');
  });
});

describe('FlashDevice states', () => {
  it('go back to a snapshot, any number of times', () => {
    const chip = flash();
    chip.erase(0);
    chip.prog(0, 0, pattern(16, 1));
    chip.cutPower({ after: 2 });
    const snapshot = chip.snapshot();
    for (let round = 0; round < 2; round++) {
      chip.erase(0);
      expect(chip.wear(0)).toBe(2);
      chip.setBad(0);
      expect(() => chip.erase(0)).toThrow(PowerLoss);
      chip.restore(snapshot);
      expect(readOf(chip, 0)).toEqual(pattern(16, 1));
      expect([chip.wear(0), chip.writes, chip.powered]).toEqual([1, 2, true]);
    }
    expect(() => new FlashDevice({ blockSize: 16, blockCount: 5 }).restore(snapshot)).toThrow(
      'snapshot is of 4 blocks',
    );
  });

  it('fork: content, wear, faults, and nothing in common afterwards', () => {
    const chip = flash({ badBlocks: [3], wearLimit: 5 });
    chip.erase(0);
    const fork = chip.fork();
    fork.erase(0);
    fork.prog(0, 0, pattern(16, 1));
    chip.erase(0);
    chip.erase(0);
    expect(() => fork.prog(3, 0, pattern(16, 1))).toThrow(BadBlock);
    fork.setGood(3);
    expect(() => chip.prog(3, 0, pattern(16, 1))).toThrow(BadBlock);
    expect([chip.wear(0), fork.wear(0)]).toEqual([3, 2]);
    expect(readOf(chip, 0)).toEqual(erased);
    fork.setWear(0, 5);
    expect(() => fork.prog(0, 8, pattern(8, 1))).toThrow(BadBlock);
    chip.prog(0, 0, pattern(16, 2));
  });

  it('take an image', () => {
    const chip = flash({ image: pattern(20, 1) });
    expect(chip.toImage().subarray(0, 20)).toEqual(pattern(20, 1));
    chip.load(pattern(64, 2));
    expect(chip.toImage()).toEqual(pattern(64, 2));
    expect(() => chip.load(new Uint8Array(65))).toThrow('image has 65 bytes: 4 blocks of 16 hold 64');
  });

  it.each([
    [{ nor: 'loose' }, "nor is \"loose\": it must be 'strict', 'once', 'and' or false"],
    [{ nor: 'and', eraseValue: 'keep' }, "nor is 'and' and eraseValue 'keep'"],
    [{ eraseValue: -1 }, 'eraseValue is -1'],
    [{ badBlockMode: 'broken' }, 'badBlockMode is "broken": it must be one of progerror, eraseerror'],
    [{ badBlocks: [4] }, 'block is 4: it must be a whole number from 0 to 3'],
    [{ wearLimit: 0 }, 'wearLimit is 0'],
  ])('refuse %j', (options, message) => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => flash(options as any)).toThrow(message);
  });

  it.each([
    [{ after: -1 }, 'after is -1'],
    [{ after: 1, mode: 'burnt' }, 'mode is "burnt": it must be noop, torn, flip, done'],
    [{ after: 1, mode: { from: -1 } }, 'from is -1'],
    [{ after: 1, mode: { only: 3 } }, 'only is 3'],
  ])('refuse the cut %j', (cut, message) => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => flash().cutPower(cut as any)).toThrow(message);
  });
});
