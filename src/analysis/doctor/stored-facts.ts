// The same facts as a live host gives, from what a bundle of files says of its host. What no file tells stays NULL.

import type { BypassFacts, DebugFacts, FamilyLog, HostFacts, LogFacts, TrackerFacts } from '../../model/host-setup.js';
import type { Ruleset } from '../../model/ruleset.js';
import { type HostRow, readBoots, readHostFacts, readSnapshots, readValues } from '../../store/evidence-reader.js';
import type { Db } from '../../store/open-store.js';
import { readRecorded } from '../../store/recorded-reader.js';
import { readLatestRulesets } from '../../store/rules-of-host.js';

type Sysctls = ReadonlyMap<string, string>;
type Data = Readonly<Record<string, unknown>>;

export function storedFacts(db: Db, host: HostRow): HostFacts {
  // In order of time: the last value stands.
  const sysctls: Sysctls = new Map(
    readValues(db, host.id, 'sysctl').map(({ name, value }) => [name, String(value).trim()]),
  );
  const facts = readHostFacts(db, host.id, ['link', 'offload', 'module', 'file']);
  const of = (kind: string) => facts.filter((fact) => fact.kind === kind).map(({ data }) => data);
  const rulesets = readLatestRulesets(db, host.id).map(({ ruleset }) => ruleset);
  const release = readBoots(db)
    .filter(({ hostId, kernelRelease }) => hostId === host.id && kernelRelease !== null)
    .at(-1)?.kernelRelease;
  const modules = of('module').map(({ name }) => String(name));
  return {
    from: 'evidence',
    hostName: host.name,
    kernelRelease: release ?? null,
    isRoot: true,
    hasNetAdmin: null,
    netns: null,
    container: null,
    lockdown: null,
    distribution: [],
    programs: programsOf(rulesets),
    tracker: trackerOf(
      sysctls,
      readSnapshots(db, host.id)
        .filter(({ entryCount }) => entryCount !== null)
        .at(-1) ?? null,
    ),
    log: logOf(sysctls, of('file'), modules),
    kernelLog: null,
    rulesets: rulesets.length === 0 ? null : rulesets,
    listeners: null,
    nflog: null,
    bypass: bypassOf(sysctls, of('link'), of('offload'), modules, rulesets),
    debug: debugOf(of('file')),
    own: null,
    clockStepUs: null,
    recorded: readRecorded(db, host.id),
    kept: new Set(),
    unseen: [],
  };
}

function numberOf(sysctls: Sysctls, name: string): number | null {
  const text = sysctls.get(name) ?? '';
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

function trackerOf(
  sysctls: Sysctls,
  counted: { readonly entryCount: number | null; readonly entryMax: number | null } | null,
): TrackerFacts {
  const number = (name: string) => numberOf(sysctls, `net.netfilter.${name}`);
  const flag = (name: string) => {
    const value = number(name);
    return value === null ? null : value !== 0;
  };
  const count = counted?.entryCount ?? number('nf_conntrack_count');
  const isTold = [...sysctls.keys()].some((name) => name.startsWith('net.netfilter.nf_conntrack_'));
  return {
    // That a listing of settings has none of conntrack's may be the choice of whoever listed them.
    isLoaded: isTold || count !== null ? true : null,
    isActive: count !== null && count > 0 ? true : null,
    count,
    max: counted?.entryMax ?? number('nf_conntrack_max') ?? numberOf(sysctls, 'net.nf_conntrack_max'),
    events: number('nf_conntrack_events'),
    timestamps: flag('nf_conntrack_timestamp'),
    accounting: flag('nf_conntrack_acct'),
    isLoose: flag('nf_conntrack_tcp_loose'),
    isLiberal: flag('nf_conntrack_tcp_be_liberal'),
  };
}

function logOf(sysctls: Sysctls, files: readonly Data[], modules: readonly string[]): LogFacts {
  const listed = files.filter(({ file }) => file === 'net/netfilter/nf_log');
  const loggers = ([4, 6] as const).map((family): FamilyLog => {
    const number = family === 4 ? 2 : 10;
    const setting = sysctls.get(`net.netfilter.nf_log.${number}`);
    const row = listed.find((one) => one['family'] === number);
    const bound = setting ?? (row === undefined ? undefined : (row['logger'] ?? 'NONE'));
    return {
      family,
      bound: typeof bound === 'string' && bound !== 'NONE' ? bound : null,
      isReadable: bound !== undefined,
    };
  });
  const all = numberOf(sysctls, 'net.netfilter.nf_log_all_netns');
  const module = ['nf_log_syslog', 'nf_log_ipv4', 'xt_LOG', 'ipt_LOG'].find((name) => modules.includes(name));
  return {
    logInvalid: numberOf(sysctls, 'net.netfilter.nf_conntrack_log_invalid'),
    loggers,
    isFirstNetns: all === null ? null : true,
    allNetns: all === null ? null : all === 1,
    module: module === undefined ? null : { name: module, state: 'loaded' },
  };
}

/** 'iptables-save 1.8.9' tells which program wrote the rules. */
function programsOf(rulesets: readonly Ruleset[]): HostFacts['programs'] {
  for (const { generatedBy, backend } of rulesets) {
    const version = /^ip6?tables(?:-\w+)* v?(\d[\d.]*)/.exec(generatedBy ?? '')?.[1];
    if (version !== undefined)
      return [
        {
          name: 'iptables',
          version: `${version}${backend === 'unknown' ? '' : ` (${backend === 'nft' ? 'nf_tables' : 'legacy'})`}`,
        },
      ];
  }
  return null;
}

/** NULL where no file tells of devices at all. */
function bypassOf(
  sysctls: Sysctls,
  links: readonly Data[],
  offloads: readonly Data[],
  modules: readonly string[],
  rulesets: readonly Ruleset[],
): BypassFacts | null {
  // Without -d neither kinds nor programs are told.
  const detailed = links.filter((link) => 'linkinfo' in link || 'num_tx_queues' in link);
  const kindOf = (link: Data) => (link['linkinfo'] as { info_kind?: unknown } | undefined)?.info_kind;
  const ovs = detailed.filter((link) => kindOf(link) === 'openvswitch').map((link) => String(link['ifname']));
  const hardware = offloads
    .filter(({ features }) => (features as Data | undefined)?.['hw-tc-offload'] === 'on')
    .map(({ ifname }) => String(ifname));
  const masters = new Set(links.map(({ master }) => master));
  const bridges = detailed.filter((link) => kindOf(link) === 'bridge' && masters.has(link['ifname']));
  const hasDatapath = modules.includes('openvswitch');
  if (detailed.length === 0 && hardware.length === 0 && !hasDatapath) return null;
  const called = numberOf(sysctls, 'net.bridge.bridge-nf-call-iptables');
  const unasked = [
    ...(detailed.length === 0 ? ['kinds of devices (ip -d -j link)'] : []),
    ...(rulesets.some(({ form }) => form.startsWith('nft')) ? [] : ['flowtables (nft list ruleset)']),
  ];
  return {
    flowtables: [],
    hardwareTc: hardware,
    ovs: ovs.length > 0 ? ovs : hasDatapath ? ['module openvswitch'] : [],
    programs: detailed.filter((link) => 'xdp' in link).map((link) => `${String(link['ifname'])} (XDP)`),
    bridges: bridges.map((link) => String(link['ifname'])),
    bridgeCallsIptables: called === null ? null : called === 1,
    unasked,
  };
}

function debugOf(files: readonly Data[]): DebugFacts | null {
  const sites = files.filter(({ file }) => file === 'dynamic_debug/control');
  if (sites.length === 0) return null;
  return {
    isBuiltIn: true,
    callsites: sites.length,
    printing: sites.filter(({ flags }) => String(flags).includes('p')).length,
  };
}
