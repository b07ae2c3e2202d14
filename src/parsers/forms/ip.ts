// `ip address`, `link`, `route` (also `route get`), `rule` and `neigh`: text with -o, -d, -s and -br, and JSON, in one line or pretty.

import type { HostFact } from '../../model/host-fact.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { readBriefLink, readBriefNeigh } from '../host/ip-brief.js';
import { ipJsonFacts } from '../host/ip-json.js';
import { readAddress, readLinkHead, readLinkLayer } from '../host/ip-link-words.js';
import { readNeigh, readRoute, readRouteContinuation, readRule } from '../host/ip-route-words.js';
import type { Data } from '../host/ip-vocabulary.js';
import { type JsonElement, openJsonElements } from '../host/json-elements.js';

const ONE_LINE_ADDRESS = /^(\d+): (\S+?)\s+(inet6? .*)$/;
/** Details below a link or an address that are passed over: lifetimes, statistics, the properties that -d adds. */
const DETAIL =
  /^\s+(?:valid_lft|RX:|TX:|RX errors:|TX errors:|altname|alias|\d[\d\s]*$|[a-z0-9_-]+ .*(?:addrgenmode|numtxqueues|gso_max_size)|promiscuity|vlan |bridge |bond |tun |vxlan |veth |dummy |wireguard|vrf |macvlan |bridge_slave|prog\/xdp|vf \d)/;

interface Held {
  readonly kind: 'link' | 'route';
  readonly line: number;
  readonly data: Data;
}

function openReader(emit: Emit, context: FormContext): FormReader {
  const json = openJsonElements();
  let held: Held | null = null;
  let interfaceNow: { readonly ifname: string; readonly ifindex: number | null } | null = null;
  let isJson: boolean | null = null;

  const fact = (line: number, one: HostFact): void => emit({ kind: 'host-fact', line, fact: one });
  const flush = (): void => {
    if (held !== null) fact(held.line, { kind: held.kind, data: held.data });
    held = null;
  };
  const element = ({ line, value }: JsonElement): boolean => {
    const facts = ipJsonFacts(value);
    for (const one of facts ?? []) fact(line, one);
    return facts !== null;
  };

  const jsonLine = (text: string, line: number): LineOutcome => {
    const { is, elements, broken } = json.line(text, line);
    if (is === 'foreign') return OTHER;
    const areAllOurs = elements.map(element).every(Boolean);
    if (broken) return { is: 'unread', reason: 'JSON that cannot be parsed', at: 0 };
    return areAllOurs ? TAKEN : { is: 'unread', reason: 'an object that is none of ip -j', at: 0 };
  };

  const indented = (text: string, line: number): LineOutcome | null => {
    if (held?.kind === 'route' && readRouteContinuation(held.data, text)) return TAKEN;
    if (held?.kind === 'link' && readLinkLayer(held.data, text)) return TAKEN;
    const address = interfaceNow === null ? null : readAddress(text.trim(), interfaceNow);
    if (address !== null) {
      flush();
      fact(line, { kind: 'address', data: address });
      return TAKEN;
    }
    if (interfaceNow !== null && (DETAIL.test(text) || readLinkLayer({}, text))) return TAKEN;
    return null;
  };

  return {
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      if (isJson === true || (isJson === null && /^\s*[[{]/.test(text))) {
        isJson = true;
        return jsonLine(text, line);
      }
      isJson = false;
      const below = /^\s/.test(text) ? indented(text, line) : null;
      if (below !== null) return below;
      // ip aligns the numbers of its lines; people indent what they paste.
      const bare = text.trim();
      const oneLine = ONE_LINE_ADDRESS.exec(bare);
      const oneAddress =
        oneLine === null
          ? null
          : readAddress(oneLine[3]!, { ifname: oneLine[2]!.split('@')[0]!, ifindex: Number(oneLine[1]) });
      if (oneAddress !== null) {
        flush();
        fact(line, { kind: 'address', data: oneAddress });
        return TAKEN;
      }
      const link = readLinkHead(bare);
      if (link !== null) {
        flush();
        held = { kind: 'link', line, data: link };
        interfaceNow = { ifname: String(link['ifname']), ifindex: Number(link['ifindex']) };
        const folded = bare.split('\\')[1];
        if (folded !== undefined) readLinkLayer(link, folded);
        return TAKEN;
      }
      const rule = readRule(bare);
      if (rule !== null) {
        flush();
        fact(line, { kind: 'rule', data: rule });
        return TAKEN;
      }
      const neigh = readNeigh(bare);
      if (neigh !== null) {
        flush();
        fact(line, { kind: 'neigh', data: neigh });
        return TAKEN;
      }
      const route = readRoute(text);
      if (route !== null) {
        flush();
        held = { kind: 'route', line, data: route };
        return TAKEN;
      }
      const brief = readBriefLink(bare);
      if (brief !== null) {
        flush();
        for (const one of brief) fact(line, one);
        return TAKEN;
      }
      flush();
      if (/^(?:RTNETLINK answers:|Error: (?:ipv[46]|argument|inet)|Cannot find device|Device ")/.test(bare))
        return TAKEN;
      const briefNeigh = readBriefNeigh(bare);
      if (briefNeigh !== null) {
        fact(line, briefNeigh);
        return TAKEN;
      }
      return /^\d+: \S+: </.test(bare) && context.command !== null
        ? { is: 'unread', reason: 'a link whose flags do not end', at: 0 }
        : OTHER;
    },
    end() {
      flush();
      const rest = json.rest();
      if (rest !== null) element(rest);
    },
  };
}

export const ipForm: Form = {
  id: 'ip',
  title: 'ip addr, link, route, rule, neigh: text and -j',
  recognise(line) {
    if (
      /^\s*\[\s*\{\s*("ifindex"|"ifname"|"dst"|"priority":\d+,"(?:not|src)|"type":"(?:unicast|local|broadcast|blackhole|multicast)"|\}|"link)/.test(
        line,
      )
    )
      return 90;
    if (/^\s*\[\s*\{?\s*$/.test(line)) return 40;
    const bare = line.trim();
    if (readLinkHead(bare) !== null || /^\d+: \S+\s+inet6? \S+\/\d+/.test(bare)) return 95;
    if (/^\d+:\s+(?:not )?from \S+ .*(?:lookup|goto|blackhole|unreachable|prohibit|nop)/.test(bare)) return 90;
    if (readNeigh(bare) !== null) return 85;
    const route = readRoute(line);
    if (route !== null && ('dev' in route || 'gateway' in route)) return 80;
    if (route !== null && 'type' in route) return 60;
    const brief = readBriefLink(bare);
    if (brief === null) return readBriefNeigh(bare) === null ? 0 : 45;
    // A name and a state alone could be anybody's; with addresses of either kind they are a row of ip -br.
    return brief.some(({ kind, data }) => kind === 'address' || 'address' in data || 'flags' in data) ? 60 : 45;
  },
  open: openReader,
};
