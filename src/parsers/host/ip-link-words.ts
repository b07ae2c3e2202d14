// Lines of `ip link` and `ip address` as data with the keys that `ip -j` gives (iproute2 6.1).

import { isIP } from 'node:net';
import { type Data, numberOrText, readWords, type Vocabulary } from './ip-vocabulary.js';

const LINK_HEAD = /^(\d+): ([^\s:]+): <([A-Z0-9_,-]*)>\s*(.*)$/;
const LINK: Vocabulary = {
  valued: {
    mtu: 'mtu',
    qdisc: 'qdisc',
    state: 'operstate',
    master: 'master',
    mode: 'linkmode',
    group: 'group',
    qlen: 'txqlen',
  },
  alone: {},
};

/** '2: eth0@if3: <BROADCAST,UP> mtu 1500 … state UP' as the data of a link; NULL for other lines. */
export function readLinkHead(line: string): Data | null {
  const match = LINK_HEAD.exec(line);
  if (match === null) return null;
  const [, index, name, flags, rest] = match as unknown as readonly string[];
  const [ifname, link] = name!.split('@', 2);
  const data: Data = { ifindex: Number(index) };
  if (link !== undefined && !/^if\d+$|^NONE$/.test(link)) data['link'] = link;
  else if (link?.startsWith('if')) data['link_index'] = Number(link.slice(2));
  data['ifname'] = ifname!;
  data['flags'] = flags === '' ? [] : flags!.split(',');
  readWords(data, rest!.replace(/\\.*$/, '').trim().split(/\s+/), LINK);
  return data;
}

/** '    link/ether 00:00:5e:00:53:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0'. Returns false for other lines. */
export function readLinkLayer(data: Data, line: string): boolean {
  const match = /^\s*\\?\s*link\/(\S+)(?:\s+(\S+))?(.*)$/.exec(line);
  if (match === null) return false;
  data['link_type'] = match[1];
  if (match[2] !== undefined && /[:.]/.test(match[2])) data['address'] = match[2];
  const words = (match[3] ?? '').trim().split(/\s+/);
  const value = (word: string): string | undefined => words[words.indexOf(word) + 1];
  if (words.includes('brd') && value('brd') !== undefined) data['broadcast'] = value('brd');
  if (words.includes('peer') && value('peer') !== undefined) data['peer'] = value('peer');
  if (words.includes('link-netnsid')) data['link_netnsid'] = numberOrText(value('link-netnsid') ?? '');
  if (words.includes('link-netns')) data['link_netns'] = value('link-netns');
  return true;
}

const ADDRESS: Vocabulary = {
  valued: {
    brd: 'broadcast',
    broadcast: 'broadcast',
    scope: 'scope',
    peer: 'address',
    metric: 'metric',
    proto: 'protocol',
    anycast: 'anycast',
  },
  alone: Object.fromEntries(
    [
      'secondary',
      'temporary',
      'dynamic',
      'deprecated',
      'tentative',
      'dadfailed',
      'nodad',
      'noprefixroute',
      'mngtmpaddr',
      'permanent',
      'home',
      'optimistic',
      'autojoin',
      'stable-privacy',
    ].map((flag) => [
      flag,
      (data: Data) => {
        data[flag] = true;
      },
    ]),
  ),
};

/** 'inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0' with the interface's data; NULL for other lines. */
export function readAddress(
  text: string,
  link: { readonly ifname: string; readonly ifindex: number | null },
): Data | null {
  const match = /^(inet6?) (\S+?)(?:\/(\d{1,3}))?(?:\s+(.*))?$/.exec(text.replace(/\\.*$/, '').trim());
  if (match === null) return null;
  const [, family, local, prefix, rest] = match as unknown as readonly (string | undefined)[];
  if (isIP(local!) === 0) return null;
  const data: Data = {};
  if (link.ifindex !== null) data['ifindex'] = link.ifindex;
  data['ifname'] = link.ifname;
  data['family'] = family;
  data['local'] = local;
  data['prefixlen'] = prefix === undefined ? (family === 'inet' ? 32 : 128) : Number(prefix);
  const words = (rest ?? '').split(/\s+/).filter((word) => word !== '');
  const unknown = readWords(data, words, ADDRESS);
  if (typeof data['address'] === 'string') {
    // 'inet 192.0.2.1 peer 192.0.2.2/32': the prefix is the peer's.
    const [peer, bits] = data['address'].split('/', 2);
    data['address'] = peer;
    if (bits !== undefined) data['prefixlen'] = Number(bits);
  }
  // What is left is the label; IPv6 addresses have none.
  if (unknown.length > 0) data['label'] = unknown.join(' ');
  return data;
}
