/**
 * Loads a package with another module in place of `node:fs`: for packages that take no fs of their own.
 *
 * A small CommonJS loader with a registry of its own: the package and all that it requires are compiled anew and see
 * the given fs wherever they ask for `fs` or `fs/promises`, also when they ask late. Nothing outside changes, so
 * several may be loaded at once, each on its own image.
 */
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';
import type { NodeFs } from '../../src/fs-compat/index.ts';

interface LoadedModule {
  exports: unknown;
  readonly id: string;
  readonly filename: string;
  loaded: boolean;
}

const hostRequire = createRequire(import.meta.url);

/** What `require(name)` gives when `node:fs` is `fs`. */
// biome-ignore lint/suspicious/noExplicitAny: as `require` itself; the packages have types of their own, or none
export function requireWithFs(fs: NodeFs, name: string): any {
  const modules = new Map<string, LoadedModule>();

  function load(request: string, resolve: NodeJS.RequireResolve): unknown {
    const builtin = request.replace(/^node:/, '');
    if (builtin === 'fs') return fs;
    if (builtin === 'fs/promises') return fs.promises;
    if (isBuiltin(request)) return hostRequire(request);
    const filename = resolve(request);
    const known = modules.get(filename);
    if (known !== undefined) return known.exports;
    const source = readFileSync(filename, 'utf8');
    const module: LoadedModule = { exports: {}, id: filename, filename, loaded: false };
    modules.set(filename, module);
    if (filename.endsWith('.json')) {
      module.exports = JSON.parse(source);
    } else {
      const own = createRequire(filename);
      const require = Object.assign((wanted: string) => load(wanted, own.resolve), { resolve: own.resolve });
      const names = ['exports', 'require', 'module', '__filename', '__dirname'];
      const run = compileFunction(source.replace(/^#!.*/, ''), names, { filename });
      run.call(module.exports, module.exports, require, module, filename, dirname(filename));
    }
    module.loaded = true;
    return module.exports;
  }

  return load(name, hostRequire.resolve);
}
