/**
 * Scripts: operations in a text form, one a line, run on a simulated device. A script says which operations fail and
 * ends with what was measured from C littlefs 2.11.3: the hash of the device and how many programs, erases and syncs
 * it saw.
 *
 *   config blockSize=512 blockCount=64 progSize=16 ...    for the next format or mount; what is not named stays
 *   device blocks=80                                      if the device is larger than the file system
 *   write /a%20b size=300 seed=7 chunk=64                 bytes that are not printable, spaces and % as %XX
 *   rename /a /b
 *   open 3 /a flags=0x103 attrs=1:aabb,9:                 a handle by its number
 *   hwrite 3 size=40 seed=8    -> LFS_ERR_NOSPC           what it fails with; nothing said: it succeeds
 *   power after=5 mode=torn                               the fifth program or erase from here is cut; 'power' calls it off
 *   bad 7 mode=progerror
 *   measured sha256=... programs=9 erases=4 syncs=7
 */
import { type BadBlockMode, FlashDevice, PowerLoss } from '../../src/device/index.ts';
import {
  type BlockDevice,
  LfsError,
  type LfsFile,
  LittleFS,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '../../src/lfs/index.ts';
import { content } from './content.ts';
import { sha256 } from './golden.ts';

export interface ScriptOutcome {
  /** For each operation: its line, and the error or `POWER_LOSS` it came to. */
  readonly results: { line: string; result: string }[];
  readonly expected: { line: string; result: string }[];
  readonly measured: string;
  readonly ours: string;
}

interface Handle {
  readonly file: LfsFile;
  readonly attrs: { type: number; buffer: Uint8Array }[];
}

/** What a device was asked for. */
class Counter implements BlockDevice {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly readSize: number;
  readonly progSize: number;
  readonly #inner: FlashDevice;
  programs = 0;
  erases = 0;
  syncs = 0;

  constructor(inner: FlashDevice) {
    this.#inner = inner;
    this.blockSize = inner.blockSize;
    this.blockCount = inner.blockCount;
    this.readSize = inner.readSize;
    this.progSize = inner.progSize;
  }

  read(block: number, offset: number, target: Uint8Array): void {
    this.#inner.read(block, offset, target);
  }

  prog(block: number, offset: number, source: Uint8Array): void {
    this.programs++;
    this.#inner.prog(block, offset, source);
  }

  erase(block: number): void {
    this.erases++;
    this.#inner.erase(block);
  }

  sync(): void {
    this.syncs++;
    this.#inner.sync();
  }
}

/** One line, taken apart: the operation, what stands without a name, and what has one. */
class Line {
  readonly op: string;
  readonly plain: string[] = [];
  readonly named = new Map<string, string>();

  constructor(text: string) {
    const [op, ...words] = text.split(/ +/);
    this.op = op!;
    for (const word of words) {
      const at = word.startsWith('/') ? -1 : word.indexOf('=');
      if (at < 0) this.plain.push(word);
      else this.named.set(word.slice(0, at), word.slice(at + 1));
    }
  }

  number(name: string, otherwise?: number): number {
    const value = this.named.get(name);
    if (value === undefined && otherwise !== undefined) return otherwise;
    if (value === undefined || Number.isNaN(Number(value))) throw new Error(`${this.op}: ${name} is missing`);
    return Number(value);
  }

  path(index: number): Uint8Array {
    const text = this.plain[index]!.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return new Uint8Array(Buffer.from(text, 'latin1'));
  }

  bytes(name: string): Uint8Array {
    return fromHex(this.named.get(name) ?? '');
  }
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

class Machine {
  flash: FlashDevice | undefined;
  counter: Counter | undefined;
  private readonly config: Record<string, number> = {};
  private deviceBlocks = 0;
  private lfs: LittleFS | undefined;
  private readonly handles = new Map<string, Handle>();

  run(line: Line): void {
    switch (line.op) {
      case 'config':
        for (const name of line.named.keys()) this.config[name] = line.number(name);
        return;
      case 'device':
        this.deviceBlocks = line.number('blocks');
        return;
      case 'format':
        return LittleFS.format(this.device(), this.config);
      case 'mount':
        this.lfs = LittleFS.mount(this.device(), this.config);
        return;
      case 'unmount':
        this.lfs?.unmount();
        return this.forget();
      case 'forget':
        return this.forget();
      case 'power':
        this.device();
        return this.flash!.cutPower(
          line.named.has('after')
            ? { after: line.number('after'), mode: line.named.get('mode') as 'noop' | 'torn' | 'flip' }
            : undefined,
        );
      case 'bad':
        this.device();
        return this.flash!.setBad(Number(line.plain[0]), line.named.get('mode') as BadBlockMode);
      case 'good':
        return this.flash!.setGood(Number(line.plain[0]));
      default:
        if (this.lfs === undefined) return;
        if (line.op === 'open' || this.handles.has(line.plain[0] ?? '')) this.onHandle(this.lfs, line);
        else if (!/^h/.test(line.op)) this.onNames(this.lfs, line);
    }
  }

  /** After a loss of power, or without an unmount: nothing is known any more. */
  forget(): void {
    this.lfs = undefined;
    this.handles.clear();
    if (this.flash?.powered === false) this.flash.restart();
  }

  private device(): Counter {
    this.flash ??= new FlashDevice({
      blockSize: this.config.blockSize!,
      blockCount: this.deviceBlocks || this.config.blockCount!,
      readSize: this.config.readSize!,
      progSize: this.config.progSize!,
      nor: false,
    });
    this.counter ??= new Counter(this.flash);
    return this.counter;
  }

  private onNames(lfs: LittleFS, line: Line): void {
    const path = () => line.path(0);
    const bytes = () => content(line.number('size'), line.number('seed'));
    switch (line.op) {
      case 'mkdir':
        return lfs.mkdir(path());
      case 'remove':
        return lfs.remove(path());
      case 'rename':
        return lfs.rename(path(), line.path(1));
      case 'write':
        return write(lfs, path(), bytes(), line.number('chunk', 0));
      case 'churn':
        for (let i = 0; i < line.number('n'); i++)
          write(lfs, path(), content(line.number('size'), (line.number('seed') + i) >>> 0), 0);
        return;
      case 'append':
        return withFile(lfs, path(), O_WRONLY | O_CREAT | O_APPEND, (file) => file.write(bytes()));
      case 'pwrite':
        return withFile(lfs, path(), O_WRONLY | O_CREAT, (file) => {
          file.seek(line.number('offset'));
          file.write(bytes());
        });
      case 'truncate':
        return withFile(lfs, path(), O_RDWR, (file) => file.truncate(line.number('size')));
      case 'setattr':
        return lfs.setAttr(path(), line.number('type'), line.bytes('value'));
      case 'removeattr':
        return lfs.removeAttr(path(), line.number('type'));
      case 'gc':
        return lfs.gc();
      case 'mkconsistent':
        return lfs.makeConsistent();
      case 'grow':
        return lfs.grow(line.number('blockCount'));
      default:
        throw new Error(`a script has an operation '${line.op}' that is not known`);
    }
  }

  private onHandle(lfs: LittleFS, line: Line): void {
    const key = line.plain[0]!;
    if (line.op === 'open') {
      const attrs = (line.named.get('attrs') ?? '').split(',').flatMap((attr) => {
        const [type, hex] = attr.split(':');
        return hex === undefined ? [] : [{ type: Number(type), buffer: fromHex(hex) }];
      });
      this.handles.set(key, { file: lfs.open(line.path(1), line.number('flags'), { attrs }), attrs });
      return;
    }
    const { file, attrs } = this.handles.get(key)!;
    switch (line.op) {
      case 'hwrite':
        file.write(content(line.number('size'), line.number('seed')));
        return;
      case 'hread':
        file.read(new Uint8Array(line.number('size')));
        return;
      case 'hseek':
        file.seek(line.number('offset'), line.number('whence', 0));
        return;
      case 'htruncate':
        return file.truncate(line.number('size'));
      case 'hsync':
        return file.sync();
      case 'hattr':
        for (const attr of attrs) if (attr.type === line.number('type')) attr.buffer = line.bytes('value');
        return;
      case 'hclose':
        this.handles.delete(key);
        return file.close();
      default:
        throw new Error(`a script has an operation '${line.op}' that is not known`);
    }
  }
}

function withFile(lfs: LittleFS, path: Uint8Array, flags: number, work: (file: LfsFile) => void): void {
  const file = lfs.open(path, flags);
  try {
    work(file);
  } catch (error) {
    // The one who measured closed the file also after a failure.
    file.close();
    throw error;
  }
  file.close();
}

function write(lfs: LittleFS, path: Uint8Array, bytes: Uint8Array, chunk: number): void {
  withFile(lfs, path, O_WRONLY | O_CREAT | O_TRUNC, (file) => {
    const step = chunk || bytes.length;
    for (let at = 0; at < bytes.length; at += step) file.write(bytes, at, Math.min(step, bytes.length - at));
  });
}

export function runScript(script: string): ScriptOutcome {
  const machine = new Machine();
  const results: ScriptOutcome['results'] = [];
  const expected: ScriptOutcome['expected'] = [];
  let measured = '';
  for (const text of script.split('\n')) {
    if (text === '' || text.startsWith('#')) continue;
    if (text.startsWith('measured ')) {
      measured = text;
      continue;
    }
    const [operation, wanted = ''] = text.split(/ +-> /);
    expected.push({ line: operation!, result: wanted });
    let result = '';
    try {
      machine.run(new Line(operation!));
    } catch (error) {
      if (error instanceof PowerLoss) {
        result = 'POWER_LOSS';
        machine.forget();
      } else if (error instanceof LfsError) result = error.code;
      else throw error;
    }
    results.push({ line: operation!, result });
  }
  const { flash, counter } = machine;
  const { programs, erases, syncs } = counter!;
  const ours = `measured sha256=${sha256(flash!.toImage())} programs=${programs} erases=${erases} syncs=${syncs}`;
  return { results, expected, measured, ours };
}
