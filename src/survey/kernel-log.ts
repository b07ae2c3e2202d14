// Who keeps the kernel's messages here, where, and what takes some away before they are kept?

import type { ReadHost } from '../host/host.js';
import type { KernelLogFacts } from '../model/host-setup.js';
import { readConsoles } from './console.js';
import { isThere } from './place.js';

const RSYSLOG = '/etc/rsyslog.conf';
const RSYSLOG_FOLDER = '/etc/rsyslog.d';
const JOURNALD = ['/etc/systemd/journald.conf', '/usr/lib/systemd/journald.conf'];
const JOURNALD_FOLDERS = [
  '/usr/lib/systemd/journald.conf.d',
  '/usr/local/lib/systemd/journald.conf.d',
  '/run/systemd/journald.conf.d',
  '/etc/systemd/journald.conf.d',
];

export function readKernelLog(host: ReadHost): KernelLogFacts {
  const running = new Set(processNames(host));
  const settings = journalSettings(host);
  const hasJournal = running.has('systemd-journal') || isThere(host, '/run/systemd/journal/socket');
  const keptIn: string[] = [];
  const daemons: string[] = [];
  if (hasJournal) {
    daemons.push('journald');
    const storage = settings.get('Storage') ?? 'auto';
    const isPersistent = storage === 'persistent' || (storage === 'auto' && isThere(host, '/var/log/journal'));
    if (isPersistent && settings.get('ReadKMsg') !== 'no') keptIn.push('the journal (/var/log/journal)');
  }
  const rsyslog = rsyslogText(host);
  if (running.has('rsyslogd')) {
    daemons.push('rsyslog');
    keptIn.push(...kernelFiles(rsyslog));
  }
  if (running.has('syslog-ng')) {
    daemons.push('syslog-ng');
    keptIn.push(...['/var/log/kern.log', '/var/log/messages', '/var/log/syslog'].filter((path) => isThere(host, path)));
  }
  if (running.has('logd')) daemons.push('logd'); // OpenWrt: in memory, read with logread
  if (running.has('syslogd')) {
    daemons.push('syslogd');
    keptIn.push(...['/var/log/messages'].filter((path) => isThere(host, path)));
  }
  const number = (path: string): number | null => {
    const text = host.readOrNull(path)?.trim() ?? '';
    return /^\d+$/.test(text) ? Number(text) : null;
  };
  const { logLevel, slow } = readConsoles(host);
  const [interval, burst] = [
    settings.get('RateLimitIntervalSec') ?? settings.get('RateLimitInterval') ?? '30s',
    settings.get('RateLimitBurst') ?? '10000',
  ];
  return {
    daemons,
    keptIn: [...new Set(keptIn)],
    journalRateLimit: hasJournal ? (interval === '0' || burst === '0' ? 'off' : `${burst} in ${interval}`) : null,
    kernelRateLimit: running.has('rsyslogd') ? imklogLimit(rsyslog) : null,
    messageBurst: number('/proc/sys/net/core/message_burst'),
    messageCostS: number('/proc/sys/net/core/message_cost'),
    consoleLevel: logLevel,
    slowConsoles: slow,
    mayReadRing: host.identity().uid === 0 || host.readOrNull('/proc/sys/kernel/dmesg_restrict')?.trim() === '0',
  };
}

function processNames(host: ReadHost): readonly string[] {
  try {
    return host
      .list('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => host.readOrNull(`/proc/${pid}/comm`)?.trim() ?? '');
  } catch {
    return [];
  }
}

function filesIn(host: ReadHost, folder: string): readonly string[] {
  try {
    return host
      .list(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

/** What journald.conf and its drop-ins set; later files win. */
function journalSettings(host: ReadHost): ReadonlyMap<string, string> {
  const main = JOURNALD.find((path) => host.readOrNull(path) !== null);
  const files = [...(main === undefined ? [] : [main]), ...JOURNALD_FOLDERS.flatMap((folder) => filesIn(host, folder))];
  return new Map(
    files.flatMap((path) =>
      [...(host.readOrNull(path) ?? '').matchAll(/^\s*(\w+)\s*=\s*(.*?)\s*$/gm)].map((found): [string, string] => [
        found[1]!,
        found[2]!,
      ]),
    ),
  );
}

function rsyslogText(host: ReadHost): string {
  return [RSYSLOG, ...filesIn(host, RSYSLOG_FOLDER)].map((path) => host.readOrNull(path) ?? '').join('\n');
}

/** Files that a classic selector sends kernel lines of warning or lower to: 'kern.*', '*.info;mail.none', '*.*;auth.none'. */
export function kernelFiles(text: string): readonly string[] {
  if (!/^\s*(?:module\(\s*load="im(?:klog|journal)"|\$ModLoad\s+im(?:klog|journal))/m.test(text)) return [];
  return [...text.matchAll(/^\s*([\w*,.;=!]+)\s+-?(\/\S+)\s*$/gm)]
    .filter(([, selector]) => takesKernel(selector!))
    .map(([, , path]) => path!)
    .filter((path) => !path.startsWith('/dev/'));
}

/** LOG lines have priority 4 (warning), log_invalid 5 (notice): what takes notice takes both. */
function takesKernel(selector: string): boolean {
  let takes = false;
  for (const part of selector.split(';')) {
    const [facilities = '', priority = ''] = part.split('.');
    if (!facilities.split(',').some((name) => name === '*' || name === 'kern')) continue;
    takes = /^(\*|debug|info|notice|=notice)$/.test(priority) ? true : priority === 'none' ? false : takes;
  }
  return takes;
}

/** rsyslog's limit for kernel lines; NULL: it has none set (imklog limits nothing by itself, imjournal 20,000 in 600 s). */
function imklogLimit(text: string): string | null {
  const module = /module\(\s*load="im(?:klog|journal)"[^)]*\)/i.exec(text)?.[0] ?? '';
  const burst = /ratelimit\.?burst="?(\d+)/i.exec(module)?.[1] ?? /\$imjournalRatelimitBurst\s+(\d+)/i.exec(text)?.[1];
  const interval =
    /ratelimit\.?interval="?(\d+)/i.exec(module)?.[1] ?? /\$imjournalRatelimitInterval\s+(\d+)/i.exec(text)?.[1];
  if (burst === undefined && interval === undefined) return /imjournal/.test(module) ? '20000 in 600 s' : null;
  return interval === '0' ? null : `${burst ?? 'its default'} in ${interval ?? 'its default'} s`;
}
