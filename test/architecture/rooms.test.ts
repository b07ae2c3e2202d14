// The table of allowed imports. It fails on an arrow that is not in it, on a room that is missing, on a package imported
// outside of its room, and when it has seen too little to mean anything.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** Room -> rooms it may import. 'world' is world.ts; the type of it is free to commands. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  text: [],
  catalogue: ['model', 'text'],
  parsers: ['model', 'text', 'catalogue'],
  tracker: ['model', 'text', 'catalogue'],
  host: ['model', 'text'],
  sources: ['host', 'model', 'text'],
  store: ['model', 'text', 'host'],
  ingest: ['sources', 'parsers', 'store', 'catalogue', 'host', 'model', 'text'],
  analysis: ['model', 'text', 'catalogue', 'store', 'tracker'],
  survey: ['host', 'parsers', 'catalogue', 'model', 'text'],
  changes: ['host', 'survey', 'store', 'parsers', 'catalogue', 'model', 'text'],
  presentation: ['model', 'text', 'catalogue'],
  cli: ['model', 'text'],
  commands: [
    'cli',
    'presentation',
    'changes',
    'survey',
    'analysis',
    'ingest',
    'store',
    'sources',
    'parsers',
    'tracker',
    'catalogue',
    'host',
    'model',
    'text',
    'world',
  ],
  world: ['host', 'presentation'],
  main: ['cli', 'commands', 'host', 'text', 'world'],
  start: ['main', 'world'],
};

/** Package or built-in -> the only rooms that may import it. */
const GUARDED: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['store'],
  yargs: ['cli'],
  execa: ['host'],
  'cli-table3': ['presentation'],
  'cli-progress': ['presentation'],
  'csv-stringify/sync': ['presentation'],
  'tar-stream': ['sources'],
  'ipaddr.js': ['text'],
  'node:fs': ['host', 'store', 'sources'],
  'node:fs/promises': ['host'],
  'node:child_process': ['host'],
  'node:worker_threads': ['ingest', 'sources'],
  'node:v8': ['ingest', 'store'],
  'node:vm': ['store'],
  'node:zlib': ['sources', 'store', 'ingest'],
  'node:http': [],
  'node:https': [],
  'node:net': ['text', 'catalogue', 'parsers', 'cli', 'store'],
  'node:os': ['host'],
  'node:readline': ['world'],
};
/** Built-ins without effects, free to all. */
const FREE = [
  'node:path',
  'node:url',
  'node:util',
  'node:stream',
  'node:crypto',
  'node:buffer',
  'node:string_decoder',
  'node:tty',
  'node:perf_hooks',
  'node:events',
  'node:stream/promises',
];

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesBelow(join(folder, entry.name))
      : entry.name.endsWith('.ts')
        ? [join(folder, entry.name)]
        : [],
  );
}

function roomOf(path: string): string {
  return relative(SRC, path)
    .split('/')[0]!
    .replace(/\.[tj]s$/, '');
}

const files = filesBelow(SRC);
const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gms),
  ];
  return found.map((match) => ({
    file,
    target: match[2] ?? match[3] ?? match[4]!,
    isTypeOnly: match[1] !== undefined,
  }));
});

describe('rooms', () => {
  it('has looked at enough to mean something', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(imports.length).toBeGreaterThan(100);
  });

  it('knows every room', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !(room in ARROWS))).toEqual([]);
  });

  it('follows the arrows', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('.'))
      .map(({ file, target }) => ({
        from: roomOf(file),
        to: roomOf(join(dirname(file), target)),
        file: relative(SRC, file),
      }))
      .filter(({ from, to }) => from !== to && !ARROWS[from]?.includes(to));
    expect(wrong.map(({ file, from, to }) => `${file}: ${from} must not import ${to}`)).toEqual([]);
  });

  it('leaves the tables of the tracker to its model, which knows no store', () => {
    const tables = /\b(tcpTransition|TCP_TRANSITIONS|TCP_TIMEOUTS_S)\b/;
    const knowing = files.filter((file) => tables.test(readFileSync(file, 'utf8'))).map((file) => relative(SRC, file));
    expect(knowing.filter((file) => roomOf(join(SRC, file)) !== 'tracker')).toEqual(['catalogue/tcp-states.ts']);
    expect(knowing.length).toBeGreaterThan(2);
    expect(ARROWS['tracker']).toEqual(['model', 'text', 'catalogue']);
  });

  it('keeps packages and built-ins in their rooms', () => {
    const wrong = imports
      .filter(({ target, isTypeOnly }) => !target.startsWith('.') && !isTypeOnly && !FREE.includes(target))
      .filter(({ file, target }) => !GUARDED[target]?.includes(roomOf(file)));
    expect(
      wrong.map(({ file, target }) => `${relative(SRC, file)}: ${target} does not belong into ${roomOf(file)}`),
    ).toEqual([]);
  });

  it('reads clock, chance, environment and process only at the edge', () => {
    const edge = ['world', 'start'];
    const wrong = files
      .filter((file) => !edge.includes(roomOf(file)) && roomOf(file) !== 'host')
      .flatMap((file) =>
        [
          ...readFileSync(file, 'utf8').matchAll(
            /\b(process\.(?!hrtime|versions)[a-z]\w*|Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\()/g,
          ),
        ].map((match) => `${relative(SRC, file)}: ${match[0]}`),
      );
    expect(wrong).toEqual([]);
  });

  it('keeps files short enough to hold in the head', () => {
    const long = files
      .map((file) => ({ file: relative(SRC, file), lines: readFileSync(file, 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 450);
    expect(long).toEqual([]);
  });
});
