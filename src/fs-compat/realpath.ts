/**
 * `realpath` and `realpathSync`, which name the step that failed, as Node's own walk does.
 *
 * @module
 */

import { posix } from 'node:path';
import { decodeName } from '../vfs/name.ts';
import type { PosixFs } from '../vfs/posix.ts';
import { getOptions, toPath, validatePath } from './args.ts';
import { Call } from './call.ts';
import { constants } from './constants.ts';
import { toEncoded } from './dirent.ts';
import { posixError } from './errors.ts';

/** The call for `realpath(path, options)`: what is no path becomes one by `String`. */
export function realpathCall(vfs: PosixFs, path: unknown, given: unknown): Call<string | Buffer> {
  const { encoding } = getOptions(given);
  const asked = toPath(path);
  const text = typeof asked === 'string' ? asked : `${asked}`;
  validatePath(text);
  const absolute = posix.resolve(vfs.cwd(), text);
  return new Call('realpath', () => {
    try {
      return toEncoded(vfs.realpath(absolute), encoding);
    } catch (error) {
      throw failedStep(vfs, absolute) ?? error;
    }
  });
}

/** Walks the path as far as it goes. */
function failedStep(vfs: PosixFs, path: string): Error | undefined {
  let walked = '/';
  let rest = path.split('/').filter((part) => part !== '');
  // Loops end it, by ELOOP; this is for what changes meanwhile.
  for (let steps = 0; rest.length > 0 && steps < 4096; steps++) {
    const next = posix.join(walked, rest[0]!);
    const found = vfs.probe(next, false);
    if (typeof found === 'string') return posixError(found, 'lstat', next);
    if ((found.mode & constants.S_IFMT) === constants.S_IFLNK) {
      const behind = vfs.probe(next, true);
      if (typeof behind === 'string') return posixError(behind, 'stat', next);
      const target = posix.resolve(walked, decodeName(vfs.readlink(next)));
      rest = [...target.split('/').filter((part) => part !== ''), ...rest.slice(1)];
      walked = '/';
    } else {
      walked = next;
      rest = rest.slice(1);
    }
  }
  return undefined;
}
