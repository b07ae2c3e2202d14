// `nft list ruleset` with any of its options, single tables and chains of it, and files for `nft -f`.

import type { Ruleset } from '../../model/ruleset.js';
import { type Emit, type Form, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import { endNft, type NftReader, newNftReader, readNftLine } from '../ruleset/nft-reader.js';
import { finishRuleset } from '../ruleset/ruleset-builder.js';

const TABLE = /^\s*(?:(?:add|create) )?table (?:(?:ip|ip6|inet|arp|bridge|netdev) )?[\w.-]+\s*(?:\{.*)?(?:#.*)?$/;
const COMMAND =
  /^\s*(?:add|create|insert) (?:chain|rule|set|map|element|flowtable) (?:ip|ip6|inet|arp|bridge|netdev) \S+ \S/;

export const nftForm: Form = {
  id: 'nft',
  title: 'nft list ruleset (-a, -n, -s), nft list table, files for nft -f',
  recognise(line) {
    if (TABLE.test(line)) return line.includes('{') ? 95 : 60;
    if (/^# Warning: table \S+ \S+ is managed by iptables-nft/.test(line)) return 90;
    if (/^#!.*\bnft -f/.test(line) || /^\s*flush ruleset\s*;?\s*$/.test(line)) return 90;
    return COMMAND.test(line) ? 90 : 0;
  },
  open: openNft,
};

function openNft(emit: Emit): FormReader {
  let reader = newNftReader();
  let firstLine = 0;

  function flush(): void {
    const isCut = endNft(reader);
    if (reader.tables.size > 0)
      emit({ kind: 'ruleset', line: Math.max(1, firstLine), ruleset: finishNft(reader, 'nft', isCut, null) });
    reader = newNftReader();
    firstLine = 0;
  }

  function line(text: string, number: number): LineOutcome {
    if (text.trim() === '') return TAKEN;
    if (firstLine === 0 && !text.startsWith('#!')) firstLine = number;
    const outcome = readNftLine(reader, text, firstLine === 0 ? 1 : number - firstLine + 1);
    switch (outcome.is) {
      case 'taken':
        return TAKEN;
      case 'unread':
        return outcome;
      case 'ended':
        flush();
        return line(text, number);
      case 'foreign':
        flush();
        return OTHER;
    }
  }

  return { line, end: flush };
}

/** The tables read so far as one ruleset; 'mixed' when they are of several families. */
export function finishNft(
  reader: NftReader,
  form: 'nft' | 'nft-json',
  isCut: boolean,
  generatedBy: string | null,
): Ruleset {
  const families = new Set([...reader.tables].map((table) => table.split('\t')[0]));
  const [only] = families;
  const family = families.size === 1 && only !== undefined ? (only as Ruleset['family']) : 'mixed';
  return finishRuleset(reader.builder, { form, family, backend: 'nft', isPartial: isCut, generatedBy });
}
