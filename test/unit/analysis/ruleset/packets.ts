// Packets and rules for tests of evaluation, given in short.

import type { PacketFacts } from '../../../../src/analysis/ruleset/packet-facts.js';
import { NO_FACTS } from '../../../../src/analysis/ruleset/packet-facts.js';
import { emptyPacket, type Packet } from '../../../../src/model/packet.js';
import type { Rule, Ruleset } from '../../../../src/model/ruleset.js';
import { ipsetForm } from '../../../../src/parsers/forms/ruleset-ipset.js';
import { iptablesSaveForm } from '../../../../src/parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../../../../src/parsers/forms/ruleset-nft.js';
import { readForm } from '../../parsers/read-form.js';

/** A SYN from 192.0.2.1:40000 to 198.51.100.1:25 coming in at eth0. */
export function packet(more: Partial<Packet> = {}): Packet {
  return {
    ...emptyPacket(),
    family: 'ip',
    inIf: 'eth0',
    outIf: '',
    src: '192.0.2.1',
    dst: '198.51.100.1',
    lenBytes: 60,
    tos: 0,
    prec: 0,
    ttl: 64,
    proto: 6,
    sport: 40000,
    dport: 25,
    flags: 'SYN',
    ...more,
  };
}

export function facts(more: Partial<PacketFacts> = {}): PacketFacts {
  return { ...NO_FACTS, ctstate: 'NEW', hook: 'INPUT', priority: 0, mark: 0, ...more };
}

/** Rulesets of one or more texts: iptables-save, nft or ipset. */
export function rulesets(...texts: readonly string[]): Ruleset[] {
  return texts.flatMap((text) => {
    const form = /^\s*table|^flush/.test(text) ? nftForm : /^create /.test(text) ? ipsetForm : iptablesSaveForm;
    return readForm(form, text).rulesets;
  });
}

/** One iptables rule of filter INPUT by its specification. */
export function rule(specification: string): Rule {
  const [ruleset] = rulesets(`*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${specification}\nCOMMIT`);
  const found = ruleset?.chains[0]?.rules[0];
  if (!found) throw new Error(`not a rule: ${specification}`);
  return found;
}

/** One nft rule of an inet table. */
export function nftRule(text: string, table = 'inet'): Rule {
  const [ruleset] = rulesets(`table ${table} t {\n chain c {\n  ${text}\n }\n}`);
  const found = ruleset?.chains[0]?.rules[0];
  if (!found) throw new Error(`not a rule: ${text}`);
  return found;
}
