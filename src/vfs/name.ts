/**
 * Names and paths as bytes in text form: one character a byte, as the engine keeps them. ASCII is the same in both
 * forms; names that are not valid UTF-8 pass through unharmed.
 *
 * @module
 */

import { byteString, bytesOf, utf8Encode } from '../lfs/bytes.ts';
import type { LfsPath } from '../lfs/path.ts';
import type { Name, PathLike } from './posix.ts';

export {
  byteString as nameOfBytes,
  bytesOf as bytesOfName,
  utf8Decode as decodeName,
  utf8Encode as encodeName,
} from '../lfs/bytes.ts';

export function nameOfPath(path: PathLike): Name {
  return typeof path === 'string' ? utf8Encode(path) : byteString(path);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all that is ASCII
const notAscii = /[^\x00-\x7f]/;

/** A path as the engine takes it: text would be encoded once more. */
export function lfsPath(path: Name): LfsPath {
  return notAscii.test(path) ? bytesOf(path) : path;
}
