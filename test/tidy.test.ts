/**
 * Our habits, as a test: each finding names the file, what is there, and what to do instead.
 *
 * The compiler and the linter hold most rules already (a `Buffer` in src/lfs does not compile). Here is what they
 * cannot know: which floor of the building may look down on which, and how a file introduces itself.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/**
 * Floor (folder of src/) to the floors below it. Imports point down only, nothing imports sideways; within a floor
 * everybody may import everybody. A new folder gets its line here, and with it its place in docs/ARCHITECTURE.md.
 */
const floors: Readonly<Record<string, readonly string[] | 'all'>> = {
  lfs: [],
  device: ['lfs'],
  vfs: ['lfs'],
  'fs-compat': ['vfs', 'lfs'],
  fuse: ['vfs', 'lfs'],
  crash: ['fs-compat', 'vfs', 'lfs', 'device'],
  image: ['vfs', 'lfs', 'device'],
  filestore: ['image', 'vfs', 'lfs', 'device'],
  micropython: ['image', 'vfs', 'lfs', 'device'],
  cli: 'all',
  // Files right in src/: the front door.
  '': 'all',
};

/** Floors that run in browsers too; of the devices, all but those in src/device/node. */
const withoutNode = (path: string) => /^src\/(lfs|vfs)\//.test(path) || /^src\/device\/(?!node\/)/.test(path);

const nodeGlobals = ['Buffer', 'process', 'global', 'require', '__dirname', '__filename', 'setImmediate', 'console'];

const linesMax = 600;

interface Source {
  /** From the root, with '/'. */
  readonly path: string;
  readonly floor: string;
  readonly text: string;
  /** The text without comments, and without what is in strings but for import paths. */
  readonly code: string;
}

/** Blanks comments; strings too, unless `keepStrings`. Good enough for code that Biome has formatted. */
function bare(text: string, keepStrings: boolean): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  return text.replace(token, (match) => {
    if (match.startsWith('/')) return match.replace(/[^\n]/g, ' ');
    return keepStrings ? match : `''${'\n'.repeat(match.split('\n').length - 1)}`;
  });
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const path = relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      const text = readFileSync(join(root, path), 'utf8');
      const [, floor = ''] = /^src\/([^/]+)\//.exec(path) ?? [];
      return { path, floor, text, code: bare(text, false) };
    });
}

/** Every module that a file imports or re-exports, as it is written there. */
function importsOf(source: Source): string[] {
  const found = bare(source.text, true).matchAll(/(?<![.\w])(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g);
  return [...found].map((match) => match[2]!);
}

/** The floor that a relative import leads to. */
function floorOf(source: Source, specifier: string): string {
  const target = relative(root, join(root, source.path, '..', specifier)).replaceAll('\\', '/');
  return /^src\/([^/]+)\//.exec(target)?.[1] ?? '';
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

const sources = sourcesIn('src');

/** One finding a line, nothing when all is well: what a failure prints is what to do. */
function findings(of: (source: Source) => string[]): string[] {
  return sources.flatMap((source) => of(source).map((finding) => `${source.path}: ${finding}`));
}

describe('the building', () => {
  it('has a floor for every folder', () => {
    const unknown = new Set(sources.map(({ floor }) => floor).filter((floor) => !(floor in floors)));
    expect([...unknown], 'folders of src/ that are not in the table of floors above').toEqual([]);
  });

  it('has stairs that lead down only', () => {
    const wrong = findings((source) => {
      const below = floors[source.floor] ?? [];
      return importsOf(source)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => ({ specifier, floor: floorOf(source, specifier) }))
        .filter(({ floor }) => below !== 'all' && floor !== source.floor && !below.includes(floor))
        .map(({ specifier }) => {
          const allowed = below.length === 0 ? 'nothing' : (below as string[]).join(', ');
          return `imports ${specifier}; ${source.floor} stands on ${allowed}: pass it in, or move it down`;
        });
    });
    expect(wrong).toEqual([]);
  });

  it('keeps Node out of the floors that run in browsers', () => {
    const used = new RegExp(`(?<![.\\w$])(${nodeGlobals.join('|')})\\b(?!\\s*:)`, 'g');
    const wrong = findings((source) => {
      if (!withoutNode(source.path)) return [];
      const names = [...source.code.matchAll(used)].map(
        (match) => `line ${lineOf(source.code, match.index)} names ${match[1]}: take it as an argument from above`,
      );
      const modules = importsOf(source)
        .filter((specifier) => !specifier.startsWith('.'))
        .map((specifier) => `imports ${specifier}: browsers have none of it`);
      return [...names, ...modules];
    });
    expect(wrong).toEqual([]);
  });

  it('needs nothing but Node at run time', () => {
    const wrong = findings((source) =>
      importsOf(source)
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map((specifier) => `imports ${specifier}: the package has no dependencies; Node's own are named 'node:...'`),
    );
    expect(wrong).toEqual([]);
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(dependencies, 'dependencies in package.json').toBeUndefined();
  });
});

describe('a file', () => {
  it('opens by saying what it owns', () => {
    const wrong = findings(({ text }) =>
      /^(#!.*\n)?\/\*\*\n \* \S/.test(text)
        ? []
        : ['begins without a doc comment: say what the file owns and relies on'],
    );
    expect(wrong).toEqual([]);
  });

  it(`is not longer than ${linesMax} lines`, () => {
    const wrong = findings(({ text }) => {
      const lines = text.split('\n').length - 1;
      return lines <= linesMax ? [] : [`has ${lines} lines: look for the second noun hiding in it`];
    });
    expect(wrong).toEqual([]);
  });

  it('has a name that says what is in it, in kebab-case', () => {
    const wrong = findings(({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1, -'.ts'.length);
      if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?$/.test(name)) return ['is not named in kebab-case'];
      return /^(utils?|helpers?|misc|common)$/.test(name) ? ['is named after nothing: name it after what it owns'] : [];
    });
    expect(wrong).toEqual([]);
  });

  it('exports by name', () => {
    const wrong = findings(({ code }) =>
      /\bexport\s+default\b|\bas\s+default\b/.test(code) ? ['has a default export: a name can be searched for'] : [],
    );
    expect(wrong).toEqual([]);
  });

  it('has no enum and no namespace: types must erase', () => {
    const wrong = findings(({ code }) =>
      [...code.matchAll(/^[ \t]*(?:export\s+|declare\s+|const\s+)*(enum|namespace)\s+\w+/gm)].map(
        (match) => `line ${lineOf(code, match.index)} has an ${match[1]}: use a constant object`,
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the package', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  it('has types first in every export, and a source for each', () => {
    for (const [subpath, target] of Object.entries<string | Record<string, string>>(exports)) {
      if (typeof target === 'string') continue;
      expect(Object.keys(target), subpath).toEqual(['types', 'default']);
      expect(target.types, subpath).toBe(target.default?.replace(/\.js$/, '.d.ts'));
      const source = target.default?.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
      expect(sources.map(({ path }) => path)).toContain(source);
    }
  });

  it('names no host in its lock file', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved":/);
  });
});
