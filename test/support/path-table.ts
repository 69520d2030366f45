/**
 * What every call says to every way of writing a path, and what a rename says to two of them.
 *
 * The world in which each call is made, anew for each:
 *
 *   /yard/gate       a file            /spare    a file, which is moved to the path
 *   /yard/well/      empty             /store/   a directory, not empty, which is moved to the path
 *   /yard/barn/hay   a file            /free     is not there: the path is moved to it
 *
 * The outcomes are C littlefs 2.11.3's.
 */
import type { Outcome } from './outcome.ts';

export const calls = [
  'stat',
  'read',
  'write',
  'create',
  'list',
  'mkdir',
  'remove',
  'away',
  'self',
  'file',
  'dir',
] as const;

/** `write`: open with O_CREAT; `create`: with O_EXCL too; `file`, `dir`: what is moved to the path. */
export type Call = (typeof calls)[number];

export interface PathRow {
  readonly what: string;
  readonly paths: readonly string[];
  readonly expected: Readonly<Record<Call, Outcome>>;
}

const n255 = 'n'.repeat(255);
const slashes = ['/', '//', '///', '//////'];
const dots = ['/.', '/./.', '/././.', '/./././././.', '//.', '/./', '/.//'];

function behind(path: string, endings: readonly string[]): string[] {
  return endings.map((ending) => path + ending);
}

/** A kind of path, the outcome of each call in the order of `calls`, ways to write such a path. */
function row(what: string, outcomes: string, ...paths: string[]): PathRow {
  const words = outcomes.trim().split(/\s+/) as Outcome[];
  if (words.length !== calls.length) throw new Error(`${what}: ${words.length} outcomes for ${calls.length} calls`);
  return { what, paths, expected: Object.fromEntries(calls.map((call, i) => [call, words[i]])) as PathRow['expected'] };
}

/** A row in which all calls come to the same. */
function same(what: string, only: Outcome, ...paths: string[]): PathRow {
  return { what, paths, expected: Object.fromEntries(calls.map((call) => [call, only])) as PathRow['expected'] };
}

// biome-ignore format: a table
const missingOutcomes =
  // stat   read   write  create list   mkdir  remove away   self   file   dir
  ' NOENT  NOENT  ok     ok     NOENT  ok     NOENT  NOENT  NOENT  ok     ok';

// biome-ignore format: a table
export const rows: readonly PathRow[] = [
  //   stat   read   write  create list   mkdir  remove away   self   file   dir
  row('a file',
      ' ok     ok     ok     EXIST  NOTDIR EXIST  ok     ok     ok     ok     NOTDIR',
      'yard/gate', '/yard/gate', '//yard//gate', '////yard////gate', '/./yard/./gate', '././yard/././gate',
      '/yard/../yard/gate', 'yard/barn/hay/../../gate'),
  row('a file, behind names that ".." takes away whatever they are',
      ' ok     ok     ok     EXIST  NOTDIR EXIST  ok     ok     ok     ok     NOTDIR',
      '/none/../yard/none/none/../../gate', 'yard/gate/../gate', '/none/./.././yard/gate'),
  row('an empty directory',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  ok     ok     ok     ISDIR  ok',
      'yard/well', '/yard/well', '///yard///well', 'yard/gate/../well', 'yard/barn/../well'),
  row('a directory that is not empty',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  NOTEMPTY ok   ok     ISDIR  NOTEMPTY',
      'yard/barn', '/yard/barn', './yard/./barn'),
  row('nothing', missingOutcomes,
      'yard/moat', '/yard/moat', '/yard/barn/../moat', 'yard/none/../moat'),
  row('nothing, and a name much like one that is there', missingOutcomes,
      'yard/gat', 'yard/gate_', 'yard/_gate', 'yard/ga_e', 'yard/Gate', 'spar', 'spare_'),
  row('nothing, and a name that begins with dots', missingOutcomes,
      'yard/...', 'yard/.moat', '/..moat', '/...moat', '/......'),
  row('nothing, and the name of the superblock entry', missingOutcomes, 'littlefs', '/littlefs'),
  row('nothing, and the longest name', missingOutcomes, `/${n255}`, `yard/${n255}`),

  //   stat   read   write  create list   mkdir  remove away   self   file   dir
  row('a directory, and slashes behind it',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  ok     ok     ok     ISDIR  ok', ...behind('yard/well', slashes)),
  row('a directory, and dots behind it',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  ok     ok     ok     ISDIR  ok', ...behind('yard/well', dots)),
  same('a file, and slashes behind it', 'NOTDIR', ...behind('yard/gate', slashes)),
  same('a file, and dots behind it', 'NOTDIR', ...behind('yard/gate', dots)),
  row('nothing, and slashes behind it: a directory may be made so',
      ' NOENT  NOENT  NOTDIR NOTDIR NOENT  ok     NOENT  NOENT  NOENT  NOTDIR ok', ...behind('yard/moat', slashes)),
  same('nothing, and dots behind it', 'NOENT', ...behind('yard/moat', dots)),

  //   stat   read   write  create list   mkdir  remove away   self   file   dir
  row('a directory, as something in it and ".."',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  NOTEMPTY ok   ok     ISDIR  NOTEMPTY',
      'yard/gate/..', 'yard/well/..', 'yard/moat/..', 'yard/moat/../', 'yard/gate/./..', '/yard/gate/.././',
      'yard/barn/hay/../..', 'yard/none/none/../..'),
  row('an empty directory, as nothing in it and ".."',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  ok     ok     ok     ISDIR  ok',
      'yard/well/moat/..', 'yard/well/a/b/../..', 'yard/well/a/..///'),
  row('the root',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  INVAL  INVAL  INVAL  INVAL  INVAL',
      '/', '.', './', '/.', '//', '/./', './/.', '///./.'),
  row('the root, by ".."',
      ' ok     ISDIR  ISDIR  EXIST  ok     EXIST  INVAL  INVAL  INVAL  INVAL  INVAL',
      'yard/..', 'none/..', '/yard/./../', 'yard/gate/../..', 'yard/moat/../..', 'none/none/../..', 'yard/gate/x/../../..'),
  same('above the root', 'INVAL',
      '..', '/..', './..', '//..', '../yard/gate', '/../yard/gate', '/../../yard/gate', '/../../../yard/gate',
      'yard/../../yard/gate', '/yard/../../../yard/gate', '/yard/../../../../yard/gate',
      'yard/gate/../../..', 'yard/moat/../../..', 'none/../..', 'yard/gate/../../../../..', 'yard/gate/../../../../../..'),
  same('no path at all', 'INVAL', ''),

  same('in a directory that is not there', 'NOENT',
      'none/gate', 'yar/gate', 'ya_d/gate', '_yard/gate', 'yard_/gate', 'yard/none/gate', 'none/none/gate', 'none/./gate',
      'none/gate/', 'none/gate/.', `none/${n255}n`),
  same('in a file', 'NOTDIR',
      'spare/x', 'yard/gate/x', 'yard/gate/x/y', 'yard/gate/./x', 'yard/gate/x/', 'yard/gate/x/.', 'yard/gate/x/../y',
      'yard/barn/hay/x', `yard/gate/${n255}n`),

  //   stat   read   write       create      list  mkdir       remove away  self  file        dir
  row('a name too long',
      ' NOENT  NOENT  NAMETOOLONG NAMETOOLONG NOENT NAMETOOLONG NOENT  NOENT NOENT NAMETOOLONG NAMETOOLONG',
      `/${n255}n`, `yard/${n255}n`, n255 + n255),
  row('a name too long, and a slash',
      ' NOENT  NOENT  NOTDIR      NOTDIR      NOENT NAMETOOLONG NOENT  NOENT NOENT NOTDIR      NAMETOOLONG', `/${n255}n/`),
  same('a name too long, and a dot', 'NOENT', `/${n255}n/.`),
];

/** Sources of a rename that make it fail whatever the target is. */
export const badSources: readonly (readonly [path: string, outcome: Outcome])[] = [
  ['yard/gate/', 'NOTDIR'],
  ['yard/gate/.', 'NOTDIR'],
  ['spare/x', 'NOTDIR'],
  ['yard/moat', 'NOENT'],
  ['yard/moat/', 'NOENT'],
  ['yard/moat/.', 'NOENT'],
  ['none/gate', 'NOENT'],
  ['yard/../../gate', 'INVAL'],
  ['yard/gate/../..', 'INVAL'],
  ['/', 'INVAL'],
  ['', 'INVAL'],
];

export const fileSources: readonly string[] = ['yard/gate', '/yard/./gate'];

export const dirSources: readonly string[] = [
  'yard/well',
  'yard/well/',
  'yard/well/.',
  'yard/barn',
  'yard/gate/..',
  'yard/moat/..',
];

/** Targets of a rename, what it comes to for a file, and for a directory. */
export const targets: readonly (readonly [path: string, file: Outcome, dir: Outcome])[] = [
  ['store/free', 'ok', 'ok'],
  ['store/free/', 'NOTDIR', 'ok'],
  ['store/free//////', 'NOTDIR', 'ok'],
  ['store/free/.', 'NOENT', 'NOENT'],
  ['store/free/././.', 'NOENT', 'NOENT'],
  ['store/free/..', 'ISDIR', 'NOTEMPTY'],
  ['store/free/../..', 'INVAL', 'INVAL'],
  ['store/free/../../..', 'INVAL', 'INVAL'],
  ['none/free', 'NOENT', 'NOENT'],
  ['spare/free', 'NOTDIR', 'NOTDIR'],
  [`store/${n255}n`, 'NAMETOOLONG', 'NAMETOOLONG'],
  ['/../store/free', 'INVAL', 'INVAL'],
  ['/', 'INVAL', 'INVAL'],
  ['', 'INVAL', 'INVAL'],
];
