// What users write: nothing here knows of another file system.
import fs, { existsSync, ReadStream, readFileSync, Stats, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
// biome-ignore lint/style/useNodejsImportProtocol: both are in use
import * as promises from 'fs/promises';

export const atLoad = existsSync('/at-load');

export function save(path, text) {
  writeFileSync(`${path}.tmp`, text);
  fs.renameSync(`${path}.tmp`, path);
}

export async function saveDurably(path, text) {
  const file = await promises.open(`${path}.tmp`, 'w');
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await fs.promises.rename(`${path}.tmp`, path);
  const dir = await promises.open('/', 'r');
  await dir.sync();
  await dir.close();
}

export const load = (path) => readFileSync(path, 'utf8');

export async function streamed(path) {
  const stream = fs.createReadStream(path, 'utf8');
  let text = '';
  for await (const part of stream) text += part;
  return { text, isStream: stream instanceof ReadStream, isStats: fs.statSync(path) instanceof Stats };
}

export const calledBack = (path) =>
  new Promise((resolve, reject) => {
    fs.readFile(path, 'utf8', (error, text) => {
      if (error) reject(error);
      else setTimeout(() => resolve(text + fs.readFileSync(path, 'utf8')), 1);
    });
  });

export const promised = (path) => promisify(fs.exists)(path);

export const required = createRequire(import.meta.url)('./save.cjs');

export const later = () => import('./later.mjs');

export const constant = fs.constants.O_CREAT;
