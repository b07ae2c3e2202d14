// Which network namespace is an answer about? The one that was asked for, otherwise the one of the newest packets or the newest snapshot; where
// the evidence has several, the answer says which it is and which are left out.

import { type CommandInput, type OptionSpec, optionValue } from '../cli/command.js';
import { readNamespaces, type StoredNamespace, showNamespaces } from '../store/namespaces.js';
import type { Db } from '../store/open-store.js';
import { FailedError } from '../text/errors.js';
import type { World } from '../world.js';

/** Of commands that answer from evidence: nothing is entered. */
export const EVIDENCE_NETNS_OPTION: OptionSpec = {
  name: 'netns',
  argument: 'NAME',
  describe: "evidence of this network namespace: its name, inode, path or a process id, 'first' for the host's own",
  group: 'What',
};

export interface ChosenNamespace {
  /** What it is called; NULL where the evidence is not of several. */
  readonly label: string | null;
  /** What the others are called. */
  readonly others: readonly string[];
  /** '--netns blue', to be repeated in commands we print; empty where there is nothing to choose. */
  readonly words: string;
}

/**
 * From here on the store shows the evidence of one namespace of each host, and what names none.
 * @param inode of the one to choose, where it is known; otherwise --netns says it
 * @throws FailedError when nothing of the one asked for is there
 */
export function chooseNamespace(
  db: Db,
  input: CommandInput,
  world: World,
  inode: number | null = null,
): ChosenNamespace {
  const all = readNamespaces(db);
  const asked = inode === null ? optionValue(input, 'netns') : String(inode);
  const isAsked = asked === null ? null : askedFor(asked, world);
  const hosts = [...new Set(all.map(({ hostId }) => hostId))];
  const chosen = hosts.flatMap((hostId) => {
    const ofHost = all.filter((one) => one.hostId === hostId);
    return (isAsked === null ? ofHost[0] : ofHost.find(isAsked)) ?? [];
  });
  if (isAsked !== null && inode === null && chosen.length === 0) {
    const known = labelsOf(all).join(', ');
    throw new FailedError(`no evidence of a network namespace '${asked}'; there is: ${known || 'none that names one'}`);
  }
  const others = all.filter((one) => !chosen.includes(one));
  if (others.length === 0) return { label: null, others: [], words: '' };
  showNamespaces(
    db,
    chosen.flatMap(({ ids }) => ids),
  );
  // What was just captured may have met nothing that names its namespace.
  const labels = chosen.length === 0 ? [String(inode)] : labelsOf(chosen);
  return {
    label: labels.join(', '),
    others: labelsOf(others),
    words: labels.length === 1 && hosts.length === 1 ? `--netns ${labels[0]}` : '',
  };
}

function labelsOf(namespaces: readonly StoredNamespace[]): readonly string[] {
  return [...new Set(namespaces.map(({ label }) => label))];
}

function askedFor(word: string, world: World): (one: StoredNamespace) => boolean {
  const isPlace = word.startsWith('/') || /^\d+$/.test(word);
  const inode = isPlace ? world.host.netnsInode(word.startsWith('/') ? word : `/proc/${word}/ns/net`) : null;
  return (one) => one.label === word || String(one.inode) === word || (inode !== null && one.inode === inode);
}

/** 'network namespace blue; --netns also takes red, first': one line for people. Empty where there is nothing to choose. */
export function namespaceNote({ label, others }: ChosenNamespace): string {
  return label === null ? '' : `of network namespace ${label}; there is also ${others.join(', ')}: --netns NAME`;
}
