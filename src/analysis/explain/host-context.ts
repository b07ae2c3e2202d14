// Everything about one host that all its cases share, read once.

import { parseKernelVersion } from '../../catalogue/kernel-version.js';
import { readChanges } from '../../store/change-reader.js';
import type { HostFactRow, ValueRow } from '../../store/evidence-reader.js';
import {
  type BootRow,
  type HostRow,
  readCoverage,
  readHasEvents,
  readHasNamedNamespace,
  readHostEvents,
  readHostFacts,
  readNetnsNames,
  readNotices,
  readSnapshotParts,
  readSnapshots,
  readValues,
} from '../../store/evidence-reader.js';
import { readNamespaces } from '../../store/namespaces.js';
import type { Db } from '../../store/open-store.js';
import type { HostContext } from './case.js';
import type { Cite } from './cite.js';
import { changesOf } from './own-changes.js';
import { openRuleBook } from './stored-rules.js';

/** Notices are for the head of an answer; a log full of them need not be read whole. */
const NOTICE_LIMIT = 10_000;

export function readHostContext(db: Db, host: HostRow, boot: BootRow | null, cite: Cite): HostContext {
  const snapshots = readSnapshots(db, host.id);
  const parts = readSnapshotParts(db, host.id);
  const facts = readHostFacts(db, host.id, ['address', 'link', 'route', 'rule', 'neigh', 'offload']);
  const release = boot?.kernelRelease ?? null;
  const sysctls = readValues(db, host.id, 'sysctl');
  const namespaces = readNamespaces(db).filter(({ hostId }) => hostId === host.id);
  return {
    id: host.id,
    name: host.name,
    bootUuid: boot?.bootUuid ?? null,
    kernelRelease: release,
    isReleaseGuessed: boot?.isReleaseGuessed === true,
    kernel: release === null ? null : parseKernelVersion(release),
    snapshots,
    parts,
    coverage: readCoverage(db, host.id),
    hasEvents: readHasEvents(db, host.id),
    hasNamedNamespace: readHasNamedNamespace(db, host.id),
    netnsNames: readNetnsNames(db, host.id),
    namespaceNames: new Map(namespaces.flatMap(({ ids, label }) => ids.map((id) => [id, label]))),
    isLogOfFirst: isLogOfFirst(sysctls),
    sysctls,
    statistics: readValues(db, host.id, 'ct-stat'),
    stackCounters: readValues(db, host.id, 'nstat'),
    hostEvents: readHostEvents(db, host.id),
    facts,
    notices: readNotices(db, host.id, NOTICE_LIMIT),
    rules: openRuleBook(db, host.id, localAddresses(facts), cite),
    ownChanges: changesOf(readChanges(db), { name: host.name, bootUuid: boot?.bootUuid ?? null }),
  };
}

/** net/netfilter/nf_log.c: nf_log_packet's callers ask sysctl_nf_log_all_netns; only the first namespace has the setting (v4.11 .. v6.18). */
function isLogOfFirst(sysctls: readonly ValueRow[]): boolean {
  const values = sysctls.filter(({ name }) => name === 'net.netfilter.nf_log_all_netns');
  return values.length > 0 && values.every(({ value }) => String(value) === '0');
}

/** Addresses of this host as ip addr printed them; NULL when it was not read. */
function localAddresses(facts: readonly HostFactRow[]): readonly string[] | null {
  const addresses = facts.filter((fact) => fact.kind === 'address').map((fact) => fact.data['local']);
  const told = addresses.filter((address): address is string => typeof address === 'string');
  return told.length === 0 ? null : [...new Set(told)];
}
