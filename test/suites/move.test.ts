/**
 * Renaming: within a directory, between directories, over what is there, with neighbours open, with pairs that have to
 * move, and cut short at any point.
 *
 * Between two pairs a rename is two commits: the new entry and a note of the move, then the end of the old entry and
 * of the note. Between them the entry must be seen once, in its new place.
 */
import { describe, expect, it } from 'vitest';
import { type LittleFS, O_CREAT, O_TRUNC, O_WRONLY } from '../../src/lfs/index.ts';
import { bytes, exists, list, namesIn, readText, writeFile } from '../support/calls.ts';
import { geometries, type TestGeometry } from '../support/geometries.ts';
import { changeImage, globalState, headOf, imageOf, spoilLastCommit } from '../support/on-disk.ts';
import { openTestFs, type TestFs, treeOf } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';
import { allLossKinds, cutEverywhere, runUnderCuts } from '../support/powercut.ts';
import type { Pair } from '../support/raw-log.ts';

const places = ['a', 'b', 'c', 'd'] as const;
const greeting = 'salve\nmoin\nahoy\n';
const children = ['ahoy', 'moin', 'salve'];

type Kind = 'file' | 'dir';

/** Four directories, and in `a` something to move with a neighbour on either side. */
function prepared(geometry: TestGeometry, kind: Kind): TestFs {
  const fs = openTestFs(geometry);
  for (const place of places) fs.lfs.mkdir(place);
  writeFile(fs.lfs, 'a/before', 'stays');
  writeFile(fs.lfs, 'a/xafter', 'stays');
  make(fs.lfs, 'a/thing', kind);
  fs.remount();
  return fs;
}

function make(lfs: LittleFS, path: string, kind: Kind): void {
  if (kind === 'file') return writeFile(lfs, path, greeting, { chunk: 5 });
  lfs.mkdir(path);
  for (const child of children) lfs.mkdir(`${path}/${child}`);
}

/** The thing is in this place with all that belongs to it, and nowhere else; the neighbours are where they were. */
function expectAt(lfs: LittleFS, place: string, kind: Kind): void {
  for (const other of places) {
    const names = [...(other === 'a' ? ['before', 'xafter'] : []), ...(other === place ? ['thing'] : [])];
    expect(namesIn(lfs, other), `in ${other}`).toEqual(names.sort());
    expect(exists(lfs, `${other}/thing`)).toBe(other === place);
  }
  if (kind === 'file') expect(readText(lfs, `${place}/thing`)).toBe(greeting);
  else expect(namesIn(lfs, `${place}/thing`)).toEqual(children);
  expect(readText(lfs, 'a/before') + readText(lfs, 'a/xafter')).toBe('staysstays');
}

/** On small blocks a directory has several pairs. */
function pairWithThing(fs: TestFs, place: string): Pair {
  const image = imageOf(fs.device);
  return image.locate('thing', headOf(image, place)).pair;
}

describe.each(geometries)('on $name', (geometry) => {
  describe.each(['file', 'dir'] as const)('a %s', (kind) => {
    it('moves to another directory', () => {
      const fs = prepared(geometry, kind);
      fs.lfs.rename('a/thing', 'c/thing');
      for (const lfs of fs.nowAndRemounted()) expectAt(lfs, 'c', kind);
    });

    it('moves on from each place, and the places it left can be removed', () => {
      const fs = prepared(geometry, kind);
      for (const [from, to] of ['ab', 'bc', 'cd'] as const) fs.remount().rename(`${from}/thing`, `${to}/thing`);
      expectAt(fs.remount(), 'd', kind);
      fs.lfs.remove('b');
      fs.lfs.remove('c');
      for (const lfs of fs.nowAndRemounted()) {
        expect(namesIn(lfs)).toEqual(['a', 'd']);
        expect(namesIn(lfs, 'a')).toEqual(['before', 'xafter']);
        expect(kind === 'file' ? readText(lfs, 'd/thing') : namesIn(lfs, 'd/thing')).toEqual(
          kind === 'file' ? greeting : children,
        );
      }
    });

    it('is in its new place only, when the commit that ends the old entry is lost', () => {
      const fs = prepared(geometry, kind);
      const source = pairWithThing(fs, 'a');
      fs.lfs.rename('a/thing', 'c/thing');
      fs.unmount();
      changeImage(fs.device, (image) => spoilLastCommit(image, source));
      expect(globalState(fs.device).move).toBeDefined();
      const writes = fs.device.writes;
      for (const _ of [1, 2]) expectAt(fs.remount(), 'c', kind);
      expect(fs.device.writes, 'reading finishes nothing').toBe(writes);
      // Any write finishes it.
      writeFile(fs.lfs, 'other', 'unrelated');
      expect(globalState(fs.device).move).toBeUndefined();
      for (const lfs of fs.nowAndRemounted()) expectAt(lfs, 'c', kind);
    });

    it('is in its old place, when the commit that makes the new entry is lost too, and can be moved again', () => {
      const fs = prepared(geometry, kind);
      const source = pairWithThing(fs, 'a');
      fs.lfs.rename('a/thing', 'c/thing');
      const target = pairWithThing(fs, 'c');
      fs.unmount();
      for (const pair of [source, target]) changeImage(fs.device, (image) => spoilLastCommit(image, pair));
      expect(globalState(fs.device).move).toBeUndefined();
      expectAt(fs.remount(), 'a', kind);
      fs.lfs.rename('a/thing', 'c/thing');
      for (const lfs of fs.nowAndRemounted()) expectAt(lfs, 'c', kind);
    });
  });

  it('to its own name is allowed and changes nothing', () => {
    const fs = openTestFs(geometry);
    for (const path of ['hi', 'hi/hi', 'hi/hi/hi']) {
      fs.lfs.mkdir(path);
      const writes = fs.device.writes;
      fs.lfs.rename(path, path);
      expect(fs.device.writes).toBe(writes);
    }
    writeFile(fs.lfs, 'hi/f', greeting);
    fs.lfs.rename('hi/f', 'hi/f');
    for (const lfs of fs.nowAndRemounted()) {
      expect(lfs.stat('hi/hi/hi')).toMatchObject({ type: 'dir', name: 'hi' });
      expect(readText(lfs, 'hi/f')).toBe(greeting);
    }
  });

  describe.each([
    { what: 'to a free name', over: false },
    { what: 'over a file', over: true },
  ])('within a directory $what', ({ over }) => {
    it('the neighbours that are open for writing keep to their entries, there and back', () => {
      const fs = openTestFs(geometry);
      const neighbours = ['0.before', '2.between', '4.after'];
      writeFile(fs.lfs, '1.goes', '');
      if (over) writeFile(fs.lfs, '3.goes', 'replaced');
      for (const name of neighbours) writeFile(fs.lfs, name, `${name} v1`);

      renameAmongOpen(fs.lfs, neighbours, 'v2', () => fs.lfs.rename('1.goes', '3.goes'));
      for (const lfs of fs.nowAndRemounted()) expectNeighbours(lfs, '/', neighbours, 'v2', '3.goes');
      if (over) writeFile(fs.lfs, '1.goes', 'replaced');
      renameAmongOpen(fs.lfs, neighbours, 'v3', () => fs.lfs.rename('3.goes', '1.goes'));
      for (const lfs of fs.nowAndRemounted()) expectNeighbours(lfs, '/', neighbours, 'v3', '1.goes');
    });
  });

  it.each([false, true])('between directories the open neighbours keep to their entries (over a file: %s)', (over) => {
    const fs = openTestFs(geometry);
    const neighbours = ['dir.1/0.before', 'dir.1/2.after', 'dir.2/0.before', 'dir.2/2.after'];
    fs.lfs.mkdir('dir.1');
    fs.lfs.mkdir('dir.2');
    writeFile(fs.lfs, 'dir.1/1.goes', '');
    for (const name of neighbours) writeFile(fs.lfs, name, `${name} v1`);
    for (const [from, to, version] of [
      ['dir.1', 'dir.2', 'v2'],
      ['dir.2', 'dir.1', 'v3'],
    ] as const) {
      if (over) writeFile(fs.lfs, `${to}/1.goes`, 'replaced');
      renameAmongOpen(fs.lfs, neighbours, version, () => fs.lfs.rename(`${from}/1.goes`, `${to}/1.goes`));
      for (const lfs of fs.nowAndRemounted()) {
        expect(namesIn(lfs)).toEqual(['dir.1', 'dir.2']);
        for (const dir of ['dir.1', 'dir.2']) {
          const own = neighbours.filter((name) => name.startsWith(dir));
          expectNeighbours(lfs, dir, own, version, dir === to ? `${dir}/1.goes` : undefined);
        }
      }
    }
  });

  // The pairs of these directories have to move in the middle of the rename. The worst is the parent of the target:
  // it may have to finish the move itself, before the note of it becomes out of date.
  describe.each(['progerror', 'eraseerror', 'prognoop'] as const)('with blocks gone bad (%s)', (mode) => {
    const inParent = ['parent', 'parent/child'];
    const besides = ['parent', 'parent/sibling', 'parent/child'];
    it.each([
      ...subsets(inParent).map((bad) => ({ from: 'parent', to: 'parent/child', dirs: inParent, bad })),
      ...subsets(besides).map((bad) => ({ from: 'parent/sibling', to: 'parent/child', dirs: besides, bad })),
    ])('a file moves from $from to $to, and $bad are bad', ({ from, to, dirs, bad }) => {
      const fs = openTestFs(geometry, { integrity: false });
      // The child is made before its sibling: so it comes behind it in the thread.
      for (const dir of [...dirs].sort()) fs.lfs.mkdir(dir);
      const neighbours = [from, to].flatMap((dir) => [`${dir}/0.before`, `${dir}/2.after`]);
      writeFile(fs.lfs, `${from}/1.goes`, greeting);
      for (const name of neighbours) writeFile(fs.lfs, name, `${name} v1`);

      const badBlocks = bad.flatMap((dir) => headOf(imageOf(fs.device), dir));
      renameAmongOpen(fs.lfs, neighbours, 'v2', () => {
        for (const block of badBlocks) fs.device.setBad(block, mode);
        fs.lfs.rename(`${from}/1.goes`, `${to}/1.goes`);
      });
      for (const lfs of fs.nowAndRemounted()) {
        expect(namesIn(lfs)).toEqual(['parent']);
        expect(list(lfs, from).filter(({ type }) => type === 'file')).toHaveLength(2);
        expect(readText(lfs, `${to}/1.goes`)).toBe(greeting);
        for (const name of neighbours) expect(readText(lfs, name)).toBe(`${name} v2`);
      }
      expect(globalState(fs.device)).toEqual({ orphans: false, move: undefined });
      // Whoever was written to has moved; a block that only cannot be erased still takes programs.
      const image = imageOf(fs.device);
      for (const dir of mode === 'eraseerror' ? [] : [from, to]) {
        expect(badBlocks, `the log of ${dir}`).not.toContain(image.log(headOf(image, dir)).block);
      }
    });
  });
});

/** Opens the files, writes a new version to each, renames, closes them. */
function renameAmongOpen(lfs: LittleFS, paths: readonly string[], version: string, rename: () => void): void {
  const files = paths.map((path) => lfs.open(path, O_WRONLY | O_TRUNC));
  for (const [i, file] of files.entries()) file.write(bytes(`${paths[i]} ${version}`));
  rename();
  for (const file of files) file.close();
}

/** The directory holds the neighbours in their new version, the empty file that was moved here, and nothing else. */
function expectNeighbours(lfs: LittleFS, dir: string, paths: readonly string[], version: string, moved?: string): void {
  const expected = [
    ...paths.map((path) => ({ path, text: `${path} ${version}` })),
    ...(moved ? [{ path: moved, text: '' }] : []),
  ];
  const entries = expected
    .map(({ path, text }) => ({ type: 'file', size: text.length, name: path.split('/').at(-1)! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  expect(list(lfs, dir).slice(2)).toEqual(entries);
  for (const { path, text } of expected) expect(readText(lfs, path)).toBe(text);
}

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_item, i) => (bits >> i) & 1));
}

describe.each(allLossKinds)('with power lost $loss', ({ cut }) => {
  describe.each(geometries)('on $name', (geometry) => {
    it.each(['file', 'dir'] as const)(
      'a %s on its way through four directories is never lost and never twice',
      (kind) => {
        let born = false;
        const cuts = runUnderCuts({ geometry, stepping: 'linear', ...cut }, ({ mount }) => {
          let lfs = mount();
          for (const place of places) if (!exists(lfs, place)) lfs.mkdir(place);
          for (;;) {
            lfs.unmount();
            lfs = mount();
            const found = places.filter((place) => exists(lfs, `${place}/thing`));
            const isWhole = found.some((place) => isComplete(lfs, `${place}/thing`, kind));
            if (born) expect({ found: found.length, isWhole }).toEqual({ found: 1, isWhole: true });
            else expect(found.length).toBeLessThanOrEqual(1);
            if (!isWhole) {
              give(lfs, 'a/thing', kind);
              born = true;
              continue;
            }
            born = true;
            const at = places.indexOf(found[0]!);
            if (at === places.length - 1) break;
            lfs.rename(`${places[at]}/thing`, `${places[at + 1]}/thing`);
          }
          expect(places.map((place) => namesIn(lfs, place))).toEqual([[], [], [], ['thing']]);
          expect(isComplete(lfs, 'd/thing', kind)).toBe(true);
        });
        expect(cuts).toBeGreaterThan(5);
      },
    );

    it.each([
      { what: 'a file to a free name', from: 'a/file', to: 'b/new' },
      { what: 'a file over a file', from: 'a/file', to: 'b/file' },
      { what: 'a directory to a free name', from: 'a/full', to: 'b/new' },
      { what: 'a directory over an empty one', from: 'a/full', to: 'b/empty' },
      { what: 'a directory up, over an empty one', from: 'a/full', to: 'void' },
      { what: 'a file beside', from: 'a/file', to: 'a/new' },
      { what: 'a file over its neighbour', from: 'a/file', to: 'a/gile' },
    ])('$what: before or after, nothing between', ({ from, to }) => {
      const fs = openTestFs(geometry, { flash: { reorder: cut.unsynced !== undefined } });
      for (const dir of ['a', 'a/full', 'a/full/x', 'b', 'b/empty', 'void']) fs.lfs.mkdir(dir);
      for (const path of ['a/file', 'a/gile', 'b/file', 'a/full/f']) writeFile(fs.lfs, path, `text of ${path}`);
      const before = treeOf(fs.lfs);
      fs.unmount();
      const copy = fs.device.fork();
      const lfs = fs.remount();
      lfs.rename(from, to);
      const after = treeOf(lfs);
      expect(after).not.toEqual(before);
      const seen = new Set<string>();
      const cuts = cutEverywhere(
        copy,
        fs.config,
        (mounted) => mounted.rename(from, to),
        (mounted) => {
          const isAfter = exists(mounted, from) === false;
          seen.add(isAfter ? 'after' : 'before');
          expect(treeOf(mounted)).toEqual(isAfter ? after : before);
          expect(outcome(() => mounted.mkdir('later'))).toBe('ok');
        },
        cut,
      );
      expect(cuts).toBeGreaterThan(0);
      // The last run has no cut; a cut after the first write may find all done.
      expect(seen).toContain('after');
      if (cut.mode === 'noop') expect(seen).toContain('before');
    });
  });
});

/** Makes the thing so that it is there whole or not at all. */
function give(lfs: LittleFS, path: string, kind: Kind): void {
  if (kind === 'file') {
    const file = lfs.open(path, O_WRONLY | O_CREAT);
    file.write(bytes(greeting));
    file.close();
    return;
  }
  for (const part of ['made', ...children.map((child) => `made/${child}`)]) if (!exists(lfs, part)) lfs.mkdir(part);
  lfs.rename('made', path);
}

function isComplete(lfs: LittleFS, path: string, kind: Kind): boolean {
  if (kind === 'dir') return namesIn(lfs, path).join() === children.join();
  const size = lfs.stat(path).size;
  if (size === 0) return false;
  expect(readText(lfs, path)).toBe(greeting);
  return true;
}
