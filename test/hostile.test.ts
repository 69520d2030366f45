/**
 * Images that nobody would want to mount (`manifest.hostile`): what we make of each, beside what C makes of it.
 *
 * Where C's answer is sane, ours is the same. `differs` says where it is not: C crashes, walks for ever, believes what
 * cannot be, or cannot open what it lists. In no case is there anything but an answer or an `LfsError`.
 */
import { describe, expect, it } from 'vitest';
import { type FlashDevice, TraceDevice } from '../src/device/index.ts';
import { LittleFS, O_CREAT, O_RDONLY, O_WRONLY } from '../src/lfs/index.ts';
import { content } from './support/content.ts';
import { configOf, goldenBytes, goldenDevice, type HostileImage, manifest, sha256 } from './support/golden.ts';
import { type Outcome, outcome } from './support/outcome.ts';

/** What a call came to: a short error name, or what it gave. */
function answer<T>(work: () => T): T | Outcome {
  let value: T | undefined;
  const how = outcome(() => {
    value = work();
  });
  return how === 'ok' ? (value ?? 'ok') : how;
}

/** What a mount and all questions after it came to. */
interface Answers {
  mount: Outcome;
  /** Names (one character a byte) and what opening and reading each came to. */
  files?: Record<string, unknown>;
  list?: Outcome;
  fsSize?: number | Outcome;
  traverse?: Outcome;
  visited?: number;
  mkdir?: Outcome;
  create?: Outcome;
  blockCount?: number;
  limits?: readonly number[];
}

type Mount = HostileImage['mounts'][number];

/** C's answers in the same words. */
function answersOfC({ c_result }: Mount): Answers {
  const { mount, tree, errors = [], fsinfo, ...rest } = c_result as unknown as CResult;
  if (mount === undefined) return { mount: 'ok' };
  if (mount !== 'LFS_ERR_OK') return { mount: short(mount) };
  const files = tree!.map(({ path, type, size, read, sha256: hash }) => {
    const name = path.slice(1);
    if (type === 'file') return [name, { size, read: read === 'LFS_ERR_OK' ? hash : short(read!) }];
    return [name, { dir: short(errors.find((error) => error.path === path)?.result ?? 'LFS_ERR_OK') }];
  });
  return {
    mount: 'ok',
    list: 'ok',
    files: Object.fromEntries(files) as Record<string, unknown>,
    fsSize: typeof rest.fs_size === 'number' ? rest.fs_size : short(rest.fs_size!),
    traverse: short(rest.fs_traverse!.result),
    visited: rest.fs_traverse!.blocks_visited,
    mkdir: short(rest.probe_mkdir!),
    create: short(rest.probe_create!),
    blockCount: fsinfo!.block_count,
    limits: [fsinfo!.name_max, fsinfo!.file_max, fsinfo!.attr_max],
  };
}

interface CResult {
  mount?: string;
  tree?: { path: string; type: 'file' | 'dir'; size?: number; read?: string; sha256?: string }[];
  errors?: { path: string; result: string }[];
  fsinfo?: { block_count: number; name_max: number; file_max: number; attr_max: number };
  fs_size?: number | string;
  fs_traverse?: { result: string; blocks_visited: number };
  probe_mkdir?: string;
  probe_create?: string;
}

function short(name: string): Outcome {
  return (name === 'LFS_ERR_OK' ? 'ok' : name.replace('LFS_ERR_', '')) as Outcome;
}

/** Our answers, on a device that is never asked more than some times its size. */
function answersOfOurs(image: HostileImage, { config }: Mount): Answers {
  const device = new TraceDevice({ device: goldenDevice(image, config, goldenBytes(image.file)), record: 'counts' });
  const within = <T>(work: () => T): T | Outcome => {
    device.reset();
    const came = answer(work);
    expect(device.counts.reads).toBeLessThan(
      200 + 20 * device.blockCount * Math.ceil(config.block_size / config.cache_size),
    );
    return came;
  };
  const mounted = within(() => LittleFS.mount(device, configOf(config)));
  if (!(mounted instanceof LittleFS)) return { mount: mounted as Outcome };
  const lfs = mounted;
  const files: Record<string, unknown> = {};
  const list = within(() => {
    for (const { name, nameBytes, type } of lfs.openDir('/')) {
      if (name === '.' || name === '..') continue;
      const key = Buffer.from(nameBytes).toString('latin1');
      files[key] =
        type === 'file' ? readAnswers(lfs, nameBytes) : { dir: answer(() => void [...lfs.openDir([nameBytes])]) };
    }
  }) as Outcome;
  let visited = 0;
  const traverse = within(() => lfs.traverse(() => void visited++)) as Outcome;
  const info = lfs.fsStat();
  return {
    mount: 'ok',
    list,
    files,
    fsSize: within(() => lfs.fsSize()),
    traverse,
    visited,
    mkdir: within(() => lfs.mkdir('probe_dir')) as Outcome,
    create: within(() => {
      const file = lfs.open('probe_file', O_WRONLY | O_CREAT);
      file.write(content(3, 1));
      file.close();
    }) as Outcome,
    blockCount: info.blockCount,
    limits: [info.nameMax, info.fileMax, info.attrMax],
  };
}

/** Reached by its bytes alone, which no slash can split. */
function readAnswers(lfs: LittleFS, nameBytes: Uint8Array): { size: unknown; read: unknown } {
  const read = answer(() => {
    const file = lfs.open([nameBytes], O_RDONLY);
    expect(file.size()).toBeLessThanOrEqual(lfs.device.blockSize * lfs.device.blockCount);
    const bytes = new Uint8Array(file.size());
    file.read(bytes);
    return sha256(bytes);
  });
  return { size: answer(() => lfs.stat([nameBytes]).size), read };
}

/** 'hi', which most of the handmade files hold. */
const hi = { size: 2, read: sha256(new TextEncoder().encode('hi')) };
const longName = 'n'.repeat(300);

/**
 * Where we differ from C and why. By image; `bc0`: with the block count left to the superblock. What is not said here
 * is the same.
 */
const differs: Record<string, { why: string; ours: Partial<Answers>; replaces?: true }> = {
  'hostile_short_superblock bc0': { why: 'C divides by zero', ours: { mount: 'CORRUPT' }, replaces: true },
  'hostile_block_count_zero bc0': { why: 'C divides by zero', ours: { mount: 'CORRUPT' }, replaces: true },
  'hostile_block_count_bigger bc0': {
    why: 'C reads beyond the end of the device',
    ours: { mount: 'INVAL' },
    replaces: true,
  },
  hostile_dir_loop: { why: 'C goes down for ever', ours: { files: { d: { dir: 'CORRUPT' } } } },
  hostile_ctz_size_over_2g: {
    why: 'C believes a size of 4 GiB on 32 KiB',
    ours: { list: 'CORRUPT', files: {}, fsSize: 'CORRUPT', traverse: 'CORRUPT', visited: 2, mkdir: 'CORRUPT' },
  },
  hostile_name_slash: { why: 'C lists it and cannot open it', ours: { files: { 'a/b': hi } } },
  hostile_name_empty: { why: 'C lists it and cannot open it', ours: { files: { '': hi } } },
  hostile_name_too_long: { why: 'C lists it cut off and cannot open it', ours: { files: { [longName]: hi } } },
};

describe('hostile images', () => {
  for (const image of manifest.hostile) {
    for (const mount of image.mounts) {
      const key = mount.config.block_count === 0 ? `${image.name} bc0` : image.name;
      const difference = differs[key];
      it(`${key}: ${image.description}${difference === undefined ? ', as C' : `; ${difference.why}`}`, () => {
        const expected = difference?.replaces ? difference.ours : { ...answersOfC(mount), ...difference?.ours };
        expect(answersOfOurs(image, mount)).toEqual(expected);
      });
    }
  }

  it('every difference from C is of an image that is there, and is one', () => {
    const all = manifest.hostile.flatMap((image) =>
      image.mounts.map((mount) => [mount.config.block_count === 0 ? `${image.name} bc0` : image.name, mount] as const),
    );
    const byKey = new Map(all);
    for (const [key, { ours }] of Object.entries(differs)) {
      expect(byKey.has(key), key).toBe(true);
      expect({ ...answersOfC(byKey.get(key)!), ...ours }, key).not.toEqual(answersOfC(byKey.get(key)!));
    }
  });

  it('the crash of C is in the table', () => {
    const crashes = manifest.hostile.flatMap(({ name, mounts }) =>
      mounts.filter(({ c_result }) => c_result.crash).map(() => name),
    );
    expect(crashes.map((name) => differs[`${name} bc0`]?.why)).toEqual(crashes.map(() => 'C divides by zero'));
  });
});

describe('what hostile images hold can be reached and put right', () => {
  function mounted(name: string): { lfs: LittleFS; device: FlashDevice; again: () => LittleFS } {
    const image = manifest.hostile.find((one) => one.name === name)!;
    const { config } = image.mounts[0]!;
    const device = goldenDevice(image, config, goldenBytes(image.file));
    return {
      lfs: LittleFS.mount(device, configOf(config)),
      device,
      again: () => LittleFS.mount(device, configOf(config)),
    };
  }

  it.each([
    ['hostile_name_slash', 'a/b'],
    ['hostile_name_too_long', longName],
  ])('%s: by text, by bytes, by an array of names', (name, onDisk) => {
    const { lfs } = mounted(name);
    for (const path of [
      onDisk,
      `/${onDisk}`,
      new TextEncoder().encode(onDisk),
      [onDisk],
      [new TextEncoder().encode(onDisk)],
    ]) {
      expect(lfs.stat(path).name).toBe(onDisk);
      expect(lfs.open(path, O_RDONLY).size()).toBe(2);
    }
  });

  it.each([
    ['hostile_name_slash', 'a/b'],
    ['hostile_name_too_long', longName],
    ['hostile_name_empty', ''],
  ])('%s: can be renamed, and a new mount finds the file under its new name', (name, onDisk) => {
    const { lfs, again } = mounted(name);
    lfs.rename([onDisk], 'sound');
    expect(outcome(() => lfs.stat([onDisk]))).toBe('NOENT');
    lfs.unmount();
    expect([...again().openDir('/')].map(({ name: listed }) => listed)).toEqual(['.', '..', 'sound']);
  });

  it.each([
    'hostile_name_slash',
    'hostile_name_too_long',
    'hostile_name_empty',
    'hostile_ctz_ptr_range',
    'hostile_ctz_self',
  ])('%s: can be removed', (name) => {
    const { lfs, again } = mounted(name);
    const [entry] = [...lfs.openDir('/')].slice(2);
    lfs.remove([entry!.nameBytes]);
    lfs.unmount();
    expect([...again().openDir('/')]).toHaveLength(2);
  });

  it('a loop of directories: the entry can neither be entered nor removed, all else goes on', () => {
    const { lfs, device, again } = mounted('hostile_dir_loop');
    for (const path of ['d/d', 'd/x', 'd/d/d/d'])
      expect(
        outcome(() => lfs.stat(path)),
        path,
      ).toBe('CORRUPT');
    expect(outcome(() => lfs.openDir('d'))).toBe('CORRUPT');
    const before = sha256(device.toImage());
    expect(outcome(() => lfs.remove('d'))).toBe('CORRUPT');
    expect(outcome(() => lfs.mkdir('d/e'))).toBe('CORRUPT');
    expect(sha256(device.toImage())).toBe(before);
    lfs.mkdir('e');
    lfs.unmount();
    expect([...again().openDir('/')].map(({ name }) => name)).toEqual(['.', '..', 'd', 'e']);
  });

  it('a file of an impossible size: the listing goes on behind it when asked again, the file can be removed', () => {
    const { lfs, again } = mounted('hostile_ctz_size_over_2g');
    const dir = lfs.openDir('/');
    dir.read();
    dir.read();
    expect(outcome(() => dir.read())).toBe('CORRUPT');
    expect(dir.read()).toBeUndefined();
    expect(outcome(() => lfs.stat('f'))).toBe('CORRUPT');
    expect(outcome(() => lfs.open('f', O_RDONLY))).toBe('CORRUPT');
    lfs.remove('f');
    lfs.mkdir('d');
    lfs.unmount();
    expect([...again().openDir('/')].map(({ name }) => name)).toEqual(['.', '..', 'd']);
  });

  it('a pending move into nowhere: reading works, writing says CORRUPT and changes nothing', () => {
    const { lfs, device } = mounted('hostile_gstate_move_bad');
    const before = sha256(device.toImage());
    expect(lfs.stat('f').size).toBe(2);
    for (const write of [() => lfs.mkdir('d'), () => lfs.remove('f'), () => lfs.makeConsistent()]) {
      expect(outcome(write)).toBe('CORRUPT');
    }
    expect(sha256(device.toImage())).toBe(before);
  });
});
