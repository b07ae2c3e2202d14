// The work of ctwhy query.

import { type CommandInput, hasSwitch, optionValue, optionValues, positionalOf } from '../cli/command.js';
import { EXIT, type ExitCode } from '../cli/exit-codes.js';
import { nearest } from '../cli/usage-words.js';
import { printRows, type RowSet } from '../presentation/rows.js';
import { NAMED_QUERIES, namedQuery } from '../store/named-queries.js';
import { runQuery } from '../store/query.js';
import { schemaRows } from '../store/schema-words.js';
import { UsageError } from '../text/errors.js';
import { rfc3339 } from '../text/time.js';
import type { World } from '../world.js';
import { withEvidenceAsked } from './evidence-store.js';
import { limited, rowFormat, rowLimit } from './row-output.js';

function readParameters(input: CommandInput): Readonly<Record<string, string>> {
  return Object.fromEntries(
    optionValues(input, 'param').map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UsageError(`--param takes NAME=VALUE, not '${text}'`);
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}

async function readSql(input: CommandInput, world: World): Promise<string> {
  const given = positionalOf(input, 'sql');
  if (given === null)
    throw new UsageError(
      'query needs SQL, the name of a query, @FILE or -',
      'Questions to start from: ctwhy query --list',
    );
  if (given === '/dev/stdin') {
    const chunks: Buffer[] = [];
    for await (const chunk of world.host.stream('/dev/stdin')) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  }
  if (given.startsWith('@')) return world.host.read(given.slice(1));
  if (/^[a-z][a-z0-9-]*$/.test(given)) {
    const named = namedQuery(given);
    if (named === null) throw unknownQuery(given);
    return named.sql;
  }
  return given;
}

function unknownQuery(name: string): UsageError {
  const meant = nearest(
    name,
    NAMED_QUERIES.map((query) => query.name),
  );
  return new UsageError(
    `there is no query named '${name}'${meant === null ? '' : `; did you mean ${meant}?`}`,
    'Names: ctwhy query --list',
  );
}

/** Defaults of a named query's parameters, below what was given. */
function withDefaults(input: CommandInput, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const name = positionalOf(input, 'sql');
  const named = name === null ? null : namedQuery(name);
  return named === null ? given : { ...named.parameters, ...given };
}

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const format = rowFormat(input, world);
  const limit = rowLimit(input);
  const print = ({ columns, rows }: RowSet) =>
    printRows(
      world.streams.out,
      { columns, rows: limited(rows, limit) },
      { format, generatedAt: rfc3339(world.clock.nowUs()), isHeadless: hasSwitch(input, 'no-headers') },
    );

  const asked = [
    ...(hasSwitch(input, 'list') ? ['--list'] : []),
    ...(optionValue(input, 'show') !== null ? ['--show'] : []),
    ...(hasSwitch(input, 'schema') ? ['--schema'] : []),
    ...(positionalOf(input, 'sql') !== null ? ['SQL or a name'] : []),
  ];
  if (asked.length > 1) throw new UsageError(`give one of these only: ${asked.join(', ')}`);

  if (hasSwitch(input, 'list')) {
    print({
      columns: ['name', 'question', 'parameters'],
      rows: NAMED_QUERIES.map((query) => [
        query.name,
        query.question,
        Object.entries(query.parameters)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      ]),
    });
    return EXIT.done;
  }
  const shown = optionValue(input, 'show');
  if (shown !== null) {
    const query = namedQuery(shown);
    if (query === null) throw unknownQuery(shown);
    world.streams.out.write(`-- ${query.question}\n${query.sql.trim()}\n`);
    return EXIT.done;
  }
  if (hasSwitch(input, 'schema')) {
    print({ columns: ['table', 'column', 'type', 'says'], rows: schemaRows() });
    return EXIT.done;
  }
  const sql = await readSql(input, world);
  const parameters = withDefaults(input, readParameters(input));
  return await withEvidenceAsked(input, world, async (db) => {
    print(runQuery(db, sql, parameters));
    return EXIT.done;
  });
}
