/** What a campaign says: in words, for programs, for build servers, for browsers; minimised; and about itself. */
import { describe, expect, it } from 'vitest';
import { type CrashTestOptions, crashTest, crashTestCase, faults, formatReport } from '../../src/crash/index.ts';

const tooEarly: CrashTestOptions = {
  name: 'save <too> early & "loud"',
  setup: ({ fs }) => fs.writeFileSync('/cfg', 'v1'),
  workload: ({ fs, ack, step }) => {
    step('publish');
    ack({ cfg: 'v2', size: 10n });
    fs.writeFileSync('/cfg', 'v2');
    fs.writeFileSync('/log', 'x'.repeat(9000));
  },
  check: ({ fs, acked, expect: expecting }) =>
    expecting.oneOf(fs.readFileSync('/cfg', 'utf8'), acked.cfg === undefined ? ['v1', 'v2'] : ['v2'], '/cfg'),
};

describe('a report', () => {
  it('in words names the point, the call, the line and what happened before', async () => {
    const report = await crashTest(tooEarly);
    const text = formatReport(report);
    expect(text).toMatch(/^save <too> early & "loud": 1 failure: \d+ points of 2 fs calls and \d+ device operations/);
    expect(text).toContain('0  check: /cfg is "v1"; allowed: "v2"');
    expect(text).toMatch(/ {2}call {6}writeFile\('\/cfg', 2 bytes/);
    expect(text).toMatch(/ {2}line {6}at .*report\.test\.ts/);
    expect(text).toContain('step      publish');
    expect(text).toContain('acked     {"cfg":"v2","size":"10"}');
    expect(text).toContain("replay    crashTest({ ..., replay: '0' })");
    expect(text).toContain('^ the power goes here');
  });

  it('as JSON has all but the images', async () => {
    const report = await crashTest(tooEarly);
    const parsed = JSON.parse(formatReport(report, 'json'));
    expect(parsed).toMatchObject({ ok: false, seed: 1, device: { blockSize: 4096, blockCount: 64 } });
    expect(parsed.failures[0]).toMatchObject({ id: '0', minimal: '0', kind: 'check', imageBytes: [262144, 262144] });
    expect(parsed.failures[0]).not.toHaveProperty('imageAfter');
  });

  it('as JUnit XML is well-formed, with a test case for each failure', async () => {
    const xml = formatReport(await crashTest({ ...tooEarly, onFailure: 'all' }), 'junit');
    expect(xml).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites tests="\d+" failures="\d+"/);
    expect(xml).toContain('name="save &lt;too&gt; early &amp; &quot;loud&quot;"');
    expect(xml).toContain('<failure type="check" message="/cfg is &quot;v1&quot;; allowed: &quot;v2&quot;">');
    const open: string[] = [];
    for (const [, end, name, self] of xml.matchAll(/<(\/?)([a-z-]+)[^>]*?(\/?)>/g)) {
      if (end === '/') expect(open.pop()).toBe(name);
      else if (self !== '/') open.push(name!);
    }
    expect(open).toEqual([]);
  });

  it('as a page needs nothing else, and maps the blocks', async () => {
    const report = await crashTest({ ...tooEarly, replay: '0t0-4' });
    const html = formatReport(report, 'html');
    expect(html).not.toMatch(/<script|<link|src=|href=|url\(|@import|https?:/);
    expect(html.match(/title="block \d+: /g)?.length).toBe(128);
    expect(html).toContain('title="block 0: metadata');
    expect(html).toContain('class="free"');
    expect(html).toMatch(/class="metadata changed" title="block \d+: metadata, \d+ bytes changed"/);
    expect(html).toContain('<mark>');
    expect(formatReport({ ...report, ok: true, failures: [] }, 'html')).toContain('class="ok">ok');
    expect(() => formatReport(report, 'pdf' as 'html')).toThrow('format is pdf; allowed: text, json, junit, html');
  });

  it('shows an image that cannot be mounted by its bytes', async () => {
    const report = await crashTest({ ...tooEarly, replay: '0' });
    const failure = { ...report.failures[0]!, imageAfter: new Uint8Array(262144).fill(0x55) };
    const html = formatReport({ ...report, failures: [failure] }, 'html');
    expect(html).toContain('block 63: written, 4096 bytes changed');
    expect(html).toContain('LFS_ERR_');
  });
});

describe('a failure', () => {
  it('found at random comes with the simplest point like it', async () => {
    const report = await crashTest({
      ...tooEarly,
      workload: ({ fs }) => {
        for (let i = 0; i < 6; i++) fs.writeFileSync(`/f${i}`, 'y'.repeat(5000));
        fs.unlinkSync('/cfg');
        for (let i = 0; i < 6; i++) fs.writeFileSync(`/g${i}`, 'y'.repeat(5000));
      },
      check: ({ fs, expect: expecting }) => expecting.ok(fs.existsSync('/cfg'), 'the configuration'),
      faults: [faults.powerLoss({ reorder: 2 })],
      explore: { mode: 'random', seed: 7, budget: { points: 5000 } },
    });
    const { id, minimal, message } = report.failures[0]!;
    expect(message).toBe('the configuration does not hold');
    expect(minimal).toMatch(/^\d+$/);
    expect(Number(minimal)).toBeLessThanOrEqual(Number.parseInt(id, 10));
  });
});

describe('selfCheck', () => {
  const options: CrashTestOptions = {
    name: 'two syncs',
    durability: 'fsync',
    workload: ({ fs, ack }) => {
      const fd = fs.openSync('/data', 'w');
      fs.writeSync(fd, 'important');
      fs.fsyncSync(fd);
      ack({ saved: true });
      fs.fsyncSync(fd);
      fs.closeSync(fd);
    },
    check: ({ fs, acked, expect: expecting }) => {
      if (acked.saved === true) expecting.equal(fs.existsSync('/data'), true, 'saved');
    },
  };

  it('finds the fsync that nobody needs, and leaves the other alone', async () => {
    const report = await crashTest.selfCheck(options);
    expect(report.checkedSyncs.map(({ needed }) => needed)).toEqual([true, false]);
    expect(report.checkedSyncs[0]?.failure?.message).toContain('saved is false');
    expect(report.failures.map(({ kind }) => kind)).toEqual(['unneeded-sync']);
    expect(report.failures[0]?.message).toMatch(
      /^without fsync\(\d+\), sync 2 of 2, no point fails: two syncs does not/,
    );
    expect(report.failures[0]?.line).toContain('report.test.ts');
    expect(formatReport(report, 'html')).toContain('unneeded-sync');
  });

  it('gives back what fails already, and takes no replay', async () => {
    const report = await crashTest.selfCheck(tooEarly);
    expect([report.ok, report.checkedSyncs, report.failures[0]?.kind]).toEqual([false, [], 'check']);
    await expect(crashTest.selfCheck({ ...options, replay: '1' })).rejects.toThrow("replay is '1'; selfCheck looks at");
  });
});

describe('crashTestCase', () => {
  it('passes, or throws the report', async () => {
    await crashTestCase({ ...tooEarly, check: () => {} })();
    await expect(crashTestCase(tooEarly)()).rejects.toThrow(/1 failure[\s\S]*allowed: "v2"[\s\S]*the power goes here/);
  });

  it('replays what the environment names', async () => {
    process.env.CRASH_REPLAY = '0';
    try {
      await expect(crashTestCase(tooEarly)()).rejects.toThrow(/ 1 points of/);
    } finally {
      delete process.env.CRASH_REPLAY;
    }
  });
});
