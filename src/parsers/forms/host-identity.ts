// Whose files are these? uname, /proc/version, hostname and uptime outputs as sosreports and people's pastes hold them.

import type { BundleStatement } from '../../model/record.js';
import { type Form, type FormContext, OTHER, TAKEN } from '../form.js';

type HostStatement = Extract<BundleStatement, { kind: 'host' }>;

/** 'Linux gw 6.1.0-9-amd64 #1 SMP …', quoted or behind words of a person: nothing else has this shape. */
const UNAME = /(?:^|[\s>|:'"`(])Linux (\S+) (\d+\.\d+\S*) #\d+\S* (?:SMP|PREEMPT|Debian|\w{3} \w{3} )/;
/** /proc/version: 'Linux version 6.1.0-9-amd64 (builder@host) (gcc …) #1 SMP …' */
const PROC_VERSION = /(?:^|[>|:'"`] ?)Linux version (\d+\.\d+\S*) \(/;
/** hostnamectl. */
const KERNEL = /^\s*Kernel: Linux (\d+\.\d+\S*)\s*$/;
/** Names that say nothing of the host. */
const NAMELESS = /^(?:localhost(?:\..*)?|\(none\)|<.*>|X+)$/i;
const RELEASE = /^\d+\.\d+[-.]\w\S*$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const STATIC_NAME = /^\s*Static hostname: (\S+)$/;
const ZONE = /^\s*Time zone: (\S+)/;

function isAbout(context: FormContext, word: RegExp): boolean {
  return word.test(context.fileName) || (context.command !== null && word.test(context.command));
}

/** What one line states; NULL: nothing. Lines that are a bare word count only where file or command say what they are. */
function statementsOf(line: string, context: FormContext): readonly HostStatement[] | null {
  const uname = UNAME.exec(line);
  if (uname !== null) {
    const kernel: HostStatement = { kind: 'host', key: 'kernel', value: uname[2]! };
    return NAMELESS.test(uname[1]!) ? [kernel] : [{ kind: 'host', key: 'host', value: uname[1]! }, kernel];
  }
  const version = PROC_VERSION.exec(line) ?? KERNEL.exec(line);
  if (version !== null) return [{ kind: 'host', key: 'kernel', value: version[1]! }];
  const named = STATIC_NAME.exec(line);
  if (named !== null) return [{ kind: 'host', key: 'host', value: named[1]! }];
  const zone = ZONE.exec(line);
  if (zone !== null) return [{ kind: 'host', key: 'timezone', value: zone[1]! }];
  const word = line.trim();
  if (isAbout(context, /^uname|osrelease/) && RELEASE.test(word)) return [{ kind: 'host', key: 'kernel', value: word }];
  if (isAbout(context, /^hostname(\.txt)?$|^hostname( |$)/) && NAME.test(word))
    return [{ kind: 'host', key: 'host', value: word }];
  if (isAbout(context, /^boot_id/) && /^[0-9a-f-]{32,36}$/.test(word))
    return [{ kind: 'host', key: 'boot-id', value: word }];
  return null;
}

export const hostIdentityForm: Form = {
  id: 'host identity',
  title: 'uname -a, /proc/version, hostname, hostnamectl, timedatectl',
  recognise: (line, context) => (statementsOf(line, context) === null ? 0 : 60),
  open: (emit, context) => ({
    line(text, line) {
      const statements = statementsOf(text, context);
      if (statements === null) return OTHER;
      for (const statement of statements) emit({ kind: 'bundle', line, statement });
      return TAKEN;
    },
    end: () => {},
  }),
};
