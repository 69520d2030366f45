// What a web page can do: the engine, the devices and the POSIX layer use nothing of Node. Here is an image that a page
// got from a file input or from WebUSB, changed and given back as bytes for a download.
import { RamDevice } from 'littlefs-vfs/device';
import { LittleFS } from 'littlefs-vfs/lfs';
import { decodeName, Vfs } from 'littlefs-vfs/vfs';

/** Stands for the page's file input: an image as bytes. */
function imageOfABoard() {
  const flash = new RamDevice({ blockSize: 4096, blockCount: 32 });
  LittleFS.format(flash);
  const fs = new Vfs(LittleFS.mount(flash), { metadata: 'micropython' });
  fs.writeFile('/wifi.json', new TextEncoder().encode('{"ssid":"factory"}'), O_WRONLY | O_CREAT, 0o644);
  fs.shut();
  return flash.toImage();
}

// Linux's numbers, which the POSIX layer takes.
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;

const device = new RamDevice({ blockSize: 4096, image: imageOfABoard() });
const lfs = LittleFS.mount(device);
const fs = new Vfs(lfs);
const settings = JSON.parse(new TextDecoder().decode(fs.readFile('/wifi.json')));
console.log('it is set to', settings.ssid);
const changed = new TextEncoder().encode(JSON.stringify({ ...settings, ssid: 'Zuhause' }));
fs.writeFile('/wifi.json', changed, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
fs.mkdir('/größe');
for (const { name, type } of fs.readdir('/')) console.log(type === 0o040000 ? 'dir ' : 'file', decodeName(name));
fs.shut();
lfs.unmount();

const download = new Blob([device.toImage()]);
console.log(`${download.size} bytes to download`);
const again = new Vfs(LittleFS.mount(new RamDevice({ blockSize: 4096, image: device.toImage() })));
console.log(new TextDecoder().decode(again.readFile('/wifi.json')));
