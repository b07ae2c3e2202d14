// The work of ctwhy log-invalid show: for each protocol, whether a line would appear and where.

import { type CommandInput, hasSwitch } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { type Line, printDocument, segment, wrap } from '../../presentation/document.js';
import { type FamilyLogger, type LoggingFacts, readLogging } from '../../survey/logging.js';
import { protocolName } from '../../text/protocols.js';
import { safeJson } from '../../text/terminal-safe.js';
import type { World } from '../../world.js';
import { typedHere } from '../typed-here.js';

const PROTOCOLS: ReadonlyArray<{
  readonly name: string;
  readonly number: number;
  readonly families: readonly (4 | 6)[];
}> = [
  { name: 'tcp', number: 6, families: [4, 6] },
  { name: 'udp', number: 17, families: [4, 6] },
  { name: 'icmp', number: 1, families: [4] },
  { name: 'icmpv6', number: 58, families: [6] },
  { name: 'sctp', number: 132, families: [4, 6] },
  { name: 'dccp', number: 33, families: [4, 6] },
  { name: 'udplite', number: 136, families: [4, 6] },
  { name: 'gre', number: 47, families: [4, 6] },
];

interface Answer {
  readonly proto: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** Where a line of the family would go; a reason why nowhere. */
function destination(logger: FamilyLogger, facts: LoggingFacts): string {
  if (logger.bound === null) return 'nowhere: no logger is bound';
  if (logger.bound === 'nfnetlink_log') return 'NFLOG group 0';
  if (!facts.isFirstNetns && facts.allNetns !== true) return 'nowhere: nf_log_all_netns is 0';
  return 'kernel log';
}

function answerFor(proto: (typeof PROTOCOLS)[number], facts: LoggingFacts): Answer {
  const isOn = facts.logInvalid === 255 || facts.logInvalid === proto.number;
  const of = (family: 4 | 6): string | null => {
    if (!proto.families.includes(family)) return null;
    if (!isOn) return 'off';
    return destination(facts.loggers.find((one) => one.family === family)!, facts);
  };
  return { proto: proto.name, ipv4: of(4), ipv6: of(6) };
}

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const facts = await readLogging(world.host);
  const answers = PROTOCOLS.map((proto) => answerFor(proto, facts));
  if (hasSwitch(input, 'json')) {
    world.streams.out.write(
      `${safeJson(JSON.stringify({ schema: 'ctwhy.log-invalid/1', ...facts, protocols: answers }, null, 2))}\n`,
    );
    return EXIT.done;
  }
  printDocument(world.streams.out, showDocument(facts, answers, typedHere('log-invalid enable -p all', input, world)));
  return EXIT.done;
}

function showDocument(facts: LoggingFacts, answers: readonly Answer[], enable: string): readonly Line[] {
  if (facts.logInvalid === null)
    return ['Conntrack is not loaded here: no packet is INVALID, and nothing would be logged.'];
  const value = facts.logInvalid;
  const words = value === 0 ? 'off' : value === 255 ? 'all protocols' : protocolName(value);
  const lines: Line[] = [[segment('head', `log_invalid ${value} (${words})`)], ''];
  lines.push([segment('head', `  ${'WOULD A LINE APPEAR'.padEnd(22)}${'IPv4'.padEnd(28)}IPv6`)]);
  for (const { proto, ipv4, ipv6 } of answers)
    lines.push([
      segment('plain', `  ${proto.padEnd(22)}`),
      segment(role(ipv4), (ipv4 ?? '-').padEnd(28)),
      segment(role(ipv6), ipv6 ?? '-'),
    ]);
  if (value === 41)
    lines.push('', ...wrap('41 logs nothing: ICMPv6 is 58, whatever the documentation says.', 78, '  '));
  if (value !== 255) lines.push('', [segment('plain', '  To switch it on:  '), segment('cmd', enable)]);
  return lines;
}

function role(text: string | null): 'good' | 'warn' | 'dim' {
  if (text === null) return 'dim';
  return text === 'off' || text.startsWith('nowhere') ? 'warn' : 'good';
}
