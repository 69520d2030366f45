/**
 * A rename that fails is forgotten whole. Across directories it first notes in RAM that the source is being moved; if
 * that note outlived the failure, the next commit of anything would write it down, and the source would be deleted.
 */
import { expect, it } from 'vitest';
import { FlashDevice } from '../../src/device/index.ts';
import { check, LfsError, LittleFS, O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';

function fill(work: (i: number) => void): number {
  for (let i = 0; ; i++) {
    try {
      work(i);
    } catch (error) {
      if (error instanceof LfsError && error.code === 'LFS_ERR_NOSPC') return i;
      throw error;
    }
  }
}

it('the source of a rename that found no space outlives whatever is written next', () => {
  const device = new FlashDevice({ blockSize: 256, blockCount: 16, progSize: 16 });
  LittleFS.format(device);
  const lfs = LittleFS.mount(device);
  lfs.mkdir('/a');
  lfs.mkdir('/b');
  lfs.open('/a/x', O_CREAT | O_WRONLY).close();
  lfs.setAttr('/a/x', 1, new Uint8Array(60));
  fill((i) => lfs.mkdir(`/filler${i}`));
  fill((i) => lfs.open(`/b/${'n'.repeat(20)}${i}`, O_CREAT | O_WRONLY).close());

  let error: unknown;
  try {
    lfs.rename('/a/x', `/b/${'m'.repeat(60)}`);
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code: 'LFS_ERR_NOSPC' });

  // Any commit to any pair would take a leftover note along.
  lfs.setAttr('/a', 1, Uint8Array.of(1));
  lfs.removeAttr('/a', 1);
  lfs.unmount();
  const again = LittleFS.mount(device);
  again.makeConsistent();
  expect(again.stat('/a/x').type).toBe('file');
  expect(again.getAttr('/a/x', 1)?.length).toBe(60);
  expect(check(device).findings.filter((finding) => finding.severity === 'error')).toEqual([]);
});
