// MANIFEST of a bundle: what it says of the host, of its files, and of what was done meanwhile.

import type { BundleStatement } from '../../model/record.js';
import { type Form, OTHER, TAKEN } from '../form.js';

const KEYS = [
  'host',
  'kernel',
  'boot-id',
  'boot-time',
  'timezone',
  'netns',
  'uptime',
  'made-by',
  'iptables',
  'nft',
  'conntrack',
  'note',
] as const;

function us(text: string | undefined): number | null {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

/** name=value words up to (and without) the rest behind `command=`; values may be quoted. */
function words(text: string): { readonly fields: ReadonlyMap<string, string>; readonly command: string | null } {
  const fields = new Map<string, string>();
  const word = /\s*([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/y;
  for (;;) {
    const at = /\s*command=/y;
    at.lastIndex = word.lastIndex;
    if (at.test(text)) return { fields, command: text.slice(at.lastIndex) };
    const match = word.exec(text);
    if (match === null) return { fields, command: null };
    fields.set(match[1]!, match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '');
  }
}

function statementOf(line: string): BundleStatement | null {
  const match = /^(\S+)\s+(.*)$/.exec(line);
  if (match === null) return null;
  const [, key, rest] = match as unknown as [string, string, string];
  const known = KEYS.find((one) => one === key);
  if (known !== undefined) return { kind: 'host', key: known, value: rest.trim() };
  const named = /^(\S+)\s*(.*)$/.exec(rest);
  if (named === null) return null;
  if (key === 'ran') return { kind: 'ran', atUs: us(named[1]), command: named[2]! };
  const { fields, command } = words(named[2]!);
  if (key === 'part') {
    const status = fields.get('exit');
    return {
      kind: 'part',
      file: named[1]!,
      moment: fields.get('moment') ?? null,
      startedAtUs: us(fields.get('start')),
      endedAtUs: us(fields.get('end')),
      exitStatus: status !== undefined && /^\d+$/.test(status) ? Number(status) : null,
      netns: fields.get('netns') ?? null,
      command,
      error: fields.get('error') ?? null,
    };
  }
  if (key === 'coverage')
    return {
      kind: 'coverage',
      what: named[1]!,
      fromUs: us(fields.get('from')),
      toUs: us(fields.get('to')),
      state: fields.get('state') ?? 'complete',
      why: fields.get('why') ?? null,
    };
  return null;
}

export const bundleManifestForm: Form = {
  id: 'bundle manifest',
  title: 'MANIFEST of a bundle',
  recognise: (line) => (/^ctwhy-bundle \d+\s*$/.test(line) ? 100 : 0),
  open(emit) {
    return {
      line(text, line) {
        if (/^ctwhy-bundle \d+\s*$/.test(text) || text.trim() === '' || text.startsWith('#')) return TAKEN;
        const statement = statementOf(text);
        if (statement === null)
          return line === 1 ? OTHER : { is: 'unread', reason: 'no statement of a bundle manifest', at: 0 };
        emit({ kind: 'bundle', line, statement });
        return TAKEN;
      },
      end() {},
    };
  },
};
