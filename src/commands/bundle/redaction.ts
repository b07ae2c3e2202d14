// --redact of a bundle: the key, the redactor made with it, and the key file that is written when the tar is whole.

import { randomBytes } from 'node:crypto';
import { type CommandInput, hasSwitch, optionValue } from '../../cli/command.js';
import { openNewFile } from '../../host/new-file.js';
import { readKeyFile, writeKeyFile } from '../../survey/redact/key-file.js';
import { openPseudonyms } from '../../survey/redact/pseudonyms.js';
import { LOSES, NOT_REDACTED, openRedactor } from '../../survey/redact/redact-text.js';
import { UsageError } from '../../text/errors.js';
import type { World } from '../../world.js';

export interface Redaction {
  readonly change: (text: string) => string;
  /** Lines of the manifest. */
  readonly says: readonly string[];
  readonly keyPath: string;
  /** Writes the key file. @throws HostError */
  keep(): void;
}

/**
 * NULL without --redact.
 * @param path of the tar; NULL for standard output
 * @throws UsageError when --key names something else, or is missing where no tar gives it a name
 */
export function redactionOf(input: CommandInput, world: World, path: string | null): Redaction | null {
  const given = optionValue(input, 'key');
  if (!hasSwitch(input, 'redact')) {
    if (given !== null) throw new UsageError('--key belongs to --redact');
    return null;
  }
  const keyPath = given ?? (path === null ? null : `${path}.key`);
  if (keyPath === null)
    throw new UsageError('--redact into a pipe needs --key FILE: who is who must be kept somewhere');
  const isThere = world.host.look(keyPath) !== null;
  const known = isThere ? readKeyFile(world.host.read(keyPath)) : null;
  if (isThere && known === null)
    throw new UsageError(`--key: ${keyPath} is there and is no key file; it was left alone`);
  const key = known?.key ?? randomBytes(32);
  const redactor = openRedactor(openPseudonyms(key), [world.host.identity().name]);
  return {
    change: redactor.change,
    says: [
      'note redacted: addresses, link addresses and the name of this host are pseudonyms',
      ...NOT_REDACTED.map((what) => `note not redacted: ${what}`),
      `note redacted: ${LOSES}`,
    ],
    keyPath,
    keep() {
      const file = openNewFile(keyPath, `${keyPath}.${world.temporaryName()}.new`);
      try {
        file.append(Buffer.from(writeKeyFile({ key, made: new Map([...(known?.made ?? []), ...redactor.made]) })));
        file.publish({ replaces: true });
      } finally {
        file.discard();
      }
    },
  };
}

/** What a person who gives the bundle away must know, in sentences. */
export function redactionWords({ keyPath }: Redaction): readonly string[] {
  return [
    `redacted: addresses, link addresses, the name of this host; ${keyPath} says who is who: keep it`,
    ...NOT_REDACTED.map((what) => `not redacted: ${what}`),
    `note: ${LOSES}`,
  ];
}
