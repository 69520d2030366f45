/**
 * Promise: hard links are copies on the image, and yet nobody sees them differ. Whenever the power goes, the next mount
 * finds each file of several names in one state, all or none of what was being done; after a sync any driver does.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlashDevice, PowerLoss } from '../../src/device/index.ts';
import { check, LittleFS } from '../../src/lfs/index.ts';
import { Vfs } from '../../src/vfs/index.ts';
import { runs } from '../support/arbitraries.ts';

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;

const names = ['/a', '/b', '/c', '/d/a', '/d/b', '/d/e/a'];
const name = fc.constantFrom(...names);
const size = fc.oneof(fc.nat(60), fc.nat(900), fc.nat(9000));
const call = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('link' as const), path: name, to: name }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('rename' as const), path: name, to: name }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('unlink' as const), path: name }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('write' as const), path: name, size }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('append' as const), path: name, size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('chmod' as const), path: name, mode: fc.nat(0o777) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('renameDir' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remount' as const) }) },
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;
type Durability = 'close' | 'fsync';

function mounted(device: FlashDevice, durability: Durability): Vfs {
  const lfs = LittleFS.mount(device);
  return new Vfs(lfs, { metadata: 'posix', durability, hardLinks: true, flushDelayMs: 1_000_000 });
}

function take(vfs: Vfs, each: Call, seed: number): void {
  try {
    switch (each.op) {
      case 'link':
      case 'rename':
        vfs[each.op](each.path, each.to);
        break;
      case 'unlink':
        vfs.unlink(each.path);
        break;
      case 'write':
      case 'append': {
        const bytes = Buffer.alloc(each.size, `${seed},`);
        vfs.writeFile(each.path, bytes, O_WRONLY | O_CREAT | (each.op === 'append' ? O_APPEND : O_TRUNC), 0o644);
        break;
      }
      case 'chmod':
        vfs.chmod(each.path, each.mode);
        break;
      case 'renameDir':
        // Away, and the next time back.
        if (typeof vfs.probe('/d/e', true) === 'string') vfs.rename('/e', '/d/e');
        else vfs.rename('/d/e', '/e');
        break;
      default:
        vfs.sync();
    }
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
  }
}

/** A line for each file: its names, and what they all are. */
function filesOf(vfs: Vfs): string {
  const files = new Map<number, string[]>();
  const visit = (dir: string): void => {
    for (const { name: each } of vfs.readdir(dir === '' ? '/' : dir)) {
      const path = `${dir}/${each}`;
      const { ino, mode } = vfs.stat(path);
      if ((mode & 0o170000) === 0o040000) visit(path);
      else files.set(ino, [...(files.get(ino) ?? []), path]);
    }
  };
  visit('');
  const lines = [...files.values()].map((paths) => {
    const { mode, nlink } = vfs.stat(paths[0]!);
    expect(nlink, paths.join(' ')).toBe(paths.length);
    return `${paths.join(' ')} ${mode.toString(8)} ${Buffer.from(vfs.readFile(paths[0]!)).toString('latin1')}`;
  });
  return lines.sort().join('\n');
}

/** What who knows nothing of other names finds is the same. */
function expectCopies(vfs: Vfs): void {
  for (const line of filesOf(vfs).split('\n').filter(Boolean)) {
    const paths = line.split(' ').filter((word) => word.startsWith('/'));
    const text = Buffer.from(vfs.readFile(paths[0]!));
    for (const path of paths) expect(Buffer.from(vfs.state.lfs.readFile(path)).equals(text), path).toBe(true);
  }
}

describe('names of one file agree after a power loss', () => {
  it.each(['close', 'fsync'] as const)('durability %s', (durability) => {
    let cuts = 0;
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 3, maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 250 }),
        fc.nat(40),
        fc.constantFrom(512, 1024),
        (calls, after, torn, blockSize) => {
          const device = new FlashDevice({ blockSize, blockCount: 600 });
          LittleFS.format(device);
          let vfs = mounted(device, durability);
          vfs.mkdir('/d');
          vfs.mkdir('/d/e');
          vfs.sync();
          let before = '';
          let lost = false;
          device.cutPower({ after, mode: { from: 0, to: torn } });
          let at = 0;
          try {
            for (; at < calls.length; at++) {
              const each = calls[at]!;
              if (each.op === 'remount') {
                vfs.sync();
                vfs = mounted(device, durability);
              } else take(vfs, each, at);
              before = filesOf(vfs);
            }
          } catch (error) {
            if (!(error instanceof PowerLoss)) throw error;
            lost = true;
            cuts++;
          }
          device.cutPower(undefined);
          device.restart();
          expect(check(device).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
          const again = mounted(device, durability);
          const found = filesOf(again);
          if (!lost && durability === 'close') expect(found).toBe(before);
          if (lost && durability === 'close') {
            // All of the call that was cut, or nothing of it.
            const reference = new FlashDevice({ blockSize, blockCount: 600 });
            LittleFS.format(reference);
            const uncut = mounted(reference, durability);
            uncut.mkdir('/d');
            uncut.mkdir('/d/e');
            for (let i = 0; i <= at; i++) take(uncut, calls[i]!, i);
            expect([before, filesOf(uncut)]).toContain(found);
          }
          again.sync();
          expect(filesOf(again)).toBe(found);
          expectCopies(again);
          expect(filesOf(mounted(device, durability)), 'once more').toBe(found);
          expect(check(device).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        },
      ),
      runs(250),
    );
    expect(cuts, 'runs that were cut').toBeGreaterThan(50);
  });
});
