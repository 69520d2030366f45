/** Bundlers, compilers and resolvers that read their sources from an image and write what they make onto it. */
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import enhanced from 'enhanced-resolve';
import resolve from 'resolve';
import { type RollupFsModule, rollup } from 'rollup';
import ts from 'typescript5';
import { expect, it } from 'vitest';
import webpack from 'webpack';
import { createVolume, type Volume } from '../../src/index.ts';
import { describeWithPosixPaths, plant, remount } from '../support/remount.ts';

const sources = {
  'package.json': '{ "name": "app", "type": "module" }',
  'src/index.js': [
    "import { twice } from './lib/twice.js';",
    "import answer from 'answer';",
    "import('./lazy.js').then(({ late }) => globalThis.result.push(late));",
    'globalThis.result.push(twice(answer));',
  ].join('\n'),
  'src/lib/twice.js': 'export const twice = (n) => n * 2;\nexport const unused = "not in the bundle";\n',
  'src/lazy.js': "export const late = 'late';\n",
  'vendor/answer/package.json': '{ "name": "answer", "main": "lib/main.js", "type": "module" }',
  'vendor/answer/lib/main.js': 'export default 21;\n',
  'node_modules/answer': ' -> ../vendor/answer',
};

function project(): Volume {
  const vol = createVolume();
  plant(vol.fs, sources, '/app');
  // webpack's cache does not trust what has changed in the last moments.
  for (const path of vol.fs.globSync('/app/**') as string[]) vol.fs.lutimesSync(path, 1_600_000_000, 1_600_000_000);
  return vol;
}

describeWithPosixPaths('webpack 5', () => {
  async function build(vol: Volume) {
    const compiler = webpack({
      mode: 'production',
      target: 'node',
      context: '/app',
      entry: './src/index.js',
      output: { path: '/app/dist/web', filename: 'main.js', chunkFilename: '[name].js' },
      optimization: { minimize: false, chunkIds: 'named' },
      devtool: 'source-map',
      cache: { type: 'filesystem', cacheDirectory: '/app/.cache', buildDependencies: {} },
      snapshot: { managedPaths: [], immutablePaths: [] },
      infrastructureLogging: { level: 'error' },
    });
    // biome-ignore lint/suspicious/noExplicitAny: webpack declares each of the three differently
    const fs = vol.fs as any;
    compiler.inputFileSystem = fs;
    compiler.intermediateFileSystem = fs;
    compiler.outputFileSystem = fs;
    const stats = await promisify(compiler.run.bind(compiler))();
    await promisify(compiler.close.bind(compiler))();
    return stats!.toJson({ all: false, errors: true, warnings: true, modules: true, cachedModules: true });
  }

  async function run(vol: Volume): Promise<unknown[]> {
    const result: unknown[] = [];
    const context = {
      result,
      require: (path: string) => {
        const module = { exports: {} };
        const code = vol.fs.readFileSync(`/app/dist/web/${path}`, 'utf8');
        runInNewContext(`(function (exports, module) {${code}\n})`)(module.exports, module);
        return module.exports;
      },
    };
    runInNewContext(vol.fs.readFileSync('/app/dist/web/main.js', 'utf8'), context);
    await new Promise((done) => setTimeout(done, 20));
    return result;
  }

  it('builds, with source maps and its cache, and builds again from the cache', async () => {
    const vol = project();
    const first = await build(vol);
    expect([first.errors, first.warnings]).toEqual([[], []]);

    const again = remount(vol);
    expect(again.fs.readdirSync('/app/dist/web').sort()).toEqual([
      'main.js',
      'main.js.map',
      'src_lazy_js.js',
      'src_lazy_js.js.map',
    ]);
    expect(await run(again)).toEqual([42, 'late']);

    // What is unchanged comes from the cache and is not written again.
    const before = again.fs.statSync('/app/dist/web/main.js').mtimeMs;
    const second = await build(again);
    // The others are groups.
    const modules = second.modules!.filter(({ built }) => built !== undefined);
    expect(modules.map(({ built, cached }) => [built, cached])).toEqual(modules.map(() => [false, true]));
    expect(modules.length).toBeGreaterThan(1);
    expect(again.fs.statSync('/app/dist/web/main.js').mtimeMs).toBe(before);
    again.fs.writeFileSync('/app/vendor/answer/lib/main.js', 'export default 50;\n');
    await build(again);
    expect(await run(remount(again))).toEqual([100, 'late']);
  });

  it('says what it does not find', async () => {
    const vol = project();
    vol.fs.unlinkSync('/app/node_modules/answer');
    const { errors } = await build(vol);
    expect(errors!.map(({ message }) => message.split('\n')[0])).toEqual([
      "Module not found: Error: Can't resolve 'answer' in '/app/src'",
    ]);
  });
});

describeWithPosixPaths('rollup', () => {
  it('bundles with its fs option', async () => {
    const vol = project();
    const fs = vol.fs.promises as unknown as RollupFsModule;
    const bundle = await rollup({
      input: '/app/src/index.js',
      fs,
      plugins: [{ name: 'answer', resolveId: (id) => (id === 'answer' ? '/app/vendor/answer/lib/main.js' : null) }],
    });
    await bundle.write({ dir: '/app/dist/rollup', format: 'es', sourcemap: true, chunkFileNames: '[name].js' });
    await bundle.close();

    const again = remount(vol);
    expect(again.fs.readdirSync('/app/dist/rollup').sort()).toEqual([
      'index.js',
      'index.js.map',
      'lazy.js',
      'lazy.js.map',
    ]);
    const code = again.fs.readFileSync('/app/dist/rollup/index.js', 'utf8');
    expect(code).not.toContain('not in the bundle');
    const result: unknown[] = [];
    runInNewContext(code.replace(/import\(.*?\)/, 'Promise.resolve({})').replace(/^\/\/#.*$/m, ''), { result });
    expect(result).toEqual([42]);
  });
});

describeWithPosixPaths("TypeScript 5's ts.System", () => {
  function systemOn({ fs }: Volume): ts.System {
    const kind = (path: string) => fs.statSync(path, { throwIfNoEntry: false });
    return {
      args: [],
      newLine: '\n',
      useCaseSensitiveFileNames: true,
      write: () => {},
      exit: (code) => {
        throw new Error(`exit ${code}`);
      },
      readFile: (path, encoding = 'utf8') =>
        kind(path)?.isFile() ? fs.readFileSync(path, encoding as 'utf8') : undefined,
      writeFile: (path, data, bom) => fs.writeFileSync(path, bom ? `\ufeff${data}` : data),
      fileExists: (path) => kind(path)?.isFile() ?? false,
      directoryExists: (path) => kind(path)?.isDirectory() ?? false,
      createDirectory: (path) => fs.mkdirSync(path),
      getDirectories: (path) =>
        fs
          .readdirSync(path, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => entry.name),
      readDirectory: (path, extensions = []) =>
        (fs.readdirSync(path, { recursive: true }) as string[])
          .filter((name) => extensions.some((extension) => name.endsWith(extension)))
          .map((name) => `${path}/${name}`),
      realpath: (path) => fs.realpathSync(path),
      resolvePath: (path) => path,
      getCurrentDirectory: () => '/app',
      getExecutingFilePath: () => '/lib/typescript.js',
      getModifiedTime: (path) => kind(path)?.mtime,
      deleteFile: (path) => fs.unlinkSync(path),
      createHash: (data) => data,
    };
  }

  it('compiles a project, incrementally, and reports what is wrong', () => {
    const vol = createVolume();
    plant(vol.fs, {
      'lib/lib.d.ts': [
        ...['Array<T>', 'Boolean', 'CallableFunction', 'Function', 'IArguments', 'NewableFunction', 'Number', 'Object'],
        ...['RegExp', 'String'],
      ]
        .map((name) => `interface ${name} {}\n`)
        .join(''),
      'app/tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...{ outDir: 'out', declaration: true, strict: true, incremental: true, module: 'esnext' },
          ...{ target: 'es2022', moduleResolution: 'bundler', types: [] },
        },
        include: ['src'],
      }),
      'app/src/main.ts': "import { twice } from 'lib';\nexport const answer: number = twice(21);\n",
      'app/src/deep/wrong.ts': 'export const text: string = 42;\n',
      'app/packages/lib/index.ts': 'export function twice(n: number): number {\n  return n * 2;\n}\n',
      'app/packages/lib/package.json': '{ "name": "lib", "types": "index.ts" }',
      'app/node_modules/lib': ' -> ../packages/lib',
    });
    const compile = (on: Volume) => {
      const system = systemOn(on);
      const parsed = ts.getParsedCommandLineOfConfigFile(
        '/app/tsconfig.json',
        {},
        {
          ...system,
          onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
            throw new Error(String(diagnostic.messageText));
          },
        },
      )!;
      const host = ts.createIncrementalCompilerHost(parsed.options, system);
      const program = ts.createIncrementalProgram({ rootNames: parsed.fileNames, options: parsed.options, host });
      const diagnostics = [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics()];
      program.emit();
      return diagnostics.map(({ file, messageText }) => `${file?.fileName}: ${messageText}`);
    };
    expect(compile(vol)).toEqual(["/app/src/deep/wrong.ts: Type 'number' is not assignable to type 'string'."]);
    vol.fs.writeFileSync('/app/src/deep/wrong.ts', "export const text: string = '42';\n");

    const again = remount(vol);
    expect(compile(again)).toEqual([]);
    const last = remount(again).fs;
    expect((last.readdirSync('/app/out', { recursive: true }) as string[]).sort()).toContain('src/main.js');
    expect(last.readFileSync('/app/out/src/main.js', 'utf8')).toContain('export const answer = twice(21);');
    expect(last.readFileSync('/app/out/src/main.d.ts', 'utf8')).toBe('export declare const answer: number;\n');
    expect(last.readFileSync('/app/out/src/deep/wrong.js', 'utf8')).toContain("'42'");
  });
});

describeWithPosixPaths('resolvers', () => {
  it('enhanced-resolve finds packages, extensions and links', async () => {
    const { fs } = remount(project());
    const resolver = enhanced.ResolverFactory.createResolver({
      // biome-ignore lint/suspicious/noExplicitAny: it declares the few members that it uses, in its own way
      fileSystem: new enhanced.CachedInputFileSystem(fs as any, 4000),
      extensions: ['.js', '.json'],
      mainFields: ['main'],
    });
    const ask = promisify(
      resolver.resolve.bind(resolver) as (
        a: object,
        b: string,
        c: string,
        d: object,
        e: (error: unknown) => void,
      ) => void,
    ) as unknown as (a: object, b: string, c: string, d: object) => Promise<string>;
    expect(await ask({}, '/app/src', 'answer', {})).toBe('/app/vendor/answer/lib/main.js');
    expect(await ask({}, '/app/src', './lib/twice', {})).toBe('/app/src/lib/twice.js');
    await expect(ask({}, '/app/src', './nothing', {})).rejects.toThrow("Can't resolve './nothing' in '/app/src'");
    expect(enhanced.create.sync({ fileSystem: fs as never })({}, '/app', './package.json')).toBe('/app/package.json');
  });

  it('resolve, by its readFile, isFile, isDirectory and realpath options', async () => {
    const { fs } = remount(project());
    const is = (test: 'isFile' | 'isDirectory') => (path: string) =>
      fs.statSync(path, { throwIfNoEntry: false })?.[test]() ?? false;
    const options = {
      basedir: '/app/src',
      preserveSymlinks: false,
      readFileSync: fs.readFileSync,
      isFile: is('isFile'),
      isDirectory: is('isDirectory'),
      realpathSync: fs.realpathSync,
    };
    expect(resolve.sync('answer', options)).toBe('/app/vendor/answer/lib/main.js');
    const later = (test: 'isFile' | 'isDirectory') => (path: string, done: (error: unknown, is: boolean) => void) =>
      fs.stat(path, (_error, stats) => done(null, stats?.[test]() ?? false));
    const found = await promisify(resolve)('answer', {
      basedir: '/app/src',
      preserveSymlinks: false,
      readFile: fs.readFile,
      isFile: later('isFile'),
      isDirectory: later('isDirectory'),
      realpath: fs.realpath,
    });
    expect(found).toBe('/app/vendor/answer/lib/main.js');
  });
});
