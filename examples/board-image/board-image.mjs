// What is done to the image of a MicroPython board: the dump of its whole flash has the file system somewhere in it. We
// change a file in place, the board's times are kept the way MicroPython keeps them, and all else stays as it was.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, createVolume, openImage, RamDevice } from 'littlefs-vfs';

// A dump of 2 MiB, as a flash tool reads it from an ESP32: the firmware, and the file system from 1 MiB on.
const folder = mkdtempSync(join(tmpdir(), 'board-'));
const dump = join(folder, 'dump.bin');
const offset = 1 << 20;
const board = createVolume({ size: 1 << 20, metadata: 'micropython', clock: () => Date.parse('2024-01-01T00:00:00Z') });
board.fs.mkdirSync('/lib');
board.fs.writeFileSync('/boot.py', 'import machine\n');
board.fs.writeFileSync('/main.py', 'print("version 1")\n');
writeFileSync(dump, Buffer.concat([Buffer.alloc(offset, 'FIRMWARE'), board.toImage()]));

// Block size, block count and the way times are kept are found in the image itself.
const vol = await openImage(dump, { offset });
console.log(`blocks of ${vol.device.blockSize} bytes, times as ${vol.vfs.metadata} has them`);
vol.fs.writeFileSync('/main.py', 'print("version 2")\n');
vol.fs.utimesSync('/main.py', 0, new Date('2025-02-03T04:05:06Z'));
await vol.fs.promises.appendFile('/lib/sensor.py', 'def read():\n    return 21\n');
const mtime = new DataView(vol.lfs.getAttr('/main.py', 1).buffer).getBigUint64(0, true);
console.log(`attribute 1 of /main.py: ${mtime} ns`);
vol.close();

const after = readFileSync(dump);
console.log('the firmware is as it was:', after.subarray(0, offset).equals(Buffer.alloc(offset, 'FIRMWARE')));
console.log('faults:', check(new RamDevice({ blockSize: 4096, image: after.subarray(offset) })).findings.length);
const read = await openImage(dump, { offset, readOnly: true });
for (const name of ['boot.py', 'main.py', 'lib/sensor.py'])
  console.log(name, read.fs.statSync(`/${name}`).size, read.fs.readFileSync(`/${name}`, 'utf8').split('\n')[0]);
console.log('changed on', read.fs.statSync('/main.py').mtime.toISOString());
read.close();
rmSync(folder, { recursive: true });
