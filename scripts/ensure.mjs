/**
 * Makes one command enough on a fresh clone: installs what is missing, builds what is out of date.
 *
 *   node scripts/ensure.mjs                     dependencies as package-lock.json has them
 *   node scripts/ensure.mjs --build             and dist/, when it is older than src/
 *   node scripts/ensure.mjs --build --bench     and bench/.out/, when it is older than bench/ or dist/
 *   node scripts/ensure.mjs --clean             dependencies; and dist/ is removed, so that nothing stale is shipped
 *
 * Plain JavaScript on purpose: it runs before any dependency is there, and Node 20 cannot run TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function run(title, command, args) {
  console.error(`> ${title}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) console.error(`${command} did not start: ${error.message}`);
  if (status !== 0) {
    console.error(`failed: ${title}`);
    process.exit(status || 1);
  }
}

/** Newest change among the files under `folder` that end in `suffix`. */
function newestMs(folder, suffix) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) newest = Math.max(newest, newestMs(path, suffix));
    else if (entry.name.endsWith(suffix)) newest = Math.max(newest, modifiedMs(path));
  }
  return newest;
}

function ensureDependencies() {
  const lockPath = at('package-lock.json');
  const stamp = at('node_modules', '.installed-lock-hash');
  const hash = createHash('sha256').update(readFileSync(lockPath)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  // Someone may have run `npm install` by hand: npm's own record is then newer than the lock file.
  if (modifiedMs(at('node_modules', '.package-lock.json')) < modifiedMs(lockPath)) {
    // Started by npm, we know its script and need no shell; by hand, the shell finds npm (npm.cmd on Windows).
    const npm = process.env.npm_execpath;
    const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
    if (npm?.endsWith('.js')) run('npm ci (dependencies are missing or out of date)', process.execPath, [npm, ...args]);
    else if (process.platform === 'win32') run('npm ci', 'cmd.exe', ['/d', '/c', 'npm', ...args]);
    else run('npm ci', 'npm', args);
  }
  writeFileSync(stamp, hash);
}

/** Runs TypeScript over `project` unless `output` is newer than every source. */
function ensureCompiled(project, output, sourcesMs) {
  const stamp = at('node_modules', `.built-${output.replaceAll('/', '-')}`);
  if (existsSync(at(output)) && modifiedMs(stamp) > sourcesMs) return;
  run(`tsc -p ${project}`, process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  writeFileSync(stamp, '');
}

const wishes = new Set(process.argv.slice(2));
ensureDependencies();
if (wishes.has('--clean')) rmSync(at('dist'), { recursive: true, force: true });
if (wishes.has('--build')) {
  const configMs = Math.max(modifiedMs(at('tsconfig.base.json')), modifiedMs(at('tsconfig.build.json')));
  const libraryMs = Math.max(configMs, newestMs(at('src'), '.ts'));
  ensureCompiled('tsconfig.build.json', 'dist', libraryMs);
  if (wishes.has('--bench')) ensureCompiled('bench', 'bench/.out', Math.max(libraryMs, newestMs(at('bench'), '.ts')));
}
