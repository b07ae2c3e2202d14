// Why is a packet INVALID? Conntrack says so itself where log_invalid is on for its protocol and a logger takes the line.

import type { Answer, Keep } from '../../../model/diagnosis.js';
import { logReach } from '../log-reach.js';
import {
  type Asked,
  loggerPackage,
  logInvalidName,
  MODULES_FILE,
  NEEDS_MODULE,
  type Question,
  SYSCTL_FILE,
} from '../question.js';

const ASK = 'sysctl -a > sysctl.txt';

/** What must hold before any protocol counts; NULL: all of it does. */
function beforeAnyProtocol({ facts }: Asked, words: string): Answer | null {
  if (facts.tracker.isLoaded === false)
    return {
      word: 'no',
      why: 'conntrack is not loaded',
      cure: { command: 'modprobe nf_conntrack', price: 'tracks only once a rule asks for a state' },
    };
  if (facts.tracker.isActive === false)
    return {
      word: 'no',
      why: 'conntrack is not active in this namespace: no rule asks for it',
      cure: {
        command: 'ctwhy tag add --ctstate INVALID --dport PORT --allow start-tracking',
        price: 'tracking starts; live flows are picked up as NEW',
      },
    };
  const { logInvalid } = facts.log;
  if (logInvalid === null) return { word: 'unknown', why: 'log_invalid is not told', ask: ASK };
  const enable = { command: `ctwhy log-invalid enable -p ${words}`, price: 'more log lines' };
  const reach = logReach(facts);
  if (reach.is !== 'nowhere') return null;
  if (reach.why === 'namespace')
    return {
      word: 'no',
      why: 'nf_log_all_netns=0: this namespace may not write to the kernel log',
      cure: { ...enable, price: 'lines of all namespaces appear, on the whole host' },
    };
  if (facts.log.module?.state === 'missing')
    return {
      word: 'no',
      why: `no logger is bound, ${facts.log.module.name} is not installed`,
      cure: { command: loggerPackage(facts), price: 'a package' },
    };
  return { word: 'no', why: 'no logger is bound (nf_log.2, nf_log.10)', cure: enable };
}

function keepLogInvalid({ facts }: Asked, value: number): readonly Keep[] {
  const module = facts.log.module;
  return [
    { file: SYSCTL_FILE, line: `net.netfilter.nf_conntrack_log_invalid = ${value}` },
    NEEDS_MODULE,
    ...(module === null || module.state === 'built in' ? [] : [{ file: MODULES_FILE, line: module.name }]),
  ];
}

/** Which family lacks its line, and which reasons stay silent though it is on. */
function shortOf({ facts }: Asked, isTcp: boolean): string | null {
  const reach = logReach(facts);
  if (reach.is === 'nflog') {
    const reader = facts.nflog?.find(({ group }) => group === 0);
    if (facts.nflog !== null && reader === undefined) return 'lines go to NFLOG group 0, which nobody reads';
    return `lines go to NFLOG group 0${reader?.process == null ? '' : ` (${reader.process})`}, not to the kernel log`;
  }
  if (reach.is === 'unknown') return 'where the lines go is not known';
  if (reach.is === 'kernel log' && reach.families.length === 1)
    return `IPv${reach.families[0]} only: no logger for IPv${reach.families[0] === 4 ? 6 : 4}`;
  if (isTcp && facts.tracker.isLiberal === true) return 'be_liberal=1: window violations are accepted unsaid';
  if (isTcp && facts.tracker.isLoose === false) return 'tcp_loose=0 refuses unknown flows without a line';
  return null;
}

const TAG_INVALID = {
  command: 'ctwhy tag add --ctstate INVALID --dport PORT',
  price: 'ends by itself in 5 min',
} as const;

function full(asked: Asked, isTcp: boolean): Answer {
  const { logInvalid } = asked.facts.log;
  const short = shortOf(asked, isTcp);
  if (short !== null) {
    const isUnsaid = /unsaid|without a line/.test(short);
    return {
      word: 'part',
      why: short,
      cure: isUnsaid ? TAG_INVALID : { command: 'ctwhy log-invalid enable -p all', price: 'more log lines' },
    };
  }
  const keep = asked.facts.from === 'host' ? keepLogInvalid(asked, logInvalid ?? 255) : [];
  return { word: 'yes', why: `log_invalid=${logInvalid}, logger bound`, keep };
}

/** Evidence may tell by itself that the lines were printed. */
function recorded({ facts }: Asked, words: readonly string[]): Answer | null {
  const found = facts.recorded?.logInvalid.filter((proto) => words.includes(proto)) ?? [];
  return found.length === 0 ? null : { word: 'yes', why: `log_invalid was on for ${found.join(', ')}` };
}

export const whyTcpInvalid: Question = {
  id: 'why-tcp-invalid',
  words: 'why a TCP packet is INVALID',
  answer(asked) {
    const told = recorded(asked, ['tcp', 'all']);
    if (told !== null) return told;
    const lacking = beforeAnyProtocol(asked, 'tcp');
    if (lacking !== null) return lacking;
    const value = asked.facts.log.logInvalid!;
    if (value === 6 || value === 255) return full(asked, true);
    const words = value === 0 ? 'tcp' : 'all';
    return {
      word: 'no',
      why: value === 0 ? 'log_invalid is off' : `log_invalid is ${logInvalidName(value)} only`,
      cure: { command: `ctwhy log-invalid enable -p ${words}`, price: 'more log lines' },
      keep: keepLogInvalid(asked, value === 0 ? 6 : 255),
    };
  },
};

export const whyOthersInvalid: Question = {
  id: 'why-others-invalid',
  words: 'why UDP, ICMP or SCTP is INVALID',
  answer(asked) {
    const told = recorded(asked, ['all']);
    if (told !== null) return told;
    const lacking = beforeAnyProtocol(asked, 'all');
    if (lacking !== null) return lacking;
    const value = asked.facts.log.logInvalid!;
    if (value === 255) return full(asked, false);
    const cure = { command: 'ctwhy log-invalid enable -p all', price: 'more log lines' };
    const keep = keepLogInvalid(asked, 255);
    if (value === 0) return { word: 'no', why: 'log_invalid is off', cure, keep };
    if (value === 41)
      return {
        word: 'no',
        why: 'log_invalid=41 logs nothing: ICMPv6 is 58, whatever the documentation says',
        cure,
        keep,
      };
    return {
      word: value === 6 ? 'no' : 'part',
      why: `log_invalid is ${logInvalidName(value)} only`,
      cure,
      keep,
    };
  },
};
