// Builds a web page for a microcontroller: rollup reads the sources from one image and writes the bundle onto the image
// that the board will serve from. Nothing touches the host's file system.
import { createVolume, openVolume } from 'littlefs-vfs';
import { rollup } from 'rollup';

const sources = createVolume();
sources.fs.mkdirSync('/src/lib', { recursive: true });
sources.fs.writeFileSync('/src/main.js', "import { degrees } from './lib/units.js';\nconsole.log(degrees(21));\n");
sources.fs.writeFileSync(
  '/src/lib/units.js',
  'export const degrees = (n) => n + " °C";\nexport const unused = "left out of the bundle";\n',
);

const bundle = await rollup({ input: '/src/main.js', fs: sources.fs.promises });
const { output } = await bundle.generate({ format: 'iife' });

const board = createVolume({ blockSize: 4096, blockCount: 64, metadata: 'none' });
board.fs.mkdirSync('/www');
for (const { fileName, code } of output) board.fs.writeFileSync(`/www/${fileName}`, code);
board.fs.writeFileSync('/www/index.html', '<!doctype html><script src="main.js"></script>\n');

const image = board.toImage();
console.log(`an image of ${image.length} bytes for the board, with`);
const { fs } = openVolume(image);
for (const name of fs.readdirSync('/www')) console.log(`  /www/${name} ${fs.statSync(`/www/${name}`).size}`);
console.log(fs.readFileSync('/www/main.js', 'utf8'));
