// One JSON object of `nft -j monitor trace` as a step. Released versions up to 1.0.6 print text there (checked); this reads an object
// {"trace": {"id", "family", "table", "chain", "type", …}} whose fields carry the text form's words.

import type { RuleKind } from '../../model/kernel-line.js';
import type { TraceStep } from '../../model/trace.js';
import { readNftPacket } from './nft-packet.js';

const KINDS: ReadonlySet<string> = new Set<RuleKind>(['rule', 'return', 'policy', 'packet', 'conntrack', 'verdict']);

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** 'jump NAME' from "jump NAME", {"jump": {"target": "NAME"}} or {"accept": null}. */
function verdictOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!isObject(value)) return null;
  const [word, details] = Object.entries(value)[0] ?? [null, null];
  if (word === null) return null;
  const target = isObject(details) ? textOf(details['target']) : null;
  return target === null ? word : `${word} ${target}`;
}

/** @returns NULL when the text is no such object, a reason when it is one that cannot be read */
export function readNftTraceJson(text: string): TraceStep | string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text.startsWith('{"trace"') ? 'JSON that breaks off' : null;
  }
  const trace = isObject(parsed) ? parsed['trace'] : null;
  if (!isObject(trace)) return null;
  const id = trace['id'];
  const traceId = typeof id === 'number' ? id.toString(16) : textOf(id);
  const kind = textOf(trace['type']);
  const family = textOf(trace['family']);
  if (traceId === null || family === null) return 'a trace without id or family';
  if (kind === null || !KINDS.has(kind)) return 'a trace of unknown type';
  const packet = textOf(trace['packet']);
  return {
    tool: 'nft',
    traceId,
    family,
    table: textOf(trace['table']),
    chain: textOf(trace['chain']),
    ruleKind: kind as RuleKind,
    handle: numberOf(trace['handle']) ?? numberOf(trace['rule_handle']),
    ruleNumber: null,
    ruleText: textOf(trace['rule']),
    verdict: verdictOf(trace['verdict']) ?? verdictOf(trace['policy']),
    packet: packet === null ? null : readNftPacket(packet),
    ctDirection: textOf(trace['direction']),
    ctState: textOf(trace['state']),
    ctStatus: textOf(trace['status']),
    ctId: numberOf(trace['ct_id']),
    mark: numberOf(trace['mark']),
  };
}
