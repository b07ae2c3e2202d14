// Which commands show this host at one moment? Only what is loaded is asked, and what cannot be asked is named with its reason.

import type { ReadHost } from '../host/host.js';
import type { HostReading, SnapshotPlan } from '../model/host-reading.js';
import { askConntrack, type ConntrackProgram, isConntrackLoaded } from './conntrack-program.js';
import { isTracking, readFirewall } from './firewall.js';
import { netnsFacts } from './netns-facts.js';
import { settingsText } from './settings-text.js';

export interface SnapshotWish {
  /** Sockets of every state, not only of those in which one is stuck. */
  readonly hasAllSockets: boolean;
}

/** States in which a connection waits for something that may never come. */
const STUCK_STATES = ['fin-wait-1', 'last-ack', 'closing', 'close-wait', 'syn-sent'];
/** iptables keeps its rules in these tables also on nf_tables. */
const IPTABLES_TABLE = /^table (ip6?) (?:filter|nat|mangle|raw|security) \{/gm;
const MOST_DEVICES = 64;

/**
 * The readings of a snapshot of the namespace we are in. Changes nothing; asks conntrack what it can print.
 * @throws UnsupportedError without conntrack, RefusedError without rights
 */
export async function planSnapshot(host: ReadHost, wish: SnapshotWish): Promise<SnapshotPlan> {
  const program = isConntrackLoaded(host) ? await askConntrack(host) : null;
  const firewall = await readFirewall(host);
  return {
    netns: await netnsFacts(host),
    isTracking: program !== null && isTracking(host, firewall),
    readings: [
      {
        part: 'sysctl',
        command: 'sysctl -a',
        source: { is: 'text', text: () => settingsText(host) },
        why: null,
        isNeeded: false,
      },
      ...trackerReadings(program),
      socketReading(host, wish),
      ...ruleReadings(host, firewall),
      programReading(host, 'counters', 'nstat', ['-asz']),
      programReading(host, 'addresses', 'ip', ['-j', 'addr']),
      programReading(host, 'routes', 'ip', ['-j', '-4', 'route', 'show', 'table', 'all']),
      programReading(host, 'routes', 'ip', ['-j', '-6', 'route', 'show', 'table', 'all']),
      programReading(host, 'routing-rules', 'ip', ['-j', '-4', 'rule']),
      programReading(host, 'routing-rules', 'ip', ['-j', '-6', 'rule']),
      programReading(host, 'neighbours', 'ip', ['-j', 'neigh']),
      ...offloadReadings(host),
    ],
  };
}

function trackerReadings(program: ConntrackProgram | null): readonly HostReading[] {
  if (program === null)
    return ['list:main', 'expectations', 'stats'].map((part) =>
      absent(part, 'conntrack is not loaded: there is no table'),
    );
  const output = program.output === '' ? [] : ['-o', program.output];
  const why = program.lacks === null ? null : `this conntrack is old: ${program.lacks}`;
  const list = (part: string, words: readonly string[], isNeeded: boolean): HostReading => ({
    part,
    command: ['conntrack', '-L', ...words, ...output].join(' '),
    source: { is: 'program', program: 'conntrack', args: ['-L', ...words, ...output] },
    why,
    isNeeded,
  });
  return [
    // One family each: what conntrack lists without one changed with its versions.
    list('list:main', ['-f', 'ipv4'], true),
    list('list:main', ['-f', 'ipv6'], true),
    list('list:dying', ['dying'], false),
    list('list:unconfirmed', ['unconfirmed'], false),
    list('expectations', ['expect'], false),
    {
      ...list('stats', [], false),
      command: 'conntrack -S',
      source: { is: 'program', program: 'conntrack', args: ['-S'] },
      why: null,
    },
  ];
}

function socketReading(host: ReadHost, { hasAllSockets }: SnapshotWish): HostReading {
  const states = hasAllSockets ? [] : STUCK_STATES.flatMap((state) => ['state', state]);
  const why = hasAllSockets
    ? null
    : `only sockets in ${STUCK_STATES.join(', ').toUpperCase()}: --sockets all takes all`;
  return { ...programReading(host, 'sockets', 'ss', [hasAllSockets ? '-tuanoei' : '-tanoei', ...states]), why };
}

function ruleReadings(host: ReadHost, firewall: Awaited<ReturnType<typeof readFirewall>>): readonly HostReading[] {
  const readings: HostReading[] = [];
  for (const [family, prefix, part] of [
    [4, 'iptables', 'rules:ip:legacy'],
    [6, 'ip6tables', 'rules:ip6:legacy'],
  ] as const) {
    if (firewall.legacyTables[family].length === 0) continue;
    const program = [`${prefix}-legacy-save`, `${prefix}-save`].find((name) => host.find(name) !== null);
    readings.push(programReading(host, part, program ?? `${prefix}-legacy-save`, ['-c']));
  }
  if (firewall.hasNft) {
    readings.push(programReading(host, 'rules:mixed:nft', 'nft', ['-a', 'list', 'ruleset']));
    const families = new Set([...firewall.nftRuleset.matchAll(IPTABLES_TABLE)].map(([, family]) => family));
    for (const [family, program, part] of [
      ['ip', 'iptables-nft-save', 'rules:ip:nft'],
      ['ip6', 'ip6tables-nft-save', 'rules:ip6:nft'],
    ] as const)
      if (families.has(family) && host.find(program) !== null)
        readings.push(programReading(host, part, program, ['-c']));
  } else if (!firewall.canNft)
    readings.push(
      absent(
        'rules:mixed:nft',
        'the program nft is not installed: rules of nf_tables, if there are any, were not read',
      ),
    );
  return readings;
}

function offloadReadings(host: ReadHost): readonly HostReading[] {
  // Not /sys/class/net: what is mounted there may be another namespace's.
  const listed = (host.readOrNull('/proc/net/dev') ?? '').matchAll(/^\s*([^\s:]+):/gm);
  const devices = [...listed].map(([, name]) => name!).filter((name) => name !== 'lo');
  return devices.slice(0, MOST_DEVICES).map((device) => programReading(host, 'offload', 'ethtool', ['-k', device]));
}

function programReading(host: ReadHost, part: string, program: string, args: readonly string[]): HostReading {
  if (host.find(program) === null)
    return { ...absent(part, `the program ${program} is not installed`), command: program };
  return {
    part,
    command: [program, ...args].join(' '),
    source: { is: 'program', program, args },
    why: null,
    isNeeded: false,
  };
}

function absent(part: string, why: string): HostReading {
  return { part, command: '', source: { is: 'absent', state: 'failed' }, why, isNeeded: false };
}
