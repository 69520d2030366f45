/** What may go wrong beside a loss of power: sound programs pass, unsound ones are found, and wrong options are told. */
import { describe, expect, it } from 'vitest';
import { type CrashTestOptions, crashTest, type Fault, faults } from '../../src/crash/index.ts';

/** Saves, and says so only when it has; keeps a sum, and believes nothing that has another one. */
const sound: CrashTestOptions = {
  setup: ({ fs }) => {
    fs.writeFileSync('/cfg', sealed('v1'));
    fs.writeFileSync('/untouched', 'x'.repeat(6000));
  },
  workload: ({ fs, ack }) => {
    for (const version of ['v2', 'v3']) {
      fs.writeFileSync('/cfg.tmp', sealed(version.repeat(3000)));
      fs.renameSync('/cfg.tmp', '/cfg');
      ack({ cfg: version });
    }
  },
  check: ({ fs, acked, crash, expect: expecting }) => {
    const text = unsealed(fs.readFileSync('/cfg', 'latin1'));
    // Bits at rest have changed, and it shows.
    if (text === undefined && crash.detectable) return;
    const known = ['v1', 'v2', 'v3'];
    expecting.oneOf(text?.slice(0, 2), known.slice(known.indexOf((acked.cfg as string | undefined) ?? 'v1')), '/cfg');
  },
};

function sealed(text: string): string {
  let sum = 7;
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 1_000_003;
  return `${sum} ${text}`;
}

function unsealed(text: string): string | undefined {
  const content = text.slice(text.indexOf(' ') + 1);
  return sealed(content) === text ? content : undefined;
}

const small = { blockSize: 4096, blockCount: 24, progSize: 16, readSize: 16 };

describe('a sound program', () => {
  const all: Record<string, Fault> = {
    ioError: faults.ioError(),
    bitRot: faults.bitRot({ bits: 1, places: 20 }),
    'bitRot, three bits': faults.bitRot({ bits: 3, places: 10 }),
    droppedSync: faults.droppedSync({ places: 6 }),
    misdirectedWrite: faults.misdirectedWrite({ places: 4 }),
    badBlock: faults.badBlock(),
    wearOut: faults.wearOut(),
  };

  it.each(Object.entries(all))('survives %s', async (_name, fault) => {
    const report = await crashTest({ ...sound, device: small, faults: [fault], onFailure: 'all' });
    expect(report.failures.map(({ id, kind, message }) => `${id} ${kind} ${message}`)).toEqual([]);
    expect(report.complete).toBe(true);
    expect(report.explored).toBeGreaterThan(10);
  });
});

const found = async (options: CrashTestOptions) => {
  const report = await crashTest(options);
  expect(report.failures.length, 'failures').toBe(1);
  const failure = report.failures[0]!;
  const again = await crashTest({ ...options, replay: failure.id });
  expect(again.explored).toBe(1);
  expect(again.failures[0]?.message).toBe(failure.message);
  return failure;
};

describe('a planted fault', () => {
  it('an error that is swallowed is found, and the call that had it', async () => {
    const failure = await found({
      ...sound,
      faults: [faults.ioError({ kinds: ['ENOSPC'] })],
      workload: ({ fs, ack }) => {
        try {
          fs.writeFileSync('/cfg', sealed('v2'));
        } catch {}
        ack({ cfg: 'v2' });
      },
    });
    expect([failure.kind, failure.message]).toEqual(['check', '/cfg is "v1"; allowed: "v2", "v3"']);
    expect(failure.id).toMatch(/^ENOSPC@\d+$/);
    expect(failure.call).toMatch(/^writeFile\('\/cfg'/);
    expect(failure.line).toContain('faults.test.ts');
    expect(failure.timeline.at(-1)).toMatch(/\^ operation \d+ fails with ENOSPC$/);
  });

  it('data without a sum are found when bits rot', async () => {
    const failure = await found({
      setup: ({ fs }) => fs.writeFileSync('/data', 'a'.repeat(9000)),
      workload: ({ fs }) => fs.writeFileSync('/other', 'b'),
      faults: [faults.bitRot({ places: 50 })],
      check: ({ fs, expect: expecting }) =>
        expecting.ok(/^a*$/.test(fs.readFileSync('/data', 'latin1')), 'all that was written'),
    });
    expect(failure.message).toBe('all that was written does not hold');
    expect(failure.id).toMatch(/^rot@\d+\.\d+$/);
    expect(failure.timeline.at(-1)).toMatch(/\^ after the run bit \d+ of block \d+ flipped$/);
  });

  it('a program that tries again for ever', async () => {
    const failure = await found({
      ...sound,
      opsMax: 2000,
      faults: [faults.ioError({ kinds: ['EIO'], times: ['always'] })],
      workload: ({ fs }) => {
        for (;;) {
          try {
            fs.writeFileSync('/cfg', sealed('v2'));
            return;
          } catch (error) {
            if ((error as { code?: string }).code !== 'EIO') throw error;
          }
        }
      },
    });
    expect(failure.kind).toBe('hang');
    expect(failure.message).toContain('allowed: opsMax, 2000');
  });
});

describe('wrong options', () => {
  it.each<[() => unknown, string]>([
    [() => faults.ioError({ kinds: ['EPERM' as 'EIO'] }), "kinds has 'EPERM'; allowed: EIO, ENOSPC"],
    [() => faults.ioError({ times: [] }), 'times is []; allowed: a list of once, always'],
    [() => faults.bitRot({ bits: 0 }), 'bits is 0; allowed: 1 to 64'],
    [() => faults.droppedSync({ lost: 1.5 }), 'lost is 1.5; allowed: 1 to 16'],
    [() => faults.misdirectedWrite({ places: -1 }), 'places is -1; allowed: 1 to 100000'],
    [() => faults.badBlock({ modes: ['gone' as 'prognoop'] }), "modes has 'gone'; allowed: progerror, eraseerror,"],
    [() => faults.wearOut({ erases: [0] }), 'erases is 0; allowed: 1 to 1000000'],
    [() => faults.wearOut({ erases: 3 as unknown as number[] }), 'erases is 3; allowed: a list of numbers'],
    [() => faults.powerLoss({ torn: 'all' as 'none' }), 'torn is "all"; allowed: \'none\', or a list of prefix'],
  ])('%s', (work, message) => {
    expect(work).toThrow(message);
  });

  it('of crashTest', async () => {
    const wrong = (options: object) => expect(crashTest({ ...sound, ...options })).rejects;
    await wrong({ faults: faults.powerLoss() }).toThrow('faults is object; allowed: a list, as [faults.powerLoss()]');
    await wrong({ faults: [faults.bitRot] }).toThrow('faults has a function; call it; allowed: what faults.powerLoss');
    await wrong({ faults: [{ kind: 'fire' }] }).toThrow('faults has fire; allowed: what');
    await wrong({ replay: 'rot@nonsense' }).toThrow("'rot@nonsense' is no case; a case is like EIO@12");
    await wrong({ replay: 'bad@99:prognoop' }).toThrow('block is 99; allowed: 0 to 63');
  });
});
