// Commands for rules of this host, to be pasted: the program that owns the tables they are in, its words, and what takes them back. The plain
// name of iptables may be that of the other kind of tables: it is printed only where nothing tells which kind they are, or it can be no other.

import type { RuleFamily, Ruleset } from '../../model/ruleset.js';
import type { RuleBook } from './rule-book.js';

/** Where rules stand; a rule is a place, too. */
export interface Place {
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  readonly handle?: number | null;
}

/** The same match and target in both languages: `-p tcp … -j ACCEPT`, `tcp dport 80 accept`. */
export interface RuleTexts {
  readonly iptables: string;
  readonly nft: string;
}

export interface PastedChange {
  readonly command: string;
  readonly undo: string;
}

/** One word for a shell: quoted where it is not plainly safe. Names of chains and interfaces come from files somebody sent. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const isIptables = ({ form }: Ruleset) => form.startsWith('iptables');
const isNative = ({ form }: Ruleset) => form === 'nft' || form === 'nft-json';

function has(ruleset: Ruleset, place: Place): boolean {
  return ruleset.chains.some(
    ({ family, table, name }) => family === place.family && table === place.table && name === place.chain,
  );
}

/** The ruleset that a rule was read from, or the best that has its chain: iptables' own reading before that of nft. */
function ownerOf({ rulesets }: RuleBook, place: Place): Ruleset | null {
  const exact = rulesets.find(({ chains }) => chains.some(({ rules }) => rules.some((rule) => rule === place)));
  const holding = rulesets.filter((one) => has(one, place));
  // A table that iptables-nft made is in `nft list ruleset` as well, and belongs to iptables.
  const twin = holding.find((one) => isIptables(one) && one.backend !== 'legacy');
  if (exact !== undefined) return isNative(exact) ? (twin ?? exact) : exact;
  return holding.find(isIptables) ?? holding[0] ?? null;
}

/** Since 1.8 both kinds are installed under names of their own, whichever the plain name stands for (iptables: configure.ac, 1.8.0). */
function hasOwnName({ generatedBy }: Ruleset): boolean {
  const [, major, minor] = /\bv?(\d+)\.(\d+)/.exec(generatedBy ?? '') ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 8);
}

function iptablesName({ rulesets }: RuleBook, backend: Ruleset['backend'], isSix: boolean): string {
  const plain = isSix ? 'ip6tables' : 'iptables';
  const own = rulesets.filter((one) => isIptables(one) && one.backend === backend);
  const isBeside = (other: Ruleset['backend']) =>
    rulesets.some((one) => one.backend === other && one.chains.length > 0);
  if (backend === 'legacy' && (own.some(hasOwnName) || isBeside('nft'))) return `${plain}-legacy`;
  if (backend === 'nft' && (own.some(({ generatedBy }) => /tables-nft/.test(generatedBy ?? '')) || isBeside('legacy')))
    return `${plain}-nft`;
  return plain;
}

/** Whether rules of a host are changed in the language of nft. @param place NULL: any of them */
export function speaksNft(rules: RuleBook, place: Place | null): boolean {
  const owner = place === null ? null : ownerOf(rules, place);
  if (owner !== null) return isNative(owner);
  return !rules.rulesets.some(isIptables) && rules.rulesets.some(isNative);
}

/**
 * Name of the iptables program that changes the tables at a place.
 * @param place NULL, or one that nothing tells of: the program of what tables there are
 */
export function iptablesProgram(rules: RuleBook, place: Place | null, isSix: boolean): string {
  const owner = place === null ? null : ownerOf(rules, place);
  if (owner !== null) return iptablesName(rules, owner.backend, isSix);
  // No such chain yet: beside the rules there are, in the tables where most of them stand.
  const count = (backend: Ruleset['backend']) =>
    rules.rulesets
      .filter((one) => isIptables(one) && one.backend === backend)
      .reduce((sum, { chains }) => sum + chains.reduce((all, chain) => all + chain.rules.length, 0), 0);
  const backends = (['legacy', 'nft'] as const).filter((backend) =>
    rules.rulesets.some((one) => isIptables(one) && one.backend === backend),
  );
  const [most] = backends.toSorted((a, b) => count(b) - count(a));
  return iptablesName(rules, most ?? 'unknown', isSix);
}

function tableWords(table: string): string {
  return table === 'filter' ? '' : ` -t ${shellWord(table)}`;
}

function nftPlace({ family, table, chain }: Place): string {
  return `${family} ${shellWord(table)} ${shellWord(chain)}`;
}

/** How a rule of nft is taken back: its handle is known when it stands. */
function nftUndo(place: Place): string {
  const where = nftPlace(place);
  return `nft -a list chain ${where}   # then: nft delete rule ${where} handle N`;
}

/** A rule in front of the one at that place (nft, where its handle is known), or at the head of its chain. */
export function ruleAhead(rules: RuleBook, place: Place, isSix: boolean, texts: RuleTexts): PastedChange {
  if (speaksNft(rules, place)) {
    const handle = place.handle === undefined || place.handle === null ? '' : ` handle ${place.handle}`;
    return { command: `nft insert rule ${nftPlace(place)}${handle} ${texts.nft}`, undo: nftUndo(place) };
  }
  const program = `${iptablesProgram(rules, place, isSix)}${tableWords(place.table)}`;
  const chain = shellWord(place.chain);
  return {
    command: `${program} -I ${chain} 1 ${texts.iptables}`,
    undo: `${program} -D ${chain} ${texts.iptables}`,
  };
}

/** A rule at the end of a chain. */
export function ruleBehind(rules: RuleBook, place: Place, isSix: boolean, texts: RuleTexts): PastedChange {
  if (speaksNft(rules, place)) return { command: `nft add rule ${nftPlace(place)} ${texts.nft}`, undo: nftUndo(place) };
  const program = `${iptablesProgram(rules, place, isSix)}${tableWords(place.table)}`;
  const chain = shellWord(place.chain);
  return { command: `${program} -A ${chain} ${texts.iptables}`, undo: `${program} -D ${chain} ${texts.iptables}` };
}

/** Several changes in one. */
export function together(...changes: readonly PastedChange[]): PastedChange {
  const undo = [...new Set(changes.map((one) => one.undo))];
  return { command: changes.map(({ command }) => command).join('; '), undo: undo.join('; ') };
}

/** A chain with its counters and the numbers or handles of its rules; its table is there, so that looking loads nothing. */
export function listedChain(rules: RuleBook, place: Place, isSix: boolean): string {
  return speaksNft(rules, place)
    ? `nft -a list chain ${nftPlace(place)}`
    : `${iptablesProgram(rules, place, isSix)} -t ${shellWord(place.table)} -nvL ${shellWord(place.chain)} --line-numbers`;
}

/**
 * Lines of this host's rules that hold a word, in each kind of tables that it has.
 * @param pattern of grep -E, for the words of iptables and of nft @param table of iptables; NULL: all
 */
export function foundInRules(rules: RuleBook, isSix: boolean, pattern: RuleTexts, table: string | null): string {
  const saves = [
    ...new Set(
      rules.rulesets
        .filter(isIptables)
        .map(({ backend }) => iptablesName(rules, backend, isSix))
        .sort(),
    ),
  ].map(
    (program) =>
      `${program.replace(/^(ip6?tables(?:-legacy|-nft)?)$/, '$1-save')}${table === null ? '' : ` -t ${table}`} | grep -E ${shellWord(pattern.iptables)}`,
  );
  const nft = `nft -a list ruleset | grep -E ${shellWord(pattern.nft)}`;
  if (saves.length === 0) return rules.hasRules ? nft : `iptables-save${table === null ? '' : ` -t ${table}`}; ${nft}`;
  return saves.join('; ');
}
