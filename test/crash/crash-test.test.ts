/** The crash tester: sound programs pass, each planted fault is found, and what is found can be replayed. */
import { describe, expect, it } from 'vitest';
import { type CrashTestOptions, crashTest, faults } from '../../src/crash/index.ts';

const atomicSave: CrashTestOptions = {
  name: 'atomic config save',
  setup: ({ fs }) => {
    fs.writeFileSync('/cfg', 'v1');
    fs.writeFileSync('/other', 'x'.repeat(3000));
  },
  workload: ({ fs, ack, step }) => {
    step('write');
    fs.writeFileSync('/cfg.tmp', 'v2'.repeat(700));
    step('publish');
    fs.renameSync('/cfg.tmp', '/cfg');
    ack({ cfg: 'v2' });
  },
  check: ({ fs, acked, expect: expecting, sometimes }) => {
    const text = fs.readFileSync('/cfg', 'utf8');
    expecting.oneOf(text.slice(0, 2), acked.cfg === 'v2' ? ['v2'] : ['v1', 'v2'], '/cfg');
    sometimes('new before it was acknowledged', text.startsWith('v2') && acked.cfg === undefined);
    sometimes('old', text === 'v1');
  },
};

describe('a sound program', () => {
  it('passes at every point, torn, reordered, cut twice', async () => {
    const report = await crashTest({ ...atomicSave, faults: [faults.powerLoss({ reorder: 2 })] });
    expect(report.failures.map(({ id, message }) => `${id} ${message}`)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.complete).toBe(true);
    expect(report.explored).toBeGreaterThan(50);
    expect(report.reached).toEqual(['new before it was acknowledged', 'old']);
  });

  it('may be asynchronous', async () => {
    const report = await crashTest({
      workload: async ({ fs, ack }) => {
        await fs.promises.mkdir('/log');
        for (let i = 0; i < 5; i++) {
          await fs.promises.writeFile(`/log/${i}`, `entry ${i}`);
          ack({ last: i });
        }
      },
      check: async ({ fs, acked, expect: expecting }) => {
        const last = (acked.last as number | undefined) ?? -1;
        for (let i = 0; i <= last; i++)
          expecting.equal(await fs.promises.readFile(`/log/${i}`, 'utf8'), `entry ${i}`, `/log/${i}`);
      },
    });
    expect(report.failures.map(({ id, message }) => `${id} ${message}`)).toEqual([]);
  });

  it('is asked after its own recovery', async () => {
    const report = await crashTest({
      ...atomicSave,
      recover: ({ fs }) => fs.rmSync('/cfg.tmp', { force: true }),
      check: (context) => {
        atomicSave.check(context);
        context.expect.ok(!context.fs.existsSync('/cfg.tmp'), 'cleaning up');
      },
    });
    expect(report.ok).toBe(true);
  });
});

const found = async (options: CrashTestOptions) => {
  const report = await crashTest(options);
  expect(report.failures.length, 'failures').toBe(1);
  return report.failures[0]!;
};

describe('a planted fault', () => {
  it('an acknowledgement too early is found, with the call and the line', async () => {
    const failure = await found({
      ...atomicSave,
      workload: ({ fs, ack }) => {
        ack({ cfg: 'v2' });
        fs.writeFileSync('/cfg', 'v2');
      },
    });
    expect(failure.kind).toBe('check');
    expect(failure.message).toBe('/cfg is "v1"; allowed: "v2"');
    expect(failure.call).toMatch(/^writeFile\('\/cfg', 2 bytes/);
    expect(failure.line).toContain('crash-test.test.ts');
    expect(failure.timeline.at(-1)).toContain('the power goes here');
  });

  it('two files updated without a journal', async () => {
    const failure = await found({
      setup: ({ fs }) => {
        fs.writeFileSync('/from', '100');
        fs.writeFileSync('/to', '0');
      },
      workload: ({ fs }) => {
        fs.writeFileSync('/from', '60');
        fs.writeFileSync('/to', '40');
      },
      check: ({ fs, expect: expecting }) => {
        const sum = Number(fs.readFileSync('/from', 'utf8')) + Number(fs.readFileSync('/to', 'utf8'));
        expecting.equal(sum, 100, 'the sum');
      },
    });
    expect(failure.message).toBe('the sum is 60; expected: 100');
  });

  it('a missing fsync', async () => {
    const options: CrashTestOptions = {
      durability: 'fsync',
      workload: ({ fs, ack }) => {
        const fd = fs.openSync('/data', 'w');
        fs.writeSync(fd, 'important');
        fs.closeSync(fd);
        ack({ saved: true });
      },
      check: ({ fs, acked, expect: expecting }) => {
        if (acked.saved === true) expecting.equal(fs.existsSync('/data'), true, 'saved');
      },
    };
    const failure = await found(options);
    expect(failure.message).toContain('saved is false');
    const mended = await crashTest({
      ...options,
      workload: ({ fs, ack }) => {
        const fd = fs.openSync('/data', 'w');
        fs.writeSync(fd, 'important');
        fs.fsyncSync(fd);
        fs.closeSync(fd);
        ack({ saved: true });
      },
    });
    expect(mended.ok).toBe(true);
  });

  it('a workload that is never the same', async () => {
    let run = 0;
    const failure = await found({
      workload: ({ fs }) => {
        run++;
        fs.writeFileSync(`/run-${run}`, 'x');
      },
      check: () => {},
    });
    expect(failure.kind).toBe('nondeterministic');
    expect(failure.message).toContain("call 1 is writeFile('/run-1'");
  });

  it('a workload that throws, or writes without end', async () => {
    const thrown = await found({
      workload: () => {
        throw new Error('no');
      },
      check: () => {},
    });
    expect([thrown.kind, thrown.message]).toEqual(['workload', 'the workload itself failed: no']);
    const endless = await found({
      opsMax: 1000,
      workload: ({ fs }) => {
        for (;;) fs.writeFileSync('/f', 'x');
      },
      check: () => {},
    });
    expect(endless.message).toContain('allowed: opsMax, 1000');
  });

  it('a state that is never reached', async () => {
    const failure = await found({ ...atomicSave, check: ({ sometimes }) => sometimes('wonder', false) });
    expect([failure.kind, failure.message]).toEqual([
      'unreached',
      expect.stringMatching(/^sometimes\('wonder'\) was never reached in \d+ points$/),
    ]);
  });

  it('a recovery that fails', async () => {
    const failure = await found({
      ...atomicSave,
      recover: ({ fs }) => {
        if (fs.existsSync('/cfg.tmp')) throw new Error('what is this?');
      },
    });
    expect([failure.kind, failure.message]).toEqual(['recover', 'recover: what is this?']);
  });
});

describe('a failure', () => {
  it('is replayed by its id', async () => {
    const broken: CrashTestOptions = {
      ...atomicSave,
      workload: ({ fs, ack }) => {
        fs.writeFileSync('/cfg', 'v2');
        ack({ cfg: 'v2' });
        fs.writeFileSync('/cfg', 'v1');
      },
    };
    const failure = await found(broken);
    const again = await crashTest({ ...broken, replay: failure.id });
    expect(again.explored).toBe(1);
    expect(again.failures[0]?.message).toBe(failure.message);
    await expect(crashTest({ ...broken, replay: 'nonsense' })).rejects.toThrow("'nonsense' is no point");
  });

  it('of each kind is kept once when asked for', async () => {
    const broken = { ...atomicSave, check: ({ fs }) => fs.readFileSync('/nothing') } as CrashTestOptions;
    const all = await crashTest({ ...broken, onFailure: 'all' });
    const unique = await crashTest({ ...broken, onFailure: 'unique' });
    expect(all.failures.length).toBeGreaterThan(unique.failures.length);
    expect(unique.failures.length).toBeGreaterThan(0);
  });
});

describe('shards', () => {
  it('explore together what one run does', async () => {
    const whole = await crashTest(atomicSave);
    const parts = await Promise.all(
      [0, 1, 2].map((index) => crashTest({ ...atomicSave, check: () => {}, shard: [index, 3] })),
    );
    expect(parts.reduce((sum, { explored }) => sum + explored, 0)).toBe(whole.explored);
    await expect(crashTest({ ...atomicSave, shard: [3, 3] })).rejects.toThrow('allowed: an index below the count');
  });
});

describe('two losses of power', () => {
  /** Finishes an interrupted move of money; forgets the note too early. */
  const transfer = (forgetFirst: boolean): CrashTestOptions => ({
    setup: ({ fs }) => {
      fs.writeFileSync('/a', '100');
      fs.writeFileSync('/b', '0');
    },
    workload: ({ fs }) => {
      fs.writeFileSync('/journal', '60 40');
      fs.writeFileSync('/a', '60');
      fs.writeFileSync('/b', '40');
      fs.unlinkSync('/journal');
    },
    recover: ({ fs }) => {
      if (!fs.existsSync('/journal')) return;
      const [a, b] = fs.readFileSync('/journal', 'utf8').split(' ');
      if (forgetFirst) fs.unlinkSync('/journal');
      fs.writeFileSync('/a', a!);
      fs.writeFileSync('/b', b!);
      if (!forgetFirst) fs.unlinkSync('/journal');
    },
    check: ({ fs, expect: expecting }) =>
      expecting.equal(Number(fs.readFileSync('/a', 'utf8')) + Number(fs.readFileSync('/b', 'utf8')), 100, 'the sum'),
  });

  it('find a recovery that is not safe itself', async () => {
    const once = await crashTest({ ...transfer(true), faults: [faults.powerLoss({ depth: 1 })] });
    expect(once.ok).toBe(true);
    const failure = await found({ ...transfer(true), faults: [faults.powerLoss({ depth: 2 })] });
    expect(failure.message).toMatch(/^the sum is \d+; expected: 100$/);
    expect(failure.id).toMatch(/^\d+.*\/\d+/);
    expect(failure.step).toBe('recovery');
    const again = await crashTest({ ...transfer(true), replay: failure.id });
    expect(again.failures[0]?.message).toBe(failure.message);
  });

  it('leave a sound one alone', async () => {
    const report = await crashTest({ ...transfer(false), faults: [faults.powerLoss({ depth: 2 })] });
    expect(report.failures.map(({ id, message }) => `${id} ${message}`)).toEqual([]);
    expect(report.explored).toBeGreaterThan(200);
  });
});
