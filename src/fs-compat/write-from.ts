/**
 * Writing what comes in pieces: the data of `promises.writeFile` may be an iterable, asynchronous or not.
 *
 * @module
 */

import { Buffer } from 'node:buffer';
import type { Options } from './args.ts';
import { validateAbortSignal } from './args.ts';
import { abortError } from './errors.ts';
import { toBytes } from './whole-file.ts';

type View = ArrayBufferView;
type Write = (view: View, offset: number, length: number) => Promise<number>;

/** How much is written in one turn. */
const pieceSize = 512 * 1024;

/** Something that gives its data piece by piece. */
export function isPieces(data: unknown): data is AsyncIterable<View | string> {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

export async function writeFrom(data: unknown, options: Options, write: Write): Promise<void> {
  const signal = options.signal;
  const notAborted = (): void => {
    if ((signal as AbortSignal | undefined)?.aborted) throw abortError(signal as AbortSignal);
  };
  const writeAll = async (view: View): Promise<void> => {
    for (let at = 0; at < view.byteLength; ) {
      notAborted();
      at += await write(view, at, Math.min(pieceSize, view.byteLength - at));
    }
  };
  if (!isPieces(data)) {
    const bytes = toBytes(data, options.encoding);
    validateAbortSignal(signal, 'signal');
    notAborted();
    await writeAll(bytes);
    return;
  }
  validateAbortSignal(signal, 'signal');
  notAborted();
  for await (const piece of data) {
    notAborted();
    await writeAll(
      ArrayBuffer.isView(piece) ? piece : Buffer.from(piece, (options.encoding || 'utf8') as BufferEncoding),
    );
    notAborted();
  }
}
