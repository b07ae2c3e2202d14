// Whose evidence is it? Hosts of one ingest call: named by options, manifests or the lines themselves; all that nobody names is
// one assumed host of this call, so that strangers' files are never joined.

import {
  adoptHost,
  bootOf,
  hostByName,
  hostName,
  isKnownHost,
  namespaceOf,
  noteKernelRelease,
} from '../store/hosts.js';
import type { Db } from '../store/open-store.js';
import type { KnownSource } from '../store/sources.js';
import type { SourcePlace, Statements } from './statements.js';

export interface CallHosts {
  /** Name of the host a source is of, as options, manifests or its lines say; NULL: nobody does. */
  nameOf(place: SourcePlace, saidByLines: string | null): string | null;
  /** Its host; made when it is new. */
  of(place: SourcePlace, saidByLines: { readonly host: string | null }): { readonly hostId: number };
  /** A host of this call by a name that names it; NULL: none was named so. */
  hostNamed(name: string): number | null;
  /** A host that lines of a source of several name; NULL, or what names nobody: the assumed one. */
  ofName(name: string | null): number;
  /** The boot that a manifest or the lines name; NULL: the source's own clock decides. */
  bootOf(hostId: number, place: SourcePlace, saidByLines: string | null): number | null;
  /** The same for one of several hosts in a source: a manifest does not speak of them, --kernel does. */
  bootOfPart(hostId: number, saidByLines: string | null): number | null;
  /** A network namespace by name or inode; NULL for none told. */
  namespaceOf(hostId: number, place: SourcePlace, netns: string | null): number | null;
  /** The host that a manifest's folder was found to be of; NULL: it names none. */
  knownHostOf(scope: { readonly input: string; readonly folder: string }): number | null;
  /** A source of an earlier call was met again: unnamed files beside it are of the same host. */
  meetKnown(known: KnownSource): void;
  /** Once all is read: when exactly one host was named in the call, what nobody named is its, too. Returns the hosts of the call. */
  settle(): readonly number[];
}

export interface CallHostOptions {
  readonly ingestId: number;
  readonly host: string | null;
  readonly kernel: string | null;
}

/** Names that name nobody. */
const NOBODY =
  /^(localhost|localhost\.localdomain|kernel|unknown|\(none\)|-|\[?hostname\]?|\[.*\]|<.*>|linux|debian|ubuntu|host)$/i;
/** A shorter head may be equal by chance ('0'), and says nothing of the files beside it. */
const TELLING_HEAD_BYTES = 256;

export function isRealHostName(name: string | null): name is string {
  return name !== null && name.trim() !== '' && !NOBODY.test(name.trim());
}

/** 'gw' and 'gw.example.net' are one host within one call. */
export function isSameHost(a: string, b: string): boolean {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  if (left === right) return true;
  return left.split('.')[0] === right.split('.')[0] && (!left.includes('.') || !right.includes('.'));
}

export function openCallHosts(db: Db, options: CallHostOptions, statements: Statements): CallHosts {
  const named = new Map<string, number>();
  const known = new Set<number>();
  /** Boots without an id that carry what options and manifests say of a host: one a host and call. */
  const namelessBoots = new Map<number, number>();
  let assumed: number | null = null;

  const idOf = (name: string): number => {
    for (const [one, id] of named) if (isSameHost(one, name)) return id;
    const id = hostByName(db, name);
    named.set(name, id);
    return id;
  };
  const assumedId = (): number => {
    assumed ??= hostByName(db, `unnamed-${options.ingestId}`, true);
    return assumed;
  };
  const namelessBoot = (hostId: number): number => {
    const existing = namelessBoots.get(hostId);
    if (existing !== undefined) return existing;
    const id = bootOf(db, hostId, null);
    namelessBoots.set(hostId, id);
    return id;
  };

  const hosts: CallHosts = {
    nameOf(place, said) {
      const name = options.host ?? statements.value(place, 'host');
      return name ?? (isRealHostName(said) ? said.trim() : null);
    },
    of(place, said) {
      const name = hosts.nameOf(place, said.host);
      return { hostId: name === null ? assumedId() : idOf(name) };
    },
    hostNamed: (name) => [...named].find(([one]) => isSameHost(one, name))?.[1] ?? null,
    ofName: (name) => (isRealHostName(name) ? idOf(name.trim()) : assumedId()),
    bootOfPart(hostId, said) {
      if (said === null && options.kernel === null) return null;
      const id = said === null ? namelessBoot(hostId) : bootOf(db, hostId, said);
      if (options.kernel !== null) noteKernelRelease(db, id, options.kernel);
      return id;
    },
    bootOf(hostId, place, said) {
      const uuid = said ?? statements.value(place, 'boot-id');
      const release = options.kernel ?? statements.value(place, 'kernel');
      if (uuid === null && release === null && statements.value(place, 'boot-time') === null) return null;
      const id = uuid === null ? namelessBoot(hostId) : bootOf(db, hostId, uuid);
      if (release !== null) noteKernelRelease(db, id, release);
      return id;
    },
    namespaceOf(hostId, place, netns) {
      if (netns === null || netns === '') return null;
      const bootId = hosts.bootOf(hostId, place, null) ?? namelessBoot(hostId);
      // 'blue', '4026531840', 'net:[4026531840]', or a manifest's 'init 4026531840'.
      const inode = /(?:^|[\s[])(\d{6,})\]?$/.exec(netns)?.[1] ?? null;
      const word = netns.split(/\s/)[0]!;
      const name = inode !== null && word.includes(inode) ? null : word;
      const isInitial = name !== null && /^(init|initial|host|root)$/i.test(name);
      return namespaceOf(db, bootId, name, inode === null ? null : Number(inode), isInitial ? true : null);
    },
    knownHostOf({ input, folder }) {
      const name = hosts.nameOf({ input, path: folder === '' ? '' : `${folder}/` }, null);
      if (name !== null) return idOf(name);
      return named.size === 1 ? [...named.values()][0]! : assumed;
    },
    meetKnown(source) {
      known.add(source.hostId);
      if (assumed === null && source.headBytes >= TELLING_HEAD_BYTES) assumed = source.hostId;
    },
    settle() {
      // A reading that was stopped took back the hosts it had made.
      const ids = [...new Set(named.values())].filter((id) => isKnownHost(db, id));
      if (assumed !== null && !isKnownHost(db, assumed)) assumed = null;
      if (assumed !== null && ids.length === 1 && hostName(db, assumed).isAssumed) {
        const from = assumed;
        const to = ids[0]!;
        db.transaction(() => adoptHost(db, from, to))();
        known.delete(from);
        assumed = null;
      }
      return [...new Set([...ids, ...known, ...(assumed === null ? [] : [assumed])])];
    },
  };
  return hosts;
}
