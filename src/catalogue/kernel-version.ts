// Which kernel is this, and does something that holds for a range of mainline releases hold for it?
// Vendor kernels carry backports and some releases are not known at all: the answer is then 'unknown', never a guess.

export type KernelFlavour =
  | 'mainline'
  | 'debian'
  | 'ubuntu'
  | 'rhel'
  | 'suse'
  | 'android'
  | 'amazon'
  | 'openvz'
  | 'vendor';

/** A release as `uname -r` names it. */
export interface KernelVersion {
  /** As given. */
  readonly release: string;
  readonly major: number;
  readonly minor: number;
  /** Third number, as far as it names a stable release; NULL where it is a vendor's ABI number (6.1.0-18-amd64, 5.15.0-91-generic). */
  readonly patch: number | null;
  readonly flavour: KernelFlavour;
  /** Large parts of newer kernels were carried back: the network stack behaves like something between `from` and `to`. */
  readonly isBackported: boolean;
  /** First and last mainline release this kernel may behave like, e.g. '4.18' and '5.13'; equal for ordinary kernels. */
  readonly from: string;
  readonly to: string;
}

/**
 * A range of mainline releases ('2.6.32', '4.19', '6.1'), both ends inclusive, null = open.
 * maybeSince / maybeUntil: how far the range may really reach where the exact release was not pinned down.
 * blurredIn: stable series ('5.15') that took the change at some patch level, so that only the text of the log decides.
 * lackedBy: releases of such series, as `parseKernelVersion` reads them, that were seen to be without it; older ones of the series are too.
 */
export interface VersionRange {
  readonly since: string | null;
  readonly until: string | null;
  readonly maybeSince?: string;
  readonly maybeUntil?: string;
  readonly blurredIn?: readonly string[];
  readonly lackedBy?: readonly string[];
}

export type Holds = 'yes' | 'no' | 'unknown';

type RangeDetail = Omit<VersionRange, 'since' | 'until'>;

export const ALWAYS: VersionRange = { since: null, until: null };

export function since(release: string, detail: RangeDetail = {}): VersionRange {
  return { since: release, until: null, ...detail };
}

export function until(release: string, detail: RangeDetail = {}): VersionRange {
  return { since: null, until: release, ...detail };
}

export function between(first: string, last: string, detail: RangeDetail = {}): VersionRange {
  return { since: first, until: last, ...detail };
}

/** What a vendor's long-lived release may behave like; the oldest and the newest mainline network code found in it. */
const BACKPORTED: readonly { readonly flavour: KernelFlavour; readonly pattern: RegExp; readonly to: string }[] = [
  { flavour: 'rhel', pattern: /^2\.6\.32-.*\.el6/, to: '3.10' },
  { flavour: 'rhel', pattern: /^3\.10\.0-.*\.el7/, to: '4.14' },
  { flavour: 'rhel', pattern: /^4\.18\.0-.*\.el8/, to: '5.13' },
  { flavour: 'rhel', pattern: /^5\.14\.0-.*\.el9/, to: '6.14' },
  { flavour: 'rhel', pattern: /^6\.12\.0-.*\.el10/, to: '6.18' },
  { flavour: 'openvz', pattern: /^2\.6\.32-\d+stab/, to: '3.10' },
  { flavour: 'openvz', pattern: /^3\.10\.0-.*\.vz7/, to: '4.14' },
  { flavour: 'suse', pattern: /^4\.4\.\d+-\d+\.\d+.*-(?:default|azure|rt|preempt|xen)$/, to: '4.12' },
  { flavour: 'suse', pattern: /^4\.12\.14-\d+.*-(?:default|azure|rt|preempt)$/, to: '5.3' },
  { flavour: 'suse', pattern: /^5\.3\.18-\d+.*-(?:default|azure|rt|preempt)$/, to: '5.14' },
  { flavour: 'suse', pattern: /^5\.14\.21-\d+.*-(?:default|azure|rt|preempt)$/, to: '6.4' },
  { flavour: 'suse', pattern: /^6\.4\.0-\d+.*-(?:default|azure|rt|preempt)$/, to: '6.12' },
];

/** Recognised by the rest of the release; the first that fits names the flavour. hasAbiNumber: the third number says nothing. */
const FLAVOURS: readonly {
  readonly flavour: KernelFlavour;
  readonly pattern: RegExp;
  readonly hasAbiNumber: boolean;
}[] = [
  {
    flavour: 'ubuntu',
    pattern: /^\d+\.\d+\.0-\d+(?:\.\d+)*-(?!amd64|arm64|686|cloud|rt-|pve)[a-z]/,
    hasAbiNumber: true,
  },
  {
    flavour: 'debian',
    pattern:
      /^\d+\.\d+\.0-(?:\d+\.)?(?:deb\d+\.)?\d+(?:\.bpo\.\d+)?-(?:\w+-)*(?:amd64|arm64|armmp|686|ppc64el|s390x|riscv64|i386)/,
    hasAbiNumber: true,
  },
  { flavour: 'debian', pattern: /\+(?:deb\d+|bpo\d*)(?:u\d+)?-/, hasAbiNumber: false },
  { flavour: 'android', pattern: /-android\d+|-perf|-gki/, hasAbiNumber: false },
  { flavour: 'amazon', pattern: /\.amzn\d+/, hasAbiNumber: false },
  { flavour: 'vendor', pattern: /uek|-pve|microsoft|elrepo|\.ph\d+|-cos/, hasAbiNumber: false },
  { flavour: 'mainline', pattern: /^/, hasAbiNumber: false },
];

const RELEASE = /^(\d+)\.(\d+)(?:\.(\d+))?/;

/**
 * Reads a kernel release: `uname -r`, the start of /proc/version ('Linux version 5.15.0-91-generic (…'), `uname -a`, or just '5.15'.
 * 'Debian 6.1.76-1' within the text gives the stable release that Debian's own release name hides. NULL when there is no release in it.
 */
export function parseKernelVersion(text: string): KernelVersion | null {
  const word = /(?:^|\s|\bv)(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?[^\s(]*)/.exec(text)?.[1];
  if (word === undefined) return null;
  const numbers = RELEASE.exec(word);
  if (numbers === null) return null;
  const major = Number(numbers[1]);
  const minor = Number(numbers[2]);
  const third = numbers[3] === undefined ? null : Number(numbers[3]);
  const stable = /\bDebian (\d+)\.(\d+)\.(\d+)-/.exec(text);
  const base = majorMinor(major, minor, third);
  const backported = BACKPORTED.find((vendor) => vendor.pattern.test(word) && !/elrepo|uek/.test(word));
  if (backported !== undefined) {
    const { flavour, to } = backported;
    return { release: word, major, minor, patch: third, flavour, isBackported: true, from: base, to };
  }
  const known = FLAVOURS.find((flavour) => flavour.pattern.test(word));
  const isStated = stable !== null && Number(stable[1]) === major && Number(stable[2]) === minor;
  const patch = isStated ? Number(stable[3]) : known?.hasAbiNumber === true ? null : third;
  return {
    release: word,
    major,
    minor,
    patch,
    flavour: known?.flavour ?? 'mainline',
    isBackported: false,
    from: base,
    to: base,
  };
}

/** Orders two releases by what mainline code they are based on: negative when `a` is older. Stable patch levels count last. */
export function compareKernelVersions(a: KernelVersion, b: KernelVersion): number {
  return ordinal(a.from) - ordinal(b.from) || (a.patch ?? 0) - (b.patch ?? 0);
}

/** Whether two releases written as '2.6.32' or '6.1' are in order: negative when `a` is older. */
export function compareReleases(a: string, b: string): number {
  return ordinal(a) - ordinal(b);
}

/**
 * Whether what is true for `range` is true on this kernel. NULL version: 'unknown' unless the range is open at both ends.
 */
export function holds(range: VersionRange, version: KernelVersion | null): Holds {
  if (range.since === null && range.until === null && range.blurredIn === undefined) return 'yes';
  if (version === null) return 'unknown';
  if (isBlurred(range, version)) return isKnownToLack(range, version) ? 'no' : 'unknown';
  const low = ordinal(version.from);
  const high = ordinal(version.to);
  const first = range.since === null ? -Infinity : ordinal(range.since);
  const last = range.until === null ? Infinity : ordinal(range.until);
  if (low >= first && high <= last) return 'yes';
  const earliest = range.maybeSince === undefined ? first : ordinal(range.maybeSince);
  const latest = range.maybeUntil === undefined ? last : ordinal(range.maybeUntil);
  return high < earliest || low > latest ? 'no' : 'unknown';
}

/** '4.15 to 6.0', 'since 6.7', 'until 3.2', 'all versions'. */
export function rangeText(range: VersionRange): string {
  const { since: first, until: last } = range;
  if (first === null && last === null) return 'all versions';
  if (last === null) return `since ${first}`;
  if (first === null) return `until ${last}`;
  return first === last ? `${first} only` : `${first} to ${last}`;
}

function isBlurred(range: VersionRange, version: KernelVersion): boolean {
  if (range.blurredIn === undefined) return false;
  const isFirstRelease = version.flavour === 'mainline' && version.patch === 0;
  return !isFirstRelease && range.blurredIn.includes(`${version.major}.${version.minor}`);
}

/** Whether the kernel is as old as one of its series that lacks the change, by patch level or by Debian's ABI number. */
function isKnownToLack(range: VersionRange, version: KernelVersion): boolean {
  return (range.lackedBy ?? []).some((text) => {
    const lacking = parseKernelVersion(text);
    if (lacking === null || lacking.major !== version.major || lacking.minor !== version.minor) return false;
    if (lacking.patch !== null && version.patch !== null) return version.patch <= lacking.patch;
    const isSameVendor = lacking.flavour === 'debian' && version.flavour === 'debian';
    return isSameVendor && abiNumber(version) <= abiNumber(lacking);
  });
}

/** The number that Debian counts up with incompatible builds (6.1.0-18-amd64); infinite where the release has none. */
function abiNumber(version: KernelVersion): number {
  return Number(/^\d+\.\d+\.0-(\d+)-/.exec(version.release)?.[1] ?? Infinity);
}

function majorMinor(major: number, minor: number, third: number | null): string {
  return major === 2 && third !== null ? `${major}.${minor}.${third}` : `${major}.${minor}`;
}

/** Until 2.6.x the third number named the release; since 3.0 it counts fixes only. */
function ordinal(release: string): number {
  const [major = 0, minor = 0, third = 0] = release.split('.').map(Number);
  return major * 1_000_000 + minor * 1000 + (major === 2 ? third : 0);
}
