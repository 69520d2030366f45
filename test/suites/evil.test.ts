/**
 * Metadata that littlefs would never write, with CRCs that hold: pointers out of the device, and threads that run in
 * circles. Every answer is `LFS_ERR_CORRUPT`, after a bounded number of reads, and nothing is made worse.
 */
import { describe, expect, it } from 'vitest';
import { RamDevice, TraceDevice } from '../../src/device/index.ts';
import { LittleFS, O_CREAT, O_RDONLY, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, errorCode, readText, text, writeFile } from '../support/calls.ts';
import { content } from '../support/content.ts';
import { configOf, geometries, type TestGeometry } from '../support/geometries.ts';
import { openTestFs, treeOf } from '../support/open.ts';
import { type Pair, RawImage, type, wordAt, words } from '../support/raw-log.ts';

const root: Pair = [0, 1];
/** No device of ours has such a block. */
const nowhere = 0xcccccccc;

/** Which of two block numbers lead nowhere; the other is 0. */
const wrongPairs = [
  { which: 'both', pair: words(nowhere, nowhere) },
  { which: 'the first', pair: words(nowhere, 0) },
  { which: 'the second', pair: words(0, nowhere) },
];

/** An image that `prepare` was made on through the file system, and then `damage` by hand. */
function evil(
  geometry: TestGeometry,
  prepare: (lfs: LittleFS) => void,
  damage: (image: RawImage) => void,
): { device: TraceDevice; mount: () => LittleFS } {
  const fs = openTestFs(geometry);
  prepare(fs.lfs);
  fs.unmount();
  const image = new RawImage(fs.device.toImage(), geometry);
  damage(image);
  const { blockSize, blockCount, readSize, progSize } = geometry;
  const device = new TraceDevice({
    device: new RamDevice({ blockSize, blockCount, readSize, progSize, image: image.bytes }),
  });
  return { device, mount: () => LittleFS.mount(device, configOf(geometry)) };
}

describe.each(geometries)('on $name', (geometry) => {
  const { blockSize, blockCount } = geometry;

  it('a commit made by hand is like any other', () => {
    const { mount } = evil(
      geometry,
      (lfs) => lfs.mkdir('dir'),
      (image) => {
        const { pair, id } = image.locate('dir');
        image.append(pair, [{ type: type.USERATTR + 7, id, data: bytes('by hand') }]);
        image.append(pair, [{ type: type.USERATTR + 8, id, data: bytes('too') }], { fcrc: false });
        image.append(pair, [{ type: type.USERATTR + 9, id, data: bytes('no') }], { broken: true });
      },
    );
    const lfs = mount();
    expect(text(lfs.getAttr('dir', 7)!)).toBe('by hand');
    expect(text(lfs.getAttr('dir', 8)!)).toBe('too');
    expect(lfs.getAttr('dir', 9)).toBeUndefined();
    writeFile(lfs, 'dir/file', 'goes on');
    lfs.unmount();
    expect(readText(mount(), 'dir/file')).toBe('goes on');
  });

  describe.each(wrongPairs)('where $which of two blocks is none', ({ pair }) => {
    it.each([
      ['hard', type.HARDTAIL],
      ['soft', type.SOFTTAIL],
    ])('a %s tail is refused by mount', (_, tail) => {
      const { mount } = evil(
        geometry,
        () => {},
        (image) => image.append(root, [{ type: tail, data: pair }]),
      );
      expect(errorCode(mount)).toBe('LFS_ERR_CORRUPT');
    });

    it('a directory can be named, and nothing else', () => {
      const { mount, device } = evil(
        geometry,
        (lfs) => lfs.mkdir('dir'),
        (image) => {
          const dir = image.locate('dir');
          image.append(dir.pair, [{ type: type.DIRSTRUCT, id: dir.id, data: pair }]);
        },
      );
      const before = { ...device.counts };
      const lfs = mount();
      expect(lfs.stat('dir')).toMatchObject({ type: 'dir', name: 'dir' });
      expect([...lfs.openDir('/')].map(({ name }) => name)).toEqual(['.', '..', 'dir']);
      const calls = [
        () => lfs.openDir('dir'),
        () => lfs.stat('dir/file'),
        () => lfs.openDir('dir/dir'),
        () => lfs.open('dir/file', O_RDONLY),
        () => lfs.open('dir/file', O_WRONLY | O_CREAT),
        () => lfs.mkdir('dir/dir'),
        () => lfs.remove('dir'),
      ];
      for (const call of calls) expect(errorCode(call), String(call)).toBe('LFS_ERR_CORRUPT');
      expect(device.counts.progs).toBe(before.progs);
    });

    it('a pending move is refused by the first write', () => {
      const pendingMove = (type.DELETE << 20) | (1 << 10);
      const { mount, device } = evil(
        geometry,
        (lfs) => lfs.mkdir('dir'),
        (image) => {
          image.append(root, [{ type: type.MOVESTATE, data: words(pendingMove, wordAt(pair, 0), wordAt(pair, 1)) }]);
        },
      );
      const lfs = mount();
      const { progs, erases } = device.counts;
      expect(errorCode(() => lfs.mkdir('other'))).toBe('LFS_ERR_CORRUPT');
      expect(errorCode(() => writeFile(lfs, 'file', 'x'))).toBe('LFS_ERR_CORRUPT');
      expect(device.counts).toMatchObject({ progs, erases });
    });
  });

  const prepareFile = (size: number) => (lfs: LittleFS) => writeFile(lfs, 'file', content(size, 1));

  it.each([10, 1000, 100_000])('a file of %i bytes whose last block is none cannot be read', (size) => {
    const { mount } = evil(geometry, prepareFile(0), (image) => {
      const { pair, id } = image.locate('file');
      image.append(pair, [{ type: type.CTZSTRUCT, id, data: words(nowhere, size) }]);
    });
    const lfs = mount();
    expect(lfs.stat('file')).toMatchObject({ type: 'file', name: 'file', size });
    const file = lfs.open('file', O_RDONLY);
    expect(errorCode(() => file.read(new Uint8Array(size)))).toBe('LFS_ERR_CORRUPT');
    file.close();
    // Which blocks are free cannot be known without walking the file, where it has more than a few.
    const code = errorCode(() => lfs.mkdir('dir'));
    if (size > 2 * blockSize) expect(code).toBe('LFS_ERR_CORRUPT');
    else expect([undefined, 'LFS_ERR_CORRUPT']).toContain(code);
  });

  it.each([2, 3, 4])('a file of %i blocks whose pointers lead nowhere cannot be read', (blocks) => {
    const size = blocks * blockSize;
    const { mount } = evil(geometry, prepareFile(size), (image) => {
      const { struct } = image.locate('file');
      expect(struct.type).toBe(type.CTZSTRUCT);
      image.block(wordAt(struct.data, 0)).set(words(nowhere, nowhere), 0);
    });
    const lfs = mount();
    expect(lfs.stat('file')).toMatchObject({ type: 'file', name: 'file', size });
    const file = lfs.open('file', O_RDONLY);
    expect(errorCode(() => file.read(new Uint8Array(size)))).toBe('LFS_ERR_CORRUPT');
    file.close();
    if (size > 2 * blockSize) expect(errorCode(() => lfs.mkdir('dir'))).toBe('LFS_ERR_CORRUPT');
  });

  it('a file that says it is larger than the device is refused, in bounded work', () => {
    const { mount, device } = evil(geometry, prepareFile(3 * blockSize), (image) => {
      const { pair, id, struct } = image.locate('file');
      image.append(pair, [{ type: type.CTZSTRUCT, id, data: words(wordAt(struct.data, 0), 0x7fffffff) }]);
    });
    const lfs = mount();
    expect(errorCode(() => lfs.stat('file'))).toBe('LFS_ERR_CORRUPT');
    expect(errorCode(() => lfs.mkdir('dir'))).toBe('LFS_ERR_CORRUPT');
    expect(errorCode(() => lfs.fsSize())).toBe('LFS_ERR_CORRUPT');
    expect(device.counts.reads).toBeLessThan(16 * blockCount + 1000);
  });

  const loops: { where: string; damage: (image: RawImage) => void }[] = [
    {
      where: 'the root',
      damage: (image) => image.append(root, [{ type: type.HARDTAIL, data: words(...root) }]),
    },
    {
      where: 'a directory to the root',
      damage: (image) => image.append(image.directory('child'), [{ type: type.HARDTAIL, data: words(...root) }]),
    },
    {
      where: 'a directory to itself',
      damage: (image) => {
        const child = image.directory('child');
        image.append(child, [{ type: type.HARDTAIL, data: words(...child) }]);
      },
    },
    {
      where: 'a directory to itself, its blocks the other way round',
      damage: (image) => {
        const [a, b] = image.directory('child');
        image.append([a, b], [{ type: type.SOFTTAIL, data: words(b, a) }]);
      },
    },
  ];
  it.each(loops)('a thread that leads from $where in a circle is refused by mount', ({ damage }) => {
    const { mount, device } = evil(geometry, (lfs) => lfs.mkdir('child'), damage);
    expect(errorCode(mount)).toBe('LFS_ERR_CORRUPT');
    // Every pair once, each block in reads of at least readSize.
    expect(device.counts.readBytes).toBeLessThan(8 * blockCount * blockSize);
    expect(device.counts.progs).toBe(0);
  });

  it('a directory that contains itself can be listed, and no walk runs for ever', () => {
    const { mount } = evil(
      geometry,
      (lfs) => lfs.mkdir('child'),
      (image) => {
        const child = image.directory('child');
        image.append(child, [
          { type: type.CREATE, id: 0 },
          { type: type.DIR, id: 0, data: bytes('again') },
          { type: type.DIRSTRUCT, id: 0, data: words(...child) },
        ]);
      },
    );
    const lfs = mount();
    expect([...lfs.openDir('child')].map(({ name }) => name)).toEqual(['.', '..', 'again']);
    expect(errorCode(() => lfs.openDir(`child${'/again'.repeat(3)}`))).toSatisfy(
      (code) => code === undefined || code === 'LFS_ERR_CORRUPT',
    );
    expect(lfs.fsSize()).toBe(4);
  });
});

describe('the image that a refused call leaves', () => {
  it.each(geometries)('is the one that it found ($name)', (geometry) => {
    const { mount } = evil(
      geometry,
      (lfs) => {
        lfs.mkdir('a');
        lfs.mkdir('b');
        writeFile(lfs, 'a/file', 'text');
      },
      (image) => {
        const { pair, id } = image.locate('b');
        image.append(pair, [{ type: type.DIRSTRUCT, id, data: words(nowhere, nowhere) }]);
      },
    );
    const lfs = mount();
    for (const call of [() => lfs.rename('a', 'b'), () => lfs.mkdir('b/c'), () => lfs.remove('b')]) {
      expect(errorCode(call), String(call)).toBe('LFS_ERR_CORRUPT');
    }
    lfs.unmount();
    const again = mount();
    expect(readText(again, 'a/file')).toBe('text');
    expect(errorCode(() => treeOf(again))).toBe('LFS_ERR_CORRUPT');
  });
});
