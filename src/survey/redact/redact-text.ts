// Puts pseudonyms in place of addresses, link addresses and this host's name in any text, without knowing what wrote it.

import { addressBytes, maskBytes, prefixLength } from '../../text/address-bytes.js';
import { type Pseudonyms, writeAddress } from './pseudonyms.js';

/** What stays readable, for the person who gives the bundle away. */
export const NOT_REDACTED: readonly string[] = [
  'ports, protocols, interface names, marks, counters, times, boot id, kernel and program versions',
  'names in rules and log lines: prefixes, comments, chains, sets, cgroups, other hosts',
  'addresses that are not written as such: in numbers (u32, bpf, raw payload), in names with dashes',
  'loopback, multicast and broadcast addresses, netmasks, the first bits of public addresses',
  'other text of the kernel log',
];

/** Ranges from-to are the one thing that means something else under pseudonyms. */
export const LOSES = 'address ranges (from-to) lose their order; prefixes keep their meaning';

export interface Redactor {
  change(text: string): string;
  /** Every pseudonym made so far and what it stands for. */
  readonly made: ReadonlyMap<string, string>;
}

/** Octets of two digits: a link address, or the link-layer header that LOG prints behind MAC=. */
const OCTETS = /(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}:){5,}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])/g;
const COLONS =
  /(?<![\w.])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?::\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|:[0-9A-Fa-f:]*)(?:\/\d{1,3})?/g;
const DOTTED = /(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,3}(?:\.\d{1,3}){3}|\d{1,2}))?(?!\d|\.\d)/g;
/** Shorter names are words of other meanings, too: they are looked for where a host name stands only. */
const TELLING_NAME = 5;

/** @param hostNames names of the host the text is from */
export function openRedactor(pseudonyms: Pseudonyms, hostNames: readonly string[]): Redactor {
  const made = new Map<string, string>();
  const note = (pseudonym: string, original: string): string => {
    if (pseudonym !== original) made.set(pseudonym, original);
    return pseudonym;
  };

  /** A network keeps its host bits at zero. */
  const mapped = (bytes: readonly number[], length: number | null): readonly number[] => {
    const image = pseudonyms.address(bytes);
    if (length === null) return image;
    const mask = maskBytes(length, bytes.length);
    return bytes.every((byte, at) => (byte & ~mask[at]!) === 0) ? image.map((byte, at) => byte & mask[at]!) : image;
  };

  const octets = (text: string): string => {
    const bytes = text.split(':').map((octet) => Number.parseInt(octet, 16));
    const one = (from: number): readonly number[] => {
      const part = bytes.slice(from, from + 6);
      return part.length === 6 ? pseudonyms.linkAddress(part) : part;
    };
    const hex = (some: readonly number[]): string => some.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    // Destination, source, and what follows; a link address alone; or a longer one (InfiniBand), in pieces of six.
    const pieces =
      bytes.length === 14 ? [one(0), one(6), bytes.slice(12)] : bytes.map((_, at) => (at % 6 === 0 ? one(at) : []));
    for (const at of bytes.length === 14 ? [0, 6] : [0]) note(hex(one(at)), hex(bytes.slice(at, at + 6)));
    return hex(pieces.flat());
  };

  const ipv6 = (run: string): string => {
    const [, bare, tail, length] = /^(.*?)(:?)(?:\/(\d{1,3}))?$/.exec(run)!;
    // '2001:db8::1:' ends with a colon that is not its own, 'fe80::' with one that is.
    const ends = bare!.endsWith(':') && tail === ':' ? [`${bare}:`, ''] : [bare!, tail!];
    const bytes = addressBytes(ends[0]!);
    const behind = `${ends[1]}${length === undefined ? '' : `/${length}`}`;
    if (bytes === null) return run.includes('.') ? run.replace(DOTTED, ipv4) : cutIpv6(ends[0]!) + behind;
    if (bytes.length === 4) {
      const image = writeAddress(pseudonyms.address(bytes), false);
      note(image, writeAddress(bytes, false));
      return `::ffff:${image}${behind}`;
    }
    const isFull = /^(?:[0-9a-f]{4}:){7}[0-9a-f]{4}$/i.test(ends[0]!);
    const image = mapped(bytes, length === undefined ? null : Number(length));
    note(writeAddress(image, false), writeAddress(bytes, false));
    return writeAddress(image, isFull) + behind;
  };

  /** An address whose end was cut off with its line; times and other words of three parts stay. */
  const cutIpv6 = (text: string): string => {
    const groups = text.split(':').filter((group) => group !== '');
    const bytes = groups.length < 4 || text.includes('::') ? null : addressBytes(`${groups.join(':')}::`);
    if (bytes === null || bytes.length === 4) return text;
    return writeAddress(pseudonyms.address(bytes), true).split(':').slice(0, groups.length).join(':');
  };

  const ipv4 = (whole: string, address: string, behind: string | undefined): string => {
    const bytes = addressBytes(address);
    if (bytes === null) return whole;
    const mask = behind?.includes('.') === true ? addressBytes(behind) : null;
    const length = behind === undefined ? null : mask === null ? Number(behind) : prefixLength(mask);
    const image = writeAddress(mapped(bytes, length), false);
    note(image, address);
    return behind === undefined ? image : `${image}/${behind}`;
  };

  const names = [...new Set(hostNames.flatMap((name) => [name, name.split('.')[0]!]))]
    .filter((name) => name !== '' && !/^localhost/i.test(name))
    .sort((a, b) => b.length - a.length)
    .map((name) => ({ name, pattern: nameIn(name) }));

  return {
    made,
    change(text) {
      let changed = text;
      for (const { name, pattern } of names)
        changed = changed.replace(pattern, (_, before: string | undefined) => {
          const pseudonym = note(pseudonyms.hostName(name), name);
          return `${before ?? ''}${pseudonym}`;
        });
      // Link addresses first; what they became has two digits a group again and would be taken for an address.
      let rest = '';
      let last = 0;
      for (const match of changed.matchAll(OCTETS)) {
        rest += addressesOf(changed.slice(last, match.index)) + octets(match[0]);
        last = match.index + match[0].length;
      }
      return rest + addressesOf(changed.slice(last));
    },
  };

  function addressesOf(text: string): string {
    // A dotted quad within IPv6 belongs to it; what became of it must not be changed a second time.
    let result = '';
    let last = 0;
    for (const match of text.matchAll(COLONS)) {
      result += text.slice(last, match.index).replace(DOTTED, ipv4) + ipv6(match[0]);
      last = match.index + match[0].length;
    }
    return result + text.slice(last).replace(DOTTED, ipv4);
  }
}

function nameIn(name: string): RegExp {
  const plain = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return name.length >= TELLING_NAME
    ? new RegExp(`(?<![\\w-])()${plain}(?![\\w-])`, 'gi')
    : new RegExp(`^(host |Linux |\\S+ +\\d+ \\S+ |[\\dTZ:.+-]{15,} )${plain}(?= )|(?<=^host )()${plain}$`, 'gm');
}
