/**
 * Promise: the engine means what littlefs means. Whatever calls are made, in whatever order, with several handles
 * open, it answers as a file system does that has nothing but maps and arrays (`test/support/model.ts`), error codes
 * and order of listing included.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { LittleFS } from '../../src/lfs/index.ts';
import { flashOf, formatted, geometries, roomyGeometries, runs, work } from '../support/arbitraries.ts';
import { showStep, type Step, Twin } from '../support/commands.ts';

/** A step as fast-check wants it: a failure prints those that led to it. */
class StepCommand implements fc.Command<object, Twin> {
  readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  check(): boolean {
    return true;
  }

  run(_: object, twin: Twin): void {
    twin.take(this.step, false);
  }

  toString(): string {
    return showStep(this.step);
  }
}

describe('behaves like a simple model', () => {
  it('step by step, with room enough', () => {
    const steps = work({ sizeMax: 9000, lengthMax: 60, oddPaths: true });
    fc.assert(
      fc.property(roomyGeometries, steps, fc.boolean(), ({ config, ...geometry }, todo, onFlash) => {
        const device = onFlash ? flashOf({ config, ...geometry }) : new RamDevice(geometry);
        LittleFS.format(device, config);
        const twin = new Twin(device, config);
        const setup = () => ({ model: {}, real: twin });
        fc.modelRun(setup, todo.map((step) => new StepCommand(step)));
        twin.verify('at the end');
        twin.take({ op: 'remount' });
        twin.verify('mounted again');
      }),
      runs(200),
    );
  });

  it('also when the device is small and fills up', () => {
    fc.assert(
      fc.property(geometries(), work({ sizeMax: 6000, lengthMax: 60 }), (geometry, todo) => {
        const twin = new Twin(formatted(flashOf(geometry), geometry.config), geometry.config);
        for (const step of todo) twin.take(step);
        twin.verify('at the end');
        twin.take({ op: 'remount' });
        twin.verify('mounted again');
      }),
      runs(200),
    );
    expect(true).toBe(true);
  });
});
