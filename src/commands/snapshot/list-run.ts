// The work of ctwhy snapshot list.

import type { CommandInput } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { printRows } from '../../presentation/rows.js';
import { listSnapshots } from '../../store/snapshot-reader.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { withEvidenceAsked } from '../evidence-store.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';

const COLUMNS = ['id', 'taken_at', 'took_us', 'name', 'made_by', 'entries', 'max', 'host', 'netns'];

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const limit = rowLimit(input);
  return await withEvidenceAsked(input, world, async (db) => {
    const rows = listSnapshots(db).map((one) => [
      `S${one.id}`,
      one.takenAtUs === null ? null : rfc3339(one.takenAtUs),
      one.tookUs,
      one.name,
      one.madeBy,
      one.entryCount,
      one.entryMax,
      one.host,
      one.netns,
    ]);
    // The newest are the ones that a limit is meant to show.
    const shown = limit === null || limit === 0 ? limited(rows, limit) : rows.slice(-limit);
    printRows(
      world.streams.out,
      { columns: COLUMNS, rows: shown },
      { format: rowFormat(input, world), generatedAt: rfc3339(world.clock.nowUs()) },
    );
    return EXIT.done;
  });
}
