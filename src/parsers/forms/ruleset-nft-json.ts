// `nft -j list ruleset`, on one line as nft prints it or indented by another tool.

import type { RuleFamily } from '../../model/ruleset.js';
import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { type BracketState, followBrackets, isRecord, type JsonValue, objectsInArray } from '../ruleset/json-value.js';
import { NFT_FAMILIES } from '../ruleset/nft-chain.js';
import { elementText, statementText } from '../ruleset/nft-json-text.js';
import { lexNftLine } from '../ruleset/nft-lexer.js';
import { type NftReader, newNftReader } from '../ruleset/nft-reader.js';
import { readNftRule } from '../ruleset/nft-rule.js';
import { ensureChain, unreadDraft } from '../ruleset/ruleset-builder.js';
import { finishNft } from './ruleset-nft.js';

export const nftJsonForm: Form = {
  id: 'nft-json',
  title: 'nft -j list ruleset',
  recognise(line, context) {
    if (/^\s*\{\s*"nftables"\s*:/.test(line)) return 100;
    return /^\s*\{\s*$/.test(line) && isHinted(context) ? 60 : /^\s*\{\s*$/.test(line) ? 10 : 0;
  },
  open: openNftJson,
};

function isHinted(context: FormContext): boolean {
  return /nft/.test(context.fileName) || /\bnft\b.*(-j|--json)/.test(context.command ?? '');
}

function openNftJson(emit: Emit): FormReader {
  let text = '';
  let firstLine = 0;
  let state: BracketState = { depth: 0, isInString: false, isEscaped: false };

  function flush(): LineOutcome {
    if (text === '') return TAKEN;
    const { objects, isCut } = objectsInArray(text);
    const reader = newNftReader();
    const version = readObjects(reader, objects);
    if (isCut) reader.builder.notes.add('The JSON is cut or garbled; what was whole in it was read.');
    if (reader.tables.size > 0 || objects.length > 0)
      emit({ kind: 'ruleset', line: firstLine, ruleset: finishNft(reader, 'nft-json', isCut, version) });
    text = '';
    state = { depth: 0, isInString: false, isEscaped: false };
    return isCut ? { is: 'unread', reason: 'the JSON is cut or garbled; what was whole in it was read', at: 0 } : TAKEN;
  }

  return {
    line(line, number) {
      if (text === '') {
        if (line.trim() === '') return TAKEN;
        if (!line.trim().startsWith('{')) return OTHER;
        firstLine = number;
      }
      if (text !== '' && text.length < 200 && !/"nftables"/.test(text + line)) {
        text = '';
        return OTHER;
      }
      text += `${line}\n`;
      return followBrackets(state, line) <= 0 ? flush() : TAKEN;
    },
    end() {
      flush();
    },
  };
}

/** Puts everything into the reader's chains and sets; returns what made it. */
function readObjects(reader: NftReader, objects: readonly JsonValue[]): string | null {
  let version: string | null = null;
  for (const [index, object] of objects.entries()) {
    if (!isRecord(object)) continue;
    for (const [kind, value] of Object.entries(object)) {
      if (!isRecord(value)) continue;
      if (kind === 'metainfo') version = `nft ${String(value['version'] ?? '')}`.trim();
      else readObject(reader, kind, value, index + 1);
    }
  }
  return version;
}

function readObject(reader: NftReader, kind: string, value: Readonly<Record<string, JsonValue>>, place: number): void {
  const family = NFT_FAMILIES.find((one) => one === value['family']);
  const table = stringOf(value[kind === 'table' ? 'name' : 'table']);
  if (family === undefined || table === null) return;
  const name = stringOf(value['name']) ?? '';
  reader.tables.add(`${family}\t${table}`);
  if (kind === 'chain') readChain(reader, family, table, name, value, place);
  else if (kind === 'rule') readRule(reader, family, table, value, place);
  else if (kind === 'set' || kind === 'map') readSet(reader, family, table, name, kind, value);
}

function readChain(
  reader: NftReader,
  family: RuleFamily,
  table: string,
  name: string,
  value: Readonly<Record<string, JsonValue>>,
  place: number,
): void {
  const chain = ensureChain(reader.builder, family, table, name, place);
  const hook = stringOf(value['hook']);
  if (hook === null) return;
  const device = value['dev'];
  chain.hook = hook.toUpperCase();
  chain.type = stringOf(value['type']);
  chain.priority = typeof value['prio'] === 'number' ? value['prio'] : null;
  chain.policy = value['policy'] === 'drop' ? 'DROP' : 'ACCEPT';
  chain.devices = (Array.isArray(device) ? device : device === undefined ? [] : [device]).map(String);
}

function readRule(
  reader: NftReader,
  family: RuleFamily,
  table: string,
  value: Readonly<Record<string, JsonValue>>,
  place: number,
): void {
  const chain = ensureChain(reader.builder, family, table, stringOf(value['chain']) ?? '', place);
  const statements = Array.isArray(value['expr']) ? value['expr'].map(statementText) : [];
  const comment = stringOf(value['comment']);
  const text = [...statements, ...(comment === null ? [] : [`comment "${comment}"`])].join(' ');
  const lexed = lexNftLine(text);
  const handle = typeof value['handle'] === 'number' ? value['handle'] : null;
  if (lexed.error || lexed.comment !== null)
    chain.rules.push(unreadDraft(text, 'the JSON of this rule could not be put into words', place));
  else chain.rules.push(readNftRule(lexed.tokens, family, handle, place));
}

function readSet(
  reader: NftReader,
  family: RuleFamily,
  table: string,
  name: string,
  kind: string,
  value: Readonly<Record<string, JsonValue>>,
): void {
  const type = Array.isArray(value['type']) ? value['type'].map(String).join(' . ') : String(value['type'] ?? '');
  const into = stringOf(value['map']);
  const flags = Array.isArray(value['flags'])
    ? value['flags'].map(String)
    : value['flags'] === undefined
      ? []
      : [String(value['flags'])];
  const elements = Array.isArray(value['elem'])
    ? value['elem'].map((element) => elementText(element).replaceAll('"', ''))
    : [];
  reader.builder.sets.push({
    family,
    table,
    name,
    type: into === null ? type : `${type} : ${into}`,
    flags: kind === 'map' ? ['map', ...flags] : flags,
    elements,
  });
}

function stringOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
