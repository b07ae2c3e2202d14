// The work of ctwhy path.

import { flowWords } from '../../analysis/causes/words.js';
import { journeyOf } from '../../analysis/journey/journey.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { pathDocument } from '../../presentation/path-document.js';
import { FailedError } from '../../text/errors.js';
import { protocolName } from '../../text/protocols.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { namespaceNote } from '../choose-namespace.js';
import { withEvidenceOfOne } from '../evidence-store.js';
import { chooseCase, findingNumber } from '../explain/choose-case.js';
import { againWords, filterOf } from '../explain/explain-run.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const described = optionValue(input, 'packet');
  if (described !== null) {
    const { runPacket } = await import('./packet-run.js');
    return await runPacket(described, input, world);
  }
  const filter = filterOf(input, world);
  const number = findingNumber(input);
  return await withEvidenceOfOne(input, world, async (db, netns) => {
    const { subject, finding } = chooseCase(filter, number, db);
    const again = againWords(input, netns);
    const suffix = again === '' ? '' : ` ${again}`;
    if (finding === null) {
      const { proto, src, sport, dst, dport } = subject.flow;
      const ports = sport === null || dport === null ? '' : ` --sport ${sport} --dport ${dport}`;
      const words = `-p ${protocolName(proto)} -s ${src} -d ${dst}${ports} --ctstate NEW`;
      if (subject.host.rules.hasRules) {
        const { workOut } = await import('./packet-run.js');
        return workOut(words, db, subject.host.name, input, world);
      }
      throw new FailedError(
        `no packet of ${flowWords(subject.flow)} was read, and rules are met by packets\n` +
          `  its events and entries:  ${world.programName} timeline --flow '${flowWords(subject.flow)}'${suffix}\n` +
          '  packets are told by LOG or TRACE rules, nft monitor trace, log_invalid',
      );
    }
    const journey = journeyOf(subject, optionValue(input, 'expect'));
    if (hasSwitch(input, 'json')) {
      world.streams.out.write(
        `${safeJson(JSON.stringify({ schema: 'ctwhy.path/1', generatedAt: rfc3339(world.clock.nowUs()), netns: netns.label, finding: finding.id, flow: finding.flow, state: subject.packets[0]?.state ?? null, ...journey }, null, 2))}\n`,
      );
      return EXIT.done;
    }
    const packet = subject.packets[0]!;
    const inIf = packet.steps.find((step) => step.inIf !== null && step.inIf !== '')?.inIf;
    const outIf = packet.steps.find((step) => step.outIf !== null && step.outIf !== '')?.outIf;
    const ways =
      inIf !== undefined && outIf !== undefined
        ? `, ${inIf} > ${outIf}`
        : inIf !== undefined
          ? `, in by ${inIf}`
          : outIf !== undefined
            ? `, out by ${outIf}`
            : '';
    const head = {
      flow: flowWords(packet.tuples[0] ?? subject.flow),
      packets:
        `${packet.flags === null ? '' : packet.flags === '' ? 'no flags' : packet.flags}${subject.count > 1 ? `, ${subject.count} ${/^(SYN|FIN)( ACK)?$/.test(packet.flags ?? '') ? 'tries' : 'packets'}` : ''}${ways}`.replace(
          /^, /,
          '',
        ),
      netns: namespaceNote(netns),
      state: packet.state,
      fate: journey.fate,
      isVerbose: hasSwitch(input, 'verbose'),
      width: documentWidth(world.streams.out),
      see: [
        `${world.programName} explain ${finding.id}${suffix}`,
        `${world.programName} timeline ${finding.id}${suffix}`,
      ],
    };
    printDocument(world.streams.out, pathDocument(journey, head));
    return EXIT.done;
  });
}
