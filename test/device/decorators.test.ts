import { describe, expect, it } from 'vitest';
import { FlashDevice, RamDevice, ReadonlyDevice, SliceDevice, TraceDevice } from '../../src/device/index.ts';
import { LfsError } from '../../src/lfs/errors.ts';
import { pattern, readOf } from './cases.ts';

const ram = () => new RamDevice({ blockSize: 32, blockCount: 8, readSize: 4, progSize: 8 });

describe('SliceDevice', () => {
  it('writes inside its window only', () => {
    const device = ram();
    const slice = new SliceDevice({ device, offset: 64, blockCount: 3 });
    for (let block = 0; block < 3; block++) slice.prog(block, 0, pattern(32, block));
    const expected = new Uint8Array(256).fill(0xff);
    for (let block = 0; block < 3; block++) expected.set(pattern(32, block), 64 + 32 * block);
    expect(device.toImage()).toEqual(expected);
    expect(Uint8Array.from(slice.view(1)!)).toEqual(pattern(32, 1));
    expect(slice.progVerified).toBe(true);
  });

  it('takes the rest of the device unless told', () => {
    expect(new SliceDevice({ device: ram(), offset: 96 }).blockCount).toBe(5);
    expect(new SliceDevice({ device: ram() }).blockCount).toBe(8);
    expect(new SliceDevice({ device: ram(), offset: 32, blockSize: 64 }).blockCount).toBe(3);
  });

  it('makes one erase of a larger block several', () => {
    const trace = new TraceDevice({ device: ram() });
    const slice = new SliceDevice({ device: trace, offset: 32, blockSize: 64 });
    slice.erase(1);
    slice.prog(1, 24, pattern(16, 1));
    expect(trace.calls).toMatchObject([
      { op: 'erase', block: 3 },
      { op: 'erase', block: 4 },
      { op: 'prog', block: 3, offset: 24, size: 8 },
      { op: 'prog', block: 4, offset: 0, size: 8 },
    ]);
    expect(slice.view(0)).toBeUndefined();
  });

  it.each([
    [{ offset: 16 }, "offset is 16: a window begins at a multiple of the device's block size, 32"],
    [{ offset: -32 }, 'offset is -32'],
    [{ offset: 256 }, 'offset is 256: no block of 32 bytes is left behind it'],
    [{ offset: 64, blockCount: 7 }, 'blockCount is 7: it must be a whole number from 1 to 6'],
    [{ blockSize: 16 }, "blockSize is 16: it must be a multiple of the device's block size, 32"],
    [{ blockSize: 48 }, 'blockSize is 48'],
    [{ device: undefined }, 'device is undefined: SliceDevice takes { device } with a block device'],
    [{ device: { read() {} } }, 'device has no prog(): it must be a block device'],
  ])('refuses %j', (options, message) => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    const make = () => new SliceDevice({ device: ram(), ...(options as any) });
    expect(make).toThrow(LfsError);
    expect(make).toThrow(message);
  });
});

describe('ReadonlyDevice', () => {
  it('reads and shows, and refuses to write', () => {
    const device = ram();
    device.prog(1, 0, pattern(32, 1));
    const readonly = new ReadonlyDevice({ device });
    expect(readOf(readonly, 1)).toEqual(pattern(32, 1));
    expect(Uint8Array.from(readonly.view(1)!)).toEqual(pattern(32, 1));
    readonly.sync();
    expect(() => readonly.prog(2, 8, pattern(8, 1))).toThrow(
      'LFS_ERR_INVAL: prog of 8 bytes at block 2, offset 8: the device is read-only',
    );
    expect(() => readonly.erase(1)).toThrow('erase of block 1: the device is read-only');
    expect(readOf(device, 1)).toEqual(pattern(32, 1));
    expect(readonly).toMatchObject({ blockSize: 32, blockCount: 8, readSize: 4, progSize: 8 });
    expect(() => readonly.read(9, 0, new Uint8Array(4))).toThrow('block 9 is not on the device');
  });
});

describe('TraceDevice', () => {
  const workload = (device: TraceDevice) => {
    device.erase(2);
    device.prog(2, 0, pattern(16, 1));
    readOf(device, 2, 0, 8);
    device.sync();
    device.prog(2, 16, pattern(8, 2));
  };
  const counts = { reads: 1, readBytes: 8, progs: 2, progBytes: 24, erases: 1, syncs: 1 };

  it('counts in every mode', () => {
    for (const record of ['counts', 'writes', 'all'] as const) {
      const trace = new TraceDevice({ device: ram(), record });
      workload(trace);
      expect(trace.counts).toEqual(counts);
      trace.reset();
      expect(trace.counts.progs).toBe(0);
      expect(trace.calls).toEqual([]);
    }
  });

  it('records the calls asked for', () => {
    const ops = (record: 'counts' | 'writes' | 'all') => {
      const trace = new TraceDevice({ device: ram(), record });
      workload(trace);
      return trace.calls.map((call) => call.op).join(' ');
    };
    expect(ops('counts')).toBe('');
    expect(ops('writes')).toBe('erase prog sync prog');
    expect(ops('all')).toBe('erase prog read sync prog');
  });

  it('replays any stretch of the writes', () => {
    const device = ram();
    const trace = new TraceDevice({ device, record: 'all' });
    workload(trace);
    const whole = ram();
    trace.replay(whole);
    expect(whole.toImage()).toEqual(device.toImage());
    const half = ram();
    trace.replay(half, { to: 3 });
    expect(readOf(half, 2, 16, 8)).toEqual(new Uint8Array(8).fill(0xff));
    trace.replay(half, { from: 3 });
    expect(half.toImage()).toEqual(device.toImage());
    expect(() => trace.replay(half, { from: 6 })).toThrow('from is 6: it must be a whole number from 0 to 5');
    expect(() => new TraceDevice({ device, record: 'counts' }).replay(half)).toThrow("record is 'counts'");
  });

  it('keeps the data it recorded', () => {
    const trace = new TraceDevice({ device: ram() });
    const source = pattern(8, 1);
    trace.prog(0, 0, source);
    source.fill(0);
    expect(trace.calls[0]).toMatchObject({ op: 'prog', data: pattern(8, 1) });
  });

  it('marks what failed, and does not replay it', () => {
    const trace = new TraceDevice({ device: new FlashDevice({ blockSize: 32, blockCount: 8, badBlocks: [1] }) });
    expect(() => trace.prog(1, 0, pattern(8, 1))).toThrow('block 1 has gone bad');
    expect(trace.calls).toMatchObject([{ op: 'prog', block: 1, failed: true }]);
    expect(trace.counts.progs).toBe(1);
    const onto = ram();
    trace.replay(onto);
    expect(onto.allocatedBytes).toBe(0);
  });

  it('hides the fast paths unless asked', () => {
    const device = ram();
    expect(new TraceDevice({ device }).view(0)).toBeUndefined();
    expect(new TraceDevice({ device }).progVerified).toBe(false);
    expect(new TraceDevice({ device, fastPaths: true }).view(0)).toBeDefined();
    expect(new TraceDevice({ device, fastPaths: true }).progVerified).toBe(true);
  });

  it('refuses an unknown record', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    expect(() => new TraceDevice({ device: ram(), record: 'some' as any })).toThrow('record is "some"');
  });
});
