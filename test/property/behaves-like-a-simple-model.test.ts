/**
 * Promise: the engine means what littlefs means. Whatever calls are made, in whatever order, with several handles
 * open, it answers as a file system does that has nothing but maps and arrays (`test/support/model.ts`), error codes
 * and order of listing included.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RamDevice } from '../../src/device/index.ts';
import { type LfsDir, LittleFS, O_CREAT, O_WRONLY } from '../../src/lfs/index.ts';
import { flashOf, formatted, geometries, roomyGeometries, runs, work } from '../support/arbitraries.ts';
import { type Step, showStep, Twin } from '../support/commands.ts';
import { foundWork } from './found.ts';

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
        fc.modelRun(
          () => ({ model: {}, real: twin }),
          todo.map((step) => new StepCommand(step)),
        );
        twin.verify('at the end');
        twin.take({ op: 'remount' });
        twin.verify('mounted again');
      }),
      runs(150),
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
      { ...runs(250), examples: foundWork.map(([, geometry, todo]) => [geometry, [...todo]]) },
    );
  });

  it('when a directory changes while it is listed: what stays is told once, nothing is told twice', () => {
    const change = fc.record({ make: fc.boolean(), name: fc.nat(19) });
    fc.assert(
      fc.property(
        geometries({ limits: false, blockCounts: [90, 200] }),
        fc.uniqueArray(fc.nat(19), { maxLength: 20 }),
        fc.array(fc.option(change, { nil: undefined }), { maxLength: 60, size: 'max' }),
        (geometry, first, events) => {
          const device = formatted(flashOf(geometry), geometry.config);
          const lfs = LittleFS.mount(device, geometry.config);
          const there = new Set<number>();
          const set = (name: number, wanted: boolean): void => {
            if (wanted === there.has(name)) return;
            if (wanted) lfs.open(nameOf(name), O_WRONLY | O_CREAT).close();
            else lfs.remove(nameOf(name));
            if (wanted) there.add(name);
            else there.delete(name);
          };
          for (const name of first) set(name, true);
          const stayed = new Set(there);
          const told: string[] = [];
          const dir = lfs.openDir('/');
          for (const event of events) {
            if (event === undefined) told.push(...readOne(dir));
            else {
              set(event.name, event.make);
              if (!event.make) stayed.delete(event.name);
            }
          }
          for (let more = readOne(dir); more.length > 0; more = readOne(dir)) told.push(...more);
          const names = told.filter((name) => name !== '.' && name !== '..');
          for (const name of stayed) expect(names, 'names told').toContain(nameOf(name));
          // A name may be told again only if it was taken away and came again.
          const again = events.flatMap((event) => (event?.make === false ? [nameOf(event.name)] : []));
          const twice = names.filter((name, i) => names.indexOf(name) !== i && !again.includes(name));
          expect(twice, 'names told twice').toEqual([]);
        },
      ),
      runs(150),
    );
  });
});

function nameOf(name: number): string {
  return `name-${String.fromCharCode(97 + name)}`;
}

function readOne(dir: LfsDir): string[] {
  const info = dir.read();
  return info === undefined ? [] : [info.name];
}
