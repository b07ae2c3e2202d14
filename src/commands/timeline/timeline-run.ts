// The work of ctwhy timeline.

import { flowWords } from '../../analysis/causes/words.js';
import { ownDoing } from '../../analysis/explain/own-doing.js';
import { timelineOf } from '../../analysis/timeline.js';
import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { timelineDocument } from '../../presentation/timeline-document.js';
import { readTotals } from '../../store/ingest-totals.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { namespaceNote } from '../choose-namespace.js';
import { withEvidenceOfOne } from '../evidence-store.js';
import { chooseCase, findingNumber } from '../explain/choose-case.js';
import { filterOf } from '../explain/explain-run.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const filter = filterOf(input, world);
  const number = findingNumber(input);
  return await withEvidenceOfOne(input, world, async (db, netns) => {
    const chosen = chooseCase(filter, number, db);
    const isVerbose = hasSwitch(input, 'verbose');
    const rows = timelineOf(chosen.subject, isVerbose);
    if (hasSwitch(input, 'json')) {
      const document = {
        schema: 'ctwhy.timeline/1',
        generatedAt: rfc3339(world.clock.nowUs()),
        netns: netns.label,
        flow: flowWords(chosen.subject.flow),
        notes: ownDoing(chosen.subject),
        rows: rows.map(({ atUs, ...row }) => ({ at: atUs === null ? null : rfc3339(atUs), ...row })),
      };
      world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
      return EXIT.done;
    }
    const totals = readTotals(db, chosen.scope);
    const notes = [
      ...(netns.label === null ? [] : [namespaceNote(netns)]),
      chosen.finding === null
        ? 'no packet of it was read: events and entries alone tell of it'
        : `finding ${chosen.finding.id}${chosen.flows > 1 ? `, the first of ${chosen.flows} connections: name one with --flow` : ''}`,
      ...ownDoing(chosen.subject),
      ...totals.clockNotes,
    ];
    const ids = [...new Set(chosen.subject.events.map((event) => event.ctId).filter((id) => id !== null))];
    const head = {
      flow: `${flowWords(chosen.subject.flow)}${ids.length === 1 ? `    entry ${ids[0]}` : ''}`,
      notes,
      isVerbose,
      width: documentWidth(world.streams.out),
    };
    printDocument(world.streams.out, timelineDocument(rows, head));
    return EXIT.done;
  });
}
