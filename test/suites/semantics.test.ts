/**
 * What C littlefs 2.11.3 answered to a long list of calls, and what we answer: the same, line by line, but for the
 * lines that give a second answer and its reason.
 *
 * A line is a call, `=>`, and what it came to: `ok`, C's error without `LFS_ERR_`, a number, or an entry of a listing.
 * `write` opens with O_WRONLY, O_CREAT and O_TRUNC, writes so many bytes, and closes. What begins with `h` is about
 * an open file, `x{255}` is a name of 255 letters, `''` the empty path.
 */
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import {
  type LfsConfig,
  type LfsDir,
  type LfsFile,
  LittleFS,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { content } from '../support/content.ts';
import { flashDevice } from '../support/open.ts';
import { outcome } from '../support/outcome.ts';

const geometry = {
  name: 'probe',
  blockSize: 512,
  blockCount: 64,
  readSize: 16,
  progSize: 16,
  cacheSize: 512,
  lookaheadSize: 16,
};
const config: LfsConfig = geometry;

const probes: Readonly<Record<string, string>> = {
  paths: `
    mkdir /d => ok
    mkdir /d/e => ok
    write /d/f 5 => ok
    write /g 5 => ok
    stat '' => INVAL
    stat / => ok
    stat . => ok
    stat // => ok
    stat /.. => INVAL
    stat .. => INVAL
    stat /d/.. => ok
    stat /d/../.. => INVAL
    stat /nope/../g => ok
    stat /d/f/../f => ok
    stat /g/../g => ok
    stat /g/. => NOTDIR
    stat /g/ => NOTDIR
    stat /d/ => ok
    stat /d//e => ok
    stat d/e/. => ok
    stat /g/x => NOTDIR
    stat /nope/x => NOENT
    stat /nope/ => NOENT
    mkdir / => EXIST
    mkdir '' => INVAL
    mkdir /d => EXIST
    mkdir /g => EXIST
    mkdir /g/x => NOTDIR
    mkdir /n1/ => ok
    mkdir /n2// => ok
    mkdir /no/x => NOENT
    mkdir /. => EXIST
    mkdir /.. => INVAL
    mkdir /n3/. => NOENT
    write /new/ 3 => NOTDIR
    write /d 3 => ISDIR
    write / 3 => ISDIR
    write /g/ 3 => NOTDIR
    write /g/x 3 => NOTDIR
    write /nope/x 3 => NOENT
    hopen 3 /g 0x302 => EXIST
    hopen 4 /d 0x001 => ISDIR
    hopen 5 /d 0x303 => EXIST
    hopen 5 /nx 0x001 => NOENT
    mkdir /x{255} => ok
    mkdir /x{256} => NAMETOOLONG
    write /y{256} 1 => NAMETOOLONG
    stat /y{256} => NOENT
  `,
  'remove and rename': `
    mkdir /d => ok
    mkdir /d/e => ok
    write /d/f 5 => ok
    write /g 5 => ok
    mkdir /empty => ok
    write /h 7 => ok
    remove / => INVAL
    remove '' => INVAL
    remove . => INVAL
    remove /d => NOTEMPTY
    remove /nope => NOENT
    remove /g/ => NOTDIR
    remove /g/x => NOTDIR
    rename /g /h => ok
    stat /g => NOENT
    rename /h /h => ok
    rename /h /d => ISDIR
    rename /h /empty => ISDIR
    rename /d /h => NOTDIR
    rename /empty /d => NOTEMPTY
    rename /d /empty => ok
    stat /empty/f => ok
    stat /d => NOENT
    rename /nope /x => NOENT
    rename /h /nope/x => NOENT
    rename /h /x/ => NOTDIR
    rename /empty /dd/ => ok
    stat /dd => ok
    rename / /x => INVAL
    rename /h / => INVAL
    rename /h /z{256} => NAMETOOLONG
    rename /dd /dd => ok
    remove /dd/e/ => ok
    stat /dd/e => NOENT
  `,
  'a directory into itself': `
    mkdir /d => ok
    mkdir /d/e => ok
    write /d/e/f 5 => ok
    rename /d /d/e/x => ok; INVAL: C loses the directory and all in it
    stat /d => NOENT; ok: it is still there
    fssize => 6
    unmount => ok
    mount => ok
    stat /d => NOENT; ok: it is still there
    fssize => 6
    mkdir /z => ok
    fssize => 8
    makeConsistent => ok
    mkdir /d => ok; EXIST: it is still there
    rename /d /d/x => ok; INVAL: C loses the directory
    stat /d => NOENT; ok: it is still there
    unmount => ok
    mount => ok
    stat /d => NOENT; ok: it is still there
    mkdir /z => EXIST
  `,
  attributes: `
    write /g 5 => ok
    getattr /g 1 => NOATTR
    setattr /g 1 5 => ok
    getattr /g 1 => 5
    removeattr /g 2 => ok
    removeattr /g 1 => ok
    getattr /g 1 => NOATTR
    setattr /g 1 1022 => assertion; NOSPC: C does not ask whether it fits into the block
    getattr /g 1 => assertion; NOATTR: nothing has changed
    stat /g => assertion; ok: nothing has changed
  `,
  'open files': `
    write /g 5 => ok
    hopen 0 /g 0x001 => ok
    hread 0 100 => 5
    hread 0 100 => 0
    htell 0 => 5
    hseek 0 100 0 => 100
    htell 0 => 100
    hread 0 5 => 0
    hseek 0 -200 1 => INVAL
    hseek 0 -1 0 => INVAL
    hseek 0 -3 2 => 2
    hread 0 9 => 3
    hclose 0 => ok
    hopen 1 /g 0x002 => ok
    hseek 1 20 0 => 20
    hsize 1 => 5
    hwrite 1 3 => 3
    hsize 1 => 23
    htruncate 1 2147483647 => NOSPC
    htruncate 1 2147483648 => INVAL
    hsize 1 => 31276
    hclose 1 => ok
    stat /g => ok
    hopen 2 /g 0x802 => ok
    hseek 2 0 0 => 0
    hwrite 2 2 => 2
    htell 2 => 7
    hclose 2 => ok
    fssize => 2
  `,
  'files removed, renamed and opened twice while they are open': `
    hopen 0 /rm 0x103 => ok
    hwrite 0 4 => 4
    hsync 0 => ok
    remove /rm => ok
    hwrite 0 4 => 4
    hread 0 4 => 0
    hsize 0 => 8
    hsync 0 => ok
    hclose 0 => ok
    stat /rm => NOENT
    hopen 0 /ren 0x103 => ok
    hwrite 0 4 => 4
    hsync 0 => ok
    rename /ren /ren2 => ok
    hwrite 0 4 => 4
    hclose 0 => ok
    stat /ren => NOENT
    hopen 0 /ren2 0x001 => ok
    hsize 0 => 4
    hclose 0 => ok
    hopen 0 /two 0x103 => ok
    hwrite 0 4 => 4
    hsync 0 => ok
    hopen 1 /two 0x003 => ok
    hwrite 0 6 => 6
    hsize 1 => 4
    hsync 0 => ok
    hsize 1 => 4
    hclose 0 => ok
    hsize 1 => 4
    hread 1 100 => 4
    hclose 1 => ok
    hopen 0 /two 0x001 => ok
    hsize 0 => 10
    hclose 0 => ok
  `,
  'a listing while entries come and go': `
    mkdir /d => ok
    write /d/a 1 => ok
    write /d/b 1 => ok
    write /d/c 1 => ok
    list 0 /d => ok
    next 0 => dir . 0
    next 0 => dir .. 0
    next 0 => file a 1
    remove /d/a => ok
    next 0 => file b 1
    write /d/0 1 => ok
    next 0 => file c 1
    next 0 => end
    next 0 => end
    endlist 0 => ok
    list 0 /d/b => NOTDIR
    list 1 /nope => NOENT
    list 2 '' => INVAL
    list 2 /d/ => ok
    next 2 => dir . 0
  `,
  'a full file system': `
    write /a 31000 => ok
    write /a 30000 => NOSPC
    write /a 28000 => NOSPC
    fssize => 64
    mkdir /dir00 => NOSPC
    mkdir /dir01 => NOSPC
    mkdir /dir02 => NOSPC
    mkdir /dir03 => NOSPC
    write /file000 20 => ok
    write /file001 20 => ok
    write /file002 20 => ok
    write /file003 20 => ok
    write /file004 20 => ok
    write /file005 20 => ok
    write /file006 20 => ok
    write /file007 20 => ok
    write /file008 20 => ok
    write /file009 20 => ok
    write /file010 20 => ok
    write /file011 20 => ok
    write /file012 20 => NOSPC
    write /file013 20 => NAMETOOLONG; NOSPC: what there is not enough of is space
    write /file014 20 => NAMETOOLONG; NOSPC: the same
    write /file015 20 => NAMETOOLONG; NOSPC: the same
    write /file016 20 => NAMETOOLONG; NOSPC: the same
    write /file017 20 => NAMETOOLONG; NOSPC: the same
    write /file018 20 => NAMETOOLONG; NOSPC: the same
    write /file019 20 => NAMETOOLONG; NOSPC: the same
    write /file020 20 => NAMETOOLONG; NOSPC: the same
    write /file021 20 => NAMETOOLONG; NOSPC: the same
    write /file022 20 => NAMETOOLONG; NOSPC: the same
    write /file023 20 => NAMETOOLONG; NOSPC: the same
    write /file024 20 => NAMETOOLONG; NOSPC: the same
    write /file025 20 => NAMETOOLONG; NOSPC: the same
    write /file026 20 => NAMETOOLONG; NOSPC: the same
    write /file027 20 => NAMETOOLONG; NOSPC: the same
    write /file028 20 => NAMETOOLONG; NOSPC: the same
    write /file029 20 => NAMETOOLONG; NOSPC: the same
  `,
};

interface Line {
  readonly call: string;
  readonly expected: string;
}

function linesOf(probe: string): Line[] {
  return probe
    .trim()
    .split('\n')
    .map((line) => {
      const [call, answers] = line.split(' => ') as [string, string];
      const [theirs, ours] = answers.split(';');
      return { call: call.trim(), expected: (ours?.split(':')[0] ?? theirs!).trim() };
    });
}

function path(text: string): string {
  if (text === "''") return '';
  return text.replace(/(.)\{(\d+)\}/, (_, letter: string, count: string) => letter.repeat(Number(count)));
}

/** One file system, and what is open on it. */
class Probe {
  readonly #device: RamDevice | ReturnType<typeof flashDevice>;
  #lfs: LittleFS;
  readonly #files = new Map<string, LfsFile>();
  readonly #dirs = new Map<string, LfsDir>();

  constructor(device: RamDevice | ReturnType<typeof flashDevice>) {
    this.#device = device;
    LittleFS.format(device, config);
    this.#lfs = LittleFS.mount(device, config);
  }

  answer(line: string): string {
    let value: unknown;
    const failed = outcome(() => {
      value = this.#call(...(line.split(/\s+/) as [string]));
    });
    return failed === 'ok' ? String(value ?? 'ok') : failed;
  }

  #call(call: string, first = '', second = '', third = ''): unknown {
    const lfs = this.#lfs;
    const at = path(first);
    if (call === 'mkdir') return lfs.mkdir(at);
    if (call === 'stat') return void lfs.stat(at);
    if (call === 'remove') return lfs.remove(at);
    if (call === 'rename') return lfs.rename(at, path(second));
    if (call === 'fssize') return lfs.fsSize();
    if (call === 'unmount') return lfs.unmount();
    if (call === 'mount') return this.#mount();
    if (call === 'makeConsistent') return lfs.makeConsistent();
    if (call === 'getattr') return lfs.getAttr(at, Number(second))?.length ?? 'NOATTR';
    if (call === 'setattr') return lfs.setAttr(at, Number(second), content(Number(third), 1));
    if (call === 'removeattr') return lfs.removeAttr(at, Number(second));
    if (call === 'write') return this.#write(at, Number(second));
    if (call === 'list') return void this.#dirs.set(first, lfs.openDir(path(second)));
    if (call === 'endlist') return this.#dirs.get(first)!.close();
    if (call === 'next') {
      const entry = this.#dirs.get(first)!.read();
      return entry === undefined ? 'end' : `${entry.type} ${entry.name} ${entry.size}`;
    }
    if (call === 'hopen') return void this.#files.set(first, lfs.open(path(second), Number(third)));
    return this.#handle(this.#files.get(first)!, call, Number(second), Number(third));
  }

  #mount(): void {
    this.#lfs = LittleFS.mount(this.#device, config);
  }

  #handle(file: LfsFile, call: string, first: number, second: number): unknown {
    if (call === 'hread') return file.read(new Uint8Array(first));
    if (call === 'hwrite') return file.write(content(first, 9));
    if (call === 'hseek') return file.seek(first, second);
    if (call === 'htell') return file.tell();
    if (call === 'hsize') return file.size();
    if (call === 'htruncate') return file.truncate(first);
    if (call === 'hsync') return file.sync();
    if (call === 'hclose') return file.close();
    throw new Error(`no call '${call}'`);
  }

  #write(at: string, size: number): void {
    const file = this.#lfs.open(at, O_WRONLY | O_CREAT | O_TRUNC);
    try {
      file.write(content(size, 1));
    } finally {
      file.close();
    }
  }
}

describe.each([
  { device: 'memory', make: () => new RamDevice(geometry) },
  { device: 'a flash chip', make: () => flashDevice(geometry) },
])('on $device', ({ make }) => {
  it.each(Object.entries(probes))('%s', (_, text) => {
    const probe = new Probe(make());
    const lines = linesOf(text);
    const answers = lines.map(({ call }) => `${call} => ${probe.answer(call)}`);
    expect(answers).toEqual(lines.map(({ call, expected }) => `${call} => ${expected}`));
  });
});
