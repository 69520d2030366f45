/**
 * The shape of the module that `createFs` makes: `node:fs` as the newest of the supported Nodes has it.
 *
 * The declarations come from @types/node; what these lack (they follow the oldest supported Node) is added here.
 *
 * @module
 */

import type * as nodeFs from 'node:fs';

/** `node:fs` as a mutable object. */
export type NodeFs = { -readonly [Key in keyof typeof nodeFs]: (typeof nodeFs)[Key] } & LaterMembers;

/** Members that came after Node 20, or that the declarations leave out. */
export interface LaterMembers {
  // biome-ignore lint/suspicious/noExplicitAny: signatures depend on which @types/node the reader has
  glob: (...args: any[]) => void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  globSync: (...args: any[]) => any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  mkdtempDisposableSync: (...args: any[]) => any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  lchmod: (...args: any[]) => any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  lchmodSync: (...args: any[]) => any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  Utf8Stream: any;
  /** Flags are `'r'` unless said. */
  openSync: (path: nodeFs.PathLike) => number;
  F_OK: number;
  R_OK: number;
  W_OK: number;
  X_OK: number;
}
