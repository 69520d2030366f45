/**
 * What survives a loss of power, cell by cell: the table of docs/durability.md. Each call is cut at every single write
 * that it makes, and then once more right after it has returned.
 */
import { describe, expect, it } from 'vitest';
import { FlashDevice, PowerLoss } from '../../src/device/index.ts';
import { check, LittleFS } from '../../src/lfs/index.ts';
import { Vfs } from '../../src/vfs/index.ts';

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_SYNC = 0o4010000;

type Durability = 'close' | 'fsync';
const old = new TextEncoder().encode('old content');
const fresh = new TextEncoder().encode('new content '.repeat(90));
const big = new Uint8Array(90_000).fill(7);

function mounted(device: FlashDevice, durability: Durability): Vfs {
  // A timer must not come to the help of what nobody synced.
  return new Vfs(LittleFS.mount(device), {
    metadata: 'posix',
    durability,
    hardLinks: true,
    flushDelayMs: 1_000_000,
  });
}

interface Case {
  /** Made and synced beforehand. */
  readonly before?: (vfs: Vfs) => void;
  readonly work: (vfs: Vfs) => void;
  /** What is seen where the power came back: a word for each state. */
  readonly seen: (vfs: Vfs) => string;
}

/** All states that a cut during the work leaves, and the one that a cut after it leaves. */
function statesOf(durability: Durability, { before, work, seen }: Case): { during: string[]; after: string } {
  const device = new FlashDevice({ blockSize: 1024, blockCount: 400 });
  LittleFS.format(device);
  if (before !== undefined) {
    const vfs = mounted(device, durability);
    before(vfs);
    vfs.sync();
  }
  const during = new Set<string>();
  for (let after = 1; ; after++) {
    const copy = device.fork();
    const vfs = mounted(copy, durability);
    copy.cutPower({ after, mode: { from: 0, to: 7 } });
    let lost = false;
    try {
      work(vfs);
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
      lost = true;
    }
    copy.cutPower(undefined);
    copy.restart();
    expect(check(copy).ok, 'the image is sound').toBe(true);
    const state = seen(mounted(copy, durability));
    if (!lost) return { during: [...during].sort(), after: state };
    during.add(state);
  }
}

const textOf = (vfs: Vfs, path: string): string => {
  const stat = vfs.probe(path, false);
  if (typeof stat === 'string') return 'none';
  const bytes = Buffer.from(vfs.readFile(path));
  if (bytes.equals(old)) return 'old';
  if (bytes.equals(fresh) || bytes.equals(big)) return 'new';
  return bytes.length === 0 ? 'empty' : 'torn';
};

function write(vfs: Vfs, path: string, bytes: Uint8Array, then: 'close' | 'fsync' | 'nothing', flags = 0): void {
  const fd = vfs.open(path, O_WRONLY | O_CREAT | O_TRUNC | flags);
  for (let at = 0; at < bytes.length; at += 4096) vfs.write(fd, bytes, at, Math.min(4096, bytes.length - at), -1);
  if (then === 'fsync') vfs.fsync(fd);
  if (then === 'close') vfs.close(fd);
}

const withOld = (vfs: Vfs): void => vfs.writeFile('/f', old, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
const ofF = (vfs: Vfs): string => textOf(vfs, '/f');

describe.each(['close', 'fsync'] as const)("durability '%s'", (durability) => {
  const kept = durability === 'close' ? 'new' : 'old';
  const made = durability === 'close' ? 'new' : 'none';
  /** States during a call that commits, and during one that does not. */
  const either = (...states: string[]): string[] => (durability === 'close' ? states : []);

  it.each([
    ['a small file', fresh],
    ['a large file', big],
  ])('close of %s: all or nothing', (_, bytes) => {
    const work = (vfs: Vfs): void => write(vfs, '/f', bytes, 'close');
    expect(statesOf(durability, { before: withOld, work, seen: ofF })).toEqual({ during: either('old'), after: kept });
    expect(statesOf(durability, { work, seen: ofF })).toEqual({ during: either('none'), after: made });
  });

  it('fsync: what it has returned for is there', () => {
    const work = (vfs: Vfs): void => write(vfs, '/f', fresh, 'fsync');
    expect(statesOf(durability, { before: withOld, work, seen: ofF })).toEqual({ during: ['old'], after: 'new' });
    expect(statesOf(durability, { work, seen: ofF })).toEqual({ during: ['none'], after: 'new' });
  });

  it('a file that is open and not synced: as it was', () => {
    const work = (vfs: Vfs): void => write(vfs, '/f', fresh, 'nothing');
    expect(statesOf(durability, { before: withOld, work, seen: ofF }).after).toBe('old');
    expect(statesOf(durability, { work, seen: ofF }).after).toBe('none');
  });

  it('O_SYNC: every write', () => {
    const work = (vfs: Vfs): void => {
      const fd = vfs.open('/f', O_WRONLY | O_CREAT | O_SYNC);
      vfs.write(fd, fresh, 0, fresh.length, 0);
    };
    expect(statesOf(durability, { work, seen: ofF }).after).toBe('new');
  });

  it('writeFile: the old content or the new, never a part', () => {
    const work = (vfs: Vfs): void => vfs.writeFile('/f', fresh, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
    expect(statesOf(durability, { before: withOld, work, seen: ofF })).toEqual({ during: either('old'), after: kept });
    expect(statesOf(durability, { work, seen: ofF })).toEqual({ during: either('none'), after: made });
  });

  it('sync: everything', () => {
    const work = (vfs: Vfs): void => {
      vfs.mkdir('/d');
      write(vfs, '/d/g', fresh, 'close');
      vfs.symlink('g', '/d/l');
      vfs.sync();
    };
    const seen = (vfs: Vfs): string =>
      `${textOf(vfs, '/d/g')} ${typeof vfs.probe('/d/l', false) === 'string' ? 'none' : vfs.readlink('/d/l')}`;
    expect(statesOf(durability, { work, seen }).after).toBe('new g');
  });

  it('rename over a file: one of the two, whole; it comes after the content that it publishes', () => {
    const work = (vfs: Vfs): void => {
      write(vfs, '/tmp', fresh, 'close');
      vfs.rename('/tmp', '/f');
    };
    const { during, after } = statesOf(durability, { before: withOld, work, seen: ofF });
    expect(during.filter((state) => state !== 'old' && state !== 'new')).toEqual([]);
    expect(after).toBe('new');
  });

  it('rename of what was never synced: not there before it is complete', () => {
    const work = (vfs: Vfs): void => {
      write(vfs, '/tmp', fresh, 'close');
      vfs.rename('/tmp', '/f');
    };
    const { during, after } = statesOf(durability, { work, seen: ofF });
    expect(during.filter((state) => state !== 'none' && state !== 'new')).toEqual([]);
    expect(after).toBe(made);
  });

  it('unlink and rmdir', () => {
    const before = (vfs: Vfs): void => {
      withOld(vfs);
      vfs.mkdir('/d');
      vfs.mkdir('/d/e');
    };
    const work = (vfs: Vfs): void => {
      vfs.unlink('/f');
      vfs.rmdir('/d/e');
      vfs.rmdir('/d');
    };
    const seen = (vfs: Vfs): string => `${ofF(vfs)} ${vfs.readdir('/').length}`;
    const now = statesOf(durability, { before, work, seen });
    expect(now.during.filter((state) => !['old 2', 'none 1', 'none 0'].includes(state))).toEqual([]);
    expect(now.after).toBe(durability === 'close' ? 'none 0' : 'old 2');
    const synced = statesOf(durability, {
      before,
      work: (vfs) => {
        work(vfs);
        vfs.sync();
      },
      seen,
    });
    expect(synced.during.filter((state) => !['old 2', 'none 1', 'none 0'].includes(state))).toEqual([]);
    expect(synced.after).toBe('none 0');
  });

  it.each([
    ['mkdir', (vfs: Vfs) => vfs.mkdir('/n')],
    ['symlink', (vfs: Vfs) => vfs.symlink('f', '/n')],
    ['mknod', (vfs: Vfs) => vfs.mknod('/n', 0o010644)],
  ])('%s', (_, work) => {
    const seen = (vfs: Vfs): string => (typeof vfs.probe('/n', false) === 'string' ? 'none' : 'new');
    expect(statesOf(durability, { before: withOld, work, seen })).toEqual({ during: either('none'), after: made });
  });

  it.each([
    ['chmod', (vfs: Vfs) => vfs.chmod('/f', 0o600), (vfs: Vfs) => vfs.stat('/f').mode === 0o100600],
    ['chown', (vfs: Vfs) => vfs.chown('/f', 5, 6), (vfs: Vfs) => vfs.stat('/f').gid === 6],
    [
      'utimes',
      (vfs: Vfs) => vfs.utimes('/f', { sec: 5, nsec: 6 }, { sec: 7, nsec: 8 }),
      (vfs: Vfs) => vfs.stat('/f').mtimeNsec === 8,
    ],
  ])('%s', (_, work, isSet) => {
    const seen = (vfs: Vfs): string => (isSet(vfs) ? 'new' : 'old');
    expect(statesOf(durability, { before: withOld, work, seen })).toEqual({ during: either('old'), after: kept });
  });

  it('data and times of a file come in one commit', () => {
    const before = (vfs: Vfs): void => {
      withOld(vfs);
      vfs.utimes('/f', { sec: 1, nsec: 0 }, { sec: 1, nsec: 0 });
    };
    const work = (vfs: Vfs): void => {
      write(vfs, '/f', fresh, 'fsync');
    };
    const seen = (vfs: Vfs): string => `${ofF(vfs)} ${vfs.stat('/f').mtimeSec === 1 ? 'then' : 'now'}`;
    expect(statesOf(durability, { before, work, seen })).toEqual({ during: ['old then'], after: 'new now' });
  });

  describe('several names of a file', () => {
    /** What is under each name, and whether they are one. */
    const names = (vfs: Vfs): string => {
      const found = ['/f', '/g', '/h'].filter((path) => typeof vfs.probe(path, false) !== 'string');
      const inos = new Set(found.map((path) => vfs.stat(path).ino));
      const counts = new Set(found.map((path) => vfs.stat(path).nlink));
      const isOne = inos.size === 1 && counts.size === 1 && counts.has(found.length);
      return `${found.map((path) => `${path.slice(1)} ${textOf(vfs, path)}`).join(', ')}${isOne ? '' : ', apart'}`;
    };
    /** Two in different directories would do the same; three, so that the power can go between any two. */
    const three = (vfs: Vfs): void => {
      withOld(vfs);
      vfs.link('/f', '/g');
      vfs.link('/f', '/h');
    };
    const isIn =
      (...allowed: string[]) =>
      (state: string): boolean =>
        allowed.includes(state);

    it('link: the file has one name or two', () => {
      const work = (vfs: Vfs): void => vfs.link('/f', '/g');
      expect(statesOf(durability, { before: withOld, work, seen: names })).toEqual({
        during: either('f old'),
        after: durability === 'close' ? 'f old, g old' : 'f old',
      });
    });

    it('link of what was just written, and the first name removed: never neither', () => {
      const work = (vfs: Vfs): void => {
        write(vfs, '/f', fresh, 'close');
        vfs.link('/f', '/g');
        vfs.sync();
        vfs.unlink('/f');
        vfs.sync();
      };
      const { during, after } = statesOf(durability, { work, seen: names });
      expect(during.filter((state) => !isIn(', apart', 'f new', 'f new, g new', 'g new')(state))).toEqual([]);
      expect(after).toBe('g new');
    });

    it.each([
      ['small', fresh],
      ['large', big],
    ])('a %s write: all names have the old content or the new', (_, bytes) => {
      const work = (vfs: Vfs): void => write(vfs, '/g', bytes, 'fsync');
      const { during, after } = statesOf(durability, { before: three, work, seen: names });
      expect(during).toEqual(['f new, g new, h new', 'f old, g old, h old']);
      expect(after).toBe('f new, g new, h new');
    });

    it('chmod: all names', () => {
      const work = (vfs: Vfs): void => {
        vfs.chmod('/g', 0o600);
        vfs.sync();
      };
      const seen = (vfs: Vfs): string =>
        `${names(vfs)} ${['/f', '/g', '/h'].map((path) => vfs.stat(path).mode.toString(8))}`;
      const then = 'f old, g old, h old 100644,100644,100644';
      const now = 'f old, g old, h old 100600,100600,100600';
      expect(statesOf(durability, { before: three, work, seen })).toEqual({ during: [now, then], after: now });
    });

    it('unlink of each: the others stay one file', () => {
      for (const [gone, left] of [
        ['/f', 'g old, h old'],
        ['/g', 'f old, h old'],
        ['/h', 'f old, g old'],
      ] as const) {
        const work = (vfs: Vfs): void => {
          vfs.unlink(gone);
          vfs.sync();
        };
        const { during, after } = statesOf(durability, { before: three, work, seen: names });
        expect(during.filter((state) => !isIn('f old, g old, h old', left)(state))).toEqual([]);
        expect(after).toBe(left);
      }
    });

    it('rename over one of them: that one is another file, whole', () => {
      const work = (vfs: Vfs): void => {
        write(vfs, '/tmp', fresh, 'close');
        vfs.rename('/tmp', '/f');
        vfs.sync();
      };
      const { during, after } = statesOf(durability, { before: three, work, seen: names });
      const [old3, apart] = ['f old, g old, h old', 'f new, g old, h old, apart'];
      expect(during.filter((state) => !isIn(old3, apart)(state))).toEqual([]);
      expect(after).toBe(apart);
    });

    it('any driver finds every name whole at any moment, and all the same after the next sync', () => {
      const work = (vfs: Vfs): void => write(vfs, '/g', fresh, 'fsync');
      const seen = (vfs: Vfs): string => {
        const { lfs } = vfs.state;
        const raw = (): string[] =>
          ['/f', '/g', '/h'].map((path) => (Buffer.from(lfs.readFile(path)).equals(fresh) ? 'new' : 'old'));
        const before = raw();
        for (const path of ['/f', '/g', '/h'] as const) {
          const bytes = Buffer.from(lfs.readFile(path));
          if (!bytes.equals(fresh) && !bytes.equals(old)) return 'torn';
        }
        vfs.stat('/h');
        vfs.sync();
        const after = new Set(raw());
        return after.size === 1 ? before.join(' ') : 'different for ever';
      };
      const { during, after } = statesOf(durability, { before: three, work, seen });
      expect(during).toEqual(['new new old', 'new old old', 'old old old']);
      expect(after).toBe('new new new');
    });
  });
});
