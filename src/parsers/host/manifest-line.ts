// One line of a bundle's MANIFEST: what the bundle says of its host, of one of its files, and of what its evidence covers.

import type { BundleStatement } from '../../model/record.js';

type HostKey = Exclude<Extract<BundleStatement, { kind: 'host' }>['key'], 'kernel-mention'>;

const HOST_KEYS: Readonly<Record<HostKey, true>> = {
  host: true,
  kernel: true,
  'boot-id': true,
  'boot-time': true,
  timezone: true,
  netns: true,
  uptime: true,
  'made-by': true,
  iptables: true,
  nft: true,
  conntrack: true,
  note: true,
};

const isHostKey = (word: string): word is HostKey => Object.hasOwn(HOST_KEYS, word);

/** Words of key=value, values in quotes with \" and \\ inside; a key of `last` takes the rest of the line. */
function readPairs(text: string, last: string | null): ReadonlyMap<string, string> | null {
  const pairs = new Map<string, string>();
  let rest = text.trim();
  while (rest !== '') {
    const key = /^([a-z-]+)=/.exec(rest)?.[1];
    if (key === undefined) return null;
    rest = rest.slice(key.length + 1);
    if (key === last) {
      pairs.set(key, rest.trim());
      break;
    }
    const quoted = /^"((?:[^"\\]|\\.)*)"(?=\s|$)/.exec(rest);
    const bare = quoted === null ? /^[^\s"]*/.exec(rest)! : null;
    const taken = (quoted ?? bare)![0];
    pairs.set(key, quoted === null ? taken : quoted[1]!.replace(/\\(.)/g, '$1'));
    rest = rest.slice(taken.length);
    if (rest !== '' && !/^\s/.test(rest)) return null;
    rest = rest.trim();
  }
  return pairs;
}

/** '1795269922.779493' in whole microseconds, without the rounding of a double in between; NULL for anything else. */
export function epochUs(text: string | undefined): number | null {
  const match = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) * 1e6 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

function part(rest: string): BundleStatement | string {
  const match = /^(?:"((?:[^"\\]|\\.)+)"|(\S+))(?:\s+(.*))?$/.exec(rest);
  if (match === null) return 'no file';
  const pairs = readPairs(match[3] ?? '', 'command');
  if (pairs === null) return 'words that are no key=value';
  const exit = pairs.get('exit');
  return {
    kind: 'part',
    file: match[1]?.replace(/\\(.)/g, '$1') ?? match[2]!,
    moment: pairs.get('moment') ?? null,
    startedAtUs: epochUs(pairs.get('start')),
    endedAtUs: epochUs(pairs.get('end')),
    exitStatus: exit !== undefined && /^-?\d{1,3}$/.test(exit) ? Number(exit) : null,
    netns: pairs.get('netns') ?? null,
    command: pairs.get('command') ?? null,
    error: pairs.get('error') ?? null,
  };
}

const COVERAGE_STATES: ReadonlySet<string> = new Set(['complete', 'limited', 'lost', 'cannot-show', 'off']);

function coverage(rest: string): BundleStatement | string {
  const match = /^(\S+)(?:\s+(.*))?$/.exec(rest);
  if (match === null) return 'no name of what is covered';
  const pairs = readPairs(match[2] ?? '', null);
  if (pairs === null) return 'words that are no key=value';
  const state = pairs.get('state') ?? '';
  if (!COVERAGE_STATES.has(state)) return `a state that is none: ${state === '' ? 'missing' : state}`;
  return {
    kind: 'coverage',
    what: match[1]!,
    fromUs: epochUs(pairs.get('from')),
    toUs: epochUs(pairs.get('to')),
    state,
    why: pairs.get('why') ?? null,
  };
}

/** @returns the statement, or the reason why the line is none */
export function readManifestLine(text: string): BundleStatement | string {
  const match = /^(\S+)(?:\s+(.*?))?\s*$/.exec(text.trim());
  const word = match?.[1] ?? '';
  const rest = match?.[2] ?? '';
  if (isHostKey(word)) return rest === '' ? `nothing behind '${word}'` : { kind: 'host', key: word, value: rest };
  if (word === 'part') return part(rest);
  if (word === 'coverage') return coverage(rest);
  if (word === 'ran') {
    const ran = /^(\S+)\s+(.+)$/.exec(rest);
    const atUs = epochUs(ran?.[1]);
    return ran === null || atUs === null ? 'no time and command' : { kind: 'ran', atUs, command: ran[2]! };
  }
  return `a word that no manifest has: ${word}`;
}
