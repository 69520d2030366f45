/**
 * `openAsBlob`: a file as a `Blob`.
 *
 * The blob holds what the file held when it was opened, and refuses to be read once the file is another, as Node's
 * do. Made part of another blob it is copied, like any blob.
 *
 * @module
 */

import { Blob } from 'node:buffer';
import { ReadableStream } from 'node:stream/web';
import type { PathLike, PosixFs } from '../vfs/posix.ts';
import { toValidPath, validateObject, validateString } from './args.ts';
import { codedError } from './errors.ts';

export function createOpenAsBlob(vfs: PosixFs): (path: unknown, options?: unknown) => Promise<Blob> {
  return function openAsBlob(path: unknown, options: unknown = {}): Promise<Blob> {
    validateObject(options, 'options');
    const type: unknown = (options as { type?: unknown }).type || '';
    validateString(type, 'options.type');
    return Promise.resolve(openBlob(vfs, toValidPath(path), type as string));
  };
}

function openBlob(vfs: PosixFs, path: PathLike, type: string): Blob {
  const found = vfs.probe(path, true);
  if (typeof found === 'string') throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', 'Unable to open file as blob');
  const opened = identityOf(vfs, path);
  let bytes: Uint8Array;
  try {
    bytes = vfs.readFile(path);
  } catch {
    // A directory, say: there is a blob, which cannot be read.
    return new FileBlob(new Uint8Array(), type, () => false);
  }
  return new FileBlob(bytes, type, () => identityOf(vfs, path) === opened);
}

/** What is another when the file is. */
function identityOf(vfs: PosixFs, path: PathLike): string {
  const found = vfs.probe(path, true);
  if (typeof found === 'string') return found;
  return `${found.ino} ${found.size} ${found.mtimeSec} ${found.mtimeNsec}`;
}

function notReadable(): DOMException {
  return new DOMException('The blob could not be read', 'NotReadableError');
}

/** How much a stream reads at once; before each piece the file is looked at. */
const pieceSize = 64 * 1024;

class FileBlob extends Blob {
  readonly #isSame: () => boolean;

  constructor(content: Uint8Array | Blob, type: string, isSame: () => boolean) {
    super([content as Uint8Array<ArrayBuffer>], { type });
    this.#isSame = isSame;
  }

  #check(): void {
    if (!this.#isSame()) throw notReadable();
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    this.#check();
    return super.arrayBuffer();
  }

  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.arrayBuffer());
  }

  override async text(): Promise<string> {
    this.#check();
    return super.text();
  }

  override slice(start?: number, end?: number, type: string = ''): Blob {
    return new FileBlob(super.slice(start, end), type, this.#isSame);
  }

  override stream(): ReadableStream {
    let at = 0;
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        this.#check();
        const end = Math.min(at + pieceSize, this.size);
        if (at < end) controller.enqueue(new Uint8Array(await super.slice(at, end).arrayBuffer()));
        at = end;
        if (at < this.size) return;
        controller.close();
        controller.byobRequest?.respond(0);
      },
    });
  }
}

// Node does not let blobs of files be cloned, and asks objects by a method that has only this symbol for a name.
for (const symbol of Object.getOwnPropertySymbols(Blob.prototype)) {
  if (symbol.description !== 'messaging_clone_symbol') continue;
  Object.defineProperty(FileBlob.prototype, symbol, {
    value() {
      throw codedError(Error, 'ERR_INVALID_STATE', 'Invalid state: File-backed Blobs are not cloneable');
    },
    configurable: true,
    writable: true,
  });
}
