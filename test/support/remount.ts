/** What is on an image when somebody else opens it: for tests that let others write to a volume. */
import { describe, expect } from 'vitest';
import type { NodeFs } from '../../src/fs-compat/index.ts';
import { check, openVolume, RamDevice, type Volume } from '../../src/index.ts';

/**
 * Packages join paths with the host's separator and put the host's drive before them, so on Windows they name files
 * that no image has. There they are not tested.
 */
export const describeWithPosixPaths: typeof describe = (
  process.platform === 'win32' ? describe.skip : describe
) as typeof describe;

/** A new volume of the same bytes, which have no fault. */
export function remount(vol: Volume): Volume {
  const image = vol.toImage();
  const { blockSize, blockCount } = vol.device;
  expect(check(new RamDevice({ blockSize, blockCount, image })).findings).toEqual([]);
  return openVolume(image);
}

/** Everything under `folder`: path (a folder's ends in '/') to content, or to ' -> target'. */
export function treeOf(fs: NodeFs, folder = '/'): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (path: string) => {
    for (const entry of fs.readdirSync(path === '' ? '/' : path, { withFileTypes: true })) {
      const full = `${path}/${entry.name}`;
      const shown = full.slice(folder === '/' ? 1 : folder.length + 1);
      if (entry.isDirectory()) {
        found[`${shown}/`] = '';
        walk(full);
      } else if (entry.isSymbolicLink()) found[shown] = ` -> ${fs.readlinkSync(full)}`;
      else found[shown] = fs.readFileSync(full, 'utf8');
    }
  };
  walk(folder === '/' ? '' : folder);
  return found;
}

/** Writes files, and the folders they need; paths that end in '/' are folders, contents ' -> x' are symbolic links. */
export function plant(fs: NodeFs, files: Record<string, string>, folder = ''): void {
  for (const [path, content] of Object.entries(files)) {
    const full = `${folder}/${path}`;
    fs.mkdirSync(full.slice(0, full.lastIndexOf('/')) || '/', { recursive: true });
    if (path.endsWith('/')) continue;
    if (content.startsWith(' -> ')) fs.symlinkSync(content.slice(4), full);
    else fs.writeFileSync(full, content);
  }
}
