/** Code for other file systems: what is not made durable may be lost, each planted fault is found, the mended code passes. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CrashTestOptions, crashTest, faults, selfCheck } from '../../src/crash/index.ts';
import { PosixCampaign } from '../../src/crash/posix-model.ts';
import type { PosixOp } from '../../src/crash/posix-ops.ts';
import { parsePosixPoint, posixPointName, resolvePoint } from '../../src/crash/posix-point.ts';
import { StrictPersistence } from '../../src/crash/posix-strict.ts';
import type { NodeFs } from '../../src/fs-compat/index.ts';

type Workload = CrashTestOptions['workload'];

const syncDirectory = (fs: NodeFs, path: string): void => {
  const fd = fs.openSync(path, 'r');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
};

const writeDurably = (fs: NodeFs, path: string, data: string, flags = 'w'): void => {
  const fd = fs.openSync(path, flags);
  fs.writeSync(fd, data);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
};

const passes = async (options: CrashTestOptions) => {
  const report = await crashTest({ model: 'posix-strict', ...options });
  expect(report.failures.map(({ id, message, timeline }) => `${id} ${message}\n${timeline.join('\n')}`)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.complete).toBe(true);
  return report;
};

const fails = async (options: CrashTestOptions) => {
  const began = performance.now();
  const whole = { model: 'posix-strict', ...options } as const;
  const report = await crashTest(whole);
  expect(report.failures.length, 'failures').toBe(1);
  expect(performance.now() - began).toBeLessThan(10_000);
  const failure = report.failures[0]!;
  expect(failure.line).toContain('posix-model.test.ts');
  const again = await crashTest({ ...whole, replay: failure.id });
  expect([again.explored, again.failures[0]?.message]).toEqual([1, failure.message]);
  return failure;
};

/** One value, saved: old or new before it is acknowledged, new after. */
const saving = (workload: Workload): CrashTestOptions => ({
  setup: ({ fs }) => fs.writeFileSync('/cfg', 'version 1'),
  workload,
  check: ({ fs, acked, expect: expecting }) =>
    expecting.oneOf(
      fs.readFileSync('/cfg', 'utf8'),
      acked.cfg === 2 ? ['version 2'] : ['version 1', 'version 2'],
      '/cfg',
    ),
});

describe('write and rename', () => {
  const noSync = saving(({ fs }) => {
    fs.writeFileSync('/cfg.tmp', 'version 2');
    fs.renameSync('/cfg.tmp', '/cfg');
  });
  const noDirectory = saving(({ fs, ack }) => {
    writeDurably(fs, '/cfg.tmp', 'version 2');
    fs.renameSync('/cfg.tmp', '/cfg');
    ack({ cfg: 2 });
  });
  const sound = saving(({ fs, ack }) => {
    writeDurably(fs, '/cfg.tmp', 'version 2');
    fs.renameSync('/cfg.tmp', '/cfg');
    syncDirectory(fs, '/');
    ack({ cfg: 2 });
  });

  it('without fsync', async () => {
    const failure = await fails(noSync);
    expect(failure.message).toBe('/cfg is ""; allowed: "version 1", "version 2"');
    expect(failure.call).toBe("rename('/cfg.tmp', '/cfg')");
    expect(failure.lost?.map(({ call, what }) => `${call} | ${what}`)).toEqual([
      expect.stringMatching(/^writeFile\('\/cfg.tmp', 9 bytes.*\| write 9 bytes at 0 of \/cfg.tmp: had not reached/),
    ]);
    expect(failure.lost?.[0]?.line).toContain('posix-model.test.ts');
    expect(failure.timeline.join('\n')).toMatch(/\(had not reached the disk\)[\s\S]*the power goes here/);
  });

  it("without the directory's fsync", async () => {
    const failure = await fails(noDirectory);
    expect(failure.message).toBe('/cfg is "version 1"; allowed: "version 2"');
    expect(failure.lost?.map(({ call }) => call)).toEqual(["rename('/cfg.tmp', '/cfg')"]);
  });

  it('with both', async () => {
    const report = await passes(sound);
    expect(report.explored).toBeGreaterThan(10);
  });

  it('with both, in promises', async () => {
    await passes(
      saving(async ({ fs, ack }) => {
        const file = await fs.promises.open('/cfg.tmp', 'w');
        await file.writeFile('version 2');
        await file.sync();
        await file.close();
        await fs.promises.rename('/cfg.tmp', '/cfg');
        const dir = await fs.promises.open('/', 'r');
        await dir.sync();
        await dir.close();
        ack({ cfg: 2 });
      }),
    );
  });
});

it('a new file, without the directory’s fsync, and with it', async () => {
  const creating = (directory: boolean): CrashTestOptions => ({
    workload: ({ fs, ack }) => {
      writeDurably(fs, '/note', 'remember');
      if (directory) syncDirectory(fs, '/');
      ack({ note: true });
    },
    check: ({ fs, acked, expect: expecting }) => {
      if (acked.note === true) expecting.ok(fs.existsSync('/note'), '/note is there');
    },
  });
  const failure = await fails(creating(false));
  expect(failure.message).toBe('/note is there does not hold');
  expect(failure.lost?.[0]?.what).toBe('create /note: had not reached the disk');
  await passes(creating(true));
});

it('in place, and as a whole', async () => {
  const failure = await fails(
    saving(({ fs, ack }) => {
      const fd = fs.openSync('/cfg', 'r+');
      fs.writeSync(fd, 'VERSION', 0);
      fs.writeSync(fd, 'version 2', 0);
      fs.fsyncSync(fd);
      fs.closeSync(fd);
      ack({ cfg: 2 });
    }),
  );
  expect(failure.message).toMatch(/^\/cfg is "V/);
  const emptied = await fails(saving(({ fs }) => writeDurably(fs, '/cfg', 'version 2')));
  expect(emptied.message).toBe('/cfg is ""; allowed: "version 1", "version 2"');
  // The name is not wanted before the content is safe: `rename` above is the sound one.
});

describe('a log to which lines are added', () => {
  const checksum = (text: string): string =>
    [...text]
      .reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) % 9973, 7)
      .toString(36)
      .padStart(3, '0');
  const logging = (form: (text: string) => string, read: (text: string) => string[]): CrashTestOptions => ({
    setup: ({ fs }) => fs.writeFileSync('/log', ''),
    workload: ({ fs, ack }) => {
      const fd = fs.openSync('/log', 'a');
      for (let i = 0; i < 6; i++) {
        fs.writeSync(fd, form(`entry ${i}`));
        fs.fdatasyncSync(fd);
        ack({ count: i + 1 });
      }
      fs.closeSync(fd);
    },
    check: ({ fs, acked, expect: expecting }) => {
      const entries = read(fs.readFileSync('/log', 'utf8'));
      for (const [i, entry] of entries.entries()) expecting.equal(entry, `entry ${i}`, `entry ${i} of the log`);
      expecting.ok(entries.length >= ((acked.count as number | undefined) ?? 0), 'all acknowledged entries');
    },
  });

  it('without length or CRC', async () => {
    const failure = await fails(
      logging(
        (text) => `${text}\n`,
        (text) => text.split('\n').filter((line) => line !== ''),
      ),
    );
    expect(failure.message).toContain('of the log is');
    expect(failure.call).toMatch(/^write\(/);
  });

  it('with a CRC', async () => {
    await passes(
      logging(
        (text) => `${checksum(text)} ${text}\n`,
        (text) => {
          const good: string[] = [];
          for (const line of text.split('\n').slice(0, -1)) {
            if (line.slice(0, 3) !== checksum(line.slice(4))) break;
            good.push(line.slice(4));
          }
          return good;
        },
      ),
    );
  });
});

describe('two files that belong together', () => {
  const replace = (fs: NodeFs, path: string, data: string): void => {
    writeDurably(fs, `${path}.tmp`, data);
    fs.renameSync(`${path}.tmp`, path);
    syncDirectory(fs, '/');
  };
  const transfer = (workload: Workload, recover?: CrashTestOptions['recover']): CrashTestOptions => ({
    setup: ({ fs }) => {
      fs.writeFileSync('/a', '100');
      fs.writeFileSync('/b', '0');
    },
    workload,
    recover,
    check: ({ fs, acked, expect: expecting }) => {
      const [a, b] = ['/a', '/b'].map((path) => Number(fs.readFileSync(path, 'utf8')));
      expecting.equal(a! + b!, 100, 'the sum');
      if (acked.done === true) expecting.equal(b, 40, '/b');
    },
  });
  const recover: CrashTestOptions['recover'] = ({ fs }) => {
    if (!fs.existsSync('/journal')) return;
    const [a, b] = fs.readFileSync('/journal', 'utf8').split(' ');
    replace(fs, '/a', a!);
    replace(fs, '/b', b!);
    fs.unlinkSync('/journal');
    syncDirectory(fs, '/');
  };

  it('without a journal', async () => {
    const failure = await fails(
      transfer(({ fs, ack }) => {
        replace(fs, '/a', '60');
        replace(fs, '/b', '40');
        ack({ done: true });
      }),
    );
    expect(failure.message).toBe('the sum is 60; expected: 100');
  });

  it('with a journal, whose recovery is cut, too', async () => {
    const report = await passes({
      ...transfer(({ fs, ack }) => {
        replace(fs, '/journal', '60 40');
        replace(fs, '/a', '60');
        replace(fs, '/b', '40');
        fs.unlinkSync('/journal');
        syncDirectory(fs, '/');
        ack({ done: true });
      }, recover),
      faults: [faults.powerLoss({ depth: 2 })],
    });
    expect(report.explored).toBeGreaterThan(200);
  });

  it('with a journal that goes before it is done', async () => {
    const hasty: CrashTestOptions = {
      ...transfer(
        ({ fs }) => {
          replace(fs, '/journal', '60 40');
          replace(fs, '/a', '60');
          replace(fs, '/b', '40');
          fs.unlinkSync('/journal');
        },
        ({ fs }) => {
          if (!fs.existsSync('/journal')) return;
          const [a, b] = fs.readFileSync('/journal', 'utf8').split(' ');
          fs.unlinkSync('/journal');
          replace(fs, '/a', a!);
          replace(fs, '/b', b!);
        },
      ),
      faults: [faults.powerLoss({ depth: 2 })],
    };
    const failure = await fails(hasty);
    expect(failure.id).toContain('/');
    expect(failure.step).toBe('recovery');
  });
});

describe('ext4', () => {
  const ext4 = { model: 'ext4-ordered' } as const;

  it('writes a file out before it takes the place of another', async () => {
    const replacing = saving(({ fs }) => {
      fs.writeFileSync('/cfg.tmp', 'version 2');
      fs.renameSync('/cfg.tmp', '/cfg');
    });
    await passes({ ...ext4, ...replacing });
  });

  it('leaves a new name with nothing behind it', async () => {
    const failure = await fails({
      ...ext4,
      workload: ({ fs }) => {
        fs.writeFileSync('/new.tmp', 'content');
        fs.renameSync('/new.tmp', '/new');
      },
      check: ({ fs, expect: expecting }) => {
        if (fs.existsSync('/new')) expecting.equal(fs.readFileSync('/new', 'utf8'), 'content', '/new');
      },
    });
    expect(failure.message).toBe('/new is ""; expected: "content"');
  });

  it('keeps names in their order, and commits them all with one fsync', async () => {
    const ordered: CrashTestOptions = {
      ...ext4,
      workload: ({ fs, ack }) => {
        fs.mkdirSync('/first');
        fs.mkdirSync('/second');
        writeDurably(fs, '/third', 'x');
        ack({ all: true });
      },
      check: ({ fs, acked, expect: expecting }) => {
        if (fs.existsSync('/second') || acked.all === true) expecting.ok(fs.existsSync('/first'), '/first');
        if (acked.all === true) expecting.ok(fs.existsSync('/third'), '/third');
      },
    };
    await passes(ordered);
    const strict = await fails({ ...ordered, model: 'posix-strict' });
    expect(strict.message).toBe('/first does not hold');
  });

  it('may lose what was acknowledged without fsync, and shows an emptied file', async () => {
    const hasty = saving(({ fs, ack }) => {
      fs.writeFileSync('/cfg.tmp', 'version 2');
      fs.renameSync('/cfg.tmp', '/cfg');
      ack({ cfg: 2 });
    });
    expect((await fails({ ...ext4, ...hasty })).message).toBe('/cfg is "version 1"; allowed: "version 2"');
    const emptied = saving(({ fs }) => fs.writeFileSync('/cfg', 'version 2'));
    expect((await fails({ ...ext4, ...emptied })).message).toMatch(/^\/cfg is ""/);
  });

  it('writes a file out that was emptied, written and closed, before what comes later', async () => {
    const later: CrashTestOptions = {
      ...ext4,
      setup: ({ fs }) => fs.writeFileSync('/cfg', 'version 1'),
      workload: ({ fs }) => {
        fs.writeFileSync('/cfg', 'version 2');
        fs.mkdirSync('/later');
      },
      check: ({ fs, expect: expecting }) => {
        if (fs.existsSync('/later')) expecting.equal(fs.readFileSync('/cfg', 'utf8'), 'version 2', '/cfg');
      },
    };
    await passes(later);
    expect((await fails({ ...later, model: 'posix-strict' })).message).toContain('/cfg is ');
  });

  it('tears what is written in place by sectors only', async () => {
    const overwriting = (size: number): CrashTestOptions => ({
      ...ext4,
      setup: ({ fs }) => fs.writeFileSync('/data', 'a'.repeat(size)),
      workload: ({ fs }) => writeDurably(fs, '/data', 'b'.repeat(size), 'r+'),
      check: ({ fs, expect: expecting }) =>
        expecting.ok(/^(a*|b*)$/.test(fs.readFileSync('/data', 'utf8')), 'one or the other'),
    });
    await passes(overwriting(500));
    await fails(overwriting(5000));
  });
});

describe('a rename to another directory', () => {
  const moving = (sync: boolean): CrashTestOptions => ({
    setup: ({ fs }) => {
      fs.mkdirSync('/in');
      fs.mkdirSync('/out');
      fs.writeFileSync('/in/job', 'work');
    },
    workload: ({ fs }) => {
      fs.renameSync('/in/job', '/out/job');
      if (sync) syncDirectory(fs, '/');
    },
    check: ({ fs, expect: expecting }) => {
      const places = ['/in/job', '/out/job'].filter((path) => fs.existsSync(path));
      expecting.equal(places.length, 1, 'places');
      expecting.equal(fs.readFileSync(places[0]!, 'utf8'), 'work', places[0]);
    },
  });

  it('is two changes to posix-strict, one to ext4', async () => {
    const failure = await fails({ ...moving(true), onFailure: 'first' });
    expect(failure.message).toMatch(/^places is [02]; expected: 1$/);
    await passes({ ...moving(false), model: 'ext4-ordered' });
  });
});

describe('states', () => {
  it('are built as they were: directories moved, links, modes, what was there before', async () => {
    await passes({
      setup: ({ fs }) => {
        fs.mkdirSync('/d/e', { recursive: true });
        fs.writeFileSync('/d/e/f', 'deep');
        fs.writeFileSync('/gone', 'x');
        fs.symlinkSync('d/e/f', '/link');
        fs.chmodSync('/gone', 0o600);
      },
      workload: ({ fs, vfs, ack }) => {
        fs.renameSync('/d', '/moved');
        fs.rmSync('/link');
        fs.symlinkSync('moved/e/f', '/link');
        fs.appendFileSync('/moved/e/f', ' and more');
        fs.truncateSync('/moved/e/f', 8);
        fs.copyFileSync('/gone', '/copy');
        fs.chmodSync('/copy', 0o640);
        fs.rmSync('/gone');
        fs.mkdirSync('/tree/of/names', { recursive: true });
        fs.rmSync('/tree', { recursive: true });
        vfs.sync();
        ack({ done: true });
      },
      check: ({ fs, acked, expect: expecting }) => {
        const shown = (path: string): string => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '-');
        if (acked.done !== true) return;
        expecting.equal(fs.readdirSync('/').sort(), ['copy', 'link', 'moved']);
        expecting.equal(shown('/link'), 'deep and');
        expecting.equal(shown('/copy'), 'x');
        expecting.equal(fs.statSync('/copy').mode & 0o777, 0o640);
      },
    });
  });

  it('are all of them looked at when asked for, or drawn', async () => {
    const seen = new Set<string>();
    const options: CrashTestOptions = {
      workload: ({ fs }) => {
        for (const name of ['a', 'b', 'c']) fs.mkdirSync(`/${name}`);
      },
      check: ({ fs }) => {
        seen.add(fs.readdirSync('/').join(''));
      },
    };
    await passes({ ...options, explore: { mode: 'exhaustive' } });
    expect([...seen].sort()).toEqual(['', 'a', 'ab', 'abc', 'ac', 'b', 'bc', 'c']);
    seen.clear();
    const drawn = await crashTest({
      ...options,
      model: 'posix-strict',
      explore: { mode: 'random', seed: 3, budget: { points: 200 } },
    });
    expect([drawn.ok, drawn.explored, seen.size]).toEqual([true, 200, 8]);
  });

  it('are shared among shards', async () => {
    const options: CrashTestOptions = {
      model: 'posix-strict',
      workload: ({ fs }) => fs.writeFileSync('/f', 'content'),
      check: () => {},
    };
    const whole = await crashTest(options);
    const parts = await Promise.all([0, 1, 2].map((index) => crashTest({ ...options, shard: [index, 3] })));
    expect(parts.reduce((sum, { explored }) => sum + explored, 0)).toBe(whole.explored);
  });
});

describe('each state', () => {
  /** Some thirty calls, drawn. */
  const drawn: Workload = ({ fs, random, ack }) => {
    const names = ['/a', '/b', '/d/a', '/d/c', '/e/a'];
    const present = (): string[] => names.filter((name) => fs.existsSync(name));
    for (const dir of ['/d', '/e']) fs.mkdirSync(dir);
    for (let i = 0; i < 30; i++) {
      const name = random.pick(names);
      const some = present();
      const bytes = `${i}`.repeat(1 + random.below(3000));
      switch (random.below(7)) {
        case 0:
          fs.writeFileSync(name, bytes);
          break;
        case 1:
          fs.appendFileSync(name, bytes);
          break;
        case 2:
          if (some.length > 0) fs.renameSync(random.pick(some), name);
          break;
        case 3:
          if (some.length > 0) fs.truncateSync(random.pick(some), random.below(4000));
          break;
        case 4:
          if (some.length > 0) fs.unlinkSync(random.pick(some));
          break;
        case 5:
          syncDirectory(fs, random.pick(['/', '/d', '/e']));
          break;
        default:
          if (some.length > 0) {
            const fd = fs.openSync(random.pick(some), 'r+');
            fs.writeSync(fd, bytes, random.below(5000));
            if (random.below(2) === 1) fs.fsyncSync(fd);
            fs.closeSync(fd);
          }
      }
      ack({ [i]: present().length });
    }
  };

  it.each(['posix-strict', 'ext4-ordered'] as const)('of %s is the same when it is replayed by name', async (model) => {
    const shown = (fs: NodeFs): string =>
      (fs.readdirSync('/', { recursive: true }) as string[])
        .sort()
        .map((name) => {
          const stat = fs.statSync(`/${name}`);
          const content = stat.isDirectory() ? '' : fs.readFileSync(`/${name}`);
          return `${name} ${createHash('sha1').update(content).digest('hex')}`;
        })
        .join('\n');
    for (const seed of [1, 2]) {
      const states = new Map<string, string>();
      const options: CrashTestOptions = {
        model,
        workload: drawn,
        check: ({ fs, crash }) => {
          states.set(crash.point, shown(fs));
        },
      };
      const report = await crashTest({ ...options, explore: { seed, budget: { points: 1000 } } });
      expect(report.failures.map(({ message }) => message)).toEqual([]);
      expect(states.size).toBeGreaterThan(100);
      const all = [...states];
      for (let i = 0; i < all.length; i += Math.ceil(all.length / 6)) {
        const [point, state] = all[i]!;
        states.clear();
        await crashTest({ ...options, replay: point, explore: { seed } });
        expect([...states]).toEqual([[point, state]]);
      }
    }
  });

  it.each(['posix-strict', 'ext4-ordered'] as const)('of %s is one that it allows', async (model) => {
    const campaign = new PosixCampaign({ model, workload: drawn, check: () => {} });
    const { persistence, run } = await campaign.recordWorkload();
    let count = 0;
    for (let at = 0; at <= run.ops.length; at++) {
      for (const point of persistence.statesAt(at, { most: 300, isTorn: true, isExhaustive: false, seed: 1 })) {
        const name = posixPointName(point, (op) => persistence.volatileAt(op));
        if (!persistence.allows(point)) throw new Error(`${name} is not allowed`);
        expect(resolvePoint(parsePosixPoint(name), (op) => persistence.volatileAt(op))).toEqual(point);
        count++;
      }
    }
    expect(count).toBeGreaterThan(1000);
  });
});

it('finds an fsync that is not needed', async () => {
  const report = await selfCheck({
    ...saving(({ fs, ack }) => {
      writeDurably(fs, '/cfg.tmp', 'version 2');
      fs.renameSync('/cfg.tmp', '/cfg');
      syncDirectory(fs, '/');
      ack({ cfg: 2 });
      syncDirectory(fs, '/');
    }),
    model: 'posix-strict',
  });
  expect(report.checkedSyncs.map(({ needed }) => needed)).toEqual([true, true, false]);
});

describe('names of points', () => {
  const enter = (name: string): PosixOp => ({
    kind: 'enter',
    dir: 1,
    name,
    inode: { ino: name.charCodeAt(0), mode: 0o100644, uid: 0, gid: 0, rdev: 0, target: null },
    shown: name,
  });
  const ops = [...'abcdef'].map(enter);

  it('say which state it is', () => {
    const strict = new StrictPersistence(ops);
    const volatileAt = (op: number) => strict.volatileAt(op);
    for (const name of ['6', '6~0', '6~0-5', '6~1.3-5', '2p7~0-1', '2z0', '3n~1o.2p4']) {
      const point = resolvePoint(parsePosixPoint(name), volatileAt);
      expect(posixPointName(point, volatileAt)).toBe(name);
    }
    expect(() => parsePosixPoint('6~')).toThrow("'6~' is no point of a posix model");
  });
});

it('refuses what it cannot do', async () => {
  const nothing = { workload: () => {}, check: () => {} };
  await expect(crashTest({ ...nothing, model: 'ext3' as never })).rejects.toThrow(
    'model is "ext3"; allowed: littlefs, posix-strict',
  );
  await expect(crashTest({ ...nothing, model: 'posix-strict', faults: [faults.bitRot()] })).rejects.toThrow(
    "faults has bitRot; allowed with model 'posix-strict': powerLoss",
  );
  await expect(crashTest({ ...nothing, model: 'posix-strict', durability: 'close' })).rejects.toThrow('durability');
  await expect(crashTest({ ...nothing, model: 'posix-strict', replay: '99' })).rejects.toThrow('no point 99');
});
