/** Programs that import `node:fs` run on another file system as they are. */
import { existsSync, readFileSync } from 'node:fs';
import { constants, runInThisContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { crashTest, withFs } from '../../src/crash/index.ts';
import { RamDevice } from '../../src/device/index.ts';
import { createFs, type NodeFs } from '../../src/fs-compat/index.ts';
import { LittleFS } from '../../src/lfs/index.ts';
import { Vfs } from '../../src/vfs/index.ts';

/** Node's own `import`: vitest's does not go through its loader. */
const nativeImport = runInThisContext('(url) => import(url)', {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as (url: string) => Promise<unknown>;
const url = (name: string): string => new URL(`./with-fs/${name}`, import.meta.url).href;

interface UserCode {
  readonly atLoad: boolean;
  readonly constant: number;
  save(path: string, text: string): void;
  saveDurably(path: string, text: string): Promise<void>;
  load(path: string): string;
  streamed(path: string): Promise<unknown>;
  calledBack(path: string): Promise<string>;
  promised(path: string): Promise<boolean>;
  readonly required: Record<'load' | 'loadLater' | 'loadBuiltin', (path: string) => unknown>;
  later(): Promise<{ load(path: string): string }>;
}
const userCode = async (): Promise<UserCode> => (await nativeImport(url('save.mjs'))) as UserCode;

function volume(files: Readonly<Record<string, string>>): NodeFs {
  const device = new RamDevice({ blockSize: 512, blockCount: 256 });
  LittleFS.format(device, { blockSize: 512, blockCount: 256 });
  const fs = createFs(new Vfs(LittleFS.mount(device, { blockSize: 512, blockCount: 256 })), { cwd: () => '/' });
  for (const [path, text] of Object.entries(files)) fs.writeFileSync(path, text);
  return fs;
}

describe('code that imports node:fs', () => {
  it('has the file system given, from the moment it is loaded', async () => {
    const fs = volume({ '/at-load': 'here', '/a': 'of the volume' });
    await withFs(fs, async () => {
      const code = await userCode();
      expect(code.atLoad).toBe(true);
      expect(code.load('/a')).toBe('of the volume');
      code.save('/b', 'saved');
      await code.saveDurably('/c', 'safe');
      expect(await code.streamed('/b')).toEqual({ text: 'saved', isStream: true, isStats: true });
      expect(await code.calledBack('/b')).toBe('savedsaved');
      expect([await code.promised('/b'), await code.promised('/nothing')]).toEqual([true, false]);
      expect(code.required.load('/b')).toBe('saved');
      expect(await code.required.loadLater('/c')).toBe('safe');
      expect(code.required.loadBuiltin('/b')).toBe('saved');
      expect((await code.later()).load('/b')).toBe('saved');
      expect(code.constant).toBeGreaterThan(0);
    });
    expect(fs.readFileSync('/b', 'utf8')).toBe('saved');
    expect(existsSync('/b')).toBe(false);
  });

  it('works on many, one after the other and side by side, and on the real one otherwise', async () => {
    const volumes = ['one', 'two', 'three'].map((text) => volume({ '/name': text }));
    const names = await Promise.all(
      volumes.map((fs) =>
        withFs(fs, async () => {
          const { load, calledBack } = await userCode();
          const first = load('/name');
          await new Promise((resolve) => setTimeout(resolve, 5));
          return `${first} ${await calledBack('/name')} ${load('/name')}`;
        }),
      ),
    );
    expect(names).toEqual(['one oneone one', 'two twotwo two', 'three threethree three']);
    const { load, required } = await userCode();
    const own = new URL(import.meta.url).pathname;
    expect(load(own)).toBe(readFileSync(own, 'utf8'));
    expect(required.load(own)).toBe(readFileSync(own, 'utf8'));
    await expect(withFs(volumes[0]!, async () => (await userCode()).load('/nothing'))).rejects.toThrow('ENOENT');
  });

  it('is crash-tested unchanged', async () => {
    const options = (how: 'save' | 'saveDurably') =>
      ({
        model: 'posix-strict',
        setup: ({ fs }) => fs.writeFileSync('/cfg', 'v1'),
        workload: ({ fs, ack }) =>
          withFs(fs, async () => {
            await (await userCode())[how]('/cfg', 'v2');
            ack({ saved: true });
          }),
        check: ({ fs, acked, expect: expecting }) =>
          withFs(fs, async () =>
            expecting.oneOf((await userCode()).load('/cfg'), acked.saved === true ? ['v2'] : ['v1', 'v2']),
          ),
      }) satisfies Parameters<typeof crashTest>[0];
    const hasty = await crashTest(options('save'));
    expect(hasty.failures[0]?.message).toMatch(/^the value is/);
    expect(hasty.failures[0]?.line).toContain('save.mjs:');
    const sound = await crashTest(options('saveDurably'));
    expect(sound.failures.map(({ id, message }) => `${id} ${message}`)).toEqual([]);
  });

  it('of others is, too: write-file-atomic never tears, but does not sync the directory', async () => {
    const options = (waits: boolean) =>
      ({
        model: 'posix-strict',
        setup: ({ fs }) => fs.writeFileSync('/cfg', 'v1'),
        workload: ({ fs, ack }) =>
          withFs(fs, async () => {
            const library = (await nativeImport('write-file-atomic')) as {
              default: (...args: string[]) => Promise<void>;
            };
            // Its temporary files have another name each time.
            await library.default('/cfg', 'v2');
            if (waits) ack({ saved: true });
          }),
        check: ({ fs, acked, expect: expecting }) =>
          expecting.oneOf(fs.readFileSync('/cfg', 'utf8'), acked.saved === true ? ['v2'] : ['v1', 'v2'], '/cfg'),
      }) satisfies Parameters<typeof crashTest>[0];
    expect((await crashTest(options(false))).failures.map(({ message }) => message)).toEqual([]);
    const { failures } = await crashTest(options(true));
    expect(failures.map(({ message }) => message)).toEqual(['/cfg is "v1"; allowed: "v2"']);
    expect(failures[0]?.call).toMatch(/^rename\(/);
  });

  it('is refused what is no file system', async () => {
    await expect(withFs({} as NodeFs, () => 1)).rejects.toThrow('withFs takes a file system');
    await expect(withFs(volume({}), 1 as never)).rejects.toThrow('withFs runs a function; this is number');
  });
});
