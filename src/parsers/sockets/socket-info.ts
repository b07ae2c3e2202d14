// The words that ss prints behind the addresses: timer, owner, inode, memory, and TCP's inner state (misc/ss.c, iproute2 6.1).

import type { Socket } from '../../model/socket.js';

type Info = Record<string, string | number>;

/** Words of ss -i that stand alone. What stands alone and is none of them is the congestion control. */
const FLAGS: ReadonlySet<string> = new Set([
  'ts',
  'sack',
  'ecn',
  'ecnseen',
  'accecn',
  'fastopen',
  'app_limited',
  'slow_start',
  'tcpi-ecn',
  'bbr2',
]);
/** Words whose value is the next word: 'send 1213bps'. */
const PAIRED: ReadonlySet<string> = new Set(['send', 'pacing_rate', 'delivery_rate']);
/** Signs for the direction of shutdown (ss -e). */
const SHUTDOWN = /^(<->|-->|<--|---)$/;

/**
 * A timer's rest in milliseconds. ss prints '1.234ms' for one second and 234 ms, '009ms', '12sec', '1min5sec', '119min'
 * (misc/ss.c: print_ms_timer()), and '1.2sec' in older versions. NULL for anything else.
 */
export function timerMs(text: string): number | null {
  const match = /^(?:(\d+)min)?(?:(\d+)(?:\.(\d+))?sec|(?:(\d+)\.)?(\d{1,3})ms)?$/.exec(text);
  if (match === null) return null;
  const [, minutes, seconds, fraction, wholeSeconds, millis] = match;
  const tenths = fraction === undefined ? 0 : Number(`0.${fraction}`) * 1000;
  return (
    Number(minutes ?? 0) * 60_000 +
    Number(seconds ?? 0) * 1000 +
    Math.round(tenths) +
    Number(wholeSeconds ?? 0) * 1000 +
    Number(millis ?? 0)
  );
}

/** 'users:(("sshd",pid=1,fd=3),("sshd",pid=2,fd=3))' as 'sshd pid=1, sshd pid=2'. */
export function processText(text: string): string | null {
  const owners = [...text.matchAll(/\("((?:[^"\\]|\\.)*)",(?:pid=)?(\d+)/g)].map(
    ([, name, pid]) => `${name} pid=${pid}`,
  );
  return owners.length === 0 ? null : [...new Set(owners)].join(', ');
}

export interface SocketWords {
  readonly timer: string | null;
  readonly timerMs: number | null;
  readonly retrans: number | null;
  readonly uid: number | null;
  readonly inode: number | null;
  readonly process: string | null;
  readonly info: Socket['info'];
}

/** Cuts into words; parentheses (also nested, with blanks in quotes) belong to their word. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let depth = 0;
  let isQuoted = false;
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === '(') depth++;
    else if (!isQuoted && character === ')') depth = Math.max(0, depth - 1);
    const isBlank = character === ' ' || character === '\t';
    if (isBlank && depth === 0 && !isQuoted) {
      if (word !== '') words.push(word);
      word = '';
    } else word += character;
  }
  if (word !== '') words.push(word);
  return words;
}

const numberOrText = (text: string): string | number => (/^-?\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number(text) : text);

/** Reads all words behind the two addresses of one socket, from its own line and those that continue it. */
export function readSocketWords(text: string): SocketWords {
  const info: Info = {};
  let timer: string | null = null;
  let restMs: number | null = null;
  let retrans: number | null = null;
  let uid: number | null = null;
  let inode: number | null = null;
  let process: string | null = null;
  const words = wordsOf(text);
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const colon = word.indexOf(':');
    if (SHUTDOWN.test(word)) info['shutdown'] = word;
    else if (colon <= 0) {
      if (PAIRED.has(word) && words[at + 1] !== undefined) info[word] = words[++at]!;
      else if (FLAGS.has(word)) info[word] = 1;
      else if (/^[a-z][a-z0-9_-]*$/.test(word) && info['congestion'] === undefined) info['congestion'] = word;
      else info['rest'] = info['rest'] === undefined ? word : `${info['rest']} ${word}`;
    } else {
      const key = word.slice(0, colon);
      const value = word.slice(colon + 1);
      if (key === 'timer') {
        const parts = value.replace(/^\(|\)$/g, '').split(',');
        timer = parts[0] ?? null;
        restMs = parts[1] === undefined ? null : timerMs(parts[1]);
        retrans = parts[2] === undefined || !/^\d+$/.test(parts[2]) ? null : Number(parts[2]);
      } else if (key === 'users') process = processText(value) ?? value;
      else if (key === 'uid' && /^\d+$/.test(value)) uid = Number(value);
      else if (key === 'ino' && /^\d+$/.test(value)) inode = Number(value) === 0 ? null : Number(value);
      else if (key === 'skmem' || key === 'mem' || value.startsWith('(')) info[key] = value.replace(/^\(|\)$/g, '');
      else info[key] = key === 'sk' ? value : numberOrText(value);
    }
  }
  return { timer, timerMs: restMs, retrans, uid, inode, process, info };
}

/** Whether a line without indentation can only be the rest of the socket before it: words of ss, and no state in front. */
export function isWrappedWords(text: string): boolean {
  return /^(?:timer:\(|users:\(|uid:\d|ino:\d|sk:[0-9a-f]|skmem:\(|mem:\(|ts |sack |(?:cubic|bbr|reno|dctcp|vegas|htcp|westwood|illinois)\b|wscale:\d|rto:\d|rtt:\d|cwnd:\d|mss:\d|bytes_|segs_|lastsnd:\d|[a-z_]+:\d[\w./,]*(?: |$))/.test(
    text,
  );
}
