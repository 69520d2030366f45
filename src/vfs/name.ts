/**
 * Names and paths as bytes in text form: one character a byte, as the engine keeps them. ASCII is the same in both
 * forms; names that are not valid UTF-8 pass through unharmed.
 *
 * @module
 */

import { byteString, utf8Encode } from '../lfs/bytes.ts';
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
