/**
 * Every JavaScript block of the README and the docs runs, and prints what its `// prints:` comments say. Every example
 * runs as a program. Links between documents lead somewhere.
 */
import { spawnSync } from 'node:child_process';
import * as hostFs from 'node:fs';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as memfs from 'memfs';
import * as unionfs from 'unionfs';
import { beforeAll, describe, expect, it } from 'vitest';
import * as crash from '../src/crash/index.ts';
import * as device from '../src/device/index.ts';
import * as node from '../src/device/node/index.ts';
import * as front from '../src/index.ts';
import * as lfs from '../src/lfs/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...(readdirSync(join(root, 'docs'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`),
];
const modules: Record<string, unknown> = {
  'littlefs-vfs': front,
  'littlefs-vfs/crash': crash,
  'littlefs-vfs/lfs': lfs,
  'littlefs-vfs/device': device,
  'littlefs-vfs/device/node': node,
  'node:fs': hostFs,
  memfs,
  unionfs,
};

function snippets(document: string): { line: number; code: string }[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```js\n(.*?)^```/gms)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    code: match[1]!,
  }));
}

const all = documents.flatMap((document) => snippets(document).map((snippet) => ({ document, ...snippet })));

describe('snippets', () => {
  it('are found', () => {
    expect(all.length).toBeGreaterThan(3);
  });

  it.each(all)('$document:$line runs', async ({ code }) => {
    const body = code.replace(/^import (.*?) from '(.*?)';$/gm, "const $1 = modules['$2'];");
    const printed: string[] = [];
    const console = { log: (...values: unknown[]) => printed.push(values.join(' ')) };
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
      ...args: string[]
    ) => (...values: unknown[]) => Promise<void>;
    await new AsyncFunction('modules', 'console', body)(modules, console);
    for (const expected of [...code.matchAll(/\/\/ prints: (.*)$/gm)].map((match) => match[1]!))
      expect(printed).toContain(expected);
  });
});

describe('links', () => {
  it.each(documents)('of %s lead to files that are there', (document) => {
    const text = readFileSync(join(root, document), 'utf8');
    const missing = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(root, dirname(document), target)));
    expect(missing).toEqual([]);
  });
});

describe('examples', () => {
  beforeAll(() => {
    const build = spawnSync(process.execPath, ['scripts/ensure.mjs', '--build'], { cwd: root, encoding: 'utf8' });
    expect(build.status, build.stderr).toBe(0);
  }, 60_000);

  const programs = readdirSync(join(root, 'examples')).map((name) => join('examples', name, `${name}.mjs`));

  it.each(programs)('%s', (program) => {
    const run = spawnSync(process.execPath, [program], { cwd: root, encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).not.toBe('');
  });
});
