// What `npm start` runs: a file system in memory, some work on it, and then the power cut under it at every single
// write, with the last program torn. It prints what survived.
import { FlashDevice, PowerLoss } from 'littlefs-vfs/device';
import { check, LittleFS, O_APPEND, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from 'littlefs-vfs/lfs';

const geometry = { blockSize: 512, blockCount: 64, readSize: 16, progSize: 16 };
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (string) => new TextEncoder().encode(string);

function writeFile(lfs, path, content, flags = O_WRONLY | O_CREAT | O_TRUNC) {
  const file = lfs.open(path, flags);
  file.write(bytes(content));
  file.close();
}

function readFile(lfs, path) {
  const file = lfs.open(path, O_RDONLY);
  const content = new Uint8Array(file.size());
  file.read(content);
  file.close();
  return text(content);
}

// 1. Make an image and use it.
const flash = new FlashDevice(geometry);
LittleFS.format(flash);
const lfs = LittleFS.mount(flash);
lfs.mkdir('/boot');
lfs.mkdir('/data');
writeFile(lfs, '/boot/config.json', '{"boots":0}');
writeFile(lfs, '/data/log.txt', '');
lfs.setAttr('/boot/config.json', 0x74, Uint8Array.of(0, 0, 0, 0, 0x65, 0x5d, 0, 0));
console.log('A new littlefs of 64 blocks of 512 bytes, in memory:\n');
for (const path of ['/', '/boot', '/data']) {
  for (const entry of lfs.openDir(path)) {
    if (entry.name !== '.' && entry.name !== '..')
      console.log(
        `  ${entry.type === 'dir' ? 'dir ' : 'file'}  ${String(entry.size).padStart(4)}  ${path === '/' ? '' : path}/${entry.name}`,
      );
  }
}
console.log(`\n  ${lfs.fsSize()} of ${lfs.fsStat().blockCount} blocks used, disk version ${lfs.fsStat().diskVersion}`);
lfs.unmount();

// 2. What a device does at every boot: count it in the config, safely, and append to the log.
const boots = 8;
function boot(disk, number, told) {
  const fs = LittleFS.mount(disk);
  writeFile(fs, '/boot/config.new', `{"boots":${number}}`);
  fs.rename('/boot/config.new', '/boot/config.json');
  told.boots = number;
  const line = `boot ${number}: ${'all is well. '.repeat(12 * number)}\n`;
  writeFile(fs, '/data/log.txt', line, O_WRONLY | O_CREAT | O_APPEND);
  told.log += line;
  fs.unmount();
}

// 3. Cut the power at every program and erase of it, and each time in five ways: before, torn, damaged, and after.
const start = flash.snapshot();
const ways = ['noop', { to: 5 }, { from: 3 }, 'flip', 'done'];
let cuts = 0;
let healthy = 0;
const survived = new Map();
const broken = [];

/** One life of the device: true when the power was cut in it. */
function live(after, mode) {
  flash.restore(start);
  flash.cutPower({ after, mode });
  const told = { boots: 0, log: '' };
  try {
    for (let number = 1; number <= boots; number++) boot(flash, number, told);
    return false;
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error;
  }
  cuts++;
  flash.restart();

  // The next boot: is everything there that had been saved, and nothing half done?
  const again = LittleFS.mount(flash);
  const config = JSON.parse(readFile(again, '/boot/config.json'));
  const log = readFile(again, '/data/log.txt');
  if (config.boots < told.boots || config.boots > told.boots + 1 || !log.startsWith(told.log)) {
    broken.push({ after, mode, told, config, log });
  }
  const state = `config says ${config.boots}, the log has ${log.split('\n').length - 1} lines`;
  survived.set(state, (survived.get(state) ?? 0) + 1);

  // It must be able to go on, and be without fault.
  again.makeConsistent();
  writeFile(again, '/data/after.txt', 'still alive');
  again.unmount();
  if (check(flash).ok && readFile(LittleFS.mount(flash), '/data/after.txt') === 'still alive') healthy++;
  return true;
}

for (const mode of ways) for (let at = 1; live(at, mode); at++);

console.log(`\n${boots} boots, each saving the config (write, then rename) and appending to the log.`);
console.log('The power was cut at every program and erase of them, before it, in the middle of it and after it:\n');
for (const [state, count] of [...survived].sort()) console.log(`  ${String(count).padStart(4)} x  ${state}`);
console.log(`\n  ${cuts - broken.length} of ${cuts} cuts kept everything that had been saved`);
console.log(`  ${healthy} of ${cuts} images were without fault and writable afterwards`);
if (broken.length > 0 || healthy !== cuts) {
  console.error('\nA cut lost data:', broken[0]);
  process.exitCode = 1;
}
