// The work of ctwhy path --packet: the rules of files, of a store or of this host, and the described packet's way through them.

import { endWords } from '../../analysis/causes/words.js';
import { citer } from '../../analysis/explain/cite.js';
import { type DescribedPacket, describePacket } from '../../analysis/packet-path/described-packet.js';
import { packetJourney } from '../../analysis/packet-path/packet-journey.js';
import type { HostAddresses } from '../../analysis/packet-path/packet-ways.js';
import { withoutOurs } from '../../analysis/ruleset/ours.js';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { FILTER_OPTIONS } from '../../cli/global-options.js';
import type { PacketJourney } from '../../model/journey.js';
import type { Rule, Ruleset } from '../../model/ruleset.js';
import { documentWidth, printDocument } from '../../presentation/document.js';
import { packetPathDocument } from '../../presentation/packet-path-document.js';
import { readHostFacts, readValues } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import { readLatestRulesets } from '../../store/rules-of-host.js';
import { openTextSource } from '../../store/text-source.js';
import { readFirewall } from '../../survey/firewall.js';
import { ownAddresses, readForwarding, readOwnAddresses } from '../../survey/own-addresses.js';
import { readRulesets } from '../../survey/rulesets.js';
import { FailedError, UnsupportedError, UsageError } from '../../text/errors.js';
import { protocolName } from '../../text/protocols.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { chooseHost } from '../choose-host.js';
import { withEvidenceOfOne } from '../evidence-store.js';
import { readWords } from '../explain/explain-run.js';
import { isOfThisHost } from './of-this-host.js';
import { type PacketWords, packetWords } from './packet-words.js';

interface Rules {
  readonly rulesets: readonly Ruleset[];
  readonly addresses: HostAddresses | null;
  readonly isForwarding: boolean | null;
  readonly placeOf: (rule: Rule) => string;
  /** 'the rules of host gw as of 2026-11-21T14:17:38Z'. */
  readonly from: string;
  /** What of the rules is missing, in a sentence; NULL: nothing. */
  readonly problem: string | null;
}

/** @param text of --packet @throws UsageError, FailedError without rules, UnsupportedError where they may not be read */
export async function runPacket(text: string, input: CommandInput, world: World): Promise<ExitCode> {
  refuseWith(input);
  const words = packetWords(text);
  const family = describePacket(words.conditions, words.family, null).packet.family === 'ip6' ? 'ip6' : 'ip';
  if (isOfThisHost(input)) return answer(words, await rulesOfHost(world, family), text, input, world);
  return await withEvidenceOfOne(input, world, (db) =>
    Promise.resolve(answer(words, storedRules(db, optionValue(input, 'host'), family), text, input, world)),
  );
}

/**
 * The way of a connection's first packet where no packet of it was read: by the rules of the evidence alone, and said so.
 * @param text the packet in the words of --packet
 */
export function workOut(text: string, db: Db, hostName: string | null, input: CommandInput, world: World): ExitCode {
  const words = packetWords(text);
  const family = describePacket(words.conditions, words.family, null).packet.family === 'ip6' ? 'ip6' : 'ip';
  const rules = storedRules(db, hostName, family);
  const problem =
    'no packet of it was read, events and entries tell of it: this is the way of its first one, worked out';
  return answer(words, { ...rules, problem }, text, input, world);
}

/** A finding and a filter are about packets that were seen. */
function refuseWith(input: CommandInput): void {
  if ((input.positionals['finding'] ?? []).length > 0)
    throw new UsageError('--packet is about a packet that nobody saw: give it or the number of a finding');
  const filter = FILTER_OPTIONS.find(({ name }) => input.switches.has(name) || input.values[name] !== undefined);
  if (filter !== undefined)
    throw new UsageError(`--${filter.name} is of packets that were seen: say it within --packet '...'`);
}

async function rulesOfHost(world: World, family: 'ip' | 'ip6'): Promise<Rules> {
  const { host } = world;
  if (host.identity().uid !== 0)
    throw new UnsupportedError(
      'the rules of this host are shown to root only\n' +
        `  sudo ${world.programName} path --packet '...'       or from files: -r iptables-save.txt, a store: --db FILE`,
    );
  const [{ rulesets, problem }, addresses] = await Promise.all([
    readFirewall(host).then((firewall) => readRulesets(host, firewall)),
    readOwnAddresses(host),
  ]);
  if (rulesets === null) throw new UnsupportedError(problem ?? 'the rules of this host could not be read');
  return {
    rulesets: rulesets.map(withoutOurs),
    addresses,
    isForwarding: readForwarding(host, family),
    placeOf: () => '',
    from: `the rules of this host as of ${rfc3339(world.clock.nowUs()).slice(0, 19)}Z`,
    problem,
  };
}

function storedRules(db: Db, hostName: string | null, family: 'ip' | 'ip6'): Rules {
  const host = chooseHost(db, hostName);
  const latest = readLatestRulesets(db, host.id);
  if (latest.length === 0)
    throw new FailedError(
      'no ruleset is among this evidence: iptables-save -c, nft -a list ruleset or a bundle would bring it',
    );
  const cite = citer(openTextSource(db));
  const keyOf = (rule: Rule) => [rule.family, rule.table, rule.chain, rule.number, rule.text].join('\t');
  const places = new Map(
    latest.flatMap(({ ruleset, rulesetId, sourceId, firstLine, atUs }) =>
      ruleset.chains.flatMap((chain) =>
        chain.rules.map((rule): [string, string] => [
          keyOf(rule),
          cite.rule(rule, { rulesetId, sourceId, firstLine: firstLine ?? 1, atUs }).source,
        ]),
      ),
    ),
  );
  const times = latest.map(({ atUs }) => atUs).filter((atUs) => atUs !== null);
  const addresses = readHostFacts(db, host.id, ['address']).map(({ data }) => data);
  const forwarding = readValues(db, host.id, 'sysctl')
    .filter(({ name }) => name === (family === 'ip' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'))
    .at(-1);
  return {
    rulesets: latest.map(({ ruleset }) => withoutOurs(ruleset)),
    addresses: addresses.length === 0 ? null : ownAddresses(addresses),
    isForwarding: forwarding === undefined ? null : String(forwarding.value).trim() !== '0',
    placeOf: (rule) => places.get(keyOf(rule)) ?? '',
    from: `the rules of ${host.name === null ? 'these files' : `host ${host.name}`}${times.length === 0 ? '' : ` as of ${rfc3339(Math.max(...times)).slice(0, 19)}Z`}`,
    problem: null,
  };
}

function answer(words: PacketWords, rules: Rules, text: string, input: CommandInput, world: World): ExitCode {
  const described = describePacket(words.conditions, words.family, rules.addresses?.local ?? null);
  const expect = optionValue(input, 'expect');
  const journey = packetJourney({ ...rules, described, expect });
  const notes = [
    ...journey.notes,
    ...(rules.problem === null ? [] : [`Not certain: ${rules.problem}.`]),
    ...(rules.rulesets.length === 0 ? ['There are no rules at all.'] : []),
  ];
  const told = { ...journey, notes };
  if (hasSwitch(input, 'json')) {
    world.streams.out.write(`${safeJson(JSON.stringify(json(told, described, rules, text, world), null, 2))}\n`);
    return EXIT.done;
  }
  const files = readWords(input);
  const head = {
    flow: flowOf(described),
    more: moreOf(words),
    rulesFrom: rules.from,
    isVerbose: hasSwitch(input, 'verbose'),
    width: documentWidth(world.streams.out),
    see: files === '' ? [] : [`${world.programName} explain ${files}`],
  };
  printDocument(world.streams.out, packetPathDocument(told, head));
  return EXIT.done;
}

function flowOf({ packet, facts }: DescribedPacket): string {
  const end = (address: string | null, port: number | null) => endWords(address ?? 'any', port);
  const proto = facts.given.find(({ field }) => field === 'proto')?.values.join('/');
  const name = packet.proto === null ? (proto ?? 'any protocol') : protocolName(packet.proto);
  return `${name} ${end(packet.src, packet.sport)} > ${end(packet.dst, packet.dport)}`;
}

/** What the flow does not tell, as it was said. */
function moreOf({ conditions }: PacketWords): string {
  const inFlow = new Set(['proto', 'src', 'dst', 'sport', 'dport']);
  return conditions
    .filter(
      ({ field, isNegated, values }) =>
        field !== 'ctstate' &&
        (!inFlow.has(field) || isNegated || values.length > 1 || /[:/-]\d/.test(values[0] ?? '')),
    )
    .filter(({ text }) => text !== '-p tcp,udp')
    .map(({ text }) => text)
    .join('  ');
}

function json(journey: PacketJourney, { packet, states }: DescribedPacket, rules: Rules, text: string, world: World) {
  const [first] = journey.ways;
  const isOne = journey.ways.length === 1;
  return {
    schema: 'ctwhy.path/1',
    generatedAt: rfc3339(world.clock.nowUs()),
    finding: null,
    flow: null,
    state: states.length === 1 ? states[0] : null,
    journeyId: null,
    known: 'ruleset',
    packet: { words: text, family: packet.family === 'ip6' ? 6 : 4 },
    rules: rules.from,
    rows: isOne ? (first?.rows ?? []) : [],
    fate: isOne ? first?.fate : 'depends',
    endedBy: isOne ? first?.endedBy : null,
    ways: journey.ways,
    taken: journey.taken,
    notes: journey.notes,
    expectation: journey.expectation,
  };
}
