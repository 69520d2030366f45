// Serves a web site straight from an image: files, ranges and listings, by serve-handler on `vol.fs`. It asks itself a
// few things and ends; with --stay it goes on serving.
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { createVolume } from 'littlefs-vfs';
import handler from 'serve-handler';

const { fs } = createVolume({ size: 1 << 20 });
fs.mkdirSync('/www/files', { recursive: true });
fs.writeFileSync('/www/index.html', '<h1>Served from littlefs</h1>\n');
fs.writeFileSync('/www/files/digits.txt', '0123456789'.repeat(1000));

const methods = {
  lstat: promisify(fs.lstat),
  realpath: promisify(fs.realpath),
  readdir: promisify(fs.readdir),
  createReadStream: fs.createReadStream,
};
const server = createServer((request, response) => handler(request, response, { public: '/www' }, methods));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const origin = `http://127.0.0.1:${server.address().port}`;

async function ask(path, headers = {}) {
  const response = await fetch(origin + path, { headers });
  const text = await response.text();
  console.log(response.status, path, response.headers.get('content-type'), JSON.stringify(text.slice(0, 40).trim()));
}
await ask('/');
await ask('/files/digits.txt', { range: 'bytes=5005-5009' });
await ask('/nothing-here');

if (process.argv.includes('--stay')) console.log(`serving at ${origin}`);
else {
  server.closeAllConnections();
  server.close();
}
