// Tries an upgrade on an image without touching it: what is changed goes into a layer over it and can be looked at,
// taken over, or forgotten. The same with memfs above, with the host's files below, and with a fork.
import hostFs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVolume, openVolume, overlayFs } from 'littlefs-vfs';
import { memfs } from 'memfs';

const board = createVolume({ size: 1 << 20 });
board.fs.mkdirSync('/lib');
board.fs.writeFileSync('/config.json', '{"version":1}');
board.fs.writeFileSync('/lib/old.py', 'pass\n');
board.fs.writeFileSync('/lib/kept.py', 'pass\n');
const before = board.toImage();

/** Some program that changes what it is given. */
function upgrade(fs) {
  fs.writeFileSync('/config.json', '{"version":2}');
  fs.renameSync('/lib/old.py', '/lib/new.py');
  fs.mkdirSync('/data');
}
const shown = (fs) => fs.globSync('/*/**').sort().join(' ');
const untouched = () => (Buffer.compare(board.toImage(), before) === 0 ? 'is as it was' : 'HAS CHANGED');

// 1. An image over the image: the upper one holds the difference, and can be kept as an image of its own.
const changes = createVolume({ size: 1 << 20 });
const removed = new Set();
const tried = overlayFs(board.fs, changes.fs, { removed });
upgrade(tried);
console.log('tried:     ', shown(tried), tried.readFileSync('/config.json', 'utf8'));
console.log('the change:', shown(openVolume(changes.toImage()).fs), '- and removed:', ...removed);
console.log('the image  ', untouched());

// 2. memfs over the image.
const inMemory = overlayFs(board.fs, memfs().fs);
upgrade(inMemory);
console.log('in memfs:  ', shown(inMemory), '- the image', untouched());

// 3. An image over the host's files: everything is read from the host, nothing is written to it.
const folder = mkdtempSync(join(tmpdir(), 'try-changes-'));
writeFileSync(join(folder, 'notes.txt'), 'of the host');
const overHost = overlayFs(hostFs, createVolume().fs);
overHost.appendFileSync(join(folder, 'notes.txt'), ', and more');
console.log('over it:   ', overHost.readFileSync(join(folder, 'notes.txt'), 'utf8'));
console.log('the host:  ', hostFs.readFileSync(join(folder, 'notes.txt'), 'utf8'));
rmSync(folder, { recursive: true });

// 4. When the whole image may be copied: a fork costs only what is changed in it.
const fork = board.fork();
upgrade(fork.fs);
console.log('a fork:    ', shown(fork.fs), '- the image', untouched());
