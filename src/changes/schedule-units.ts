// The service and the timer that take snapshots: as little as they need, and each line that somebody will ask about says why.

export const UNIT_FOLDER = '/etc/systemd/system';
export const SCHEDULE_SERVICE = 'ctwhy-snapshot.service';
export const SCHEDULE_TIMER = 'ctwhy-snapshot.timer';

export interface Schedule {
  readonly everyS: number;
  /** As typed: '7d'; NULL: nothing is thrown away. */
  readonly keep: string | null;
  /** Program and words that start ctwhy. */
  readonly self: readonly string[];
  /** The store. */
  readonly storePath: string;
  readonly hasAllSockets: boolean;
  /** Network namespaces other than the first are entered, which takes more rights. */
  readonly isAllNetns: boolean;
}

/** The store of the host, which systemd makes and opens for the service. */
const STATE_FOLDER = '/var/lib/ctwhy';
/** Hidden from a service by ProtectHome=yes. */
const HOMES = /^\/(home|root|run\/user)\//;
/** Replaced by empty ones with PrivateTmp=yes. */
const TEMPORARY = /^\/(var\/)?tmp\//;

/** The words that take one snapshot. */
export function snapshotWords({ self, keep, storePath, hasAllSockets, isAllNetns }: Schedule): readonly string[] {
  return [
    ...self,
    ...['snapshot', 'take', '--quiet', '--db', storePath],
    ...(keep === null ? [] : ['--keep', keep]),
    ...(hasAllSockets ? ['--sockets', 'all'] : []),
    ...(isAllNetns ? ['--all-netns'] : []),
  ];
}

/**
 * The capabilities that reading takes (man 7 capabilities), and what for.
 * Rules of iptables-legacy are read through a raw socket; a namespace is entered by setns().
 */
export function neededCapabilities({ isAllNetns }: Pick<Schedule, 'isAllNetns'>): ReadonlyMap<string, string> {
  return new Map([
    ['CAP_NET_ADMIN', 'entries, statistics and rules'],
    ['CAP_NET_RAW', 'rules of iptables-legacy'],
    ...(isAllNetns
      ? ([
          ['CAP_SYS_ADMIN', 'entering other network namespaces'],
          ['CAP_SYS_PTRACE', 'finding those of containers'],
        ] as const)
      : []),
  ]);
}

export function serviceText(schedule: Schedule): string {
  const { self, storePath, isAllNetns, everyS } = schedule;
  const paths = [...self, storePath];
  const capabilities = neededCapabilities(schedule);
  const folder = storePath.slice(0, storePath.lastIndexOf('/')) || '/';
  const isOwnState = folder === STATE_FOLDER;
  return [
    '# Written by ctwhy snapshot schedule; taken back by: ctwhy snapshot unschedule',
    '[Unit]',
    'Description=Snapshot of connection tracking (ctwhy)',
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=${snapshotWords(schedule).map(quoted).join(' ')}`,
    '# One that hangs must not keep the next from starting for ever.',
    `TimeoutStartSec=${Math.max(30, Math.round(everyS))}`,
    ...(isOwnState ? ['StateDirectory=ctwhy', 'StateDirectoryMode=0700'] : [`ReadWritePaths=${quoted(folder)}`]),
    'UMask=0077',
    'Nice=10',
    'MemoryMax=512M',
    '',
    '# Rights: what reading takes, and no more.',
    ...[...capabilities].map(([name, what]) => `# ${name}: ${what}`),
    `CapabilityBoundingSet=${[...capabilities.keys()].join(' ')}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    `ProtectHome=${paths.some((path) => HOMES.test(path)) ? 'read-only' : 'yes'}`,
    `PrivateTmp=${paths.some((path) => TEMPORARY.test(path)) ? 'no' : 'yes'}`,
    'PrivateDevices=yes',
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectControlGroups=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'RestrictAddressFamilies=AF_NETLINK AF_UNIX AF_INET AF_INET6',
    'IPAddressDeny=any',
    ...(isAllNetns ? ['RestrictNamespaces=net mnt'] : ['RestrictNamespaces=yes']),
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    `SystemCallFilter=@system-service${isAllNetns ? ' @mount setns' : ''}`,
    '# Refused, not killed: node tries what it can do without (pkey_alloc).',
    'SystemCallErrorNumber=EPERM',
    '# Not MemoryDenyWriteExecute: node makes machine code as it runs. Not PrivateNetwork: it is the network that is looked at.',
    '',
  ].join('\n');
}

export function timerText({ everyS }: Pick<Schedule, 'everyS'>): string {
  return [
    '# Written by ctwhy snapshot schedule; taken back by: ctwhy snapshot unschedule',
    '[Unit]',
    `Description=Snapshot of connection tracking every ${spanWords(everyS)} (ctwhy)`,
    '',
    '[Timer]',
    '# After the timer was started, also at boot, and again after each snapshot was begun; never two at once.',
    `OnActiveSec=${spanWords(everyS)}`,
    `OnUnitActiveSec=${spanWords(everyS)}`,
    `AccuracySec=${everyS >= 60 ? '1s' : '100ms'}`,
    `Unit=${SCHEDULE_SERVICE}`,
    '',
    '[Install]',
    'WantedBy=timers.target',
    '',
  ].join('\n');
}

/** '1min 30s', as systemd reads it. */
export function spanWords(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'min'],
    [whole % 60, 's'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** A word of ExecStart: quotes where systemd would split it, and no specifier or variable by chance (man 5 systemd.service). */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:@=,+%$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`;
}

/** A line for cron where there is no systemd; NULL: cron knows whole minutes only. */
export function cronLine(schedule: Schedule): string | null {
  const minutes = schedule.everyS / 60;
  if (!Number.isInteger(minutes)) return null;
  const when =
    minutes < 60 && 60 % minutes === 0
      ? `${minutes === 1 ? '*' : `*/${minutes}`} * * * *`
      : minutes % 60 === 0 && 24 % (minutes / 60) === 0
        ? `0 ${minutes === 60 ? '*' : minutes === 1440 ? '0' : `*/${minutes / 60}`} * * *`
        : null;
  // % ends a command of cron.
  return when === null ? null : `${when} root ${snapshotWords(schedule).map(shellWord).join(' ')}`;
}

function shellWord(word: string): string {
  const plain = /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return plain.replaceAll('%', '\\%');
}
