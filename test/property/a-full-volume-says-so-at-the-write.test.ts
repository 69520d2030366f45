/**
 * Promise: on a volume that fills up, ENOSPC comes from the write that does not fit, which then has changed nothing;
 * what was accepted is on the image after a sync, and neither close nor sync has to say that it is not.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { check, LittleFS } from '../../src/lfs/index.ts';
import { Vfs, VfsError } from '../../src/vfs/index.ts';
import { runs } from '../support/arbitraries.ts';

const O_RDWR = 2;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const O_WRONLY = 1;

const file = fc.nat(11);
const size = fc.oneof(fc.nat(100), fc.nat(3000), fc.nat(30000));
const calls = [
  { weight: 6, arbitrary: fc.record({ op: fc.constant('append' as const), file, size }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('replace' as const), file, size }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('pwrite' as const), file, size, at: size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('truncate' as const), file, size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('unlink' as const), file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('mkdir' as const), file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
] as const;
const call = fc.oneof(...calls);
const callOrLink = fc.oneof(...calls, {
  weight: 6,
  arbitrary: fc.record({ op: fc.constant('link' as const), file, to: file }),
});

/** A file of the model: its names share it. */
interface Kept {
  bytes: Uint8Array;
}

function bytesOf(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = (i * 31 + seed * 17) & 0xff;
  return bytes;
}

describe('a full volume says so at the write', () => {
  it.each([
    ['close', false],
    ['fsync', false],
    ['close', true],
    ['fsync', true],
  ] as const)('durability %s, hard links: %s', (durability, hardLinks) => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(hardLinks ? callOrLink : call, { minLength: 10, maxLength: 80, size: 'max' }),
        fc.constantFrom(12, 24, 60),
        fc.constantFrom(512, 1024),
        (calls, blockCount, blockSize) => {
          const device = new RamDevice({ blockSize, blockCount });
          LittleFS.format(device);
          const vfs = new Vfs(LittleFS.mount(device), { metadata: 'posix', durability, hardLinks });
          const model = new Map<string, Kept>();
          const directories = new Set<string>();
          calls.forEach((each, seed) => {
            if (each.op === 'sync') {
              vfs.sync();
              return;
            }
            const path = `/f${each.file}`;
            const kept = model.get(path);
            const old = kept?.bytes;
            const before = old ?? new Uint8Array(0);
            let after = before;
            let made = old !== undefined;
            try {
              if (each.op === 'unlink') {
                if (old !== undefined) vfs.unlink(path);
                model.delete(path);
                return;
              }
              if (each.op === 'link') {
                const to = `/f${each.to}`;
                if (kept === undefined || model.has(to)) return;
                vfs.link(path, to);
                model.set(to, kept);
                return;
              }
              if (each.op === 'mkdir') {
                if (directories.has(`/d${each.file}`)) return;
                vfs.mkdir(`/d${each.file}`);
                directories.add(`/d${each.file}`);
                return;
              }
              const data = bytesOf(each.size, seed);
              if (each.op === 'replace') {
                after = data;
                if (each.size > 0 || old === undefined) vfs.writeFile(path, data, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
                else vfs.truncate(path, 0);
              } else {
                const fd = vfs.open(
                  path,
                  each.op === 'append' ? O_WRONLY | O_CREAT | O_APPEND : O_RDWR | O_CREAT,
                  0o644,
                );
                made = true;
                try {
                  if (each.op === 'append') {
                    after = new Uint8Array(before.length + data.length);
                    after.set(before);
                    after.set(data, before.length);
                    vfs.write(fd, data, 0, data.length, -1);
                  } else if (each.op === 'pwrite') {
                    after = new Uint8Array(
                      data.length === 0 ? before.length : Math.max(before.length, each.at + data.length),
                    );
                    after.set(before);
                    after.set(data, data.length === 0 ? 0 : each.at);
                    vfs.write(fd, data, 0, data.length, each.at);
                  } else {
                    after = new Uint8Array(each.size);
                    after.set(before.subarray(0, each.size));
                    vfs.ftruncate(fd, each.size);
                  }
                } finally {
                  vfs.close(fd);
                }
              }
            } catch (error) {
              if (!(error instanceof VfsError) || error.code !== 'ENOSPC' || each.op === 'unlink') throw error;
              refused++;
              after = before;
              // Replacing truncates first, as open does: that may have happened.
              if (each.op === 'replace' && typeof vfs.probe(path, true) !== 'string') {
                made = true;
                if ((vfs.probe(path, true) as { size: number }).size === 0) after = new Uint8Array(0);
              }
            }
            if (kept !== undefined) kept.bytes = after;
            else if (made || after !== before) model.set(path, { bytes: after });
          });
          vfs.sync();
          const again = new Vfs(LittleFS.mount(device));
          for (const [path, { bytes }] of model) {
            expect(Buffer.from(again.readFile(path)).equals(bytes), path).toBe(true);
            // Whoever knows nothing of other names finds the same.
            expect(Buffer.from(again.state.lfs.readFile(path)).equals(bytes), path).toBe(true);
          }
          expect(
            again
              .readdir('/')
              .map(({ name }) => `/${name}`)
              .sort(),
          ).toEqual([...model.keys(), ...directories].sort());
          expect(check(device).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        },
      ),
      runs(200),
    );
    expect(refused, 'writes that did not fit').toBeGreaterThan(50);
  });
});
