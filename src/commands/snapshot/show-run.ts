// The work of ctwhy snapshot show.

import { type CommandInput, hasSwitch, positionalOf } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { type ShownSnapshot, snapshotDocument } from '../../presentation/snapshot-document.js';
import { listSnapshots, readEntryGroups, readParts, readStatisticSums } from '../../store/snapshot-reader.js';
import { socketsLookedUp } from '../../store/socket-lookups.js';
import { protocolName } from '../../text/protocols.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { withEvidenceAsked } from '../evidence-store.js';
import { chooseSnapshot, noSnapshots } from './choose-snapshot.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const word = positionalOf(input, 'snapshot');
  return await withEvidenceAsked(input, world, async (db) => {
    const facts = word === null ? listSnapshots(db).at(-1) : chooseSnapshot(db, word, world);
    if (facts === undefined) throw noSnapshots(world);
    const shown: ShownSnapshot = {
      facts,
      groups: readEntryGroups(db, facts).map(({ proto, isAssured, isUnreplied, ...group }) => ({
        ...group,
        proto: protocolName(proto),
        isAssured: isAssured === 1,
        isUnreplied: isUnreplied === 1,
      })),
      parts: readParts(db, facts.id),
      statistics: readStatisticSums(db, facts),
      sockets: socketsLookedUp(db, facts.id),
    };
    if (hasSwitch(input, 'json')) {
      const document = {
        schema: 'ctwhy.snapshot/1',
        generatedAt: rfc3339(world.clock.nowUs()),
        ...facts,
        id: `S${facts.id}`,
        takenAt: facts.takenAtUs === null ? null : rfc3339(facts.takenAtUs),
        entries: shown.groups,
        parts: shown.parts,
        statistics: Object.fromEntries(shown.statistics),
        sockets: shown.sockets,
      };
      world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
    } else printDocument(world.streams.out, snapshotDocument(shown, documentWidth(world.streams.out)));
    return EXIT.done;
  });
}
