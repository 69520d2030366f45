/**
 * How modes, owners and times are kept on the image: each profile's bytes, and reading every one of them.
 */
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { LittleFS } from '../../src/lfs/index.ts';
import { type MetadataProfile, Vfs, type VfsOptions } from '../../src/vfs/index.ts';

const O_NEW = 0o1101;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function made(options: VfsOptions): { vfs: Vfs; lfs: LittleFS; device: RamDevice } {
  const device = new RamDevice({ blockSize: 4096, blockCount: 64 });
  LittleFS.format(device);
  const lfs = LittleFS.mount(device);
  return { vfs: new Vfs(lfs, options), lfs, device };
}

const clock = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const seconds = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

function attrsOf(lfs: LittleFS, path: string): Record<string, string> {
  return Object.fromEntries(
    lfs.listAttrs(path).map(({ type }) => [type, Buffer.from(lfs.getAttr(path, type)!).toString('hex')]),
  );
}

function u64(value: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes.toString('hex');
}

describe('metadata profiles', () => {
  it.each<[MetadataProfile, Record<string, string>, Record<string, string>]>([
    ['none', {}, {}],
    ['micropython', { 1: u64(BigInt(seconds) * 1_000_000_000n + 678_000_000n) }, {}],
    ['esp-idf', { 116: u64(BigInt(seconds)) }, {}],
    [
      'arduino',
      { 116: u64(BigInt(seconds)), 99: u64(BigInt(seconds)) },
      { 116: u64(BigInt(seconds)), 99: u64(BigInt(seconds)) },
    ],
  ])('%s writes what its firmware writes', (metadata, file, directory) => {
    const { vfs, lfs } = made({ metadata, clock });
    vfs.writeFile('/f', text('x'), O_NEW, 0o600);
    vfs.mkdir('/d');
    vfs.sync();
    expect(attrsOf(lfs, '/f')).toEqual(file);
    expect(attrsOf(lfs, '/d')).toEqual(directory);
  });

  it('posix says only what does not go without saying', () => {
    const { vfs, lfs } = made({ metadata: 'posix', clock });
    vfs.writeFile('/plain', text('x'), O_NEW, 0o666);
    // Flags 0x08: mtime alone, 5 bytes of seconds and 4 of nanoseconds.
    const time = Buffer.alloc(9);
    time.writeUInt32LE(seconds, 0);
    time.writeUInt32LE(678_000_000, 5);
    expect(attrsOf(lfs, '/plain')).toEqual({ 112: `08${time.toString('hex')}` });
    vfs.writeFile('/secret', text('x'), O_NEW, 0o600);
    expect(attrsOf(lfs, '/secret')).toEqual({ 112: `098081${time.toString('hex')}` });
  });

  it('posix has nothing to write at the epoch', () => {
    const { vfs, lfs } = made({ metadata: 'posix', clock: () => 0 });
    vfs.writeFile('/f', text('x'), O_NEW, 0o644);
    vfs.mkdir('/d');
    vfs.sync();
    expect([attrsOf(lfs, '/f'), attrsOf(lfs, '/d'), attrsOf(lfs, '/')]).toEqual([{}, {}, {}]);
  });

  it('posix keeps everything, also before 1970 and far beyond 2106', () => {
    const { vfs, device } = made({ metadata: 'posix' });
    vfs.writeFile('/f', text('x'), O_NEW, 0o4711);
    vfs.chown('/f', 70_000, 0xfffffffe);
    vfs.chmod('/f', 0o4711);
    vfs.utimes('/f', { sec: -5_000_000_000, nsec: 1 }, { sec: 400_000_000_000, nsec: 999_999_999 });
    vfs.mknod('/null', 0o020666, 0x103);
    vfs.symlink('/far/é', '/link');
    vfs.chmod('/', 0o1777);
    const pick = (each: Vfs, path: string): unknown => {
      const { mode, uid, gid, rdev, size, atimeSec, atimeNsec, mtimeSec, mtimeNsec, ctimeSec, birthtimeSec } =
        each.lstat(path);
      return { mode, uid, gid, rdev, size, atimeSec, atimeNsec, mtimeSec, mtimeNsec, ctimeSec, birthtimeSec };
    };
    vfs.sync();
    const again = new Vfs(LittleFS.mount(device));
    expect(again.metadata).toBe('posix');
    for (const path of ['/f', '/null', '/link', '/']) expect(pick(again, path), path).toEqual(pick(vfs, path));
    expect(again.lstat('/f').mode).toBe(0o104711);
    expect(again.lstat('/f').atimeSec).toBe(-5_000_000_000);
    expect(Buffer.from(again.readlink('/link'), 'latin1').toString()).toBe('/far/é');
  });

  it.each([
    [[[0x74, 4]], 'esp-idf'],
    [[[0x74, 8]], 'esp-idf'],
    [
      [
        [0x74, 8],
        [0x63, 8],
      ],
      'arduino',
    ],
    [[[1, 8]], 'micropython'],
    [[[1, 3]], 'none'],
    [
      [
        [0x70, 10],
        [1, 8],
      ],
      'posix',
    ],
    [[], 'none'],
  ] as [[number, number][], MetadataProfile][])('%j in an image means %s', (attrs, profile) => {
    const { lfs, device } = made({});
    lfs.mkdir('/sub');
    lfs.writeFile('/sub/f', text('x'));
    for (const [type, size] of attrs) lfs.setAttr('/sub/f', type, new Uint8Array(size));
    expect(new Vfs(LittleFS.mount(device)).metadata).toBe(profile);
  });

  it('times of every profile are read, whichever is written', () => {
    const { lfs, device } = made({});
    const of = (value: bigint, size: 4 | 8): Uint8Array => Buffer.from(u64(value), 'hex').subarray(0, size);
    lfs.writeFile('/esp4', text(''), { attrs: [{ type: 0x74, buffer: of(0x65000000n, 4) }] });
    lfs.writeFile('/esp8', text(''), { attrs: [{ type: 0x74, buffer: of(0x165000000n, 8) }] });
    lfs.writeFile('/mpy', text(''), { attrs: [{ type: 1, buffer: of(1_700_000_000_123_456_789n, 8) }] });
    lfs.writeFile('/ard', text(''), {
      attrs: [
        { type: 0x74, buffer: of(1_700_000_000n, 8) },
        { type: 0x63, buffer: of(1_600_000_000n, 8) },
      ],
    });
    const vfs = new Vfs(LittleFS.mount(device), { metadata: 'none' });
    expect(vfs.stat('/esp4').mtimeSec).toBe(0x65000000);
    expect(vfs.stat('/esp8').mtimeSec).toBe(0x165000000);
    expect([vfs.stat('/mpy').mtimeSec, vfs.stat('/mpy').mtimeNsec]).toEqual([1_700_000_000, 123_456_789]);
    expect([vfs.stat('/ard').mtimeSec, vfs.stat('/ard').birthtimeSec]).toEqual([1_700_000_000, 1_600_000_000]);
  });

  it('without a profile nothing is added to an image, and times live while it is open', () => {
    const { vfs, lfs } = made({ metadata: 'none' });
    vfs.writeFile('/f', text('x'), O_NEW, 0o600);
    vfs.utimes('/f', { sec: 1, nsec: 2 }, { sec: 3, nsec: 4 });
    expect(vfs.stat('/f').mtimeSec).toBe(3);
    vfs.sync();
    expect(attrsOf(lfs, '/f')).toEqual({});
    expect(() => vfs.symlink('f', '/l')).toThrow(/EPERM.*keeps files and directories only/);
  });

  it('attributes of others stay', () => {
    const { lfs, device } = made({});
    lfs.writeFile('/f', text('x'), { attrs: [{ type: 200, buffer: text('mine') }] });
    const vfs = new Vfs(LittleFS.mount(device), { metadata: 'posix' });
    vfs.writeFile('/f', text('more'), O_NEW, 0o644);
    vfs.chmod('/f', 0o600);
    const again = LittleFS.mount(device);
    expect(Buffer.from(again.getAttr('/f', 200)!).toString()).toBe('mine');
  });

  it('hostile attributes are passed over', () => {
    const { lfs, device } = made({});
    for (const [index, bytes] of ['', 'ff', '7f', '01', '010040', '0900', '08ff', '0181a1'].entries())
      lfs.writeFile(`/f${index}`, text('x'), { attrs: [{ type: 0x70, buffer: Buffer.from(bytes, 'hex') }] });
    lfs.mkdir('/d', { attrs: [{ type: 0x70, buffer: Buffer.from('01a481', 'hex') }] });
    const vfs = new Vfs(LittleFS.mount(device));
    for (const { name } of vfs.readdir('/')) {
      const { mode } = vfs.lstat(`/${name}`);
      const kind = mode & 0o170000;
      expect([0o100000, 0o040000, 0o120000], name).toContain(kind);
      expect(kind === 0o040000, name).toBe(name === 'd');
    }
  });
});
