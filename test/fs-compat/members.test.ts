/** Every member of `node:fs` is there, on every Node: nothing is missing that the running Node has, or another one. */

import * as hostFs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createVolume } from '../../src/index.ts';

const host = hostFs as unknown as { default: Record<string, unknown> };
const { fs } = createVolume({ blockSize: 512, blockCount: 64 });
const ours = fs as unknown as Record<string, unknown>;

/** What some Node has and others lack. */
const ofSomeNode = {
  fs: [
    'glob',
    'globSync',
    'mkdtempDisposableSync',
    'Utf8Stream',
    'F_OK',
    'R_OK',
    'W_OK',
    'X_OK',
    'openAsBlob',
    'statfs',
  ],
  promises: ['glob', 'mkdtempDisposable', 'lchmod', 'statfs', 'watch', 'constants'],
};

/** Members of the host's that are not ours, and why. */
const exceptions: Readonly<Record<string, string>> = {
  openAsBlobSync: 'came with Node 26; the module has what Node 20, 22 and 24 have',
  atimeInstant: 'came with Node 26',
  mtimeInstant: 'came with Node 26',
  ctimeInstant: 'came with Node 26',
  birthtimeInstant: 'came with Node 26',
  UV_FS_O_TEMPORARY: 'a flag of Windows',
  UV_FS_O_SHORT_LIVED: 'a flag of Windows',
  UV_FS_O_SEQUENTIAL: 'a flag of Windows',
  UV_FS_O_RANDOM: 'a flag of Windows',
  EXTENSIONLESS_FORMAT_JAVASCRIPT: 'of the module loader; Node 20 shows it by mistake',
  EXTENSIONLESS_FORMAT_WASM: 'of the module loader; Node 20 shows it by mistake',
};

function missing(theirs: object, mine: object): string[] {
  return Object.getOwnPropertyNames(theirs).filter((name) => !(name in mine) && !(name in exceptions));
}

/** Names of what instances of a class have, down to (and without) a class of Node's own. */
function memberNames(prototype: object): string[] {
  return Reflect.ownKeys(prototype)
    .filter((key) => key !== 'constructor')
    .map(String);
}

describe('members', () => {
  it('has what the running Node has', () => {
    expect(missing(host.default, ours)).toEqual([]);
    expect(missing(host.default.promises as object, fs.promises)).toEqual([]);
    expect(missing(host.default.constants as object, fs.constants)).toEqual([]);
  });

  it('has what another Node has', () => {
    expect(ofSomeNode.fs.filter((name) => !(name in ours))).toEqual([]);
    expect(ofSomeNode.promises.filter((name) => !(name in fs.promises))).toEqual([]);
  });

  it('has no lchmod, as on Linux, but the name', () => {
    expect('lchmod' in ours && 'lchmodSync' in ours).toBe(true);
    expect(ours.lchmod).toBeUndefined();
  });

  it.each(['Stats', 'Dirent', 'Dir'])('%s has the methods of the host’s', (name) => {
    const theirs = (host.default[name] as { prototype: object }).prototype;
    const mine = (ours[name] as { prototype: object }).prototype;
    // Names that begin so are Node's own business.
    const wanted = Reflect.ownKeys(theirs).filter((key) => !/^(Symbol\(k|_|processRead|readSyncRec)/.test(String(key)));
    expect(wanted.filter((key) => !(key in mine) && !(key in exceptions))).toEqual([]);
  });

  it('FileHandle has the methods of the host’s', async () => {
    const theirs = await hostFs.promises.open('/dev/null').catch(() => undefined);
    if (theirs === undefined) return;
    fs.writeFileSync('/x', '');
    const mine = await fs.promises.open('/x');
    const names = memberNames(Object.getPrototypeOf(theirs)).filter(
      (key) => !/^Symbol\((k|messaging|nodejs)/.test(key),
    );
    expect(names.filter((key) => !key.startsWith('Symbol(') && !(key in mine))).toEqual([]);
    expect(Object.hasOwn(mine, 'close')).toBe(true);
    await theirs.close();
    await mine.close();
  });

  it('is an ordinary object: members are own, enumerable, writable, and need no `this`', () => {
    for (const [name, value] of Object.entries(ours)) {
      if (name.endsWith('_OK')) continue;
      const property = Object.getOwnPropertyDescriptor(ours, name)!;
      expect({ name, enumerable: property.enumerable, writable: property.writable }).toEqual({
        name,
        enumerable: true,
        writable: true,
      });
      if (typeof value === 'function') expect(value.name, name).not.toBe('');
    }
    expect(Object.keys(ours)).toContain('promises');
    const { writeFileSync, readFileSync, promises } = fs;
    writeFileSync('/detached', 'x');
    expect(readFileSync('/detached', 'utf8')).toBe('x');
    const { readFile } = promises;
    return expect(readFile('/detached', 'utf8')).resolves.toBe('x');
  });

  it('has constants that cannot be changed', () => {
    expect(Object.getPrototypeOf(fs.constants)).toBeNull();
    expect(() => {
      (fs.constants as { O_RDWR: number }).O_RDWR = 5;
    }).toThrow(TypeError);
  });
});
