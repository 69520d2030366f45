/**
 * `withFs`: runs code that imports `node:fs` unchanged on another file system.
 *
 * What such code imports is a face of the module: each function looks, when it is called, which file system is in force
 * there, and goes to the real one where none is. So a module is loaded once and works on many file systems one after the
 * other, or side by side. Which one is in force follows the code through callbacks and promises (`AsyncLocalStorage`).
 *
 *   import       module.registerHooks where there is one (Node 22.15, 23.5), else module.register
 *   require      Module._load, and process.getBuiltinModule
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import * as realFsModule from 'node:fs';
import * as nodeModule from 'node:module';
import type { NodeFs } from '../fs-compat/index.ts';

type Members = Record<string, unknown>;
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What all copies of this module in a process have in common, as they have one loader. */
interface Shared {
  readonly inForce: AsyncLocalStorage<NodeFs>;
  /** The faces, once somebody asked for them; where modules of the loader find them. */
  fs: Members | null;
  promises: Members | null;
}

const key: symbol = Symbol.for('littlefs-vfs.withFs');
const registry = globalThis as unknown as Record<symbol, Shared | undefined>;
registry[key] ??= { inForce: new AsyncLocalStorage(), fs: null, promises: null };
const shared: Shared = registry[key];
const { inForce } = shared;

const specifiers = new Set(['fs', 'node:fs', 'fs/promises', 'node:fs/promises']);
const moduleOf = (specifier: string): 'fs' | 'promises' => (specifier.endsWith('promises') ? 'promises' : 'fs');

/** `node:module` as the newest Node has it. */
interface LaterModule {
  readonly registerHooks?: (hooks: object) => unknown;
  readonly register: (specifier: string, parent?: string) => void;
}

interface Loading {
  _load(request: string, ...rest: unknown[]): unknown;
}

/** What members of the real module were before anybody replaced one. */
const realFs = (realFsModule as unknown as { readonly default: Members }).default;

/**
 * Runs `run`, in which modules that are loaded and import `node:fs` (or `fs`, `fs/promises`) get `fs`, and so does
 * everything that they call. Modules that were loaded before keep what they have, unless it was through `withFs`; so do
 * modules that a test runner loads by itself instead of Node (vitest and jest do with what they transform): theirs is the
 * real file system.
 *
 * `await withFs(fs, () => import('./user-code.mjs'))`
 */
export async function withFs<T>(fs: NodeFs, run: () => T): Promise<Awaited<T>> {
  if (typeof run !== 'function') throw new TypeError(`withFs runs a function; this is ${typeof run}`);
  if (typeof (fs as Partial<NodeFs> | null | undefined)?.readFileSync !== 'function')
    throw new TypeError('withFs takes a file system as createFs makes it');
  install();
  return await inForce.run(fs, async () => await run());
}

function current(part: 'fs' | 'promises'): Members {
  const fs = (inForce.getStore() ?? realFs) as unknown as Members;
  return part === 'fs' ? fs : (fs.promises as Members);
}

function faceOf(part: 'fs' | 'promises', real: Members): Members {
  const face: Members = {};
  for (const name of Object.keys(real)) {
    const descriptor = Object.getOwnPropertyDescriptor(real, name)!;
    // What Node deprecates warns when it is read.
    if (descriptor.get !== undefined && name !== 'promises' && !/^[A-Z]\w*Stream$/.test(name)) {
      Object.defineProperty(face, name, descriptor);
      continue;
    }
    const value = real[name];
    face[name] = typeof value === 'function' ? faceOfFunction(part, name) : value;
  }
  return face;
}

/** A function, or a class, that is the one of the file system in force whenever it is looked at. */
function faceOfFunction(part: 'fs' | 'promises', name: string): unknown {
  const now = (): AnyFunction => {
    const value = current(part)[name];
    if (typeof value !== 'function') throw new TypeError(`this file system has no ${part}.${name}`);
    return value as AnyFunction;
  };
  // A plain function, as its properties may be shown as others.
  return new Proxy(function face(): void {}, {
    apply: (_, self, args) => Reflect.apply(now(), self, args),
    construct: (_, args, target) => Reflect.construct(now(), args, target === undefined ? now() : target) as object,
    get: (_, key) => Reflect.get(now(), key) as unknown,
    has: (_, key) => Reflect.has(now(), key),
    getPrototypeOf: () => Reflect.getPrototypeOf(now()),
  });
}

/** The text of a module that shows a face. */
function sourceOf(part: 'fs' | 'promises'): string {
  const names = Object.keys(part === 'fs' ? realFs : (realFs.promises as Members)).filter((name) =>
    /^[A-Za-z_]\w*$/.test(name),
  );
  // As members of the module itself these are deprecated, and say so.
  const from = (name: string): string => (/^[FRWX]_OK$/.test(name) ? 'face.constants' : 'face');
  const lines = names.map((name) => `export const ${name} = ${from(name)}.${name};`);
  return `const face = globalThis[Symbol.for('littlefs-vfs.withFs')].${part};\nexport default face;\n${lines.join('\n')}\n`;
}

const urlOf = (part: 'fs' | 'promises'): string =>
  `data:text/javascript,${encodeURIComponent(`/* node:fs of littlefs-vfs */${sourceOf(part)}`)}`;

/** Modules of our own, which need the real one: where this file is, a floor up. */
const home = new URL('../', import.meta.url).href;

function install(): void {
  if (shared.fs !== null) return;
  shared.promises = faceOf('promises', realFs.promises as Members);
  shared.fs = faceOf('fs', realFs);
  shared.fs.promises = shared.promises;
  const { registerHooks, register } = nodeModule as unknown as LaterModule;
  const urls = { fs: urlOf('fs'), promises: urlOf('promises') };
  if (registerHooks !== undefined) {
    registerHooks({
      resolve(
        specifier: string,
        context: { readonly parentURL?: string; readonly conditions?: readonly string[] },
        next: (...args: unknown[]) => unknown,
      ) {
        const isImport = context.conditions?.includes('import') !== false;
        if (!isImport || !specifiers.has(specifier) || context.parentURL?.startsWith(home) === true)
          return next(specifier, context);
        return { url: urls[moduleOf(specifier)], format: 'module', shortCircuit: true };
      },
    });
  } else {
    // In a thread of its own: all that it needs is in its text.
    const loader =
      `const urls = ${JSON.stringify(urls)}, home = ${JSON.stringify(home)};` +
      `export function resolve(specifier, context, next) {` +
      `const part = /^(?:node:)?fs(\\/promises)?$/.exec(specifier);` +
      `if (part === null || context.parentURL?.startsWith(home)) return next(specifier, context);` +
      `return { url: part[1] === undefined ? urls.fs : urls.promises, format: 'module', shortCircuit: true };}`;
    register(`data:text/javascript,${encodeURIComponent(loader)}`);
  }
  interceptRequire();
}

function interceptRequire(): void {
  const module = (nodeModule as unknown as { readonly default: Loading }).default;
  const load = module._load;
  module._load = function (this: unknown, request: string, ...rest: unknown[]): unknown {
    if (!specifiers.has(request) || inForce.getStore() === undefined) return load.call(this, request, ...rest);
    return shared[moduleOf(request)];
  };
  const target = process as unknown as { getBuiltinModule?: (name: string) => unknown };
  const builtin = target.getBuiltinModule;
  if (builtin === undefined) return;
  target.getBuiltinModule = (name) =>
    specifiers.has(name) && inForce.getStore() !== undefined ? shared[moduleOf(name)] : builtin.call(process, name);
}
