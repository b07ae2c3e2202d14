// Who removed an entry, how old is it, what did it carry, and was there room for it?

import { since } from '../../../catalogue/kernel-version.js';
import type { Answer, Cure } from '../../../model/diagnosis.js';
import type { HostFacts } from '../../../model/host-setup.js';
import { holdsHere } from '../never.js';
import { conntrackPackage, NEEDS_MODULE, type Question, SYSCTL_FILE } from '../question.js';

const ASK = 'sysctl -a > sysctl.txt';
const AUTO_EVENTS = since('5.19');
/** Programs that write events down; others act on them. */
const RECORDERS = /^(conntrack|conntrackd|ulogd)$/;

export function recordEvents({ programs, distribution }: HostFacts, isAuto: boolean): Cure {
  if (programs !== null && !programs.some(({ name }) => name === 'conntrack'))
    return { command: conntrackPackage(distribution), price: 'a package; then ask again' };
  return {
    command: 'conntrack -E -o timestamp,id,extended > events.txt',
    price: isAuto ? 'runs until Ctrl-C; only entries born from then on' : 'runs until Ctrl-C',
  };
}

export const whoRemoved: Question = {
  id: 'who-removed',
  words: 'who removed an entry',
  answer(asked): Answer {
    const { facts } = asked;
    if (facts.recorded?.events === true) return { word: 'yes', why: 'events are in here' };
    if (facts.from === 'evidence')
      return { word: 'no', why: 'no events in here', ask: 'conntrack -E -o timestamp,id,extended > events.txt' };
    const { events } = facts.tracker;
    if (events === 0)
      return {
        word: 'no',
        why: 'nf_conntrack_events=0: none are sent',
        cure: { command: 'sysctl -w net.netfilter.nf_conntrack_events=1', price: 'a little work for each entry' },
        keep: [{ file: SYSCTL_FILE, line: 'net.netfilter.nf_conntrack_events = 1' }, NEEDS_MODULE],
      };
    const listening = facts.listeners?.filter(({ groups }) => groups.includes('conntrack destroy')) ?? [];
    const recorder = listening.find(({ process }) => process !== null && RECORDERS.test(process));
    const isAuto = events === 2 || (events === null && holdsHere(AUTO_EVENTS, asked) !== 'no');
    if (recorder !== undefined)
      return recorder.drops > 0
        ? { word: 'part', why: `${recorder.process} listens, but lost ${recorder.drops} messages` }
        : { word: 'yes', why: `${recorder.process} listens (port ${recorder.port})` };
    const cure = recordEvents(facts, isAuto);
    if (facts.listeners === null) return { word: 'unknown', why: 'who listens is not known', cure };
    const [other] = listening;
    if (other !== undefined)
      return { word: 'part', why: `${other.process ?? `port ${other.port}`} listens; does it write?`, cure };
    return { word: 'no', why: 'nothing records events', cure };
  },
};

/** A switch of conntrack that counts for new entries only. */
function switchQuestion(
  id: string,
  words: string,
  setting: string,
  read: (facts: HostFacts) => boolean | null,
): Question {
  return {
    id,
    words,
    answer({ facts }): Answer {
      const isOn = read(facts);
      if (isOn === true) return { word: 'yes', why: `${setting}=1` };
      if (isOn === null)
        return facts.from === 'evidence'
          ? { word: 'unknown', why: `${setting} is not told`, ask: ASK }
          : { word: 'no', why: facts.tracker.isLoaded === true ? `no ${setting} here` : 'conntrack is not loaded' };
      return {
        word: 'no',
        why: `${setting}=0`,
        cure: { command: `sysctl -w net.netfilter.${setting}=1`, price: 'new entries only' },
        keep: [{ file: SYSCTL_FILE, line: `net.netfilter.${setting} = 1` }, NEEDS_MODULE],
      };
    },
  };
}

export const howOld = switchQuestion(
  'how-old',
  'how old an entry is',
  'nf_conntrack_timestamp',
  ({ tracker }) => tracker.timestamps,
);
export const howMuch = switchQuestion(
  'how-much',
  'how many packets an entry carried',
  'nf_conntrack_acct',
  ({ tracker }) => tracker.accounting,
);

export const tableFull: Question = {
  id: 'table-full',
  words: 'whether the table is full',
  answer({ facts: { tracker, from } }) {
    const { count, max } = tracker;
    if (count === null || max === null)
      return from === 'host'
        ? { word: 'no', why: 'conntrack is not loaded' }
        : {
            word: 'unknown',
            why: 'count or maximum is not told',
            ask: 'conntrack -C > count.txt; sysctl -a > sysctl.txt',
          };
    const share = max > 0 ? ` (${Math.round((count / max) * 100)} %)` : '';
    return { word: 'yes', why: `${count} of ${max}${share}` };
  },
};
